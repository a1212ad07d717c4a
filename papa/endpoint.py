"""Where a kernel lives: a TCP port on 127.0.0.1 or the path of a Unix socket."""

from __future__ import annotations

import os
import socket

from papa.errors import BadRequest
from papa.names import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PORT = 20202
ENVIRONMENT_VARIABLE = 'PAPA_ENDPOINT'
LOOPBACK = '127.0.0.1'


class Endpoint:
    """An address of a kernel. Exactly one of `port` and `path` is set."""

    __slots__ = ('path', 'port')

    def __init__(self, port: int | None = None, path: str | None = None) -> None:
        self.port = port
        self.path = path

    def __str__(self) -> str:
        return f'port {self.port}' if self.path is None else self.path

    def __repr__(self) -> str:
        return f'Endpoint({self.uri!r})'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Endpoint) and self.uri == other.uri

    def __hash__(self) -> int:
        return hash(self.uri)

    @property
    def uri(self) -> str:
        """The form that ``PAPA_ENDPOINT`` takes: ``tcp:20202`` or ``unix:/run/papa.sock``."""
        return f'tcp:{self.port}' if self.path is None else f'unix:{self.path}'

    @property
    def arguments(self) -> tuple[str, str]:
        """The option of the ``papa`` command that names this endpoint."""
        return ('-p', str(self.port)) if self.path is None else ('-u', self.path)

    @property
    def family(self) -> int:
        return socket.AF_INET if self.path is None else socket.AF_UNIX

    @property
    def address(self) -> tuple[str, int] | str:
        """What `socket.bind` and `socket.connect` take."""
        if self.path is not None:
            return self.path
        assert self.port is not None
        return LOOPBACK, self.port


# The longest path that sockaddr_un holds: unix(7) says 108 bytes with the NUL, BSDs 104.
MAX_PATH = 107 if os.uname().sysname == 'Linux' else 103


def from_path(path: str) -> Endpoint:
    """The endpoint of a Unix socket. `BadRequest` if the path is not absolute or too long."""
    if not path.startswith('/') or path.endswith('/') or '\0' in path:
        raise BadRequest(f'The path of a Unix socket must be absolute and name a file, not {show(path)}')
    try:
        size = len(os.fsencode(path))
    except UnicodeEncodeError:
        raise BadRequest(f'The path of a Unix socket cannot be encoded: {show(path)}') from None
    if size > MAX_PATH:
        raise BadRequest(f'The path of a Unix socket may have {MAX_PATH} bytes, not {size}')
    return Endpoint(path=path)


def from_port(port: int | str) -> Endpoint:
    """The endpoint of a TCP port. `BadRequest` unless it is from 1 to 65535."""
    text = str(port)
    if text.isascii() and text.isdigit() and len(text) < 20 and 1 <= int(text) <= 65535:
        return Endpoint(port=int(text))
    raise BadRequest(f'A port must be a number from 1 to 65535, not {show(text)}')


def parse(text: str) -> Endpoint:
    """Read ``20202``, ``tcp:20202``, ``/run/papa.sock`` or ``unix:/run/papa.sock``."""
    if text.startswith('unix:'):
        return from_path(text[5:])
    if text.startswith('/'):
        return from_path(text)
    number = text[4:] if text.startswith('tcp:') else text
    if number.isascii() and number.isdigit():
        return from_port(number)
    raise BadRequest(f'An endpoint is a port (20202, tcp:20202) or an absolute path (/run/papa.sock), not {show(text)}')


def from_argument(port_or_path: int | str) -> Endpoint:
    """The endpoint for what `Papa` and ``set_default_*`` take: a port or an absolute path."""
    if isinstance(port_or_path, bool) or not isinstance(port_or_path, (int, str)):
        raise BadRequest(f'A kernel is found by a port or an absolute path, not {port_or_path!r}')
    return from_port(port_or_path) if isinstance(port_or_path, int) else parse(port_or_path)


def default(environ: Mapping[str, str]) -> Endpoint:
    """What the environment says, or TCP port 20202."""
    text = environ.get(ENVIRONMENT_VARIABLE)
    return parse(text) if text else Endpoint(port=DEFAULT_PORT)
