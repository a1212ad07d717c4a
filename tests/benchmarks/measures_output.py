"""Figures of output: how soon it reaches a watcher, and how fast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kinds import FLOOR, OLD_PAPA, PAPA, Failed, Kind
from table import Bench, Row, milliseconds, percentiles, row, verdict

BLOCK = 65536
MEDIAN, P99 = 0.0005, 0.003  # seconds


def latency(bench: Bench) -> Iterator[Row]:
    """From a child's write to the watcher's read."""
    schedules = {
        'busy': (bench.size(200, 5), 0.01, 'writes every 10 ms'),
        'idle': (bench.size(8, 1), 2.0 if not bench.quick else 0.1, 'after 2 s of silence'),
    }
    for label, (writes, pause, meaning) in schedules.items():
        found: dict[str, tuple[float, float]] = {}
        for kind in bench.kinds:
            if kind.name == FLOOR:
                found[FLOOR] = percentiles(kind.measure('latency', writes, pause))
                continue
            with kind.server() as (path, _):
                found[kind.name] = percentiles(kind.measure('latency', path, writes, pause))
        median, p99 = found[PAPA]
        cells = {name: milliseconds(*found[name]) for name in found}
        holds = verdict(median < MEDIAN and p99 < P99)
        yield row(f'write to read, {label}: {meaning}, p50 / p99', cells, '< 0.5 / 3 ms', holds)


def flood(bench: Bench) -> Iterator[Row]:
    """A child that writes as fast as it can, and one watcher that acknowledges what it has read."""
    blocks = bench.size(3200, 32)
    runs: dict[tuple[str, str], list[dict[str, Any]]] = {}
    troubles: dict[str, str] = {}
    for _ in range(bench.rounds):
        for kind in bench.kinds:
            for overflow in ('drop', 'block') if kind.name == PAPA else ('',):
                if kind.name not in troubles:
                    try:
                        run = _flood(kind, blocks, overflow)
                        runs.setdefault((kind.name, overflow), []).append(run)
                    except Failed as trouble:
                        if kind.name == PAPA:
                            raise
                        troubles[kind.name] = str(trouble)
    written = blocks * BLOCK
    cells = {name: _cell(runs[name, ''], written) for name in (OLD_PAPA, FLOOR) if (name, '') in runs}
    cells.update(troubles)
    floor = _rate(runs[FLOOR, '']) if FLOOR in cells else 0.0
    for overflow, share in (('drop', 0.999), ('block', 1.0)):
        ours = runs[PAPA, overflow]
        adds_up = all(run['delivered'] + run['dropped'] == written for run in ours)
        holds = _rate(ours) >= floor / 2 and _delivered(ours, written) >= share and adds_up
        cells[PAPA] = _cell(ours, written, floor) + (', adds up' if adds_up else ', DOES NOT ADD UP')
        yield row(
            f'{written // 1048576} MB of output, 64 MB buffer, {overflow}', cells,
            f'≥ 0.5 of floor, {_percent(share)}', verdict(holds),
        )
        cells.pop(OLD_PAPA, None)  # it only drops


def _flood(kind: Kind, blocks: int, overflow: str) -> Any:
    if kind.name == FLOOR:
        return kind.measure('flood', blocks)
    with kind.server() as (path, _):
        return kind.measure('flood', path, blocks, overflow, timeout=20)


def _cell(runs: list[dict[str, Any]], written: int, floor: float = 0.0) -> str:
    share = f' ({_rate(runs) / floor:.2f})' if floor else ''
    return f'{_rate(runs):,.0f} MB/s{share}, {_percent(_delivered(runs, written))}'


def _rate(runs: list[dict[str, Any]]) -> float:
    """Delivered megabytes a second, at best."""
    return max(float(run['delivered'] / 1048576 / run['seconds']) for run in runs)


def _delivered(runs: list[dict[str, Any]], written: int) -> float:
    """What share of it was delivered, at worst."""
    return min(float(run['delivered'] / written) for run in runs)


def _percent(share: float) -> str:
    return f'{int(share * 10000) / 100:g} %'  # rounded down: 100 is all of it
