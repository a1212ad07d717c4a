"""papa-shell on a terminal of fixed size, as a person sees it: a screen, not a stream of bytes."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import termios
import time
from collections.abc import Callable
from typing import Any

import pyte
from conftest import PATIENCE

from .terminals import Terminal


class _Answering(pyte.Screen):
    """A screen that says where its cursor is, when it is asked: what a terminal does."""

    answer: Callable[[str], None]

    def write_process_input(self, data: str) -> None:
        self.answer(data)


class Screen(Terminal):
    """The program, and what is on its screen."""

    def __init__(
        self, where: object, *words: str, command: list[str] | None = None, columns: int = 80, lines: int = 24,
        **env: str,
    ) -> None:
        super().__init__(where, *words, command=command, **{'NO_COLOR': '', **env})
        self.screen = _Answering(columns, lines)
        self.screen.answer = self.type
        self._stream = pyte.ByteStream(self.screen)
        self._tell_size()

    def _tell_size(self) -> None:
        size = struct.pack('HHHH', self.screen.lines, self.screen.columns, 0, 0)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, size)

    def resize(self, columns: int, lines: int) -> None:
        self.screen.resize(lines, columns)
        self._tell_size()

    @property
    def text(self) -> str:
        return '\n'.join(line.rstrip() for line in self.screen.display)

    @property
    def line(self) -> str:
        """The line that the cursor is in."""
        return self.screen.display[min(self.screen.cursor.y, self.screen.lines - 1)].rstrip()

    def see(self, pattern: str, seconds: float = PATIENCE) -> re.Match[str]:
        """Wait until the screen has this."""
        return self.wait(  # type: ignore[no-any-return]
            lambda: re.search(pattern, self.text, re.MULTILINE), pattern, seconds
        )

    def see_line(self, text: str) -> None:
        """Wait until the line of the cursor is this."""
        self.wait(lambda: self.line == text, text)

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
        """Read until the condition holds; return what it gives."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f'waited in vain for {what!r}; there is\n{self.text}'
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    data = os.read(self.fd, 65536)
                except OSError:
                    data = b''
                assert data, f'it has ended, without {what!r}; there is\n{self.text}'
                self.said += data.decode('utf-8', 'replace')
                self._stream.feed(data)
        return found

    def leave(self) -> int:
        """End it once it waits for the next line; return its exit status."""
        self.see_line('>')
        self.type('\x04')
        return self.end()
