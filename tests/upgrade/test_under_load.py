"""Upgrades under load, the short form of ``python tests/upgrade/under_load.py``: see there for what it verifies."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parent / 'under_load.py'
SHORT = ('--writers', '7', '--seconds', '1', '--pause', '0.1')  # one writer for each kind of watcher
SECONDS = 100.0  # that it may take on a very busy machine; it gives up by itself before where nothing happens


def under_load(*options: object) -> subprocess.CompletedProcess[str]:
    """Run it to its end. It ends all that it has started, also when it is told to end before its time."""
    command = [sys.executable, str(PROGRAM), *SHORT, *map(str, options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as program:
        try:
            output, _ = program.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            program.send_signal(signal.SIGTERM)
            output, _ = program.communicate()
    return subprocess.CompletedProcess(command, program.returncode, output)


def assert_nothing_lost(ended: subprocess.CompletedProcess[str]) -> None:
    """It has found nothing wrong, and has looked."""
    assert ended.returncode == 0, f'{ended.args}\n{ended.stdout}'
    assert ended.stdout.endswith('\nNothing was lost.\n'), ended.stdout


@pytest.mark.parametrize('options', [
    ('--seed', 1), ('--seed', 2, '--tcp'), ('--seed', random.SystemRandom().getrandbits(32)),
], ids=['path', 'port', 'random'])
def test_upgrades_under_load(options: tuple[object, ...]) -> None:
    assert_nothing_lost(under_load('--upgrades', 6, *options))


def test_the_same_without_upgrades() -> None:
    assert_nothing_lost(under_load('--upgrades', 0, '--seed', 3))


def test_interrupted_it_leaves_nothing() -> None:
    command = [sys.executable, str(PROGRAM), *SHORT, '--upgrades', '0', '--seconds', '60']
    mark = f'interrupted-{os.getpid()}'
    environment = {**os.environ, 'PAPA_TEST_RUN': mark}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    ) as program:
        assert program.stdout is not None
        while 'load' not in program.stdout.readline():
            assert program.poll() is None
        os.killpg(program.pid, signal.SIGINT)
        _, said = program.communicate(timeout=SECONDS)
    assert program.returncode == 130, said
    assert said == 'interrupted\n'
    assert not [pid for pid in filter(str.isdigit, os.listdir('/proc')) if mark in environment_of(pid)]


def environment_of(pid: str) -> str:
    """The environment of a process."""
    try:
        return Path(f'/proc/{pid}/environ').read_bytes().decode(errors='replace')
    except OSError:  # it is gone, or another user's
        return ''
