"""What was found, as a table."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from .upgrades import Done

_COUNTS = (
    'bytes that slow ones missed', 'reads', 'acknowledged inside', 'visits', 'batches', 'values set',
    'values compared and set', 'values refused', 'values removed', 'connections to the kernel',
    'connections to sockets held', 'sockets by host name', 'processes by user name', 'changes heard',
)
_UNITS = {'descriptors': (1, ''), 'resident': (1024, ' KB')}

Span = tuple[float, float]  # from when to when


@dataclass
class Figures:
    """Amounts, times (by time.monotonic) and sizes; and what was wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    notes: dict[str, dict[str, int]] = field(default_factory=dict)
    upgrades: list[Done] = field(default_factory=list)
    heard: int = 0
    snapshots: int = 0
    ends: list[float] = field(default_factory=list)  # of short-lived children
    pings: list[Span] = field(default_factory=list)
    seconds: float = 0.0
    trouble: str = ''
    more_trouble: list[str] = field(default_factory=list)
    log: str = ''

    def note(self, what: str, when: str, figure: int) -> None:
        """Keep a figure of a moment."""
        self.notes.setdefault(what, {})[when] = figure

    def rows(self) -> Iterator[tuple[str, str]]:
        """What to show, line by line."""
        counts = self.counts
        ways = Counter(done.way for done in self.upgrades).most_common()
        yield 'upgrades', ', '.join([str(len(self.upgrades)), *(f'{number} by {way}' for way, number in ways)])
        yield 'upgrades heard by the listener of changes', f'{self.heard} (snapshots: {self.snapshots})'
        yield 'seconds under load', f'{self.seconds:.1f}'
        rate = counts['bytes compared'] / self.seconds / 1e6 if self.seconds else 0
        yield 'bytes compared', f'{counts["bytes compared"]:,} ({rate:.0f} MB/s)'
        yield 'writers started and exited', f'{counts["writers started"]:,}, {counts["writers exited"]:,}'
        yield 'short-lived children started and exited', (
            f'{counts["short ones started"]:,}, {counts["short ones exited"]:,}; '
            f'{counts["short ones removed"]:,} removed while they ran'
        )
        yield from self._times()
        yield from ((name, f'{counts[name]:,}') for name in _COUNTS)
        for what, (unit, name) in _UNITS.items():
            for when, figure in self.notes.get(what, {}).items():
                yield f'{what} {when}', f'{figure // unit:,}{name}'

    def _times(self) -> Iterator[tuple[str, str]]:
        gaps = [self._gap(done) for done in self.upgrades]
        meanwhile = sum(any(start < end < stop + 0.005 for start, stop in gaps) for end in self.ends)
        yield '... exited while nobody was served', f'{meanwhile:,}'
        waits = [stop - start for start, stop in gaps]
        during = set(gaps)
        others = [stop - start for start, stop in self.pings if (start, stop) not in during]
        yield 'waits of a pinging client', f'{len(self.pings):,}, {_milliseconds(others)}'
        yield '... the longest in an upgrade under load', _milliseconds(waits[1:-1])
        yield '... the longest in an upgrade without load', _milliseconds(waits[:1] + waits[1:][-1:])
        yield 'waits of who asked for the upgrade', _milliseconds([done.seconds for done in self.upgrades])

    def _gap(self, done: Done) -> Span:
        """The longest wait of a ping in an upgrade."""
        first = max(0, bisect_left(self.pings, (done.start, 0.0)) - 1)
        found = (done.start, done.start)
        for start, stop in self.pings[first:]:
            if start > done.end:
                break
            if stop > done.start and stop - start > found[1] - found[0]:
                found = (start, stop)
        return found


def _milliseconds(seconds: list[float]) -> str:
    if not seconds:
        return 'none'
    return f'p50 {median(seconds) * 1000:.1f} ms, max {max(seconds) * 1000:.1f} ms'


def table(figures: Figures) -> str:
    """The rows, aligned; if something was wrong, without those that nothing is known of."""
    rows = [(what, figure) for what, figure in figures.rows() if not (figures.trouble and figure[:1] in '0n')]
    width = max((len(what) for what, _ in rows), default=0)
    return '\n'.join(f'{what:{width}}  {figure}' for what, figure in rows)
