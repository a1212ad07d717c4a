"""From the pipes of the children into their buffers, and from their exits to ``closed``."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from papa.kernel.changes import Changes
from papa.kernel.loop import READ, Loop
from papa.kernel.processes import Processes, ProcessRecord
from papa.kernel.spawn import reap

if TYPE_CHECKING:
    from papa.kernel.watch import Watch

_READ_SIZE = 65536  # what a pipe takes, on Linux
# What the pipe of a process that fills it is made to take: fewer and larger steps for everybody. Not with 'drop', where
# a process that gets so far ahead of its watchers only loses more.
_LARGE_SIZE = 262144
_LARGE_PIECES = 16  # of that size that its buffer has to hold, for loss goes in whole pieces
_MAX_LARGE = 64  # such pipes: a user may have 64 MB in pipes (pipe(7), pipe-user-pages-soft)
_int = struct.Struct('i')


class Capture:
    """Reads what processes write, as fast as it comes or as their buffers allow, and reaps them."""

    def __init__(self, loop: Loop, processes: Processes, changes: Changes) -> None:
        self._loop = loop
        self._processes = processes
        self._changes = changes
        self.large_pipes: dict[int, int] = {}  # that it was tried to enlarge, and their sizes
        self.recorded: set[ProcessRecord] = set()  # those that have pipes, forgotten ones too

    def begin(self, record: ProcessRecord) -> None:
        """Start to record a process whose pipes are in `record.pipes`."""
        for fd in record.pipes:
            self._listen(record, fd)
            self.recorded.add(record)
        self.await_exit(record)

    def go_on(self, record: ProcessRecord) -> None:
        """Go on to record a process that was handed over; its exit is to be awaited, too."""
        for fd in record.draining if record.paused else [*record.pipes, *record.draining]:
            self._listen(record, fd)
        if record.pipes or record.draining:
            self.recorded.add(record)

    def await_exit(self, record: ProcessRecord) -> None:
        """Be told when a process exits."""
        self._loop.watch_exit(record.pid, lambda: self._exited(record))

    def acknowledge(self, record: ProcessRecord, position: int, by: Watch | None = None) -> int:
        """Note that everything before `position` is saved. Return how many bytes need not be kept any more by that."""
        output = record.output
        before = output.acknowledged
        released = output.acknowledge(position)
        record.release()
        if output.acknowledged != before:
            self.resume(record)
            for cursor in list(record.cursors):
                cursor.watch.note(cursor, cursor.watch is by)
            self._changes.count(record)
        return released

    def resume(self, record: ProcessRecord) -> None:
        """Go on after output was acknowledged, if a full buffer had stopped the reading."""
        if record.paused and not record.output.full:
            self._unpause(record)
            if record.exit_code is not None:
                self._take_rest(record)

    def discard(self, record: ProcessRecord) -> None:
        """Drop what is held and read to nowhere from now on; forget the process once it has ended."""
        record.removed = True
        self._unpause(record)
        self._drain_pipes(record)
        record.output.clear()
        if record.exit_code is not None:
            record.at_exit.clear()
            self._tell_exit(record)
        else:
            self._changes.tell('changed', 'process', record.name, record)

    def close(self) -> None:
        """Give back the descriptors of all processes, which live on."""
        for record in list(self.recorded):
            for fd in [*record.pipes, *record.draining]:
                self._close_pipe(record, fd)

    def _listen(self, record: ProcessRecord, fd: int) -> None:
        self._loop.register(fd, READ, lambda _events: self._readable(record, fd))

    def _readable(self, record: ProcessRecord, fd: int) -> None:
        stream = record.pipes.get(fd)
        if stream is None:
            self._drain(record, fd)
        elif record.output.block and record.output.full:
            self._pause(record)
        else:
            self._take(record, fd, stream)

    def _take(self, record: ProcessRecord, fd: int, stream: int) -> int:
        """Read once into the buffer. Return how much there was; -1 if nothing now; 0 at the end."""
        output = record.output
        size = self.large_pipes.get(fd, _READ_SIZE)
        try:
            data = os.read(fd, min(size, output.room) if output.block else size)
        except BlockingIOError:
            return -1
        if not data:
            self._close_pipe(record, fd)
            return 0
        output.append(stream, time.time(), data)
        if output.block and len(data) == _READ_SIZE and fd not in self.large_pipes:
            self._enlarge(fd, output.size)
        record.wake_watchers()
        if self._changes.counting:
            self._changes.count(record)
        return len(data)

    def _enlarge(self, fd: int, bufsize: int) -> None:
        """Make a pipe that was full larger, if that is worth it and the system lets us."""
        if len(self.large_pipes) >= _MAX_LARGE or bufsize < _LARGE_PIECES * _LARGE_SIZE:
            return
        self.large_pipes[fd] = _READ_SIZE
        with suppress(OSError, AttributeError):  # EPERM; not Linux
            self.large_pipes[fd] = fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _LARGE_SIZE)

    def _pause(self, record: ProcessRecord) -> None:
        """Stop reading, so that the process waits. (A hang-up is always reported: so not registered at all.)"""
        record.paused = True
        for fd in record.pipes:
            self._loop.unregister(fd)

    def _unpause(self, record: ProcessRecord) -> None:
        if record.paused:
            record.paused = False
            for fd in record.pipes:
                self._listen(record, fd)

    def _drain(self, record: ProcessRecord, fd: int) -> None:
        if fd not in record.draining:
            return
        try:
            size = len(os.read(fd, _READ_SIZE))
        except BlockingIOError:
            return
        record.drained += size
        self._changes.count(record)
        if not size:
            self._close_pipe(record, fd)

    def _close_pipe(self, record: ProcessRecord, fd: int) -> None:
        self._loop.unregister(fd)
        self.large_pipes.pop(fd, None)
        record.pipes.pop(fd, None)
        record.at_exit.pop(fd, None)
        record.draining.discard(fd)
        os.close(fd)
        if not (record.pipes or record.draining):
            self.recorded.discard(record)

    def _exited(self, record: ProcessRecord) -> None:
        record.exit_code = reap(record.pid)
        record.ended = time.time()
        if not record.removed:
            record.at_exit = {fd: _readable_bytes(fd) for fd in record.pipes}
        if self._processes.has(record):
            self._changes.tell('exited', 'process', record.name, record)
        self._take_rest(record)

    def _take_rest(self, record: ProcessRecord) -> None:
        """Take what was in the pipes at the exit; then the exit can be told.

        A grandchild that holds a pipe may write more: that is read to nowhere.
        """
        for fd, left in list(record.at_exit.items()):
            while left > 0:
                if record.output.block and record.output.full:
                    self._pause(record)
                    record.at_exit[fd] = left
                    return
                size = self._take(record, fd, record.pipes[fd])
                if size <= 0:
                    break
                left -= size
            record.at_exit.pop(fd, None)
        self._tell_exit(record)

    def _tell_exit(self, record: ProcessRecord) -> None:
        self._unpause(record)
        self._drain_pipes(record)
        record.closed = True
        if record.removed:
            self._processes.forget(record)
        record.wake_watchers()

    def _drain_pipes(self, record: ProcessRecord) -> None:
        record.draining.update(record.pipes)
        record.pipes.clear()


def _readable_bytes(fd: int) -> int:
    """How many bytes wait in a pipe (FIONREAD)."""
    return int(_int.unpack(fcntl.ioctl(fd, termios.FIONREAD, b'\0' * _int.size))[0])
