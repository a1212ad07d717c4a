"""Children that live for moments: started all the time, and each exit heard exactly once, with its code."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass

from papa import Conflict, NotFound, Papa

from .verify import Outputs, check, random_exit
from .workers import Report, Stage, in_threads

_NAMES = 40
_AT_ONCE = 10
_LAST = 'short.last'


@dataclass
class _Short:
    """One child: what it must write, and how it must end."""

    name: str
    code: int
    text: bytes
    removed: bool = False  # nothing more of its output has to come
    seen: bytes = b''
    exits: int = 0


def exits(stage: Stage, report: Report) -> None:
    """Start them in one thread, and follow them in another."""
    both = _Both(stage)
    in_threads(both.start, both.follow)
    report.counts = both.counts
    report.found['ended'] = both.ended


class _Both:
    """The one who starts and the one who follows."""

    def __init__(self, stage: Stage) -> None:
        self.counts: Counter[str] = Counter()
        self.ended: list[float] = []  # times of exits
        self._stage = stage
        self._dice = stage.dice('exits')
        self._short: dict[str, _Short] = {}  # by id
        self._lock = threading.Lock()
        self._room = threading.Semaphore(_AT_ONCE)
        self._following = threading.Event()
        self._complete = False  # the last has been started

    def start(self) -> None:
        """Start one after the other."""
        self._following.wait()
        number = 0
        with self._stage.connect() as papa:
            while not self._stage.stop.wait(self._dice.random() * 0.02):
                self._room.acquire()
                number += 1
                name = f'short.{self._dice.randrange(_NAMES)}'
                try:
                    self._start(papa, name, number)
                except Conflict:  # one of this name has not closed yet, or the acknowledgement of that is on its way
                    self._start(papa, f'short.number{number}', number)
            self._room.acquire()
            self._start(papa, _LAST, number)

    def _start(self, papa: Papa, name: str, number: int) -> None:
        code = random_exit(self._dice)
        text = f'{number}\n' * self._dice.choice((0, 1, 1, 2000))
        script = 'i=0; while [ $i -lt $2 ]; do echo $1; i=$((i+1)); done; '
        nap = self._dice.choice(('', 'sleep 0.03; ', 'sleep 0.1; '))
        end = f'exit {code}' if code >= 0 else f'kill -{-code} $$'
        command = ['/bin/sh', '-c', script + nap + end, 'short', str(number), str(text.count('\n'))]
        with self._lock:  # nothing of it is taken for unknown meanwhile
            made = papa.make_process(name, args=command)
            check(made['id'] not in self._short, f'{name}: an id for the second time')
            self._short[made['id']] = _Short(name, code, text.encode())
            self._complete = name == _LAST
        self.counts['short ones started'] += 1
        if nap and self._dice.random() < 0.2:
            self._remove(papa, name, made['id'])

    def _remove(self, papa: Papa, name: str, process_id: str) -> None:
        """Its output is dropped, its exit is told all the same."""
        self._short[process_id].removed = True
        try:
            papa.remove_processes(name)
            self.counts['short ones removed'] += 1
        except NotFound:  # it has ended, and that has been acknowledged
            pass

    def follow(self) -> None:
        """Hear of each."""
        with self._stage.connect() as papa, papa.watch_processes('short.*', follow=True) as watcher:
            self._following.set()
            while not self._all_ended:
                outputs = watcher.read()
                assert outputs is not None
                with self._lock:
                    self._take(outputs)
                watcher.acknowledge()

    @property
    def _all_ended(self) -> bool:
        with self._lock:
            return self._complete and all(short.exits for short in self._short.values())

    def _take(self, outputs: Outputs) -> None:
        out, err, closed = outputs
        check(not err, f'a short one wrote to its standard error: {err[:1]}')
        for piece in out:
            short = self._short[piece.id]
            check(not short.exits, f'{short.name}: output after the exit')
            short.seen += piece.data
        for piece in closed:
            short = self._short[piece.id]
            short.exits += 1
            check(short.exits == 1, f'{short.name} (id {piece.id}): two exits')
            check(piece.data == short.code, f'{short.name}: exit code {piece.data}, not {short.code}')
            is_right = short.text.startswith(short.seen) if short.removed else short.text == short.seen
            check(is_right, f'{short.name}: wrote {short.seen[-40:]!r} instead of {short.text[-40:]!r}')
            self.counts['short ones exited'] += 1
            self.counts['bytes compared'] += len(short.seen)
            self.ended.append(piece.timestamp + time.monotonic() - time.time())
            short.text = short.seen = b''
            self._room.release()
