"""Where a person reads: which lines are on the screen. It never moves by itself, unless it follows the end.

A row is a piece of a line that fits into the width; without wrapping, a line is one row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from papa_tui.output.finding import Finder
from papa_tui.output.store import Line, Store


class Row(NamedTuple):
    """A row of the screen: a line, and which piece of it."""

    line: Line
    piece: int


class Reading:
    """The place in a store. `pieces` tells how many rows a line takes. `only` are the lines of a filter."""

    def __init__(self, store: Store, pieces: Callable[[Line], int]) -> None:
        self._store = store
        self._pieces = pieces
        self.follow = True
        self.only: Finder | None = None
        self.height = 1
        self._top = 0  # number of the line at the top
        self._piece = 0  # which piece of it
        self.left_at = 0  # number of the first line that came after following had stopped

    # Lines that are shown, in order

    def line(self, number: int) -> Line | None:
        """A line by its number, one that has no end yet too."""
        store = self._store
        at = number - store.next
        if at >= 0:
            return store.partial[at]._replace(number=number) if at < len(store.partial) else None
        return store.line(number)

    @property
    def _end(self) -> int:
        """The number after the last line that can be shown."""
        return self._store.next + len(self._store.partial)

    def _after(self, number: int) -> int | None:
        """The number of the next line that is shown."""
        if self.only is None:
            found = max(number + 1, self._store.first)
            return found if found < self._end else None
        return self.only.shown_from(max(number + 1, self._store.first))

    def _before(self, number: int) -> int | None:
        """The number of the line that is shown before."""
        if self.only is None:
            found = min(number, self._end) - 1
            return found if found >= self._store.first else None
        return self.only.shown_before(number)

    def _fits(self, number: int) -> bool:
        return self.only is None or self.only.shown_from(number) == number

    def lines(self) -> Iterator[Line]:
        """All that are shown, from the first on."""
        number = self._after(self._store.first - 1)
        while number is not None:
            line = self.line(number)
            if line is not None:
                yield line
            number = self._after(number)

    # What is on the screen

    def rows(self) -> list[Row]:
        """The rows of the screen, from above."""
        if self.follow:
            self._to_end()
        else:
            self._keep()
        found: list[Row] = []
        number: int | None = self._top if self._fits(self._top) else None
        piece = self._piece
        while number is not None and len(found) < self.height:
            line = self.line(number)
            if line is not None:
                count = self._pieces(line)
                found += [Row(line, each) for each in range(min(piece, count - 1), count)][: self.height - len(found)]
            piece = 0
            number = self._after(number)
        return found

    def _to_end(self) -> None:
        last = self._before(self._end)
        if last is None:
            self._top, self._piece = self._store.first, 0
            return
        line = self.line(last)
        self._top, self._piece = last, (self._pieces(line) if line else 1) - 1
        self._move_up(self.height - 1)
        self.left_at = self._store.next

    def _keep(self) -> None:
        """Lines at the top that are there no more cannot be shown."""
        if self.line(self._top) is None or not self._fits(self._top):
            found = self._after(self._top - 1)
            if found is None:
                found = self._before(self._top)
            self._top, self._piece = (self._store.first if found is None else found), 0

    # Moving

    def scroll(self, rows: int) -> bool:
        """Go so many rows down, or up. Up stops following; down to the end begins it. Returns whether the start
        stopped it."""
        if rows < 0:
            self.stop()
            moved = self._move_up(-rows)
            return moved < -rows
        if not self.follow:
            self._move_down(rows)
            self._follow_at_end()
        return False

    def stop(self) -> None:
        """Follow no more."""
        if self.follow:
            self._to_end()
            self.follow = False
            self.left_at = self._store.next

    def _move_up(self, rows: int) -> int:
        left = rows
        while left:
            if self._piece:
                step = min(left, self._piece)
                self._piece -= step
                left -= step
                continue
            number = self._before(self._top)
            if number is None:
                break
            line = self.line(number)
            self._top, self._piece = number, (self._pieces(line) if line else 1) - 1
            left -= 1
        return rows - left

    def _move_down(self, rows: int) -> None:
        for _ in range(rows):
            line = self.line(self._top)
            if line is not None and self._piece + 1 < self._pieces(line):
                self._piece += 1
                continue
            number = self._after(self._top)
            if number is None:
                return
            self._top, self._piece = number, 0

    def _follow_at_end(self) -> None:
        """At the end one follows."""
        top, piece = self._top, self._piece
        self._to_end()
        if (top, piece) >= (self._top, self._piece):
            self.follow = True
        else:
            self._top, self._piece = top, piece

    def go_to(self, number: int, piece: int = 0) -> None:
        """Show a line, or a piece of it, a third below the top, unless it can be seen already."""
        shown = [(row.line.number, row.piece) for row in self.rows()]
        self.stop()
        if (number, piece) in shown[1:-1]:
            return
        self._top, self._piece = number, piece
        self._keep()
        self._move_up(self.height // 3)

    def to_start(self) -> None:
        """To the first line."""
        self.stop()
        self._top, self._piece = self._store.first, 0

    def to_end(self) -> None:
        """To the last line, and follow."""
        self.follow = True

    @property
    def at(self) -> int:
        """The number of the line at the top."""
        return self._top

    @property
    def arrived(self) -> int:
        """How many lines have come since one follows no more."""
        return 0 if self.follow else max(0, self._store.next - self.left_at)

    @property
    def share(self) -> float:
        """How far down one is, 0 to 1."""
        lines = max(1, self._end - self._store.first - self.height)
        return 1.0 if self.follow else max(0.0, min(1.0, (self._top - self._store.first) / lines))
