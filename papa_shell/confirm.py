"""Asking a person who sits at the terminal."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress

from papa.errors import BadRequest
from papa_shell import screen, statuses
from papa_shell.session import Interrupted
from papa_shell.statuses import put

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STDIN = 0
_TERMINAL = '/dev/tty'


def agreed(text: str) -> bool:
    """Whether an answer is a yes."""
    return text.strip().lower() in ('y', 'yes')


def ask(question: str) -> str:
    """What the person answers to a question: a line, perhaps empty. What was typed before it is there is no answer."""
    forget_typed()
    put(question)
    return _answer()


def ask_to_remove(question: Callable[[int, int], str]) -> str:
    """The same for the question whether to remove, laid out for so many columns and rows.
    Raises `BadRequest` if it cannot be shown."""
    with _shown() as fd:
        text = question(*screen.size(fd)).encode('utf-8', 'backslashreplace')
        forget_typed()
        try:
            while text:
                text = text[os.write(fd, text) :]
            return _answer()
        except KeyboardInterrupt:
            raise Interrupted('Nothing was removed') from None


def forget_typed() -> None:
    """Forget what is typed and nobody has read yet."""
    import termios

    forget_read()
    with suppress(termios.error):  # it is no terminal, or one that has gone
        termios.tcflush(_STDIN, termios.TCIFLUSH)


forget_read: Callable[[], object] = bool  # at the prompt: forget what is read already, and waits there


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


def _answer() -> str:
    data = b''
    while not data.endswith(b'\n'):
        part = os.read(_STDIN, 1024)
        if not part:
            put('\n')
            break
        data += part
    return data.decode('utf-8', 'replace')
