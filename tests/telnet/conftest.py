"""Fixtures for those who speak the telnet dialect: telnet, netcat, and the published papa 1.0.6 and circus 0.17.2."""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

OLD_WORLD = ('papa==1.0.6', 'circus==0.17.2')
GONE_FROM_PYTHON_3_13 = {  # and imported by circus 0.17.2; the second by its tests
    'pipes.py': 'from shlex import quote\n',
    'sitecustomize.py': 'import unittest\nunittest.findTestCases = unittest.defaultTestLoader.loadTestsFromModule\n',
}
PATIENCE = 20.0  # seconds that anything may take on a busy machine


class Conversation:
    """A program that talks to a kernel, with us at its keyboard."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._heard = b''

    def say(self, line: str) -> None:
        """Type a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b'\n')
        self.process.stdin.flush()

    def hear(self, end: str = '\n> ') -> str:
        """What it prints up to `end`, which must be the last that it prints for now."""
        deadline = time.monotonic() + PATIENCE
        while not self._heard.endswith(end.encode()):
            data = self._read(deadline)
            assert data, f'it ended after {self._heard!r} instead of saying {end!r}'
        heard = self._heard.decode()[: -len(end)]
        self._heard = b''
        return heard

    def ask(self, line: str, end: str = '\n> ') -> str:
        """Type a line and return the reply to it."""
        self.say(line)
        return self.hear(end)

    def rest(self, last_words: str) -> str:
        """What it prints until it ends, after the kernel has closed the connection with `last_words`."""
        assert self.process.stdin is not None
        deadline = time.monotonic() + PATIENCE
        while last_words.encode() not in self._heard:
            assert self._read(deadline), f'it ended after {self._heard!r} instead of saying {last_words!r}'
        self.process.stdin.close()  # netcat waits for that, too
        while self._read(deadline):
            pass
        self.process.wait(PATIENCE)
        return self._heard.decode()

    def _read(self, deadline: float) -> bytes:
        assert self.process.stdout is not None
        fd = self.process.stdout.fileno()
        assert select.select([fd], [], [], deadline - time.monotonic())[0], f'it says nothing after {self._heard!r}'
        data = os.read(fd, 65536)
        self._heard += data
        return data

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


@pytest.fixture
def start_program() -> Iterator[Callable[..., Conversation]]:
    """Start programs that end with the test: ``start_program('nc', '127.0.0.1', '8080')``."""
    started: list[Conversation] = []

    def start(*command: str) -> Conversation:
        started.append(Conversation(*command))
        return started[-1]

    yield start
    for conversation in started:
        conversation.end()


@pytest.fixture(params=['telnet', 'nc', 'nc -U'])
def converse(
    request: pytest.FixtureRequest, start_daemon: Callable[..., Any], free_port: int,
    start_program: Callable[..., Conversation],
) -> Callable[[], Conversation]:
    """Connect one of the programs, over TCP or a Unix socket, to a kernel of its own (attribute `daemon`)."""
    daemon = start_daemon(port_or_path=None if request.param == 'nc -U' else free_port)
    where = (daemon.where,) if request.param == 'nc -U' else ('127.0.0.1', str(daemon.where))

    def start() -> Conversation:
        conversation = start_program(*request.param.split(), *where)
        greeting = conversation.hear()
        assert 'is home. Type "help" for commands.' in greeting
        return conversation

    start.daemon = daemon  # type: ignore[attr-defined]
    return start


@pytest.fixture
def chat(converse):
    """A program that has connected and heard the greeting."""
    return converse()


@pytest.fixture
def gate(folder: str) -> Iterator[tuple[str, Callable[[str], None]]]:
    """A command whose process prints each line that we send it, and how to send one; None ends it."""
    path = f'{folder}/gate'
    os.mkfifo(path)
    fd = os.open(path, os.O_RDWR)  # for both, so that neither open waits

    def send(line: str | None) -> None:
        os.write(fd, b'exit\n' if line is None else f'echo {line}\n'.encode())

    yield f'/bin/sh {path}', send  # a shell that reads its script from the pipe
    os.close(fd)


@pytest.fixture(scope='session')
def old_world() -> str:
    """The Python of a virtual environment with the published papa 1.0.6 and circus 0.17.2.

    Made once and kept; the lock is for the workers of pytest-xdist.
    """
    version = '.'.join(map(str, sys.version_info[:2]))
    home = Path(tempfile.gettempdir()) / f'papa-old-world-{os.geteuid()}-{version}'
    home.mkdir(mode=0o700, exist_ok=True)
    assert home.lstat().st_uid == os.geteuid()
    environment = home / 'venv'
    python = str(environment / 'bin' / 'python')
    complete = environment / ' '.join(OLD_WORLD)
    with open(home / 'lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (complete.exists() and os.path.exists(python)):  # a link to a Python that may be gone
            shutil.rmtree(environment, ignore_errors=True)
            for command in (
                [sys.executable, '-m', 'venv', str(environment)],
                [python, '-W', 'ignore', '-m', 'pip', 'install', '--quiet', *OLD_WORLD],
            ):
                made = subprocess.run(command, capture_output=True, text=True, env=clean_environment())
                assert made.returncode == 0, made.stderr
            if sys.version_info >= (3, 13):
                (site_packages,) = environment.glob('lib/python*/site-packages')
                for name, text in GONE_FROM_PYTHON_3_13.items():
                    (site_packages / name).write_text(text)
            complete.touch()
    return python


def clean_environment(**more: str) -> dict[str, str]:
    """Ours without what would lead another Python to our papa, or papa to another kernel."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(('PYTHON', 'PAPA'))}
    return environment | more


@pytest.fixture
def environment() -> Callable[..., dict[str, str]]:
    """`clean_environment`."""
    return clean_environment


@pytest.fixture
def wait_until() -> Callable[..., None]:
    """Wait for what announces itself by no event."""

    def wait(condition: Callable[[], object], what: str = 'it', seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f'waited {seconds} seconds in vain for {what}'
            time.sleep(0.01)

    return wait


def records(batch):
    """The headers of a batch without times, and what they announce."""
    found = []
    while batch:
        header, _, batch = batch.partition('\n')
        kind, name, timestamp, number = header.split(':')
        assert abs(float(timestamp) - time.time()) < 3600
        if kind == 'closed':
            found.append((kind, name, int(number)))
        else:
            size = int(number)
            assert batch[size] == '\n'
            found.append((kind, name, batch[:size]))
            batch = batch[size + 1 :]
    return found


def watched(chat, batch, *, until=1):
    """Acknowledge and read on until so many processes have closed. Returns all records, neighbours joined."""
    found = records(batch)
    while sum(kind == 'closed' for kind, _, _ in found) < until:
        found += records(chat.ask('-', '] '))
    joined = []
    for record in found:
        if joined and record[:2] == joined[-1][:2]:
            joined[-1] = (*record[:2], joined[-1][2] + record[2])
        else:
            joined.append(record)
    return joined
