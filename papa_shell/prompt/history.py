"""What was typed, in the state directory of the person, for them alone. Abbreviations are kept in their full form."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.history import History

from papa.errors import BadRequest
from papa.line.grammar import parse
from papa.line.quoting import commands
from papa_shell.statuses import say

_MOST = 1024 * 1024  # bytes: of a larger file only the newest half as many are kept
_LOADED = 5000  # texts
_ENCODING = ('utf-8', 'surrogateescape')


def path() -> Path:
    """Where it is kept: in ``$XDG_STATE_HOME``, or in ``~/.local/state``."""
    state = os.environ.get('XDG_STATE_HOME', '')
    if not state.startswith('/'):  # the specification says to ignore what is relative
        state = os.path.expanduser('~/.local/state')
    return Path(state, 'papa', 'shell-history')


def full_form(text: str) -> str:
    """A text as the history should have it: the words of its commands written out."""
    return '\n'.join(_written_out(text[start:end]) for start, end in commands(text))


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
        self._file = file
        self._usable = True

    def append_string(self, string: str) -> None:
        """Keep a text. What begins with a space is not for keeping, and nothing is kept twice in a row."""
        text = full_form(string)
        if text.strip() and not string.startswith(' ') and self.get_strings()[-1:] != [text]:
            super().append_string(text)

    def load_history_strings(self) -> Iterable[str]:
        """The newest of it, first the last: each prompt goes through all of them."""
        try:
            return _read(self._file)[: -_LOADED - 1 : -1]
        except OSError as error:
            self._give_up(error)
            return ()

    def store_string(self, string: str) -> None:
        """Add a text to the file, in one write: another shell may do so at the same time."""
        if not self._usable:
            return
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(fd, ('\n' + ''.join(f'+{line}\n' for line in string.split('\n'))).encode(*_ENCODING))
            finally:
                os.close(fd)
        except (OSError, UnicodeEncodeError) as error:
            self._give_up(error)

    def _give_up(self, error: OSError | UnicodeEncodeError) -> None:
        if self._usable and isinstance(error, OSError):
            self._usable = False
            say(f'What you type is not kept: {self._file}: {error.strerror}')


def _read(file: Path) -> list[str]:
    """The texts in a file, the oldest first: each in lines that begin with ``+``, and an empty line before it."""
    try:
        fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    with open(fd, 'rb') as opened:
        if os.fstat(fd).st_mode & 0o077 and os.fstat(fd).st_uid == os.geteuid():
            os.fchmod(fd, 0o600)
        data = opened.read()
    if len(data) > _MOST:
        start = data.find(b'\n\n', len(data) - _MOST // 2)
        data = data[start + 1 :] if start >= 0 else b''
        _replace(file, data)
    texts: list[list[str]] = [[]]
    for line in data.decode(*_ENCODING).split('\n'):
        if line.startswith('+'):
            texts[-1].append(line[1:])
        elif texts[-1]:
            texts.append([])
    return ['\n'.join(lines) for lines in texts if lines]


def _replace(file: Path, data: bytes) -> None:
    """Make the file anew, so that it is whole at any moment."""
    new = file.with_name(f'{file.name}.{os.getpid()}')
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, 'wb') as opened:
            opened.write(data)
        os.replace(new, file)
    except OSError:
        new.unlink(missing_ok=True)
        raise
