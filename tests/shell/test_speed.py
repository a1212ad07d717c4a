"""What one command costs, in bare interpreters."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from conftest import Daemon

ROOT = str(Path(__file__).resolve().parents[2])
CODE = 'import sys; sys.path.insert(0, {root!r}); from papa_shell.main import main; main()'
MOST = 5.0  # bare interpreters


def work(command: list[str], environ: dict[str, str]) -> float:
    """Seconds of a processor that a program takes. (Waiting for the kernel is no matter of milliseconds.)"""
    with open(os.devnull, 'r+b') as null:
        actions = [(os.POSIX_SPAWN_DUP2, null.fileno(), fd) for fd in range(3)]
        pid = os.posix_spawn(command[0], command, environ, file_actions=actions)
    _, status, used = os.wait4(pid, 0)
    assert status == 0
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize('words', [('get', 'x'), ('--complete', 'fish', 'get', '')], ids=['a command', 'a Tab'])
def test_one_command_in_bare_interpreters(daemon: Daemon, words: tuple[str, ...]) -> None:
    """The best of many on both sides, in turn: other tests run at the same time. So it is the work that counts, not
    the time, which on an idle machine is the same."""
    with daemon.connect() as papa:
        papa.set('x', 'hello')
    python = [sys.executable, '-I', '-S', '-c']
    one = [*python, CODE.format(root=ROOT), *words]
    environ = {**os.environ, 'PAPA_ENDPOINT': str(daemon.where)}
    pairs = [(work([*python, 'pass'], environ), work(one, environ)) for _ in range(20)]
    bare, shell = (min(each) for each in zip(*pairs, strict=True))
    assert shell < MOST * bare, f'{shell / bare:.1f} bare interpreters'
