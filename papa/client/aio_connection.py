"""One connection to a kernel, for asyncio: the only place where `AsyncPapa` does I/O."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from papa.client import aio_dialing, dialing, embedded
from papa.endpoint import Endpoint
from papa.errors import ConnectionLost, Error
from papa.wire import structured
from papa.wire.client import INCOMPLETE, ClientProtocol, EndFrame, ProtocolError

if TYPE_CHECKING:
    from papa.client.connection import Taker

S = TypeVar('S', bound='Taker')


class _Awaited:
    """What a caller waits for: so many replies. The future gets a `ConnectionLost`, or None once they are there."""

    __slots__ = ('count', 'doing', 'future', 'opening', 'replies')

    def __init__(
        self, doing: str, count: int, replies: list[Any], opening: Callable[[Any], Any] | None,
        future: asyncio.Future[ConnectionLost | None],
    ) -> None:
        self.doing = doing
        self.count = count
        self.replies = replies
        self.opening = opening  # of a stream
        self.future = future

    async def wait(self) -> None:
        """Wait for the replies. Raises `ConnectionLost`."""
        lost = await self.future
        if lost is not None:
            raise lost


class Stream(Generic[S]):
    """A stream on a connection: `state` takes its frames."""

    def __init__(self, connection: AsyncConnection, state: S, doing: str) -> None:
        self.connection = connection
        self.state = state
        self.doing = doing
        self.lost: ConnectionLost | None = None
        self.ending = False  # what still comes is of no interest
        self.ended = False
        self.received = 0  # times that something has arrived
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Something has arrived, or the end."""
        self.received += 1
        self._news.set()
        if self.state.full and not self.ending:
            self.connection.pause()

    async def wait(self) -> None:
        """Wait until something has arrived. Raises `ConnectionLost`."""
        self.connection.close_with_loop()
        if self.lost is not None:
            raise ConnectionLost(str(self.lost))
        self.resume()
        self._news.clear()
        await self._news.wait()

    async def settle(self) -> None:
        """Take in everything that has arrived, as far as there is room."""
        before = -1
        while before != self.received and not self.state.full:
            before = self.received
            await asyncio.sleep(0)  # the loop looks what has arrived,
            await asyncio.sleep(0)  # and hands it to the connection

    def resume(self) -> None:
        """There is room again."""
        if self.ending or not self.state.full:
            self.connection.resume()

    def tell(self, fields: Sequence[str], doing: str) -> None:
        """Send what has no reply. Raises `ConnectionLost`."""
        self.connection.tell(fields, doing)

    async def end(self, fields: Sequence[str], doing: str) -> None:
        """Send what ends the stream, and wait until the kernel has ended it; if that cannot be, close the connection.
        Raises `ConnectionLost`."""
        self.ending = True
        self.doing = doing
        try:
            self.tell(fields, doing)
            while not self.ended:
                await self.wait()
        except BaseException:  # cancelled, too: what still comes must not meet the next call
            self.connection.close()
            raise


