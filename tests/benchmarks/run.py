"""Measure this kernel, papa 1.0.6 and the floor of this machine in one run, and print a table.

``python tests/benchmarks/run.py [MEASURE...]``. papa 1.0.6 comes from the package index, into an
environment of its own that is kept for the next run.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent.parent / 'papa'
OLD = Path(tempfile.gettempdir()) / 'papa-1.0.6-benchmark'
OLD_KERNEL = 'from papa.server import main; main()'
ROUNDS = 5  # of each kind in turn; the best counts, for other work on the machine only ever slows
HELD = 200

Row = tuple[str, str, str, str]


def old_python() -> str:
    """The interpreter of an environment with papa 1.0.6."""
    python = OLD / 'bin' / 'python'
    if not (OLD / 'complete').exists():
        venv.create(OLD, clear=True, with_pip=True)
        subprocess.run([python, '-m', 'pip', 'install', '-q', 'papa==1.0.6'], check=True)
        (OLD / 'complete').touch()
    return str(python)


class Kind:
    """One of the three that are compared: how to serve, and how to be a client."""

    def __init__(self, name: str, serve: Callable[[str], list[str]], client: list[str], environment: dict[str, str]):
        self.name = name
        self.serve = serve
        self.client = client
        self.environment = {**os.environ, **environment}

    @contextmanager
    def server(self, cpu: int | None = None) -> Iterator[tuple[str, int]]:
        """A server of this kind: its path and its PID."""
        with tempfile.TemporaryDirectory(prefix='papa-bench-') as folder:
            path = f'{folder}/kernel'
            server = subprocess.Popen(
                [*pin(cpu), *self.serve(path)], env=self.environment, cwd='/',
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )
            try:
                while not os.path.exists(path):
                    if server.poll() is not None:
                        raise SystemExit(f'The server of {self.name} has ended with status {server.returncode}')
                    time.sleep(0.01)
                yield path, server.pid
            finally:
                server.terminate()
                server.communicate()

    def measure(self, *words: object, cpu: int | None = None) -> Any:
        """Run one measurement as a client."""
        command = [*pin(cpu), *self.client, *map(str, words)]
        ended = subprocess.run(command, env=self.environment, cwd='/', stdout=subprocess.PIPE, check=True)
        return json.loads(ended.stdout)


def pin(cpu: int | None) -> list[str]:
    return [] if cpu is None else ['taskset', '-c', str(cpu)]


def kinds() -> tuple[Kind, Kind, Kind]:
    python, old = sys.executable, old_python()
    ours = {'PYTHONPATH': str(PACKAGE.parent)}
    return (
        Kind('papa', lambda p: [python, str(PACKAGE), '-u', p], [python, str(HERE / 'worker.py')], ours),
        Kind(
            'papa 1.0.6', lambda p: [old, '-c', OLD_KERNEL, '-u', p], [old, str(HERE / 'worker.py')], {'PYTHONPATH': ''}
        ),
        Kind('floor', lambda p: [python, str(HERE / 'floor.py'), 'serve', p], [python, str(HERE / 'floor.py')], {}),
    )


def round_trips() -> Iterator[Row]:
    """One client, everything on one core."""
    best = dict.fromkeys(('papa', 'papa 1.0.6', 'floor'), 0.0)
    for _ in range(ROUNDS):
        for kind in kinds():
            with kind.server(cpu=0) as (path, _):
                best[kind.name] = max(best[kind.name], kind.measure('round_trips', path, 4, cpu=0))
    yield rates('round trips, one core', best)


def spawn() -> Iterator[Row]:
    """make_process of /bin/true, against os.posix_spawn."""
    best = dict.fromkeys(('papa', 'papa 1.0.6', 'floor'), 0.0)
    for _ in range(3):
        for kind in kinds():
            if kind.name == 'floor':
                best[kind.name] = max(best[kind.name], kind.measure('spawn', 300))
                continue
            with kind.server() as (path, _):
                best[kind.name] = max(best[kind.name], kind.measure('spawn', path, 300))
    yield rates('make_process /bin/true', best)


def memory() -> Iterator[Row]:
    """Resident memory of the kernel for each process that it holds."""
    cells = {'floor': '–'}
    for kind in kinds()[:2]:
        with kind.server() as (path, pid):
            before = resident(pid)
            children = kind.measure('hold', path, HELD)
            cells[kind.name] = f'{(resident(pid) - before) / HELD:.1f} KB'
            for child in children:
                os.kill(child, signal.SIGKILL)
    yield ('memory per held process', cells['papa'], cells['papa 1.0.6'], cells['floor'])


def latency() -> Iterator[Row]:
    """From a child's write to the watcher's read."""
    for label in ('busy', 'idle'):
        cells = {}
        for kind in kinds():
            if kind.name == 'floor':
                cells[kind.name] = milliseconds(kind.measure('latency', label))
                continue
            with kind.server() as (path, _):
                cells[kind.name] = milliseconds(kind.measure('latency', path, label))
        yield (f'watch latency, {label}, p50 / p99', cells['papa'], cells['papa 1.0.6'], cells['floor'])


def rates(label: str, best: dict[str, float]) -> Row:
    floor = best['floor']
    cells = [f'{best[name]:,.0f}/s ({best[name] / floor:.2f})' for name in ('papa', 'papa 1.0.6')]
    return (label, cells[0], cells[1], f'{floor:,.0f}/s')


def milliseconds(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f'{statistics.median(ordered) * 1000:.2f} / {p99 * 1000:.2f} ms'


def resident(pid: int) -> int:
    """Kilobytes of anonymous memory."""
    for line in Path(f'/proc/{pid}/status').read_text().splitlines():
        if line.startswith('RssAnon:'):
            return int(line.split()[1])
    raise ValueError(pid)


MEASURES = {'round_trips': round_trips, 'spawn': spawn, 'memory': memory, 'latency': latency}


def main(names: list[str]) -> None:
    rows: list[Row] = [('', 'papa', 'papa 1.0.6', 'floor')]
    for name in names or MEASURES:
        rows += MEASURES[name]()
        print(f'measured {name}', file=sys.stderr)
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    rows.insert(1, tuple('-' * width for width in widths))  # type: ignore[arg-type]
    for row in rows:
        print('| ' + ' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + ' |')


if __name__ == '__main__':
    main(sys.argv[1:])
