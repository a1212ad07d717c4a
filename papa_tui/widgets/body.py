"""The text of a line of output: with the colours of the program, and what was searched for marked."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence

from rich.ansi import AnsiDecoder
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from papa_tui.model.filters import Filter
from papa_tui.output.clean import COLOUR, overwritten, plain_of, text_of, without_colours
from papa_tui.output.sources import Span
from papa_tui.output.store import NOTE, Line
from papa_tui.widgets.cells import width_of
from papa_tui.widgets.palette import Palette

_KEPT = 2000  # bodies
_STEP = 256  # characters that are laid out at once
_NOTHING = Style.null()
_NOWHERE = (sys.maxsize, sys.maxsize)


class Body:
    """The text of a line, of which no more is laid out than has been asked for: lines may have thousands of characters,
    colours and places with what is searched for. Plain ASCII needs no strip: its characters are its cells."""

    __slots__ = ('_coming', '_laid', '_segments', '_style', '_text', '_whole', 'cells')

    def __init__(self, text: str, style: Style, segments: Iterator[Segment] | None = None, *, whole: bool) -> None:
        self._text = text
        self._whole = whole
        self._style = style
        self._coming = segments
        self._segments: list[Segment] = []
        self._laid = 0  # cells of those
        self.cells = len(text) if text.isascii() else width_of(text)

    def part(self, start: int, width: int) -> tuple[Strip, int]:
        """So many cells from this one on, and how many characters come before them."""
        if self._coming is None:
            text = self._text[start : start + width]
            return Strip([Segment(text, self._style)], len(text)), min(start, len(self._text))
        while self._laid < start + width and (segment := next(self._coming, None)) is not None:
            self._segments.append(segment)
            self._laid += segment.cell_length
        strip = Strip(self._segments, self._laid)
        before = len(strip.crop(0, start).text) if start else 0
        return strip.crop(start, start + width), before

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

    def __init__(self) -> None:
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
        plain = without_colours(text)
        if self.search is None and not line.colour and plain == text and text.isascii():
            return Body(text, base, whole=whole)
        coloured = _coloured(line.colour.decode('ascii') + text, base)
        found = iter(()) if self.search is None else _spans(self.search, plain)
        return Body(plain, base, _marked(coloured, found, palette.found), whole=whole)


def _coloured(text: str, base: Style) -> Iterator[Segment]:
    """The text with its colours, a bit at a time."""
    decoder = AnsiDecoder()
    for number, piece in enumerate(COLOUR.split(text)):
        if number % 2:
            decoder.decode_line(piece)
            continue
        style = base + decoder.style
        for at in range(0, len(piece), _STEP):
            yield Segment(piece[at : at + _STEP], style)


def _spans(search: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """Where it is; of those that touch, some as one."""
    begin = stop = 0
    for found in search.finditer(text):
        if found.start() > stop or stop - begin > _STEP:
            yield begin, stop
            begin = found.start()
        stop = found.end()
    yield begin, stop


def _marked(segments: Iterator[Segment], spans: Iterator[tuple[int, int]], style: Style) -> Iterator[Segment]:
    """Segments with what is between these places in another style."""
    at = 0
    begin, stop = next(spans, _NOWHERE)
    for segment in segments:
        end = at + len(segment.text)
        while at < end:
            while stop <= at:
                begin, stop = next(spans, _NOWHERE)
            inside = begin <= at
            until = min(end, stop if inside else begin)
            text = segment.text[len(segment.text) - (end - at) :][: until - at]
            yield Segment(text, (segment.style or _NOTHING) + style if inside else segment.style)
            at = until


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
