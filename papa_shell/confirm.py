"""Asking before what cannot be undone, where a person sits at the terminal."""

from __future__ import annotations

import os
from contextlib import contextmanager

from papa.errors import BadRequest, NotFound
from papa.line.calls import Call
from papa.names import natural, plain
from papa_shell import statuses
from papa_shell.statuses import put, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from papa.line.grammar import Line
    from papa_shell.session import Session

_STDIN = 0
_TERMINAL = '/dev/tty'
_SHOWN = 20  # names


def needs_asking(line: Line, flags: dict[str, Any]) -> bool:
    """Whether a line removes what is not named one by one, and there is somebody to ask, whoever gets the errors."""
    return (
        line.command.words[0] == 'remove' and 'yes' not in flags
        and (not line.operands or any(word.endswith('*') for word in line.operands))
        and os.isatty(_STDIN)
    )


def question(kind: str, names: Sequence[str]) -> str:
    """``Remove 2 processes: a, b?``"""
    more = f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    noun = kind if len(names) != 1 else kind.removesuffix('es' if kind == 'processes' else 's')
    return f'Remove {len(names)} {noun}: {", ".join(plain(name) for name in names[:_SHOWN])}{more}? [y/N] '


def agreed(text: str) -> bool:
    """Whether an answer is a yes."""
    return text.strip().lower() in ('y', 'yes')


def remove(session: Session, line: Line, call: Call, flags: dict[str, Any]) -> int:
    """Ask, and then remove exactly what was shown. Returns the exit status. Raises an `Error`."""
    from papa_shell.runner import nothing

    names = sorted(session.listed(line, flags, line.command.words[-1], line.operands), key=natural)
    if not names:
        session.call(line, call, flags)  # which says what is wrong, if something is
        say(nothing(line))
        return statuses.OK
    if not agreed(_asked(question(line.command.words[-1], names))):
        put('Nothing was removed\n')
        return statuses.FAILED
    _remove(session, line, call, flags, names)
    return statuses.OK


def _asked(text: str) -> str:
    """What is answered to a question. Raises `BadRequest` if it cannot be shown."""
    with _shown() as fd:
        os.write(fd, text.encode('utf-8', 'backslashreplace'))
        return answer()


@contextmanager
def _shown() -> Iterator[int]:
    """A descriptor of the terminal, where the question is seen: not every standard error is one."""
    if os.isatty(statuses.STDERR):
        yield statuses.STDERR
        return
    try:
        fd = os.open(_TERMINAL, os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise BadRequest(f'Nobody can be asked ({_TERMINAL}: {error.strerror}): to remove them, say -y') from None
    try:
        yield fd
    finally:
        os.close(fd)


def _remove(session: Session, line: Line, call: Call, flags: dict[str, Any], names: list[str]) -> None:
    """Remove these names, without those that have gone by themselves meanwhile."""
    while names and not _removed(session, line, Call(call.method, *names), flags):
        names = list(session.listed(line, flags, line.command.words[-1], names))


def _removed(session: Session, line: Line, call: Call, flags: dict[str, Any]) -> bool:
    """Whether all were there and are removed: else nothing is."""
    try:
        session.call(line, call, flags)
    except NotFound:
        return False
    return True


def answer() -> str:
    """What the person at the terminal answers: a line, perhaps empty."""
    data = b''
    while not data.endswith(b'\n'):
        part = os.read(_STDIN, 1024)
        if not part:
            put('\n')
            break
        data += part
    return data.decode('utf-8', 'replace')
