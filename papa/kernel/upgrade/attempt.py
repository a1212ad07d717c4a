"""Replacing the running kernel: try the new code, hand over, become it. Until the very last step nothing is lost."""

from __future__ import annotations

import errno
import gc
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

from papa.errors import Conflict, Error, LimitReached, SystemFailure
from papa.kernel import signals
from papa.kernel.kernel import Kernel
from papa.kernel.pending import Pending, bug
from papa.kernel.server import Server
from papa.kernel.sockets import failure
from papa.kernel.state import LogState, State
from papa.kernel.upgrade import codec, memory, newcomer
from papa.kernel.upgrade.collect import Collector
from papa.kernel.upgrade.image import Image
from papa.kernel.upgrade.newcomer import Hear, Newcomer
from papa.names import plain, show

log = logging.getLogger('papa.kernel')

_TIMEOUT = 30.0  # seconds that the new code may take until it has tried for the first time
_LAST_TIMEOUT = 1.0  # for the last time, while nobody is served; or twice what the first time took, but
_MAX_LAST_TIMEOUT = 5.0  # not more
_OWN_MEMORY = 64 * 1024 * 1024  # bytes, of the new code beside what is held
_REST_OF_IT = 24 * 1024 * 1024  # of that, once it has started
_STORE_AT_ONCE = 4 * 1024 * 1024  # bytes
_MAX_REASON = 500  # characters


class Upgrader:
    """Upgrades a kernel, one attempt at a time."""

    def __init__(self, kernel: Kernel, server: Server, log_state: LogState) -> None:
        self.kernel = kernel
        self.server = server
        self.log_state = log_state
        self._attempt: Attempt | None = None

    def begin(self, python: str | None) -> Pending:
        """Begin to go on with the code that is installed now, on this interpreter.

        The result is only ever an `Error`: after an upgrade the new kernel answers. Raises one, too.
        """
        if self._attempt is not None:
            raise Conflict('An upgrade is under way already')
        log.info('Upgrading')
        try:
            self._attempt = attempt = Attempt(self, python)
        except Error as error:
            log.warning('%s', error)
            raise
        except MemoryError as error:
            raise _unwritten(error) from None
        attempt.result.take(self._over)
        return attempt.result

    def _over(self, _error: Error) -> None:
        self._attempt = None

    def close(self) -> None:
        """The kernel ends: give up what is under way."""
        if self._attempt is not None:
            self._attempt.fail(SystemFailure('Not upgraded: the kernel ends'))


