"""What holds for every `Papa` of this program unless its arguments say otherwise."""

from __future__ import annotations

import os

from papa import endpoint as endpoints
from papa.endpoint import Endpoint
from papa.errors import BadRequest

_DEFAULT_TIMEOUT = 10.0

_endpoint: Endpoint | None = None
_connection_timeout: float = _DEFAULT_TIMEOUT


def set_default_port(port: int) -> None:
    """Find the kernel at this TCP port of 127.0.0.1. Raises `BadRequest` unless it is from 1 to 65535."""
    global _endpoint
    _endpoint = endpoints.from_port(port)


def set_default_path(path: str) -> None:
    """Find the kernel at this Unix socket. Raises `BadRequest` unless the path is absolute."""
    global _endpoint
    if not isinstance(path, str):
        raise BadRequest(f'The path of a Unix socket is text, not {path!r}')
    _endpoint = endpoints.from_path(path)


def set_default_connection_timeout(connection_timeout: float) -> None:
    """Wait at most so many seconds for a kernel to answer, or to start. Raises `BadRequest` unless positive."""
    global _connection_timeout
    _connection_timeout = _checked(connection_timeout)


def endpoint(port_or_path: int | str | None) -> Endpoint:
    """Where the kernel is: the argument, else `set_default_port` or `set_default_path`, else
    ``PAPA_ENDPOINT``, else port 20202."""
    if port_or_path is not None:
        return endpoints.from_argument(port_or_path)
    return _endpoint or endpoints.default(os.environ)


def connection_timeout(seconds: float | None) -> float:
    """The argument, or the default."""
    return _connection_timeout if seconds is None else _checked(seconds)


def _checked(seconds: float) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
        raise BadRequest(f'A connection timeout is a positive number of seconds, not {seconds!r}')
    return float(seconds)
