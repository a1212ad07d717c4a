"""The event loop: the only place that waits. One thread, whatever the load.

Everything is level-triggered and non-blocking, and every callback bears a call for nothing (an
event of a descriptor that was closed and opened again in the same round).
"""

from __future__ import annotations

import heapq
import logging
import os
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from itertools import count

READ = 1  # the values of EPOLLIN and EPOLLOUT are those of POLLIN and POLLOUT
WRITE = 4

log = logging.getLogger('papa.kernel')

_POLL_FOR_EXIT = 0.02  # seconds, only where the system cannot tell of an exit (Linux before 5.3)
_MAX_EVENTS = 256


class Timer:
    """A call that is due; `cancel` it if it is no longer wanted."""

    __slots__ = ('callback',)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Do not call."""
        self.callback = None


class Loop:
    """Calls back when descriptors are ready, times have come and children have exited."""

    def __init__(self) -> None:
        self._poller = _poller()
        self._callbacks: dict[int, Callable[[int], None]] = {}
        self._soon: deque[Callable[[], object]] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = count()
        self.stopped = False  # it has been told to
        self._stoppers: tuple[socket.socket, ...] = ()
        self._exits = _ExitNotifier(self)

    def close(self) -> None:
        """Give back the loop's own descriptors."""
        for stopper in self._stoppers:
            stopper.close()
        self._exits.close()
        close = getattr(self._poller, 'close', None)
        if close is not None:
            close()

    def register(self, fd: int, events: int, callback: Callable[[int], None]) -> None:
        """Call `callback(events)` whenever `fd` is ready. Raises OSError at the limit of descriptors."""
        self._poller.register(fd, events)
        self._callbacks[fd] = callback

    def modify(self, fd: int, events: int) -> None:
        """Change what is waited for."""
        self._poller.modify(fd, events)

    def unregister(self, fd: int) -> None:
        """Stop waiting for `fd`. Must come before it is closed; does nothing if it is not registered."""
        if self._callbacks.pop(fd, None) is not None:
            self._poller.unregister(fd)

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Call after the events at hand, before waiting again."""
        self._soon.append(callback)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call once, after so many seconds of the monotonic clock."""
        timer = Timer(callback)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), timer))
        return timer

    def watch_exit(self, pid: int, callback: Callable[[], object]) -> None:
        """Call once when the child `pid` has exited and can be waited for."""
        self._exits.watch(pid, callback)

    def stop(self) -> None:
        """Make `run` return after the events at hand."""
        self.stopped = True

    def call_at_rest(self, callback: Callable[[], object]) -> None:
        """Call when nothing is left to be called soon, unless it is stopped before."""
        def try_again() -> None:
            if self._soon:
                self.call_soon(try_again)
            elif not self.stopped:
                callback()

        self.call_soon(try_again)

    def stopper(self) -> Callable[[], None]:
        """A function that makes `run` return, callable from another thread, also when it has returned."""
        reader, writer = self._stoppers = socket.socketpair()
        self.register(reader.fileno(), READ, lambda _events: self.stop())
        return writer.close

    def run(self) -> None:
        """Wait and call back until `stop` is called."""
        poll = self._poller.poll
        callbacks = self._callbacks
        timed = self._timers
        soon = self._soon
        scale = self._poller.scale
        while not self.stopped:
            timeout = self._timeout() if timed or soon else -1
            try:
                ready = poll(timeout * scale if timeout > 0 else timeout, _MAX_EVENTS)
            except InterruptedError:
                continue
            for fd, events in ready:
                callback = callbacks.get(fd)
                if callback is not None:
                    try:
                        callback(events)
                    except Exception:
                        log.exception('A callback failed; the kernel goes on')
            if timed or soon:
                self._run_due()

    def _timeout(self) -> float:
        if self._soon:
            return 0
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return -1
        return max(0.0, self._timers[0][0] - time.monotonic())

    def _run_due(self) -> None:
        for _ in range(len(self._soon)):
            self.call(self._soon.popleft())
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                self.call(callback)

    @staticmethod
    def call(callback: Callable[[], object]) -> None:
        """Call now; what goes wrong is logged."""
        try:
            callback()
        except Exception:
            log.exception('A callback failed; the kernel goes on')


