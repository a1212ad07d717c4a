"""The old side: a whole kernel as a `State`, of which most is stored while it still serves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from papa.kernel.kernel import Kernel
from papa.kernel.processes import ProcessRecord
from papa.kernel.server import Server
from papa.kernel.state import LogState, OriginState, Place, State, Stored
from papa.kernel.upgrade import codec
from papa.kernel.upgrade.image import Image
from papa.version import __version__

_LARGE = 1024  # characters of a value that stands beside the record: JSON would take longer


class Collector:
    """Collects all that a kernel holds, more than once: what has not changed meanwhile is not stored again."""

    def __init__(self, kernel: Kernel, server: Server, image: Image) -> None:
        self._kernel = kernel
        self._server = server
        self._image = image
        self._environments: list[dict[str, str]] = []
        self._numbers: dict[int, int] = {}  # of environments, by their identity: many processes share one
        self._processes: dict[ProcessRecord, tuple[tuple[Any, ...], Place]] = {}
        self._ends: dict[ProcessRecord, int] = {}  # up to where their output is stored
        self._values: dict[str, tuple[str, Place]] = {}  # those that are large

    def missing(self) -> int:
        """About how many bytes there are that are not stored yet."""
        size = sum(session.unsent for session in self._server.sessions)
        for record in self._server.records():
            size += record.output.weight(self._ends.get(record, 0))
        known = self._values
        for name, value in self._kernel.values.by_name.items():
            if name not in known or known[name][0] is not value:
                size += len(value)
        return size

    def prepare(self) -> Iterator[int]:
        """Store what is there already, in steps. Yields their sizes in bytes. Raises OSError."""
        before = self._image.size
        for record in self._server.records():
            self._process(record)
            yield self._image.size - before
            before = self._image.size
        for name, value in list(self._kernel.values.by_name.items()):
            if len(value) >= _LARGE:
                self._large_value(name, value)
                yield self._image.size - before
                before = self._image.size

    def collect(self, log: LogState, newcomer: int) -> State:
        """All of it; `newcomer` is the PID of the new code. Data goes into the image. Raises OSError."""
        kernel, server = self._kernel, self._server
        origin = kernel.origin
        return State(
            version=__version__, upgrades=kernel.upgrades + 1, started=kernel.started,
            started_by_monotonic=kernel.started_by_monotonic, endpoint=server.listener.state(),
            origin=OriginState(
                self._number(origin.environment), origin.directory, origin.soft_limit, origin.hard_limit
            ),
            processes=[(record.id, *self._process(record)) for record in server.records()],
            environments=self._environments, allowed_users=sorted(server.access.allowed),
            allow_any_local_user=server.access.any_local_user, boot=kernel.processes.boot,
            starts=kernel.processes.starts, values=self._small_values(), large_values=self._large_values(),
            sockets=[record.state() for record in kernel.sockets.by_name.values()],
            sessions=server.states(self._image.put), log=log, exit_when_unused=kernel.exit_when_unused,
            kept=self.descriptors(log), helpers=[*kernel.helpers, *kernel.lookups.helpers, newcomer],
        )

    def descriptors(self, log: LogState) -> list[int]:
        """All that have to stay open."""
        kernel, server = self._kernel, self._server
        found = [] if log.fd is None else [log.fd]
        found += [*server.listener.descriptors, *(session.descriptor for session in server.sessions)]
        found += [record.fileno for record in kernel.sockets.by_name.values()]
        for process in kernel.capture.recorded:
            found += [*process.pipes, *process.draining]
        return found

    def _process(self, record: ProcessRecord) -> Place:
        named, environment = self._kernel.processes.has(record), self._number(record.spec.env)
        large_pipes = self._kernel.capture.large_pipes
        edition = record.edition(named, environment, large_pipes)
        known = self._processes.get(record)
        if known is not None and known[0] == edition:
            return known[1]
        output = record.output.state(self._image.store, self._image.put)
        self._ends[record] = output.end
        state = record.state(output, named, environment, large_pipes)
        place = self._image.put(codec.encode(state, self._image.put))
        self._processes[record] = edition, place
        return place

    def _small_values(self) -> dict[str, str | None]:
        values = self._kernel.values.by_name
        return {name: value if len(value) < _LARGE else None for name, value in values.items()}

    def _large_values(self) -> list[Stored]:
        values = self._kernel.values.by_name
        return [(name, *self._large_value(name, value)) for name, value in values.items() if len(value) >= _LARGE]

    def _large_value(self, name: str, value: str) -> Place:
        known = self._values.get(name)
        if known is None or known[0] is not value:
            known = self._values[name] = value, self._image.put(value.encode('utf-8', 'surrogatepass'))
        return known[1]

    def _number(self, environment: dict[bytes, bytes]) -> int:
        number = self._numbers.setdefault(id(environment), len(self._environments))
        if number == len(self._environments):
            self._environments.append(
                {key.decode('latin-1'): value.decode('latin-1') for key, value in environment.items()}
            )
        return number
