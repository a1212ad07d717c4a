"""What is kept of what was typed, and for whom."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from papa_shell.prompt import history
from papa_shell.prompt.history import ShellHistory, full_form


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def again(file: Path) -> list[str]:
    """What another shell finds, the oldest first."""
    return list(reversed(list(ShellHistory(file).load_history_strings())))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / 'state' / 'papa' / 'shell-history'


def test_it_is_there_for_the_next_one(file: Path) -> None:
    kept = ShellHistory(file)
    for text in ('list processes', "set x 'a\n+b\n\nc'", 'get x'):
        kept.append_string(text)
    assert again(file) == ['list processes', "set x 'a\n+b\n\nc'", 'get x']


@pytest.mark.parametrize('mask', [0o022, 0o077, 0])
def test_nobody_else_can_read_it(file: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        ShellHistory(file).append_string('get x')
    finally:
        os.umask(before)
    assert mode(file) == 0o600
    assert mode(file.parent) == 0o700


def test_one_that_others_can_read_is_closed_to_them(file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text('\n+get x\n')
    file.chmod(0o644)
    assert again(file) == ['get x']
    assert mode(file) == 0o600


def test_what_begins_with_a_space_is_not_kept_and_nothing_twice_in_a_row(file: Path) -> None:
    kept = ShellHistory(file)
    for text in (' set secret 1', 'get x', 'g x', '', '  ', 'get y', 'get x'):
        kept.append_string(text)
    assert kept.get_strings() == again(file) == ['get x', 'get y', 'get x']


@pytest.mark.parametrize(('text', 'full'), [
    ('l p', 'list processes'), ("s x 'a  b'", "set x 'a  b'"), ('lst p', 'lst p'), ("g 'x", "g 'x"),
    ('g x | head', 'get x | head'), ('l p\nl v', 'list processes\nlist values'), ('? ', '?'), ('# note', '# note'),
    ('l\tp   web', 'list processes   web'),
])
def test_abbreviations_are_written_out(text: str, full: str) -> None:
    assert full_form(text) == full


def test_a_place_that_cannot_be_used_is_told_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'state').write_text('a file, no folder')
    kept = ShellHistory(tmp_path / 'state' / 'papa' / 'shell-history')
    for text in ('get x', 'get y'):
        kept.append_string(text)
    assert kept.get_strings() == ['get x', 'get y']
    said = capfd.readouterr().err
    assert said.count('\n') == 1
    assert 'is not kept' in said


def test_bytes_that_are_no_text_are_kept(file: Path) -> None:
    ShellHistory(file).append_string('get \udcff')
    assert again(file) == ['get \udcff']


def test_it_does_not_grow_for_ever(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, '_MOST', 1000)
    kept = ShellHistory(file)
    lines = [f'get x{number}' for number in range(200)]
    for line in lines:
        kept.append_string(line)
    found = again(file)
    assert 20 < len(found) < 50
    assert found == lines[-len(found) :]
    assert file.stat().st_size <= 500
    assert mode(file) == 0o600
    assert again(file) == found
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_only_so_many_are_at_hand(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, '_LOADED', 3)
    for number in range(5):
        ShellHistory(file).append_string(f'get x{number}')
    assert again(file) == ['get x2', 'get x3', 'get x4']


def test_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HOME', '/home/alice')
    monkeypatch.setenv('XDG_STATE_HOME', '/state')
    assert history.path() == Path('/state/papa/shell-history')
    for useless in ('', 'relative'):
        monkeypatch.setenv('XDG_STATE_HOME', useless)
        assert history.path() == Path('/home/alice/.local/state/papa/shell-history')
