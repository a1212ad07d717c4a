"""A terminal that stalls while the pane is a logger: what nobody can have seen is not acknowledged."""

from __future__ import annotations

import re
import time

from conftest import PATIENCE, Daemon

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
    taken = -1
    while taken != (taken := acknowledged(papa, 'web')):  # nobody reads any more
        assert time.monotonic() < deadline
        time.sleep(2)
    memory = terminal.memory()
    captured = papa.list_processes('web')['web']['captured']
    while papa.list_processes('web')['web']['captured'] < captured + 200_000:
        time.sleep(0.1)
    assert acknowledged(papa, 'web') == taken
    assert terminal.memory() < memory + (8 << 20)
    terminal.said = ''
    while acknowledged(papa, 'web') == taken:  # it is read again
        assert time.monotonic() < deadline + PATIENCE
        terminal.drain()
    shown = [int(found) for found in re.findall(r'1\d{6}', terminal.said)]
    assert 'lost to overflow' not in terminal.said, 'it has not gone on reading'
    assert taken <= (max(shown) - 1_000_000) * 8
