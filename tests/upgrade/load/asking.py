"""Requests that take a while, because a name has to be looked up: an upgrade finds them unanswered."""

from __future__ import annotations

import getpass
import sys
from collections import Counter

from .verify import check
from .workers import Report, Stage, in_threads

_PAUSE = 0.05  # seconds
_USER = getpass.getuser()


def asking(stage: Stage, report: Report) -> None:
    """Make sockets by host names, and start processes by user names, each once for each request."""
    counts: list[Counter[str]] = [Counter(), Counter()]
    in_threads(lambda: _sockets(stage, counts[0]), lambda: _processes(stage, counts[1]))
    report.counts = counts[0] + counts[1]


def _sockets(stage: Stage, counts: Counter[str]) -> None:
    with stage.connect() as papa:
        while not stage.stop.wait(_PAUSE):
            name = f'asked.{counts["sockets by host name"]}'
            made = papa.make_socket(name, host='localhost')
            check(papa.list_sockets('asked.*') == {name: made}, f'{name}: not one socket was made of one request')
            papa.remove_sockets(name)
            counts['sockets by host name'] += 1


def _processes(stage: Stage, counts: Counter[str]) -> None:
    dice = stage.dice('asking')
    with stage.connect() as papa:
        while not stage.stop.wait(_PAUSE):
            code = dice.randrange(256)
            command = [sys.executable, '-I', '-S', '-c', f'import os; os.write(1, b"once"); os._exit({code})']
            with papa.make_process('asked', args=command, uid=_USER, watch_immediately=True) as watcher:
                seen = b''
                while (outputs := watcher.read()) is not None:
                    seen += b''.join(piece.data for piece in outputs[0])
            check(seen == b'once', f'a process that was asked for once wrote {seen!r}')
            check(watcher.exit_code == {'asked': code}, f'exit code {watcher.exit_code}, not {code}')
            counts['processes by user name'] += 1
