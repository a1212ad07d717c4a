"""Those who are connected meanwhile: one pings, one listens to changes, some connect to the kernel and its sockets."""

from __future__ import annotations

import socket
import time
from typing import Any

from papa.events import Change

from .telnet import dial
from .verify import check
from .workers import Report, Stage, in_threads

OVER = 'load.over'  # a value: what the listener waits for
ACCEPTOR = """
import os, select, socket, sys
listening = [socket.socket(fileno=int(number)) for number in sys.argv[1:]]
while True:
    for each in select.select(listening, [], [])[0]:
        connection, _ = each.accept()
        connection.sendall(b'%d' % os.getpid())
        connection.close()
"""
_PAUSE = 0.001  # seconds between pings
_KINDS = {'socket': 'sockets', 'value': 'values', 'process': 'processes'}
_SILENT = ('acknowledged', 'peekers')  # moves without being told


def ping(stage: Stage, report: Report) -> None:
    """Ask for a value again and again, and note when each answer was waited for."""
    pings: list[tuple[float, float]] = []
    with stage.connect() as papa:
        papa.set('ping', 'pong')
        while not stage.stop.wait(_PAUSE):
            start = time.monotonic()
            check(papa.get('ping') == 'pong', 'a ping was answered wrong')
            pings.append((start, time.monotonic()))
    report.found['pings'] = pings


def listen(stage: Stage, report: Report) -> None:
    """Keep a model of everything by its changes."""
    held: dict[str, dict[str, Any]] = {}
    upgrades: list[Change] = []
    report.found.update(held=held, upgrades=upgrades, snapshots=0)
    with stage.connect() as papa, papa.changes(every=0.1) as changes:
        for change in changes:
            report.counts['changes heard'] += 1
            if change.change == 'upgraded':
                upgrades.append(change)
            elif change.change == 'snapshot':
                held.clear()
                held.update(change.details)
                report.found['snapshots'] += 1
            else:
                _apply(held, change)
            if change.name == OVER:
                break


def _apply(held: dict[str, dict[str, Any]], change: Change) -> None:
    kind = held[_KINDS[change.kind]]
    if change.change == 'counters':
        for name, moved in change.details.items():
            kind[name].update(moved)
    elif change.change == 'removed':
        check(change.name in kind, f'removed, but never made: {change.kind} {change.name}')
        del kind[change.name]
    else:
        check(change.change in ('made', 'changed', 'exited'), f'an unknown change: {change}')
        kind[change.name] = change.details


def without_silent(details: dict[str, Any]) -> dict[str, Any]:
    """What a listener can know."""
    return {key: value for key, value in details.items() if key not in _SILENT}


def newcomers(stage: Stage, report: Report) -> None:
    """Connect to the kernel, and to the sockets that it holds for others, as often as one after the other can."""
    with stage.connect() as papa:
        port = papa.list_sockets('held.web')['held.web']['port']
        path = papa.list_sockets('held.local')['held.local']['path']
        answer = b'%d' % papa.list_processes('acceptor')['acceptor']['pid']
    counts = report.counts

    def come() -> None:
        while not stage.stop.wait(0.02):
            with stage.connect() as papa:
                check(papa.get('ping') == 'pong', 'a newcomer was answered wrong')
            counts['connections to the kernel'] += 1

    def knock() -> None:
        while not stage.stop.wait(0.01):
            for where in (port, path):
                with dial(where) as connection:
                    check(_all(connection) == answer, f'somebody else answers at {where}')
                counts['connections to sockets held'] += 1

    in_threads(come, knock)


def _all(connection: socket.socket) -> bytes:
    data = b''
    while part := connection.recv(100):
        data += part
    return data
