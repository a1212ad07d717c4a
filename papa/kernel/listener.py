"""The address of a kernel: one kernel each, and nothing deleted that is not a dead kernel's."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from contextlib import suppress

from papa.endpoint import Endpoint
from papa.errors import Conflict, SystemFailure
from papa.kernel.sockets import clear_path, failure, set_mode
from papa.kernel.state import EndpointState

_BACKLOG = 1024
_PRIVATE, _SHARED = 0o600, 0o666


class Listener:
    """The listening socket of a kernel and, for a path, the lock that it holds for as long as it lives."""

    def __init__(self, endpoint: Endpoint, *, shared: bool = False) -> None:
        """Listen, or raise `Conflict` or `SystemFailure`. `shared`: the file lets other users connect,
        and the kernel decides by their uid."""
        self.endpoint = endpoint
        self._lock: int | None = None
        if endpoint.path is None:
            self.socket = _listen_tcp(endpoint)
        else:
            self._lock = _lock(endpoint.path)
            try:
                self.socket = _listen_unix(endpoint.path, _SHARED if shared else _PRIVATE)
            except BaseException:
                self._unlock()
                raise
            self._inode = os.lstat(endpoint.path).st_ino
        self.socket.setblocking(False)

    def state(self) -> EndpointState:
        """All of it."""
        return EndpointState(
            self.socket.fileno(), self.endpoint.port, self.endpoint.path, self._lock,
            None if self._lock is None else self._inode,
        )

    @classmethod
    def restored(cls, state: EndpointState) -> Listener:
        """The one that was handed over. Raises OSError or ValueError if it is none."""
        if (state.path is None) == (state.port is None) or (state.path is None) != (state.lock is None):
            raise ValueError('a kernel has a port, or a path and a lock')
        listener = cls.__new__(cls)
        listener.endpoint = Endpoint(state.port, state.path)
        listener.socket = socket.socket(fileno=state.fd)
        listener.socket.setblocking(False)
        listener._lock = state.lock
        listener._inode = state.inode or 0
        return listener

    @property
    def descriptors(self) -> list[int]:
        """Those that have to stay open for another kernel."""
        return [self.socket.fileno()] + ([] if self._lock is None else [self._lock])

    def close(self) -> None:
        """Stop listening and remove the socket's file and the lock."""
        if self.endpoint.path is not None:
            with suppress(OSError):
                if os.lstat(self.endpoint.path).st_ino == self._inode:
                    os.unlink(self.endpoint.path)
        self.socket.close()
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None and self.endpoint.path is not None:
            with suppress(OSError):
                os.unlink(_lock_path(self.endpoint.path))
            os.close(self._lock)
            self._lock = None


def _lock_path(path: str) -> str:
    return path + '.lock'


def _lock(path: str) -> int:
    """Take the lock beside a Unix socket. It counts only if its file is still there afterwards."""
    lock_path = _lock_path(path)
    while True:
        try:
            fd = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, _PRIVATE)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise Conflict(f'{lock_path} is a link; it is left alone') from None
            raise failure(f'Cannot lock {lock_path}', error) from None
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode) or status.st_size:
                raise Conflict(f'{lock_path} is not the empty file of a lock; it is left alone')
            os.fchmod(fd, _PRIVATE)
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.lstat(lock_path).st_ino == status.st_ino:
                return fd
        except BlockingIOError:
            os.close(fd)
            raise Conflict(f'A kernel runs at {path} already') from None
        except FileNotFoundError:
            pass  # the last holder has just removed it
        except OSError as error:
            os.close(fd)
            raise failure(f'Cannot lock {lock_path}', error) from None
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _listen_unix(path: str, mode: int) -> socket.socket:
    clear_path(path)
    try:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    except OSError as error:
        raise failure(f'Cannot listen at {path}', error) from None
    bound = False
    try:
        if os.uname().sysname == 'Linux':
            os.fchmod(listening.fileno(), mode)  # the file is made with at most this
        listening.bind(path)
        bound = True
        set_mode(path, mode)  # and has exactly this before anybody can connect
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        if bound:
            with suppress(OSError):
                os.unlink(path)
        raise failure(f'Cannot listen at {path}', error) from None
    return listening


def _listen_tcp(endpoint: Endpoint) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it. A reply in two parts would wait 40 ms for the acknowledgement of its first otherwise.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind(endpoint.address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise Conflict(f'A kernel or another program listens on {endpoint} already') from None
        raise SystemFailure(f'Cannot listen on {endpoint}: {error.strerror}') from None
    return listening
