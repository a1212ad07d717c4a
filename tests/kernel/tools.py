"""What several tests of the kernel need."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import pytest
from conftest import PACKAGE, PATIENCE, Daemon

from papa import Error, Papa, Watcher
from papa.kernel.output import OutputBuffer
from papa.kernel.segment import STDOUT, Piece

NOBODY = 65534
APART = 1.0  # seconds: pieces of output that are never joined
_AS_NOBODY = ('setpriv', f'--reuid={NOBODY}', '--clear-groups')
PYTHON_WORDS = ('Traceback', 'object', 'NoneType', 'Errno', 'expected', 'int()', 'attribute', '<')

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which('setpriv') is None, reason='it takes root and setpriv to be another user'
)


class Talker:
    """A raw connection, as netcat makes one."""

    def __init__(self, daemon: Daemon) -> None:
        self._rest = b''
        self.socket = daemon.open()
        self.greeting = self.until(b'\n> ')

    def __enter__(self) -> Talker:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def until(self, end: bytes) -> bytes:
        """What arrives up to `end`."""
        data = b''
        while not data.endswith(end):
            part = self.socket.recv(65536)
            assert part, f'closed after {data!r}'
            data += part
        return data

    def until_prompt(self) -> bytes:
        """One reply, when several may have come at once."""
        while b'\n> ' not in self._rest:
            part = self.socket.recv(65536)
            assert part, f'closed after {self._rest!r}'
            self._rest += part
        reply, _, self._rest = self._rest.partition(b'\n> ')
        return reply

    def ask(self, line: str) -> str:
        """The reply to a line, without the prompt."""
        self.send(line.encode() + b'\n')
        return self.until(b'\n> ')[:-3].decode()

    def rest(self) -> bytes:
        """Everything until the kernel closes the connection."""
        data = b''
        while True:
            try:
                part = self.socket.recv(65536)
            except ConnectionResetError:
                return data
            if not part:
                return data
            data += part


@functools.cache
def public_python() -> str | None:
    """A Python that every user can run: ours, unless it is in somebody's home, else the system's."""
    for python in (sys.executable, shutil.which('python3', path='/usr/bin:/usr/local/bin')):
        if python is not None:
            probe = [*_AS_NOBODY, python, '-c', 'import socket, sys; sys.exit(sys.version_info < (3, 10))']
            if subprocess.run(probe, capture_output=True, cwd='/', check=False).returncode == 0:
                return python
    return None


def python_of_nobody(code: str, *arguments: object) -> list[str]:
    """The command that runs Python code as another user; skips the test where that cannot be."""
    python = public_python()
    if python is None:
        pytest.skip('it takes a Python that every user can run')
    return [*_AS_NOBODY, python, '-c', code, *map(str, arguments)]


def as_nobody(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python code as another user."""
    return subprocess.run(
        python_of_nobody(code, *arguments), capture_output=True, text=True, timeout=PATIENCE * 2, cwd='/',
        env={**os.environ, 'PYTHONPATH': str(PACKAGE.parent)}, check=False,
    )


def shell(script: str) -> dict[str, Any]:
    """The parameters of `make_process` for a shell script."""
    return {'executable': '/bin/sh', 'args': ['-c', script]}


def python(code: str, *arguments: object) -> dict[str, Any]:
    """The parameters of `make_process` for a Python program that starts fast."""
    return {'executable': sys.executable, 'args': ['-I', '-S', '-c', code, *map(str, arguments)]}


class Seen:
    """All that a watcher hands out until it has nothing left."""

    def __init__(self, watcher: Watcher) -> None:
        self.out = self.err = b''
        self.exits: dict[str, int] = {}
        while (result := watcher.read()) is not None:
            out, err, closed = result
            self.out += b''.join(piece.data for piece in out)
            self.err += b''.join(piece.data for piece in err)
            self.exits.update((piece.name, piece.data) for piece in closed)


def run(papa: Papa, name: str = 'job', **parameters: Any) -> Seen:
    """Run a process to its end and take its output."""
    with papa.make_process(name, watch_immediately=True, **parameters) as watcher:
        return Seen(watcher)


def assert_clear(error: Error | str, *words: str) -> None:
    """It is one line that has the words, and none of Python's own."""
    text = str(error)
    assert text
    assert '\n' not in text
    for word in words:
        assert word in text, ascii(text)
    for word in PYTHON_WORDS:
        assert word not in text, ascii(text)


def assert_serves(daemon: Daemon) -> None:
    """The kernel answers a newcomer."""
    with daemon.connect(connection_timeout=5) as papa:
        papa.set('probe', 'alive')
        assert papa.get('probe') == 'alive'
        papa.set('probe')


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used."""
    with open(f'/proc/{pid}/stat', encoding='ascii') as file:
        fields = file.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def resident(pid: int) -> int:
    """Bytes of memory that a process has in use (VmRSS)."""
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith('VmRSS'))


def is_alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii') as file:
            return file.read().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def end(pids: Iterable[int]) -> None:
    """Kill processes (with their sessions) that a kernel no longer lists."""
    for pid in pids:
        for kill in (os.killpg, os.kill):
            try:
                kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


def blocked_sender(connection: socket.socket, data: bytes, limit: int) -> int:
    """Send `data` again and again until the connection takes no more; return the bytes sent."""
    connection.settimeout(0.5)
    sent = 0
    try:
        while sent < limit:
            sent += connection.send(data)
    except TimeoutError:
        pass
    connection.settimeout(PATIENCE)
    return sent


def children(pid: int) -> list[int]:
    """The child processes of a process."""
    with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as file:
        return [int(word) for word in file.read().split()]


def papa_command(*arguments: str, **popen: object) -> subprocess.CompletedProcess[str]:
    """Run the ``papa`` command, which is expected to end by itself."""
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [sys.executable, str(PACKAGE), *arguments],
        capture_output=True, text=True, timeout=PATIENCE, check=False, **popen,
    )


def assert_refuses(ended: subprocess.CompletedProcess[str], *words: str) -> None:
    assert ended.returncode != 0
    assert ended.stdout == ''
    assert ended.stderr.startswith('papa: ')
    assert_clear(ended.stderr.rstrip('\n'), *words)


def pieces_of(buffer: OutputBuffer, position: int | None = None, budget: int = 2**40) -> list[Piece]:
    """All that can be read from `position` on."""
    position = buffer.base if position is None else position
    found: list[Piece] = []
    serial = 0
    while True:
        pieces, serial = buffer.read(position, serial, budget)
        if not pieces:
            return found
        found += pieces
        position = pieces[-1].end


def text_of(buffer: OutputBuffer, position: int | None = None) -> bytes:
    return b''.join(bytes(piece.data) for piece in pieces_of(buffer, position))


def filled(size: int, *texts: bytes, block: bool = False, stream: int = STDOUT) -> OutputBuffer:
    buffer = OutputBuffer(size, block)
    for number, text in enumerate(texts):
        buffer.append(stream, number * APART, text)
    return buffer


def written(start: int, size: int) -> bytes:
    """Bytes that are told apart by where they stand."""
    return bytes((position * 7 + position // 256) % 251 for position in range(start, start + size))
