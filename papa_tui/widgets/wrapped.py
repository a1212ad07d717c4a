"""A text of any length to read: only the lines that are on the screen are laid out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import get_character_cell_size
from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from papa_tui.widgets.body import highlighted
from papa_tui.widgets.cells import width_of
from papa_tui.widgets.palette import Palette, palette_of

Piece = tuple[str, str]  # a text and its tone
Lines = Sequence[Sequence[Piece]]
_ROWS = 4  # about, of a part of a long line: what scrolling goes over in one step
_MOST_COPIED = 20000  # lines that are selected


class Part(NamedTuple):
    """Characters of a line: all of a short one, some rows of a long one."""

    line: int
    start: int
    stop: int


def parts_of(lines: Lines, width: int) -> list[Part]:
    """Divide the lines into parts that are laid out at once."""
    most = _ROWS * max(1, width)
    found: list[Part] = []
    for number, line in enumerate(lines):
        length = sum(len(text) for text, _ in line)
        found += [Part(number, at, min(length, at + most)) for at in range(0, length or 1, most)]
    return found


def indent_of(line: Sequence[Piece], width: int) -> int:
    """How many cells further to the right a line goes on: under what comes after its label, if it has one."""
    label = width_of(line[0][0]) if len(line) > 1 else 0
    return label if label <= width // 2 else 0


def rows_of(text: str, part: Part, width: int, indent: int) -> Iterator[tuple[int, int]]:
    """From where to where each row of a part goes, in characters of its line. Broken at spaces, where there are any."""
    at = part.start
    while True:
        room = width - (indent if at else 0)
        end = _fitting(text, at, part.stop, max(1, room))
        if end < part.stop and text[end] != ' ':
            space = text.rfind(' ', at, end)
            end = space + 1 if space > at + room // 3 else end
        while end < part.stop and text[end] == ' ':
            end += 1  # it would be the first of the next row; what has no room is cropped
        yield at, end
        at = end
        if at >= part.stop:
            return


def _fitting(text: str, start: int, stop: int, room: int) -> int:
    """Up to where the text fits into so many cells; one character does in any case."""
    end = min(stop, start + room)
    if text[start:end].isascii():
        return end
    taken = 0
    for at in range(start, stop):
        taken += get_character_cell_size(text[at])
        if taken > room and at > start:
            return at
    return stop


class Wrapped(ScrollView, can_focus=True):
    """Shows lines of pieces. Scrolled by lines; by a few rows at once where a line is a long one."""

    DEFAULT_CSS = """
    Wrapped { overflow-x: hidden; scrollbar-size-vertical: 1; }
    """

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self.lines = lines
        self._parts: list[Part] = []
        self._laid_out = 0  # the width that the parts are for
        self._rows: list[Strip] = []  # on the screen
        self._drawn: object = None  # what they show

    def tell(self, lines: Lines) -> None:
        """Show other lines."""
        self.lines = lines
        self._laid_out = 0
        self._measure()
        self.refresh(layout=True)

    # Measures

    def _divide(self, width: int) -> None:
        if width != self._laid_out:
            self._laid_out = width
            self._parts = parts_of(self.lines, width)
            self._drawn = None

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many rows as there are, or as there is room for."""
        parts, rows = parts_of(self.lines[: viewport.height + 1], width), 0
        for part in parts[: viewport.height + 1]:
            rows += len(self._rows_of(part, width))
        return min(max(1, rows), viewport.height)

    def on_resize(self, _event: events.Resize) -> None:
        """Other breaks."""
        self._measure()
        self.refresh()

    def _measure(self) -> None:
        """One can scroll until the last row is on the screen."""
        width, height = self.size
        if not width or not height:
            return
        top = self._parts[int(self.scroll_offset.y)] if int(self.scroll_offset.y) < len(self._parts) else None
        self._divide(width)
        last, rows = len(self._parts), 0
        while last:
            rows += len(self._rows_of(self._parts[last - 1], width))
            if rows > height:
                break
            last -= 1
        self.virtual_size = Size(width, last + height)
        if top is not None and top.line and top not in self._parts[int(self.scroll_offset.y) :][:1]:
            self.scroll_to(y=self._part_of(top.line), animate=False, immediate=True)

    def _part_of(self, line: int) -> int:
        return next((at for at, part in enumerate(self._parts) if part.line >= line), 0)

    def _text(self, number: int) -> str:
        return ''.join(text for text, _ in self.lines[number])

    def _rows_of(self, part: Part, width: int) -> list[tuple[int, int]]:
        return list(rows_of(self._text(part.line), part, width, indent_of(self.lines[part.line], width)))

    # Drawing

    def render_line(self, y: int) -> Strip:
        """A row of the widget."""
        palette, (width, height) = palette_of(self.app), self.size
        self._divide(width)
        top = int(self.scroll_offset.y)
        wanted = palette, width, height, top, self.text_selection
        if wanted != self._drawn:
            self._drawn = wanted
            self._rows = []
            for part in self._parts[top : top + height]:
                self._rows += self._strips(part, palette, width)
                if len(self._rows) >= height:
                    break
        return self._rows[y] if y < len(self._rows) else Strip.blank(width, palette.style(''))

    def _strips(self, part: Part, palette: Palette, width: int) -> Iterator[Strip]:
        base = palette.style('')
        span = self.text_selection.get_span(part.line) if self.text_selection is not None else None
        for start, end in self._rows_of(part, width):
            strip = Strip(self._segments(part.line, start, end, palette))
            if span is not None:
                stop = span[1] if span[1] < 0 else max(0, span[1] - start)
                strip = highlighted(strip, max(0, span[0] - start), stop, palette.selected)
            strip = strip.apply_offsets(start, part.line)
            indent = indent_of(self.lines[part.line], width) if start else 0
            yield Strip([Segment(' ' * indent, base), *strip]).adjust_cell_length(width, base)

    def _segments(self, number: int, start: int, end: int, palette: Palette) -> Iterator[Segment]:
        at = 0
        for text, tone in self.lines[number]:
            shown = text[max(0, start - at) : max(0, end - at)]
            if shown:
                yield Segment(shown, palette.style(tone))
            at += len(text)

    # Copying

    def selection_updated(self, selection: Selection | None) -> None:
        """The mouse has selected something else."""
        self.refresh()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that is selected, in the lines that it has."""
        start, end = selection
        first = 0 if start is None else start.y
        last = len(self.lines) - 1 if end is None else end.y
        found = []
        for number in range(first, min(last, first + _MOST_COPIED, len(self.lines) - 1) + 1):
            span = selection.get_span(number)
            if span is not None:
                found.append(self._text(number)[span[0] : span[1] if span[1] >= 0 else None])
        return '\n'.join(found), '\n'
