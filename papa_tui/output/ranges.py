"""Sets of positions, as ranges that do not touch."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator


def joined(*spans: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Spans in order, without empty ones, those that touch made one."""
    found: list[tuple[int, int]] = []
    for start, end in spans:
        if found and found[-1][1] == start:
            found[-1] = found[-1][0], end
        elif start < end:
            found.append((start, end))
    return tuple(found)


def divided(spans: tuple[tuple[int, int], ...], size: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    """The first so many positions of spans, and the others."""
    first, rest = [], []
    for start, end in spans:
        middle = min(end, start + size)
        size -= middle - start
        first.append((start, middle))
        rest.append((middle, end))
    return joined(*first), joined(*rest)


class Ranges:
    """Positions in some output. What is added in order costs next to nothing."""

    __slots__ = ('_ends', '_starts')

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, start: int, end: int) -> None:
        """Add those from `start` to before `end`."""
        if end <= start:
            return
        first = bisect_left(self._ends, start)  # ranges that touch are joined
        last = bisect_right(self._starts, end)
        if first < last:
            start = min(start, self._starts[first])
            end = max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The ranges, in order."""
        return zip(self._starts, self._ends, strict=True)

    def covers(self, start: int, end: int) -> bool:
        """Whether all from `start` to before `end` are in it."""
        at = bisect_right(self._starts, start) - 1
        return end <= start or (at >= 0 and self._ends[at] >= end)

    def count(self, start: int, end: int) -> int:
        """How many of those from `start` to before `end` are in it."""
        at = max(0, bisect_right(self._starts, start) - 1)
        total = 0
        while at < len(self._starts) and self._starts[at] < end:
            total += max(0, min(end, self._ends[at]) - max(start, self._starts[at]))
            at += 1
        return total

    def forget_before(self, position: int) -> None:
        """Those before it are not asked for any more."""
        at = bisect_right(self._ends, position)
        del self._starts[:at], self._ends[:at]
