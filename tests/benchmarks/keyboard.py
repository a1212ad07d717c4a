"""A terminal in which a program runs, and somebody who types and looks at the clock."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence

LINES, COLUMNS = 24, 80
_WHERE_IS_THE_CURSOR, _AT_THE_TOP = b'\x1b[6n', b'\x1b[1;1R'
_QUIET = 0.04  # seconds without output, after which a screen is drawn


class Keyboard:
    """Runs a program. A context manager: leaving it kills that."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.begun = time.perf_counter()
        self._pid, self._fd = pty.fork()
        if not self._pid:
            os.execvpe(command[0], list(command), {**environment, 'TERM': 'xterm-256color'})
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack('HHHH', LINES, COLUMNS, 0, 0))

    def __enter__(self) -> Keyboard:
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._fd)

    def until(self, marker: bytes, patience: float) -> float:
        """Seconds from the start of the program until it has written this."""
        said = b''
        while marker not in said:
            if not select.select([self._fd], [], [], patience)[0]:
                raise TimeoutError(said)
            said += self._read()
        return time.perf_counter() - self.begun

    def settle(self, quiet: float = 1.0) -> None:
        """Wait until nothing more is written."""
        self._last_output(quiet)

    def press(self, key: str) -> float:
        """Seconds from a key to the last that was drawn for it."""
        start = time.perf_counter()
        os.write(self._fd, key.encode())
        return self._last_output(_QUIET) - start

    def _last_output(self, quiet: float) -> float:
        last = time.perf_counter()
        while select.select([self._fd], [], [], quiet)[0]:
            self._read()
            last = time.perf_counter()
        return last

    def _read(self) -> bytes:
        data = os.read(self._fd, 65536)
        if _WHERE_IS_THE_CURSOR in data:
            os.write(self._fd, _AT_THE_TOP)
        return data
