"""Connecting to a kernel, or starting one, without blocking the event loop."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING

from papa.client import dialing, finding
from papa.endpoint import Endpoint

if TYPE_CHECKING:
    from papa.client.connection import Connection


async def connect(endpoint: Endpoint, timeout: float) -> socket.socket:
    """A connected socket. Raises an `Error`; the errors of `dialing.NOBODY` pass through."""
    connection = dialing.new_socket(endpoint)
    deadline = asyncio.get_running_loop().time() + timeout
    pause = 0.0
    with dialing.closed_on_failure(endpoint, timeout, connection):
        connection.setblocking(False)
        while not _is_connected(connection, endpoint):
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError
            await asyncio.sleep(pause)
            pause = dialing.RETRY
        if dialing.is_its_own_peer(endpoint, connection):
            raise ConnectionRefusedError
    return connection


def _is_connected(connection: socket.socket, endpoint: Endpoint) -> bool:
    try:
        connection.connect(endpoint.address)
    except BlockingIOError:  # under way or, for a Unix socket, not queued yet
        return False
    except OSError as error:
        if error.errno != errno.EISCONN:
            raise
    return True


async def start(endpoint: Endpoint, timeout: float) -> Connection:
    """Start a kernel in a thread. Cancelled, it goes on, but its connection is closed."""
    starting = asyncio.get_running_loop().run_in_executor(None, finding.find_or_start, endpoint, timeout)
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        starting.add_done_callback(_discard)
        raise


def _discard(starting: asyncio.Future[Connection]) -> None:
    if not starting.cancelled() and starting.exception() is None:
        finding.discard(starting.result())
