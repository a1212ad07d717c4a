"""Which lines of a store fit: kept up as it grows, a piece at a time, so that nobody waits for it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable

from papa_tui.model.filters import Filter
from papa_tui.output.clean import plain_lines, plain_of
from papa_tui.output.store import Chunk, Store

BUDGET = 0.02  # seconds of one go

Find = Callable[[Chunk], list[int]]


class Finder:
    """Numbers of the lines that fit. `advance` looks at lines that have come; the clock is an argument. To be shown
    are those and so many `around` each."""

    def __init__(self, find: Find, store: Store, around: int = 0) -> None:
        self.around = around
        self._find = find
        self._store = store
        self.numbers: list[int] = []
        self._unended = 0  # of those, the last: lines that have no end yet
        self._next = store.first  # of the first line that was not looked at
        self._first = store.first
        self._rewritten = store.rewritten

    @property
    def done(self) -> bool:
        """Whether all lines were looked at."""
        return self.done_to(self._store.next)

    def of(self, snapshot: Store) -> Finder:
        """The same for a snapshot."""
        made = Finder(self._find, snapshot, self.around)
        made.numbers, made._unended = list(self.numbers), self._unended
        made._next, made._first, made._rewritten = self._next, self._first, self._rewritten
        return made

    def done_to(self, number: int) -> bool:
        """Whether all before this one were."""
        return self._next >= min(number, self._store.next) and not self._is_old

    @property
    def _is_old(self) -> bool:
        """Whether older lines were fetched, or lines are others than before."""
        return self._first > self._store.first or self._rewritten != self._store.rewritten

    def advance(self, clock: Callable[[], float], budget: float = BUDGET) -> None:
        """Look at lines that have come, for about so many seconds."""
        store = self._store
        del self.numbers[len(self.numbers) - self._unended :]
        self._unended = 0
        if self._is_old:
            self.numbers, self._next, self._first, self._rewritten = [], store.first, store.first, store.rewritten
        if self.numbers and self.numbers[0] < store.first:
            del self.numbers[: bisect_left(self.numbers, store.first)]
        self._next = max(self._next, store.first)
        until = clock() + budget
        for chunk in store.chunks(self._next):
            if chunk.first >= self._next:
                self.numbers += self._find(chunk)
                self._next = chunk.first + chunk.count
            if clock() > until:
                break
        for line in store.unended():
            chunk = Chunk(line.source, line.stream, line.time, line.data, line.end)
            chunk.first = line.number
            self.numbers += self._find(chunk)
            self._unended += self.numbers[-1:] == [line.number]

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

    @property
    def _end(self) -> int:
        return self._store.next + len(self._store.partial)

    def shown_from(self, number: int) -> int | None:
        """The first line to be shown from a number on."""
        at = bisect_left(self.numbers, number - self.around)
        if at == len(self.numbers):
            return None
        found = max(number, self.numbers[at] - self.around, self._store.first)
        return found if found < self._end else None

    def shown_before(self, number: int) -> int | None:
        """The last line to be shown before a number."""
        at = bisect_left(self.numbers, number + self.around) - 1
        if at < 0:
            return None
        found = min(number - 1, self.numbers[at] + self.around, self._end - 1)
        return found if found >= self._store.first else None

    def place(self, number: int) -> int | None:
        """Which of all that fit a line is, from 1 on; None if it does not."""
        at = bisect_left(self.numbers, number)
        return at + 1 if at < len(self.numbers) and self.numbers[at] == number else None


def searching(pattern: re.Pattern[str]) -> Find:
    """Find lines with this in them: in the text that one sees, and in what was written over. A line that was cut
    because of its length has it where it ends."""
    literal = re.escape(re.sub(r'\\(.)', r'\1', pattern.pattern)) == pattern.pattern  # nothing looks beyond a line

    def find(chunk: Chunk) -> list[int]:
        lines = plain_lines(chunk.data)
        found = []
        if chunk.before:
            before = plain_of(chunk.before, whole=True)
            joint = plain_of(chunk.before + chunk.data.partition(b'\n')[0], whole=True)
            if any(each.end() > len(before) for each in pattern.finditer(joint)):
                found.append(chunk.first)
            lines[0] = ''
        if literal and pattern.search('\n'.join(lines)) is None:
            return found
        return found + [chunk.first + at for at, line in enumerate(lines) if line and pattern.search(line)]

    return find


def filtering(wanted: Filter) -> Find:
    """Find lines that pass a filter."""

    def find(chunk: Chunk) -> list[int]:
        return [chunk.first + at for at, line in enumerate(plain_lines(chunk.data)) if wanted(line)]

    return find
