"""Streaming to a terminal, so that what is acknowledged has been seen.

In its ordinary mode the driver of a terminal throws away output that waits for it when Ctrl-C is typed, also what
`write` had accepted. So while a stream runs, signal keys, line mode and echo are off, Ctrl-C, Ctrl-D and Ctrl-Z are
read as keys, and output goes through a descriptor of our own that never blocks: a key is seen at once however slow
the terminal is. Every way out restores the terminal.

What the driver still holds then would be thrown away by the next Ctrl-C. What of it is seen, `papa_shell.seen` knows.
Where the terminal is that of another job, in the background for example, nobody does: then nothing more counts as seen.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from papa.errors import SystemFailure
from papa_shell import statuses
from papa_shell.output import ReaderGone, Writer
from papa_shell.pump import Stopped
from papa_shell.screen import is_dumb
from papa_shell.seen import HELD, Seen
from papa_shell.terminal_modes import Modes

INTERRUPT, END, SUSPEND = b'\x03', b'\x04', b'\x1a'
_LEAVING = (INTERRUPT, END)
_CHUNK = 16384  # bytes, between two looks at the keyboard

_FAREWELL = 0.12  # seconds that the terminal has for an answer when it is left
_AGAIN = 2.0  # seconds until one that has answered before is asked again: an answer may get lost
_TELL = 1.0  # seconds until the person is told what is waited for at the end
_SILENT = 2 * _AGAIN  # seconds until the person is told that one takes what it gets and answers no more
_PATIENCE = 10.0  # seconds at the end after which one that has never answered is taken for one that never does
_PATIENCE_VARIABLE = 'PAPA_TERMINAL_PATIENCE'

_WAITING = 'Waiting until the terminal has shown the end; Ctrl-C leaves, and the end is not acknowledged'
_SILENCE = 'The terminal does not say any more that it has shown this; Ctrl-C leaves, and it is not acknowledged'
_BLIND = 'This is not the job in the foreground: what is shown from here on is not acknowledged, and comes again'


class Terminal:
    """The terminal while a stream runs. `typed` is what was typed that is not for the stream."""

    def __init__(self, fd: int, *, asks: bool = False, answers: bool = False, is_dumb: bool = False) -> None:
        """`fd` is a descriptor of our own that does not block; `asks`: what is written counts only when it is seen.
        `answers`: it is known to answer; `is_dumb`: it knows no questions.

        Raises `termios.error` if it is no terminal.
        """
        self.fd = fd
        self.typed = bytearray()
        self._modes = Modes(fd)
        self._seen = Seen(asks=asks, answers=answers)
        self._is_dumb = is_dumb
        self._is_ours = False
        self._is_left = False
        self._is_told = False  # that it is silent
        self._control = b''  # to be written before the text goes on
        self._poller = select.poll()
        self._poller.register(fd, 0)

    @property
    def attention(self) -> int | None:
        """The descriptor of the keyboard, if that is ours."""
        return self.fd if self._is_ours else None

    @property
    def seen(self) -> int:
        """How many bytes of all that were written have been seen, for all that is known."""
        return self._seen.shown

    @property
    def is_blind(self) -> bool:
        """Whether nobody can know any more what is seen."""
        return self._seen.is_blind

    @property
    def answers(self) -> bool:
        """Whether it has answered."""
        return self._seen.answers

    # Whose it is

    def begin(self) -> None:
        """Take the terminal, if it is ours to take, and ask before anything is shown whether it answers."""
        self._modes.guard()
        self._take_or_leave()
        if self._seen.asks and self._is_ours and not self._is_dumb and not self._seen.answers:
            self._control += self._seen.ask()
            self._put()

    def close(self) -> None:
        """Make it as it was. An answer that comes soon is left to nobody."""
        if not self._is_left:
            with suppress(ReaderGone, SystemFailure):
                self._farewell()
        self._modes.restore()
        self._modes.unguard()

    def let_signals(self, through: bool) -> None:
        """While somebody else is waited for, who may never answer, Ctrl-C has to interrupt."""
        if self._is_ours and self._modes.is_ours:
            self._modes.begin(signals=through)

    def _take_or_leave(self) -> None:
        """See whose it is. What was on its way when we were stopped is written again."""
        is_ours = self._modes.is_ours
        if is_ours and not self._is_ours:
            self._modes.begin()
        elif self._is_ours and not is_ours:
            self._modes.leave()
        self._is_ours = is_ours
        if self._modes.continued:
            self._modes.continued = False
            self._seen.again()
            if is_ours:
                self._modes.begin()
        if self._seen.asks and not is_ours and not self._seen.is_blind:
            self._seen.go_blind()
            statuses.say(_BLIND)

    # Writing

    def write(self, data: bytes) -> None:
        """Write all of it, and wait until it is seen if that is asked for, and the terminal is known to answer.
        Raises `Stopped` if a key ends the stream, `ReaderGone`, or `SystemFailure`."""
        self._seen.add(data)
        self._take_or_leave()
        while self._seen.written < self._seen.end:
            self._step()
        self._ask()
        self._await()

    def _await(self) -> None:
        """Wait until all is seen, if the terminal is known to answer. Should it have ceased to, that is told."""
        shown, since = self._seen.shown, time.monotonic()
        while self._seen.answers and not self._is_done:
            self._wait_for_answer(None)
            if self._seen.shown != shown:
                shown, since = self._seen.shown, time.monotonic()
            elif not self._is_told and time.monotonic() - since > _SILENT and self._step(0, select.POLLOUT):
                self._is_told = True
                self._tell(_SILENCE)

    @property
    def _is_near(self) -> bool:
        """Whether an answer comes before we have left, so that it is not for whoever reads next."""
        return self._seen.answers and self._seen.distance < _FAREWELL

    @property
    def _is_behind(self) -> bool:
        """Whether there is reason to ask in the middle of a text."""
        return self._is_near and self._seen.wants_to_ask and self._seen.written - self._seen.shown >= HELD

    @property
    def _is_done(self) -> bool:
        return self._seen.is_blind or self._seen.shown == self._seen.end

    def finish(self) -> bool:
        """The stream is at its end: wait until that is seen. Whether it is, for all that can be known."""
        if not self._seen.asks:
            return True
        began = time.monotonic()
        patience, is_told = _patience(), False
        while not self._is_done:
            waited = time.monotonic() - began
            if waited >= _TELL and not is_told:
                is_told = True
                self._tell(_WAITING)
            if waited >= patience and not self._seen.answers and self._step(0, select.POLLOUT):
                return not self._seen.is_blind
            self._wait_for_answer(patience - waited if is_told else min(_TELL, patience) - waited)
        return not self._seen.is_blind

    def _tell(self, text: str) -> None:
        """Say something without being held up by the terminal."""
        if os.isatty(statuses.STDERR):
            self._control += f'{statuses.PROGRAM}: {text}\n'.encode()
        else:
            statuses.say(text)

    def _wait_for_answer(self, limit: float | None) -> None:
        """Wait for an answer, and ask again if the last question is old. Or until so many seconds are over."""
        left = max(0.0, self._seen.asked_at + _AGAIN - time.monotonic())
        if not self._seen.waits or (self._seen.answers and not left):
            self._ask(again=self._step(0, select.POLLOUT) & select.POLLOUT != 0)  # one that is stalled says nothing
            left = _AGAIN
        self._step(left if limit is None else max(0.001, min(limit, left or limit)))

    def _ask(self, *, again: bool = False) -> None:
        if not self._is_dumb and self._is_ours and (self._seen.wants_to_ask or again) and not self._control:
            self._control += self._seen.ask()
            self._put()

    def _step(self, timeout: float | None = None, wanted: int = 0) -> int:
        """Wait until something can be done, or for so many seconds, and do it. Returns what the terminal is ready
        for."""
        found = self._look(timeout, wanted)
        if found & select.POLLIN:
            self._attend()
        if found & select.POLLOUT:
            self._put()
        self._take_or_leave()
        return found

    def _look(self, timeout: float | None, wanted: int) -> int:
        if self._control or self._seen.written < self._seen.end:
            wanted |= select.POLLOUT
        self._poller.modify(self.fd, wanted | (select.POLLIN if self._is_ours else 0))
        found = self._poller.poll(None if timeout is None else max(0.0, timeout) * 1000)
        events = found[0][1] if found else 0
        if events & (select.POLLERR | select.POLLHUP) and not events & select.POLLIN:
            raise ReaderGone
        return events

    def _put(self) -> None:
        """Write some of what is to be written."""
        if self._control:
            self._control = self._control[self._take(self._control) :]
        if self._control:
            return
        data = self._seen.rest(_CHUNK)
        if self._is_behind:
            data = data[: data.find(b'\n') + 1] or data
        self._seen.take(data[: self._take(data)])
        if self._is_behind and not self._seen.is_mid_line:  # else it might stand within a character
            self._control += self._seen.ask()

    def _take(self, data: bytes) -> int:
        try:
            return os.write(self.fd, data) if data else 0
        except BlockingIOError:
            return 0
        except OSError as error:
            raise _trouble(error) from None

    # Keys

    def attend(self) -> None:
        """Something was typed: see what. Raises `Stopped` if it ends the stream, `ReaderGone` if the terminal is
        gone."""
        self._step(0)
        self._ask()

    def _attend(self) -> None:
        key = self._key()
        if key == SUSPEND:
            self._suspend()
        elif key in _LEAVING:
            self._is_left = True
            self._seen.cut()
            if self._seen.is_mid_line:
                self._control += b'\n'
            self._ask_last()
            self._farewell()
            raise Stopped(interrupted=key == INTERRUPT)
        elif key is not None:
            self._keep(key)

    def _ask_last(self) -> None:
        if self._is_near and self._is_ours and self._seen.asks and not self._is_done:
            self._control += self._seen.ask()

    def _keep(self, key: bytes) -> None:
        self.typed += key
        self._seen.hear(self.typed)

    def _farewell(self) -> None:
        """Give the terminal a moment for the last that is written, and for its answer."""
        until = time.monotonic() + _FAREWELL
        while self._is_ours and (self._control or self._seen.waits) and (left := until - time.monotonic()) > 0:
            events = self._look(left, 0)
            if events & select.POLLIN:
                key = self._key()
                if key is not None and key not in _LEAVING:  # pressed twice
                    self._keep(key)
            if events & select.POLLOUT:
                self._put()

    def _key(self) -> bytes | None:
        """One byte of what was typed: what follows a key that ends the stream is for whoever reads next."""
        if not self._modes.is_ours:
            return None
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
        self._farewell()
        self._modes.restore()
        os.kill(0, signal.SIGTSTP)
        self._modes.continued = True  # here we have been

    def give_back(self) -> None:
        """Put what was typed ahead back for whoever reads next, where the system allows that."""
        with suppress(OSError):
            while self.typed:
                fcntl.ioctl(self.fd, termios.TIOCSTI, self.typed[:1])
                del self.typed[:1]


def _patience() -> float:
    try:
        return float(os.environ[_PATIENCE_VARIABLE])
    except (KeyError, ValueError):
        return _PATIENCE


def _trouble(error: OSError) -> Exception:
    if error.errno in (errno.EIO, errno.ENXIO, errno.EPIPE):  # it was hung up
        return ReaderGone()
    return SystemFailure(f'Cannot write to the terminal: {error.strerror}')


@contextmanager
def terminal(writer: Writer, *, asks: bool) -> Iterator[Terminal | Writer]:
    """The sink for a stream to a terminal: `writer` itself where that cannot be opened.
    `asks`: what is written counts only when it is seen.

    Leaving it restores the terminal.
    """
    made = _open(writer, asks=asks)
    if made is None:
        yield writer
        return
    try:
        made.begin()
        yield made
    finally:
        made.close()
        writer.answers = made.answers
        if writer.ahead is None:
            made.give_back()
        else:
            writer.ahead += made.typed
        os.close(made.fd)


def _open(writer: Writer, *, asks: bool) -> Terminal | None:
    try:
        own = os.open(os.ttyname(writer.fd), os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return Terminal(own, asks=asks, answers=writer.answers, is_dumb=is_dumb())
    except (termios.error, OSError):
        os.close(own)
        return None
