"""A descriptor by which one thread wakes another that waits for a connection."""

from __future__ import annotations

import os
import select
import threading


class Alarm:
    """`ring` it, and `wait` of another thread returns. Once `stopped`, it always does.

    The thread that waits gives the descriptors back: it does its work in a ``with`` of this.
    """

    def __init__(self) -> None:
        self._out, self._in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, 'pipe2') else _pipe()
        self._lock = threading.Lock()
        self.stopped = False

    def __enter__(self) -> Alarm:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ring(self) -> None:
        """Wake who waits."""
        with self._lock:
            if self._in >= 0:
                try:
                    os.write(self._in, b'!')
                except BlockingIOError:
                    pass  # it rings already

    def stop(self) -> None:
        """Wake who waits, for good."""
        self.stopped = True
        self.ring()

    def wait(self, *files: int, seconds: float | None = None) -> bool:
        """Wait until one of the descriptors has something to read, it rings, or the time is over. Returns whether it
        was a descriptor."""
        poller = select.poll()
        poller.register(self._out, select.POLLIN)
        for file in files:
            if file >= 0:
                poller.register(file, select.POLLIN)
        ready = {found for found, _ in poller.poll(None if seconds is None else seconds * 1000)}
        if self._out in ready and not self.stopped:
            os.read(self._out, 4096)
        return bool(ready - {self._out})

    def close(self) -> None:
        """Give the descriptors back; nobody may wait any more."""
        with self._lock:
            if self._in >= 0:
                os.close(self._out)
                os.close(self._in)
            self._out = self._in = -1


def _pipe() -> tuple[int, int]:
    out, into = os.pipe()
    os.set_blocking(out, False)
    os.set_blocking(into, False)
    return out, into
