"""Where results go: a descriptor, or a program behind a ``|``."""

from __future__ import annotations

import os
import select

from papa.errors import SystemFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

STDOUT = 1
_GONE = (BrokenPipeError, ConnectionResetError)
_SIGPIPE = 13
_SHELL = '/bin/sh'


class ReaderGone(Exception):
    """Whoever read the results has left. There is nobody to tell."""


class Writer:
    """Writes whole results to a descriptor; returns when all of it has been taken."""

    attention: int | None = None  # there is no keyboard
    ahead: bytearray | None = None  # where what is typed during a stream goes, if somebody wants it
    answers: bool = False  # as a terminal, it has answered a question
    seen = 0  # bytes that were taken: nothing more can be known
    is_blind = False  # and that is known

    def __init__(self, fd: int = STDOUT) -> None:
        self.fd = fd

    def kept(self, _lines: int) -> int:
        """Of so many lines of a terminal, those that are for something else, beside one line."""
        return 0

    def attend(self) -> None:
        """Nothing can be typed here."""

    def let_signals(self, through: bool) -> None:
        """They always come through."""

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads it."""
        return os.isatty(self.fd)

    def write(self, data: bytes) -> None:
        """Write all of it. Raises `ReaderGone`, or `SystemFailure` (a full disk, a closed descriptor)."""
        view = memoryview(data)
        while view:
            view = view[self._take(view) :]
        self.seen += len(data)

    def finish(self) -> bool:
        """Of a stream, all is written. Whether it has arrived."""
        return True

    def _take(self, view: memoryview) -> int:
        """Write some of it; return how much."""
        try:
            return os.write(self.fd, view)
        except BlockingIOError:  # somebody else has made it non-blocking
            poller = select.poll()
            poller.register(self.fd, select.POLLOUT)
            poller.poll()
            return 0
        except _GONE:
            raise ReaderGone from None
        except OSError as error:
            raise SystemFailure(f'Cannot write the result: {error.strerror}') from None


class Program:
    """A command of ``sh`` that reads results. A context manager: leaving it waits for its end.

    `status` is its exit status then, 128 and the signal if it was ended by one.
    """

    def __init__(self, command: str, environ: Mapping[str, str] | None = None) -> None:
        """Start it, with our environment if no other is given. Raises `SystemFailure`."""
        self.status = 0
        reading, writing = os.pipe()  # neither is inherited
        try:
            self._pid = os.posix_spawn(
                _SHELL, ['sh', '-c', command], os.environ if environ is None else environ, setsigdef=[_SIGPIPE],
                file_actions=[(os.POSIX_SPAWN_DUP2, reading, 0)],
            )
        except (OSError, ValueError, UnicodeEncodeError) as error:
            os.close(writing)
            raise SystemFailure(f'Cannot run {_SHELL}: {getattr(error, "strerror", None) or error}') from None
        finally:
            os.close(reading)
        self.writer = Writer(writing)

    def __enter__(self) -> Writer:
        return self.writer

    def __exit__(self, *_error: object) -> None:
        os.close(self.writer.fd)
        interrupt = None
        while True:
            try:
                _pid, status = os.waitpid(self._pid, 0)
                break
            except ChildProcessError:  # somebody wants no zombies
                return
            except KeyboardInterrupt as error:  # the program has got it, too, and the terminal is its own until it ends
                interrupt = error
        code = os.waitstatus_to_exitcode(status)
        self.status = 128 - code if code < 0 else code
        if interrupt is not None:
            raise interrupt
