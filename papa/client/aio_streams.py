"""`AsyncWatcher` and `AsyncChanges`: what comes by itself, for asyncio."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from papa.errors import BadRequest, ConnectionLost
from papa.wire import structured

if TYPE_CHECKING:
    from types import TracebackType

    from papa.client.aio import AsyncPapa
    from papa.client.aio_connection import Stream
    from papa.client.calls import Call
    from papa.client.change_state import ChangeState
    from papa.client.watch_state import Outputs, WatchState
    from papa.events import Change, Event


class AsyncWatcher:
    """Receives the output of processes, for asyncio. Made by `AsyncPapa.watch_processes` and
    `AsyncPapa.make_process`.

    As `papa.Watcher`, with ``async with`` and ``await``; ``async for out, err, closed in watcher`` is a loop of
    `read`. What a cancelled call has not returned is not lost.
    """

    def __init__(self, papa: AsyncPapa, stream: Stream[WatchState]) -> None:
        self.exit_code = stream.state.exit_code
        self.dropped = stream.state.dropped
        self.replaced = stream.state.replaced
        self._papa = papa
        self._state = stream.state
        self._stream: Stream[WatchState] | None = stream
        self._ending: Stream[WatchState] | None = None  # where what ends it acknowledges something
        self._told = False  # `close` has said that this has failed
        stream.doing = 'watch processes'  # also where it began with ``make process``

    async def __aenter__(self) -> AsyncWatcher:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self.close()
        else:
            await self._abandon()

    def __aiter__(self) -> AsyncWatcher:
        return self

    async def __anext__(self) -> Outputs:
        outputs = await self.read()
        if outputs is None:
            raise StopAsyncIteration
        return outputs

    def __bool__(self) -> bool:
        return self._stream is not None

    def __del__(self) -> None:
        _forsake(self)

    def fileno(self) -> int:
        """The descriptor of the connection; -1 once there is nothing left to watch."""
        return -1 if self._stream is None else self._stream.connection.fileno()

    @property
    def closed(self) -> bool:
        """Whether every process has closed, and that was handed out. As `Watcher.closed`."""
        return self._stream is None or self._state.closed

    @property
    def ready(self) -> bool:
        """Whether `read`, or the next of the `events`, would come at once. As `Watcher.ready`."""
        state, stream = self._state, self._stream
        return stream is not None and (state.has_news or state.finished or stream.lost is not None)

    async def read(self) -> Outputs | None:
        """Wait for output; return all that has arrived. As `Watcher.read`."""
        state = self._state
        state.begin_reading()
        trouble: ConnectionLost | None = None
        try:
            await self.acknowledge()
        except ConnectionLost as error:
            trouble = error
        while (stream := self._stream) is not None:  # another task may close it meanwhile, or read what has come
            if state.has_news:
                await stream.settle()
                if self._stream is stream and state.has_news:
                    outputs = state.read()
                    stream.resume()
                    return outputs
            elif trouble is not None and stream.lost is not None:
                break
            else:
                await stream.wait()
        if trouble is not None:
            raise trouble
        await self._confirm()
        return None

    def events(self) -> AsyncEvents:
        """What happens, for ``async for``. As `Watcher.events`."""
        stream = self._stream
        if stream is not None and self._state.begin_events():
            stream.tell([structured.EVENTS], stream.doing)
        return AsyncEvents(self)

    async def next_event(self) -> Event | None:
        """The next of the `events`; None after the last."""
        while (stream := self._stream) is not None and not self._state.closed:
            if not self._state.has_news:
                await stream.wait()
            event = self._state.next_event()
            stream.resume()
            if event is not None:
                return event
        return None

    async def acknowledge(self) -> None:
        """Tell the kernel that all that was handed out is saved. As `Watcher.acknowledge`."""
        stream, state = self._stream, self._state
        if stream is None:
            await self._confirm()
        elif not state.unacknowledged:
            if state.finished:  # a watch that peeks does not end by itself
                await self._abandon()
        elif state.closed:
            await self._end(stream, state.acknowledgement(structured.ACKNOWLEDGE), owes=True)
        else:
            stream.tell(state.acknowledgement(structured.ACKNOWLEDGE), 'acknowledge')
            state.acknowledged()

    async def acknowledge_output(self, name: str, position: int, id: str | None = None) -> None:  # noqa: A002
        """Acknowledge output of one process up to `position`, as this watcher's. As `Watcher.acknowledge_output`."""
        stream = self._stream
        if stream is None:
            await self._confirm()
            raise BadRequest('This watcher is closed')
        stream.tell(self._state.acknowledgement_of(name, position, id), 'acknowledge')

    async def close(self) -> None:
        """Acknowledge what `read` has returned, and stop watching. As `Watcher.close`."""
        stream, owes = self._stream, self._state.owes
        try:
            if stream is not None:
                await self._end(stream, self._state.farewell(), owes=owes)
            elif not self._told:
                await self._confirm()
        except ConnectionLost:
            self._told = True
            if owes or stream is None:
                raise

    async def _abandon(self) -> None:
        if self._stream is not None:
            try:
                await self._end(self._stream, [structured.STOP], owes=False)
            except ConnectionLost:
                pass  # what made us leave matters more

    async def _end(self, stream: Stream[WatchState], words: list[str], *, owes: bool) -> None:
        self._stream = None
        self._ending = stream if owes else None
        try:
            await stream.end(words, 'acknowledge')
        finally:
            self._papa.give_back(stream.connection)

    async def _confirm(self) -> None:
        """Wait until the kernel has confirmed what the end of the watch acknowledges, if another task does that now.
        Raises `ConnectionLost` if it never will."""
        stream = self._ending
        while stream is not None and not stream.ended:
            await stream.wait()


