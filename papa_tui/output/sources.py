"""A process whose output is shown: how far it has come, what of it has been on the screen, what is acknowledged."""

from __future__ import annotations

from typing import NamedTuple

from papa_tui.output.ranges import Ranges

BUFFERED, SEEN, ACKNOWLEDGED, GONE = 'buffered', 'seen', 'acknowledged', 'gone'


class Source:
    """One start of a process. All positions are those of the kernel.

    `start` and `end`: what has arrived. `painted`: the end of the last line that was painted. `floor`: what comes
    before it the kernel holds no more, acknowledged or not. `most`: how much it can hold. `number` gives it its
    colour. `exit_code` once it has closed.
    """

    __slots__ = (
        'acknowledged', 'end', 'exit_code', 'floor', 'fresh', 'id', 'lost', 'most', 'name', 'number', 'painted',
        'seen', 'start',
    )

    def __init__(self, name: str, process_id: str, number: int) -> None:
        self.name = name
        self.id = process_id
        self.number = number
        self.acknowledged = 0
        self.floor = 0
        self.most: int | None = None
        self.start: int | None = None
        self.end: int | None = None
        self.painted = 0
        self.seen = Ranges()
        self.fresh: list[tuple[int, int]] = []  # painted, but not for long
        self.lost = Ranges()
        self.exit_code: int | None = None

    def paint(self, start: int, end: int) -> None:
        """This much of it stands on the screen now."""
        if end > self.painted:
            self.painted = end
        if end > self.acknowledged and not self.seen.covers(start, end):
            self.fresh.append((start, end))

    def settle(self) -> bool:
        """What has been painted has now been there for a while. Returns whether there was any."""
        fresh, self.fresh = self.fresh, []
        for start, end in fresh:
            self.seen.add(start, end)
        return bool(fresh)

    def acknowledge(self, position: int) -> None:
        """The kernel says that it is acknowledged up to here."""
        if position > self.acknowledged:
            self.acknowledged = position
            self._forget()

    def _forget(self) -> None:
        """What is before the base is not asked for any more."""
        self.seen.forget_before(self.base)
        self.lost.forget_before(self.base)

    def state(self, start: int, end: int) -> str:
        """What has become of the output from `start` to `end`."""
        if end <= self.acknowledged:
            return ACKNOWLEDGED
        if end <= self.floor:
            return GONE
        return SEEN if self.seen.covers(max(start, self.acknowledged), end) else BUFFERED

    def raise_floor(self, position: int) -> None:
        """The kernel holds nothing from before this position, nor more than it can."""
        self.floor = max(self.floor, position)
        if self.end is not None and self.most is not None:
            self.floor = max(self.floor, self.end - self.most)
        self._forget()

    @property
    def base(self) -> int:
        """From where on the kernel may hold its output."""
        return max(self.acknowledged, self.floor)

    @property
    def held(self) -> int:
        """Bytes that the kernel holds of what has come."""
        return 0 if self.end is None else max(0, self.end - max(self.base, self.start or 0))

    def unseen(self, position: int) -> int:
        """Bytes that are still there, before a position, and were never painted."""
        start = self.base
        if position <= start:
            return 0
        known = Ranges()
        for ranges in (self.seen, self.lost):
            for begin, end in ranges_of(ranges):
                known.add(begin, end)
        for begin, end in self.fresh:
            known.add(begin, end)
        return position - start - known.count(start, position)

    @property
    def more_above(self) -> bool:
        """Whether the kernel still holds what comes before the start."""
        return self.start is not None and self.start > self.base


def ranges_of(ranges: Ranges) -> list[tuple[int, int]]:
    """Its ranges, in order."""
    return list(zip(ranges._starts, ranges._ends, strict=True))


class Plan(NamedTuple):
    """What acknowledging would mean for one process: up to where, how many bytes, how many of them were never
    painted, and whether nobody logs it, so that this is the only copy."""

    source: Source
    position: int
    size: int
    unseen: int
    only_copy: bool


def plan(sources: list[Source], loggers: dict[str, int]) -> list[Plan]:
    """What to acknowledge: of each process up to the end of its last line that was painted. `loggers` are numbers of
    watchers by name."""
    return [
        Plan(
            source, source.painted, source.painted - source.acknowledged, source.unseen(source.painted),
            not loggers.get(source.name),
        )
        for source in sources if source.painted > source.acknowledged
    ]


def asks(plans: list[Plan]) -> str:
    """What to ask before this is done; nothing if it needs no question."""
    unseen = sum(each.unseen for each in plans)
    alone = [each.source.name for each in plans if each.only_copy]
    parts = []
    if unseen:
        parts.append(f'{unseen:,} bytes of it have never been on the screen.')
    if alone:
        shown = ', '.join(alone[:5]) + (f' and {len(alone) - 5} more' if len(alone) > 5 else '')
        parts.append(f'Nobody logs {shown}: the kernel drops the only copy.')
    return '\n'.join(parts)
