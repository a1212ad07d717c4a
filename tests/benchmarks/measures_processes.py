"""Figures of processes: how fast they start, what they cost, and many of them."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kinds import FLOOR, OLD_PAPA, PAPA, Kind, floor
from table import Bench, Row, at_least, milliseconds, rates, ratio, row, verdict

NOISE = 0.95  # what is no slower, as far as this machine can tell
DESCRIPTORS = 20000
DESCRIPTORS_HELD = 3  # for each process, in the kernel: two pipes, and one that tells of the exit
OLD_HELD = 400  # papa 1.0.6 selects, which ends at 1,024 descriptors
SETTLING = 2.0  # seconds after which a server has done what there was to do


def spawn(bench: Bench) -> Iterator[Row]:
    """make_process of /bin/true, against os.posix_spawn, and by kernels that hold much already."""
    number = bench.size(150, 3)
    found: dict[str, list[float]] = {}
    with ExitStack() as stack:
        paths = {kind.name: stack.enter_context(kind.server())[0] for kind in bench.papas}
        crowded = stack.enter_context(bench.papa.server())[0]
        laden = stack.enter_context(bench.papa.server())[0]
        held, full, blocks = bench.size(1000, 5), 8, bench.size(1024, 10)
        bench.papa.measure('hold', crowded, held)
        bench.papa.measure('fill', laden, full, blocks)
        turns: list[tuple[str, Kind, tuple[object, ...]]] = [
            (kind.name, kind, (paths[kind.name], number)) for kind in bench.papas
        ]
        turns += [('crowded', bench.papa, (crowded, number)), ('laden', bench.papa, (laden, number))]
        if len(bench.kinds) > len(bench.papas):
            turns.append((FLOOR, floor(), (number,)))
            turns.append(('crowded floor', floor(), (number, held * DESCRIPTORS_HELD)))
        for _ in range(2 * bench.rounds):  # each so short that one or the other is free of other work
            turns.reverse()  # nobody comes always after the same one
            for name, kind, words in turns:
                found.setdefault(name, []).append(kind.measure('spawn', *words))
    best = {name: max(several) for name, several in found.items()}
    yield rates('make_process /bin/true', best, '≥ 0.6 of floor', at_least(ratio(best, PAPA, FLOOR), 0.6))
    for name, label in (('crowded', f'{held:,} processes held'), ('laden', f'{full * blocks // 16} MB of output held')):
        share = _share(found[name], found[PAPA])
        cells = {PAPA: f'{best[name]:,.0f}/s ({share:.2f} of without)'}
        if f'{name} floor' in found:  # the system copies the table of descriptors for each child, and closes them
            bare = found[f'{name} floor']
            cells[FLOOR] = f'{max(bare):,.0f}/s ({_share(bare, found[FLOOR]):.2f}), as many descriptors'
        yield row(f'make_process, {label}', cells, 'no slower', verdict(share >= NOISE))


def _share(with_load: list[float], without: list[float]) -> float:
    """What is left of a rate, by pairs that were measured one soon after the other."""
    return statistics.median(one / other for one, other in zip(with_load, without, strict=True))


def memory(bench: Bench) -> Iterator[Row]:
    """Memory of the kernel for each process that it holds."""
    number = bench.size(200, 20)
    kilobytes: dict[str, float] = {}
    for kind in bench.papas:
        with kind.server() as (path, pid):
            before = resident(pid)
            kind.measure('hold', path, number)
            kilobytes[kind.name] = (resident(pid) - before) / number
    cells = {name: f'{kilobytes[name]:.1f} KB' for name in kilobytes}
    yield row('memory per held process', cells, '< 16 KB', verdict(kilobytes[PAPA] < 16))


def scale(bench: Bench) -> Iterator[Row]:
    """Thousands of processes with both streams captured, and one watcher of them all."""
    number = bench.size(5000, 20)
    with bench.papa.server(descriptors=DESCRIPTORS) as (path, pid), tempfile.TemporaryDirectory() as folder:
        gate = f'{folder}/gate'
        os.mkfifo(gate)
        found = bench.papa.measure('scale', path, number, gate, bench.size(5, 1))
        memory = resident(pid) / 1024
    what = f'{number:,} processes, {DESCRIPTORS:,} descriptors'
    heard = f'{found["heard"]:,} heard in {milliseconds(found["seconds"])} (started {found["started"]:,.0f}/s)'
    cells = {PAPA: f'{heard}, {memory:.0f} MB'}
    yield row(f'{what}: one watcher', cells, 'hears all', verdict(found['heard'] == number))
    cells = {PAPA: milliseconds(found['listing'])}
    yield row(f'{what}: list_processes', cells, '< 100 ms', verdict(found['listing'] < 0.1))


def upgrade(bench: Bench) -> Iterator[Row]:
    """How long nobody is served while the kernel is replaced; the floor is the start of a Python that does nothing."""
    number = bench.size(1000, 5)
    with bench.papa.server(descriptors=DESCRIPTORS) as (path, _):
        found = bench.papa.measure('upgrade', path, number, bench.size(9, 1))
    pauses, seconds = [pause for pause, _ in found], [whole for _, whole in found]
    cells = {PAPA: f'{milliseconds(statistics.median(pauses))} (at most {milliseconds(max(pauses))}), '
                   f'{milliseconds(statistics.median(seconds))} in all'}
    if len(bench.kinds) > len(bench.papas):
        starts = [_start_of_python() for _ in range(len(found))]
        cells[FLOOR] = f'{milliseconds(statistics.median(starts))} (at most {milliseconds(max(starts))})'
    what = f'upgrade, {number:,} processes, {number * 25 // 256} MB held: longest wait'
    yield row(what, cells, '< 200 ms', verdict(statistics.median(pauses) < 0.2))


def _start_of_python() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, '-I', '-S', '-c', 'pass'], check=True)
    return time.perf_counter() - start


def idle(bench: Bench) -> Iterator[Row]:
    """What a server does that has nothing to do."""
    seconds = bench.size(10, 1)
    held = {PAPA: bench.size(1000, 5), OLD_PAPA: bench.size(OLD_HELD, 5)}
    with ExitStack() as stack:
        pids = {}
        for kind in bench.papas:
            path, pids[kind.name] = stack.enter_context(kind.server())
            kind.measure('hold', path, held[kind.name])
        if len(bench.kinds) > len(bench.papas):
            pids[FLOOR] = stack.enter_context(floor().server())[1]
        time.sleep(SETTLING)
        calls = _system_calls(pids, seconds)
        before = {name: wake_ups(pid) for name, pid in pids.items()}
        time.sleep(seconds)  # once more without a tracer, which might itself be what it sees
        woken = {name: wake_ups(pid) - before[name] for name, pid in pids.items()}
    cells = {name: f'{woken[name]} wake-ups, {calls.get(name, "?")} calls' for name in pids}
    if OLD_PAPA in cells:
        cells[OLD_PAPA] += f' ({held[OLD_PAPA]} held)'
    holds = verdict(woken[PAPA] == 0 and calls.get(PAPA, 0) == 0) + ('' if calls else ' (no strace)')
    yield row(f'idle for {seconds} s, {held[PAPA]:,} processes held', cells, '0', holds)


def _system_calls(pids: dict[str, int], seconds: float) -> dict[str, int]:
    """How many system calls each makes meanwhile; nothing where they cannot be traced."""
    if shutil.which('strace') is None:
        return {}
    with tempfile.TemporaryDirectory(prefix='papa-bench-') as folder, ExitStack() as stack:
        for name, pid in pids.items():
            stack.enter_context(_traced(pid, f'{folder}/{name}'))
        time.sleep(1)  # to attach makes the call that is under way begin again
        begin = time.time()
        time.sleep(seconds)
        end = time.time()
        logs = {name: Path(folder, name).read_text() for name in pids if Path(folder, name).exists()}
    return {name: _calls_between(log, begin, end) for name, log in logs.items()}


@contextmanager
def _traced(pid: int, log: str) -> Iterator[None]:
    tracer = subprocess.Popen(
        ['strace', '-f', '-ttt', '-o', log, '-p', str(pid)], stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        tracer.terminate()
        tracer.wait()


def _calls_between(log: str, begin: float, end: float) -> int:
    times = [float(line.split()[1]) for line in log.splitlines()]  # PID TIME CALL
    return sum(begin <= time <= end for time in times)


def wake_ups(pid: int) -> int:
    """How often the threads of a process have waited so far."""
    total = 0
    for status in Path(f'/proc/{pid}/task').glob('*/status'):
        total += next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith('voluntary'))
    return total


def resident(pid: int) -> int:
    """Kilobytes of anonymous memory."""
    for line in Path(f'/proc/{pid}/status').read_text().splitlines():
        if line.startswith('RssAnon:'):
            return int(line.split()[1])
    raise ValueError(pid)
