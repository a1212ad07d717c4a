"""`Papa`, the client for ordinary (blocking) programs."""

from __future__ import annotations

from papa.client import calls, embedded, settings
from papa.client.connection import Connection
from papa.client.watcher import Watcher
from papa.errors import ConnectFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from os import PathLike
    from types import TracebackType
    from typing import Any

    Argument = str | bytes | PathLike[Any] | int | float


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
        self._connection = self._try_to_connect()
        if self._connection is None:
            self._connection = self._start_kernel() if autostart else self._no_kernel()

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
            self._discard(self._connection)
            self._connection = None

    def fileno(self) -> int | None:
        """The descriptor of the connection, or None if there is none (a watcher has it)."""
        return None if self._connection is None else self._connection.fileno()

    # Connecting

    def _try_to_connect(self) -> Connection | None:
        try:
            connection = Connection(self.endpoint, self.connection_timeout)
        except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError):
            return None
        except OSError as error:
            raise ConnectFailed(f'Cannot connect to the kernel at {self.endpoint}: {error.strerror}') from None
        embedded.opened(self.endpoint)
        return connection

    def _start_kernel(self) -> Connection:
        if embedded.is_enabled():
            return embedded.connect_or_start(self.endpoint, self._try_to_connect)
        from papa.client.launch import connect_or_start

        return connect_or_start(self.endpoint, self.connection_timeout, self._try_to_connect)

    def _no_kernel(self) -> Connection:
        raise ConnectFailed(f'There is no kernel at {self.endpoint}')

    def _discard(self, connection: Connection) -> None:
        embedded.closed(self.endpoint)
        connection.close()

    def _connected(self) -> Connection:
        connection = self._connection
        if connection is None or connection.closed:
            if connection is not None:
                self._connection = None
                self._discard(connection)
            self._connection = connection = self._try_to_connect() or self._no_kernel()
            self._open = True
        return connection

    def _call(self, fields: Sequence[str], *, watch: bool = False) -> Any:
        connection = self._connection
        if connection is None or connection.closed:
            connection = self._connected()
        return connection.call(fields, watch=watch)

    def give_back(self, connection: Connection) -> None:
        """Take back the connection of a watcher that has ended, if there is no other; else close it."""
        if self._open and self._connection is None and not connection.closed:
            self._connection = connection
        else:
            self._discard(connection)

    # Sockets

    def list_sockets(self, *names: str | int) -> dict[str, dict[str, Any]]:
        """Details by name of the sockets that names, wildcards or file numbers mean; of all without names.

        The keys are those that apply of `family`, `type`, `backlog`, `path`, `umask`, `host`, `port`,
        `interface`, `reuseport` and `fileno`.
        """
        return dict(self._call(calls.names('list sockets', names)))  # type: ignore[arg-type]

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
        fields = calls.make_socket(
            name, host, port, family, socket_type, backlog, path, umask, interface, reuseport  # type: ignore[arg-type]
        )
        return dict(self._call(fields)[name])

    def remove_sockets(self, *names: str | int) -> bool:
        """Close sockets and forget them; without names, all. Raises `NotFound` for a plain name that is not there."""
        self._call(calls.names('remove sockets', names))  # type: ignore[arg-type]
        return True

    # Values

    def list_values(self, *names: str) -> dict[str, str]:
        """Values by name; without names, all."""
        return dict(self._call(calls.names('list values', names)))

    def set(self, name: str, value: str | None = None) -> None:
        """Set a value, or clear it with None. Every text comes back exactly as it was."""
        self._call(calls.set_value(name, value))

    def get(self, name: str) -> str | None:
        """A value, or None if it is not set."""
        value: str | None = self._call(calls.get_value(name))
        return value

    def remove_values(self, *names: str) -> bool:
        """Clear values. Raises `BadRequest` without names and for ``*``: nobody clears everybody's values."""
        self._call(calls.names('remove values', names))
        return True

    # Processes

    def list_processes(self, *names: str | int) -> dict[str, dict[str, Any]]:
        """Details by name of the processes that names, wildcards or PIDs mean; of all without names."""
        return dict(self._call(calls.names('list processes', names)))  # type: ignore[arg-type]

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
        fields = calls.make_process(
            name, executable, args, env, working_dir, uid, gid, rlimits, stdout, stderr, bufsize,
            watch_immediately, overflow, umask,
        )
        if watch_immediately:
            return self._watch(fields)
        return self._call(fields)[name]

    def remove_processes(self, *names: str | int) -> bool:
        """Drop the output of processes and forget each as soon as it has ended; without names, all."""
        self._call(calls.names('remove processes', names))  # type: ignore[arg-type]
        return True

    def watch_processes(self, *names: str | int) -> Watcher:
        """Watch the output of processes; without names, of all. At least one must match.

        The `Watcher` takes over this object's connection; the next call opens another.
        """
        return self._watch(calls.names('watch processes', names))  # type: ignore[arg-type]

    def _watch(self, fields: Sequence[str]) -> Watcher:
        reply = self._call(fields, watch=True)
        connection = self._connected()
        self._connection = None
        return Watcher(self, connection, reply['watching'])

    def exit_if_idle(self) -> bool:
        """End the kernel if it holds nothing; return whether it will.

        It ends when no connection is open any more, if it is still idle then. If it will, this
        connection is closed.
        """
        if not str(self._call(('exit-if-idle',))).startswith('Exiting'):
            return False
        self.close()
        return True
