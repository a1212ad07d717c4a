"""Figures of papa-shell: how soon its prompt is there, and how soon a key is seen. The floor is a bare prompt."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from keyboard import Keyboard
from kinds import FLOOR, PAPA, Failed
from table import NOTHING, Bench, Row, milliseconds, ratio, row, verdict

BARE = "from prompt_toolkit import PromptSession; PromptSession('> ').prompt(bottom_toolbar={toolbar!r})"
FILL = """
import sys
import papa
with papa.Papa(sys.argv[1]) as p, p.pipeline() as pipe:
    for number in range(int(sys.argv[2])):
        pipe.set(f'p.{number:05}', f'the value of {number}')
"""
NAMES = 10_000
KEY, AGAIN, TIMES = '0', '\x7f', 10  # after "get p.", which all of them begin with
PROMPT = b'>'
PATIENCE = 60.0


def prompt(bench: Bench) -> Iterator[Row]:
    """From the start of the program to its first prompt, a kernel running."""
    with tempfile.TemporaryDirectory(prefix='papa-bench-') as home, bench.papa.server() as (path, _):
        programs = _programs(bench, path, home, toolbar=None)
        seconds: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(bench.size(20, 1)):
            for name, (command, environment) in programs.items():
                with Keyboard(command, environment) as keys:
                    seconds[name].append(_first(keys))
    yield _against_bare('to the first prompt of papa-shell', seconds, 1.7)


def keystroke(bench: Bench) -> Iterator[Row]:
    """From a key to the screen that is drawn for it, menu and toolbar included."""
    number = bench.size(NAMES, 100)
    with tempfile.TemporaryDirectory(prefix='papa-bench-') as home, bench.papa.server() as (path, _):
        environment = {**os.environ, 'PYTHONPATH': bench.papa.library or ''}
        subprocess.run([sys.executable, '-c', FILL, path, str(number)], env=environment, check=True)
        programs = _programs(bench, path, home, toolbar='a toolbar')
        seconds: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(bench.size(5, 1)):
            for name, (command, variables) in programs.items():
                with Keyboard(command, variables) as keys:
                    _first(keys)
                    keys.settle()
                    for key in 'get p.':
                        keys.press(key)
                    for _ in range(TIMES):
                        seconds[name].append(keys.press(KEY))
                        keys.press(AGAIN)
    yield _against_bare(f'a key with {number:,} names, to the drawn screen', seconds, 3.0)


def _programs(
    bench: Bench, path: str, home: str, toolbar: str | None
) -> dict[str, tuple[list[str], dict[str, str]]]:
    environment = {
        **os.environ, 'PYTHONPATH': bench.papa.library or '', 'PAPA_ENDPOINT': path, 'XDG_STATE_HOME': home,
    }
    found = {PAPA: ([sys.executable, '-m', 'papa_shell'], environment)}
    if any(kind.name == FLOOR for kind in bench.kinds):
        found[FLOOR] = ([sys.executable, '-c', BARE.format(toolbar=toolbar)], environment)
    return found


def _first(keys: Keyboard) -> float:
    try:
        return keys.until(PROMPT, PATIENCE)
    except (TimeoutError, OSError):
        raise Failed('there is no prompt') from None


def _against_bare(what: str, seconds: dict[str, list[float]], bound: float) -> Row:
    """Best and median of each, and whether the median is within so many times that of the floor."""
    cells = {name: milliseconds(min(each), statistics.median(each)) for name, each in seconds.items()}
    times = ratio({name: statistics.median(each) for name, each in seconds.items()}, PAPA, FLOOR)
    if times is not None:
        cells[PAPA] += f' ({times:.2f})'
    holds = NOTHING if times is None else verdict(times < bound)
    return row(f'{what}, best / median', cells, f'< {bound:g} bare prompts', holds)
