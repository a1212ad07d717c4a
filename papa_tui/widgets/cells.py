"""Text in a number of cells."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip


def width_of(text: str) -> int:
    """Cells that a text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fitted(text: str, width: int, right: bool = False, ends: bool = False) -> str:
    """A text in exactly so many cells; an ellipsis tells where some of it is missing: its end, or if it `ends` there,
    its start."""
    taken = width_of(text)
    if taken > width:
        if ends and width > 1:
            return '…' + set_cell_size(text[::-1], width - 1)[::-1]
        return set_cell_size(text, width - 1) + '…' if width > 1 else '…'[:width]
    blank = ' ' * (width - taken)
    return blank + text if right else text + blank


class Line:
    """A line under construction: texts with styles, neighbours of one style joined."""

    __slots__ = ('_parts', 'cells')

    def __init__(self) -> None:
        self._parts: list[tuple[str, Style]] = []
        self.cells = 0

    def add(self, text: str, style: Style, cells: int | None = None) -> Line:
        """Go on with a text."""
        if text:
            if self._parts and self._parts[-1][1] is style:
                self._parts[-1] = self._parts[-1][0] + text, style
            else:
                self._parts.append((text, style))
            self.cells += width_of(text) if cells is None else cells
        return self

    def strip(self, width: int, style: Style) -> Strip:
        """The line in exactly so many cells, filled up with a style."""
        made = Strip([Segment(text, style) for text, style in self._parts], self.cells)
        return made.adjust_cell_length(width, style)
