"""A watch in the structured dialect: frames are pushed as far as the client takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from papa.errors import BadRequest
from papa.kernel.segment import STDOUT
from papa.kernel.state import WatchState
from papa.kernel.stream import Outlet, Part
from papa.kernel.watch import Cursor, Watch
from papa.names import is_number
from papa.wire import structured

if TYPE_CHECKING:
    from papa.kernel.kernel import Kernel
    from papa.kernel.loop import Timer
    from papa.kernel.processes import ProcessRecord
    from papa.kernel.results import Watching

_BUDGET = 256 * 1024  # bytes that are handed to the socket in one go
_MERGE_WITHIN = 0.05  # seconds: acknowledgements are told at most so often


class FrameWatch(Watch):
    """Pushes frames; acknowledgements come whenever they like.

    After ``events`` the client is also told of acknowledgements, its own and those of others.
    """

    tells_on = True

    def __init__(self, kernel: Kernel, watching: Watching, outlet: Outlet) -> None:
        super().__init__(kernel, watching, outlet)
        self._events = False  # acknowledgements are told, and what is told is told at once
        self._noted: dict[Cursor, bool] = {}  # those with an acknowledgement to tell of; whether by this very watch
        self._merging: Timer | None = None  # runs while acknowledgements are held back to be merged

    @property
    def eager(self) -> bool:
        return bool(self.queue) or (bool(self._noted) and self._merging is None)

    def wake(self) -> None:
        if self._outlet.busy:
            return
        parts = self._collect(self._frames, _BUDGET) if self.queue else []
        if self._noted and self._merging is None:
            parts += self._acknowledgements()
        if parts:
            self._outlet.deliver(parts)

    def control(self, name: str, words: list[str]) -> None:
        if name == structured.EVENTS:
            self._tell_events()
            return
        for word in words:
            self._take_word(word)
        if name == structured.STOP or (self._over and not self.peek):
            self._outlet.end_stream(structured.END)
        else:
            self.wake()

    def note(self, cursor: Cursor, mine: bool) -> None:
        if self._events:
            self._noted[cursor] = mine
            if self._merging is None:
                self.wake()

    def detach(self) -> None:
        if self._merging is not None:
            self._merging.cancel()
        super().detach()

    def held(self) -> list[Cursor]:
        return [*super().held(), *(cursor for cursor in self._noted if cursor.index not in self.cursors)]

    def state(self) -> WatchState:
        noted = [(cursor.index, mine) for cursor, mine in self._noted.items()]
        return super().state()._replace(events=self._events, noted=noted)

    def restore(self, state: WatchState, records: dict[str, ProcessRecord]) -> dict[int, Cursor]:
        cursors = super().restore(state, records)
        self._events = state.events
        self._noted = {cursors[index]: mine for index, mine in state.noted}
        return cursors

    def _leave(self, cursor: Cursor) -> None:
        super()._leave(cursor)
        if not self.peek:  # its client knows by itself what it has acknowledged
            self._noted.pop(cursor, None)

    def _tell_events(self) -> None:
        if self._events:
            return
        self._events = True
        self.queue.update(self.cursors)
        self._noted.update(dict.fromkeys(self.cursors.values(), False))
        self.wake()

    def _acknowledgements(self) -> list[Part]:
        parts: list[Part] = []
        for cursor, mine in self._noted.items():
            position = cursor.record.output.acknowledged
            if position != cursor.told:
                cursor.told = position
                parts += self._introduction(cursor)
                parts.append(structured.acknowledgement_frame(cursor.index, position, mine))
        self._noted.clear()
        if parts:
            self._merging = self._kernel.loop.call_later(_MERGE_WITHIN, self._merged)
        return parts

    def _merged(self) -> None:
        self._merging = None
        if self._noted:
            self.wake()

    def _take_word(self, word: str) -> None:
        index, _, mark = word.partition(':')
        if not (is_number(index) and int(index) < self._next_index):
            raise BadRequest('Nothing is watched under that number')
        cursor = self.cursors.get(int(index))
        if mark == structured.EXIT_MARK:
            self._take_exit(cursor)
        elif not is_number(mark):
            raise BadRequest('An acknowledgement is INDEX:POSITION or INDEX:x')
        elif cursor is not None:
            if int(mark) > cursor.position:
                raise BadRequest('Output was acknowledged that was never told')
            self._acknowledge(cursor, int(mark))

    def _take_exit(self, cursor: Cursor | None) -> None:
        if self.peek:
            raise BadRequest('Who only peeks cannot acknowledge an exit')
        if cursor is not None:
            if not cursor.exit_sent:
                raise BadRequest('An exit was acknowledged that was never told')
            self._acknowledge_exit(cursor)

    def _frames(self, cursor: Cursor, budget: int) -> list[Part]:
        losses, pieces, exited = cursor.take(budget, self._events)
        index = cursor.index
        parts: list[Part] = []
        if not cursor.introduced and (pieces or exited or self._events):
            parts += self._introduction(cursor)
        for loss in losses:
            parts.append(structured.loss_frame(index, *loss))
        for stream, time, end, data in pieces:
            letter = structured.STDOUT if stream == STDOUT else structured.STDERR
            parts += (structured.output_header(letter, index, time, end, len(data)), data, b'\n')
        if exited:
            record = cursor.record
            parts.append(structured.exit_frame(index, record.ended or 0.0, record.exit_code or 0))
        return parts

    @staticmethod
    def _introduction(cursor: Cursor) -> list[Part]:
        if cursor.introduced:
            return []
        cursor.introduced = True
        record = cursor.record
        return [structured.introduction_frame(cursor.index, record.started, cursor.start, record.id, record.name)]
