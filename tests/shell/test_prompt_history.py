"""What is kept of what was typed, and for whom."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
import threading
import time
from collections.abc import Callable
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


def test_a_text_that_is_very_long_takes_no_others_away(file: Path) -> None:
    kept = ShellHistory(file)
    for text in ('get x', 'set y ' + 'x' * 600_000, 'get y'):
        kept.append_string(text)
    assert again(file) == ['get x', 'get y']
    assert len(kept.get_strings()) == 3


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


@pytest.mark.parametrize(('text', 'kept'), [
    ('list values\n set secret hunter2', ['list values']),
    ('l v\n set secret hunter2\n set secret $(x)\nl p', ['list values\nlist processes']),
    (' set secret hunter2\nlist values', []),
    ("set x 'a\n  b'", ["set x 'a\n  b'"]),
    ('make process x \\\n  sleep 1', ['make process x \\\n  sleep 1']),
])
def test_a_command_after_a_space_is_not_kept_wherever_it_stands_in_a_text(
    file: Path, text: str, kept: list[str]
) -> None:
    made = ShellHistory(file)
    made.append_string(text)
    assert made.get_strings() == again(file) == kept


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


@pytest.mark.parametrize('make', [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_told_and_never_waited_for(
    file: Path, capfd: pytest.CaptureFixture[str], make: Callable[[Path], None]
) -> None:
    file.parent.mkdir(parents=True)
    make(file)
    for reads in (True, False):
        kept = ShellHistory(file)
        if reads:
            assert list(kept.load_history_strings()) == []
        kept.append_string('get x')
        assert kept.get_strings() == ['get x']
        assert capfd.readouterr().err.count('is not kept') == 1


def test_where_a_program_reads_a_fifo_nothing_is_kept_either(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file.parent.mkdir(parents=True)
    os.mkfifo(file)
    reader = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    try:
        ShellHistory(file).append_string('set secret 1')
        assert os.read(reader, 100) == b''
    finally:
        os.close(reader)
    assert 'is not kept' in capfd.readouterr().err


def test_who_links_it_to_nothing_wants_nothing_kept_and_hears_nothing(
    file: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        pytest.fail('The mode of a device is not ours to change')  # root can, and then nobody has /dev/null

    monkeypatch.setattr(os, 'fchmod', refuse)
    file.parent.mkdir(parents=True)
    file.symlink_to(os.devnull)
    kept = ShellHistory(file)
    kept.append_string('get x')
    assert again(file) == []
    assert kept.get_strings() == ['get x']
    assert capfd.readouterr().err == ''


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


@pytest.fixture
def long(file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is to be trimmed when it is read."""
    for number in range(200):
        ShellHistory(file).append_string(f'get x{number}')
    monkeypatch.setattr(history, '_MOST', 1000)
    return file


def test_a_link_stays_a_link_when_it_is_trimmed(long: Path, tmp_path: Path) -> None:
    real = tmp_path / 'dotfiles' / 'history'
    real.parent.mkdir()
    long.rename(real)
    long.symlink_to(real)
    assert again(long)[-1] == 'get x199'
    assert long.is_symlink()
    assert real.stat().st_size <= 500
    assert [each.name for each in real.parent.iterdir()] == [real.name]


def test_what_another_has_left_behind_is_not_in_the_way(long: Path, capfd: pytest.CaptureFixture[str]) -> None:
    long.with_name(f'{long.name}.{os.getpid()}').write_text('half')
    kept = ShellHistory(long)
    assert next(iter(kept.load_history_strings())) == 'get x199'
    assert long.stat().st_size <= 500
    kept.append_string('get y')
    assert again(long)[-2:] == ['get x199', 'get y']
    assert capfd.readouterr().err == ''


def test_what_cannot_be_trimmed_is_loaded_and_kept(
    long: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    for module, broken in ((os, 'replace'), (tempfile, 'mkstemp')):
        with monkeypatch.context() as patch:
            patch.setattr(module, broken, fail)
            found = again(long)
        assert found[-1] == 'get x199'
        assert 20 < len(found) < 50
        assert [each.name for each in long.parent.iterdir()] == [long.name]
    ShellHistory(long).append_string('get y')
    assert again(long)[-1] == 'get y'
    assert capfd.readouterr().err == ''


def test_what_another_shell_adds_meanwhile_survives_the_trimming(long: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def replace(source: str, target: str) -> None:
        other.start()
        other.join(0.1)
        real(source, target)

    real = os.replace
    other = threading.Thread(target=ShellHistory(long).append_string, args=['get y'])
    monkeypatch.setattr(os, 'replace', replace)
    assert again(long)
    other.join()
    assert again(long)[-2:] == ['get x199', 'get y']


def test_a_lock_that_is_never_released_is_not_waited_for(long: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, '_PATIENCE', 0.05)
    kept = ShellHistory(long)
    began = time.monotonic()
    with open(long, 'rb') as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert again(long)[-1] == 'get x199'
        kept.append_string('get y')
    assert time.monotonic() - began < 5
    assert again(long)[-1] == 'get y'


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


def test_a_text_that_does_not_fit_leaves_no_part(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(fd: int, data: bytes) -> int:
        return real(fd, data[:5]) if data.startswith(b'\n+') else real(fd, data)

    real = os.write
    file = Path(folder, 'history')
    made = ShellHistory(file)
    made.append_string('get a')
    before = file.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, 'write', write)
        made.append_string('get b')
    assert file.read_bytes() == before
