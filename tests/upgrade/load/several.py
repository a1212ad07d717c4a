"""Several watchers of the same processes, which take nothing from each other."""

from __future__ import annotations

from collections import Counter
from typing import Any

from papa import Watcher
from papa.events import Closed, Lost, Output

from .crew import tell_to_end
from .verify import Plan, Transcript, check
from .workers import Report, Stage, in_threads


def several(stage: Stage, report: Report, slots: int) -> None:
    """Three watchers of each: a fast one, a slow one, and one that only peeks. What one misses it is told exactly, and
    is what the other one that holds has let go of: of these two, at least one gets each byte."""
    dice = stage.dice('several')
    generation = 0
    with stage.connect() as papa:
        while not (generation and stage.stopping):
            names = [f'several.{slot}.{generation % 2}' for slot in range(slots)]
            plans = {name: Plan.random(dice, merged=True) for name in names}
            pids = {name: papa.make_process(name, **plan.parameters)['pid'] for name, plan in plans.items()}
            report.counts['writers started'] += slots
            watchers = {
                'peek': stage.connect().watch_processes(*names, peek=True),
                'slow': stage.connect().watch_processes(*names),
                'fast': stage.connect().watch_processes(*names),  # the last: nothing is acknowledged before
            }
            group = [_OneOfSeveral(stage, kind, watcher, plans, pids) for kind, watcher in watchers.items()]
            in_threads(*(each.watch for each in group))
            _check_missed({name: [each.missed[name] for each in group if each.holds] for name in names})
            report.counts.update(sum((each.counts for each in group), Counter()))
            generation += 1


def _check_missed(missed: dict[str, list[list[tuple[int, int]]]]) -> None:
    """No byte was missed by both that hold."""
    for name, (some, others) in missed.items():
        for start, end in some:
            both = [(max(start, first), min(end, last)) for first, last in others if first < end and start < last]
            check(not both, f'{name}: missed by both who hold its output: {both}')


class _OneOfSeveral:
    """One watcher of processes that others watch, too."""

    def __init__(
        self, stage: Stage, kind: str, watcher: Watcher, plans: dict[str, Plan], pids: dict[str, int]
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._stage = stage
        self._kind = kind
        self._watcher = watcher
        self._pids = pids
        self.holds = kind != 'peek'
        self.missed: dict[str, list[tuple[int, int]]] = {name: [] for name in plans}
        self._untold = set(plans) if kind == 'fast' else set()
        self._transcripts = {
            name: Transcript(plan, f'{name} ({kind})', may_lose=True) for name, plan in plans.items()
        }

    def watch(self) -> None:
        """Until all have closed."""
        unacknowledged = 0
        for event in self._watcher.events():
            self._take(event)
            unacknowledged += len(event.data) if isinstance(event, Output) else 0
            if unacknowledged > (1 << 20 if self._kind == 'slow' else 30000):
                unacknowledged = 0
                self._rest()
        self._watcher.acknowledge()
        self._watcher.close()
        for transcript in self._transcripts.values():
            check(transcript.closed, f'{transcript.name}: it never closed')

    def _rest(self) -> None:
        if self._kind == 'slow':
            self._stage.stop.wait(0.1)
        if self.holds:
            self._watcher.acknowledge()

    def _take(self, event: Any) -> None:
        transcript = self._transcripts[event.name]
        if isinstance(event, Output):
            transcript.take(event.stream, event.data, event.position)
            self.counts['bytes compared'] += len(event.data)
        elif isinstance(event, Lost):
            transcript.lose(event.start, event.end, event.reason)
            self.missed[event.name].append((event.start, event.end))
            self.counts['bytes that slow ones missed'] += event.end - event.start
        elif isinstance(event, Closed):
            transcript.close(event.exit_code)
            self.counts['writers exited'] += self._kind == 'fast'
        if self._stage.stopping and event.name in self._untold and transcript.position and not transcript.closed:
            self._untold.remove(event.name)
            tell_to_end(self._pids[event.name])
