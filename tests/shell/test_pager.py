"""What is longer than the screen."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from papa import Papa
from papa_shell import pager, screen

from .conftest import Shell
from .programs import PROGRAM
from .terminals import Terminal

LONG = ''.join(f'line {number}\n' for number in range(200))
# A pager that says so, and what it was given.
COUNTING = f'{shlex.quote(sys.executable)} -c "import sys; print(\'paged\', sys.stdin.read().count(\'line\'))"'


@pytest.mark.parametrize(('text', 'columns', 'lines', 'whole'), [
    ('', 80, 24, True), ('a\n' * 23, 80, 24, True), ('a\n' * 24, 80, 24, False),
    ('a\n' * 22 + 'b' * 80, 80, 24, True), ('a\n' * 22 + 'b' * 81, 80, 24, False),
    ('\x1b[1m' + 'b' * 80 + '\x1b[0m\n', 80, 2, True), ('日' * 40, 80, 2, True), ('日' * 41, 80, 2, False),
    ('\t' * 10, 80, 2, True), ('\t' * 11, 80, 2, False), ('e\u0301' * 80, 80, 2, True), ('a' * 10**7, 80, 24, False),
])
def test_what_fits(text: str, columns: int, lines: int, whole: bool) -> None:
    assert pager.fits(text.encode(), columns, lines) == whole


@pytest.mark.parametrize(('variables', 'command'), [
    ({}, 'less'), ({'PAGER': 'more'}, 'more'), ({'PAGER': 'more', 'PAPA_PAGER': 'most -x'}, 'most -x'),
    ({'PAGER': 'more', 'PAPA_PAGER': ''}, ''), ({'PAGER': 'cat'}, ''), ({'PAGER': ' '}, ''), ({'TERM': 'dumb'}, ''),
    ({'TERM': 'Unknown'}, ''),
    ({'TERM': 'dumb', 'PAGER': 'more'}, 'more'), ({'PATH': '/no/such/folder'}, ''),
])
def test_which_one(variables: dict[str, str], command: str, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    less = Path(folder, 'less')
    less.touch(0o755)
    for name in ('PAGER', 'PAPA_PAGER'):
        monkeypatch.delenv(name, raising=False)
    for name, value in {'TERM': 'xterm', 'PATH': folder, **variables}.items():
        monkeypatch.setenv(name, value)
    assert pager.chosen() == command


def test_a_size_that_is_said_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('COLUMNS', '33')
    monkeypatch.setenv('LINES', '11')
    assert screen.size() == (33, 11)
    for text in ('0', 'x', '-5', '9999999'):
        monkeypatch.setenv('COLUMNS', text)
        assert screen.size(-1) == (80, 11)


def test_a_text_is_cut_to_its_columns() -> None:
    assert screen.cut('abcdef', 6) == 'abcdef'
    assert screen.cut('abcdefg', 6) == 'abcde…'
    assert screen.cut('日本語', 5) == '日本…'
    assert screen.cut('日本語', 4) == '日…'
    assert [screen.cut('ab', most) for most in (0, 1, 2)] == ['', '…', 'ab']


def test_only_what_does_not_fit_and_only_there(terminal: Callable[..., Terminal], papa: Papa, shell: Shell) -> None:
    papa.set('long', LONG)
    papa.set('short', 'line\n')

    def said(*words: str, **env: str) -> str:
        run = terminal(*words, **{'PAGER': COUNTING, 'LINES': '24', **env})
        assert run.end() == 0
        return run.said

    assert said('get', 'long') == 'paged 200\r\n'
    assert said('get', 'short') == 'line\r\n\r\n'
    assert said('get', 'short', LINES='2') == 'paged 1\r\n'
    whole = LONG.replace('\n', '\r\n')
    assert said('get', 'long', '--no-pager') == said('--no-pager', 'get', 'long') == whole + '\r\n'
    assert said('get', 'long', PAPA_PAGER='') == said('get', 'long', PAPA_PAGER='cat') == whole + '\r\n'
    assert said('get', '--raw', 'long') == whole
    assert said('help').startswith('paged')
    assert said('--help').startswith('paged')
    assert said('list', 'values', '-o', 'json', LINES='2').startswith('paged')
    assert shell('get', 'long', env={'PAGER': COUNTING}).stdout == LONG + '\n'


def test_never_for_streams_and_scripts(terminal: Callable[..., Terminal], papa: Papa, folder: str) -> None:
    papa.make_process('p', 'printf', LONG)
    papa.set('long', LONG)
    run = terminal('peek', 'processes', 'p', PAGER=COUNTING, LINES='24')
    assert run.end() == 0
    assert 'line 199' in run.said
    script = Path(folder, 'script')
    script.write_text('get long\nget long | cat\n')
    run = terminal('-f', str(script), PAGER=COUNTING, LINES='24')
    assert run.end() == 0
    assert run.said.count('line 199') == 2


def test_a_pager_that_ends_early_is_quiet(terminal: Callable[..., Terminal], papa: Papa) -> None:
    papa.set('long', LONG * 1000)
    run = terminal('get', 'long', PAGER='head -n 1')
    assert run.end() == 0
    assert run.said == 'line 0\r\n'
    run = terminal('get', 'long', PAGER='false')
    assert (run.end(), run.said) == (0, '')


@pytest.mark.parametrize('command', ['no-such-pager -x', '/no/such/pager', 'X=1'])
def test_a_pager_that_is_not_there_is_one_line(
    terminal: Callable[..., Terminal], papa: Papa, command: str
) -> None:
    papa.set('long', LONG)
    run = terminal('get', 'long', PAGER=command, LINES='24')
    assert run.end() == 0
    first, rest = run.said.split('\r\n', 1)
    assert first == f'papa-shell: There is no pager "{command.split()[0]}"'
    assert rest == LONG.replace('\n', '\r\n') + '\r\n'


def test_a_pager_that_only_sh_understands(terminal: Callable[..., Terminal], papa: Papa) -> None:
    papa.set('long', LONG)
    run = terminal('get', 'long', PAGER='sed s/line/LINE/ | tail -n 2 #')
    assert (run.end(), run.said) == (0, 'LINE 199\r\n\r\n')
    run = terminal('get', 'long', PAGER='no-such-pager | cat >&2; exit 127')
    assert run.end() == 0
    assert run.said.endswith('line 199\r\n\r\n')


@pytest.mark.skipif(shutil.which('less') is None and 'PAPA_CI' not in os.environ, reason='less is not installed')
def test_less_with_colours(terminal: Callable[..., Terminal], papa: Papa) -> None:
    for number in range(100):
        papa.set(f'v.{number}', 'x')
    for less in ({}, {'LESS': '-i'}):
        run = terminal('list', 'values', PAGER='less', LINES='10', COLUMNS='60', **less)
        run.read_until('v.1 ')
        assert 'ESC' not in run.said
        assert '\x1b[1mv.1' in run.said
        if not less:
            run.read_until('Space goes on, q leaves')
        os.kill(run.pid, signal.SIGINT)  # Ctrl-C is the pager's
        run.type('q')
        assert run.end() == 0
        assert 'v.99' not in run.said


def test_in_the_background_there_is_none(daemon: object, papa: Papa) -> None:
    papa.set('long', LONG)
    run = Terminal(
        papa.endpoint.path, command=['bash', '--norc', '--noprofile', '-i'], PS1='ready$ ', PAGER=COUNTING, LINES='24'
    )
    try:
        run.read_until('ready$ ')
        run.type(f'{" ".join(PROGRAM)} get long & wait; echo done\n')
        run.read_until('line 199\r\n')
        assert 'paged' not in run.said
    finally:
        run.kill()


def test_the_environment_of_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('LESS', '-i')
    assert pager._environment()['LESS'] == '-R -i'
    monkeypatch.delenv('LESS')
    assert pager._environment()['LESS'] == pager._LESS
