"""The prompt on a terminal that cannot move its cursor, such as one inside an editor: it edits the lines."""

from __future__ import annotations

import os
import select
from collections.abc import Callable

from papa.line.quoting import split
from papa_shell.output import STDOUT
from papa_shell.prompt.interrupts import Interrupts

_STDIN = 0
_PROMPT = '> '


class Lines:
    """Reads commands, several lines where a quote or a backslash joins them."""

    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts
        self._rest = b''
        self._is_over = False
        self.begun: Callable[[], object] = bool  # never: reading is work that can be interrupted

    def clear(self) -> bool:
        """What is typed is the terminal's own."""
        return False

    def forget(self) -> None:
        """Forget the lines that came with the last one."""
        self._rest = b''

    def drop(self) -> int:
        """Forget also what is typed after it already. How many lines those were."""
        data, self._rest = self._rest, b''
        while select.select([_STDIN], [], [], 0)[0]:
            part = os.read(_STDIN, 65536)
            if not part:
                self._is_over = True
                break
            data += part
        return sum(1 for line in data.split(b'\n') if line.strip())

    def read(self, default: str = '') -> str:
        """The next command, which begins with `default`. Raises `EOFError` at the end, and `KeyboardInterrupt`."""
        text, prompt = default, _PROMPT + default
        while True:
            text += self._line(prompt)
            found = split(text)
            if not found.open or found.pipe is not None:
                return text
            text += '\n'
            prompt = f'{found.open}{_PROMPT}'

    def _line(self, prompt: str) -> str:
        os.write(STDOUT, prompt.encode())
        while b'\n' not in self._rest:
            try:
                part = b'' if self._is_over else self._interrupts.run(lambda: os.read(_STDIN, 65536))
            except KeyboardInterrupt:
                self._rest = b''
                raise
            if not part:
                os.write(STDOUT, b'\n')
                raise EOFError
            self._rest += part
        line, _, self._rest = self._rest.partition(b'\n')
        return line.decode('utf-8', 'surrogateescape').rstrip('\r')
