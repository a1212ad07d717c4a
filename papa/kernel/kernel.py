"""The kernel: its state, its sessions and its listening socket."""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from papa.kernel.access import Access
from papa.kernel.capture import Capture
from papa.kernel.lookups import Lookups
from papa.kernel.loop import READ, Loop
from papa.kernel.origin import Origin
from papa.kernel.processes import Processes
from papa.kernel.sockets import Sockets

if TYPE_CHECKING:
    from papa.kernel.listener import Listener
    from papa.kernel.session import Session

log = logging.getLogger('papa.kernel')

_ACCEPTS = 16  # connections taken in one round of the loop
_MAX_SESSIONS = 4096
_MIN_SESSIONS = 16
_MAX_REFUSED = 16  # that take their time to hear why; others are cut off


class Kernel:
    """Everything that one kernel holds, and who is connected to it.

    `single` ends it when the last connection is closed (an embedded kernel of a test suite).
    """

    def __init__(self, listener: Listener, origin: Origin, access: Access, *, single: bool = False) -> None:
        self.origin = origin
        self.access = access
        self.loop = Loop()
        self.values: dict[str, str] = {}
        self.sockets = Sockets()
        self.processes = Processes()
        self.capture = Capture(self.loop, self.processes)
        self.lookups = Lookups(self.loop, origin)
        self.sessions: set[Session] = set()
        self._refused: set[Session] = set()  # they are only told why, and take no place of the others
        self.exit_when_unused = False
        self._single = single
        self._listener = listener
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)  # given up where one is needed at the limit
        self._max_sessions = max(_MIN_SESSIONS, min(_MAX_SESSIONS, origin.hard_limit // 4))
        self.loop.register(listener.socket.fileno(), READ, self._accept)

    @property
    def idle(self) -> bool:
        """Whether it holds nothing."""
        return not (self.sockets.by_name or self.values or self.processes.by_name)

    def run(self) -> None:
        """Serve until told to stop; then give back everything but the children."""
        try:
            self.loop.run()
        finally:
            self._shut_down()

    def _shut_down(self) -> None:
        for session in [*self.sessions, *self._refused]:
            session.close()
        self.sockets.remove(dict(self.sockets.by_name))
        for record in list(self.processes.by_name.values()):
            self.capture.close(record)
        self.loop.unregister(self._listener.socket.fileno())
        self._listener.close()
        self.loop.close()
        self.origin.close()
        with suppress(OSError):
            os.close(self._spare)
        log.info('Ended; %d processes go on by themselves', len(self.processes.by_name))

    def _accept(self, _events: int) -> None:
        for _ in range(_ACCEPTS):
            try:
                connection, address = self._listener.socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    self._refuse_at_limit()
                    continue
                if error.errno in (errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.EINTR):
                    continue
                log.error('Cannot accept a connection: %s', error.strerror)
                return
            self._admit(connection, address)

    def _admit(self, connection: socket.socket, address: object) -> None:
        from papa.kernel.session import Session

        with self._without_spare():
            refusal = self.access.refusal(connection, address)
        if refusal is None and len(self.sessions) >= self._max_sessions:
            refusal = f'Too many connections: this kernel serves {self._max_sessions}'
            log.warning('Refused a connection: %s', refusal)
        if refusal is not None and len(self._refused) >= _MAX_REFUSED:
            _cut_off(connection, refusal)
            return
        sessions = self.sessions if refusal is None else self._refused
        try:
            sessions.add(Session(self, connection, refusal))
        except OSError as error:  # no room in the poller
            log.error('Cannot serve a connection: %s', error.strerror)
            connection.close()
            return
        if refusal is None:
            self.exit_when_unused = False

    def _refuse_at_limit(self) -> None:
        """Take the connection with the spare descriptor and say why it is closed.

        Left in the queue it would keep the loop awake.
        """
        with self._without_spare(), suppress(OSError):
            connection, _ = self._listener.socket.accept()
            _cut_off(connection, 'Too many connections: no descriptor is left')
        log.warning('Refused a connection: no descriptor is left')

    @contextmanager
    def _without_spare(self) -> Iterator[None]:
        """Make sure that one descriptor can be had meanwhile."""
        with suppress(OSError):
            os.close(self._spare)
        self._spare = -1
        try:
            yield
        finally:
            with suppress(OSError):
                self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def session_closed(self, session: Session) -> None:
        """A session has ended: perhaps the kernel has, too."""
        if session in self._refused:
            self._refused.discard(session)
            return
        self.sessions.discard(session)
        if not self.sessions:
            self.loop.call_soon(self._end_if_unused)  # somebody may have connected in this very round

    def _end_if_unused(self) -> None:
        if not self.sessions and (self._single or (self.exit_when_unused and self.idle)):
            log.info('The last connection is closed')
            self.loop.stop()


def _cut_off(connection: socket.socket, reason: str) -> None:
    """Say why and close at once: the words are lost where the peer has sent something meanwhile."""
    with connection, suppress(OSError):
        connection.setblocking(False)
        connection.send(f'Error: {reason}\n'.encode())
