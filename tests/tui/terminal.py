"""papa-tui in a terminal of its own, which keeps what was written to it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Sequence

from conftest import PATIENCE

PROGRAM = [sys.executable, '-m', 'papa_tui']
_COLOUR = re.compile(r'[34]8;2;(\d+);(\d+);(\d+)')
FLOOD_LINE = 65014  # bytes
FLOOD = f"""import os, itertools
for number in itertools.count(): os.write(1, b'%012d!' % number + b'y' * {FLOOD_LINE - 14} + b'\\n')"""
running: list[int] = []  # the programs that have not been waited for


def kill_all() -> None:
    """End what a test that has failed has left."""
    while running:
        pid = running.pop()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def numbers(text: str) -> list[int]:
    """Those of the lines of a `FLOOD` that are in a text."""
    return [int(found) for found in re.findall(r'(\d{12})!', text)]


class Terminal:
    """The program, started with these words. Colours of this terminal are 24 bits."""

    def __init__(self, *words: str, columns: int = 120, rows: int = 36, ignore: Sequence[int] = (), **env: str) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in ('NO_COLOR', 'PAPA_ENDPOINT')}
        environment |= {'TERM': 'xterm-256color', 'COLORTERM': 'truecolor', 'XDG_CONFIG_HOME': '/nonexistent',
                        'XDG_STATE_HOME': '/dev/null', **env}
        self.pid, self.fd = pty.fork()
        if not self.pid:
            for number in ignore:
                signal.signal(number, signal.SIG_IGN)
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
            os.execvpe(PROGRAM[0], [*PROGRAM, *words], environment)
        self.said = ''
        running.append(self.pid)

    def until(self, text: str) -> None:
        """Read until something has been written."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.said:
            assert time.monotonic() < deadline, self.said[-2000:]
            if select.select([self.fd], [], [], 0.5)[0]:
                self.said += self._read()

    def drain(self) -> None:
        """Read what there is, for a moment."""
        if select.select([self.fd], [], [], 0.05)[0]:
            self.said += self._read()

    def forget(self) -> None:
        """What was written up to now does not count."""
        self.drain()
        self.said = ''

    def memory(self) -> int:
        """Bytes that the program takes."""
        with open(f'/proc/{self.pid}/statm', encoding='ascii') as file:
            return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def unread(self) -> int:
        """Bytes that were written and wait to be read."""
        return int.from_bytes(fcntl.ioctl(self.fd, termios.FIONREAD, bytes(4)), sys.byteorder)

    def _read(self) -> str:
        try:
            return os.read(self.fd, 65536).decode('utf-8', 'replace')
        except OSError:
            return ''

    def end(self) -> tuple[int, str]:
        """Read the rest. Returns the exit status and everything that was written."""
        while part := self._read():
            self.said += part
        status = self.wait()
        os.close(self.fd)
        return status, self.said

    def rest(self) -> str:
        """What was written before its end, and not read."""
        self.said = ''
        while part := self._read():
            self.said += part
        os.close(self.fd)
        return self.said

    def ended_within(self, seconds: float) -> int:
        """Wait for its end without reading. Returns the exit status."""
        deadline = time.monotonic() + seconds
        while os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            assert time.monotonic() < deadline, 'it has not ended'
            time.sleep(0.02)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end. Returns the exit status."""
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        running.remove(self.pid)
        return status

    @staticmethod
    def colours(text: str) -> set[tuple[str, ...]]:
        """Red, green and blue of all colours in it."""
        return set(_COLOUR.findall(text))
