"""Delivering output to those who watch.

A watch has a cursor in the output of each process that it watches. What the cursor of one that acknowledges has
not passed is kept for it as far as the buffer allows, even when another watch has acknowledged it. A watch that
only peeks holds nothing back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from papa import names
from papa.errors import LimitReached
from papa.kernel.segment import PIECE_OVERHEAD
from papa.kernel.state import CursorState, WatchState
from papa.kernel.stream import Outlet, Part, Stream
from papa.wire import structured

if TYPE_CHECKING:
    from papa.kernel.kernel import Kernel
    from papa.kernel.processes import ProcessRecord
    from papa.kernel.results import Watching
    from papa.kernel.segment import Piece

Loss = tuple[int, int, str]

# Processes that come and go must not pile up before a follower that does not read:
_MAX_NAMELESS = 1000  # whose output is held for it when others are done with them
_MAX_GIVEN_UP = 10000  # that it may be behind with at all


class Cursor:
    """How far one watch has come in the output of one process. One that `holds` keeps what it has not passed."""

    __slots__ = (
        '_floor', '_serial', 'exit_sent', 'holds', 'index', 'introduced', 'position', 'record', 'start',
        'told', 'watch',
    )

    def __init__(self, watch: Watch, index: int, record: ProcessRecord, start: int, introduced: bool) -> None:
        self.watch = watch
        self.index = index
        self.record = record
        self.start = self.position = start
        self.holds = not watch.peek
        self.introduced = introduced  # the client knows what the index stands for
        self.told = record.output.acknowledged  # the client knows that it is acknowledged up to here
        self.exit_sent = False
        self._floor = record.output.base  # what lies before was gone when this began
        self._serial = 0

    def wake(self) -> None:
        """There may be something new."""
        self.watch.queue[self.index] = self
        self.watch.wake()

    @property
    def has_more(self) -> bool:
        """Whether there is something more to take already."""
        record = self.record
        if record.closed and not self.exit_sent:
            return True
        return max(self.position, record.output.base) < record.output.end

    def take(self, budget: int, eager: bool) -> tuple[list[Loss], list[Piece], bool]:
        """What comes next: losses before it, pieces of output, and whether the exit follows.

        Unless `eager`, a loss alone is not told before something follows it.
        """
        output = self.record.output
        start = max(self.position, output.base)
        pieces, self._serial = output.read(start, self._serial, budget)
        exited = not pieces and self.record.closed and not self.exit_sent
        losses: list[Loss] = []
        if start > self.position and (pieces or exited or eager):
            losses = self._losses(self.position, start)
            self.position = start
        if pieces:
            self.position = pieces[-1].end
        elif exited:
            self.exit_sent = True
            self.position = max(self.position, output.end)
        return losses, pieces, exited

    def state(self) -> CursorState:
        """All of it."""
        return CursorState(
            number=self.index, process=self.record.id, start=self.start, position=self.position, holds=self.holds,
            introduced=self.introduced, told=self.told, exit_sent=self.exit_sent, floor=self._floor,
            left=self.index not in self.watch.cursors,
        )

    @classmethod
    def restored(cls, watch: Watch, record: ProcessRecord, state: CursorState) -> Cursor:
        """The cursor that was handed over. Raises ValueError if it makes no sense."""
        if min(state.start, state.position, state.told, state.floor) < 0:
            raise ValueError('the positions of a watch make no sense')
        cursor = cls(watch, state.number, record, state.start, state.introduced)
        cursor.position, cursor.holds, cursor.told = state.position, state.holds, state.told
        cursor.exit_sent, cursor._floor = state.exit_sent, state.floor
        return cursor

    def _losses(self, start: int, end: int) -> list[Loss]:
        losses: list[Loss] = []
        for low, high, overflow in self.record.output.gap(start, end):
            if overflow:
                losses.append((low, high, structured.OVERFLOW))
                continue
            taken_to = high if self.record.removed else min(max(low, self._floor), high)
            if low < taken_to:
                losses.append((low, taken_to, structured.TAKEN))
            if taken_to < high:
                losses.append((taken_to, high, structured.SLOW))
        return losses


class Watch(Stream):
    """What one session watches."""

    tells_on = False  # after the exit of a process too, of acknowledgements, as long as there can be any

    def __init__(self, kernel: Kernel, watching: Watching, outlet: Outlet) -> None:
        super().__init__(outlet)
        self.peek = watching.peek
        self.queue: dict[int, Cursor] = {}  # those that may have something to tell, the next one first
        self.cursors: dict[int, Cursor] = {}
        self._kernel = kernel
        self._follow = watching.follow
        self._next_index = 0
        self._nameless: dict[int, Cursor] = {}  # of a follower, in processes that others are done with
        self._given_up: dict[int, Cursor] = {}  # likewise, whose output is not held back any more
        for record, start in watching.starts:
            self._add(record, start, introduced=True)
        if self._follow is not None:
            kernel.processes.followers.append(self)

    def begin(self) -> None:
        self.wake()

    def meet(self, record: ProcessRecord) -> None:
        """A process was started: watch it if it is one of those that this follows."""
        if self._follow is not None and (not self._follow or names.matches(record.name, self._follow)):
            self._add(record, record.output.acknowledged, introduced=False)
            self.wake()

    def forgotten(self, cursor: Cursor) -> None:
        """The process has lost its name; nobody will acknowledge anything more."""
        if self.peek and cursor.exit_sent:
            self._leave(cursor)
        elif self._follow is not None:
            self._nameless[cursor.index] = cursor
            if len(self._nameless) > _MAX_NAMELESS:
                self._give_up(next(iter(self._nameless.values())))

    def _give_up(self, cursor: Cursor) -> None:
        """Hold nothing back any more in a process that others are done with: this watch will be told of a loss."""
        if cursor.exit_sent:  # it was told everything
            self._leave(cursor)
            return
        self._given_up[cursor.index] = self._nameless.pop(cursor.index)
        cursor.holds = False
        cursor.record.release()
        if len(self._given_up) == _MAX_GIVEN_UP:
            error = LimitReached(f'This watch is behind by more than {_MAX_GIVEN_UP} processes that are gone')
            self._kernel.loop.call_soon(lambda: self._break_off(error))

    def _break_off(self, error: LimitReached) -> None:
        if self._given_up:  # else the stream has ended meanwhile
            self._outlet.break_off(error)

    def note(self, cursor: Cursor, mine: bool) -> None:
        """Output was acknowledged, `mine` by this watch."""

    @property
    def eager(self) -> bool:
        return bool(self.queue)

    def detach(self) -> None:
        if self._follow is not None:
            self._kernel.processes.followers.remove(self)
        for cursor in list(self.cursors.values()):
            self._leave(cursor)
        self.queue.clear()

    def _add(self, record: ProcessRecord, start: int, *, introduced: bool) -> None:
        cursor = Cursor(self, self._next_index, record, start, introduced)
        self.cursors[cursor.index] = cursor
        self._next_index += 1
        self.queue[cursor.index] = cursor
        record.cursors.append(cursor)
        self._kernel.changes.count(record)

    def _leave(self, cursor: Cursor) -> None:
        if self.cursors.pop(cursor.index, None) is None:
            return
        self._nameless.pop(cursor.index, None)
        self._given_up.pop(cursor.index, None)
        self.queue.pop(cursor.index, None)
        record = cursor.record
        record.cursors.remove(cursor)
        record.release()
        self._kernel.capture.resume(record)
        self._kernel.changes.count(record)

    def records(self) -> list[ProcessRecord]:
        return [cursor.record for cursor in self.held()]

    def held(self) -> list[Cursor]:
        """All cursors that have something to tell yet."""
        return list(self.cursors.values())

    def state(self) -> WatchState:
        """All of it."""
        return WatchState(
            peek=self.peek, follow=self._follow, next_index=self._next_index,
            cursors=[cursor.state() for cursor in self.held()], queue=list(self.queue),
            nameless=list(self._nameless), given_up=list(self._given_up),
        )

    def restore(self, state: WatchState, records: dict[str, ProcessRecord]) -> dict[int, Cursor]:
        """Go on where another was; `records` are all processes by their ids. Return all cursors by their index.

        Raises LookupError if one is missing, ValueError if something makes no sense.
        """
        self._next_index = state.next_index
        numbers = {each.number for each in state.cursors if 0 <= each.number < state.next_index}
        if len(numbers) < len(state.cursors):
            raise ValueError('the numbers of a watch make no sense')
        cursors = {each.number: Cursor.restored(self, records[each.process], each) for each in state.cursors}
        for each in state.cursors:
            if not each.left:
                self.cursors[each.number] = cursor = cursors[each.number]
                cursor.record.cursors.append(cursor)
        self.queue = {index: self.cursors[index] for index in state.queue}
        self._nameless = {index: self.cursors[index] for index in state.nameless}
        self._given_up = {index: self.cursors[index] for index in state.given_up}
        return cursors

    @property
    def _over(self) -> bool:
        """Whether nothing is left to watch."""
        return not self.cursors and self._follow is None

    def _collect(self, encode: Callable[[Cursor, int], list[Part]], budget: int) -> list[Part]:
        """Encoded parts of the cursors in the queue, one after the other, up to the budget."""
        parts: list[Part] = []
        while self.queue and budget > 0:
            index = next(iter(self.queue))
            cursor = self.queue.pop(index)
            before = cursor.position
            encoded = encode(cursor, budget)
            parts += encoded
            budget -= cursor.position - before + PIECE_OVERHEAD * (1 + len(encoded) // 3)
            if cursor.has_more:
                self.queue[index] = cursor
            record = cursor.record
            if cursor.holds and before <= record.output.base < record.output.acknowledged:
                record.release()  # it was kept for this cursor
            if cursor.exit_sent and self.peek and not (self.tells_on and self._kernel.processes.has(record)):
                self._leave(cursor)
        return parts

    def _acknowledge(self, cursor: Cursor, position: int) -> None:
        self._kernel.capture.acknowledge(cursor.record, position, self)

    def _acknowledge_exit(self, cursor: Cursor) -> None:
        """The first acknowledgement of an exit frees the name at once."""
        self._acknowledge(cursor, cursor.position)
        self._leave(cursor)
        self._kernel.processes.forget(cursor.record)
