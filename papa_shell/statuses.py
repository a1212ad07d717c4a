"""The exit statuses, and what goes to standard error."""

from __future__ import annotations

import os

from papa.errors import AccessDenied, ConnectFailed, ConnectionLost, Error
from papa.line.errors import BadLine
from papa.names import plain
from papa_shell import screen

OK = 0
FAILED = 1  # a command failed, or a value was bad
WRONG = 2  # the line makes no sense
NO_KERNEL = 3  # or it cannot be talked to, or did not answer in time
INTERRUPTED = 130

PROGRAM = 'papa-shell'
STDERR = 2
_LONG = 100_000  # characters


class TimedOut(Error):
    """The kernel has not answered within ``--timeout``."""


def of(error: Error) -> int:
    """The exit status for an error."""
    if isinstance(error, BadLine):
        return WRONG
    return NO_KERNEL if isinstance(error, (ConnectFailed, ConnectionLost, AccessDenied, TimedOut)) else FAILED


def at_prompt() -> None:
    """From now on nobody has to be told which program speaks."""
    global _speaker
    _speaker = ''


_speaker = f'{PROGRAM}: '


def say(text: str, where: str = '') -> None:
    """Tell the person one line, on standard error."""
    prefix = f'{_speaker}{where}: ' if where else _speaker
    put(f'{wrapped(prefix + plain(text, _LONG))}\n')


def wrapped(text: str) -> str:
    """At the prompt, a line broken between words to fit the terminal; else as it is."""
    if _speaker or not os.isatty(STDERR):
        return text
    return '\n'.join(wrap(text, screen.columns(STDERR)))


def wrap(text: str, columns: int) -> list[str]:
    """A text in lines of so many columns, but for words that are longer."""
    lines: list[str] = []
    room = 0
    for word in text.split(' '):
        size = screen.cells(word)
        if lines and size < room:
            lines[-1] += f' {word}'
            room -= size + 1
        else:
            lines.append(word)
            room = columns - size
    return lines


def put(text: str) -> None:
    """Write to standard error as it is. Nobody may be there to read it."""
    try:
        os.write(STDERR, text.encode('utf-8', 'backslashreplace'))
    except OSError:
        pass
