"""What becomes of a thread that ends by a mistake of ours: a person is told, and where it was is kept for the end."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import NamedTuple

_WHO = {
    'changes': 'the feed of changes', 'output': 'the feed of output', 'doer': 'what asks the kernel',
    'pulse': 'the watch over the kernel', 'sampler': 'the sampling of CPU and memory',
}


class Failure(NamedTuple):
    """The name of the thread, and what has happened to it, in one line and in all lines."""

    thread: str
    text: str
    trace: str

    @property
    def who(self) -> str:
        """What a person calls the thread."""
        return _WHO.get(self.thread, f'the thread {self.thread}')


class Failures:
    """Hears of all threads of the program, from `install` to `restore`. `bell` is called by the thread that fails."""

    def __init__(self) -> None:
        self.all: list[Failure] = []
        self.bell: Callable[[], object] = bool
        self._taken = 0
        self._before: Callable[[threading.ExceptHookArgs], object] | None = None

    def install(self) -> None:
        """Begin, if that is not done."""
        if self._before is None:
            self._before, threading.excepthook = threading.excepthook, self._failed

    def restore(self) -> None:
        """End."""
        if self._before is not None:
            threading.excepthook, self._before = self._before, None

    def take(self) -> list[Failure]:
        """Those that nobody has taken."""
        found = self.all[self._taken :]
        self._taken += len(found)
        return found

    def _failed(self, args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread is not None else '?'
        text = f'{args.exc_type.__name__}: {args.exc_value}'.splitlines()[0]
        trace = ''.join(traceback.format_exception(args.exc_type, args.exc_value, args.exc_traceback))
        self.all.append(Failure(name, text, trace))
        self.bell()
