"""A whole kernel as a `State`, and a kernel made of one."""

from __future__ import annotations

from collections.abc import Iterator

from papa.kernel import processes
from papa.kernel.access import Access
from papa.kernel.kernel import Kernel
from papa.kernel.listener import Listener
from papa.kernel.origin import Origin
from papa.kernel.processes import ProcessRecord
from papa.kernel.server import Server
from papa.kernel.spawn import reap
from papa.kernel.state import FORMAT, LogState, OriginState, ProcessState, State
from papa.kernel.upgrade.image import Image
from papa.version import __version__

_COPY_AT_ONCE = 1024 * 1024  # bytes
_COPY_EVERY = 0.002  # seconds


def records_of(kernel: Kernel, server: Server) -> list[ProcessRecord]:
    """All processes that somebody has to do with; those that have their names come first, in their order."""
    known = dict.fromkeys(kernel.processes.by_name.values())
    known.update(dict.fromkeys(kernel.capture.recorded))
    for session in server.sessions:
        known.update(dict.fromkeys(session.records()))
    return list(known)


def collect(kernel: Kernel, server: Server, log: LogState, image: Image, helpers: list[int]) -> State:
    """All that `kernel` holds; its data goes into the image. `helpers` are children that belong to nobody."""
    environments = _Environments()
    origin = kernel.origin
    return State(
        format=FORMAT, version=__version__, upgrades=kernel.upgrades + 1, started=kernel.started,
        started_by_monotonic=kernel.started_by_monotonic, endpoint=server.listener.state(),
        origin=OriginState(
            environments.number(origin.environment), origin.directory, origin.soft_limit, origin.hard_limit
        ),
        processes=[_process(kernel, record, environments, image) for record in records_of(kernel, server)],
        environments=environments.all, allowed_users=sorted(server.access.allowed),
        allow_any_local_user=server.access.any_local_user, boot=kernel.processes.boot, starts=kernel.processes.starts,
        values=kernel.values.by_name, sockets=[record.state() for record in kernel.sockets.by_name.values()],
        sessions=server.states(image.put), log=log, exit_when_unused=kernel.exit_when_unused,
        helpers=[*kernel.lookups.helpers, *helpers],
    )


def _process(kernel: Kernel, record: ProcessRecord, environments: _Environments, image: Image) -> ProcessState:
    return record.state(
        kernel.processes.has(record), environments.number(record.spec.env), kernel.capture.large_pipes,
        image.store, image.put,
    )


class _Environments:
    """Many processes share one: so each is handed over once."""

    def __init__(self) -> None:
        self.all: list[dict[str, str]] = []
        self._numbers: dict[int, int] = {}

    def number(self, environment: dict[bytes, bytes]) -> int:
        number = self._numbers.setdefault(id(environment), len(self.all))
        if number == len(self.all):
            self.all.append({key.decode('latin-1'): value.decode('latin-1') for key, value in environment.items()})
        return number


def descriptors(state: State) -> Iterator[int]:
    """All that have to stay open."""
    endpoint = state.endpoint
    yield endpoint.fd
    yield from (fd for fd in (endpoint.lock, state.log.fd) if fd is not None)
    yield from sockets_of(state)
    yield from pipes_of(state)


def sockets_of(state: State) -> Iterator[int]:
    """The descriptors of sockets, without that of the endpoint."""
    yield from (each.fd for each in state.sockets)
    yield from (each.fd for each in state.sessions)


def pipes_of(state: State) -> Iterator[int]:
    """The descriptors of pipes."""
    for each in state.processes:
        yield from (fd for fd, _ in each.pipes)
        yield from each.draining


def restore(state: State) -> tuple[Kernel, Server]:
    """A kernel that goes on where another was, once it is let: see `go_on`.

    Raises ValueError, LookupError or OSError if it cannot. Nothing outside of this process has changed then.
    """
    if abs(state.format - FORMAT) > 1:
        raise ValueError(f'its format is {state.format}, and this papa knows {FORMAT - 1} to {FORMAT + 1}')
    _check_descriptors(state)
    environments = [
        {key.encode('latin-1'): value.encode('latin-1') for key, value in each.items()} for each in state.environments
    ]
    kernel = Kernel(Origin.restored(state.origin, environments[state.origin.environment]))
    kernel.upgrades, kernel.previous_version = state.upgrades, state.version
    kernel.started, kernel.started_by_monotonic = state.started, state.started_by_monotonic
    kernel.exit_when_unused = state.exit_when_unused
    kernel.values.by_name.update(state.values)
    kernel.sockets.restore(state.sockets)
    records = _restore_processes(kernel, state, environments)
    access = Access(frozenset(state.allowed_users), any_local_user=state.allow_any_local_user)
    server = Server(kernel, Listener.restored(state.endpoint), access)
    server.restore(state.sessions, records)
    for pid in state.helpers:
        kernel.loop.watch_exit(pid, lambda pid=pid: reap(pid))  # type: ignore[misc]
    return kernel, server


def _check_descriptors(state: State) -> None:
    numbers = list(descriptors(state))
    if len(set(numbers)) < len(numbers) or not all(2 < number < 2**31 for number in numbers):
        raise ValueError('its descriptors make no sense')


def _restore_processes(
    kernel: Kernel, state: State, environments: list[dict[bytes, bytes]]
) -> dict[str, ProcessRecord]:
    records: dict[str, ProcessRecord] = {}
    kernel.processes.boot, kernel.processes.starts = state.boot, state.starts
    for each in state.processes:
        record = processes.restored(each, environments[each.env])
        if each.id in records or (each.named and each.name in kernel.processes.by_name):
            raise ValueError('two processes are one')
        records[each.id] = record
        if each.named:
            kernel.processes.by_name[each.name] = record
        kernel.capture.large_pipes.update(each.large_pipes)
        kernel.capture.go_on(record)
    return records


def go_on(kernel: Kernel, server: Server) -> None:
    """Let a kernel that was restored work."""
    kernel.changes.tell('upgraded', 'kernel', 'papa', kernel.upgraded())
    server.go_on()
    _copy_borrowed(kernel, [record for record in records_of(kernel, server) if record.output.end])


def _copy_borrowed(kernel: Kernel, records: list[ProcessRecord]) -> None:
    """Copy what is held out of the image, which takes memory as a whole as long as anything is left in it."""
    left = _COPY_AT_ONCE
    while records and left > 0:
        copied = records[-1].output.copy_borrowed(left)
        left -= copied
        if not copied:
            records.pop()
    if records:
        kernel.loop.call_later(_COPY_EVERY, lambda: _copy_borrowed(kernel, records))
