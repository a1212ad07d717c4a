"""Fixtures: a kernel of its own for each test, as a process and in the test's thread."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from papa import Papa

PACKAGE = Path(__file__).resolve().parent.parent / 'papa'
PATIENCE = 20.0  # seconds that anything may take on a busy machine


class Daemon:
    """A real kernel in a process of its own. `stop` ends it, and whatever processes it still has."""

    def __init__(
        self, *options: str, port_or_path: int | str, preexec: list[str] | None = None, **popen: object
    ) -> None:
        self.where = port_or_path
        where = ('-p', str(port_or_path)) if isinstance(port_or_path, int) else ('-u', port_or_path)
        self.process = subprocess.Popen(
            [*(preexec or []), sys.executable, str(PACKAGE), *where, *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **popen,  # type: ignore[call-overload]
        )
        assert self.process.stdout is not None
        self.announcement = self.process.stdout.readline()
        assert 'listens' in self.announcement, self.process.stderr.read()  # type: ignore[union-attr]

    @property
    def pid(self) -> int:
        return self.process.pid

    def connect(self, **options: object) -> Papa:
        """A client of this kernel that would never start another."""
        return Papa(self.where, autostart=False, **options)  # type: ignore[arg-type]

    def open(self) -> socket.socket:
        """A raw connection; the greeting is not read."""
        if isinstance(self.where, int):
            return socket.create_connection(('127.0.0.1', self.where), timeout=PATIENCE)
        raw = socket.socket(socket.AF_UNIX)
        raw.settimeout(PATIENCE)
        raw.connect(self.where)
        return raw

    def descriptors(self) -> int:
        """How many descriptors the kernel has open."""
        return len(os.listdir(f'/proc/{self.pid}/fd'))

    def stop(self) -> str:
        """End the kernel and its processes; return what it logged."""
        if self.process.poll() is None:
            self._kill_children()
            self.process.send_signal(signal.SIGTERM)
        _, log = self.process.communicate(timeout=PATIENCE)
        return log

    def _kill_children(self) -> None:
        with self.connect() as papa:
            for details in papa.list_processes().values():
                if details['running']:
                    try:
                        os.killpg(details['pid'], signal.SIGKILL)
                    except ProcessLookupError:
                        pass


@pytest.fixture
def folder() -> Iterator[str]:
    """A temporary folder with a path short enough for a Unix socket."""
    with tempfile.TemporaryDirectory(prefix='papa-') as path:
        yield path


@pytest.fixture
def start_daemon(folder: str) -> Iterator[Callable[..., Daemon]]:
    """Start kernels that end with the test: ``start_daemon(*options, port_or_path=..., preexec=[...])``."""
    daemons: list[Daemon] = []

    def start(*options: str, port_or_path: int | str | None = None, **more: object) -> Daemon:
        where = port_or_path if port_or_path is not None else f'{folder}/kernel{len(daemons)}.sock'
        daemons.append(Daemon(*options, port_or_path=where, **more))  # type: ignore[arg-type]
        return daemons[-1]

    yield start
    for daemon in daemons:
        daemon.stop()


@pytest.fixture
def daemon(start_daemon: Callable[..., Daemon]) -> Daemon:
    """One real kernel on a Unix socket."""
    return start_daemon()


@pytest.fixture
def papa(daemon: Daemon) -> Iterator[Papa]:
    """A client of `daemon`."""
    with daemon.connect() as client:
        yield client


@pytest.fixture
def free_port() -> int:
    """A TCP port that was free a moment ago, outside the range that the system hands out by itself."""
    return find_free_port()


def find_free_port() -> int:
    while True:
        port = 20203 + int.from_bytes(os.urandom(2), 'big') % 10000
        with socket.socket() as probe:
            try:
                probe.bind(('127.0.0.1', port))
            except OSError:
                continue
            return port


def wait_until(condition: Callable[[], object], what: str = 'it', seconds: float = PATIENCE) -> None:
    """Wait for what announces itself by no event."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f'waited {seconds} seconds in vain for {what}'
        time.sleep(0.005)
