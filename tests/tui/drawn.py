"""A picture of the screen as text: what stands there, and in which styles, by the palette's names for them."""

from __future__ import annotations

import difflib
import itertools
import os
from functools import cache
from pathlib import Path

from rich.style import Style
from textual.geometry import Region

from papa_tui.widgets.palette import Palette, palette_of

from .conftest import Driver

PICTURES = Path(__file__).parent / 'pictures'
_TONES = ('', 'name', 'dim', 'good', 'warn', 'bad', 'accent', 'title', 'alert', *(f'name{n}' for n in range(8)))
_GROUNDS = ('', 'panel', 'cursor', 'rest')


def picture(driver: Driver, region: Region | None = None) -> str:
    """What stands in a region of the screen, by default in all of it."""
    region = region or driver.app.screen.region
    strips = driver.app.screen._compositor.render_strips()[region.y : region.bottom]
    strips = [strip.crop(region.x, region.right) for strip in strips]
    palette = palette_of(driver.app)
    styles = [_runs([(segment.text, segment.style or Style()) for segment in strip], palette) for strip in strips]
    text = '\n'.join(strip.text.rstrip() for strip in strips)
    return (
        f'{region.width} × {region.height} at {region.x}, {region.y}\n{text}\n'
        f'{"=" * 20} styles of the lines: cells, style\n{_numbered(styles)}'
    )


def _runs(segments: list[tuple[str, Style]], palette: Palette) -> str:
    named = [(name_of(style, palette), len(text)) for text, style in segments if text]
    return ', '.join(
        f'{sum(cells for _, cells in run)} {name}' for name, run in itertools.groupby(named, lambda each: each[0])
    )


def _numbered(styles: list[str]) -> str:
    """Lines that are drawn like the one before are told together."""
    found, at = [], 1
    for style, run in itertools.groupby(styles):
        count = len(list(run))
        found.append(f'{at}{f"-{at + count - 1}" if count > 1 else ""}: {style}\n')
        at += count
    return ''.join(found)


def name_of(style: Style, palette: Palette) -> str:
    """What the palette calls a style, else what it is."""
    plain = _visible(style)
    return _names(palette).get(plain) or plain


@cache
def _names(palette: Palette) -> dict[str, str]:
    found: dict[str, str] = {}
    for stale, ground, tone in itertools.product((False, True), _GROUNDS, _TONES):
        name = f'{tone or "plain"}{f"/{ground}" if ground else ""}{" stale" if stale else ""}'
        found.setdefault(_visible(palette.style(tone, ground, stale)), name)
    return found


def _visible(style: Style) -> str:
    """Without what cannot be seen: links and data for the mouse."""
    return str(Style(
        color=style.color, bgcolor=style.bgcolor, bold=style.bold or None, dim=style.dim or None,
        italic=style.italic or None, underline=style.underline or None, reverse=style.reverse or None,
    ))


def compare(name: str, found: str, svg: str) -> None:
    """Compare with the picture that is stored. ``PAPA_PICTURES=1`` stores it anew; if that is a folder, an SVG of it is
    put there to be looked at."""
    stored = PICTURES / f'{name}.txt'
    order = os.environ.get('PAPA_PICTURES')
    if order:
        stored.write_text(found)
    if order and os.path.isdir(order):
        Path(order, f'{name}.svg').write_text(svg)
    lines = stored.read_text().splitlines(), found.splitlines()
    changes = '\n'.join(difflib.unified_diff(*lines, 'stored', 'found', n=1, lineterm=''))
    assert not changes, f'{name} looks different; PAPA_PICTURES=1 stores it as it is now\n{changes}'
