"""The writers of one watcher: started, known by their ids, told to end at last."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from papa import Papa

from .verify import Outputs, Plan, Transcript, Transcripts, check
from .workers import Report, Stage, in_threads

_ENDLESS = 0.4  # of those that are started first


class Crew:
    """Writers that one thread starts and watches, and the account of them."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.name = name
        self.dice = stage.dice(name)
        self.counts: Counter[str] = Counter()
        self.transcripts = Transcripts()
        self._stage = stage
        self._pids: dict[str, int] = {}
        self._told: set[str] = set()
        self._generation = 0

    @property
    def at_work(self) -> bool:
        """Whether some of them have not closed."""
        return bool(self.transcripts)

    def new_plan(self, **more: Any) -> Plan:
        """What the next one does."""
        more.setdefault('endless', self._generation == 0 and self.dice.random() < _ENDLESS)
        return Plan.random(self.dice, **more)

    def new_name(self) -> str:
        """A name that none of them has had."""
        return f'{self.name}.{self._generation}'

    def start(self, papa: Papa, name: str = '', plan: Plan | None = None) -> dict[str, Any]:
        """Start one, under a new name by default; its details."""
        plan = plan or self.new_plan()
        name = name or self.new_name()
        details: dict[str, Any] = papa.make_process(name, **plan.parameters)
        self.enter(name, plan, details)
        return details

    def enter(self, name: str, plan: Plan, details: dict[str, Any]) -> Transcript:
        """One was started."""
        check(details['id'] not in self.transcripts, f'{name}: an id for the second time: {details["id"]}')
        transcript = self.transcripts[details['id']] = Transcript(plan, name)
        self._pids[details['id']] = details['pid']
        self._generation += 1
        self.counts['writers started'] += 1
        return transcript

    def take(self, outputs: Outputs) -> list[Transcript]:
        """What `read` has returned; returns the transcripts of those that have closed."""
        before = sum(len(piece.data) for pieces in outputs[:2] for piece in pieces)
        ended = self.transcripts.take(outputs)
        self.counts['bytes compared'] += before
        self.counts['writers exited'] += len(ended)
        self.tell_to_end()
        return ended

    def tell_to_end(self) -> None:
        """When it is time: with the trailer, as soon as they have begun."""
        if not self._stage.stopping:
            return
        for process_id in set(self.transcripts) - self._told:
            if self.transcripts[process_id].position:
                self._told.add(process_id)
                tell_to_end(self._pids[process_id])


def tell_to_end(pid: int) -> None:
    """Let a writer that has begun write its trailer."""
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass


def each_in_a_thread(
    stage: Stage, report: Report, name: str, slots: int, watch: Callable[[Stage, Crew], None]
) -> None:
    """Run `watch` in so many threads, each with a crew of its own."""
    crews = [Crew(stage, f'{name}.{slot}') for slot in range(slots)]
    in_threads(*(partial(watch, stage, crew) for crew in crews))
    report.counts = sum((crew.counts for crew in crews), Counter())
