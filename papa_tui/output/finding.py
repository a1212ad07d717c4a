"""Which lines of a store fit: kept up as it grows, a piece at a time, so that nobody waits for it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable

from papa_tui.model.filters import Filter
from papa_tui.output.clean import plain_of, without_sequences
from papa_tui.output.store import Chunk, Store

BUDGET = 0.02  # seconds of one go


class Finder:
    """Numbers of the lines that fit. `advance` looks at lines that have come; the clock is an argument. To be shown
    are those and so many `around` each."""

    def __init__(self, find: Callable[[Chunk], list[int]], store: Store, around: int = 0) -> None:
        self.around = around
        self._find = find
        self._store = store
        self.numbers: list[int] = []
        self._next = store.first  # of the first line that was not looked at
        self._first = store.first

    @property
    def done(self) -> bool:
        """Whether all lines were looked at."""
        return self._next >= self._store.next and self._first <= self._store.first

    def advance(self, clock: Callable[[], float], budget: float = BUDGET) -> None:
        """Look at lines that have come, for about so many seconds."""
        store = self._store
        if self._first > store.first:  # older ones were fetched
            self.numbers, self._next, self._first = [], store.first, store.first
        if self.numbers and self.numbers[0] < store.first:
            del self.numbers[: bisect_left(self.numbers, store.first)]
        self._next = max(self._next, store.first)
        until = clock() + budget
        for chunk in store.chunks(self._next):
            if chunk.first >= self._next:
                self.numbers += self._find(chunk)
                self._next = chunk.first + chunk.count
            if clock() > until:
                return

    def after(self, number: int) -> int | None:
        """The first that fits after a line; from the beginning again if there is none."""
        if not self.numbers:
            return None
        at = bisect_left(self.numbers, number + 1)
        return self.numbers[at % len(self.numbers)]

    def before(self, number: int) -> int | None:
        """The last that fits before a line; from the end again if there is none."""
        if not self.numbers:
            return None
        return self.numbers[bisect_left(self.numbers, number) - 1]

    def shown_from(self, number: int) -> int | None:
        """The first line to be shown from a number on."""
        at = bisect_left(self.numbers, number - self.around)
        if at == len(self.numbers):
            return None
        found = max(number, self.numbers[at] - self.around, self._store.first)
        return found if found < self._store.next else None

    def shown_before(self, number: int) -> int | None:
        """The last line to be shown before a number."""
        at = bisect_left(self.numbers, number + self.around) - 1
        if at < 0:
            return None
        found = min(number - 1, self.numbers[at] + self.around, self._store.next - 1)
        return found if found >= self._store.first else None

    def place(self, number: int) -> int | None:
        """Which of all that fit a line is, from 1 on; None if it does not."""
        at = bisect_left(self.numbers, number)
        return at + 1 if at < len(self.numbers) and self.numbers[at] == number else None


def searching(pattern: re.Pattern[bytes]) -> Callable[[Chunk], list[int]]:
    """Find lines with this in them. Most chunks have it nowhere, and are looked at as a whole."""

    def find(chunk: Chunk) -> list[int]:
        data = without_sequences(chunk.data)
        if b'\x1b' not in data and b'\r' not in data and pattern.search(data) is None:
            return []
        return [
            chunk.first + at for at in range(chunk.count)
            if pattern.search(plain_of(chunk.line(at).data).encode('utf-8', 'replace'))
        ]

    return find


def filtering(wanted: Filter) -> Callable[[Chunk], list[int]]:
    """Find lines that pass a filter."""

    def find(chunk: Chunk) -> list[int]:
        return [chunk.first + at for at in range(chunk.count) if wanted(plain_of(chunk.line(at).data))]

    return find
