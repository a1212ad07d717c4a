"""What the tests of the asyncio client share: running, waiting, cancelling."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from conftest import PATIENCE

WATCHING = b'{"watching":[["p","id",0,1.5,0]],"made":null}\no 0 1.5 1 1\nx\n'

Main = Callable[[], Coroutine[Any, Any, None]]


def run(main: Main) -> None:
    """Run a test's coroutine. Whatever asyncio complains of fails the test."""
    complaints: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        await asyncio.wait_for(main(), PATIENCE)
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(watched(), debug=False)
    gc.collect()
    assert complaints == []


async def cancel(awaitable: Awaitable[Any], after: Callable[[], Awaitable[Any]]) -> None:
    """Begin it, and cancel it at that moment."""
    task = asyncio.ensure_future(awaitable)
    await after()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


@asynccontextmanager
async def turns(number: int) -> AsyncIterator[None]:
    for _ in range(number):
        await asyncio.sleep(0)
    yield