class AsyncConnection(asyncio.Protocol):
    """Sends requests and hands replies to those who wait for them, in order, and frames to a stream.

    A caller that is cancelled leaves its place in the queue, so that its reply is dropped when it comes.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.closed = False
        self.told = False  # somebody knows that it is closed
        self._protocol = ClientProtocol()
        self._transport: asyncio.Transport | None = None
        self._gone = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self._greeting: asyncio.Future[Exception | None] = self.loop.create_future()
        self._awaited: deque[_Awaited] = deque()
        self._stream: Stream[Any] | None = None
        self._step: Callable[[], bool] = self._greet
        self._counted = False

    # Opening

    @classmethod
    async def open(cls, endpoint: Endpoint, timeout: float) -> AsyncConnection | None:
        """A connection to the kernel at this address; None if there is none. Raises an `Error` if it cannot be used."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        try:
            connection = await cls(endpoint)._attach(await aio_dialing.connect(endpoint, timeout))
            try:
                await connection._greeted(deadline - loop.time(), timeout)
            except BaseException:
                connection.close()
                await connection.wait_closed()
                raise
        except dialing.NOBODY:
            return None
        connection._counted = True
        embedded.opened(endpoint)
        return connection

    @classmethod
    async def open_or_start(cls, endpoint: Endpoint, timeout: float) -> AsyncConnection:
        """A connection to the kernel at this address, which is started if there is none. Raises an `Error`."""
        found = await cls.open(endpoint, timeout)
        if found is not None:
            return found
        connection = cls(endpoint)
        blocking = await aio_dialing.start(endpoint, timeout)
        connection._counted = True
        connection._step = connection._reply
        return await connection._attach(blocking.detach())

    async def _attach(self, connected: socket.socket) -> AsyncConnection:
        try:
            connected.setblocking(False)
            await asyncio.get_running_loop().create_connection(lambda: self, sock=connected)
        except BaseException:
            self.close()
            connected.close()
            raise
        return self

    async def _greeted(self, seconds: float, timeout: float) -> None:
        giving_up = asyncio.get_running_loop().call_later(
            seconds, self._end_greeting, dialing.silence(self.endpoint, timeout)
        )
        try:
            trouble = await self._greeting
        finally:
            giving_up.cancel()
        if trouble is not None:
            raise trouble

    def _end_greeting(self, trouble: Exception | None) -> None:
        if not self._greeting.done():
            self._greeting.set_result(trouble)

    def fileno(self) -> int:
        """The descriptor of the socket; -1 once it is closed."""
        if self.closed or self._transport is None:
            return -1
        return int(self._transport.get_extra_info('socket').fileno())

    # Requests and replies

    async def call(self, fields: Sequence[str]) -> Any:
        """Send a request and return its result. Raises the `Error` that it got, or `ConnectionLost`."""
        replies: list[Any] = []
        await self._ask(fields[0], structured.encode_request(fields), 1, replies).wait()
        if isinstance(replies[0], Error):
            raise replies[0]
        return replies[0]

    async def converse(self, requests: Sequence[bytes], replies: list[Any]) -> None:
        """Send all requests and add their replies to `replies`. Raises `ConnectionLost`."""
        awaited = self._ask('pipeline', b''.join(requests), len(requests), replies)
        await awaited.wait()

    async def open_stream(self, fields: Sequence[str], opening: Callable[[Any], S]) -> Stream[S]:
        """Send a request that opens a stream. Raises the `Error` that it got, or `ConnectionLost`.

        Nothing else may be asked from here on. Cancelled, it closes the connection.
        """
        replies: list[Any] = []
        awaited = self._ask(fields[0], structured.encode_request(fields), 1, replies, opening)
        try:
            await awaited.wait()
        except asyncio.CancelledError:
            if awaited not in self._awaited or self._awaited[0] is awaited:
                self.close()  # else after the replies that others wait for
            raise
        if isinstance(replies[0], Error):
            raise replies[0]
        return cast('Stream[S]', self._stream)

    def _ask(
        self, doing: str, data: bytes, count: int, replies: list[Any], opening: Callable[[Any], Any] | None = None
    ) -> _Awaited:
        self._write(data, doing)
        awaited = _Awaited(doing, count, replies, opening, asyncio.get_running_loop().create_future())
        self._awaited.append(awaited)
        return awaited

    def tell(self, fields: Sequence[str], doing: str) -> None:
        """Send what has no reply. Raises `ConnectionLost`."""
        self._write(structured.encode_request(fields), doing)

    def _write(self, data: bytes, doing: str) -> None:
        self.close_with_loop()
        if self.closed or self._transport is None:
            self.told = True
            raise ConnectionLost(dialing.loss(self.endpoint, doing, None))
        self._transport.write(data)

    # What asyncio says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast('asyncio.Transport', transport)

    def data_received(self, data: bytes) -> None:
        self._protocol.receive(data)
        try:
            while self._step():
                pass
        except ProtocolError as error:
            self._lose(error)
        if self._stream is not None:
            self._stream.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(exc)
        self._gone.set()

    def _greet(self) -> bool:
        try:
            if not dialing.has_greeted(self.endpoint, self._protocol):
                return False
        except Error as error:
            self._end_greeting(error)
            return False
        self._step = self._reply
        self._end_greeting(None)
        return True

    def _reply(self) -> bool:
        reply = self._protocol.next_reply()
        if reply is INCOMPLETE:
            return False
        if not self._awaited:
            raise ProtocolError('a reply that nobody has asked for')
        awaited = self._awaited[0]
        awaited.replies.append(reply)
        if len(awaited.replies) == awaited.count:
            self._finish(awaited, reply)
        return not self.closed

    def _finish(self, awaited: _Awaited, reply: Any) -> None:
        if awaited.opening is not None and awaited.future.cancelled():
            self.close()
            return
        if awaited.opening is not None and not isinstance(reply, Error):
            self._stream = Stream(self, awaited.opening(reply), awaited.doing)
            self._step = self._frame
        self._awaited.popleft()  # last: a reply that makes no sense is a loss for it, too
        if not awaited.future.done():
            awaited.future.set_result(None)

    def _frame(self) -> bool:
        frame = self._protocol.next_frame()
        stream = self._stream
        if frame is INCOMPLETE or stream is None:
            return False
        if stream.ending and isinstance(frame, EndFrame):
            self._stream = None
            self._step = self._reply
            stream.ended = True
            stream.wake()
        elif not stream.ending:
            stream.state.take(frame)
        return True

    def pause(self) -> None:
        """Let what comes wait in the socket."""
        if not self.closed and self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Receive again."""
        if not self.closed and self._transport is not None and not self._transport.is_reading():
            self._transport.resume_reading()

    # The end

    def close(self) -> None:
        """Close the connection. Those who still wait get a `ConnectionLost`."""
        self.told = True
        self._lose(None)

    def close_with_loop(self) -> None:
        """Note that it is closed if its loop is: nothing comes any more, and nobody waits."""
        if self.loop.is_closed() and not self.closed:
            self.closed = self.told = True
            if self._counted:
                embedded.closed(self.endpoint)
            if self._transport is not None:
                with suppress(OSError):  # its transport can be closed by its loop alone; the kernel shall know now
                    self._transport.get_extra_info('socket').shutdown(socket.SHUT_RDWR)
            if self._stream is not None:
                self._stream.lost = ConnectionLost(dialing.loss(self.endpoint, self._stream.doing, None))

    def forsake(self) -> None:
        """Close the connection if its loop still runs."""
        self.close_with_loop()
        if not self.closed:
            self.close()

    async def wait_closed(self) -> None:
        """Wait until the socket is closed."""
        if self._transport is not None and not self.loop.is_closed():
            await self._gone.wait()

    def _lose(self, error: Exception | None) -> None:
        self.close_with_loop()
        if self.closed:
            return
        self.closed = True
        if self._counted:
            embedded.closed(self.endpoint)
        if self._transport is not None:
            self._transport.abort()
        self._end_greeting(ConnectionResetError())
        for awaited in self._awaited:
            if not awaited.future.done():
                self.told = True
                awaited.future.set_result(ConnectionLost(dialing.loss(self.endpoint, awaited.doing, error)))
        self._awaited.clear()
        if self._stream is not None:
            self._stream.lost = ConnectionLost(dialing.loss(self.endpoint, self._stream.doing, error))
            self._stream.wake()
