"""Watchers that leave in the middle, acknowledged or not, and come back."""

from __future__ import annotations

from papa import Papa, Watcher

from .crew import Crew, each_in_a_thread
from .kernel import wait_until
from .verify import Outputs, Transcript, check
from .workers import Report, Stage


def restless(stage: Stage, report: Report, slots: int) -> None:
    """Threads that each start one, come and go until it has closed, and start the next under the same name."""
    each_in_a_thread(stage, report, 'restless', slots, _come_and_go)


def _come_and_go(stage: Stage, crew: Crew) -> None:
    with stage.connect() as papa:
        while not (crew.counts['writers started'] and stage.stopping):
            details = crew.start(papa, crew.name)
            _Visitor(crew, papa, details['id']).watch()


class _LeftError(Exception):
    """A watch is left without an acknowledgement."""


class _Visitor:
    """Watches one process in many visits. What was not acknowledged comes again, with the times that it had."""

    def __init__(self, crew: Crew, papa: Papa, process_id: str) -> None:
        self._crew = crew
        self._papa = papa
        self._id = process_id
        self._times: dict[tuple[int, int], float] = {}  # of pieces, by where they begin and end
        self._kept = {0: self._transcript.copy()}  # by the positions from which it may come again

    @property
    def _transcript(self) -> Transcript:
        return self._crew.transcripts[self._id]

    def watch(self) -> None:
        """Until it has closed."""
        while self._id in self._crew.transcripts:
            name, position = self._crew.name, self._transcript.position
            again = self._crew.dice.random() < 0.5
            since = None if again else {name: (self._id, position)}
            if since:  # it may be full of what would not come again
                self._papa.acknowledge_output(name, position, self._id)
                self._keep_only_this()
            self._visit(self._papa.watch_processes(name, since=since), again)
            self._crew.counts['visits'] += 1

    def _visit(self, watcher: Watcher, again: bool) -> None:
        dice = self._crew.dice
        acknowledged = 0
        for number in range(dice.randrange(1, 30)):
            outputs = watcher.read()  # which acknowledges what the one before has returned
            if outputs is None:
                return
            if number:
                acknowledged = self._transcript.position
            if again and (outputs[0] or outputs[1]):
                self._go_back(outputs)
                again = False
            self._check_times(outputs)
            self._crew.take(outputs)
            if self._id not in self._crew.transcripts:
                watcher.close()
                return
            self._keep()
        leave = dice.choice((self._close, self._raise, self._drop))
        leave(watcher)
        self._wait_for(acknowledged)

    def _wait_for(self, position: int) -> None:
        """Until the kernel has heard that this was acknowledged: the next visit comes by another connection, and what
        that has begun to read again must not be taken away by what this one had still under way."""
        name = self._crew.name
        wait_until(
            lambda: self._papa.list_processes(name)[name]['acknowledged'] >= position,
            lambda: f'{name}: the kernel has not heard that it is acknowledged up to {position}',
        )

    def _keep(self) -> None:
        """It may come again from here, once it is acknowledged."""
        self._kept[self._transcript.position] = self._transcript.copy()

    def _keep_only_this(self) -> None:
        """What came before does not come again."""
        self._kept.clear()
        self._keep()

    def _go_back(self, outputs: Outputs) -> None:
        first = min(piece.position - len(piece.data) for pieces in outputs[:2] for piece in pieces)
        check(first in self._kept, f'{self._crew.name}: comes again from {first}, not from one of {list(self._kept)}')
        self._crew.transcripts[self._id] = self._kept[first].copy()
        self._kept = {position: kept for position, kept in self._kept.items() if position >= first}
        self._times = {place: time for place, time in self._times.items() if place[1] > first}

    def _check_times(self, outputs: Outputs) -> None:
        for pieces in outputs[:2]:
            for piece in pieces:
                place = (piece.position - len(piece.data), piece.position)
                before = self._times.setdefault(place, piece.timestamp)
                told = f'{self._crew.name}: {place} was captured at {before!r} and then at {piece.timestamp!r}'
                check(before == piece.timestamp, told)

    def _close(self, watcher: Watcher) -> None:
        """Acknowledge the last, too; the kernel has that."""
        watcher.close()
        self._keep_only_this()

    @staticmethod
    def _raise(watcher: Watcher) -> None:
        try:
            with watcher:
                raise _LeftError
        except _LeftError:
            pass

    @staticmethod
    def _drop(watcher: Watcher) -> None:
        """Nobody has it any more, and it closes its connection, once this and the caller have returned."""