class _Epoll:
    """Linux: time to find what is ready does not grow with the number of descriptors."""

    scale = 1.0  # epoll counts in seconds

    def __init__(self) -> None:
        epoll = select.epoll()
        self.register, self.modify, self.unregister = epoll.register, epoll.modify, epoll.unregister
        self.poll: Callable[[float, int], list[tuple[int, int]]] = epoll.poll
        self.close = epoll.close


class _Poll:
    """Elsewhere (macOS, the BSDs): the same interface on poll(2)."""

    scale = 1000.0  # poll counts in milliseconds

    def __init__(self) -> None:
        poll = select.poll()
        self.register, self.modify, self.unregister = poll.register, poll.modify, poll.unregister
        self._poll = poll.poll

    def poll(self, timeout: float, _max_events: int) -> list[tuple[int, int]]:
        return self._poll(timeout)


def _poller() -> _Epoll | _Poll:
    return _Epoll() if hasattr(select, 'epoll') else _Poll()


class _PidfdNotifier:
    """Linux: a pidfd for each child. Where one cannot be had, the child is polled for."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._fds: set[int] = set()

    def watch(self, pid: int, callback: Callable[[], object]) -> None:
        try:
            fd = os.pidfd_open(pid)
        except (OSError, AttributeError):  # ENOSYS before Linux 5.3; EMFILE
            _poll_for_exit(self._loop, pid, callback)
            return

        def exited(_events: int) -> None:
            self._forget(fd)
            callback()

        try:
            self._loop.register(fd, READ, exited)
        except OSError:  # ENOSPC: the user waits for too many things (epoll(7), max_user_watches)
            os.close(fd)
            _poll_for_exit(self._loop, pid, callback)
            return
        self._fds.add(fd)

    def _forget(self, fd: int) -> None:
        self._loop.unregister(fd)
        self._fds.discard(fd)
        os.close(fd)

    def close(self) -> None:
        for fd in list(self._fds):
            self._forget(fd)


if sys.platform != 'linux':

    class _KqueueNotifier:
        """macOS and the BSDs: NOTE_EXIT on one kqueue, which is itself waited for."""

        def __init__(self, loop: Loop) -> None:
            self._loop = loop
            self._kqueue = select.kqueue()
            self._callbacks: dict[int, Callable[[], object]] = {}
            loop.register(self._kqueue.fileno(), READ, self._exited)

        def watch(self, pid: int, callback: Callable[[], object]) -> None:
            event = select.kevent(
                pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD | select.KQ_EV_ONESHOT, select.KQ_NOTE_EXIT
            )
            try:
                self._kqueue.control([event], 0)
            except OSError:  # ESRCH: it has exited already
                _poll_for_exit(self._loop, pid, callback)
                return
            self._callbacks[pid] = callback

        def _exited(self, _events: int) -> None:
            for event in self._kqueue.control([], _MAX_EVENTS, 0):
                callback = self._callbacks.pop(event.ident, None)
                if callback is not None:
                    callback()

        def close(self) -> None:
            self._loop.unregister(self._kqueue.fileno())
            self._kqueue.close()

    _ExitNotifier = _KqueueNotifier
else:
    _ExitNotifier = _PidfdNotifier


def _poll_for_exit(loop: Loop, pid: int, callback: Callable[[], object]) -> None:
    try:
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # somebody else has waited for it
        found = True  # type: ignore[assignment]
    if found:
        loop.call_soon(callback)
    else:
        loop.call_later(_POLL_FOR_EXIT, lambda: _poll_for_exit(loop, pid, callback))
