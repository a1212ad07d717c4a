"""What front ends are told, in order: by `Watcher.events` of processes that are watched, by `Papa.changes` of all."""

from __future__ import annotations

from typing import Any, NamedTuple


class Output(NamedTuple):
    """A piece of output. `stream` is ``'out'`` or ``'err'``, `timestamp` when the kernel captured it (seconds since
    the epoch), `position` where it ends."""

    name: str
    id: str
    stream: str
    timestamp: float
    data: bytes
    position: int


class Lost(NamedTuple):
    """The bytes from position `start` to `end` will not come.

    `reason` is ``'overflow'`` (the buffer was full), ``'acknowledged'`` (others took them, or they were removed)
    or ``'slow'`` (only this viewer missed them).
    """

    name: str
    id: str
    start: int
    end: int
    reason: str


class Acknowledged(NamedTuple):
    """The output of a process is acknowledged up to `position`; `mine`: by this very watcher."""

    name: str
    id: str
    position: int
    mine: bool


class Started(NamedTuple):
    """A process that is watched from now on: one that matches and was started later, or another than the one
    with which `since` wanted to go on. `timestamp` is its start."""

    name: str
    id: str
    timestamp: float


class Closed(NamedTuple):
    """A process has ended at `timestamp`, and all its output was told before. The exit code is that of `subprocess`."""

    name: str
    id: str
    timestamp: float
    exit_code: int


Event = Output | Lost | Acknowledged | Started | Closed


class Change(NamedTuple):
    """Something that the kernel holds was made or has changed, or the kernel itself has.

    =============  =====================================================================================
    `change`       what it tells
    =============  =====================================================================================
    ``snapshot``   everything: `details` has for each kind that is told of (``sockets``, ``values``,
                   ``processes``) the details by name; `kind` and `name` are empty
    ``made``       it is there now
    ``changed``    a value was set anew; a process that runs was removed and is not recorded any more
    ``exited``     a process has ended
    ``removed``    it is there no more; `details` are the last ones
    ``counters``   `details` has, by the name of each process whose counters moved, those that did
    ``upgraded``   the kernel has replaced itself and holds what it held; `kind` is ``kernel`` and `name`
                   ``papa``, `details` are its ``version``, ``previous_version`` and ``upgrades`` (how many
                   since its start). It is told whatever kinds were asked for
    =============  =====================================================================================

    Of the others `kind` is ``socket``, ``value`` or ``process``. Details are those of the listings; those of a value
    are its ``size`` (bytes in UTF-8) and ``value`` or, above 4 KB, ``preview`` (its beginning).
    """

    change: str
    kind: str
    name: str
    details: dict[str, Any]
