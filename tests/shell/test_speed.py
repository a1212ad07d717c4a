"""What one command costs, in bare interpreters."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from conftest import PATIENCE, Daemon

ROOT = str(Path(__file__).resolve().parents[2])
CODE = 'import sys; sys.path.insert(0, {root!r}); from papa_shell.main import main; main()'
MOST = 5.0  # bare interpreters


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, timeout=PATIENCE)
    return time.perf_counter() - start


def test_one_command_in_bare_interpreters(daemon: Daemon) -> None:
    """The best of many on both sides, in turn: other tests run at the same time."""
    with daemon.connect() as papa:
        papa.set('x', 'hello')
    python = [sys.executable, '-I', '-S', '-c']
    one = [*python, CODE.format(root=ROOT), '-u', str(daemon.where), 'get', 'x']
    pairs = [(seconds([*python, 'pass']), seconds(one)) for _ in range(20)]
    bare, shell = (min(each) for each in zip(*pairs, strict=True))
    assert shell < MOST * bare, f'{shell / bare:.1f} bare interpreters'
