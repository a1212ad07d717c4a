"""A pager for what is longer than the screen: of `PAPA_PAGER`, `PAGER`, or ``less``."""

from __future__ import annotations

import os

from papa.line.quoting import split
from papa.names import show as quoted
from papa_shell import screen
from papa_shell.output import Program, ReaderGone
from papa_shell.statuses import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from papa_shell.output import Writer

_VARIABLES = ('PAPA_PAGER', 'PAGER')  # the first that is set counts
_OFF = ('', 'cat')
_USUAL = 'less'
# Ends at once if one screen is enough, keeps colours, leaves on the screen what was seen, and says how to go on.
_LESS = 'FRX -Ps?e(end):Space goes on,. q leaves$'
_KEEP_COLOURS = '-R '
_STAYS = ' -+F'
_WITH_TEXT = frozenset('Pp"tTkoO')  # options that the rest of `LESS` may belong to
_FOR_SH = frozenset('|&;<>()$`"\'\\*?[]#~{}!\n')  # what only sh can make sense of
_NOT_RUN = (126, 127)
_BYTES_A_CELL = 8  # at most, colours included


def write(data: bytes, writer: Writer) -> None:
    """Write a result: through a pager if that is a terminal too small for it. Raises as `Writer.write`.

    A pager that ends early has shown enough. Where there is none, that is said, and the result written as it is.
    """
    columns, lines = screen.size(writer.fd)
    kept = writer.kept(lines)
    if _is_ours(writer) and not fits(data, columns, lines - kept):
        command = chosen()
        if command and _paged(data, command, _environment(stays=bool(kept))):
            return
    writer.write(data)


def chosen() -> str:
    """The command of the pager that the environment names; empty if none is wanted."""
    for variable in _VARIABLES:
        if variable in os.environ:
            command = os.environ[variable].strip()
            return '' if command in _OFF else command
    if screen.is_dumb() or _missing(_USUAL) is not None:
        return ''
    return _USUAL


def fits(data: bytes, columns: int, lines: int) -> bool:
    """Whether a text leaves a line of the screen for the prompt."""
    if data.count(b'\n') >= lines or len(data) > columns * lines * _BYTES_A_CELL:
        return False
    rows = 0
    for line in data.decode('utf-8', 'replace').removesuffix('\n').split('\n'):
        rows += max(1, -(-screen.cells(_without_colours(line).expandtabs()) // columns))
    return rows < lines


def _without_colours(line: str) -> str:
    first, *rest = line.split('\x1b[')
    return first + ''.join(part.partition('m')[2] for part in rest)


def _is_ours(writer: Writer) -> bool:
    """Whether that is a terminal, and we may ask something there: in the background a pager would only be stopped."""
    try:
        return writer.is_terminal and os.tcgetpgrp(writer.fd) == os.getpgrp()
    except OSError:
        return False


def _missing(command: str) -> str | None:
    """The name of the program of a command if there is none such; None if there is, or if only sh can tell."""
    if set(command) & _FOR_SH:
        return None
    words = [word for word in split(command).texts if '=' not in word]
    folders = os.get_exec_path() if words and '/' not in words[0] else ['']
    if any(os.access(os.path.join(folder, words[0]), os.X_OK) for folder in folders if words):
        return None
    return words[0] if words else command


def _paged(data: bytes, command: str, environment: dict[str, str]) -> bool:
    """Show a text in a pager. Whether there was one."""
    missing = _missing(command)
    if missing is not None:
        say(f'There is no pager {quoted(missing)}')
        return False
    program = Program(command, environment)
    with _Uninterrupted(), program as writer:
        try:
            writer.write(data)
        except ReaderGone:
            pass  # it has shown enough
    return program.status not in _NOT_RUN


def _environment(*, stays: bool = False) -> dict[str, str]:
    """Ours, and that ``less`` keeps colours: without them it would show their sequences. `stays`: also if the text
    fits on the screen, since the prompt would push a part of it off."""
    less = os.environ.get('LESS')
    less = _LESS if less is None else _KEEP_COLOURS + less
    return {**os.environ, 'LESS': less + _STAYS if stays and (less == _LESS or not set(less) & _WITH_TEXT) else less}


class _Uninterrupted:
    """While a pager runs, Ctrl-C is its own: in many it ends a search, not the pager."""

    def __enter__(self) -> None:
        import signal

        self._before = signal.signal(signal.SIGINT, signal.SIG_IGN)

    def __exit__(self, *_: object) -> None:
        import signal

        signal.signal(signal.SIGINT, self._before)
