"""A kernel in a process of its own, seen from outside."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import papa

from .verify import HangError

PACKAGE = Path(papa.__file__).resolve().parent
PATIENCE = 60.0  # seconds that anything may take on a busy machine
_MARK = 'PAPA_UNDER_LOAD'


class KernelProcess:
    """A real kernel. `stop` ends it, and whatever it has started."""

    def __init__(self, folder: str, *, tcp: bool = False) -> None:
        self.where: int | str = _free_port() if tcp else f'{folder}/kernel.sock'
        self._log = f'{folder}/log'
        self._mark = f'{os.getpid()}-{time.monotonic_ns()}'
        with open(self._log, 'wb') as log:
            self._process = subprocess.Popen(
                [sys.executable, str(PACKAGE), *self.options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=log, env={**os.environ, _MARK: self._mark}, start_new_session=True,
            )
        assert self._process.stdout is not None
        announcement = self._process.stdout.readline()
        if b'listens' not in announcement:
            raise RuntimeError(f'The kernel did not start: {announcement!r} {self.log}')

    @property
    def options(self) -> tuple[str, str]:
        """Where it is, as the command line has it."""
        return '-p' if isinstance(self.where, int) else '-u', str(self.where)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def log(self) -> str:
        """What it has logged."""
        return Path(self._log).read_text(errors='replace')

    def descriptors(self) -> Counter[str]:
        """What its descriptors are, and how many of each."""
        found: Counter[str] = Counter()
        folder = f'/proc/{self.pid}/fd'
        for name in os.listdir(folder):
            try:
                found[re.sub(r':\[\d+\]', '', os.readlink(f'{folder}/{name}'))] += 1
            except FileNotFoundError:
                pass
        return found

    def resident(self) -> int:
        """Bytes of memory in use (VmRSS)."""
        status = Path(f'/proc/{self.pid}/status').read_text()
        return int(re.search(r'VmRSS:\s+(\d+)', status)[1]) * 1024  # type: ignore[index]

    def children(self) -> list[str]:
        """Its child processes, zombies too: their PIDs and names."""
        pids = Path(f'/proc/{self.pid}/task/{self.pid}/children').read_text().split()
        return [_describe(pid) for pid in pids]

    def strays(self) -> list[str]:
        """Processes that descend from it and are not it: they have its environment."""
        return [_describe(str(pid)) for pid in self._marked() if pid != self.pid]

    def _marked(self) -> list[int]:
        mark = f'{_MARK}={self._mark}'.encode()
        found = []
        for name in filter(str.isdigit, os.listdir('/proc')):
            try:
                environment = Path(f'/proc/{name}/environ').read_bytes()
            except OSError:
                continue
            if mark in environment.split(b'\0'):
                found.append(int(name))
        return found

    def stop(self) -> None:
        """End it and its descendants."""
        if self.alive:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        for pid in self._marked():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def _free_port() -> int:
    """A port that was free a moment ago, outside the range that the system hands out by itself."""
    while True:
        port = 20203 + int.from_bytes(os.urandom(2), 'big') % 10000
        with socket.socket() as probe:
            try:
                probe.bind(('127.0.0.1', port))
            except OSError:
                continue
            return port


def _describe(pid: str) -> str:
    try:
        fields = Path(f'/proc/{pid}/stat').read_text()
        command = Path(f'/proc/{pid}/cmdline').read_bytes().replace(b'\0', b' ').decode(errors='replace')
    except OSError:
        return f'{pid} (gone)'
    return f'{pid} {fields.rpartition(")")[2].split()[0]} {command[:100] or fields[:40]}'


def wait_until(condition: Callable[[], object], what: Callable[[], str], seconds: float = PATIENCE) -> None:
    """Wait for what announces itself by no event."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise HangError(f'after {seconds:.0f} seconds: {what()}')
        time.sleep(0.01)
