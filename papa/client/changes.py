"""`Changes`: what the kernel holds, and each change of it as it comes."""

from __future__ import annotations

from papa.errors import ConnectionLost
from papa.wire import structured

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from papa.client.change_state import ChangeState
    from papa.client.connection import Connection
    from papa.client.sync import Papa
    from papa.events import Change


class Changes:
    """Goes through `papa.events.Change` as they come, first a snapshot. Made by `Papa.changes`.

    A context manager. It ends when it is closed.
    """

    def __init__(self, papa: Papa, connection: Connection, state: ChangeState) -> None:
        self._papa = papa
        self._state = state
        self._connection: Connection | None = connection

    def __enter__(self) -> Changes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Changes:
        return self

    def __next__(self) -> Change:
        """The next change; waits for it. Raises `ConnectionLost`."""
        connection, state = self._connection, self._state
        if connection is None:
            raise StopIteration
        while not state.has_news:
            connection.wait()
            self._take(connection)
        change = state.next_change()
        assert change is not None
        return change

    def __del__(self) -> None:
        connection = getattr(self, '_connection', None)
        if connection is not None:  # a loop was left in the middle; nobody can say how long an orderly end would take
            self._connection = None
            connection.close()
            self._papa.give_back(connection)

    def fileno(self) -> int:
        """The descriptor to `select` on while it is not `ready`; -1 once it is closed."""
        return -1 if self._connection is None else self._connection.fileno()

    @property
    def ready(self) -> bool:
        """Whether the next change would come at once. Takes in what has arrived."""
        if self._connection is None:
            return False
        try:
            self._take(self._connection)
        except ConnectionLost:
            return True  # the next one says so
        return self._state.has_news

    def _take(self, connection: Connection) -> None:
        """Take in what has arrived. Raises `ConnectionLost` only if there is nothing."""
        try:
            connection.take(self._state, 'changes')
        except ConnectionLost:
            if not self._state.has_news:
                raise

    def close(self) -> None:
        """End it. The connection goes back to the `Papa` if that has none."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.tell([structured.STOP], 'changes')
            connection.wait_for_end('changes')
        except ConnectionLost:
            connection.close()  # there is nothing to lose by that
        except BaseException:
            connection.close()
            raise
        finally:
            self._papa.give_back(connection)
