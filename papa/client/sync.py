"""`Papa`, the client for ordinary (blocking) programs."""

from __future__ import annotations

from papa.client import calls, dialing, embedded, finding, settings
from papa.client.arguments import UNSET, Unset
from papa.client.calls import Opening
from papa.client.changes import Changes
from papa.client.connection import Connection
from papa.client.watcher import Watcher
from papa.errors import ConnectionLost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from os import PathLike
    from types import TracebackType
    from typing import Any, TypeVar

    from papa.client.calls import Argument, Call
    from papa.client.pipeline import Pipeline

    T = TypeVar('T')


class Papa:
    """A connection to a kernel, opened by constructing it.

    `port_or_path` says where the kernel is: a TCP port of 127.0.0.1 or the absolute path of a Unix
    socket; by default what `set_default_port` or `set_default_path` said, else ``PAPA_ENDPOINT``, else
    20202. If no kernel is there, one is started (unless `autostart` is false). `connection_timeout`
    seconds (10) bound all that.

    Every method raises a subclass of `papa.Error`. After `ConnectionLost` the next call connects again,
    but never starts a kernel: a new one would be empty. It is not meant for use by several threads at once.
    """

    # papa 1.0 had these on the class, too.
    set_debug_mode = staticmethod(embedded.set_debug_mode)
    set_default_port = staticmethod(settings.set_default_port)
    set_default_path = staticmethod(settings.set_default_path)
    set_default_connection_timeout = staticmethod(settings.set_default_connection_timeout)

    def __init__(
        self, port_or_path: int | str | None = None, connection_timeout: float | None = None, autostart: bool = True
    ) -> None:
        self.endpoint = settings.endpoint(port_or_path)
        self.connection_timeout = settings.connection_timeout(connection_timeout)
        self._open = True
        self._connection: Connection | None = None
        self._connection = (
            finding.find_or_start(self.endpoint, self.connection_timeout) if autostart else self._reconnect()
        )

    def __enter__(self) -> Papa:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        embedded.wait(self.endpoint)

    def close(self) -> None:
        """Close the connection. A watcher that has taken it over keeps it."""
        self._open = False
        if self._connection is not None:
            finding.discard(self._connection)
            self._connection = None

    def fileno(self) -> int | None:
        """The descriptor of the connection, or None if there is none (a watcher has it)."""
        return None if self._connection is None else self._connection.fileno()

    # Connecting and calling

    def _reconnect(self) -> Connection:
        connection = finding.find(self.endpoint, self.connection_timeout)
        if connection is None:
            raise dialing.absence(self.endpoint)
        return connection

    def _connected(self) -> Connection:
        connection = self._connection
        if connection is None or connection.closed:
            if connection is not None:
                self._connection = None
                finding.discard(connection)
            self._connection = connection = self._reconnect()
            self._open = True
        return connection

    def _run(self, call: Call[T]) -> T:
        fields, read = call
        connection = self._connection
        if connection is None or connection.closed:
            connection = self._connected()
        return read(connection.call(fields))

    def _open_stream(self, call: Call[T]) -> tuple[Connection, T]:
        """Begin a stream, which takes the connection over."""
        fields, opening = call
        connection = self._connected()
        state = connection.open_stream(fields, opening)
        self._connection = None
        return connection, state

    def converse(self, requests: Sequence[bytes]) -> tuple[list[Any], ConnectionLost | None]:
        """Send requests of a pipeline; return the replies, and the loss before which no more have come."""
        replies: list[Any] = []
        try:
            self._connected().converse(requests, replies)
        except ConnectionLost as error:
            return replies, error
        return replies, None

    def give_back(self, connection: Connection) -> None:
        """Take back the connection of a watcher that has ended, if there is no other; else close it."""
        if self._open and self._connection is None and not connection.closed:
            self._connection = connection
        else:
            finding.discard(connection)

    # Sockets

    def list_sockets(self, *names: str | int) -> dict[str, dict[str, Any]]:
        """Details by name of the sockets that names, wildcards or file numbers mean; of all without names.

        The keys are those that apply of `family`, `type`, `backlog`, `path`, `umask`, `host`, `port`,
        `interface`, `reuseport` and `fileno`.
        """
        return self._run(calls.list_sockets(*names))

    def make_socket(
        self, name: str, host: str | None = None, port: int | None = None, family: int | None = None,
        socket_type: int | None = None, backlog: int | None = None, path: str | PathLike[str] | None = None,
        umask: int | None = None, interface: str | None = None, reuseport: bool | None = None,
    ) -> dict[str, Any]:
        """Make a socket and return its details; if it exists with these parameters, return that.

        `family` and `socket_type` are constants of the `socket` module. Without `path` and `port` it is a
        TCP socket of 127.0.0.1 on a port that the system assigns. Raises `Conflict` if the name is
        taken with other parameters, `BadRequest` or `SystemFailure` if it cannot be made.
        """
        return self._run(calls.make_socket(
            name, host, port, family, socket_type, backlog, path, umask, interface, reuseport
        ))

    def remove_sockets(self, *names: str | int) -> bool:
        """Close sockets and forget them; without names, all. Raises `NotFound` for a plain name that is not there."""
        return self._run(calls.remove_sockets(*names))

    # Values

    def list_values(self, *names: str) -> dict[str, str]:
        """Values by name; without names, all."""
        return self._run(calls.list_values(*names))

    def set(self, name: str, value: str | None = None, *, expected: str | Unset | None = UNSET) -> None:
        """Set a value, or clear it with None. Every text comes back exactly as it was.

        With `expected`, only if the present value is that, or with None if there is none; else raises `Conflict`.
        """
        self._run(calls.set(name, value, expected=expected))

    def get(self, name: str) -> str | None:
        """A value, or None if it is not set."""
        return self._run(calls.get(name))

    def remove_values(self, *names: str) -> bool:
        """Clear values. Raises `BadRequest` without names and for ``*``: nobody clears everybody's values."""
        return self._run(calls.remove_values(*names))

    # Processes

    def list_processes(self, *names: str | int) -> dict[str, dict[str, Any]]:
        """Details by name of the processes that names, wildcards or PIDs mean; of all without names."""
        return self._run(calls.list_processes(*names))

    def make_process(
        self, name: str, executable: Argument | None = None, args: Argument | Iterable[Argument] | None = None,
        env: Mapping[Any, Any] | None = None, working_dir: str | PathLike[str] | None = None,
        uid: int | str | None = None, gid: int | str | None = None, rlimits: Mapping[str, int] | None = None,
        stdout: int | None = None, stderr: int | None = None, bufsize: int | str | None = None,
        watch_immediately: bool | None = None, overflow: str | None = None, umask: int | None = None,
    ) -> Any:
        """Start a process and return its details or, with `watch_immediately`, a `Watcher` of it.

        If a process of this name exists with these parameters, nothing is started and that is returned.
        `args` is a sequence or one argument. ``$(socket.NAME.fileno)`` and ``$(socket.NAME.port)`` in the
        executable and the arguments stand for a socket. `env` replaces the environment (the kernel's by
        default); `rlimits` maps names of the `resource` module without ``RLIMIT_`` to numbers; `bufsize`
        is bytes, or text such as ``'2m'`` (default 1 MB; 0 records nothing). `overflow` is ``'drop'``
        (the oldest output makes room) or ``'block'`` (the process waits).

        Raises `Conflict` if the name is taken with other parameters, `BadRequest`, `NotFound` (a socket),
        `LimitReached` or `SystemFailure` if it cannot be started.
        """
        call = calls.make_process(
            name, executable, args, env, working_dir, uid, gid, rlimits, stdout, stderr, bufsize,
            watch_immediately, overflow, umask,
        )
        return Watcher(self, *self._open_stream(call)) if isinstance(call[1], Opening) else self._run(call)

    def remove_processes(self, *names: str | int) -> bool:
        """Drop the output of processes and forget each as soon as it has ended; without names, all."""
        return self._run(calls.remove_processes(*names))

    def watch_processes(
        self, *names: str | int, peek: bool = False, last: int | str | None = None, follow: bool = False,
        since: Mapping[str, tuple[str, int]] | None = None,
    ) -> Watcher:
        """Watch the output of processes; without names, of all. At least one must match, unless it follows.

        With `peek` nothing is acknowledged or held back; `last` begins with only so many bytes of what is
        there (a number, or text such as ``'64k'``). With `follow`, processes that match and are started later
        are included, and it ends only when it is closed. `since` maps names to the `id` and the `position`
        after which to go on.

        The `Watcher` takes over this object's connection; the next call opens another.
        """
        return Watcher(self, *self._open_stream(calls.watch_processes(
            *names, peek=peek, last=last, follow=follow, since=since
        )))

    def acknowledge_output(self, name: str, position: int, id: str | None = None) -> int:  # noqa: A002
        """Acknowledge the output of a process up to `position`; return how many bytes this has released.

        A closed process stays until that is acknowledged by a watcher. Raises `NotFound` if there is none of
        this name, `Conflict` if it has another `id`.
        """
        return self._run(calls.acknowledge_output(name, position, id))

    # The rest

    def changes(self, *kinds: str, every: float | None = None) -> Changes:
        """What the kernel holds, as a snapshot, and then each change of it, as `papa.events.Change`.

        `kinds` are ``sockets``, ``values`` and ``processes``; all, if none is given. With `every`, counters of
        processes that moved are told, too, at most once in so many seconds.

        The iterator takes over this object's connection; the next call opens another.
        """
        return Changes(self, *self._open_stream(calls.changes(*kinds, every=every)))

    def pipeline(self, raise_errors: bool = True) -> Pipeline:
        """Many commands in one go: a context manager that sends them when it is left.

        ::

            with p.pipeline() as pipe:
                pipe.set('a', '1')
                pipe.get('b')
            _, b = pipe

        Leaving it raises the first `Error` once all have run or, without `raise_errors`, leaves each in its place.
        A `ConnectionLost` says how many were answered; their results are kept. Nothing is ever sent twice.
        """
        from papa.client.pipeline import Pipeline

        return Pipeline(self, raise_errors)

    def kernel_info(self) -> dict[str, Any]:
        """What the kernel says of itself: version, pid, endpoint, uptime (seconds), counts, memory.

        `upgrades` is how often it was upgraded since its start, `previous_version` what it was before the last time
        (None if there was none).
        """
        return self._run(calls.kernel_info())

    def upgrade(self, python: str | PathLike[str] | None = None) -> dict[str, Any]:
        """Make the kernel replace itself by the papa that is installed now; return its `version`, the
        `previous_version` and how many `upgrades` there have been.

        `python` is the path of another interpreter to go on with, and with the papa that is installed for that one,
        if there is one.

        It keeps its PID and all that it holds: sockets, values, processes with their output, connections. This
        connection goes on, too, and so do all watchers and listeners, where they were.

        The new code is tried first. If it cannot take over, the kernel that runs stays as it was, and the error says
        why: `SystemFailure` or `LimitReached`. Raises `Conflict` if an upgrade is under way already, `Unsupported`
        if the kernel is embedded in a program or its code is not there any more, `BadRequest` for a bad path.
        """
        return self._run(calls.upgrade(python))

    def exit_if_idle(self) -> bool:
        """End the kernel if it holds nothing; return whether it will.

        It ends when no connection is open any more, if it is still idle then. If it will, this
        connection is closed.
        """
        exits = self._run(calls.exit_if_idle())
        if exits:
            self.close()
        return exits