def _forsake(dropped: AsyncWatcher | AsyncChanges) -> None:
    """Nobody can go on with this one, a loop that was left in the middle for example: let the kernel know."""
    stream: Stream[Any] | None = getattr(dropped, '_stream', None)
    if stream is not None:
        stream.connection.forsake()


class AsyncEvents:
    """Goes through the events of an `AsyncWatcher`."""

    def __init__(self, watcher: AsyncWatcher) -> None:
        self._watcher = watcher

    def __aiter__(self) -> AsyncEvents:
        return self

    async def __anext__(self) -> Event:
        event = await self._watcher.next_event()
        if event is None:
            raise StopAsyncIteration
        return event


class AsyncChanges:
    """Goes through `papa.events.Change` as they come, first a snapshot. Made by `AsyncPapa.changes`; begins with
    ``async with`` or the first step of ``async for``. It ends when it is closed.
    """

    def __init__(self, papa: AsyncPapa, call: Call[ChangeState]) -> None:
        self._papa = papa
        self._call: Call[ChangeState] | None = call
        self._stream: Stream[ChangeState] | None = None
        self._beginning = asyncio.Lock()

    async def __aenter__(self) -> AsyncChanges:
        await self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> AsyncChanges:
        return self

    async def __anext__(self) -> Change:
        """The next change; waits for it. Raises `ConnectionLost`."""
        while (stream := await self._begin()) is not None:  # another task may close it meanwhile
            change = stream.state.next_change()
            if change is not None:
                stream.resume()
                return change
            await stream.wait()
        raise StopAsyncIteration

    def __del__(self) -> None:
        _forsake(self)

    def fileno(self) -> int:
        """The descriptor of the connection; -1 while there is none."""
        return -1 if self._stream is None else self._stream.connection.fileno()

    @property
    def ready(self) -> bool:
        """Whether the next change would come at once."""
        return self._stream is not None and (self._stream.state.has_news or self._stream.lost is not None)

    async def close(self) -> None:
        """End it. The connection goes back to the `AsyncPapa` if that has none."""
        self._call = None
        stream, self._stream = self._stream, None
        if stream is not None:
            await self._end(stream)

    async def _end(self, stream: Stream[ChangeState]) -> None:
        try:
            await stream.end([structured.STOP], 'changes')
        except ConnectionLost:
            pass  # there is nothing to lose by that
        finally:
            self._papa.give_back(stream.connection)

    async def _begin(self) -> Stream[ChangeState] | None:
        if self._stream is None and self._call is not None:
            async with self._beginning:
                if self._stream is None and self._call is not None:  # no other task has begun it, or closed it
                    stream = await self._papa.open_stream(self._call)
                    if self._is_closed:
                        await self._end(stream)
                    else:
                        self._stream = stream
        return self._stream

    @property
    def _is_closed(self) -> bool:
        return self._call is None

