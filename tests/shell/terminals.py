"""papa-shell in a terminal of its own."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import time

from conftest import PATIENCE

from .programs import PROGRAM, environment

QUESTION, ANSWER = '\x1b[5n', '\x1b[0n'
_ANSWERS = {QUESTION: ANSWER, '\x1b[6n': '\x1b[24;1R'}


class Terminal:
    """The program, and what it has said. Like most terminals it answers when it is asked how it is, or it is `mute`."""

    def __init__(
        self, where: object, *words: str, command: list[str] | None = None, mute: bool = False, **env: str
    ) -> None:
        self.pid, self.fd = pty.fork()
        if not self.pid:
            program = command or PROGRAM
            os.execvpe(program[0], [*program, *words], environment(where, **{'TERM': 'xterm', 'PAGER': 'cat', **env}))
        self.said = ''
        self.mute = mute
        self._end_of_said = ''  # a question may come in parts
        self.status: int | None = None

    def read_until(self, text: str) -> str:
        deadline = time.monotonic() + PATIENCE
        while text not in self.said:
            assert time.monotonic() < deadline, self.said
            if select.select([self.fd], [], [], 0.5)[0]:
                self.said += self.read()
        return self.said

    def read(self, size: int = 65536) -> str:
        try:
            said = os.read(self.fd, size).decode('utf-8', 'replace')
            self._answer(said)
        except OSError:
            return ''
        return said

    def _answer(self, said: str) -> None:
        said = self._end_of_said + said
        self._end_of_said = said[-3:]
        if not self.mute:
            self.type(''.join(map(_ANSWERS.__getitem__, re.findall(r'\x1b\[[56]n', said))))

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def has_ended(self) -> bool:
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def end(self) -> int:
        """Read all of the rest; return the exit status."""
        while part := self.read():
            self.said += part
        if self.status is None:
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.fd)
        self.fd = -1
        return self.status

    def kill(self) -> None:
        if self.fd >= 0:
            if not self.has_ended():
                os.kill(self.pid, signal.SIGKILL)
            self.end()
