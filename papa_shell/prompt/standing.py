"""What is known of the kernel at the prompt's place: whether it is there, and whether it still is the same."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from papa.errors import ConnectFailed, ConnectionLost, Error
from papa.names import plain

CONNECTING, CONNECTED, GONE, LEFT = 'connecting', 'connected', 'no kernel', 'not connected'
_LONG = 1000  # characters


class Standing:
    """For any thread. What a person should be told waits in it: see `notices`. `wake` is called when something has
    changed; whoever shows it puts its own there."""

    def __init__(self, where: object) -> None:
        self.where = plain(str(where))
        self.state = CONNECTING
        self.wake: Callable[[], object] = bool
        self._kernel: tuple[int, float] | None = None
        self._notices: deque[str] = deque()
        self._lock = threading.Lock()

    @property
    def has_notices(self) -> bool:
        """Whether something is to be told."""
        return bool(self._notices)

    def notices(self) -> list[str]:
        """Take what is to be told."""
        found = []
        while self._notices:
            found.append(self._notices.popleft())
        return found

    def meet(self, info: Mapping[str, Any]) -> bool:
        """A kernel has said who it is (`Papa.kernel_info`). Returns whether it is another than the one before."""
        kernel = int(info['pid']), float(info['started'])
        with self._lock:
            before, self._kernel = self._kernel, kernel
            was, self.state = self.state, CONNECTED
            another = before not in (None, kernel)
            if another:
                self._notices.append(
                    f'Another kernel is at {self.where} (PID {kernel[0]}): what the old one held is gone'
                )
            elif was == GONE:
                self._notices.append(f'Connected again to the kernel at {self.where}: it is the same one')
        self.wake()
        return another

    def lose(self, error: Error) -> None:
        """It cannot be reached; that is told once."""
        gone = isinstance(error, (ConnectFailed, ConnectionLost))
        with self._lock:
            was, self.state = self.state, GONE
            if was in (CONNECTED, CONNECTING):
                why = f'The kernel at {self.where} has gone' if gone else plain(str(error), _LONG)
                self._notices.append(f'{why}; trying to connect again')
        self.wake()

    def leave(self) -> None:
        """We have let go of it, so that it can end."""
        with self._lock:
            self.state = LEFT
        self.wake()

    def upgraded(self, details: Mapping[str, Any]) -> None:
        """It has replaced itself, and holds what it held."""
        version, before = plain(str(details.get('version'))), plain(str(details.get('previous_version')))
        with self._lock:
            self._notices.append(f'The kernel was upgraded from {before} to {version}, with all that it holds')
        self.wake()
