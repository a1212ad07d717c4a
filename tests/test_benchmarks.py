"""The benchmarks run. What they find is for people to read: no figure is asserted anywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).resolve().parent / 'benchmarks' / 'run.py'
SLOW = {'idle'}  # it waits for nothing to happen


def test_every_measure_yields_its_rows() -> None:
    command = [sys.executable, str(RUN), '--quick', '--only-papa']
    usage = subprocess.run([*command, '--help'], capture_output=True, text=True, check=True).stdout
    measures = usage.partition('some of: ')[2].partition('(default')[0].replace(',', ' ').split()
    assert len(measures) > 10
    ended = subprocess.run([*command, *sorted(set(measures) - SLOW)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert len(ended.stdout.splitlines()) > len(measures)
