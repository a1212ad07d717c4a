"""Watching in the telnet dialect: in batches that are acknowledged, or as a running text when only peeking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from papa.kernel.segment import STDOUT
from papa.kernel.state import WatchState
from papa.kernel.stream import Outlet, Part
from papa.kernel.watch import Cursor, Loss, Watch
from papa.wire import structured, telnet

if TYPE_CHECKING:
    from papa.kernel.kernel import Kernel
    from papa.kernel.processes import ProcessRecord
    from papa.kernel.results import Watching
    from papa.kernel.segment import Piece

_BATCH = 1024 * 1024  # bytes in a batch
_BUDGET = 256 * 1024  # bytes of running text that are handed to the socket in one go

_STOPPED = b'Stopped watching' + telnet.END_OF_REPLY
_NOTHING_LEFT = b'Nothing left to watch' + telnet.END_OF_REPLY


class BatchWatch(Watch):
    """Sends one batch, then waits for a line that acknowledges it."""

    def __init__(self, kernel: Kernel, watching: Watching, outlet: Outlet) -> None:
        super().__init__(kernel, watching, outlet)
        self._outstanding = False
        self._sent: list[tuple[Cursor, int, bool]] = []  # how far the outstanding batch goes; whether to the exit

    @property
    def eager(self) -> bool:
        return bool(self.queue) and not self._outstanding

    def wake(self) -> None:
        if self.queue and not self._outstanding:
            parts = self._collect(self._records, _BATCH)
            if parts:
                self._outstanding = True
                self._outlet.deliver([*parts, telnet.END_OF_BATCH])

    def answer(self, stop: bool) -> None:
        if self._outstanding:
            sent, self._sent = self._sent, []
            for cursor, position, exited in sent:  # what this lets processes write belongs to the next batch
                if exited:
                    self._acknowledge_exit(cursor)
                else:
                    self._acknowledge(cursor, position)
            self._outstanding = False
        if self._over:
            self._outlet.end_stream(_NOTHING_LEFT)
        elif stop:
            self._outlet.end_stream(_STOPPED)
        else:
            self.wake()

    def state(self) -> WatchState:
        sent = [(cursor.index, position, exited) for cursor, position, exited in self._sent]
        return super().state()._replace(
            outstanding=self._outstanding, sent=[each for each in sent if each[0] in self.cursors]
        )

    def restore(self, state: WatchState, records: dict[str, ProcessRecord]) -> dict[int, Cursor]:
        cursors = super().restore(state, records)
        self._outstanding = state.outstanding
        self._sent = [(cursors[index], position, exited) for index, position, exited in state.sent]
        return cursors

    def _records(self, cursor: Cursor, budget: int) -> list[Part]:
        _losses, pieces, exited = cursor.take(budget, eager=False)
        parts = _text(cursor, pieces, exited)
        if parts:
            self._sent.append((cursor, cursor.position, exited))
        return parts


class TextWatch(Watch):
    """Sends what comes, losses too, until a line asks for the end or nothing more can come."""

    def wake(self) -> None:
        if not self._outlet.busy:
            parts = self._collect(self._records, _BUDGET)
            if parts:
                self._outlet.deliver(parts)
            if self._over:
                self._outlet.end_stream(_NOTHING_LEFT)

    def answer(self, stop: bool) -> None:
        if stop:
            self._outlet.end_stream(_STOPPED)

    @staticmethod
    def _records(cursor: Cursor, budget: int) -> list[Part]:
        losses, pieces, exited = cursor.take(budget, eager=True)
        return _losses(cursor, losses) + _text(cursor, pieces, exited)


def _losses(cursor: Cursor, losses: list[Loss]) -> list[Part]:
    return [telnet.loss_line(cursor.record.name, *loss) for loss in losses]


def _text(cursor: Cursor, pieces: list[Piece], exited: bool) -> list[Part]:
    record = cursor.record
    parts: list[Part] = []
    for stream, time, _, data in pieces:
        letter = structured.STDOUT if stream == STDOUT else structured.STDERR
        parts += (telnet.output_header(letter, record.name, time, len(data)), data, b'\n')
    if exited:
        parts.append(telnet.exit_line(record.name, record.ended or 0.0, record.exit_code or 0))
    return parts
