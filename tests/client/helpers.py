"""What the tests of the client share: a scripted peer, a process that says what it is told, interrupts, reading."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import struct
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from conftest import PATIENCE, Daemon, wait_until

from papa import Papa, ProcessOutput, Watcher

from .blocking import BlockingWatcher, wait_for_ready

GREETING = b'Papa 2.0.0 is home. Type "help" for commands.\n> '


class FakeKernel:
    """A Unix socket whose connections are served by a function, each in a thread.

    `serve(connection, number)` gets the number of the connection, from 0. `requests` collects the lines
    that `read_request` returned.
    """

    def __init__(self, path: str, serve: Callable[[FakeKernel, socket.socket, int], None]) -> None:
        self.path = path
        self.requests: list[bytes] = []
        self._serve = serve
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(path)
        self._listening.listen()
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def read_request(self, connection: socket.socket) -> bytes:
        """One line, or nothing at the end."""
        line = b''
        while not line.endswith(b'\n'):
            part = connection.recv(1)
            if not part:
                return b''
            line += part
        self.requests.append(line)
        return line

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(PATIENCE)
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join(PATIENCE)
        self._listening.close()

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._threads.append(threading.Thread(target=self._run, args=(connection, number)))
            self._threads[-1].start()
            number += 1

    def _run(self, connection: socket.socket, number: int) -> None:
        with connection, suppress(ConnectionError):
            self._serve(self, connection, number)


class Speaker:
    """A process that writes to its standard output what the test tells it to."""

    def __init__(self, papa: Papa, folder: str, name: str, **options: object) -> None:
        self.name = name
        self._papa = papa
        fifo = f'{folder}/{name}.fifo'
        os.mkfifo(fifo)
        self.made = papa.make_process(name, 'cat', fifo, **options)  # type: ignore[arg-type]
        self._pipe: int | None = os.open(fifo, os.O_WRONLY)

    def say(self, data: bytes) -> None:
        assert self._pipe is not None
        os.write(self._pipe, data)

    @property
    def is_waiting(self) -> bool:
        """Whether it has passed on all that it was told."""
        assert self._pipe is not None
        left = fcntl.ioctl(self._pipe, termios.FIONREAD, bytes(4))
        sleeping = Path(f'/proc/{self.made["pid"]}/stat').read_text().rpartition(')')[2].split()[0] == 'S'
        return left == bytes(4) and sleeping

    def end(self) -> None:
        """Let it end with exit status 0."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None


@contextmanager
def interrupts() -> Iterator[Callable[[], None]]:
    """Gives a function that raises KeyboardInterrupt in the main thread, callable from another."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        yield lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)


def kernel_pid(papa: Papa) -> int:
    """The process at the other end of a client's Unix socket."""
    with socket.socket(fileno=os.dup(papa.fileno() or 0)) as connection:
        data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int(struct.unpack('iII', data)[0])


def end_process(pid: int) -> None:
    """End a process that is not our child, and wait until it has."""
    with suppress(ProcessLookupError):
        pidfd = os.pidfd_open(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        try:
            assert select.select([pidfd], [], [], PATIENCE)[0], f'{pid} does not end'
        finally:
            os.close(pidfd)


Speak = Callable[..., Speaker]
Make = Callable[..., FakeKernel]


def details(daemon: Daemon, name: str = 'p') -> dict[str, Any]:
    with daemon.connect() as papa:
        return papa.list_processes()[name]


def wait_for_capture(daemon: Daemon, size: int, name: str = 'p') -> None:
    wait_until(lambda: details(daemon, name)['captured'] >= size, f'{size} bytes of {name}')


def wait_for_end(daemon: Daemon, name: str = 'p') -> None:
    wait_until(lambda: not details(daemon, name)['running'], f'the end of {name}')


def readable(*watchers: Watcher, seconds: float = PATIENCE) -> list[Watcher]:
    if any(isinstance(watcher, BlockingWatcher) for watcher in watchers):
        return wait_for_ready(watchers, seconds)  # type: ignore[arg-type,return-value]
    return select.select(watchers, [], [], seconds)[0]


def datas(outputs: list[ProcessOutput]) -> bytes:
    return b''.join(output.data for output in outputs)


def read_until(watcher: Watcher, size: int) -> bytes:
    """Standard output until there are so many bytes."""
    found = b''
    while len(found) < size:
        results = watcher.read()
        assert results is not None
        found += datas(results[0])
    return found


def unacknowledged(daemon: Daemon) -> bytes:
    """What a watcher that acknowledges nothing sees."""
    with daemon.connect() as papa:
        found = b''
        if papa.list_processes()['p']['buffered']:
            watcher = papa.watch_processes('p')
            found = datas((watcher.read() or ([], [], []))[0])
            watcher._abandon()
    return found


def serving(replies: bytes, requests: int = 1) -> Callable[[FakeKernel, socket.socket, int], None]:
    """A peer that answers the first of so many requests with this, and hangs up after the last."""

    def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
        connection.sendall(GREETING)
        fake.read_request(connection)
        connection.sendall(replies)
        for _ in range(requests - 1):
            fake.read_request(connection)

    return serve
