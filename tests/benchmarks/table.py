"""What a measurement yields: a row of the table, and how its cells are written."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from kinds import FLOOR, OLD_PAPA, PAPA, Kind

NOTHING = '–'


class Row(NamedTuple):
    what: str
    papa: str
    old: str
    floor: str
    asked: str
    holds: str


HEADER = Row('', PAPA, OLD_PAPA, FLOOR, 'asked', 'holds')


def row(what: str, cells: Mapping[str, str], asked: str = NOTHING, holds: str = NOTHING) -> Row:
    """A row from cells by the names of their kinds."""
    papa, old, floor = (cells.get(name, NOTHING) for name in (PAPA, OLD_PAPA, FLOOR))
    return Row(what, papa, old, floor, asked, holds)


class Bench:
    """What is compared, and whether only to see that it runs (`quick`)."""

    def __init__(self, kinds: Sequence[Kind], quick: bool = False) -> None:
        self.kinds = kinds
        self.papa = kinds[0]
        self.papas = [kind for kind in kinds if kind.library is not None]
        self.quick = quick

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    @property
    def window(self) -> float:
        """Seconds in which steps are counted: short, so that one or the other is free of other work."""
        return 0.02 if self.quick else 0.1

    @property
    def windows(self) -> int:
        return self.size(10, 1)

    @property
    def rounds(self) -> int:
        """How often each kind has its turn."""
        return self.size(5, 1)

    def highest(self, run: Callable[[Kind], float], rounds: int | None = None) -> dict[str, float]:
        """The best of what each kind reaches, in turns, so that other work on the machine hits all alike."""
        best: dict[str, float] = {}
        for _ in range(rounds or self.rounds):
            for kind in self.kinds:
                best[kind.name] = max(best.get(kind.name, 0.0), run(kind))
        return best


def rates(what: str, best: Mapping[str, float], asked: str, holds: str) -> Row:
    """Rates and what share of the floor they are."""
    floor = best.get(FLOOR)

    def cell(name: str) -> str:
        share = '' if floor is None or name == FLOOR else f' ({best[name] / floor:.2f})'
        return f'{best[name]:,.0f}/s{share}'

    return row(what, {name: cell(name) for name in best if name in (PAPA, OLD_PAPA, FLOOR)}, asked, holds)


def ratio(figures: Mapping[str, float], above: str, below: str) -> float | None:
    """One kind's figure as a share of another's; None where one of them was not measured."""
    return figures[above] / figures[below] if above in figures and below in figures else None


def at_least(share: float | None, bound: float) -> str:
    return NOTHING if share is None else verdict(share >= bound)


def verdict(holds: bool) -> str:
    return 'yes' if holds else 'NO'


def percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    """The median and the 99th percentile."""
    ordered = sorted(seconds)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def milliseconds(*seconds: float) -> str:
    def digits(value: float) -> int:
        return 0 if value >= 0.1 else 1 if value >= 0.01 else 2

    return ' / '.join(f'{value * 1000:,.{digits(value)}f}' for value in seconds) + ' ms'


def markdown(rows: Sequence[Row]) -> str:
    """The table of these rows."""
    widths = [max(len(row[column]) for row in [HEADER, *rows]) for column in range(len(HEADER))]
    lines = [HEADER, ['-' * width for width in widths], *rows]
    return '\n'.join(
        '| ' + ' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + ' |'
        for line in lines
    )
