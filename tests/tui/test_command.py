"""The command itself: its options, its one-line errors, and the program in a real terminal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PATIENCE, Daemon, wait_until

from papa import Papa
from papa.errors import BadRequest
from papa.version import __version__
from papa_tui.actions import ACTIONS, no_key
from papa_tui.settings import read_config, recall_theme, remember_theme, state_path

from .terminal import PROGRAM, Terminal


def tui(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=PATIENCE, check=False)


def test_version_and_help() -> None:
    assert tui('--version').stdout == f'papa-tui {__version__}\n'
    assert '--read-only' in tui('--help').stdout


def test_without_a_terminal_it_says_so() -> None:
    ended = tui()
    assert (ended.returncode, ended.stdout) == (1, '')
    assert ended.stderr.count('\n') == 1
    assert 'needs a terminal' in ended.stderr


@pytest.mark.parametrize(('words', 'said'), [
    (('-u', '/no/such/kernel.sock', '--no-autostart'), 'There is no kernel at /no/such/kernel.sock'),
    (('-u', 'relative'), 'must be absolute'),
    (('-p', '99999'), 'from 1 to 65535'),
])
def test_what_is_wrong_at_the_start_is_one_line(words: tuple[str, ...], said: str) -> None:
    terminal = Terminal(*words)
    status, text = terminal.end()
    assert status == 1
    assert said in text
    assert text.strip().count('\n') == 0
    assert 'Traceback' not in text


def test_it_starts_shows_and_leaves(daemon: Daemon) -> None:
    with daemon.connect() as papa:
        papa.make_process('web.1', 'sleep', '1000')
    terminal = Terminal('-u', str(daemon.where))
    terminal.until('web.1')
    terminal.type('q')
    status, text = terminal.end()
    assert status == 0
    assert f'everything in the kernel at {daemon.where} goes on: 1 running process' in text


def test_no_colour_where_none_is_wanted(daemon: Daemon) -> None:
    with daemon.connect() as papa:
        papa.make_process('web.1', 'sh', ['-c', 'exit 3'])
    terminal = Terminal('-u', str(daemon.where), NO_COLOR='1')
    terminal.until('exit 3')
    terminal.type('q')
    _, text = terminal.end()
    colours = {code for code in terminal.colours(text) if len(set(code)) > 1}
    assert not colours, 'anything but greys is a colour'


def test_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / 'tui.ini'
    assert read_config(path, {'tree'}) == ({}, '')
    path.write_text('[look]\ntheme = nord\n[keys]\ntree = x\n')
    assert read_config(path, {'tree'}) == ({'tree': 'x'}, 'nord')
    path.write_text('[keys]\nnothing = x\n')
    with pytest.raises(BadRequest, match='no action "nothing"'):
        read_config(path, {'tree'})
    path.write_text('oops')
    with pytest.raises(BadRequest, match='Cannot read'):
        read_config(path, {'tree'})


@pytest.mark.parametrize(('text', 'said'), [
    ('[keyz]\ntree = x\n', 'no section [keyz]; there are [look] and [keys]'),
    ('[DEFAULT]\ntree = x\n', 'no section [DEFAULT]'),
    ('[look]\nthem = nord\n', '[look] has no "them"; it has "theme"'),
])
def test_a_configuration_that_makes_no_sense_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / 'tui.ini'
    path.write_text(text)
    with pytest.raises(BadRequest, match=re.escape(said)):
        read_config(path, {'tree'})


@pytest.mark.parametrize(('key', 'said'), [
    ('nosuchkey', 'quit = nosuchkey: there is no such key; keys are'), ('', 'quit =: a key is missing'),
    ('x,', 'quit = x,: a key is missing'), ('Enter', 'no such key'), ('hyper+x', 'no such key'), ('ctrl+', 'no such'),
    ('x', ''), ('X, f12', ''), ('ctrl+shift+left,/', ''), ('+', ''), ('slash,quotation_mark,alt+underscore', ''),
])
def test_keys_that_are_none_are_refused(key: str, said: str) -> None:
    found = no_key({'quit': key})
    assert said in found
    assert bool(said) is bool(found)


def test_all_keys_there_are_by_default_may_be_chosen() -> None:
    assert no_key({action.id: action.keys for action in ACTIONS}) == ''


def test_the_module_is_the_command() -> None:
    ended = subprocess.run([sys.executable, '-m', 'papa_tui', '--version'], capture_output=True, text=True,
                           timeout=PATIENCE, check=True)
    assert ended.stdout == f'papa-tui {__version__}\n'


def test_only_the_very_first_connection_starts_a_kernel(folder: str) -> None:
    path = f'{folder}/new.sock'
    terminal = Terminal('-u', path)
    try:
        terminal.until('● live')
    finally:
        with Papa(path, autostart=False) as papa:
            pid = papa.kernel_info()['pid']
            os.kill(pid, signal.SIGTERM)
    terminal.until('no kernel')
    wait_until(lambda: not os.path.exists(f'/proc/{pid}'))
    terminal.forget()
    terminal.until('trying again')
    assert not os.path.exists(path)
    terminal.type('q')
    assert terminal.end()[0] == 0


def test_a_theme_that_is_not_there_is_one_line(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / 'papa').mkdir()
    (tmp_path / 'papa' / 'tui.ini').write_text('[look]\ntheme = plaid\n')
    terminal = Terminal('-u', str(daemon.where), XDG_CONFIG_HOME=str(tmp_path))
    status, text = terminal.end()
    assert status == 1
    assert 'There is no theme "plaid"; there are ' in text
    assert text.strip().count('\n') == 0


def test_the_theme_that_was_chosen_is_remembered_apart_from_what_people_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path))
    path = state_path()
    assert path.is_relative_to(tmp_path)
    assert recall_theme(path) == ''
    remember_theme(path, 'nord')
    remember_theme(path, 'gruvbox')
    assert recall_theme(path) == 'gruvbox'
    assert [each.name for each in path.parent.iterdir()] == ['tui.ini']
    path.write_bytes(b'\xff')
    assert recall_theme(path) == ''
    remember_theme(Path('/dev/null/tui.ini'), 'nord')
    assert recall_theme(Path('/dev/null/tui.ini')) == ''
    remember_theme(None, 'nord')
    assert recall_theme(None) == ''
