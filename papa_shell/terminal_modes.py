"""The modes of the terminal while a stream runs, and whose it is: ours, or that of another job."""

from __future__ import annotations

import os
import signal
import termios
from contextlib import suppress
from typing import Any

ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)  # signals that leave the terminal as it was

_LFLAG = 3
_CC = 6
_OFF = termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN


class Modes:
    """Those of the terminal `fd`. `continued`: we were stopped, and go on, since somebody has set that to False."""

    def __init__(self, fd: int) -> None:
        """Raises `termios.error` if it is no terminal."""
        termios.tcgetattr(fd)
        self.continued = False
        self._fd = fd
        self._before: list[Any] | None = None  # known as long as the terminal is in the mode of streams
        self._handlers: dict[int, Any] = {}

    @property
    def is_ours(self) -> bool:
        """Whether we may read it and change its modes; else that would stop us."""
        try:
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:
            return False

    def begin(self, *, signals: bool = False) -> None:
        """Read keys as they come, signal keys too, unless `signals`: then those are signals, and discard nothing."""
        if self._before is None:
            self._before = termios.tcgetattr(self._fd)
        changed: list[Any] = list(self._before)
        changed[_LFLAG] &= ~_OFF
        if signals:
            changed[_LFLAG] |= termios.ISIG | termios.NOFLSH
        changed[_CC] = list(changed[_CC])
        changed[_CC][termios.VMIN], changed[_CC][termios.VTIME] = 1, 0
        termios.tcsetattr(self._fd, termios.TCSANOW, changed)

    def leave(self) -> None:
        """It belongs to another job, with its own modes."""
        self._before = None

    def restore(self) -> None:
        """Make it as it was, if it is ours. What was typed is not lost by that."""
        if self._before is not None and self.is_ours:
            with suppress(termios.error, OSError):
                termios.tcsetattr(self._fd, termios.TCSANOW, self._before)

    def guard(self) -> None:
        """See to it that a signal that ends us restores it first, and that one that continues us is noted."""
        for number in ENDING:
            if signal.getsignal(number) == signal.SIG_DFL:
                self._handlers[number] = signal.signal(number, self._end)
        self._handlers[signal.SIGCONT] = signal.signal(signal.SIGCONT, self._continue)

    def unguard(self) -> None:
        """Undo `guard`."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()

    def _end(self, number: int, _frame: object) -> None:
        self.restore()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _continue(self, *_: object) -> None:
        """The shell has given the terminal its own modes meanwhile."""
        self.continued = True
        if self._before is not None and self.is_ours:
            with suppress(termios.error, OSError):
                self.begin()
