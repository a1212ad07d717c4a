"""One connection: sending what is queued, and ending without taking the last words away from the client."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from papa.kernel.loop import READ, Loop, Timer
from papa.kernel.outbox import Outbox

_LINGER = 2.0  # seconds that a client may take nothing of our last words


class Peer:
    """What a connection is, whatever is said on it. `Session` says it."""

    def __init__(self, loop: Loop, connection: socket.socket, on_close: Callable[[Any], None]) -> None:
        """Raises OSError if there is no room in the poller."""
        connection.setblocking(False)
        self._loop = loop
        self._on_close = on_close
        self._socket = connection
        self._fd = connection.fileno()
        self._outbox = Outbox(connection)
        self._send = self._outbox.put
        self._interest = READ
        self._ended = False  # the client sends no more
        self._hung_up = False  # and it takes no more
        self._leaving = False  # nothing more is read or run; it closes when all is sent
        self._lingers: Timer | None = None  # closes it when it leaves and the client takes nothing more
        self._closed = False
        loop.register(self._fd, READ, self._on_events)

    @property
    def descriptor(self) -> int:
        """The descriptor of the connection."""
        return self._fd

    @property
    def unsent(self) -> int:
        """Bytes that the client has not taken yet."""
        return self._outbox.size

    def _on_events(self, events: int) -> None:
        """The connection is ready."""
        raise NotImplementedError

    def _detach(self) -> None:
        """Stop what runs beside the requests."""
        raise NotImplementedError

    def _hear_out(self) -> None:
        """The connection is broken: take what was said before, and close."""
        raise NotImplementedError

    def _push(self) -> bool:
        """Send what is queued, as far as the client takes it. Return whether the connection is sound."""
        try:
            if self._outbox.push() and self._lingers is not None:
                self._linger_on()
        except OSError:
            self._abandon()
            return False
        return True

    def _leave(self, last_words: bytes = b'') -> None:
        """Close once what is queued and `last_words` are sent. Nothing that was read is run any more."""
        self._leaving = True
        self._detach()
        if last_words:
            self._send(last_words)
        self._linger()

    def _linger(self) -> None:
        self._lingers = self._loop.call_later(_LINGER, self.close)

    def _linger_on(self) -> None:
        """The client takes what it is told: give it time for the rest."""
        assert self._lingers is not None
        self._lingers.cancel()
        self._linger()

    def _shut_down(self) -> None:
        """All is sent. Read to nowhere until the client closes: unread data would reset the connection
        and take our last words away."""
        if self._ended:
            self.close()
            return
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()

    def _abandon(self) -> None:
        """The connection is broken. Closed in the next round: whoever made it send may be in a loop over watchers."""
        self._outbox.clear()
        self._leaving = self._hung_up = True
        self._loop.unregister(self._fd)
        self._loop.call_soon(self._hear_out)

    def close(self) -> None:
        """Close at once. A watch acknowledges nothing by that."""
        if self._closed:
            return
        self._closed = True
        if self._lingers is not None:
            self._lingers.cancel()
        self._detach()
        self._loop.unregister(self._fd)
        self._socket.close()
        self._on_close(self)
