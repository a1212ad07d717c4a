"""`Watcher`: the output of processes as it comes, and its acknowledgement."""

from __future__ import annotations

from contextlib import contextmanager

from papa.client.process_output import ProcessOutput
from papa.errors import ConnectionLost
from papa.wire import structured
from papa.wire.client import EndFrame, ExitFrame, LossFrame, OutputFrame

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from papa.client.connection import Connection
    from papa.client.sync import Papa

    Frame = OutputFrame | ExitFrame | LossFrame | EndFrame
    Outputs = tuple[list[ProcessOutput], list[ProcessOutput], list[ProcessOutput]]

_ENOUGH = 8 * 1024 * 1024  # bytes that one `read` takes from the socket; what has arrived beyond stays readable
_TAKEN_AWAY = 'acknowledged'  # the reason of a loss that others caused on purpose


class Watcher:
    """Receives the output of processes. Made by `Papa.watch_processes` and `Papa.make_process`.

    True while there is something left to watch: until every process has closed and that has been
    acknowledged. `exit_code` maps names to exit codes as they come; `dropped` maps names to the bytes that
    were lost to this watcher so far. A context manager; left by an exception, it acknowledges nothing.
    """

    def __init__(self, papa: Papa, connection: Connection, watching: list[tuple[str, str, int]]) -> None:
        self.exit_code: dict[str, int] = {}
        self.dropped: dict[str, int] = {}
        self._papa = papa
        self._connection: Connection | None = connection
        self._names = [name for name, _, _ in watching]
        self._ends = [position for _, _, position in watching]  # of what has arrived of each
        self._left = len(watching)  # processes whose exit is not acknowledged
        self._frames: list[Frame] = []  # arrived, not yet returned by `read`
        self._size = 0  # bytes of output in them
        self._positions: dict[int, int] = {}  # returned by `read`, not acknowledged
        self._exits: list[int] = []  # likewise

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

    def fileno(self) -> int:
        """The descriptor to `select` on; -1 once there is nothing left to watch."""
        return -1 if self._connection is None else self._connection.fileno()

    @property
    def ready(self) -> bool:
        """Whether `read` would return something at once. What has arrived stays where `select` sees it."""
        if self._connection is None:
            return False
        try:
            frames = self._frames + self._connection.frames_in_socket('watch processes')
        except ConnectionLost:
            return True  # `read` says so at once
        return _tells(frames)

    def read(self) -> Outputs | None:
        """Wait for output; return all that has arrived, as lists of `ProcessOutput`: out, err, closed.

        Acknowledges what the previous `read` returned. Returns None when every process has closed and
        the kernel has confirmed that this was acknowledged. Raises `ConnectionLost`.
        """
        trouble: ConnectionLost | None = None
        try:
            self.acknowledge()
        except ConnectionLost as error:
            trouble = error
        connection = self._connection
        if connection is None:
            return None
        try:
            self._fetch(connection)
            while not self._something():
                self._keep(connection.next_frame('watch processes'))
                self._fetch(connection)
        except ConnectionLost as error:
            if not self._something():  # else that first: it may be the last copy, and the next `read` raises
                raise trouble or error from None
        return self._take()

    def acknowledge(self) -> None:
        """Tell the kernel that what `read` has returned is saved and need not be kept.

        When that includes the last exit, wait for the kernel's confirmation. Raises `ConnectionLost`.
        """
        connection = self._connection
        if connection is None or not (self._positions or self._exits):
            return
        connection.tell(self._acknowledgement(structured.ACKNOWLEDGE), 'acknowledge')
        self._left -= len(self._exits)
        self._positions.clear()
        self._exits.clear()
        if not self._left:
            with self._ending(connection):
                self._wait_for_end(connection)

    def close(self) -> None:
        """Acknowledge what `read` has returned, wait until the kernel has that, and stop watching.

        The connection goes back to the `Papa` if that has none. Raises `ConnectionLost`.
        """
        try:
            self._stop(self._acknowledgement(structured.STOP))
        except ConnectionLost:
            if self._positions or self._exits:
                raise

    def _abandon(self) -> None:
        try:
            self._stop([structured.STOP])
        except ConnectionLost:
            pass  # what made us leave matters more

    def _stop(self, request: list[str]) -> None:
        connection = self._connection
        if connection is not None:
            with self._ending(connection):
                connection.tell(request, 'stop watching')
                self._wait_for_end(connection)

    @contextmanager
    def _ending(self, connection: Connection) -> Iterator[None]:
        """Give the connection back at the end; close it first where it may be out of step."""
        try:
            yield
        except BaseException:  # an interrupt, too: the frames that still come must not meet the next call
            connection.close()
            raise
        finally:
            self._connection = None
            self._frames.clear()
            self._papa.give_back(connection)

    @staticmethod
    def _wait_for_end(connection: Connection) -> None:
        while not isinstance(connection.next_frame('acknowledge'), EndFrame):
            pass

    def _acknowledgement(self, command: str) -> list[str]:
        words = [command]
        words += [f'{index}:{position}' for index, position in self._positions.items()]
        words += [f'{index}:{structured.EXIT_MARK}' for index in self._exits]
        return words

    def _something(self) -> bool:
        return _tells(self._frames)

    def _fetch(self, connection: Connection) -> None:
        """Take in what has arrived, and leave no whole frame behind in the connection."""
        while (frame := connection.frame_at_hand('watch processes', fill=self._size < _ENOUGH)) is not None:
            self._keep(frame)

    def _keep(self, frame: Frame) -> None:
        if isinstance(frame, OutputFrame):
            if frame.end - len(frame.data) != self._ends[frame.number]:
                self._break('an interrupt has taken output away')
            self._size += len(frame.data)
            self._ends[frame.number] = frame.end
        elif isinstance(frame, LossFrame):
            self._ends[frame.number] = frame.end
        self._frames.append(frame)

    def _break(self, reason: str) -> None:
        """Never acknowledge what was not returned: the next watcher gets it again."""
        if self._connection is not None:
            self._connection.close()
        about = ', '.join(self._names[:3])
        raise ConnectionLost(f'Stopped watching {about}: {reason}; what was not read is still held')

    def _take(self) -> Outputs:
        out: list[ProcessOutput] = []
        err: list[ProcessOutput] = []
        closed: list[ProcessOutput] = []
        positions: dict[int, int] = {}
        exits: list[int] = []
        for frame in self._frames:
            if isinstance(frame, OutputFrame):
                name = self._names[frame.number]
                (out if frame.stream == structured.STDOUT else err).append(ProcessOutput(name, frame.time, frame.data))
                positions[frame.number] = frame.end
            elif isinstance(frame, ExitFrame):
                name = self._names[frame.number]
                self.exit_code[name] = frame.exit_code
                closed.append(ProcessOutput(name, frame.time, frame.exit_code))
                exits.append(frame.number)
            elif isinstance(frame, LossFrame) and frame.reason != _TAKEN_AWAY:
                name = self._names[frame.number]
                self.dropped[name] = self.dropped.get(name, 0) + frame.end - frame.start
        self._frames.clear()
        self._size = 0
        self._positions.update(positions)  # last: what is noted here will be acknowledged
        self._exits += exits
        return out, err, closed


def _tells(frames: list[Frame]) -> bool:
    """Whether `read` has something to return; a loss alone is told with what follows it."""
    return any(not isinstance(frame, LossFrame) for frame in frames)
