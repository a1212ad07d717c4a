"""The real program on a real terminal: what it writes, how fast, and how it ends."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import sys
import termios
import time
from pathlib import Path

from conftest import PATIENCE, Daemon, wait_until

from papa import Papa

from .terminal import FLOOD, FLOOD_LINE, Terminal, numbers


def start(papa: Papa, name: str, script: str, **options: object) -> None:
    papa.make_process(name, 'sh', ['-c', f'{script}; exec sleep 1000'], **options)  # type: ignore[arg-type]


def captured(papa: Papa, name: str) -> int:
    return int(papa.list_processes(name)[name]['captured'])


def test_a_flood_does_not_hurt(daemon: Daemon) -> None:
    """How soon a key is answered meanwhile is the business of the benchmarks: here others use the machine, too."""
    with daemon.connect() as papa:
        papa.make_process('flood', sys.executable, ['-c', FLOOD])
        terminal = Terminal('-u', str(daemon.where), 'flood')
        terminal.until('yyyy')
        for _ in range(5):
            terminal.forget()
            terminal.type('?')
            terminal.until('finds every action')
            terminal.type('q')
        fcntl.ioctl(terminal.fd, termios.TIOCSWINSZ, struct.pack('HHHH', 10, 40, 0, 0))
        os.kill(terminal.pid, signal.SIGWINCH)
        terminal.forget()
        terminal.until('Output')
        assert terminal.memory() < 300 << 20
        wanted = captured(papa, 'flood') + (4 << 20)
        wait_until(lambda: captured(papa, 'flood') > wanted, 'more of the flood')
        terminal.forget()
        deadline = time.monotonic() + PATIENCE
        while max([0, *numbers(terminal.said)]) < wanted // FLOOD_LINE:  # the pane has what was written since
            assert time.monotonic() < deadline, 'it does not read any more'
            terminal.drain()
        terminal.type('q')
        assert terminal.end()[0] == 0


def test_a_terminal_that_stalls_does_not_stop_the_reading(daemon: Daemon, folder: str) -> None:
    """What the pane has taken in meanwhile is what it saves: all of it, though the kernel keeps but little."""
    rest = 'x' * 93
    script = (
        f'for i in $(seq 300); do seq -f %06.0f{rest} $((i * 100)) $((i * 100 + 99)); sleep 0.01; done; '
        f'touch {folder}/done'
    )
    with daemon.connect() as papa:
        start(papa, 'chatty', f'echo hello; while [ ! -e {folder}/go ]; do sleep 0.01; done; {script}',
              bufsize='64k')
        terminal = Terminal('-u', str(daemon.where), 'chatty')
        terminal.until('hello')
        Path(folder, 'go').touch()
        wait_until(Path(folder, 'done').exists, 'three megabytes')  # nobody reads the terminal
        terminal.until('030099x')
        terminal.type('W')
        terminal.until('save all lines')
        terminal.type(f'\x15{folder}/saved\r')
        terminal.until('Saved')
        lines = Path(folder, 'saved').read_text().split()
        assert lines == ['hello', *(f'{number:06}{rest}' for number in range(100, 30_100))]
        terminal.type('q')
        assert terminal.end()[0] == 0


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
