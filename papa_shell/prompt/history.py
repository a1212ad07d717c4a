"""What was typed, in the state directory of the person, for them alone. Abbreviations are kept in their full form."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prompt_toolkit.history import History

from papa.errors import BadRequest
from papa.line.grammar import parse
from papa.line.quoting import commands
from papa_shell.statuses import say

_MOST = 1024 * 1024  # bytes: of a larger file only the newest half as many are kept
_LONGEST = _MOST // 4  # of one text
_LOADED = 5000  # texts
_PATIENCE = 0.5  # seconds that another shell may take to trim it
_RETRY = 0.01
_ENCODING = ('utf-8', 'surrogateescape')


def path() -> Path:
    """Where it is kept: in ``$XDG_STATE_HOME``, or in ``~/.local/state``."""
    state = os.environ.get('XDG_STATE_HOME', '')
    if not state.startswith('/'):  # the specification says to ignore what is relative
        state = os.path.expanduser('~/.local/state')
    return Path(state, 'papa', 'shell-history')


def full_form(text: str) -> str:
    """A text as the history should have it: the words of its commands written out, without those after a space."""
    found = (text[start:end] for start, end in commands(text))
    return '\n'.join(_written_out(each) for each in found if not each.startswith(' '))


def _written_out(text: str) -> str:
    try:
        line = parse(text)
    except BadRequest:
        return text
    return line.full if line is not None and line.short else text.rstrip(' \t')


class ShellHistory(History):
    """Kept in a file of mode 0600. A place that cannot be used is told once, and then it lasts as long as the shell."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = Path(os.path.realpath(file))  # what a link stands for is replaced, not the link
        self._usable = str(self._file) != os.devnull  # who links it there wants nothing to be kept

    def append_string(self, string: str) -> None:
        """Keep a text. What begins with a space is not for keeping, and nothing is kept twice in a row."""
        text = full_form(string)
        if text.strip() and not string.startswith(' ') and self.get_strings()[-1:] != [text]:
            super().append_string(text)

    def load_history_strings(self) -> Iterable[str]:
        """The newest of it, first the last: each prompt goes through all of them."""
        if not self._usable:
            return ()
        with suppress(OSError):
            _trim(self._file)  # what cannot be trimmed can be read
        try:
            return _read(self._file)[: -_LOADED - 1 : -1]
        except OSError as error:
            self._give_up(error)
            return ()

    def store_string(self, string: str) -> None:
        """Add a text to the file, in one write: another shell may do so at the same time. One that is longer than all
        that is kept of a large file lasts as long as the shell."""
        if not self._usable:
            return
        try:
            data = ('\n' + ''.join(f'+{line}\n' for line in string.split('\n'))).encode(*_ENCODING)
            if len(data) > _LONGEST:
                return
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as (fd, alone):
                _write(fd, data, alone=alone)
        except (OSError, UnicodeEncodeError) as error:
            self._give_up(error)

    def _give_up(self, error: OSError | UnicodeEncodeError) -> None:
        if self._usable and isinstance(error, OSError):
            self._usable = False
            say(f'What you type is not kept: {self._file}: {error.strerror}')


# The file


def _read(file: Path) -> list[str]:
    """The texts in a file, the oldest first: each in lines that begin with ``+``, and an empty line before it."""
    try:
        with _opened(file, os.O_RDONLY) as fd:
            data = _newest(fd)
    except FileNotFoundError:
        return []
    texts: list[list[str]] = [[]]
    for line in data.decode(*_ENCODING).split('\n'):
        if line.startswith('+'):
            texts[-1].append(line[1:])
        elif texts[-1]:
            texts.append([])
    return ['\n'.join(lines) for lines in texts if lines]


def _trim(file: Path) -> None:
    """Keep only the newest of a file that has become too large, and only if it is ours."""
    about = os.stat(file)
    if about.st_size <= _MOST or about.st_uid != os.geteuid():
        return
    with _locked(file, os.O_RDONLY) as (fd, alone):
        if alone and os.fstat(fd).st_size > _MOST:  # else another shell does it, or has done it
            _replace(file, _newest(fd))


def _newest(fd: int) -> bytes:
    """What is in a file; of a large one, whole texts at its end."""
    size = os.fstat(fd).st_size
    if size <= _MOST:
        return os.pread(fd, size, 0)
    data = os.pread(fd, _MOST // 2, size - _MOST // 2)
    start = data.find(b'\n\n')
    return data[start + 1 :] if start >= 0 else b''


def _replace(file: Path, data: bytes) -> None:
    """Make the file anew, so that it is whole at any moment."""
    fd, new = tempfile.mkstemp(prefix=f'{file.name}.', dir=file.parent)  # its mode is 0600
    try:
        with open(fd, 'wb') as opened:
            opened.write(data)
        os.replace(new, file)
    except OSError:
        os.unlink(new)
        raise


def _write(fd: int, data: bytes, *, alone: bool) -> None:
    """Add a whole text, or nothing of it: of what does not fit on the disk, no part stays if we are `alone`."""
    before = os.fstat(fd).st_size
    if os.write(fd, data) < len(data):
        if alone:
            os.ftruncate(fd, before)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def _opened(file: Path, flags: int) -> Iterator[int]:
    """Open it for its owner alone. Never waits, and raises an `OSError` for what is no file, such as a pipe."""
    fd = os.open(file, flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, 0o600)
    try:
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, 'Not a regular file')
        if about.st_mode & 0o077 and about.st_uid == os.geteuid():
            os.fchmod(fd, 0o600)
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _locked(file: Path, flags: int) -> Iterator[tuple[int, bool]]:
    """Open it while no other shell replaces it. Beside the descriptor, whether we have it for us alone: in the end
    what is typed does not wait for somebody who holds the lock and never lets it go."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        with _opened(file, flags) as fd:
            alone = _lock(fd, deadline)
            if not alone or _is_at(fd, file):
                yield fd, alone
                return


def _lock(fd: int, deadline: float) -> bool:
    """Lock it, which ends when it is closed. Whether that was possible."""
    with suppress(OSError):  # not in this file system
        while not _lock_at_once(fd):
            if time.monotonic() > deadline:
                return False
            time.sleep(_RETRY)
        return True
    return False


def _lock_at_once(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(fd: int, file: Path) -> bool:
    """Whether the file is still the one that is open: it may have been replaced while we waited."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(file))
    except FileNotFoundError:
        return False
