"""All that a kernel hands over to the one that replaces it, as plain data.

Each class of the kernel makes its own part, and makes itself from it. A field that may be missing has a default: it
was added later, or will be dropped. Descriptors are numbers; they stay open meanwhile. What is large is `Data`: it
stands beside the record, see `papa.kernel.upgrade.image`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

FORMAT = 1  # of the state. A kernel takes over from its own, the one before and the one after


class Place(NamedTuple):
    """Where data was put."""

    offset: int
    size: int


Data = bytes | memoryview | Place  # the last as long as it is written, a view when it was read
Put = Callable[[bytes | bytearray | memoryview], Place]  # stores data that may grow at its end, but does not change


def view(data: Data) -> memoryview:
    """Data that was read."""
    assert not isinstance(data, Place)
    return memoryview(data)


@dataclass(frozen=True)
class OutputState:
    """An `OutputBuffer`. Of each segment its start, its bytes and how many pieces it has; of each piece its end, its
    time and its stream, as arrays of the machine's own int64, double and int8."""

    size: int
    block: bool
    base: int
    end: int
    acknowledged: int
    dropped: int
    losses: list[tuple[int, int]] = field(default_factory=list)
    forgotten: int = 0
    segments: list[tuple[int, Data, int]] = field(default_factory=list)
    ends: Data = b''
    times: Data = b''
    streams: Data = b''


@dataclass(frozen=True)
class ProcessState:
    """A `ProcessRecord` with its spec. `named`: it still has its name. `env` is a number in `State.environments`."""

    name: str
    id: str
    pid: int
    started: float
    args: list[str]
    working_dir: str
    env: int
    uid: int
    gid: int
    output: OutputState
    named: bool
    stdout: str
    stderr: str
    bufsize: int
    overflow: str
    groups: list[int] | None = None
    rlimits: dict[str, int] = field(default_factory=dict)
    umask: int | None = None
    sockets: list[str] = field(default_factory=list)
    pipes: list[tuple[int, int]] = field(default_factory=list)
    large_pipes: list[tuple[int, int]] = field(default_factory=list)
    draining: list[int] = field(default_factory=list)
    at_exit: list[tuple[int, int]] = field(default_factory=list)
    exit_code: int | None = None
    ended: float | None = None
    closed: bool = False
    removed: bool = False
    paused: bool = False
    drained: int = 0


@dataclass(frozen=True)
class SocketState:
    """A `SocketRecord` with its spec."""

    name: str
    fd: int
    address: str
    family: str
    type: str
    backlog: int | None = None
    path: str | None = None
    umask: int | None = None
    host: str | None = None
    port: int | None = None
    interface: str | None = None
    reuseport: bool = False


@dataclass(frozen=True)
class CursorState:
    """A `Cursor` of a watch in the output of the process with this id."""

    index: int
    process: str
    start: int
    position: int
    holds: bool
    introduced: bool
    told: int = 0
    exit_sent: bool = False
    floor: int = 0
    left: bool = False  # it watches no more, but an acknowledgement is to be told yet


@dataclass(frozen=True)
class WatchState:
    """A `Watch` of any kind. Cursors are meant by their index."""

    peek: bool
    follow: list[str] | None
    next_index: int
    cursors: list[CursorState]
    queue: list[int]
    nameless: list[int] = field(default_factory=list)
    given_up: list[int] = field(default_factory=list)
    events: bool = False
    noted: list[tuple[int, bool]] = field(default_factory=list)
    outstanding: bool = False
    sent: list[tuple[int, int, bool]] = field(default_factory=list)


@dataclass(frozen=True)
class ListenerState:
    """A `ChangeStream`. `snapshot`: it has still to tell all that there is. Processes are meant by their ids."""

    kinds: list[str]
    every: float | None = None
    snapshot: bool = True
    news: list[tuple[str, str, str, dict[str, Any]]] = field(default_factory=list)
    told: dict[str, list[int]] = field(default_factory=dict)
    moved: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RequestState:
    """A request whose result is not there yet: it will be run again."""

    command: str
    words: list[str]
    structured: bool


@dataclass(frozen=True)
class SessionState:
    """One connection."""

    fd: int
    received: Data
    unsent: Data
    refused: bool = False
    structured: bool = True  # the dialect of its stream
    over: bool = False
    ended: bool = False
    hung_up: bool = False
    leaving: bool = False
    waiting: RequestState | None = None
    watch: WatchState | None = None
    listener: ListenerState | None = None


@dataclass(frozen=True)
class EndpointState:
    """Where the kernel serves: its listening socket, and for a path the lock and which file it is."""

    fd: int
    port: int | None = None
    path: str | None = None
    lock: int | None = None
    inode: int | None = None


@dataclass(frozen=True)
class OriginState:
    """What the kernel was started with. Here and in `State.environments` bytes are told as Latin-1."""

    environment: int
    directory: str
    soft_limit: int
    hard_limit: int


@dataclass(frozen=True)
class LogState:
    """Where the kernel logs."""

    path: str | None = None
    fd: int | None = None
    debug: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class State:
    """A whole kernel."""

    format: int
    version: str  # of papa
    upgrades: int
    started: float
    started_by_monotonic: float
    endpoint: EndpointState
    origin: OriginState
    environments: list[dict[str, str]]
    allowed_users: list[int]
    allow_any_local_user: bool
    boot: str
    starts: int
    values: dict[str, str]
    sockets: list[SocketState]
    processes: list[ProcessState]
    sessions: list[SessionState]
    log: LogState = field(default_factory=LogState)
    exit_when_unused: bool = False
    helpers: list[int] = field(default_factory=list)  # children that only have to be waited for
