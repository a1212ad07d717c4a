"""`AsyncPapa` and what it hands out behind the blocking surface of `Papa`, so that the same tests run on both.

All of one test share an event loop, as in a program. It runs only during calls.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import Any

from papa import AsyncPapa
from papa.client.aio import AsyncPipeline
from papa.client.aio_streams import AsyncChanges, AsyncEvents, AsyncWatcher

_TICK = 0.001  # seconds


class Loop:
    """The event loop of the test that runs."""

    running: asyncio.AbstractEventLoop

    @classmethod
    def open(cls) -> None:
        cls.running = asyncio.new_event_loop()

    @classmethod
    def close(cls) -> None:
        cls.tick()
        cls.running.run_until_complete(cls.running.shutdown_default_executor())
        cls.running.close()

    @classmethod
    def finish(cls, result: Any) -> Any:
        """The result of a call: waited for if it has to be, and behind a blocking surface if it has one."""
        if inspect.isawaitable(result):
            result = cls.running.run_until_complete(_of(result))
        blocking = _BLOCKING.get(type(result))
        return result if blocking is None else blocking(result)

    @classmethod
    def tick(cls) -> None:
        """Let the loop take in what has arrived."""
        cls.running.run_until_complete(asyncio.sleep(_TICK))


async def _of(result: Any) -> Any:
    return await result


class Blocking:
    """Calls methods of `inner`, and waits for what they return."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found) or inspect.isclass(found):
            return found
        return lambda *args, **kwargs: Loop.finish(found(*args, **kwargs))

    def __enter__(self) -> Any:
        Loop.finish(self._inner.__aenter__())
        return self

    def __exit__(self, *error: Any) -> None:
        Loop.finish(self._inner.__aexit__(*error))


class BlockingPapa(Blocking):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(AsyncPapa(*args, **kwargs))
        Loop.finish(self._inner._connected())

    def __enter__(self) -> Any:
        return self


class BlockingIterator(Blocking):
    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        try:
            return Loop.finish(self._inner.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None


class BlockingChanges(BlockingIterator):
    @property
    def ready(self) -> bool:
        Loop.tick()
        return bool(self._inner.ready)


class BlockingPipeline(Blocking):
    def __iter__(self) -> Any:
        return iter(self._inner)

    def __len__(self) -> int:
        return len(self._inner)


class BlockingWatcher(Blocking):
    def __bool__(self) -> bool:
        return bool(self._inner)

    @property
    def ready(self) -> bool:
        Loop.tick()
        return bool(self._inner.ready)

    @property
    def _connection(self) -> Any:
        return self._inner._stream.connection


_BLOCKING: dict[type, Any] = {
    AsyncWatcher: BlockingWatcher, AsyncChanges: BlockingChanges, AsyncEvents: BlockingIterator,
    AsyncPipeline: BlockingPipeline,
}


def wait_for_ready(watchers: tuple[BlockingWatcher, ...], seconds: float) -> list[BlockingWatcher]:
    """What `select` does for blocking watchers."""
    deadline = time.monotonic() + seconds
    while not (ready := [watcher for watcher in watchers if watcher.ready]) and time.monotonic() < deadline:
        pass
    return ready
