"""What is known of the kernel at the prompt's place: whether it is there, and whether it still is the same."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from papa.errors import ConnectFailed, ConnectionLost, Error
from papa.line.kernels import identity
from papa.names import plain
from papa_shell.session import another_kernel

CONNECTING, CONNECTED, GONE, LEFT = 'connecting', 'connected', 'no kernel', 'not connected'
STRANGE, REFUSED = 'not understood', 'refused'
SILENT = 1.0  # seconds without an answer that are told
_TRYING = '; trying to connect again'
_LONG = 1000  # characters
_MOST = 20  # notices that wait, such as while a stream goes on: of more, the newest
_READING = 1.0  # seconds before what was told is known


class Strange(Error):
    """An answer of another shape than those that we know."""


class Known:
    """Which kernel at one place a person knows: what is typed is for that one.

    What is typed right after another one was told, or was typed before, is still for the old one.
    """

    def __init__(self, kernel: tuple[int, float]) -> None:
        self._before = self._kernel = kernel
        self._since = 0.0

    def tell(self, kernel: tuple[int, float]) -> None:
        """The person is told that this one is there now."""
        if kernel != self._kernel:
            self._before, self._kernel, self._since = self.now, kernel, time.monotonic()

    @property
    def now(self) -> tuple[int, float]:
        """The one that is known."""
        return self._kernel if time.monotonic() - self._since >= _READING else self._before


class Standing:
    """For any thread. What a person should be told waits in it: see `notices`. `wake` is called when something has
    changed; whoever shows it puts its own there."""

    def __init__(self, where: object) -> None:
        self.where = plain(str(where))
        self.state = CONNECTING
        self.wake: Callable[[], object] = bool
        self._asked: float | None = None  # since when an answer is waited for
        self._kernel: tuple[int, float] | None = None
        self._is_strange = False  # that it is not understood was told
        self._notices: deque[str] = deque(maxlen=_MOST)
        self.known: Known | None = None  # by who reads the notices
        self._lock = threading.Lock()

    @property
    def _gone(self) -> str:
        return f'The kernel at {self.where} has gone'

    @property
    def has_notices(self) -> bool:
        """Whether something is to be told."""
        return bool(self._notices)

    def notices(self) -> list[str]:
        """Take what is to be told: it is known then."""
        with self._lock:
            found = list(self._notices)
            self._notices.clear()
            if self.known is not None and self._kernel is not None:
                self.known.tell(self._kernel)
        return found

    @property
    def silence(self) -> float:
        """For how many seconds it has not answered, if that is long."""
        asked = self._asked
        waited = 0.0 if asked is None else time.monotonic() - asked
        return waited if waited >= SILENT else 0.0

    def ask(self) -> None:
        """It is asked whether it is there."""
        if self._asked is None:
            self._asked = time.monotonic()

    def hear(self) -> None:
        """It has answered, or will not."""
        was_silent, self._asked = bool(self.silence), None
        if was_silent:
            self.wake()

    def meet(self, info: Mapping[str, Any]) -> bool:
        """A kernel has said who it is (`Papa.kernel_info`). Returns whether it is another than the one before."""
        kernel = identity(info)
        with self._lock:
            before, self._kernel = self._kernel, kernel
            was, self.state, self._asked = self.state, CONNECTED, None
            another = before not in (None, kernel)
            self.known = self.known or Known(kernel)
            if another:
                self._is_strange = False
                self._notices.append(another_kernel(self.where, kernel))
            elif was in (GONE, REFUSED):
                self._notices.append(f'Connected again to the kernel at {self.where}: it is the same one')
        self.wake()
        return another

    def lose(self, error: Error) -> None:
        """It cannot be reached; that is told once."""
        gone = isinstance(error, (ConnectFailed, ConnectionLost))
        state = GONE if gone else STRANGE if isinstance(error, Strange) else REFUSED
        with self._lock:
            was, self.state, self._asked = self.state, state, None
            is_known = state == STRANGE and self._is_strange  # it was there all the time
            self._is_strange |= state == STRANGE
            if was in (CONNECTED, CONNECTING) and not is_known:
                self._notices.append(f'{self._gone if gone else plain(str(error), _LONG)}{_TRYING}')
        self.wake()

    def told(self, gone: str) -> str:
        """A command that runs says that it has gone: with what else is to be said of that. It is not told again."""
        with self._lock:
            self.state, self._asked = GONE, None
            notice = f'{self._gone}{_TRYING}'
            if notice in self._notices:
                self._notices.remove(notice)
        return f'{gone}{_TRYING}'

    def leave(self) -> None:
        """We have let go of it, so that it can end."""
        with self._lock:
            self.state, self._asked = LEFT, None
        self.wake()

    def upgraded(self, details: Mapping[str, Any]) -> None:
        """It has replaced itself, and holds what it held."""
        version, before = plain(str(details.get('version'))), plain(str(details.get('previous_version')))
        with self._lock:
            self._notices.append(f'The kernel was upgraded from {before} to {version}, with all that it holds')
        self.wake()
