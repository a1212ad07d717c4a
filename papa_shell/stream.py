"""Streaming to a terminal, so that what is acknowledged has been seen.

In its ordinary mode the driver of a terminal throws away output that waits for it when Ctrl-C is typed, also what
`write` had accepted. So while a stream runs, signal keys, line mode and echo are off, Ctrl-C, Ctrl-D and Ctrl-Z are
read as keys, and output goes through a descriptor of our own that never blocks: a key is seen at once however slow
the terminal is. Every way out restores the terminal.

What the driver still holds then would be thrown away by the next Ctrl-C. How much that is, nobody tells: of a
pseudo-terminal of Linux, ``TIOCOUTQ`` is 0 and ``tcdrain`` returns at once, with 19 KB in it. The terminal itself
knows: after each piece it is asked how it is (``ESC [ 5 n``), and answers when it has come to that.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from papa.errors import SystemFailure
from papa_shell.output import ReaderGone, Writer
from papa_shell.pump import Stopped
from papa_shell.screen import is_dumb

INTERRUPT, END, SUSPEND = b'\x03', b'\x04', b'\x1a'
_LEAVING = (INTERRUPT, END)
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)  # signals that leave the terminal as it was

_LFLAG = 3
_CC = 6
_OFF = termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN
_CHUNK = 16384  # bytes, between two looks at the keyboard

QUESTION, ANSWER = b'\x1b[5n', b'\x1b[0n'
_QUEUE = 65536  # bytes: more than any driver holds
_FAREWELL = 0.12  # seconds that the terminal has for an answer when it is left
_FAR = 0.5  # seconds that it has at most, if it is far away
_SILENT = 1.0  # seconds after which one that has never answered is taken for one that never does
_AGAIN = 2.0  # seconds until one that has answered before is asked again: an answer may get lost
_PAUSE = 0.15  # seconds in which one that takes 200 KB a second has taken what the driver holds


class Terminal:
    """The terminal while a stream runs. `typed` is what was typed that is not for the stream. `answers`: whether it
    answers questions, None as long as that is not known."""

    def __init__(self, fd: int, *, asks: bool = False, answers: bool | None = None) -> None:
        """`fd` is a descriptor of our own that does not block; `asks`: what is written counts only when it is seen.

        Raises `termios.error` if it is no terminal.
        """
        self.fd = fd
        self.attention = fd
        self.typed = bytearray()
        self.answers = answers
        self._asks = asks
        self._owed = 0  # answers
        self._heard = False  # one, since the last question
        self._asked_at = 0.0
        self._distance = 0.0  # seconds that the quickest answer took
        self._is_left = False
        self._poller = select.poll()
        self._poller.register(fd, select.POLLIN | select.POLLOUT)
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
        """Write all of it, and wait until it is seen, if that is asked for. Raises `Stopped` with what was taken if a
        key ends the stream, `ReaderGone`, or `SystemFailure`."""
        asks = self._asks and self.answers is not False
        text, view = memoryview(data), memoryview(data + QUESTION if asks else data)
        taken, began = 0, time.monotonic()
        while taken < len(view):
            if self._poll(text, min(taken, len(text))) & select.POLLOUT:
                taken += self._take(view[taken : taken + _CHUNK])
        if asks:
            self._wait_for_answer(text)
        elif self._asks:
            self._pause(text, time.monotonic() - began)

    def _poll(
        self, text: memoryview, taken: int, timeout: float | None = None, wanted: int = select.POLLOUT
    ) -> int:
        """Wait, deal with keys, and return what the terminal is ready for; 0 after so many seconds."""
        found = self._look(timeout, wanted)
        if found & select.POLLIN:
            self._attend(text, taken)
        return found

    def _look(self, timeout: float | None, wanted: int) -> int:
        self._poller.modify(self.fd, select.POLLIN | wanted)
        found = self._poller.poll(None if timeout is None else max(0.0, timeout) * 1000)
        events = found[0][1] if found else 0
        if events & (select.POLLERR | select.POLLHUP) and not events & select.POLLIN:
            raise ReaderGone
        return events

    def _take(self, view: memoryview) -> int:
        try:
            return os.write(self.fd, view)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise _trouble(error) from None

    # Knowing what is seen

    def greet(self) -> None:
        """Ask before anything is shown: who has seen something, has answered, or never does."""
        if self._asks and self.answers is None and self._take(memoryview(QUESTION)):
            self._asked()

    def part(self) -> None:
        """Leave no answer to whoever reads next, if it comes soon."""
        if not self._is_left:
            with suppress(ReaderGone, SystemFailure):
                self._farewell(memoryview(b''))

    def _asked(self) -> None:
        self._owed += 1
        self._heard = False
        self._asked_at = time.monotonic()

    def _wait_for_answer(self, text: memoryview) -> None:
        """Wait until the terminal has come to the end of what was written; not for ever if it never answers."""
        self._asked()
        since = time.monotonic()
        while self._owed:
            limit = since + (_SILENT if self.answers is None else _AGAIN)
            self._poll(text, len(text), limit - time.monotonic(), 0)
            if time.monotonic() < limit or not self._has_room(text) or not self._owed:
                continue
            if self.answers is None:
                self.answers, self._owed = False, 0
            else:
                self._ask_again()
                since = time.monotonic()

    def _has_room(self, text: memoryview) -> bool:
        """Wait until more could be written, as in `write`: one that is stalled says nothing."""
        return bool(self._poll(text, len(text)) & select.POLLOUT)

    def _ask_again(self) -> None:
        if self._heard:  # it has answered what was asked later: the rest is lost
            self._owed = 0
        if self._take(memoryview(QUESTION)):
            self._asked()

    def _pause(self, text: memoryview, took: float) -> None:
        """Give a terminal that never answers the time that it needs for what the driver holds, at the pace at which
        it took the text."""
        pace = took / (len(text) - _QUEUE) if len(text) > 2 * _QUEUE else _PAUSE
        until = time.monotonic() + min(_PAUSE, _QUEUE * pace)
        while (left := until - time.monotonic()) > 0:
            self._poll(text, len(text), left, 0)
        while not self._has_room(text):
            pass

    # Keys

    def attend(self) -> None:
        """Something was typed: see what. Raises `Stopped` if it ends the stream, `ReaderGone` if the terminal is
        gone."""
        self._attend(memoryview(b''), 0)

    def _attend(self, text: memoryview, taken: int) -> None:
        key = self._key()
        if key == SUSPEND:
            self._suspend()
        elif key in _LEAVING:
            self._is_left = True
            seen = taken if self._farewell(text[:taken]) else max(0, taken - _QUEUE)
            raise Stopped(seen, interrupted=key == INTERRUPT)
        elif key is not None:
            self._keep(key)

    def _keep(self, key: bytes) -> None:
        self.typed += key
        if self.typed.endswith(ANSWER):
            del self.typed[-len(ANSWER) :]
            self._owed, self._heard, self.answers = max(0, self._owed - 1), True, True
            if not self._owed:
                took = time.monotonic() - self._asked_at
                self._distance = min(self._distance or took, took)

    def _farewell(self, text: memoryview) -> bool:
        """This was written last: end the line, and give the terminal a moment to come to that. Whether it has."""
        asks = bool(text) and self._asks and self.answers is not False
        mid_line = bytes(text[-1:]) not in (b'', b'\n')
        last = memoryview((b'\n' if mid_line else b'') + (QUESTION if asks else b''))
        far = min(_FAR, 2 * self._distance)  # an answer that comes later would be taken for typed
        until = time.monotonic() + max(_FAREWELL, far)
        while (last or self._owed) and (left := until - time.monotonic()) > 0:
            events = self._look(left, select.POLLOUT if last else 0)
            if events & select.POLLIN:
                key = self._key()
                if key is not None and key not in _LEAVING:  # pressed twice
                    self._keep(key)
            if events & select.POLLOUT:
                last = last[self._take(last) :]
                if asks and not last:
                    self._asked()
        return asks and not last and not self._owed

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
        self.part()
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
def terminal(writer: Writer, *, asks: bool) -> Iterator[Terminal | Writer]:
    """The sink for a stream to a terminal: `writer` itself where it is not ours to take, in the background for example.
    `asks`: what is written counts only when it is seen.

    Leaving it restores the terminal.
    """
    made = _open(writer, asks=asks)
    if made is None:
        yield writer
        return
    try:
        made.guard()
        made.begin()
        made.greet()
        yield made
    finally:
        made.part()
        made.restore()
        made.unguard()
        writer.answers = made.answers
        if writer.ahead is None:
            made.give_back()
        else:
            writer.ahead += made.typed
        os.close(made.fd)


def _open(writer: Writer, *, asks: bool) -> Terminal | None:
    try:
        if os.tcgetpgrp(writer.fd) != os.getpgrp():
            return None
        own = os.open(os.ttyname(writer.fd), os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return Terminal(own, asks=asks, answers=False if is_dumb() else writer.answers)
    except (termios.error, OSError):
        os.close(own)
        return None
