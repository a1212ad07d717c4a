"""All that a kernel hands over to the one that replaces it, as plain data.

Each class of the kernel makes its own part, and makes itself from it. A field that may be missing has a default: it
was added later, or will be dropped. Descriptors are numbers; they stay open meanwhile. What is large is `Data`: it
stands beside the record, see `papa.kernel.upgrade.image`. (Named tuples, because Python makes such classes fast; nobody
changes a default.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

FORMAT = 1  # of the state. A kernel takes over from its own, the one before and the one after


class Place(NamedTuple):
    """Where data was put."""

    offset: int
    size: int


Stored = tuple[str, int, int]  # the name or id of something that is large, and its place
Data = bytes | memoryview | Place  # the last as long as it is written, a view when it was read
Put = Callable[[bytes | bytearray | memoryview], Place]  # stores data that may grow at its end, but does not change


def view(data: Data) -> memoryview:
    """Data that was read."""
    assert not isinstance(data, Place)
    return memoryview(data)


class OutputState(NamedTuple):
    """An `OutputBuffer`. Of each segment its start, its bytes and how many pieces it has; of each piece its end, its
    time and its stream, as arrays of the machine's own int64, double and int8."""

    size: int
    block: bool
    base: int
    end: int
    acknowledged: int
    dropped: int
    losses: list[tuple[int, int]] = []
    forgotten: int = 0
    segments: list[tuple[int, Data, int]] = []
    ends: Data = b''
    times: Data = b''
    streams: Data = b''


class ProcessState(NamedTuple):
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
    rlimits: dict[str, int] = {}
    umask: int | None = None
    sockets: list[str] = []
    pipes: list[tuple[int, int]] = []
    large_pipes: list[tuple[int, int]] = []
    draining: list[int] = []
    at_exit: list[tuple[int, int]] = []
    exit_code: int | None = None
    ended: float | None = None
    closed: bool = False
    removed: bool = False
    paused: bool = False
    drained: int = 0


class SocketState(NamedTuple):
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


class CursorState(NamedTuple):
    """A `Cursor` of a watch in the output of the process with this id."""

    number: int  # its index
    process: str
    start: int
    position: int
    holds: bool
    introduced: bool
    told: int = 0
    exit_sent: bool = False
    floor: int = 0
    left: bool = False  # it watches no more, but an acknowledgement is to be told yet


class WatchState(NamedTuple):
    """A `Watch` of any kind. Cursors are meant by their index."""

    peek: bool
    follow: list[str] | None
    next_index: int
    cursors: list[CursorState]
    queue: list[int]
    nameless: list[int] = []
    given_up: list[int] = []
    events: bool = False
    noted: list[tuple[int, bool]] = []
    outstanding: bool = False
    sent: list[tuple[int, int, bool]] = []


class ListenerState(NamedTuple):
    """A `ChangeStream`. `snapshot`: it has still to tell all that there is. Processes are meant by their ids."""

    kinds: list[str]
    every: float | None = None
    snapshot: bool = True
    news: list[tuple[str, str, str, dict[str, Any]]] = []
    told: dict[str, tuple[int, int, int, int]] = {}
    moved: list[str] = []


class RequestState(NamedTuple):
    """A request whose result is not there yet: it will be run again."""

    command: str
    words: list[str]
    structured: bool


class SessionState(NamedTuple):
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


class EndpointState(NamedTuple):
    """Where the kernel serves: its listening socket, and for a path the lock and which file it is."""

    fd: int
    port: int | None = None
    path: str | None = None
    lock: int | None = None
    inode: int | None = None


class OriginState(NamedTuple):
    """What the kernel was started with. `environment` is a number in `State.environments`."""

    environment: int
    directory: str
    soft_limit: int
    hard_limit: int


class LogState(NamedTuple):
    """Where the kernel logs."""

    path: str | None = None
    fd: int | None = None
    debug: bool = False
    quiet: bool = False


class State(NamedTuple):
    """A whole kernel."""

    version: str  # of papa
    upgrades: int
    started: float
    started_by_monotonic: float
    endpoint: EndpointState
    origin: OriginState
    environments: list[Data]  # as in environ(7): each with NUL between its variables
    allowed_users: list[int]
    allow_any_local_user: bool
    boot: str
    starts: int
    values: list[Stored]  # in their order, pages of them: JSON objects. null: it is large, and stands by itself
    sockets: list[SocketState]
    processes: list[Stored]  # by their ids, each a `ProcessState`
    sessions: list[SessionState]
    large_values: list[Stored] = []  # by their names, as UTF-8
    log: LogState = LogState()
    exit_when_unused: bool = False
    kept: list[int] = []  # the descriptors that stay open
    held: int = 0  # about the bytes of memory that output and large values take
    helpers: list[int] = []  # children that nobody needs any more
