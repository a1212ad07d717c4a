"""What is queued for one client, and sending it as far as the client takes it."""

from __future__ import annotations

import socket
from collections import deque
from itertools import islice

from papa.kernel.stream import Part

_MAX_PARTS = 512  # that are handed to sendmsg at once (IOV_MAX is 1024)


class Outbox:
    """A queue of bytes before a non-blocking socket."""

    __slots__ = ('_socket', 'parts', 'size')

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self.parts: deque[Part] = deque()  # that are not sent
        self.size = 0  # bytes in them

    def put(self, data: Part) -> None:
        """Queue bytes."""
        self.parts.append(data)
        self.size += len(data)

    def put_all(self, parts: list[Part]) -> None:
        """Queue several pieces of bytes."""
        self.parts.extend(parts)
        self.size += sum(map(len, parts))

    def push(self) -> bool:
        """Send as far as the client takes it. Return whether it took something. Raises OSError."""
        parts = self.parts
        before = self.size
        try:
            while parts:
                if len(parts) == 1:
                    sent = self._socket.send(parts[0])
                else:
                    sent = self._socket.sendmsg(islice(parts, _MAX_PARTS))
                if sent == self.size:
                    parts.clear()
                    self.size = 0
                else:
                    self._drop(sent)
        except BlockingIOError:
            pass
        return self.size < before

    def clear(self) -> None:
        """Forget what is queued."""
        self.parts.clear()
        self.size = 0

    def _drop(self, sent: int) -> None:
        parts = self.parts
        self.size -= sent
        while sent:
            size = len(parts[0])
            if sent < size:
                parts[0] = memoryview(parts[0])[sent:]
                return
            sent -= size
            parts.popleft()
