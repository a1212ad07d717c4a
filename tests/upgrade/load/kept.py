"""Processes that have ended, or that nobody wants, and what is listed: the same before each upgrade and after it."""

from __future__ import annotations

import os
from random import Random
from typing import Any

from papa import Watcher
from papa.events import Closed, Event, Output

from .kernel import wait_until
from .verify import Plan, Transcript, Transcripts, check
from .workers import Stage
from .writers import Source

_SCRIPTS = {  # the first writes more than is kept of it
    'kept.lossy': ('i=300; while [ $i -gt 0 ]; do i=$((i-1)); echo line $i; echo $i >&2; done; kill -USR1 $$', -10),
    'kept.ended': ('echo out; echo error >&2; exit 7', 7),
}
_BIG = 'kept.big'
_REMOVED = 'kept.removed'
_STUCK = 'kept.stuck'  # it has ended, but its buffer had no room for the last that it wrote
_PIPE = 1 << 16  # bytes that a pipe takes at least
_RISING = ('captured', 'acknowledged', 'dropped')
_FREE = ('watchers', 'peekers', 'buffered', *_RISING)
_FREE_WHILE_IT_RUNS = (*_FREE, 'running', 'exit_code', 'ended')


class Kept:
    """Ended processes, unacknowledged, and a removed one that runs."""

    connections = 3

    def __init__(self, stage: Stage, folder: str) -> None:
        self._papa, self._other, third = self._papas = [stage.connect() for _ in range(self.connections)]
        self._fifo = f'{folder}/fifo'
        os.mkfifo(self._fifo)
        dice = stage.dice('kept')
        self._plan = Plan(dice.getrandbits(60), 2 << 20, 3, merged=False, bufsize='4m')
        self._stuck = _stuck_plan(dice)
        self._start()
        self._holder = third.watch_processes(_BIG)  # what others acknowledge is kept for it
        _check(self._plan, _BIG, _events(self._peek()))  # ends when all have ended
        self._other.acknowledge_output('kept.ended', 2)
        self._other.acknowledge_output(_BIG, 1 << 20)
        self._told = _events(self._peek())
        wait_until(lambda: not self._other.list_processes(_STUCK)[_STUCK]['running'], lambda: f'{_STUCK} does not end')
        self._listed: dict[str, dict[str, Any]] = {}
        self._watcher: Watcher | None = None

    def before(self) -> None:
        """List everything; begin to look at what is kept, and do not read it yet."""
        self._listed = self._other.list_processes()
        self._watcher = self._peek()

    def after(self) -> None:
        """Nothing has changed that should not."""
        assert self._watcher is not None
        told = _events(self._watcher)
        for before, now in zip(self._told, told, strict=False):
            check(before == now, f'what is kept was {before!r:.200} and is {now!r:.200}')
        check(len(self._told) == len(told), f'of what is kept were {len(self._told)} events and are {len(told)}')
        listed = self._other.list_processes()
        for name, was in self._listed.items():
            if name in listed and listed[name]['id'] == was['id']:
                _compare(name, was, listed[name])
            else:
                check(not name.startswith('kept.'), f'{name} is not listed any more')

    def close(self) -> None:
        """Take it all; the removed one goes by itself."""
        _check(self._plan, _BIG, _events(self._holder))
        with self._papa.watch_processes(_STUCK) as watcher:
            transcripts = Transcripts({self._stuck_id: Transcript(self._stuck, _STUCK)})
            while (outputs := watcher.read()) is not None:
                transcripts.take(outputs)
        check(not transcripts, f'{_STUCK} never closed')
        with self._papa.watch_processes(*_SCRIPTS, _BIG) as watcher:
            while watcher.read() is not None:
                pass
        wanted = {name: code for name, (_, code) in _SCRIPTS.items()} | {_BIG: self._plan.code}
        check(watcher.exit_code == wanted, f'exit codes {watcher.exit_code} instead of {wanted}')
        os.close(os.open(self._fifo, os.O_WRONLY))
        wait_until(
            lambda: not self._other.list_processes('kept.*'),
            lambda: f'these do not go: {self._other.list_processes("kept.*")}',
        )
        for papa in self._papas:
            papa.close()

    def _start(self) -> None:
        papa = self._papa
        for name, (script, _) in _SCRIPTS.items():
            papa.make_process(name, args=['/bin/sh', '-c', script], bufsize=2000)
        papa.make_process(_BIG, **self._plan.parameters)
        papa.make_process(_REMOVED, args=['/bin/sh', '-c', 'echo before; read line <"$0"; echo after', self._fifo])
        papa.remove_processes(_REMOVED)
        self._stuck_id = papa.make_process(_STUCK, **self._stuck.parameters)['id']

    def _peek(self) -> Watcher:
        return self._papa.watch_processes(*_SCRIPTS, _BIG, peek=True)


def _stuck_plan(dice: Random) -> Plan:
    """A writer of more than its buffer takes, but not more than its buffer and its pipe."""
    while True:
        plan = Plan(dice.getrandbits(60), _PIPE, 9, merged=True, bufsize=str(_PIPE))
        size = number = 0
        source = Source(plan.seed)
        while size < plan.limit:
            size += len(source.block(number)[1])
            number += 1
        if _PIPE * 1.1 < size < _PIPE * 1.7:
            return plan


def _check(plan: Plan, name: str, events: list[Event]) -> None:
    transcript = Transcript(plan, name)
    for event in events:
        if event.name == name and isinstance(event, Output):
            transcript.take(event.stream, event.data, event.position)
        elif event.name == name and isinstance(event, Closed):
            transcript.close(event.exit_code)
    check(transcript.closed, f'{name}: it never closed')


def _events(watcher: Watcher) -> list[Event]:
    """All of a watch, in a definite order. Nothing is acknowledged by that."""
    with watcher:
        found = [event for event in watcher.events() if isinstance(event, (Output, Closed))]
    return sorted(found, key=lambda event: event.name)


def _compare(name: str, was: dict[str, Any], now: dict[str, Any]) -> None:
    free = _FREE_WHILE_IT_RUNS if was['running'] else _FREE
    differing = {key: (was.get(key), now.get(key)) for key in {*was, *now} - {*free} if was.get(key) != now.get(key)}
    check(not differing, f'{name} is listed with other details than before: {differing}')
    falling = {key: (was[key], now[key]) for key in _RISING if was[key] > now[key]}
    check(not falling, f'figures of {name} have fallen: {falling}')
    if was['overflow'] == 'block':
        check(now['dropped'] == 0, f'{name} has lost {now["dropped"]} bytes')


def is_kept(name: str) -> bool:
    """Whether it is one of these."""
    return name.startswith('kept.')

