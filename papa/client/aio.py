"""`AsyncPapa`, the client for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from papa.client import calls, dialing, embedded, settings
from papa.client.aio_connection import AsyncConnection, Stream
from papa.client.aio_streams import AsyncChanges, AsyncWatcher
from papa.client.derive import like_papa
from papa.client.pipeline import Commands
from papa.errors import ConnectionLost, Error

if TYPE_CHECKING:
    from types import TracebackType

    from papa.client.calls import Call
    from papa.client.connection import Taker

    S = TypeVar('S', bound=Taker)

P = ParamSpec('P')
T = TypeVar('T')


def _awaited(call: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncPapa, P], Coroutine[Any, Any, T]]:
    async def method(self: AsyncPapa, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(call(*args, **kwargs))

    return like_papa(call, method)


class AsyncPapa:
    """A connection to a kernel, for asyncio: `Papa` with ``async with`` and ``await``.

    It connects when it is entered or first used, and may start a kernel only then. Several tasks may use
    it at once. A call that is cancelled may have been carried out; the others get their own replies.
    """

    set_debug_mode = staticmethod(embedded.set_debug_mode)
    set_default_port = staticmethod(settings.set_default_port)
    set_default_path = staticmethod(settings.set_default_path)
    set_default_connection_timeout = staticmethod(settings.set_default_connection_timeout)

    def __init__(
        self, port_or_path: int | str | None = None, connection_timeout: float | None = None, autostart: bool = True
    ) -> None:
        self.endpoint = settings.endpoint(port_or_path)
        self.connection_timeout = settings.connection_timeout(connection_timeout)
        self._may_start = autostart
        self._open = True
        self._connection: AsyncConnection | None = None
        self._connecting = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> AsyncPapa:
        await self._connected()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
        if embedded.is_here(self.endpoint):
            await asyncio.get_running_loop().run_in_executor(None, embedded.wait, self.endpoint)

    async def close(self) -> None:
        """Close the connection. A watcher that has taken it over keeps it."""
        self._open = False
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
            await connection.wait_closed()

    def fileno(self) -> int | None:
        """The descriptor of the connection, or None if there is none (a watcher has it)."""
        return None if self._connection is None else self._connection.fileno()

    # Connecting and calling

    async def _connected(self) -> AsyncConnection:
        connection = self._usable()
        if connection is None:
            if self._loop is not asyncio.get_running_loop():  # a lock belongs to one loop
                self._loop = asyncio.get_running_loop()
                self._connecting = asyncio.Lock()
            async with self._connecting:
                connection = self._usable()  # another task may have connected meanwhile
                if connection is None:
                    connection = self._choose(await self._connect())
                    self._open = True
        return connection

    def _usable(self) -> AsyncConnection | None:
        connection = self._connection
        if connection is None:
            return None
        connection.close_with_loop()
        return None if connection.closed and connection.told else connection

    def _choose(self, connection: AsyncConnection) -> AsyncConnection:
        """Between a new connection and one that was given back while it was opened, and may be in use again."""
        given_back = self._usable()
        if given_back is not None:
            connection.close()
            return given_back
        self._connection = connection
        return connection

    async def _connect(self) -> AsyncConnection:
        if self._may_start:
            connection = await AsyncConnection.open_or_start(self.endpoint, self.connection_timeout)
            self._may_start = False
            return connection
        found = await AsyncConnection.open(self.endpoint, self.connection_timeout)
        if found is None:
            raise dialing.absence(self.endpoint)
        return found

    async def _run(self, call: Call[T]) -> T:
        fields, read = call
        if isinstance(read, calls.Opening):
            watcher: Any = AsyncWatcher(self, await self.open_stream(call))  # type: ignore[arg-type]
            return watcher  # type: ignore[no-any-return]
        connection = await self._connected()
        return read(await connection.call(fields))

    async def open_stream(self, call: Call[S]) -> Stream[S]:
        """Begin a stream, which takes the connection over."""
        fields, opening = call
        connection = await self._connected()
        self._connection = None  # at once: no other command may follow on it
        try:
            return await connection.open_stream(fields, opening)
        except ConnectionLost:
            raise
        except Error:
            self.give_back(connection)
            raise

    def give_back(self, connection: AsyncConnection) -> None:
        """Take back the connection of a stream that has ended, if there is no other; else close it."""
        if self._open and self._connection is None and not connection.closed:
            self._connection = connection
        else:
            connection.close()

    async def converse(self, requests: Sequence[bytes]) -> tuple[list[Any], ConnectionLost | None]:
        """As `Papa.converse`."""
        replies: list[Any] = []
        try:
            await (await self._connected()).converse(requests, replies)
        except ConnectionLost as error:
            return replies, error
        return replies, None

    # The commands

    list_sockets = _awaited(calls.list_sockets)
    make_socket = _awaited(calls.make_socket)
    remove_sockets = _awaited(calls.remove_sockets)
    list_values = _awaited(calls.list_values)
    set = _awaited(calls.set)
    get = _awaited(calls.get)
    remove_values = _awaited(calls.remove_values)
    list_processes = _awaited(calls.list_processes)
    make_process = _awaited(calls.make_process)
    remove_processes = _awaited(calls.remove_processes)
    acknowledge_output = _awaited(calls.acknowledge_output)
    kernel_info = _awaited(calls.kernel_info)
    upgrade = _awaited(calls.upgrade)

    async def watch_processes(
        self, *names: str | int, peek: bool = False, last: int | str | None = None, follow: bool = False,
        since: Mapping[str, tuple[str, int]] | None = None,
    ) -> AsyncWatcher:
        """As `Papa.watch_processes`. Cancelled, it closes the connection that the watcher would have had."""
        call = calls.watch_processes(*names, peek=peek, last=last, follow=follow, since=since)
        return AsyncWatcher(self, await self.open_stream(call))

    def changes(self, *kinds: str, every: float | None = None) -> AsyncChanges:
        """As `Papa.changes`, for ``async for`` and ``async with``."""
        return AsyncChanges(self, calls.changes(*kinds, every=every))

    def pipeline(self, raise_errors: bool = True) -> AsyncPipeline:
        """As `Papa.pipeline`, for ``async with``. Its methods are not awaited: they only queue the commands."""
        return AsyncPipeline(self, raise_errors)

    async def exit_if_idle(self) -> bool:
        """As `Papa.exit_if_idle`."""
        exits = await self._run(calls.exit_if_idle())
        if exits:
            await self.close()
        return exits


class AsyncPipeline(Commands):
    """Its methods are those of `AsyncPapa`, but return nothing at once: they are sent together when the ``async with``
    block is left, and their results are in `results` then. Left by an exception, it sends nothing."""

    def __init__(self, papa: AsyncPapa, raise_errors: bool) -> None:
        super().__init__(raise_errors)
        self._papa = papa

    async def __aenter__(self) -> AsyncPipeline:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        requests = self._begin(kind)
        if not requests:
            return
        try:
            self._finish(*(await self._papa.converse(requests)))
        finally:
            if self._ended_the_kernel:
                await self._papa.close()
