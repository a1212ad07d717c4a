"""`Watcher`: the output of processes as it comes, and its acknowledgement."""

from __future__ import annotations

from papa.client import dialing
from papa.errors import BadRequest, ConnectionLost
from papa.wire import structured

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from papa.client.connection import Connection
    from papa.client.sync import Papa
    from papa.client.watch_state import Outputs, WatchState
    from papa.events import Event

_WATCHING = 'watch processes'


class Watcher:
    """Receives the output of processes. Made by `Papa.watch_processes` and `Papa.make_process`.

    Either `read` it or go through its `events`, not both.

    True while there is something left to watch: until every process has closed and that has been
    acknowledged. `exit_code` maps names to exit codes as they come; `dropped` maps names to the bytes that
    were lost to this watcher so far; `replaced` maps names to the ids of processes that are others than those
    that `since` wanted to go on with. A context manager; left by an exception, it acknowledges nothing.
    """

    def __init__(self, papa: Papa, connection: Connection, state: WatchState) -> None:
        self.exit_code = state.exit_code
        self.dropped = state.dropped
        self.replaced = state.replaced
        self._state = state
        self._papa = papa
        self._connection: Connection | None = connection
        self._lost: ConnectionLost | None = None  # when the kernel was to acknowledge what was handed out last
        self._told = False  # `close` has said that

    def __enter__(self) -> Watcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._abandon()

    def __bool__(self) -> bool:
        return self._connection is not None

    def __del__(self) -> None:
        connection = getattr(self, '_connection', None)
        if connection is not None:  # nobody can say how long an orderly end would take
            self._connection = None
            connection.close()
            self._papa.give_back(connection)

    def fileno(self) -> int:
        """The descriptor to `select` on; -1 once there is nothing left to watch.

        Once `read` has returned the last exit, nothing more comes that would wake a `select`: another `read`, or
        `acknowledge`, ends the watch.
        """
        return -1 if self._connection is None else self._connection.fileno()

    @property
    def closed(self) -> bool:
        """Whether every process has closed, and that was handed out. Perhaps it is still to be acknowledged."""
        return self._connection is None or self._state.closed

    @property
    def ready(self) -> bool:
        """Whether `read`, or the next of the `events`, would come at once. What has arrived stays where `select`
        sees it.

        False where `read` would wait until the kernel has confirmed that all was acknowledged (`fileno`); True where
        a watch that only peeks is over.
        """
        if self._connection is None:
            return False
        if self._state.has_news or self._state.finished:
            return True
        try:
            return self._state.would_tell(self._connection.frames_in_socket(_WATCHING))
        except ConnectionLost:
            return True  # `read` says so at once

    def read(self) -> Outputs | None:
        """Wait for output; return all that has arrived, as lists of `ProcessOutput`: out, err, closed.

        Acknowledges what the previous `read` returned. Returns None when every process has closed and
        the kernel has confirmed that this was acknowledged. Of a watch that only peeks nothing is acknowledged;
        one that follows never ends. Raises `ConnectionLost`, and goes on doing so where the kernel has not confirmed.
        """
        state = self._state
        state.begin_reading()
        trouble: ConnectionLost | None = None
        try:
            self.acknowledge()
        except ConnectionLost as error:
            trouble = error
        connection = self._connection
        if connection is None:
            if trouble is not None:
                raise trouble
            return None
        try:
            self._receive(connection)
        except ConnectionLost as error:
            raise trouble or error from None
        try:
            return state.read()
        except BaseException:  # an interrupt: nobody can say how much of it was returned
            connection.close()
            raise

    def events(self) -> Iterator[Event]:
        """What happens, as it comes and in order: `papa.events`. It begins with the present `Acknowledged` of
        each process, and ends when every process has closed (never, if the watch follows).

        Nothing is acknowledged by itself, not even by `close`: there are `acknowledge` and `acknowledge_output`.
        Raises `BadRequest` after a `read`, and `ConnectionLost` in the middle.
        """
        connection = self._connection
        if connection is not None and self._state.begin_events():
            connection.tell([structured.EVENTS], _WATCHING)
        return self._each_event()

    def _each_event(self) -> Iterator[Event]:
        while (connection := self._connection) is not None and not self._state.closed:
            if not self._state.has_news:
                self._receive(connection)
            try:
                event = self._state.next_event()
            except BaseException:
                connection.close()
                raise
            if event is not None:
                yield event

    def acknowledge(self) -> None:
        """Tell the kernel that all that was handed out is saved and need not be kept; exits included.

        When that includes the last exit, wait for the kernel's confirmation. A watch that only peeks
        acknowledges nothing by this. Raises `ConnectionLost`.
        """
        connection, state = self._connection, self._state
        if connection is None:
            self._confirm()
        elif not state.unacknowledged:
            if state.finished:  # a watch that peeks does not end by itself
                self._abandon()
        elif state.closed:
            self._stop(connection, state.acknowledgement(structured.ACKNOWLEDGE), owes=True)
        else:
            connection.tell(state.acknowledgement(structured.ACKNOWLEDGE), 'acknowledge', state.acknowledged)

    def acknowledge_output(self, name: str, position: int, id: str | None = None) -> None:  # noqa: A002
        """Acknowledge output of one process up to `position`, as this watcher's; also where it only peeks.

        Never acknowledges that it has closed. Raises `NotFound` if it is not watched, `Conflict` if it has
        another `id`, `BadRequest` if so much has not come or the watcher is closed, and `ConnectionLost`.
        """
        connection = self._connection
        if connection is None:
            self._confirm()
            raise BadRequest('This watcher is closed')
        connection.tell(self._state.acknowledgement_of(name, position, id), 'acknowledge')

    def close(self) -> None:
        """Acknowledge what `read` has returned, wait until the kernel has that, and stop watching.

        The connection goes back to the `Papa` if that has none. Raises `ConnectionLost`.
        """
        connection, owes = self._connection, self._state.owes
        try:
            if connection is not None:
                self._stop(connection, self._state.farewell(), owes=owes)
            elif not self._told:
                self._confirm()
        except ConnectionLost:
            self._told = True
            if owes or connection is None:
                raise

    def _abandon(self) -> None:
        if self._connection is not None:
            try:
                self._stop(self._connection, [structured.STOP], owes=False)
            except ConnectionLost:
                pass  # what made us leave matters more

    def _stop(self, connection: Connection, words: list[str], *, owes: bool) -> None:
        """Send what ends the watch, wait until the kernel has ended it, and give the connection back."""
        doing = 'acknowledge' if owes else 'stop watching'
        try:
            connection.tell(words, doing)
            connection.wait_for_end(doing)
        except BaseException as error:  # an interrupt, too: the frames that still come must not meet the next call
            connection.close()
            if owes:
                lost = dialing.loss(connection.endpoint, doing, None)
                self._lost = error if isinstance(error, ConnectionLost) else ConnectionLost(lost)
            raise
        finally:
            self._connection = None
            self._papa.give_back(connection)

    def _confirm(self) -> None:
        """Raise `ConnectionLost` if the end of the watch was to acknowledge something, and that has failed."""
        if self._lost is not None:
            raise ConnectionLost(str(self._lost))

    def _receive(self, connection: Connection) -> None:
        """Wait until there is something to hand out, and take in all that has arrived.

        Raises `ConnectionLost` only if there is nothing: what has arrived may be the last copy.
        """
        while True:
            try:
                connection.take(self._state, _WATCHING)
            except ConnectionLost:
                if not self._state.has_news:
                    raise
            if self._state.has_news:
                return
            connection.wait()
