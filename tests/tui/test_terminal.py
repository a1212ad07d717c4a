"""The real program on a real terminal: what it writes, how fast, and how it ends."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import sys
import termios
import time

from conftest import Daemon, wait_until

from papa import Papa

from .terminal import Terminal


def start(papa: Papa, name: str, script: str, **options: object) -> None:
    papa.make_process(name, 'sh', ['-c', f'{script}; exec sleep 1000'], **options)  # type: ignore[arg-type]


def test_a_flood_does_not_hurt(daemon: Daemon) -> None:
    flood = "import os\nwhile True: os.write(1, b'x' * 99 + b'\\n' * 1 + b'y' * 65000 + b'\\n')"
    with daemon.connect() as papa:
        papa.make_process('flood', sys.executable, ['-c', flood])
        terminal = Terminal('-u', str(daemon.where), 'flood')
        terminal.until('xxxx')
        waits = []
        for _ in range(5):
            terminal.forget()
            before = time.monotonic()
            terminal.type('?')
            terminal.until('finds every action')
            waits.append(time.monotonic() - before)
            terminal.type('q')
        assert sorted(waits)[2] < 1.0, 'on a busy machine, too'
        fcntl.ioctl(terminal.fd, termios.TIOCSWINSZ, struct.pack('HHHH', 10, 40, 0, 0))
        os.kill(terminal.pid, signal.SIGWINCH)
        terminal.forget()
        terminal.until('Output')
        assert terminal.memory() < 300 << 20
        captured = papa.list_processes('flood')['flood']['captured']
        wait_until(lambda: papa.list_processes('flood')['flood']['captured'] > captured + (4 << 20))
        terminal.type('q')
        assert terminal.end()[0] == 0


def test_a_terminal_that_stalls_does_not_stop_the_reading(daemon: Daemon, folder: str) -> None:
    with daemon.connect() as papa:
        start(papa, 'chatty', 'while :; do echo more and more; sleep 0.002; done', bufsize='1m')
        terminal = Terminal('-u', str(daemon.where), 'chatty')
        terminal.until('more and more')
        wait_until(lambda: papa.list_processes('chatty')['chatty']['captured'] > 40_000)  # nobody reads the terminal
        terminal.until('more and more')
        terminal.type('q')
        status, text = terminal.end()
        assert status == 0
        assert 'too fast for this view' not in text


def test_it_ends_in_order_when_it_is_told_to(daemon: Daemon) -> None:
    terminal = Terminal('-u', str(daemon.where))
    terminal.until('live')
    os.kill(terminal.pid, signal.SIGTERM)
    status, text = terminal.end()
    assert status == 0
    assert '\x1b[?1049l' in text, 'the screen is as it was'


def test_it_does_not_outlive_its_terminal(daemon: Daemon) -> None:
    terminal = Terminal('-u', str(daemon.where), ignore=(signal.SIGHUP,))
    terminal.until('live')
    os.close(terminal.fd)
    assert terminal.wait() == 129
