"""What the first moments of a connection mean, however the bytes come: no kernel, somebody else, or a kernel."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from papa.endpoint import Endpoint
from papa.errors import AccessDenied, ConnectFailed, Error
from papa.wire.client import INCOMPLETE, ClientProtocol, ProtocolError

RETRY = 0.01  # seconds, where the queue of the one who listens is full: unix(7)
NOBODY = (FileNotFoundError, ConnectionRefusedError, ConnectionResetError)  # no kernel, or one that is about to end


def new_socket(endpoint: Endpoint) -> socket.socket:
    """A socket for a connection to this address. Raises `ConnectFailed`."""
    try:
        connection = socket.socket(endpoint.family, socket.SOCK_STREAM)
    except OSError as error:  # no descriptor is left
        raise ConnectFailed(f'Cannot connect to the kernel at {endpoint}: {error.strerror}') from None
    if endpoint.path is None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def is_its_own_peer(endpoint: Endpoint, connection: socket.socket) -> bool:
    """Whether it has connected to itself, which TCP allows on a port of the ephemeral range."""
    return endpoint.path is None and connection.getsockname() == connection.getpeername()


def failure(endpoint: Endpoint, timeout: float, error: OSError) -> Error:
    """What to raise for an error of connecting that does not just mean that there is no kernel."""
    if isinstance(error, PermissionError):
        return AccessDenied(f'You may not connect to the kernel at {endpoint}')
    if isinstance(error, TimeoutError):
        return ConnectFailed(f'The kernel at {endpoint} has not answered in {spelt_out(timeout)}')
    return ConnectFailed(f'Cannot connect to the kernel at {endpoint}: {error.strerror or "it was lost"}')


def spelt_out(seconds: float) -> str:
    """``1 second``, ``0.5 seconds``."""
    return f'{seconds:g} second{"" if seconds == 1 else "s"}'


def silence(endpoint: Endpoint, timeout: float) -> Error:
    """What to raise where the greeting does not come."""
    return ConnectFailed(f'What listens at {endpoint} has not greeted in {spelt_out(timeout)}')


class Absent(ConnectFailed):
    """There is no kernel."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(f'There is no kernel at {endpoint}')
        self.endpoint = endpoint


def absence(endpoint: Endpoint) -> Error:
    """What to raise where there is no kernel, and none is to be started."""
    return Absent(endpoint)


@contextmanager
def closed_on_failure(endpoint: Endpoint, timeout: float, connection: socket.socket) -> Iterator[None]:
    """Close a socket that cannot be connected. Raises an `Error`; those of `NOBODY` pass through."""
    try:
        yield
    except NOBODY:
        connection.close()
        raise
    except OSError as error:
        connection.close()
        raise failure(endpoint, timeout, error) from None
    except BaseException:
        connection.close()
        raise


def has_greeted(endpoint: Endpoint, protocol: ClientProtocol) -> bool:
    """Whether the greeting of a kernel has arrived whole.
    Raises `ConnectFailed` if it is no kernel, and what a kernel that refuses says."""
    try:
        return protocol.next_greeting() is not INCOMPLETE
    except ProtocolError:
        raise ConnectFailed(f'What listens at {endpoint} is not papa') from None
    except Error as error:
        raise type(error)(f'The kernel at {endpoint} cannot be used: {error}') from None


def loss(endpoint: Endpoint, doing: str, error: Exception | None, before: bool = False) -> str:
    """The text of a `ConnectionLost`. `before`: it was lost by something else already."""
    if before:
        reason = 'it was lost before'
    elif isinstance(error, ProtocolError):
        reason = str(error)
    else:
        reason = getattr(error, 'strerror', None) or 'it was closed'
    return f'Lost the connection to the kernel at {endpoint} during "{doing}": {reason}'
