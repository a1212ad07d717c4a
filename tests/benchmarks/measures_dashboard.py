"""Figures of the dashboard: how soon there is a picture, and what it takes while much moves."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kinds import FLOOR, PAPA, Failed
from table import Bench, Row, milliseconds, percentiles, row, verdict

WORKER = Path(__file__).resolve().parent / 'dashboard_worker.py'
PATIENCE = 60.0  # seconds
ROWS, COLUMNS = 36, 120
FLOOD = 50_000_000  # bytes a second


def dashboard(bench: Bench) -> Iterator[Row]:
    """Needs the extra ``papa[tui]``."""
    try:
        import textual  # noqa: F401
    except ImportError:
        raise Failed('the extra papa[tui] is not installed') from None
    yield _first_picture(bench)
    for processes, moving, share in ((2000, 200, 0.05), (200, 0, 0.02)):
        yield _busy(bench, processes, moving, share)
    yield _keys(bench)


def _first_picture(bench: Bench) -> Row:
    """From the start of the program to data on the screen, against the same of a bare Textual application."""
    best = {PAPA: float('inf'), FLOOR: float('inf')}
    with bench.papa.server() as (path, _):
        bench.papa.measure('hold', path, bench.size(20, 2))
        for _ in range(bench.size(5, 1)):
            best[FLOOR] = min(best[FLOOR], _until(bench, ('bare',), b'first-row'))
            best[PAPA] = min(best[PAPA], _until(bench, ('first', path), b'running'))
    cells = {PAPA: f'{milliseconds(best[PAPA])} ({best[PAPA] / best[FLOOR]:.2f})', FLOOR: milliseconds(best[FLOOR])}
    holds = verdict(best[PAPA] < 2 * best[FLOOR])
    return row('dashboard: first picture with data; floor: bare Textual, DataTable', cells, '< 2 of floor', holds)


def _busy(bench: Bench, processes: int, moving: int, share: float) -> Row:
    with tempfile.TemporaryDirectory(prefix='papa-bench-') as folder:
        figures = Path(folder) / 'figures'
        seconds = bench.size(10, 1)
        _run(bench, ('busy', str(processes), str(moving), str(seconds)), None, figures)
        found: dict[str, Any] = json.loads(figures.read_text())
    used = found['cpu'] / found['seconds']
    each = found['ui'] / max(1, found['draws'])  # all that its thread does, between the drawings too
    cell = f'{used * 100:.1f} % of a core, {each * 1000:.1f} ms a refresh, {found["memory"] >> 20} MB'
    what = f'dashboard: {processes:,} processes, {moving} of them move each second; all that it takes'
    return row(what, {PAPA: cell}, f'< {share * 100:.0f} %, < 10 ms', verdict(used < share and each < 0.010))


def _keys(bench: Bench) -> Row:
    """From a key to what it does, on the screen: with a flood in the open pane, and with silence in it."""
    found: dict[str, tuple[float, float]] = {}
    for name, rate in (('flood', FLOOD), ('quiet', 1)):
        with bench.papa.server() as (path, _):
            _start(bench, path, name, rate)
            with _terminal(bench, ('output', path, name), Path(os.devnull)) as (master, _):
                found[name] = percentiles(_press(master, bench.size(40, 3)))
    (median, most), quiet = found['flood'], found['quiet']
    cell = f'{milliseconds(median, most)}; in silence {milliseconds(*quiet)}'
    what = f'dashboard: a key, with {FLOOD // 1_000_000} MB/s in the open pane, p50 / p99'
    return row(what, {PAPA: cell}, '< 100 ms', verdict(median < 0.1))


def _start(bench: Bench, path: str, name: str, rate: int) -> None:
    environment = {**os.environ, 'PYTHONPATH': str(bench.papa.library)}
    subprocess.run([sys.executable, str(WORKER), 'flood', path, name, str(rate)], env=environment, check=True)


def _press(master: int, times: int) -> list[float]:
    """Turn wrapping on, which the title tells, and off again; seconds that turning it on takes."""
    waits = []
    _wait(master, b'xxxx')
    for _ in range(times):
        _swallow(master, 0.15)
        start = time.perf_counter()
        os.write(master, b'w')
        _wait(master, b'wrap ')
        waits.append(time.perf_counter() - start)
        os.write(master, b'w')
    return waits


def _wait(master: int, text: bytes) -> None:
    said, until = b'', time.perf_counter() + PATIENCE
    while text not in said:
        if time.perf_counter() > until:
            raise Failed(f'the dashboard has not shown {text!r}')
        if select.select([master], [], [], 0.1)[0]:
            said = (said + os.read(master, 65536))[-200_000:]


def _swallow(master: int, seconds: float) -> None:
    until = time.perf_counter() + seconds
    while (left := until - time.perf_counter()) > 0:
        if select.select([master], [], [], left)[0]:
            os.read(master, 65536)


def _until(bench: Bench, words: tuple[str, ...], text: bytes) -> float:
    """Seconds from the start of a worker until it has written a text."""
    return _run(bench, words, text, Path(os.devnull))


def _run(bench: Bench, words: tuple[str, ...], text: bytes | None, figures: Path) -> float:
    """Run a worker on a terminal, until it has written a text, or has ended. Returns how long that took."""
    start = time.perf_counter()
    with _terminal(bench, words, figures) as (master, worker):
        return _read(master, worker, text, start)


@contextmanager
def _terminal(bench: Bench, words: tuple[str, ...], figures: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A worker on a terminal of its own; what it says has to be read from the descriptor."""
    assert bench.papa.library is not None
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', ROWS, COLUMNS, 0, 0))
    environment = {
        **os.environ, 'PYTHONPATH': bench.papa.library, 'TERM': 'xterm-256color', 'COLORTERM': 'truecolor',
        'FIGURES': str(figures), 'XDG_CONFIG_HOME': '/nonexistent',
    }
    worker = subprocess.Popen(
        [sys.executable, str(WORKER), *words], stdin=slave, stdout=slave, stderr=slave, env=environment,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield master, worker
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        os.close(master)


def _read(master: int, worker: subprocess.Popen[bytes], text: bytes | None, start: float) -> float:
    said = b''
    while time.perf_counter() < start + PATIENCE:
        if select.select([master], [], [], 0.1)[0]:
            try:
                part = os.read(master, 65536)
            except OSError:
                part = b''
            said = (said + part)[-200_000:]
            if text is not None and text in said:
                return time.perf_counter() - start
            if not part and text is None:
                return time.perf_counter() - start
            if not part:
                break
    raise Failed(f'the dashboard has not shown what it should: {said[-200:]!r}')
