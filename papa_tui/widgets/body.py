"""The text of a line of output: with the colours of the program, and what was searched for marked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from papa_tui.model.filters import Filter
from papa_tui.output.clean import overwritten, plain_of, text_of
from papa_tui.output.sources import Span
from papa_tui.output.store import NOTE, Line
from papa_tui.widgets.cells import width_of
from papa_tui.widgets.palette import Palette

_KEPT = 2000  # strips
_NOTHING = Style.null()


class Body:
    """The text of a line: a strip in its full width, or plain ASCII, of which only what is shown becomes a strip. Lines
    may have thousands of characters, and to count their cells is what would take the time."""

    __slots__ = ('_strip', '_style', '_text', '_whole', 'cells')

    def __init__(self, text: str, style: Style, strip: Strip | None = None, *, whole: bool = False) -> None:
        self._text = text
        self._whole = whole
        self._style = style
        self._strip = strip
        self.cells = len(text) if strip is None else strip.cell_length

    def part(self, start: int, width: int) -> tuple[Strip, int]:
        """So many cells from this one on, and how many characters come before them."""
        if self._strip is None:
            text = self._text[start : start + width]
            return Strip([Segment(text, self._style)], len(text)), min(start, len(self._text))
        before = len(self._strip.crop(0, start).text) if start else 0
        return self._strip.crop(start, start + width), before

    def rows(self, width: int) -> int:
        """How many rows of such a width it takes."""
        return max(1, -(-self.cells // max(1, width)))

    def positions(self, line: Line, start: int, width: int) -> Sequence[Span]:
        """What of the output stands in so many cells from this one on; what was written over stands nowhere. The last
        cell has the newline. Exact for plain text; where bytes and cells are no pairs it goes by the share, and only
        all cells are all bytes."""
        end = start + width
        hidden = 0 if self._whole else overwritten(line.data)
        if start <= 0 and end >= self.cells and not hidden:
            return line.spans
        first = hidden + self._bytes_before(start, len(line.data) - hidden)
        last = hidden + self._bytes_before(end, len(line.data) - hidden) if end < self.cells else len(line.data) + 1
        return line.part(first, last)

    def _bytes_before(self, cell: int, size: int) -> int:
        return size * max(0, min(cell, self.cells)) // max(1, self.cells)


class Bodies:
    """Makes bodies, and keeps the last ones. `search` is what to mark, `wanted` the filter: what carriage returns have
    written over is shown where they find something in it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._kept: dict[int, Body] = {}
        self._palette: Palette | None = None
        self.search: re.Pattern[str] | None = None
        self.wanted: Filter | None = None
        self._rewritten = 0

    def text(self, line: Line) -> str:
        """The text that is shown of a line: what is copied."""
        return plain_of(line.data, whole=self._whole(line))

    def _whole(self, line: Line) -> bool:
        if not overwritten(line.data) or (self.search is None and not self.wanted):
            return False
        whole, shown = plain_of(line.data, whole=True), plain_of(line.data)
        searched = self.search is not None and self.search.search(whole) and not self.search.search(shown)
        return bool(searched or (self.wanted and self.wanted(whole) and not self.wanted(shown)))

    def forget(self) -> None:
        """Make all anew."""
        self._kept.clear()

    def keep_up(self, rewritten: int) -> None:
        """Make all anew, if lines have got another text."""
        if rewritten != self._rewritten:
            self._rewritten = rewritten
            self._kept.clear()

    def of(self, line: Line, palette: Palette, *, keep: bool = True) -> Body:
        """The body of a line. `keep`: the line will not change."""
        if palette is not self._palette:
            self._palette = palette
            self._kept.clear()
        found = self._kept.get(line.number) if keep else None
        if found is None:
            found = self._made(line, palette)
            if keep:
                if len(self._kept) >= _KEPT:
                    self._kept.clear()
                self._kept[line.number] = found
        return found

    def _made(self, line: Line, palette: Palette) -> Body:
        base = palette.style(line.tone) if line.stream == NOTE else palette.style('')
        whole = self._whole(line)
        text = text_of(line.data, whole=whole)
        if line.stream == NOTE:
            text = f'── {text} '
        if '\x1b' not in text and self.search is None and not line.colour:
            strip = None if text.isascii() else Strip([Segment(text, base)], width_of(text))
            return Body(text, base, strip, whole=whole)
        rich = Text.from_ansi(line.colour.decode('ascii') + text, end='', no_wrap=True)
        if self.search is not None:
            rich.highlight_regex(self.search, palette.found)
        segments = [
            Segment(segment.text, base + segment.style if segment.style else base)
            for segment in rich.render(self._console) if segment.text
        ]
        return Body(text, base, Strip(segments), whole=whole)


def highlighted(strip: Strip, start: int, end: int, style: Style) -> Strip:
    """A strip with the characters from `start` to before `end` in another style; -1: to its end."""
    found: list[Segment] = []
    at = 0
    stop = end if end >= 0 else len(strip.text)
    for segment in strip:
        for text, inside in _divided(segment.text, start - at, stop - at):
            found.append(Segment(text, (segment.style or _NOTHING) + style if inside else segment.style))
        at += len(segment.text)
    return Strip(found, strip.cell_length)


def _divided(text: str, start: int, stop: int) -> Iterator[tuple[str, bool]]:
    start, stop = max(0, min(start, len(text))), max(0, min(stop, len(text)))
    for part, inside in ((text[:start], False), (text[start:stop], True), (text[max(start, stop) :], False)):
        if part:
            yield part, inside
