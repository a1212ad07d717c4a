"""The model: all that the kernel has told, and what has become of it since. The clock is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from papa.events import Change
from papa.line.kernels import Identity, identity
from papa.line.snapshot import Names
from papa_tui.model.attention import Concern, Summary, concern, summary
from papa_tui.model.text import ending
from papa_tui.model.things import Process, Socket, Thing, Value
from papa_tui.model.timeline import Timeline

PROCESSES, SOCKETS, VALUES = 'processes', 'sockets', 'values'
KINDS = (PROCESSES, SOCKETS, VALUES)
_PLURAL = {'process': PROCESSES, 'socket': SOCKETS, 'value': VALUES}
_MAKERS: Mapping[str, Any] = {PROCESSES: Process, SOCKETS: Socket, VALUES: Value}
_SHORTEST_TICK = 0.5  # seconds; counters that come sooner count for the next tick
_TICK_WITHOUT = 1.5  # seconds after which nothing has moved, as nothing was told


class Replaced(NamedTuple):
    """The kernel is another one than before: its `pid`, since when it runs, and how many of each kind the one before
    held, none of which are in this one."""

    pid: int
    since: float
    held: dict[str, int]


class Model:
    """What the kernel holds, by kind and name.

    `editions` counts, for each kind, how often something was added to it, taken away or given another text: whoever
    has drawn an older one has to sort and filter anew. `touched` are the kinds of which only texts are others; whoever
    draws them clears it. `connected_at` and `lost_at` are when the connection came and went; `silent_since` is when the
    kernel was last heard of, if it is there and does not answer. `replaced` is set when another kernel has come, until
    somebody has seen that and clears it. `broken` is what of the dashboard itself has failed.
    """

    def __init__(self) -> None:
        self.things: dict[str, dict[str, Thing]] = {kind: {} for kind in KINDS}
        self.editions: dict[str, int] = dict.fromkeys(KINDS, 0)
        self.touched: set[str] = set()
        self.names = Names()
        self.timeline = Timeline()
        self.info: dict[str, Any] = {}
        self.info_at = 0.0
        self.connected_at: float | None = None
        self.lost_at: float | None = None
        self.silent_since: float | None = None
        self.replaced: Replaced | None = None
        self.trouble = ''
        self.broken = ''
        self._is_other = False
        self._active: set[Process] = set()  # whose rate may not be nothing
        self._ticked: float | None = None
        self._had_snapshot = False
        self._holders_known = True

    @property
    def processes(self) -> dict[str, Process]:
        """Processes by name."""
        return self.things[PROCESSES]  # type: ignore[return-value]

    @property
    def sockets(self) -> dict[str, Socket]:
        """Sockets by name."""
        return self.things[SOCKETS]  # type: ignore[return-value]

    @property
    def values(self) -> dict[str, Value]:
        """Values by name."""
        return self.things[VALUES]  # type: ignore[return-value]

    @property
    def stale(self) -> bool:
        """Whether what is shown may not be so any more."""
        return self.stale_since is not None

    @property
    def stale_since(self) -> float | None:
        """When it was so last."""
        return self.silent_since if self.lost_at is None else self.lost_at

    # The connection

    @property
    def kernel(self) -> Identity | None:
        """Which one it is, or was; None before there was any."""
        return identity(self.info) if self.info else None

    def connected(self, info: Mapping[str, Any], now: float) -> None:
        """There is a kernel, and this is what it says of itself."""
        if self.connected_at is not None:
            if identity(info) != self.kernel:
                self._is_other = True  # its snapshot is next
            else:
                self.timeline.add(now, 'kernel', 'papa', 'the connection is back', 'good')
        self.info = dict(info)
        self.info_at = now
        self.connected_at = now
        self.lost_at = self.silent_since = None
        self.trouble = ''

    def lost(self, trouble: str, now: float) -> None:
        """There is none (any more)."""
        if self.lost_at is None:
            self.lost_at = now
            self.timeline.add(now, 'kernel', 'papa', 'the connection was lost', 'bad')
        self.silent_since = None
        self.trouble = trouble

    def fail(self, who: str, text: str, now: float, *, blind: bool) -> None:
        """A part of the dashboard has failed. `blind`: of the kernel nothing is heard any more."""
        self.broken = who
        self.timeline.add(now, 'kernel', 'papa-tui', f'{who} has failed: {text}', 'bad')
        if blind and self.lost_at is None:
            self.lost_at = now

    def silent(self, since: float | None, now: float) -> None:
        """The kernel is there and has not answered since then; None: it answers."""
        if self.lost_at is not None or (since is None) is (self.silent_since is None):
            return
        self.silent_since = since
        if since is None:
            self.timeline.add(now, 'kernel', 'papa', 'answers again', 'good')
        else:
            self.timeline.add(since, 'kernel', 'papa', 'does not answer', 'bad')

    def uptime(self, now: float) -> float:
        """Seconds that the kernel runs."""
        return float(self.info.get('uptime', 0.0)) + max(0.0, now - self.info_at)

    # Changes

    def apply(self, change: Change, now: float) -> None:
        """Take in what `Papa.changes` has told."""
        if change.change == 'counters':
            self._counters(change.details, now)
            return
        self.names.apply(change)
        if change.change == 'snapshot':
            self._snapshot(change.details, now)
        elif change.change == 'upgraded':
            self._upgraded(change.details, now)
        elif change.kind in _PLURAL:
            self._one(change, now)

    def _snapshot(self, details: Mapping[str, Mapping[str, Any]], now: float) -> None:
        if self._is_other:
            self._replace(now)
            self._is_other = False
        for kind in KINDS:
            held = self.things[kind]
            told = details.get(kind, {})
            for name in [name for name in held if name not in told]:
                self._gone(kind, name, now)
            for name, each in told.items():
                self._put(kind, name, each, now, quiet=not self._had_snapshot)
            self.editions[kind] += 1
        self._had_snapshot = True
        self._holders_known = False

    def _replace(self, now: float) -> None:
        """Nothing of what the kernel before held is in this one, whatever has the same name."""
        held = {kind: len(things) for kind, things in self.things.items()}
        for kind in KINDS:
            for name in list(self.things[kind]):
                self._gone(kind, name, now)
        pid, since = int(self.info.get('pid', 0)), now - float(self.info.get('uptime', 0.0))
        self.timeline.add(now, 'kernel', 'papa', f'another kernel answers: pid {pid}', 'bad')
        if self.replaced is not None:  # and nobody has seen that yet
            held = {kind: number + self.replaced.held[kind] for kind, number in held.items()}
        self.replaced = Replaced(pid, since, held)

    def _gone(self, kind: str, name: str, now: float) -> None:
        thing = self.things[kind].pop(name)
        text = 'is gone'
        if isinstance(thing, Process):
            self._active.discard(thing)
            if self._is_other and thing.running:
                text += f'; pid {thing.pid} was running'
        self.timeline.add(now, _singular(kind), name, text, 'dim')

    def _one(self, change: Change, now: float) -> None:
        kind = _PLURAL[change.kind]
        if change.change == 'removed':
            thing = self.things[kind].pop(change.name, None)
            if isinstance(thing, Process):
                self._active.discard(thing)
            self.timeline.add(now, change.kind, change.name, 'removed', 'dim')
        else:
            known = change.name in self.things[kind]
            self._put(kind, change.name, change.details, now)
            if kind == VALUES and known:
                self.touched.add(kind)
                return
        self.editions[kind] += 1
        if kind != VALUES:
            self._holders_known = False

    def _put(self, kind: str, name: str, details: Mapping[str, Any], now: float, *, quiet: bool = False) -> None:
        held = self.things[kind].get(name)
        if isinstance(held, Process) and held.id == details.get('id'):
            was_running, was_recorded = held.running, held.recorded
            held.take(details)
            if was_recorded and not held.recorded and held.running:
                self.timeline.add(now, 'process', name, 'is not recorded any more', 'warn')
            if was_running and not held.running:
                self._exited(held)
            return
        if held is not None and kind != PROCESSES and held.details == details:
            return
        if isinstance(held, Value):
            held.take(details)
            return
        made = _MAKERS[kind](name, details)
        self.things[kind][name] = made
        if isinstance(held, Process):
            self._active.discard(held)
        if not quiet and (held is None or kind == PROCESSES):
            self._tell_made(kind, made, held, now)

    def _tell_made(self, kind: str, made: Thing, held: Thing | None, now: float) -> None:
        if isinstance(made, Process):
            again = held is not None
            self.timeline.add(made.started, 'process', made.name, 'started again' if again else 'started', 'good')
            if not made.running:
                self._exited(made)
        else:
            self.timeline.add(now, _singular(kind), made.name, 'made')

    def _exited(self, process: Process) -> None:
        tone = 'bad' if process.exit_code else 'dim'
        self.timeline.add(process.ended or 0.0, 'process', process.name, ending(process.exit_code), tone)

    def _upgraded(self, details: Mapping[str, Any], now: float) -> None:
        self.info.update(details)
        self.timeline.add(now, 'kernel', 'papa', f'upgraded to {details.get("version", "")}', 'good')

    def settle(self) -> None:
        """All changes of this moment are applied: find out what follows from them together."""
        if not self._holders_known:
            self._find_holders()
            self._holders_known = True

    def _find_holders(self) -> None:
        holders: dict[str, list[str]] = {}
        for process in self.processes.values():
            if process.running:
                for given in process.sockets:
                    holders.setdefault(given, []).append(process.name)
        for name, socket in self.sockets.items():
            socket.holders = tuple(sorted(holders.get(name, ())))

    # Counters and rates

    def _counters(self, moved: Mapping[str, Mapping[str, Any]], now: float) -> None:
        processes = self.processes
        for name, counters in moved.items():
            process = processes.get(name)
            if process is not None:
                process.count(counters, now)
                self._active.add(process)
        if self._ticked is None or now - self._ticked >= _SHORTEST_TICK:
            self._tick(now)

    def idle(self, now: float) -> bool:
        """Time has passed and nothing was told: what moved does so no more. Returns whether that changes anything."""
        if self._ticked is None or not self._active or self.stale or now - self._ticked < _TICK_WITHOUT:
            return False
        self._tick(now)
        return True

    def _tick(self, now: float) -> None:
        seconds = 1.0 if self._ticked is None else min(now - self._ticked, _TICK_WITHOUT)
        self._ticked = now
        self._active = {process for process in self._active if process.tick(seconds)}

    # What needs attention

    def concerns(self, now: float) -> dict[str, Concern]:
        """The most urgent concern of each process that has one, by name."""
        found = {}
        for name, process in self.processes.items():
            each = concern(process, now)
            if each is not None:
                found[name] = each
        return found

    def attention(self, now: float) -> Summary:
        """How many processes there are of each concern."""
        return summary(list(self.concerns(now).values()))

    def totals(self) -> tuple[int, int]:
        """Bytes buffered and bytes lost, of all processes."""
        processes = self.processes.values()
        return sum(process.buffered for process in processes), sum(process.lost for process in processes)


def _singular(kind: str) -> str:
    return next(singular for singular, plural in _PLURAL.items() if plural == kind)
