"""A whole kernel as a `State`, and a kernel made of one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from papa.kernel import processes
from papa.kernel.access import Access
from papa.kernel.kernel import Kernel
from papa.kernel.listener import Listener
from papa.kernel.origin import Origin
from papa.kernel.processes import ProcessRecord
from papa.kernel.server import Server
from papa.kernel.state import LogState, OriginState, Place, ProcessState, SessionState, State, view
from papa.kernel.upgrade import codec
from papa.kernel.upgrade.image import Image, Reading
from papa.version import __version__

_COPY_AT_ONCE = 1024 * 1024  # bytes
_COPY_EVERY = 0.002  # seconds
_COPY_AGAIN = 5.0  # seconds, where memory was lacking
_LARGE = 65536  # characters of a value that stands beside the record


Known = tuple[str, int, int]  # the name or id of something that is large, and its place


def records_of(kernel: Kernel, server: Server) -> list[ProcessRecord]:
    """All processes that somebody has to do with; those that have their names come first, in their order."""
    known = dict.fromkeys(kernel.processes.by_name.values())
    known.update(dict.fromkeys(kernel.capture.recorded))
    for session in server.sessions:
        known.update(dict.fromkeys(session.records()))
    return list(known)


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
        for record in records_of(self._kernel, self._server):
            size += record.output.weight(self._ends.get(record, 0))
        known = self._values
        for name, value in self._kernel.values.by_name.items():
            if name not in known or known[name][0] is not value:
                size += len(value)
        return size

    def prepare(self) -> Iterator[int]:
        """Store what is there already, in steps. Yields their sizes in bytes. Raises OSError."""
        before = self._image.size
        for record in records_of(self._kernel, self._server):
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
            processes=[(record.id, *self._process(record)) for record in records_of(kernel, server)],
            environments=self._environments, allowed_users=sorted(server.access.allowed),
            allow_any_local_user=server.access.any_local_user, boot=kernel.processes.boot,
            starts=kernel.processes.starts, values=self._small_values(), large_values=self._large_values(),
            sockets=[record.state() for record in kernel.sockets.by_name.values()],
            sessions=server.states(self._image.put), log=log, exit_when_unused=kernel.exit_when_unused,
            helpers=[*kernel.helpers, *kernel.lookups.helpers, newcomer],
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

    def _large_values(self) -> list[Known]:
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


class Handover:
    """What was collected, read again. Raises ValueError or OSError if it makes no sense.

    What is in `known` (by its name or id, and the place where it is) is left out, unless others refer to it.
    """

    def __init__(self, fd: int, known: frozenset[Known] = frozenset()) -> None:
        reading = Reading(fd)
        self.state = state = _state(reading)
        needed = set(_referred(state.sessions)) if known else ()
        self.processes = [
            codec.decode(ProcessState, reading.get(offset, size), reading.get)
            for process_id, offset, size in state.processes
            if process_id in needed or (process_id, offset, size) not in known
        ]
        self.values = _values(state, reading, known)
        self.sockets = [state.endpoint.fd, *(each.fd for each in state.sockets), *(each.fd for each in state.sessions)]
        self.pipes = [fd for each in self.processes for fd in [*dict(each.pipes), *each.draining]]
        self.files = [fd for fd in (state.endpoint.lock, state.log.fd) if fd is not None]
        numbers = [*self.sockets, *self.pipes, *self.files]
        if len(set(numbers)) < len(numbers) or not all(2 < number < 2**31 for number in numbers):
            raise ValueError('its descriptors make no sense')

    @property
    def borrowed(self) -> int:
        """Bytes of output that lie in the image, and are still to be copied out of it."""
        return sum(len(view(data)) for each in self.processes for _, data, _ in each.output.segments)

    @staticmethod
    def places(fd: int) -> frozenset[Known]:
        """What stands beside the record, and where: nothing there changes any more."""
        state = _state(Reading(fd))
        return frozenset([*state.processes, *state.large_values])


def _state(reading: Reading) -> State:
    return codec.decode(State, reading.record(), reading.get)


def _values(state: State, reading: Reading, known: frozenset[Known]) -> dict[str, str]:
    large = {
        name: '' if (name, offset, size) in known else str(reading.get(offset, size), 'utf-8', 'surrogatepass')
        for name, offset, size in state.large_values
    }
    if any(value is None and name not in large for name, value in state.values.items()):
        raise ValueError('a value is missing')
    return {name: large[name] if value is None else value for name, value in state.values.items()}


def _referred(sessions: list[SessionState]) -> Iterator[str]:
    """The ids of processes that streams have to do with."""
    for session in sessions:
        if session.watch is not None:
            yield from (cursor.process for cursor in session.watch.cursors)
        if session.listener is not None:
            yield from session.listener.told
            yield from session.listener.moved


def restore(handover: Handover) -> tuple[Kernel, Server]:
    """A kernel that goes on where another was, once it is let: see `await_exits` and `go_on`.

    Raises ValueError or OSError if it cannot. Nothing outside of this process has changed then.
    """
    state = handover.state
    environments = [
        {key.encode('latin-1'): value.encode('latin-1') for key, value in each.items()} for each in state.environments
    ]
    numbers = [state.origin.environment, *(each.env for each in handover.processes)]
    if not all(0 <= number < len(environments) for number in numbers):
        raise ValueError('an environment is missing')
    if not all(0 < pid < 2**31 for pid in state.helpers):
        raise ValueError('a helper has no PID')
    kernel = Kernel(Origin.restored(state.origin, environments[state.origin.environment]))
    kernel.upgrades, kernel.previous_version = state.upgrades, state.version
    kernel.started, kernel.started_by_monotonic = state.started, state.started_by_monotonic
    kernel.exit_when_unused = state.exit_when_unused
    kernel.values.by_name.update(handover.values)
    kernel.sockets.restore(state.sockets)
    kernel.processes.boot, kernel.processes.starts = state.boot, state.starts
    records = _restore_processes(kernel, handover.processes, environments)
    access = Access(frozenset(state.allowed_users), any_local_user=state.allow_any_local_user)
    server = Server(kernel, Listener.restored(state.endpoint), access)
    try:
        server.restore(state.sessions, records)
    except KeyError as error:
        raise ValueError(f'a connection needs {error}, which is not there') from None
    kernel.helpers.update(state.helpers)
    return kernel, server


def _restore_processes(
    kernel: Kernel, states: list[ProcessState], environments: list[dict[bytes, bytes]]
) -> dict[str, ProcessRecord]:
    records: dict[str, ProcessRecord] = {}
    for each in states:
        record = processes.restored(each, environments[each.env])
        if each.id in records or (each.named and each.name in kernel.processes.by_name):
            raise ValueError('two processes are one')
        records[each.id] = record
        if each.named:
            kernel.processes.by_name[each.name] = record
        kernel.capture.large_pipes.update(each.large_pipes)
        kernel.capture.go_on(record)
    return records


def await_exits(kernel: Kernel, server: Server) -> None:
    """Be told of the exits of all children. Everything else comes first: this takes a descriptor for each, and does
    without one where none is left."""
    for record in records_of(kernel, server):
        if record.exit_code is None:
            kernel.capture.await_exit(record)
    for pid in list(kernel.helpers):
        kernel.await_exit(pid)


def go_on(kernel: Kernel, server: Server) -> None:
    """Let a kernel that was restored work."""
    for pid in kernel.helpers:  # what was asked of them is asked again
        with suppress(ProcessLookupError, PermissionError):  # macOS: it has ended and is not waited for yet
            os.kill(pid, signal.SIGKILL)
    kernel.changes.tell('upgraded', 'kernel', 'papa', kernel.upgraded())
    server.go_on()
    _copy_borrowed(kernel, [record for record in records_of(kernel, server) if record.output.end])


def _copy_borrowed(kernel: Kernel, records: list[ProcessRecord]) -> None:
    """Copy what is held out of the image, which takes memory as a whole as long as anything is left in it."""
    left, pause = _COPY_AT_ONCE, _COPY_EVERY
    try:
        while records and left > 0:
            copied = records[-1].output.copy_borrowed(left)
            left -= copied
            if not copied:
                records.pop()
    except MemoryError:  # it can wait
        pause = _COPY_AGAIN
    if records:
        kernel.loop.call_later(pause, lambda: _copy_borrowed(kernel, records))
