"""A process whose output is shown: how far it has come, what of it has been on the screen, what is acknowledged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from papa_tui.output.ranges import Ranges

BUFFERED, PARTLY, SEEN, ACKNOWLEDGED, GONE = 'buffered', 'partly', 'seen', 'acknowledged', 'gone'

Span = tuple[int, int]  # positions: from the first to before the second


class Source:
    """One start of a process. All positions are those of the kernel.

    `start` and `end`: what has arrived and was not dropped since. `painted`: the end of the last line that was
    painted. `captured`: how much there is, as the kernel said last; `floor`: what comes before it the kernel holds no
    more, acknowledged or not. `taken`: bytes that other clients have acknowledged while this was watched; `claimed`:
    up to where we have asked for it ourselves. `listed`: the kernel's list has had it. `number` gives it its colour.
    `exit_code` once it has closed.
    """

    __slots__ = (
        'acknowledged', 'captured', 'claimed', 'end', 'exit_code', 'floor', 'fresh', 'id', 'listed', 'lost', 'name',
        'number', 'painted', 'recorded', 'seen', 'start', 'taken',
    )

    def __init__(self, name: str, process_id: str, number: int) -> None:
        self.name = name
        self.id = process_id
        self.number = number
        self.acknowledged = self.floor = self.captured = self.claimed = self.taken = self.painted = 0
        self.start: int | None = None
        self.end: int | None = None
        self.seen = Ranges()
        self.fresh: list[Span] = []  # painted, but not for long
        self.lost = Ranges()
        self.recorded = True
        self.listed = False
        self.exit_code: int | None = None

    def paint(self, spans: Iterable[Span], end: int) -> None:
        """This much of it stands on the screen now, of a line that ends at `end`."""
        self.painted = max(self.painted, end)
        for start, stop in spans:
            if stop > self.acknowledged and not self.seen.covers(start, stop):
                self.fresh.append((start, stop))

    def settle(self) -> bool:
        """What has been painted has now been there for a while. Returns whether there was any."""
        fresh, self.fresh = self.fresh, []
        for start, end in fresh:
            self.seen.add(start, end)
        return bool(fresh)

    def acknowledge(self, position: int, *, mine: bool) -> int:
        """The kernel says that it is acknowledged up to here. Returns how much of it another client has taken."""
        if position <= self.acknowledged:
            return 0
        taken = 0 if mine or self.end is None else max(0, position - max(self.base, self.claimed))
        self.acknowledged = position
        self.taken += taken
        self._forget()
        return taken

    def _forget(self) -> None:
        """What is before the base is not asked for any more."""
        self.seen.forget_before(self.base)
        self.lost.forget_before(self.base)

    def state(self, spans: Iterable[Span]) -> str:
        """What has become of the output in these spans."""
        spans = list(spans)
        end = spans[-1][1]
        if end <= self.acknowledged:
            return ACKNOWLEDGED
        if end <= self.floor:
            return GONE
        left = [(max(start, self.acknowledged), end) for start, end in spans]
        if all(self.seen.covers(start, end) for start, end in left):
            return SEEN
        return PARTLY if any(start < end and self.seen.count(start, end) for start, end in left) else BUFFERED

    def count(self, captured: int, buffered: int) -> None:
        """What the kernel says of how much there is, and how much of it it holds."""
        self.listed = True
        self.captured = max(self.captured, captured)
        self.floor = max(self.floor, captured - buffered)
        self._forget()

    def unlisted(self) -> None:
        """The kernel's list has it no more: nothing of it is held for anybody."""
        if self.listed:
            self.count(self.captured, 0)

    def gone(self) -> None:
        """There is another kernel: this one knows nothing of it."""
        self.count(max(self.captured, self.end or 0), 0)

    @property
    def base(self) -> int:
        """From where on the kernel may hold its output."""
        return max(self.acknowledged, self.floor)

    @property
    def held(self) -> int:
        """Bytes that the kernel holds, by what it said last."""
        return max(0, self.captured - self.base)

    def unseen(self, position: int) -> int:
        """Bytes that are still there, before a position, and were never painted."""
        start = self.base
        if position <= start:
            return 0
        known = Ranges()
        for ranges in (self.seen, self.lost):
            for begin, end in ranges:
                known.add(begin, end)
        for begin, end in self.fresh:
            known.add(begin, end)
        return position - start - known.count(start, position)

    @property
    def more_above(self) -> bool:
        """Whether the kernel still holds what comes before the start."""
        return self.start is not None and self.start > self.base


class Plan(NamedTuple):
    """What acknowledging would mean for one process: up to where, how many bytes that the kernel holds, how many of
    them were never painted, and whether nobody logs it, so that this is the only copy."""

    source: Source
    position: int
    size: int
    unseen: int
    only_copy: bool


def plan(sources: list[Source], loggers: Mapping[str, int]) -> list[Plan]:
    """What to acknowledge: of each process up to the end of its last line that was painted. `loggers` are numbers of
    watchers by name. Of several starts of a name only the last can be: the kernel knows no other."""
    return [
        Plan(
            source, source.painted, source.painted - source.base, source.unseen(source.painted),
            not loggers.get(source.name),
        )
        for source in {source.name: source for source in sources}.values() if source.painted > source.base
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
