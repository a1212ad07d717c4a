"""``$(socket.NAME.fileno)`` and ``$(socket.NAME.port)`` in the arguments of a process."""

from __future__ import annotations

import re
import socket
from types import TracebackType

from papa.errors import BadRequest, NotFound
from papa.kernel.sockets import SocketRecord, Sockets, open_inet
from papa.names import show

_PREFIX = '$(socket.'
_PLACEHOLDER = re.compile(r'\$\(socket\.([^)]*)(\)?)')


class Placeholders:
    """Replaces placeholders and collects what they refer to.

    A context manager: a `reuseport` socket is opened anew for the process, and closed here at the end.
    """

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        self._own: dict[str, socket.socket] = {}
        self._filenos: dict[str, int] = {}
        self.names: list[str] = []  # of the sockets, in the order of their first mention

    def __enter__(self) -> Placeholders:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for own in self._own.values():
            own.close()

    @property
    def filenos(self) -> list[int]:
        """The descriptors that the process has to inherit."""
        return list(self._filenos.values())

    def replace(self, text: str) -> str:
        """`text` with every placeholder replaced. Raises `NotFound` or `BadRequest`."""
        return _PLACEHOLDER.sub(self._value, text) if _PREFIX in text else text

    def _value(self, match: re.Match[str]) -> str:
        if not match[2]:
            raise BadRequest(f'{show(match[0])} lacks the closing parenthesis')
        name, _, part = match[1].rpartition('.')
        if not name or part not in ('fileno', 'port'):
            raise BadRequest(f'{show(match[0])} must end in .fileno) or .port)')
        record = self._sockets.by_name.get(name)
        if record is None:
            raise NotFound(f'There is no socket {show(name)}')
        return str(self._port(record) if part == 'port' else self._fileno(record))

    def _port(self, record: SocketRecord) -> int:
        self._mention(record)
        if record.spec.port is None:
            raise BadRequest(f'The socket {show(record.name)} has no port')
        return record.spec.port

    def _fileno(self, record: SocketRecord) -> int:
        self._mention(record)
        name = record.name
        if name not in self._filenos:
            if record.spec.reuseport:
                self._own[name] = open_inet(record.spec, record.address, record.spec.port or 0, share=True)
                self._filenos[name] = self._own[name].fileno()
            else:
                self._filenos[name] = record.fileno
        return self._filenos[name]

    def _mention(self, record: SocketRecord) -> None:
        if record.name not in self.names:
            self.names.append(record.name)
