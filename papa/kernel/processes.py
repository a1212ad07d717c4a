"""The processes by name: what each was asked to be, what it is, and when it is forgotten."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from papa import names
from papa.errors import Conflict
from papa.kernel.output import OutputBuffer
from papa.kernel.segment import STDERR, STDOUT
from papa.kernel.state import OutputState, ProcessState
from papa.wire.structured import encode_values

if TYPE_CHECKING:
    from papa.kernel.changes import Changes
    from papa.kernel.pending import Pending
    from papa.kernel.watch import Cursor, Watch


class ProcessSpec(NamedTuple):
    """What a process was asked to be; two that are equal may share a name."""

    args: tuple[str, ...]
    env: dict[bytes, bytes]
    working_dir: str
    uid: int
    gid: int
    groups: tuple[int, ...] | None
    rlimits: dict[str, int]
    stdout: str
    stderr: str
    bufsize: int
    overflow: str
    umask: int | None

    def differences(self, wanted: ProcessSpec) -> list[str]:
        """What `wanted` asks for otherwise, for a message."""
        found = [
            f'{key}={_shown(key, mine)} (not {_shown(key, theirs)})'
            for key, mine in self._asdict().items()
            if (theirs := getattr(wanted, key)) != mine and key != 'env'
        ]
        if self.env != wanted.env:
            keys = {key for key, _ in self.env.items() ^ wanted.env.items()}
            found.append('other values of ' + ', '.join(sorted('env.' + os.fsdecode(key) for key in keys)[:5]))
        return found


_FIELDS_RUNNING = (
    'pid', 'started', 'uid', 'gid', 'id', 'working_dir', 'bufsize', 'overflow', 'sockets', 'args',
    'captured', 'acknowledged', 'buffered', 'dropped', 'watchers', 'peekers', 'recorded', 'running',
)
_FIELDS_ENDED = (*_FIELDS_RUNNING, 'exit_code', 'ended')


def _shown(key: str, value: Any) -> str:
    """A parameter as it would be given: umask in octal, limits by their names."""
    if value is None or value == {}:
        return 'unset'
    if key == 'args':
        return names.show(' '.join(value))
    if key == 'umask':
        return f'0{value:o}'
    if key == 'rlimits':
        return ' '.join(f'{name[7:].lower()}:{limit}' for name, limit in value.items())
    return ','.join(map(str, value)) if isinstance(value, tuple) else str(value)


class ProcessRecord:
    """One start of a process: plain data, its output, and who watches it."""

    __slots__ = (
        '_constant',
        'at_exit',
        'closed',
        'cursors',
        'drained',
        'draining',
        'ended',
        'exit_code',
        'id',
        'name',
        'output',
        'paused',
        'pid',
        'pipes',
        'removed',
        'sockets',
        'spec',
        'started',
    )

    def __init__(
        self, name: str, id: str, spec: ProcessSpec, pid: int, started: float,  # noqa: A002 - the word of the product
        sockets: list[str], output: OutputBuffer, pipes: dict[int, int],
    ) -> None:
        self.name = name
        self.id = id
        self.spec = spec
        self.pid = pid
        self.started = started
        self.sockets = sockets
        self.output = output
        self.pipes = pipes  # descriptor -> stream, while recorded
        self.draining: set[int] = set()  # pipes that are read to nowhere
        self.at_exit: dict[int, int] = {}  # pipe -> bytes still to take before `closed`
        self.exit_code: int | None = None
        self.ended: float | None = None
        self.closed = False  # it has ended and all that was readable then has been read
        self.removed = False  # it is forgotten as soon as it has ended
        self.paused = False  # the buffer is full and the process has to wait
        self.drained = 0  # bytes read to nowhere
        self.cursors: list[Cursor] = []
        self._constant = ''  # the part of its row that never changes

    def counters(self) -> tuple[int, int, int, int]:
        """What moves: bytes captured, buffered and dropped, and how many watchers hold output."""
        output = self.output
        watchers = sum([cursor.holds for cursor in self.cursors]) if self.cursors else 0
        return output.end + self.drained, output.buffered, output.dropped + self.drained, watchers

    @property
    def recorded(self) -> bool:
        """Whether what it writes is kept until somebody acknowledges it."""
        return not self.removed and 'pipe' in (self.spec.stdout, self.spec.stderr)

    def details(self) -> dict[str, Any]:
        """What is told of a process, in the order in which it is shown."""
        spec = self.spec
        captured, buffered, dropped, watchers = self.counters()
        details: dict[str, Any] = {
            'pid': self.pid, 'running': self.exit_code is None, 'started': self.started,
            'uid': spec.uid, 'gid': spec.gid, 'id': self.id,
        }
        if self.exit_code is not None:
            details['exit_code'] = self.exit_code
            details['ended'] = self.ended
        details.update(
            working_dir=spec.working_dir, bufsize=spec.bufsize, overflow=spec.overflow, sockets=self.sockets,
            captured=captured, acknowledged=self.output.acknowledged, buffered=buffered, dropped=dropped,
            watchers=watchers, peekers=len(self.cursors) - watchers, recorded=self.recorded,
            args=list(spec.args),
        )
        return details

    def row(self) -> tuple[tuple[str, ...], str]:
        """The same for a table: the names of the fields, and their values as JSON."""
        if not self._constant:
            spec = self.spec
            self._constant = encode_values((
                self.pid, self.started, spec.uid, spec.gid, self.id, spec.working_dir, spec.bufsize, spec.overflow,
                self.sockets, spec.args,
            ))
        captured, buffered, dropped, watchers = self.counters()
        values = (
            f'{self._constant},{captured},{self.output.acknowledged},{buffered},{dropped},{watchers},'
            f'{len(self.cursors) - watchers},{"true" if self.recorded else "false"}'
        )
        if self.exit_code is None:
            return _FIELDS_RUNNING, f'{values},true'
        return _FIELDS_ENDED, f'{values},false,{self.exit_code},{self.ended!r}'

    def wake_watchers(self) -> None:
        """Tell those who watch that there is something new."""
        for cursor in list(self.cursors):  # one that is told of the exit may leave at once
            cursor.wake()

    def release(self) -> None:
        """Let go of the output that is acknowledged and for which no watcher waits."""
        position = self.output.acknowledged
        for cursor in self.cursors:
            if cursor.holds and cursor.position < position:
                position = cursor.position
        self.output.release(position)

    def edition(self, named: bool, env: int, large_pipes: dict[int, int]) -> tuple[Any, ...]:
        """What differs whenever its `state` does."""
        return (
            self.output.edition, named, env, self.exit_code, self.closed, self.removed, self.paused, self.drained,
            tuple(self.draining), tuple(self.at_exit.items()), [(fd, large_pipes.get(fd)) for fd in self.pipes],
        )

    def state(self, output: OutputState, named: bool, env: int, large_pipes: dict[int, int]) -> ProcessState:
        """All of it but who watches."""
        spec = self.spec
        return ProcessState(
            name=self.name, id=self.id, pid=self.pid, started=self.started, args=list(spec.args),
            working_dir=spec.working_dir, env=env, uid=spec.uid, gid=spec.gid, output=output,
            named=named, stdout=spec.stdout, stderr=spec.stderr, bufsize=spec.bufsize, overflow=spec.overflow,
            groups=None if spec.groups is None else list(spec.groups), rlimits=spec.rlimits, umask=spec.umask,
            sockets=self.sockets, pipes=list(self.pipes.items()),
            large_pipes=[(fd, size) for fd, size in large_pipes.items() if fd in self.pipes],
            draining=list(self.draining), at_exit=list(self.at_exit.items()), exit_code=self.exit_code,
            ended=self.ended, closed=self.closed, removed=self.removed, paused=self.paused, drained=self.drained,
        )


def restored(state: ProcessState, env: dict[bytes, bytes]) -> ProcessRecord:
    """The record that was handed over. Raises ValueError if it makes no sense."""
    spec = ProcessSpec(
        args=tuple(state.args), env=env, working_dir=state.working_dir, uid=state.uid, gid=state.gid,
        groups=None if state.groups is None else tuple(state.groups), rlimits=state.rlimits, stdout=state.stdout,
        stderr=state.stderr, bufsize=state.bufsize, overflow=state.overflow, umask=state.umask,
    )
    record = ProcessRecord(
        state.name, state.id, spec, state.pid, state.started, state.sockets, OutputBuffer.restored(state.output),
        dict(state.pipes),
    )
    record.draining, record.at_exit = set(state.draining), dict(state.at_exit)
    record.exit_code, record.ended, record.closed = state.exit_code, state.ended, state.closed
    record.removed, record.paused, record.drained = state.removed, state.paused, state.drained
    _check(record)
    return record


def _check(record: ProcessRecord) -> None:
    pipes, running = record.pipes, record.exit_code is None
    if not (
        0 < record.pid < 2**31 and record.drained >= 0 and all(stream in (STDOUT, STDERR) for stream in pipes.values())
        and record.at_exit.keys() <= pipes.keys() and not (running and (record.closed or record.at_exit))
    ):
        raise ValueError('a process makes no sense')


class Processes:
    """The processes by name, and the identity of each start. Here alone names come and go."""

    def __init__(self, changes: Changes) -> None:
        self.by_name: dict[str, ProcessRecord] = {}
        self.followers: list[Watch] = []  # watches that want to meet those that start
        self._changes = changes
        self.starting: dict[str, Pending] = {}  # names of those that a trampoline is about to become
        self.boot = f'{time.time_ns():x}-{os.getpid():x}'
        self.starts = 0

    def next_id(self) -> str:
        """An id that no other start of a process has, under this kernel or another."""
        self.starts += 1
        return f'{self.boot}-{self.starts:x}'

    def select(self, patterns: list[str], *, required: bool = False) -> dict[str, ProcessRecord]:
        """Those that names, wildcards or PIDs mean."""
        pids = {}
        if any(pattern.isdigit() for pattern in patterns):
            pids = {record.pid: name for name, record in self.by_name.items()}
        return names.select(self.by_name, patterns, 'process', required=required, by_number=pids)

    def existing(self, name: str, spec: ProcessSpec) -> ProcessRecord | None:
        """The process of this name, if there is one. `Conflict` if it is not as `spec` wants it."""
        record = self.by_name.get(name)
        if record is None:
            return None
        differences = record.spec.differences(spec)
        if differences:
            raise Conflict(f'The process {names.show(name)} exists with {"; ".join(differences)}')
        return record

    def add(self, record: ProcessRecord) -> None:
        """A process has started."""
        self.by_name[record.name] = record
        self._changes.tell('made', 'process', record.name, record)
        for watch in list(self.followers):
            watch.meet(record)

    def has(self, record: ProcessRecord) -> bool:
        """Whether this very start of a process still has its name."""
        return self.by_name.get(record.name) is record

    def forget(self, record: ProcessRecord) -> None:
        """Free the name. Watchers that are attached keep the record itself."""
        if self.has(record):
            del self.by_name[record.name]
            self._changes.tell('removed', 'process', record.name, record)
            for cursor in list(record.cursors):
                cursor.watch.forgotten(cursor)
