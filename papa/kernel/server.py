"""Who comes in: accepting connections, refusing them, and ending when nobody needs the kernel any more."""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from papa.kernel.access import Access
from papa.kernel.kernel import Kernel
from papa.kernel.listener import Listener
from papa.kernel.loop import READ
from papa.kernel.session import Session
from papa.kernel.state import Put, SessionState

if TYPE_CHECKING:
    from papa.kernel.processes import ProcessRecord

log = logging.getLogger('papa.kernel')

_ACCEPTS = 16  # connections taken in one round of the loop
_MAX_SESSIONS = 4096
_MIN_SESSIONS = 16
_MAX_REFUSED = 16  # that take their time to hear why; others are cut off
_PAUSE = 0.1  # seconds without accepting, when the system lacks what a connection needs

_PASSING = (errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.EINTR)  # the fault of that one connection


class Server:
    """Serves a kernel at an address.

    `single` ends it when the last connection is closed (an embedded kernel of a test suite).
    """

    def __init__(self, kernel: Kernel, listener: Listener, access: Access, *, single: bool = False) -> None:
        self._kernel = kernel
        self.listener = listener
        self.access = access
        self._single = single
        self._sessions: set[Session] = set()
        self._refused: set[Session] = set()  # they are only told why, and take no place of the others
        self._max_sessions = max(_MIN_SESSIONS, min(_MAX_SESSIONS, kernel.origin.hard_limit // 4))
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)  # given up where one is needed at the limit
        kernel.endpoint = listener.endpoint.uri
        self._listen()

    def run(self) -> None:
        """Serve until told to stop; then give back everything but the children."""
        try:
            self._kernel.loop.run()
        finally:
            self._shut_down()

    def _shut_down(self) -> None:
        for session in [*self._sessions, *self._refused]:
            session.close()
        self._kernel.loop.unregister(self.listener.socket.fileno())
        self.listener.close()
        self._kernel.close()
        with suppress(OSError):
            os.close(self._spare)
        log.info('Ended; %d processes go on by themselves', len(self._kernel.processes.by_name))

    def _listen(self) -> None:
        self._kernel.loop.register(self.listener.socket.fileno(), READ, self._accept)

    def _accept(self, _events: int) -> None:
        for _ in range(_ACCEPTS):
            try:
                connection, address = self.listener.socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _PASSING:
                    continue
                if error.errno in (errno.EMFILE, errno.ENFILE) and self._refuse_at_limit():
                    continue
                self._pause(error)
                return
            self._admit(connection, address)

    def _pause(self, error: OSError) -> None:
        """Stop accepting for a moment: what waits in the queue would keep the loop awake."""
        log.error('Cannot accept a connection: %s', error.strerror)
        self._kernel.loop.unregister(self.listener.socket.fileno())
        self._kernel.loop.call_later(_PAUSE, self._listen)

    def _admit(self, connection: socket.socket, address: object) -> None:
        with self._without_spare():
            refusal = self.access.refusal(connection, address)
        if refusal is None and len(self._sessions) >= self._max_sessions:
            refusal = f'Too many connections: this kernel serves {self._max_sessions}'
            log.warning('Refused a connection: %s', refusal)
        if refusal is not None and len(self._refused) >= _MAX_REFUSED:
            _cut_off(connection, refusal)
            return
        try:
            session = Session(self._kernel, connection, self._session_closed)
        except OSError as error:  # no room in the poller
            log.error('Cannot serve a connection: %s', error.strerror)
            connection.close()
            return
        self._count(session, refused=refusal is not None)
        if refusal is None:
            self._kernel.exit_when_unused = False
            session.welcome()
        else:
            session.refuse(refusal)

    def _count(self, session: Session, *, refused: bool) -> None:
        (self._refused if refused else self._sessions).add(session)
        self._kernel.connections = len(self._sessions)

    def _refuse_at_limit(self) -> bool:
        """Take a connection with the spare descriptor and say why it is closed. Return whether that could be done."""
        try:
            with self._without_spare():
                connection, _ = self.listener.socket.accept()
                _cut_off(connection, 'Too many connections: no descriptor is left')
        except BlockingIOError:
            return True
        except OSError:
            return False
        log.warning('Refused a connection: no descriptor is left')
        return True

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

    def _session_closed(self, session: Session) -> None:
        if session in self._refused:
            self._refused.discard(session)
            return
        self._sessions.discard(session)
        self._kernel.connections = len(self._sessions)
        if not self._sessions:
            self._kernel.loop.call_soon(self._end_if_unused)  # somebody may have connected in this very round

    def _end_if_unused(self) -> None:
        kernel = self._kernel
        if not self._sessions and (self._single or (kernel.exit_when_unused and kernel.idle)):
            log.info('The last connection is closed')
            kernel.loop.stop()

    # Handing over

    @property
    def sessions(self) -> list[Session]:
        """All of them."""
        return [*self._sessions, *self._refused]

    def records(self) -> list[ProcessRecord]:
        """All processes that somebody has to do with; those that have their names come first, in their order."""
        known = dict.fromkeys(self._kernel.processes.by_name.values())
        known.update(dict.fromkeys(self._kernel.capture.recorded))
        for session in self.sessions:
            known.update(dict.fromkeys(session.records()))
        return list(known)

    def states(self, put: Put) -> list[SessionState]:
        """Theirs."""
        return [session.state(put, refused=session in self._refused) for session in self.sessions]

    def restore(self, states: list[SessionState], records: dict[str, ProcessRecord]) -> None:
        """Take the sessions that were handed over; `records` are all processes by their ids.

        Raises OSError, LookupError or ValueError if one makes no sense.
        """
        for state in states:
            session = Session(self._kernel, socket.socket(fileno=state.fd), self._session_closed)
            self._count(session, refused=state.refused)
            session.restore(state, records)

    def go_on(self) -> None:
        """Let the sessions go on."""
        for session in self.sessions:
            self._kernel.loop.call(session.go_on)


def _cut_off(connection: socket.socket, reason: str) -> None:
    """Say why and close at once: the words are lost where the peer has sent something meanwhile."""
    with connection, suppress(OSError):
        connection.setblocking(False)
        connection.send(f'Error: {reason}\n'.encode())
