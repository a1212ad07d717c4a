"""The new side: a kernel made of a `State`, and let go on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress

from papa.kernel import processes
from papa.kernel.access import Access
from papa.kernel.kernel import Kernel
from papa.kernel.listener import Listener
from papa.kernel.origin import Origin
from papa.kernel.processes import ProcessRecord
from papa.kernel.server import Server
from papa.kernel.state import Data, ProcessState, SessionState, State, Stored, view
from papa.kernel.upgrade import codec
from papa.kernel.upgrade.image import Reading

_COPY_AT_ONCE = 1024 * 1024  # bytes
_COPY_EVERY = 0.002  # seconds
_COPY_AGAIN = 5.0  # seconds, where memory was lacking


class Handover:
    """What was collected, read again. Raises ValueError or OSError if it makes no sense.

    In a `trial` it is only checked, values one after the other: all would take much memory. What was found good before,
    and is `known`, is left out then, unless others refer to it.
    """

    def __init__(self, fd: int, *, trial: bool = False, known: frozenset[Stored] = frozenset()) -> None:
        reading = Reading(fd)
        self.state = state = _state(reading)
        needed = set(_referred(state.sessions)) if known else ()
        self.processes = [
            codec.decode(ProcessState, reading.get(offset, size), reading.get)
            for process_id, offset, size in state.processes
            if not known or process_id in needed or (process_id, offset, size) not in known
        ]
        self.values = _values(state, reading, known, trial=trial)
        self.sockets = [state.endpoint.fd, *(each.fd for each in state.sockets), *(each.fd for each in state.sessions)]
        self.pipes = [fd for each in self.processes for fd in [*dict(each.pipes), *each.draining]]
        self.files = [fd for fd in (state.endpoint.lock, state.log.fd) if fd is not None]
        numbers = [*self.sockets, *self.pipes, *self.files]
        if len(set(numbers)) < len(numbers) or not all(2 < number < 2**31 for number in numbers):
            raise ValueError('its descriptors make no sense')
        if not set(numbers) <= set(state.kept):
            raise ValueError('it needs descriptors that are not kept open')

    @staticmethod
    def places(fd: int) -> frozenset[Stored]:
        """What stands beside the record, and where: nothing there changes any more."""
        state = _state(Reading(fd))
        return frozenset([*state.processes, *state.values, *state.large_values])


def _state(reading: Reading) -> State:
    return codec.decode(State, reading.record(), reading.get)


def _values(state: State, reading: Reading, known: frozenset[Stored], *, trial: bool) -> dict[str, str]:
    """The values that are not known. In a trial large ones are read and forgotten."""
    values: dict[str, str | None] = {}
    for name, offset, size in state.values:
        if (name, offset, size) not in known:
            values.update(_page(reading.get(offset, size)))
    large: dict[str, str] = {}
    for name, offset, size in state.large_values:
        text = '' if (name, offset, size) in known else _text(reading.get(offset, size))
        large[name] = '' if trial else text
    if any(value is None and name not in large for name, value in values.items()):
        raise ValueError('a value is missing')
    return {name: large[name] if value is None else value for name, value in values.items()}


def _page(data: memoryview) -> dict[str, str | None]:
    page: dict[str, str | None] = codec.from_json(data)
    if type(page) is not dict or not {*map(type, page.values())} <= {str, type(None)}:
        raise ValueError('values make no sense')
    return page


def _text(data: memoryview) -> str:
    return str(data, 'utf-8', 'surrogatepass')


def _environment(data: Data) -> dict[bytes, bytes]:
    variables = bytes(view(data))
    return dict(each.partition(b'=')[::2] for each in variables.split(b'\0')) if variables else {}


def _referred(sessions: list[SessionState]) -> Iterator[str]:
    """The ids of processes that streams have to do with."""
    for session in sessions:
        if session.watch is not None:
            yield from (cursor.process for cursor in session.watch.cursors)
        if session.listener is not None:
            yield from session.listener.told
            yield from session.listener.moved


def restore(handover: Handover) -> tuple[Kernel, Server]:
    """A kernel that stands where another was, but does nothing yet: see `await_exits`, `settle` and `end_helpers`.

    Raises ValueError or OSError if it cannot. Nothing outside of this process has changed then.
    """
    state = handover.state
    environments = list(map(_environment, state.environments))
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
    for record in server.records():
        if record.exit_code is None:
            kernel.capture.await_exit(record)
    for pid in list(kernel.helpers):
        kernel.await_exit(pid)


def settle(kernel: Kernel, server: Server) -> None:
    """Tell of the upgrade, and begin to let go of the image."""
    kernel.changes.tell('upgraded', 'kernel', 'papa', kernel.upgrade_details())
    _copy_borrowed(kernel, [record for record in server.records() if record.output.end])


def end_helpers(kernel: Kernel) -> None:
    """Kill the helpers of the kernel that was: what was asked of them is asked again."""
    for pid in kernel.helpers:
        with suppress(ChildProcessError, ProcessLookupError, PermissionError):  # macOS: it has ended
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)  # that it is a child of ours
            os.kill(pid, signal.SIGKILL)


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
