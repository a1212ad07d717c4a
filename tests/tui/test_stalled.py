"""A terminal that stalls: what nobody can have seen is not acknowledged, and it is left as on any other."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest
from conftest import PATIENCE, Daemon, wait_until

from papa import Papa

from .terminal import Terminal


def acknowledged(papa: Papa, name: str) -> int:
    return int(papa.list_processes(name)[name]['acknowledged'])


def test_what_a_stalled_terminal_has_not_taken_is_not_acknowledged(papa: Papa, daemon: Daemon) -> None:
    script = 'i=1000000; while :; do i=$((i+1)); echo $i; [ $((i % 100)) = 0 ] && sleep 0.01; done'
    terminal = Terminal('-u', str(daemon.where), '--no-autostart', 'web')
    papa.make_process('web', 'sh', ['-c', script], bufsize='64k')
    terminal.until('●')
    terminal.type('A')
    terminal.until('Make this pane a logger')
    terminal.type('y')
    deadline = time.monotonic() + PATIENCE
    while not acknowledged(papa, 'web'):
        assert time.monotonic() < deadline
        terminal.drain()
    stalled(terminal, papa, 'web', 100_000)  # nobody reads any more
    taken = acknowledged(papa, 'web')
    memory = terminal.memory()
    wanted = captured(papa, 'web') + 200_000
    wait_until(lambda: captured(papa, 'web') > wanted, 'more output')
    assert acknowledged(papa, 'web') == taken
    assert terminal.memory() < memory + (8 << 20)
    terminal.said = ''
    while acknowledged(papa, 'web') == taken:  # it is read again
        assert time.monotonic() < deadline + PATIENCE
        terminal.drain()
    shown = [int(found) for found in re.findall(r'1\d{6}', terminal.said)]
    assert 'lost to overflow' not in terminal.said, 'it has not gone on reading'
    assert taken <= (max(shown) - 1_000_000) * 8


def captured(papa: Papa, name: str) -> int:
    return int(papa.list_processes(name)[name]['captured'])


def stalled(terminal: Terminal, papa: Papa, name: str, much: int) -> None:
    """Wait until the terminal is full, and what is to be drawn has waited for long."""
    full, deadline = -1, time.monotonic() + PATIENCE
    while full != (full := terminal.unread()):
        assert time.monotonic() < deadline
        wanted = captured(papa, name) + much
        wait_until(lambda: captured(papa, name) > wanted, 'more output')  # noqa: B023


FLOOD = 'while :; do seq 1000000 1000100; sleep 0.01; done'


@pytest.mark.parametrize(('way', 'status'), [('q', 0), ('SIGTERM', 0), ('SIGHUP', 129)])
def test_a_terminal_that_stalls_does_not_stop_the_end(way: str, status: int, papa: Papa, daemon: Daemon) -> None:
    papa.make_process('web', 'sh', ['-c', FLOOD], bufsize='64k')
    terminal = Terminal('-u', str(daemon.where), '--no-autostart', 'web')
    terminal.until('10000')
    stalled(terminal, papa, 'web', 100_000)
    end(terminal, way)
    assert terminal.ended_within(8) == status, 'two seconds, on a busy machine too'
    assert '\x1b[?1049l' in terminal.rest(), 'what can be restored is'


@pytest.mark.parametrize('way', ['q', 'SIGTERM', 'SIGHUP'])
def test_a_demo_on_a_terminal_that_stalls_leaves_nothing(way: str, folder: str) -> None:
    terminal = Terminal('--demo', 'shop.metrics', TMPDIR=folder)
    terminal.until('shop.metrics')
    (path,) = Path(folder).glob('papa-demo-*/papa.sock')
    with Papa(str(path), autostart=False) as papa:
        stalled(terminal, papa, 'shop.metrics', 50_000)
    end(terminal, way)
    assert terminal.ended_within(12) in (0, 129)
    wait_until(lambda: not os.listdir(folder), 'the end of the demo')


def end(terminal: Terminal, way: str) -> None:
    if way == 'q':
        terminal.type('q')
    else:
        os.kill(terminal.pid, getattr(signal, way))
