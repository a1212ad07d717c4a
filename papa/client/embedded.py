"""A kernel in a thread of this program: for tests and experiments."""

from __future__ import annotations

import atexit
import time
from _thread import RLock  # that of threading, which takes a millisecond to import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from papa.client.connection import Connection
    from papa.endpoint import Endpoint

_WAIT = 30.0  # seconds that leaving a `with` block waits for its kernel to end
_POLL = 0.01  # seconds, for another thread that connects meanwhile

_enabled = False
_single = False
_lock = RLock()
_kernels: dict[Endpoint, EmbeddedKernel] = {}


def set_debug_mode(mode: bool = True, quit_when_connection_closed: bool = False) -> None:
    """Let `Papa` start kernels in a daemon thread of this program instead of in a process.

    With `quit_when_connection_closed` such a kernel ends, cleaned up, when its last connection is
    closed, and leaving the ``with`` block of a `Papa` waits for that.
    """
    global _enabled, _single
    _enabled = bool(mode)
    _single = bool(mode) and bool(quit_when_connection_closed)


def is_enabled() -> bool:
    """Whether `Papa` starts kernels in this program."""
    return _enabled


def connect_or_start(endpoint: Endpoint, connect: Callable[[], Connection | None]) -> Connection:
    """Start a kernel at this address in this program, unless another thread does; return a connection to it.

    `connect` tries once and returns None if there is no kernel. Raises an `Error` if it cannot listen.
    """
    with _lock:
        connection = connect()
        while connection is None:
            if endpoint in _kernels:
                _kernels[endpoint].thread.join(_WAIT)  # it answers no more: it is about to end
            for ended in [key for key, kernel in _kernels.items() if not kernel.thread.is_alive()]:
                del _kernels[ended]
            _kernels[endpoint] = EmbeddedKernel(endpoint, _single)
            connection = connect()
    return connection


def wait(endpoint: Endpoint) -> None:
    """Wait until the kernel at this address ends, if it is one of this program that ends by itself
    and nobody here is connected to it any more."""
    running = _kernels.get(endpoint)
    deadline = time.monotonic() + _WAIT
    while running is not None and running.single and not running.connections and time.monotonic() < deadline:
        running.thread.join(_POLL)
        if not running.thread.is_alive():
            return


def is_here(endpoint: Endpoint) -> bool:
    """Whether the kernel at this address is, or was, one of this program."""
    return endpoint in _kernels


def opened(endpoint: Endpoint) -> None:
    """A connection to the kernel at this address was opened in this program."""
    _count(endpoint, 1)


def closed(endpoint: Endpoint) -> None:
    """A connection to the kernel at this address is about to be closed in this program."""
    _count(endpoint, -1)


def _count(endpoint: Endpoint, change: int) -> None:
    with _lock:  # while a kernel is being started it listens already
        running = _kernels.get(endpoint)
        if running is not None:
            running.connections += change


class EmbeddedKernel:
    """A kernel and the thread that it runs in.

    It is a guest: it handles no signal, changes no limit, umask or directory, and waits only for its own children.
    """

    def __init__(self, endpoint: Endpoint, single: bool) -> None:
        import threading

        from papa.kernel.access import Access
        from papa.kernel.kernel import Kernel
        from papa.kernel.listener import Listener
        from papa.kernel.origin import Origin
        from papa.kernel.server import Server

        self.single = single
        self.connections = 0
        listener = Listener(endpoint)  # first: it is what may fail
        kernel = Kernel(Origin(guest=True))
        server = Server(kernel, listener, Access(), single=single)
        self._stop = kernel.loop.stopper()
        self.thread = threading.Thread(target=server.run, name=f'papa kernel at {endpoint}', daemon=True)
        self.thread.start()

    def end(self) -> None:
        """End in order, so that sockets' files are removed."""
        self._stop()
        self.thread.join(_WAIT)


@atexit.register
def _end_all() -> None:
    for kernel in _kernels.values():
        kernel.end()
