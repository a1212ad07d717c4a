"""The three that are compared: this kernel, papa 1.0.6, and the floor of this machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
OLD = Path(tempfile.gettempdir()) / 'papa-1.0.6-benchmark'
OLD_KERNEL = 'from papa.server import main; main()'
PATIENCE = 180.0  # seconds that one measurement may take
PAPA, OLD_PAPA, FLOOR = 'papa', 'papa 1.0.6', 'floor'


class Failed(Exception):
    """A measurement could not be made; the text is for its row of the table."""


class Kind:
    """How to serve and how to be a client.

    `library` is where its papa is imported from, None for the floor.
    """

    def __init__(
        self, name: str, serve: Callable[[str], list[str]], client: list[str], library: str | None = None
    ) -> None:
        self.name = name
        self.library = library
        self._serve = serve
        self._client = client
        self._environment = {**os.environ, 'PYTHONPATH': library or ''}

    @contextmanager
    def server(self, cpu: int | None = None, descriptors: int | None = None) -> Iterator[tuple[str, int]]:
        """A server of this kind: its path and its PID. What it has started is killed at the end."""
        limit = [] if descriptors is None else ['prlimit', f'--nofile={descriptors}:{descriptors}']
        with tempfile.TemporaryDirectory(prefix='papa-bench-') as folder:
            path = f'{folder}/kernel'
            with open(f'{folder}/log', 'w+b') as log:
                server = subprocess.Popen(
                    [*pin(cpu), *limit, *self._serve(path)], env=self._environment, cwd='/', stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=log,
                    start_new_session=True,  # an interrupt from the terminal is for us, who then clean up
                )
                try:
                    while not answers(path):
                        if server.poll() is not None:
                            log.seek(0)
                            words = log.read().decode(errors='replace').strip().splitlines()[-1:]
                            raise Failed(f'the server of {self.name} ended: {"".join(words) or server.returncode}')
                        time.sleep(0.01)
                    yield path, server.pid
                finally:
                    stop(server)

    def measure(self, measure: str, *words: object, cpu: int | None = None, timeout: float = PATIENCE) -> Any:
        """Run one measurement as a client."""
        command = [*pin(cpu), *self._client, measure, json.dumps(words)]
        try:
            ended = subprocess.run(
                command, env=self._environment, cwd='/', stdout=subprocess.PIPE, check=True, timeout=timeout
            )
        except subprocess.TimeoutExpired:
            raise Failed(f'> {timeout:g} s') from None
        except subprocess.CalledProcessError as error:
            raise Failed(f'{measure} failed with status {error.returncode}') from None
        return json.loads(ended.stdout)


def kinds(tree: Path, *, only_papa: bool) -> list[Kind]:
    """This kernel from the checkout at `tree`; unless `only_papa`, the other two."""
    python = sys.executable
    kernel = [python, '-I', '-S', str(tree / 'papa'), '-u']  # as a client starts it
    found = [Kind(PAPA, lambda path: [*kernel, path], [python, str(HERE / 'worker.py')], str(tree))]
    if not only_papa:
        old = old_python()
        library = subprocess.check_output([old, '-I', '-c', 'import papa; print(papa.__path__[0])'], text=True).strip()
        found.append(Kind(
            OLD_PAPA, lambda path: [old, '-c', OLD_KERNEL, '-u', path], [old, str(HERE / 'worker.py')],
            str(Path(library).parent),
        ))
        found.append(floor())
    return found


def floor() -> Kind:
    program = [sys.executable, str(HERE / 'floor.py')]
    return Kind(FLOOR, lambda path: [*program, 'serve', json.dumps([path])], program)


def old_python() -> str:
    """The interpreter of an environment with papa 1.0.6, which is kept for the next run."""
    python = OLD / 'bin' / 'python'
    if not (OLD / 'complete').exists():
        venv.create(OLD, clear=True, with_pip=True)
        subprocess.run([python, '-m', 'pip', 'install', '-q', 'papa==1.0.6'], check=True)
        (OLD / 'complete').touch()
    return str(python)


def pin(cpu: int | None) -> list[str]:
    return [] if cpu is None or shutil.which('taskset') is None else ['taskset', '-c', str(cpu)]


def answers(path: str) -> bool:
    """Whether somebody greets there."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0 and probe.recv(4096) != b''


def stop(server: subprocess.Popen[bytes]) -> None:
    """End a server after the processes that it holds, which would live on."""
    for pid in children(server.pid):
        kill(pid)
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def children(parent: int) -> list[int]:
    found = []
    for entry in os.scandir('/proc'):
        if entry.name.isdigit():
            with suppress(OSError):  # it has ended meanwhile
                fields = Path(entry.path, 'stat').read_text().rpartition(')')[2].split()
                if int(fields[1]) == parent:
                    found.append(int(entry.name))
    return found


def kill(pid: int) -> None:
    """Kill a held process with all that it has started: it leads a session."""
    for send in (os.killpg, os.kill):
        try:
            send(pid, signal.SIGKILL)
            return
        except ProcessLookupError:
            pass
