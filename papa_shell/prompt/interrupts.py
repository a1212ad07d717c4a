"""What a SIGINT does: it interrupts a command that runs, clears the line that is typed, and never anything else.

In between, while an event loop ends or a result is told, an exception out of nowhere would end the shell.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TypeVar

T = TypeVar('T')


class Interrupts:
    """`clear` is called where no command runs; it says whether it had a line to clear. Only for the main thread."""

    def __init__(self) -> None:
        self.clear: Callable[[], bool] = bool
        self._is_running = False
        self._is_early = False

    def install(self) -> None:
        """From now on it is as said above."""
        signal.signal(signal.SIGINT, self._take)

    def forget(self) -> bool:
        """What came until now is not meant for the command that is typed next. Whether something came."""
        was, self._is_early = self._is_early, False
        return was

    def run(self, work: Callable[[], T]) -> T:
        """Do work that can be interrupted: raises `KeyboardInterrupt`, also if that came since Enter."""
        self._is_running = True
        try:
            if self._is_early:
                self._is_early = False
                raise KeyboardInterrupt
            return work()
        finally:
            self._is_running = False

    def _take(self, _number: int, _frame: object) -> None:
        if self._is_running:
            self._is_running = False  # once: who cleans up after it is left alone
            raise KeyboardInterrupt
        if not self.clear():
            self._is_early = True
