"""Watchers of the blocking client: by `read` and by `events`, of many and of one."""

from __future__ import annotations

from typing import Any

from papa import Papa, Watcher
from papa.events import Acknowledged, Closed, Lost, Output

from .crew import Crew, each_in_a_thread
from .verify import check
from .workers import Report, Stage


def read(stage: Stage, report: Report, slots: int) -> None:
    """One watcher that follows many and reads, and acknowledges sometimes at once and sometimes with the next read."""
    crew = Crew(stage, 'read')
    report.counts = crew.counts
    with stage.connect() as papa, stage.connect() as other, other.watch_processes('read.*', follow=True) as watcher:
        for _ in range(slots):
            crew.start(papa)
        while crew.at_work:
            outputs = watcher.read()
            assert outputs is not None
            ended = crew.take(outputs)
            crew.counts['reads'] += 1
            if crew.dice.random() < 0.3:
                watcher.acknowledge()
            for _ in ended:
                if not stage.stopping:
                    crew.start(papa)
        check(watcher.dropped == {}, f'read: it says that output was lost: {watcher.dropped}')


def events(stage: Stage, report: Report, slots: int) -> None:
    """One watcher that follows many, event by event, and acknowledges anywhere."""
    crew = Crew(stage, 'events')
    report.counts = crew.counts
    with stage.connect() as papa, stage.connect() as other, other.watch_processes('events.*', follow=True) as watcher:
        reader = _EventReader(crew, papa, watcher)
        happening = watcher.events()
        for _ in range(slots):
            crew.start(papa)
        while crew.at_work:
            reader.take(next(happening))
            crew.tell_to_end()
            if reader.ended and not stage.stopping:
                crew.start(papa)


class _EventReader:
    """Takes events, and acknowledges: at random positions, but never so late that a writer waits for ever."""

    def __init__(self, crew: Crew, papa: Papa, watcher: Watcher) -> None:
        self.ended = False  # with the last event, one has
        self._crew = crew
        self._papa = papa
        self._watcher = watcher
        self._acknowledged: dict[str, int] = {}  # by id, up to where we did
        self._told: dict[str, int] = {}  # by id, up to where we were told

    def take(self, event: Any) -> None:
        """Take the next event."""
        self.ended = False
        if isinstance(event, Lost):
            self._crew.transcripts[event.id].lose(event.start, event.end, event.reason)
        elif isinstance(event, Output):
            self._output(event)
        elif isinstance(event, Acknowledged):
            self._check_acknowledged(event)
        elif isinstance(event, Closed):
            self._close(event)

    def _output(self, event: Output) -> None:
        crew = self._crew
        crew.transcripts[event.id].take(event.stream, event.data, event.position)
        crew.counts['bytes compared'] += len(event.data)
        before = self._acknowledged.get(event.id, 0)
        if event.position - before > 30000 and crew.dice.random() < 0.5:
            position = event.position if crew.dice.random() < 0.5 else crew.dice.randint(before, event.position)
            self._watcher.acknowledge_output(event.name, position, event.id)
            self._acknowledged[event.id] = position
            crew.counts['acknowledged inside'] += 1
        elif event.position - before > 30000:
            self._watcher.acknowledge()
            self._acknowledged.update((each, crew.transcripts[each].position) for each in crew.transcripts)

    def _check_acknowledged(self, event: Acknowledged) -> None:
        before = self._told.get(event.id, 0)
        sent = self._acknowledged.get(event.id, 0)
        check(before <= event.position <= sent, f'{event}, but we have acknowledged {sent}, and were told {before}')
        self._told[event.id] = event.position

    def _close(self, event: Closed) -> None:
        """All has come: acknowledged to the last byte, the process is listed as such until its exit is."""
        crew = self._crew
        transcript = crew.transcripts[event.id]
        transcript.close(event.exit_code)
        self._acknowledged[event.id] = transcript.position
        self._papa.acknowledge_output(event.name, transcript.position, event.id)
        details = self._papa.list_processes(event.name)[event.name]
        wanted = {
            'id': event.id, 'captured': transcript.position, 'acknowledged': transcript.position, 'buffered': 0,
            'dropped': 0, 'exit_code': transcript.plan.code,
        }
        differing = {key: details.get(key) for key in wanted if wanted[key] != details.get(key)}
        check(not differing, f'{event.name}: {transcript.position} bytes came, but it is listed with {differing}')
        del crew.transcripts[event.id]
        self._watcher.acknowledge()
        self._acknowledged.update((each, crew.transcripts[each].position) for each in crew.transcripts)
        crew.counts['writers exited'] += 1
        self.ended = True


def single(stage: Stage, report: Report, slots: int) -> None:
    """Threads that each start one, watch it to the end, and start the next under the same name."""
    each_in_a_thread(stage, report, 'single', slots, _watch_one)


def _watch_one(stage: Stage, crew: Crew) -> None:
    with stage.connect() as papa:
        while not (crew.counts['writers started'] and stage.stopping):
            plan = crew.new_plan()
            with papa.make_process(crew.name, watch_immediately=True, **plan.parameters) as watcher:
                crew.enter(crew.name, plan, papa.list_processes(crew.name)[crew.name])
                while (outputs := watcher.read()) is not None:
                    crew.take(outputs)
                    if crew.dice.random() < 0.3:
                        watcher.acknowledge()
            check(watcher.exit_code == {crew.name: plan.code}, f'{crew.name}: exit codes {watcher.exit_code}')
            check(watcher.dropped == {}, f'{crew.name}: it says that output was lost: {watcher.dropped}')
