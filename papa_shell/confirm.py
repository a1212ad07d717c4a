"""Asking a person who sits at the terminal."""

from __future__ import annotations

import os
from contextlib import contextmanager

from papa.errors import BadRequest
from papa_shell import screen, statuses
from papa_shell.statuses import put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STDIN = 0
_TERMINAL = '/dev/tty'


def agreed(text: str) -> bool:
    """Whether an answer is a yes."""
    return text.strip().lower() in ('y', 'yes')


def ask(question: Callable[[int, int], str]) -> str:
    """What is answered to the question whether to remove, laid out for so many columns and rows.
    Raises `BadRequest` if it cannot be shown."""
    with _shown() as fd:
        text = question(*screen.size(fd)).encode('utf-8', 'backslashreplace')
        while text:
            text = text[os.write(fd, text) :]
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
