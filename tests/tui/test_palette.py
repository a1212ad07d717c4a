"""Colours that can be read, in every theme on offer."""

from __future__ import annotations

import itertools

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from papa_tui.widgets.palette import Palette, contrast, readable

TONES = ('', 'dim', 'good', 'warn', 'bad', 'accent', 'name', 'title', 'alert', *(f'name{at}' for at in range(8)))
GROUNDS = ('', 'cursor', 'rest', 'panel')


@pytest.mark.parametrize('theme', [name for name in BUILTIN_THEMES if 'ansi' not in name])
def test_every_tone_can_be_read_on_every_ground(theme: str) -> None:
    chosen = BUILTIN_THEMES[theme]
    palette = Palette(chosen.to_color_system().generate(), chosen.dark)
    for tone, ground in itertools.product(TONES, GROUNDS):
        style = palette.style(tone, ground)
        assert style.color is not None
        assert style.bgcolor is not None
        found = contrast(Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor))
        assert found >= 3, (tone, ground, found)


def test_colours_of_the_terminal_stay_its_own() -> None:
    yellow, default = Color.parse('ansi_yellow'), Color.parse('ansi_default')
    assert readable(yellow, default) is yellow
