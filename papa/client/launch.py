"""Starting a kernel as a process of its own, once, however many programs ask at the same time."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from papa import interpreter
from papa.endpoint import Endpoint
from papa.errors import ConnectFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from papa.client.connection import Connection

_LOCK_ROOT = '/tmp'  # noqa: S108 - the folder in it is checked to be ours alone; the same for every program of a user, whatever its environment says
_POLL = 0.01  # seconds


def connect_or_start(endpoint: Endpoint, timeout: float, connect: Callable[[], Connection | None]) -> Connection:
    """Start a kernel unless somebody else does meanwhile; return a connection to it.

    `connect` tries once and returns None if there is no kernel. Raises `ConnectFailed` with the
    kernel's own words if it cannot run.
    """
    deadline = time.monotonic() + timeout
    with _lock(endpoint, deadline):
        connection = connect()
        if connection is None:
            trouble = _start(endpoint, deadline)
            connection = _connect_until(connect, deadline if trouble is None else 0)
            if connection is None:
                raise ConnectFailed(trouble or f'The kernel at {endpoint} has not answered in {timeout:g} seconds')
    return connection


def _connect_until(connect: Callable[[], Connection | None], deadline: float) -> Connection | None:
    connection = connect()
    while connection is None and time.monotonic() < deadline:
        time.sleep(_POLL)
        connection = connect()
    return connection


def _start(endpoint: Endpoint, deadline: float) -> str | None:
    """Run ``papa --daemonize``, which returns when the kernel answers. Return what is wrong, if it is."""
    command = interpreter.command(interpreter.PACKAGE_DIRECTORY, '--daemonize', *endpoint.arguments)
    try:
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            cwd='/', start_new_session=True, timeout=max(0.1, deadline - time.monotonic()), check=False,
        )
    except subprocess.TimeoutExpired:
        return f'The kernel at {endpoint} has not started in time'
    except OSError as error:
        return f'Cannot run {command[0]} to start a kernel: {error.strerror}'
    if ended.returncode == 0:
        return None
    lines = ended.stderr.decode('utf-8', 'replace').strip().splitlines()
    reason = lines[-1].removeprefix('papa: ') if lines else f'exit status {ended.returncode}'
    return f'Cannot start a kernel at {endpoint}: {reason}'


@contextmanager
def _lock(endpoint: Endpoint, deadline: float) -> Iterator[None]:
    """Hold the lock of those who want to start a kernel at this address.

    Without it nothing breaks, since a kernel tolerates no second one at its address: so where the
    lock cannot be had in time, or its folder is not ours alone, there is none.
    """
    fd = _open_lock(endpoint)
    try:
        while fd is not None:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    break
                time.sleep(_POLL)
        yield
    finally:
        if fd is not None:
            os.close(fd)


def _open_lock(endpoint: Endpoint) -> int | None:
    folder = f'{_LOCK_ROOT}/papa-{os.geteuid()}'
    name = endpoint.uri.replace('%', '%25').replace('/', '%2F')
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        status = os.lstat(folder)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            return None
        return os.open(f'{folder}/{name}', os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