class Attempt:
    """One upgrade. It ends with this program, or with an `Error` in `result` and everything as before."""

    def __init__(self, upgrader: Upgrader, python: str | None) -> None:
        """Start the new code. Raises an `Error` if that cannot be."""
        self.result = Pending()
        self._upgrader = upgrader
        self._kernel = upgrader.kernel
        self._loop = upgrader.kernel.loop
        self._code = ('', '')  # the interpreter and the directory of the new code, once they are known
        self._ready = False  # the new code waits for the image
        self._stored = False  # what was there at first is in the image
        self._step = 'the new code has not started'
        try:
            self._image = Image()
        except OSError as error:
            raise _unwritten(error) from None
        with ExitStack() as undo:
            undo.callback(self._image.close)
            self._collector = Collector(self._kernel, upgrader.server, self._image)
            self._need_room(_OWN_MEMORY)
            self._newcomer = self._start(*newcomer.present()) if python is None else self._locate(python)
            undo.callback(self._newcomer.end)
            self._timer = self._loop.call_later(_TIMEOUT, self._time_out)
            undo.callback(self._timer.cancel)
            parts = self._collector.prepare()
            self._loop.call_soon(self._guarded(lambda: self._store(parts)))
            undo.pop_all()

    def _need_room(self, beside: int) -> None:
        """Raises `LimitReached` if there is no memory for what is to be written: the system would not refuse it, but
        kill somebody."""
        needed = self._collector.missing() + beside
        room = memory.available()
        if room is not None and needed > room:
            raise LimitReached(
                f'Not upgraded: that takes {needed >> 20} MB of memory for a moment, and {room >> 20} MB are free'
            )

    def _guarded(self, step: Callable[[], None]) -> Callable[[], None]:
        """A step that ends the attempt where it fails, and is left out when that has ended."""
        def run() -> None:
            if self.result.resolved:
                return
            try:
                step()
            except Error as error:
                self.fail(error)
            except (OSError, MemoryError) as error:
                self.fail(_unwritten(error))
            except Exception:  # noqa: BLE001 - the kernel outlives its own bugs; it is logged with its traceback
                self.fail(bug('The upgrade'))

        return run

    def _guarded_hear(self, hear: Hear) -> Hear:
        return lambda word, text: self._guarded(lambda: hear(word, text))()

    def _store(self, parts: Iterator[int]) -> None:
        """Store what is there, in steps, while everybody is served."""
        left = _STORE_AT_ONCE
        for size in parts:
            left -= size
            if left <= 0:
                self._loop.call_later(0, self._guarded(lambda: self._store(parts)))
                return
        self._stored = True
        self._try_first()

    def _locate(self, python: str) -> Newcomer:
        """Ask an interpreter which it is, and where its papa is. Raises an `Error`."""
        return Newcomer(self._kernel, newcomer.locate(python), self._image.fd, self._guarded_hear(self._located))

    def _located(self, word: str, text: str) -> None:
        if word != newcomer.READY:
            self.fail(_refused(text))
            return
        self._newcomer.end()
        try:
            python, directory = newcomer.located(text)
        except ValueError:
            self.fail(_refused('it does not say where it is'))
            return
        self._newcomer = self._start(python, directory)

    def _start(self, python: str, directory: str) -> Newcomer:
        """Start the new code exactly as it will be run in the end. Raises an `Error`."""
        self._code = python, directory
        fd = self._image.fd
        argv = self._image.command(python, directory, newcomer.CHECK, str(fd), str(newcomer.DIALOGUE))
        return Newcomer(self._kernel, argv, fd, self._guarded_hear(self._hear))

    def _hear(self, word: str, text: str) -> None:
        """What the new code says."""
        if word == newcomer.READY:
            self._ready = True
            self._step = 'what is held has not been written'
            self._try_first()
        elif word == newcomer.GOOD:
            first = time.monotonic() - self._asked
            self._last_timeout = min(max(_LAST_TIMEOUT, 2 * first), _MAX_LAST_TIMEOUT)
            self._hold_starts()
        else:
            self.fail(_refused(text))

    def _try_first(self) -> None:
        """Let the new code try while everybody is served."""
        if self._stored and self._ready:
            self._step = 'the new code has not said that it can'
            self._write_state()
            self._asked = time.monotonic()
            self._newcomer.ask()

    def _write_state(self) -> State:
        """Store all of it. Raises `LimitReached`, OSError or MemoryError if there is no room."""
        self._need_room(_REST_OF_IT)
        gc.disable()  # everything is made, nothing is dropped: looking for garbage would take as long again
        try:
            state = self._collector.collect(self._upgrader.log_state, self._newcomer.pid)
            self._image.finish(codec.encode(state, self._image.put))
        finally:
            gc.enable()
        return state

    def _hold_starts(self) -> None:
        """Wait for processes that are being started, and let no other one begin that takes a while to start."""
        kernel = self._kernel
        if kernel.starts_held is None:
            kernel.starts_held = Pending()
        if kernel.processes.starting:
            name, under_way = next(iter(kernel.processes.starting.items()))
            self._step = f'the process {show(name)} has not started'
            under_way.take(lambda _: self._loop.call_soon(self._guarded(self._hold_starts)))
        else:
            self._loop.call_at_rest(self._hand_over)

    def _hand_over(self) -> None:
        """Nobody is served from here on. Returns only if that was in vain."""
        signal.pthread_sigmask(signal.SIG_BLOCK, signals.HANDLED)  # the new program would die of them at first
        try:
            if not (self._loop.stopped or self.result.resolved):
                self.fail(self._become())
        except Exception:  # noqa: BLE001 - the kernel outlives its own bugs; it is logged with its traceback
            self.fail(bug('The upgrade'))
        finally:
            signals.let_in()

    def _become(self) -> Error:
        """Become the new code. Return why that is not so."""
        kept = [self._image.fd]
        try:
            kept += self._write_state().kept
            word, text = self._newcomer.ask_and_wait(self._last_timeout)
            if word != newcomer.GOOD:
                return _refused(text)
            python, directory = self._code
            endpoint = self._upgrader.server.listener.endpoint
            log_fd = 2 if self._upgrader.log_state.fd is None else self._upgrader.log_state.fd
            numbers = str(self._image.fd), str(log_fd)
            argv = self._image.command(python, directory, newcomer.RESUME, *numbers, *endpoint.arguments)  # for people
            for fd in kept:
                os.set_inheritable(fd, True)
            os.execv(python, argv)  # noqa: S606 - no shell is meant
        except Error as error:
            return error
        except MemoryError as error:
            return _unwritten(error)
        except OSError as error:
            return failure('The upgrade failed at its last step', error)
        finally:
            for fd in kept:
                with suppress(OSError):
                    os.set_inheritable(fd, False)
        raise AssertionError('exec has returned')

    def _time_out(self) -> None:
        self.fail(SystemFailure(f'Not upgraded: {self._step} in {_TIMEOUT:g} seconds'))

    def fail(self, error: Error) -> None:
        """Give up: everything goes on as before."""
        if self.result.resolved:
            return
        self._timer.cancel()
        held, self._kernel.starts_held = self._kernel.starts_held, None
        try:
            self._newcomer.end()
            self._image.close()
            log.warning('%s', error)
        finally:
            self.result.resolve(error)
            if held is not None:
                held.resolve(None)


def _unwritten(error: OSError | MemoryError) -> Error:
    if isinstance(error, MemoryError):
        return LimitReached('Not upgraded: no memory is left')
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return failure('Not upgraded', error)
    return LimitReached(f'Not upgraded: the state cannot be written: {error.strerror}')


def _refused(text: str) -> Error:
    reason = plain(text, _MAX_REASON) or 'it does not say why'
    return SystemFailure(f'Not upgraded: the new code cannot take over: {reason}')
