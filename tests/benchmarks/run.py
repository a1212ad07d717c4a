"""Measure this kernel, papa 1.0.6 and the floor of this machine in one run, and print a table.

``python tests/benchmarks/run.py [MEASURE...]``. Nothing else should run meanwhile. papa 1.0.6 comes from the
package index, into an environment of its own that is kept for the next run.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import measures_commands as commands
import measures_dashboard as dashboard
import measures_output as output
import measures_processes as processes
import measures_shell as shell
from kinds import PAPA, Failed, kinds
from table import Bench, Row, markdown, row

MEASURES: dict[str, Callable[[Bench], Iterator[Row]]] = {
    'round_trips': commands.round_trips,
    'connections': commands.connections,
    'pipeline': commands.pipeline,
    'latency': output.latency,
    'flood': output.flood,
    'listings': commands.listings,
    'spawn': processes.spawn,
    'memory': processes.memory,
    'scale': processes.scale,
    'upgrade': processes.upgrade,
    'idle': processes.idle,
    'import': commands.importing,
    'autostart': commands.autostart,
    'prompt': shell.prompt,
    'keystroke': shell.keystroke,
    'dashboard': dashboard.dashboard,
}


def main() -> int:
    parser = argparse.ArgumentParser(description='Print a table of figures: this kernel, papa 1.0.6, the bare machine.')
    parser.add_argument('measures', nargs='*', metavar='MEASURE', help=f'some of: {", ".join(MEASURES)} (default: all)')
    parser.add_argument('--tree', type=Path, default=Path(__file__).resolve().parents[2],
                        help='a checkout whose papa is measured (default: the one that this file is in)')
    parser.add_argument('--only-papa', action='store_true', help='measure neither papa 1.0.6 nor the floor')
    parser.add_argument('--quick', action='store_true', help='only see that it runs: the figures mean nothing')
    options = parser.parse_args()
    unknown = set(options.measures) - set(MEASURES)
    if unknown:
        parser.error(f'there is no {", ".join(sorted(unknown))}; choose from {", ".join(MEASURES)}')
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    bench = Bench(kinds(options.tree.resolve(), only_papa=options.only_papa), options.quick)
    rows: list[Row] = []
    failed = False
    load = os.getloadavg()[0]
    for name in options.measures or MEASURES:
        start = time.monotonic()
        try:
            rows += MEASURES[name](bench)
        except Failed as trouble:
            failed = True
            rows.append(row(name, {PAPA: f'failed: {trouble}'}))
        print(f'measured {name} in {time.monotonic() - start:.0f} s', file=sys.stderr)
    print(markdown(rows))
    print(f'Python {sys.version.split()[0]}, {os.cpu_count()} cores; load at the beginning: {load:.1f}')
    return int(failed)


if __name__ == '__main__':
    sys.exit(main())
