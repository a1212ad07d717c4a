"""Figures of commands: round trips, many connections, pipelines, listings, and how a client begins."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kinds import FLOOR, OLD_PAPA, PAPA, Failed, Kind, floor
from shared import PIPELINED
from table import Bench, Row, at_least, milliseconds, rates, ratio, row, verdict

CORE = 0  # of everything that runs by turns: between cores, the wake-up of a sleeping core drowns the work
AT_LEAST_OLD = '≥ 1.0.6'
AIM = 0.75  # of the floor
CONNECTIONS = 200
TELNET = 'get bench\n', '> '
STRUCTURED = '\tget\tbench\n', '\n'


def round_trips(bench: Bench) -> Iterator[Row]:
    """One client."""

    def run(kind: Kind) -> float:
        with kind.server(CORE) as (path, _):
            return float(kind.measure('round_trips', path, bench.window, bench.windows, cpu=CORE))

    best = bench.highest(run)
    holds = at_least(ratio(best, PAPA, OLD_PAPA), 1)
    aim = ratio(best, PAPA, FLOOR)
    if aim is not None:
        holds += f'; aim {"reached" if aim >= AIM else "missed"}'
    yield rates('round trips, one sync client, one core', best, f'{AT_LEAST_OLD}; aim {AIM} of floor', holds)


def connections(bench: Bench) -> Iterator[Row]:
    """A raw client that drives them all by one thread, the same for all kinds."""
    number = bench.size(CONNECTIONS, 5)
    driver = floor()

    def rate(kind: Kind, dialect: tuple[str, str]) -> float:
        with kind.server(CORE) as (path, _):
            return float(driver.measure('drive', path, *dialect, number, bench.window, bench.windows, cpu=CORE))

    best: dict[str, float] = {}
    structured = 0.0
    for _ in range(bench.rounds):
        structured = max(structured, rate(bench.papa, STRUCTURED))
        for kind in bench.kinds:
            best[kind.name] = max(best.get(kind.name, 0.0), rate(kind, TELNET))
    what = f'commands over {number} connections, one core'
    for dialect, figures in (('structured', {**best, PAPA: structured}), ('telnet', best)):
        holds = at_least(ratio(figures, PAPA, OLD_PAPA), 1)
        yield rates(f'{what}, {dialect}', figures, AT_LEAST_OLD, holds)


def pipeline(bench: Bench) -> Iterator[Row]:
    """Commands by hundreds, against one by one."""
    cells: dict[str, str] = {}
    gain = 0.0
    for kind in bench.kinds:
        with kind.server(CORE) as (path, _):
            found = kind.measure('pipeline', path, bench.window, 2 * bench.windows, cpu=CORE)
        if found is not None:
            cells[kind.name] = f'{found[1]:,.0f}/s ({found[1] / found[0]:.1f} times)'
            gain = found[1] / found[0] if kind.name == PAPA else gain
    holds = verdict(gain >= 4) if PAPA in cells else 'not built yet'
    what = f'pipeline() of {PIPELINED} gets, one core'
    yield row(what, cells, '≥ 4 times one by one', holds)


def listings(bench: Bench) -> Iterator[Row]:
    """Long lists."""
    values, processes = bench.size(20000, 50), bench.size(400, 5)
    seconds: dict[str, dict[str, float]] = {'values': {}, 'processes': {}}
    for kind in bench.papas:
        with kind.server(CORE) as (path, _):
            seconds['values'][kind.name] = kind.measure('list_values', path, values, bench.size(30, 2), cpu=CORE)
        with kind.server(CORE) as (path, _):
            kind.measure('hold', path, processes)
            seconds['processes'][kind.name] = kind.measure('list_processes', path, bench.size(200, 2), cpu=CORE)
    for what, number in (('values', values), ('processes', processes)):
        found = seconds[what]
        cells = {name: milliseconds(found[name]) for name in found}
        holds = at_least(ratio(found, OLD_PAPA, PAPA), 1)
        yield row(f'list_{what} of {number:,}, one core', cells, AT_LEAST_OLD, holds)


def importing(bench: Bench) -> Iterator[Row]:
    """What `import papa` adds to the start of an interpreter, as it comes and without site packages.

    These differ from place to place, and may have loaded much of what papa needs.
    """
    for what, flags in (('import papa', ['-I']), ('import papa, python -S', ['-I', '-S'])):
        start = 'import sys; sys.path.insert(0, {!r})'
        programs = {FLOOR: start.format('')}
        programs |= {kind.name: start.format(kind.library) + '; import papa' for kind in bench.papas}
        best: dict[str, float] = {}
        for _ in range(bench.size(25, 2)):
            for name, program in programs.items():
                begin = time.perf_counter()
                subprocess.run([sys.executable, *flags, '-c', program], check=True)
                best[name] = min(best.get(name, 1e9), time.perf_counter() - begin)
        added = {name: best[name] - best[FLOOR] for name in best}
        cells = {name: f'+{milliseconds(added[name])}' for name in best}
        cells[FLOOR] = f'{milliseconds(best[FLOOR])} (bare)'
        surplus = sorted({'asyncio', 'papa.kernel'} & _loaded(programs[PAPA], flags) - _loaded(programs[FLOOR], flags))
        if surplus:
            cells[PAPA] += f'; loads {" and ".join(surplus)}'
        yield row(what, cells, '< 25 ms, no kernel, no asyncio', verdict(added[PAPA] < 0.025 and not surplus))


def _loaded(program: str, flags: list[str]) -> set[str]:
    """The modules that a program has loaded at its end."""
    command = [sys.executable, *flags, '-c', f'{program}; print(*sys.modules)']
    return set(subprocess.check_output(command, text=True).split())


AUTOSTART = """
import time
begin = time.perf_counter()
import sys
sys.path.insert(0, {library!r})
import papa
client = papa.Papa({path!r})
client.get('nothing')
print(time.perf_counter() - begin)
client.exit_if_idle()
"""


def autostart(bench: Bench) -> Iterator[Row]:
    """A program that finds no kernel."""
    cells: dict[str, str] = {}
    median = 0.0
    for kind in bench.papas:
        seconds = sorted(_first_reply(kind) for _ in range(bench.size(7, 1)))
        middle = seconds[len(seconds) // 2]
        cells[kind.name] = milliseconds(seconds[0], middle)
        median = middle if kind.name == PAPA else median
    yield row('autostart to the first reply, best / median', cells, '< 250 ms', verdict(median < 0.25))


def _first_reply(kind: Kind) -> float:
    with tempfile.TemporaryDirectory(prefix='papa-bench-') as folder, _traceless(folder):
        program = AUTOSTART.format(library=kind.library, path=f'{folder}/kernel')
        ended = subprocess.run(
            [sys.executable, '-I', '-S', '-c', program], stdout=subprocess.PIPE, text=True, check=False, cwd='/'
        )
        if ended.returncode:
            raise Failed(f'autostart failed with status {ended.returncode}')
        return float(ended.stdout)


@contextmanager
def _traceless(folder: str) -> Iterator[None]:
    """At the end no process lives whose command line has this folder, which only ours can know."""
    try:
        yield
    finally:
        deadline = time.monotonic() + 2
        while (pids := _mentioning(folder)) and time.monotonic() < deadline:
            time.sleep(0.02)  # it is about to end by itself
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for lock in Path(f'/tmp/papa-{os.geteuid()}').glob(f'*{Path(folder).name}*'):  # of those who start a kernel
            lock.unlink()


def _mentioning(folder: str) -> list[int]:
    found = []
    for entry in os.scandir('/proc'):
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                if folder.encode() in Path(entry.path, 'cmdline').read_bytes():
                    found.append(int(entry.name))
    return found
