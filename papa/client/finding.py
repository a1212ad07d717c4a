"""Finding the kernel, or starting one: blocking."""

from __future__ import annotations

from papa.client import dialing, embedded
from papa.client.connection import Connection
from papa.endpoint import Endpoint


def find(endpoint: Endpoint, timeout: float) -> Connection | None:
    """A connection to the kernel at this address; None if there is none. Raises an `Error` if it cannot be used."""
    try:
        connection = Connection(endpoint, timeout)
    except dialing.NOBODY:
        return None
    embedded.opened(endpoint)
    return connection


def find_or_start(endpoint: Endpoint, timeout: float) -> Connection:
    """A connection to the kernel at this address, which is started if there is none. Raises an `Error`."""

    def connect() -> Connection | None:
        return find(endpoint, timeout)

    connection = connect()
    if connection is not None:
        return connection
    if embedded.is_enabled():
        return embedded.connect_or_start(endpoint, connect)
    from papa.client.launch import connect_or_start

    return connect_or_start(endpoint, timeout, connect)


def discard(connection: Connection) -> None:
    """Close a connection that was found."""
    embedded.closed(connection.endpoint)
    connection.close()
