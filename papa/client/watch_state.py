"""What a client knows of a watch: frames in, events out, and what of them is acknowledged. Nothing here does I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from papa.client import arguments
from papa.client.process_output import ProcessOutput
from papa.errors import BadRequest, Conflict, NotFound
from papa.events import Acknowledged, Closed, Event, Lost, Output, Started
from papa.wire import structured
from papa.wire.client import (
    AcknowledgementFrame,
    EndFrame,
    ExitFrame,
    Frame,
    IntroductionFrame,
    LossFrame,
    OutputFrame,
    ProtocolError,
)

Outputs = tuple[list[ProcessOutput], list[ProcessOutput], list[ProcessOutput]]

ENOUGH = 8 * 1024 * 1024  # bytes of events that are taken in before somebody reads them
_OVERHEAD = 200  # bytes of each, beside its output

_STREAMS = {structured.STDOUT: 'out', structured.STDERR: 'err'}


_MOST_CLOSED = 1000  # processes that have ended, of which a later acknowledgement can still be told


class _Watched:
    """One process, and the position that its output has arrived up to."""

    __slots__ = ('acknowledged', 'end', 'id', 'name', 'start')

    def __init__(self, name: str, process_id: str, position: int, acknowledged: int | None = None) -> None:
        self.name = name
        self.id = process_id
        self.start = position
        self.end = position
        self.acknowledged = acknowledged  # the last that was told, by the kernel

    @property
    def is_settled(self) -> bool:
        """Whether nothing of what has arrived is left to be acknowledged."""
        return self.end <= (self.start if self.acknowledged is None else self.acknowledged)


class WatchState:
    """One watch, from its reply to its end.

    `take` frames as they arrive. They come out by `read` or, one by one, by `next_event`; what came out is
    what `acknowledgement` tells the kernel. `expected` are the ids, by name, of the processes that the
    watch wanted to go on with.
    """

    def __init__(
        self, watching: Iterable[Sequence[Any]], *, peek: bool = False, follow: bool = False,
        expected: Mapping[str, str] | None = None,
    ) -> None:
        self.peek = peek
        self.follow = follow
        self.exit_code: dict[str, int] = {}
        self.dropped: dict[str, int] = {}
        self.replaced: dict[str, str] = {}
        self._watched: dict[int, _Watched] = {}
        self._open = 0  # processes whose exit nobody was told yet
        self._queue: deque[tuple[int, Event]] = deque()
        self._size = 0  # bytes of output and of overhead in it
        self._telling = 0  # how many in it make `read` return
        self._mode: str | None = None
        self._positions: dict[int, int] = {}  # handed out, not acknowledged
        self._exits: list[int] = []  # likewise
        self._closed: dict[int, None] = {}  # of a peek: those that have ended, oldest first, but may be acknowledged
        for index, (name, process_id, position, started, acknowledged) in enumerate(watching):
            self._add(index, _Watched(name, process_id, position, acknowledged))
            if expected and expected.get(name, process_id) != process_id:
                self.replaced[name] = process_id
                self._put(index, Started(name, process_id, started))

    # What arrives

    def take(self, frame: Frame) -> None:
        """Take a frame. Raises `ProtocolError` if it does not follow what came before."""
        try:
            taker = _TAKERS[type(frame)]
            taker(self, frame)
        except KeyError:
            raise ProtocolError(f'a frame that belongs to nothing: {frame!r:.80}') from None

    @property
    def full(self) -> bool:
        """Whether so much waits to be read that the rest had better wait in the socket."""
        return self._size >= ENOUGH and self.has_news  # else nobody would come for it

    def would_tell(self, frames: Iterable[Frame]) -> bool:
        """Whether there will be news once these frames are taken."""
        if self._mode == structured.EVENTS:
            return any(not isinstance(frame, AcknowledgementFrame) or self._is_new(frame) for frame in frames)
        return any(isinstance(frame, (OutputFrame, ExitFrame, EndFrame)) for frame in frames)

    def _add(self, index: int, watched: _Watched) -> None:
        self._watched[index] = watched
        self._open += 1

    def _put(self, index: int, event: Event, size: int = 0) -> None:
        self._queue.append((index, event))
        self._size += size + _OVERHEAD

    def _output(self, frame: OutputFrame) -> None:
        index, data, end = frame.number, frame.data, frame.end
        watched = self._watched[index]
        self._advance(watched, end - len(data), end)
        stream = _STREAMS[frame.stream]
        self._put(index, Output(watched.name, watched.id, stream, frame.time, data, end), len(data))
        self._telling += 1

    def _exit(self, frame: ExitFrame) -> None:
        watched = self._watched[frame.number]
        self._put(frame.number, Closed(watched.name, watched.id, frame.time, frame.exit_code))
        self._telling += 1

    def _loss(self, frame: LossFrame) -> None:
        watched = self._watched[frame.number]
        self._advance(watched, frame.start, frame.end)
        self._put(frame.number, Lost(watched.name, watched.id, frame.start, frame.end, frame.reason))

    def _introduction(self, frame: IntroductionFrame) -> None:
        self._add(frame.number, _Watched(frame.name, frame.id, frame.start, frame.start))
        self._put(frame.number, Started(frame.name, frame.id, frame.time))
        if self._mode == structured.EVENTS:
            self._put(frame.number, Acknowledged(frame.name, frame.id, frame.start, False))

    def _acknowledgement(self, frame: AcknowledgementFrame) -> None:
        if not self._is_new(frame):
            return
        index = frame.number
        watched = self._watched[index]
        watched.acknowledged = frame.position
        self._put(index, Acknowledged(watched.name, watched.id, frame.position, frame.mine))
        if index in self._closed and watched.is_settled:
            self._forget(index)  # there is nothing more to tell of it

    def _is_new(self, frame: AcknowledgementFrame) -> bool:
        watched = self._watched.get(frame.number)  # none: it has ended here
        return watched is not None and watched.acknowledged != frame.position  # equal: the reply has told it

    @staticmethod
    def _advance(watched: _Watched, start: int, end: int) -> None:
        """Never go on behind a gap: what was not handed out must not be acknowledged."""
        if start != watched.end or end < start:
            raise ProtocolError(f'the output of {watched.name} goes on at {start}, not at {watched.end}')
        watched.end = end

    # What is handed out

    def begin_reading(self) -> None:
        """From now on it is `read`. Raises `BadRequest` if it was `next_event`."""
        if self._mode == structured.EVENTS:
            raise BadRequest('This watcher tells events(): it cannot read()')
        self._mode = 'read'

    def begin_events(self) -> bool:
        """From now on it is `next_event`; whether the kernel has to be told that.
        Raises `BadRequest` if it was `read`."""
        if self._mode == structured.EVENTS:
            return False
        if self._mode is not None:
            raise BadRequest('This watcher was read(): it cannot tell events()')
        self._mode = structured.EVENTS
        present = [
            (index, Acknowledged(watched.name, watched.id, watched.acknowledged, False))
            for index, watched in self._watched.items() if watched.acknowledged is not None
        ]
        self._queue.extendleft(reversed(present))
        self._size += len(present) * _OVERHEAD
        return True

    @property
    def has_news(self) -> bool:
        """Whether there is something for a `read` or, once `begin_events` was called, for `next_event`."""
        if self._mode == structured.EVENTS:
            return bool(self._queue)
        return self._telling > 0

    def read(self) -> Outputs:
        """Everything that has arrived."""
        out: list[ProcessOutput] = []
        err: list[ProcessOutput] = []
        closed: list[ProcessOutput] = []
        for index, event in self._queue:
            if isinstance(event, Output):
                target = out if event.stream == 'out' else err
                target.append(ProcessOutput(event.name, event.timestamp, event.data, event.position, event.id))
            elif isinstance(event, Closed):
                end = self._watched[index].end
                closed.append(ProcessOutput(event.name, event.timestamp, event.exit_code, end, event.id))
            self._hand_out(index, event)
        self._queue.clear()
        return out, err, closed

    def next_event(self) -> Event | None:
        """The next event, if one has arrived."""
        if not self._queue:
            return None
        index, event = self._queue.popleft()
        self._hand_out(index, event)
        return event

    def _hand_out(self, index: int, event: Event) -> None:
        self._size -= _OVERHEAD
        if isinstance(event, Output):
            self._size -= len(event.data)
            self._telling -= 1
            if not self.peek:
                self._positions[index] = event.position
        elif isinstance(event, Closed):
            self._telling -= 1
            self._close(index, event)
        elif isinstance(event, Lost) and event.reason != structured.TAKEN:
            self.dropped[event.name] = self.dropped.get(event.name, 0) + event.end - event.start

    def _close(self, index: int, event: Closed) -> None:
        self.exit_code[event.name] = event.exit_code
        self._open -= 1
        if not self.peek:
            self._exits.append(index)
        elif self._mode == structured.EVENTS and not self._watched[index].is_settled:
            self._linger(index)
        else:
            del self._watched[index]

    def _linger(self, index: int) -> None:
        """Its acknowledgement by others can still come; but the kernel may as well forget it without."""
        self._closed[index] = None
        if len(self._closed) > _MOST_CLOSED:
            self._forget(next(iter(self._closed)))

    def _forget(self, index: int) -> None:
        del self._watched[index], self._closed[index]

    # What is acknowledged

    @property
    def closed(self) -> bool:
        """Whether everything has closed, and that was handed out."""
        return not self._open and not self.follow

    @property
    def finished(self) -> bool:
        """Whether nothing is left: everything has closed and, but for one that peeks, that is acknowledged."""
        return self.closed and not self._exits

    @property
    def unacknowledged(self) -> bool:
        """Whether something that was handed out is not acknowledged."""
        return bool(self._positions or self._exits)

    @property
    def owes(self) -> bool:
        """Whether the end of the watch acknowledges something: what was read does not need to be asked for."""
        return self.unacknowledged and self._mode != structured.EVENTS

    def acknowledgement(self, command: str) -> list[str]:
        """A control with the acknowledgement of all that was handed out."""
        words = [command]
        words += [f'{index}:{position}' for index, position in self._positions.items()]
        words += [f'{index}:{structured.EXIT_MARK}' for index in self._exits]
        return words

    def farewell(self) -> list[str]:
        """The control that ends the watch; it acknowledges what was read, but no events."""
        return [structured.STOP] if self._mode == structured.EVENTS else self.acknowledgement(structured.STOP)

    def acknowledged(self) -> None:
        """The kernel was sent the acknowledgement of all that was handed out."""
        self._positions.clear()
        for index in self._exits:
            del self._watched[index]
        self._exits.clear()

    def acknowledgement_of(self, name: str, position: int, process_id: str | None) -> list[str]:
        """A control that acknowledges output of one process. Raises `NotFound`, `Conflict` or `BadRequest`."""
        word = arguments.position_word(position)
        arguments.name_word(name)
        found = {index: watched for index, watched in self._watched.items() if watched.name == name}
        if not found:
            raise NotFound(f'{name} is not watched here')
        if process_id is not None:
            found = {index: watched for index, watched in found.items() if watched.id == process_id}
        if not found:
            raise Conflict(f'The process {name} that is watched here has another id than {process_id}')
        index = max(found)
        if position > found[index].end:
            raise BadRequest(f'The output of {name} has come up to {found[index].end} here, not to {position}')
        if self._positions.get(index, position + 1) <= position:
            del self._positions[index]
        return [structured.ACKNOWLEDGE, f'{index}:{word}']


_TAKERS: dict[type, Callable[[WatchState, Any], None]] = {
    OutputFrame: WatchState._output,
    ExitFrame: WatchState._exit,
    LossFrame: WatchState._loss,
    IntroductionFrame: WatchState._introduction,
    AcknowledgementFrame: WatchState._acknowledgement,
}
