"""Delivering output to those who watch: as a stream (structured dialect) or in batches (telnet).

A watch has a cursor in the output of each process that it watches. What a cursor has not passed is
kept for it as far as the buffer allows, even when another watcher has acknowledged it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from papa.errors import BadRequest
from papa.kernel.output import STDOUT
from papa.wire import structured, telnet

if TYPE_CHECKING:
    from papa.kernel.kernel import Kernel
    from papa.kernel.output import Piece
    from papa.kernel.processes import ProcessRecord

_BUDGET = 256 * 1024  # bytes that are handed to the socket in one go
_BATCH = 1024 * 1024  # bytes in a batch of the telnet dialect

Part = bytes | memoryview


class Cursor:
    """How far one watch has come in the output of one process."""

    __slots__ = ('_serial', 'exit_sent', 'index', 'position', 'queued', 'record', 'watch')

    def __init__(self, watch: Watch, index: int, record: ProcessRecord) -> None:
        self.watch = watch
        self.index = index
        self.record = record
        self.position = record.output.acknowledged
        self.exit_sent = False
        self.queued = False  # it stands in the watch's queue of those that have something
        self._serial = 0

    def wake(self) -> None:
        """There may be something new."""
        if not self.queued:
            self.queued = True
            self.watch.queue.append(self)
        self.watch.wake()

    def take(self, budget: int) -> tuple[list[tuple[int, int, str]], list[Piece], bool]:
        """What comes next: losses before it, pieces of output, and whether the exit follows.

        A loss alone is not told before something follows it.
        """
        output = self.record.output
        start = max(self.position, output.base)
        pieces, self._serial = output.read(start, self._serial, budget)
        exited = not pieces and self.record.closed and not self.exit_sent
        losses = []
        if start > self.position and (pieces or exited):
            losses = [(low, high, self._reason(overflow)) for low, high, overflow in output.gap(self.position, start)]
        if pieces:
            self.position = pieces[-1].end
        elif exited:
            self.exit_sent = True
            self.position = output.end
        return losses, pieces, exited

    def _reason(self, overflow: bool) -> str:
        if overflow:
            return 'overflow'
        return 'acknowledged' if self.record.removed else 'slow'


class Watch:
    """What one session watches. `send` hands parts to the session; `busy` says that it has not sent all."""

    def __init__(
        self, kernel: Kernel, records: list[ProcessRecord], send: Callable[[list[Part]], None], busy: Callable[[], bool]
    ) -> None:
        self.kernel = kernel
        self.queue: deque[Cursor] = deque()
        self.cursors = [Cursor(self, index, record) for index, record in enumerate(records)]
        self.left = len(self.cursors)  # processes whose exit this watch has not acknowledged
        self._send = send
        self._busy = busy
        for cursor in self.cursors:
            cursor.record.cursors.append(cursor)

    def begin(self) -> None:
        """Deliver what is there."""
        for cursor in self.cursors:
            cursor.queued = True
        self.queue.extend(self.cursors)
        self.wake()

    @property
    def eager(self) -> bool:
        """Whether there may be something to deliver now."""
        return bool(self.queue)

    def wake(self) -> None:
        """Deliver some of it, if the session can take it. The session asks again while this is `eager`."""
        raise NotImplementedError

    def detach(self) -> None:
        """Leave all processes. What was not acknowledged stays for the next watcher."""
        for cursor in self.cursors:
            self._leave(cursor)

    def _leave(self, cursor: Cursor) -> None:
        record = cursor.record
        if cursor in record.cursors:
            record.cursors.remove(cursor)
            record.release()
            self.kernel.capture.resume(record)

    def _collect(self, encode: Callable[[Cursor, int], tuple[list[Part], bool]], budget: int) -> list[Part]:
        """Encoded parts of the cursors in the queue, one after the other, up to the budget."""
        parts: list[Part] = []
        while self.queue and budget > 0:
            cursor = self.queue.popleft()
            before = cursor.position
            encoded, more = encode(cursor, budget)
            parts += encoded
            budget -= cursor.position - before
            cursor.queued = more
            if more:
                self.queue.append(cursor)
            record = cursor.record
            if record.output.acknowledged > record.output.base:
                record.release()  # it was kept for this cursor
        return parts

    def _acknowledge(self, cursor: Cursor, position: int) -> None:
        record = cursor.record
        record.output.acknowledge(min(position, cursor.position))
        record.release()
        self.kernel.capture.resume(record)

    def _acknowledge_exit(self, cursor: Cursor) -> None:
        """The first acknowledgement of an exit frees the name at once."""
        self._acknowledge(cursor, cursor.position)
        self.kernel.processes.forget(cursor.record)
        self._leave(cursor)
        self.left -= 1


class StreamWatch(Watch):
    """Pushes frames as far as the socket takes them; acknowledgements come whenever they like."""

    def wake(self) -> None:
        if self.queue and not self._busy():
            parts = self._collect(_frames, _BUDGET)
            if parts:
                self._send(parts)

    def acknowledge(self, words: list[str]) -> bool:
        """Note ``INDEX:POSITION`` and ``INDEX:x`` words. Return whether nothing is left to watch."""
        for word in words:
            index, _, mark = word.partition(':')
            if not (_is_number(index) and int(index) < len(self.cursors)):
                raise BadRequest('Nothing is watched under that number')
            cursor = self.cursors[int(index)]
            if mark == structured.EXIT_MARK:
                if not cursor.exit_sent:
                    raise BadRequest('An exit was acknowledged that was never told')
                if cursor in cursor.record.cursors:
                    self._acknowledge_exit(cursor)
            elif _is_number(mark):
                self._acknowledge(cursor, int(mark))
            else:
                raise BadRequest('An acknowledgement is INDEX:POSITION or INDEX:x')
        return not self.left


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def _frames(cursor: Cursor, budget: int) -> tuple[list[Part], bool]:
    losses, pieces, exited = cursor.take(budget)
    index = cursor.index
    parts: list[Part] = [structured.loss_frame(index, *loss) for loss in losses]
    for stream, time, end, data in pieces:
        letter = structured.STDOUT if stream == STDOUT else structured.STDERR
        parts += (structured.output_header(letter, index, time, end, len(data)), data, b'\n')
    if exited:
        record = cursor.record
        parts.append(structured.exit_frame(index, record.ended or 0.0, record.exit_code or 0))
    return parts, bool(pieces)


class BatchWatch(Watch):
    """Sends one batch, then waits for a line that acknowledges it."""

    outstanding = False

    @property
    def eager(self) -> bool:
        return bool(self.queue) and not self.outstanding

    def begin(self) -> None:
        self._sent: list[tuple[Cursor, int]] = []  # how far the outstanding batch goes
        super().begin()

    def wake(self) -> None:
        if self.queue and not self.outstanding:
            self._sent.clear()
            parts = self._collect(self._records, _BATCH)
            if parts:
                self.outstanding = True
                self._send([*parts, telnet.END_OF_BATCH])

    def _records(self, cursor: Cursor, budget: int) -> tuple[list[Part], bool]:
        _losses, pieces, exited = cursor.take(budget)
        record = cursor.record
        parts: list[Part] = []
        for stream, time, _, data in pieces:
            letter = structured.STDOUT if stream == STDOUT else structured.STDERR
            parts += (telnet.output_header(letter, record.name, time, len(data)), data, b'\n')
        if exited:
            parts.append(telnet.exit_line(record.name, record.ended or 0.0, record.exit_code or 0))
        if parts:
            self._sent.append((cursor, cursor.position))
        return parts, bool(pieces)

    def answer(self) -> bool:
        """Acknowledge the batch that is outstanding. Return whether nothing is left to watch."""
        if self.outstanding:
            self.outstanding = False
            for cursor, position in self._sent:
                if cursor.record.closed and cursor.exit_sent and cursor in cursor.record.cursors:
                    self._acknowledge_exit(cursor)
                else:
                    self._acknowledge(cursor, position)
        return not self.left
