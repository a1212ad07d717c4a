"""Streaming to a terminal, so that what is acknowledged has been seen.

In its ordinary mode the driver of a terminal throws away output that waits for it when Ctrl-C is typed, also what
`write` had accepted. So while a stream runs, signal keys, line mode and echo are off, Ctrl-C, Ctrl-D and Ctrl-Z are
read as keys, and output goes through a descriptor of our own that never blocks: a key is seen at once however slow
the terminal is. Every way out restores the terminal.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from papa.errors import SystemFailure
from papa_shell.output import ReaderGone, Writer
from papa_shell.pump import Stopped

INTERRUPT, END, SUSPEND = b'\x03', b'\x04', b'\x1a'
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)  # signals that leave the terminal as it was

_LFLAG = 3
_CC = 6
_OFF = termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN
_CHUNK = 16384  # bytes, between two looks at the keyboard


class Terminal:
    """The terminal while a stream runs. `typed` is what was typed that is not for the stream. `mid_line`: it was left
    in the middle of a line."""

    def __init__(self, fd: int) -> None:
        """`fd` is a descriptor of our own that does not block. Raises `termios.error` if it is no terminal."""
        self.fd = fd
        self.attention = fd
        self.typed = bytearray()
        self.mid_line = False
        self._before = termios.tcgetattr(fd)
        self._signals: dict[int, Any] = {}

    # Modes

    def begin(self, *, signals: bool = False) -> None:
        """Read keys as they come, signal keys too, unless `signals`: then those are signals, and discard nothing."""
        changed: list[Any] = list(self._before)
        changed[_LFLAG] &= ~_OFF
        if signals:
            changed[_LFLAG] |= termios.ISIG | termios.NOFLSH
        changed[_CC] = list(changed[_CC])
        changed[_CC][termios.VMIN], changed[_CC][termios.VTIME] = 1, 0
        termios.tcsetattr(self.fd, termios.TCSANOW, changed)

    def let_signals(self, through: bool) -> None:
        """While somebody else is waited for, who may never answer, Ctrl-C has to interrupt."""
        self.begin(signals=through)

    def restore(self) -> None:
        """Make it as it was. What was typed is not lost by that."""
        with suppress(termios.error, OSError):
            termios.tcsetattr(self.fd, termios.TCSANOW, self._before)

    def guard(self) -> None:
        """See to it that a signal that ends us restores it first."""
        for number in ENDING:
            if signal.getsignal(number) == signal.SIG_DFL:
                self._signals[number] = signal.signal(number, self._end)

    def unguard(self) -> None:
        """Undo `guard`."""
        for number, handler in self._signals.items():
            signal.signal(number, handler)
        self._signals.clear()

    def _end(self, number: int, _frame: object) -> None:
        self.restore()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    # Writing

    def write(self, data: bytes) -> None:
        """Write all of it. Raises `Stopped` with what was taken if a key ends the stream, `ReaderGone`, or
        `SystemFailure`."""
        view, taken = memoryview(data), 0
        poller = select.poll()
        poller.register(self.fd, select.POLLIN | select.POLLOUT)
        while taken < len(view):
            ((_, events),) = poller.poll()
            if events & select.POLLIN:
                self._attend(view, taken)
            elif events & (select.POLLERR | select.POLLHUP):
                raise ReaderGone
            if events & select.POLLOUT:
                taken += self._take(view[taken : taken + _CHUNK])

    def _take(self, view: memoryview) -> int:
        try:
            return os.write(self.fd, view)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise _trouble(error) from None

    def attend(self) -> None:
        """Something was typed: see what. Raises `Stopped` if it ends the stream, `ReaderGone` if the terminal is
        gone."""
        self._attend(memoryview(b''), 0)

    def _attend(self, view: memoryview, taken: int) -> None:
        key = self._key()
        if key == SUSPEND:
            self._suspend()
        elif key in (INTERRUPT, END):
            if taken and view[taken - 1] != ord('\n'):
                self.mid_line = not self._take(memoryview(b'\n'))  # there may be no room now
            raise Stopped(taken, interrupted=key == INTERRUPT)
        elif key is not None:
            self.typed += key

    def _key(self) -> bytes | None:
        """One byte of what was typed: what follows a key that ends the stream is for whoever reads next."""
        try:
            data = os.read(self.fd, 1)
        except BlockingIOError:
            return None
        except OSError as error:
            raise _trouble(error) from None
        if not data:
            raise ReaderGone
        return data

    def _suspend(self) -> None:
        """Stop, as Ctrl-Z does, with those who share our job; go on when we are continued."""
        self.restore()
        os.kill(0, signal.SIGTSTP)
        self.begin()  # here we have been continued

    def give_back(self) -> None:
        """Put what was typed ahead back for whoever reads next, where the system allows that."""
        with suppress(OSError):
            while self.typed:
                fcntl.ioctl(self.fd, termios.TIOCSTI, self.typed[:1])
                del self.typed[:1]


def _trouble(error: OSError) -> Exception:
    import errno

    if error.errno in (errno.EIO, errno.ENXIO, errno.EPIPE):  # it was hung up
        return ReaderGone()
    return SystemFailure(f'Cannot write to the terminal: {error.strerror}')


@contextmanager
def terminal(writer: Writer) -> Iterator[Terminal | Writer]:
    """The sink for a stream to a terminal: `writer` itself where it is not ours to take, in the background for example.

    Leaving it restores the terminal.
    """
    made = _open(writer.fd)
    if made is None:
        yield writer
        return
    try:
        made.guard()
        made.begin()
        yield made
    finally:
        made.restore()
        made.unguard()
        if writer.ahead is None:
            made.give_back()
        else:
            writer.ahead += made.typed
        os.close(made.fd)
        if made.mid_line:
            with suppress(ReaderGone, SystemFailure):
                writer.write(b'\n')


def _open(fd: int) -> Terminal | None:
    try:
        if os.tcgetpgrp(fd) != os.getpgrp():
            return None
        own = os.open(os.ttyname(fd), os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return Terminal(own)
    except (termios.error, OSError):
        os.close(own)
        return None
