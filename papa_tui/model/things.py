"""What the kernel holds, as rows: processes with rates, sockets, values. Fed by `Papa.changes`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from papa.line.quoting import join
from papa.line.snapshot import socket_note
from papa.names import natural
from papa_tui.model.pace import Pace
from papa_tui.model.text import ending, harmless

HISTORY = 16  # ticks of the rate that are kept
SOON = 120.0  # seconds to a full buffer that are worth a warning
_STILL_SOON = 1.5  # times so many: the warning goes, so that it does not come and go
LOSING = 10.0  # seconds after a loss in which a process counts as one that loses


class Process:
    """A start of a process. `rate` is bytes of output a second, `history` its last values, the newest at the end;
    `pace` is steadier. `full_soon`: so soon that it is worth a warning.

    `cpu` (percent of a core) and `memory` (bytes) are those of its whole session, None where they are not known.
    """

    __slots__ = (
        'acknowledged',
        'buffered',
        'bufsize',
        'captured',
        'command',
        'cpu',
        'details',
        'dropped',
        'ended',
        'exit_code',
        'full_soon',
        'history',
        'id',
        'key',
        'lost_at',
        'memory',
        'name',
        'order',
        'overflow',
        'pace',
        'pid',
        'rate',
        'recorded',
        'running',
        'shown',
        'sockets',
        'started',
        'ticked',
        'watchers',
    )

    def __init__(self, name: str, details: Mapping[str, Any]) -> None:
        self.name = self.key = name
        self.shown = harmless(name)
        self.order = natural(name)
        self.history: list[float] = []
        self.rate = 0.0
        self.pace = Pace()
        self.full_soon = False
        self.cpu: float | None = None
        self.memory: int | None = None
        self.lost_at: float | None = None
        self.dropped = int(details.get('dropped', 0))
        self.command = _command([str(word) for word in details.get('args', ())])
        self.ticked = int(details.get('captured', 0))
        self.take(details)

    def take(self, details: Mapping[str, Any]) -> None:
        """Take in the details of a listing."""
        self.details = dict(details)
        self.id = str(details.get('id', ''))
        self.pid = int(details.get('pid', 0))
        self.running = bool(details.get('running'))
        if not self.running:
            self.cpu = self.memory = None  # it takes nothing any more
        self.started = float(details.get('started', 0.0))
        self.ended: float | None = details.get('ended')
        self.exit_code: int | None = details.get('exit_code')
        self.bufsize = int(details.get('bufsize', 0))
        self.overflow = str(details.get('overflow', 'drop'))
        self.recorded = bool(details.get('recorded', self.bufsize > 0))
        self.sockets: list[str] = list(details.get('sockets', ()))
        self.acknowledged = int(details.get('acknowledged', 0))
        self.captured = self.buffered = self.watchers = 0
        self.count(details, None)

    def count(self, moved: Mapping[str, Any], now: float | None) -> None:
        """Take in the counters that moved. `now` is when, None if nobody knows since when they have."""
        start, dropped = self.captured - self.buffered, int(moved.get('dropped', self.dropped))
        lost = dropped - self.dropped
        if lost > 0 and now is not None and self.recorded:
            self.lost_at = now
        self.dropped = dropped
        self.captured = int(moved.get('captured', self.captured))
        self.buffered = int(moved.get('buffered', self.buffered))
        self.watchers = int(moved.get('watchers', self.watchers))
        now_start = self.captured - self.buffered  # of what is held
        if now_start - start > lost and now is not None and self.recorded:
            # The counters do not tell the position: it is this at least.
            self.acknowledged = max(self.acknowledged, now_start - lost)

    def tick(self, seconds: float) -> bool:
        """So many seconds have passed since the last tick. Returns whether its history is not all nothing."""
        self.rate = max(0.0, (self.captured - self.ticked) / seconds)
        self.ticked = self.captured
        self.pace.step(self.rate * seconds, seconds)
        left = self.full_in
        self.full_soon = left is not None and left < (SOON * _STILL_SOON if self.full_soon else SOON)
        self.history.append(self.rate)
        del self.history[:-HISTORY]
        return any(self.history)

    @property
    def state(self) -> str:
        """Its state in a word or two."""
        if not self.running:
            return ending(self.exit_code)
        if not self.recorded:
            return 'not recorded'
        return 'blocked' if self.blocked else 'running'

    @property
    def removed(self) -> bool:
        """Whether it was removed while it runs, so that it is forgotten as soon as it exits. One that never was
        recorded has captured nothing."""
        return self.running and not self.recorded and bool(self.bufsize and self.captured)

    @property
    def lost(self) -> int:
        """Bytes of output that should have been kept, and were not."""
        return 0 if self.running and not self.recorded else self.dropped

    @property
    def fill(self) -> float:
        """The share of its buffer that is full, 0 to 1."""
        return min(1.0, self.buffered / self.bufsize) if self.bufsize else 0.0

    @property
    def blocked(self) -> bool:
        """Whether it has to wait until somebody acknowledges."""
        return self.running and self.recorded and self.overflow == 'block' and 0 < self.bufsize <= self.buffered

    @property
    def full_in(self) -> float | None:
        """Seconds until its buffer is full at the present pace; None if it does not fill, or is full."""
        pace = self.pace.rate
        if not self.recorded or not self.running or self.watchers or pace < 1 or self.buffered >= self.bufsize:
            return None
        return (self.bufsize - self.buffered) / pace

    def losing(self, now: float) -> bool:
        """Whether output was lost a moment ago."""
        return self.lost_at is not None and now - self.lost_at < LOSING

    def up(self, now: float) -> float:
        """Seconds that it runs, or ran."""
        return max(0.0, (now if self.ended is None else self.ended) - self.started)


class Socket:
    """A socket. `holders` are the names of the processes that were given it, as far as that is known."""

    __slots__ = (
        'address', 'backlog', 'details', 'family', 'fileno', 'holders', 'key', 'name', 'order', 'shown', 'type',
    )

    def __init__(self, name: str, details: Mapping[str, Any]) -> None:
        self.name = self.key = name
        self.shown = harmless(name)
        self.order = natural(name)
        self.details = dict(details)
        self.address = harmless(socket_note(details))
        self.family = str(details.get('family', ''))
        self.type = str(details.get('type', ''))
        self.backlog: int | None = details.get('backlog')
        self.fileno: int | None = details.get('fileno')
        self.holders: tuple[str, ...] = ()


class Value:
    """A value. `text` is all of it only if it is `whole`."""

    __slots__ = ('details', 'key', 'name', 'order', 'preview', 'shown', 'size', 'text', 'whole')

    _SHOWN = 300  # characters

    def __init__(self, name: str, details: Mapping[str, Any]) -> None:
        self.name = self.key = name
        self.shown = harmless(name)
        self.order = natural(name)
        self.take(details)

    def take(self, details: Mapping[str, Any]) -> None:
        """Take in the details of a listing."""
        self.details = dict(details)
        self.whole = 'value' in details
        self.text = str(details.get('value', details.get('preview', '')))
        self.preview = harmless(self.text[: self._SHOWN])
        self.size = int(details.get('size', len(self.text)))



def _command(words: list[str]) -> str:
    """The command for a row: of the program only its name, since there is never room for all."""
    return harmless(join([words[0].rpartition('/')[2] or words[0], *words[1:]])) if words else ''


Thing = Process | Socket | Value
