"""CPU and memory of processes with all their sessions, sampled in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from papa_tui.feeds.proc import Machine, Stat

EVERY = 1.0  # seconds
ALL_EVERY = 5.0
_FITS = 3.0  # seconds by which the start of a process may differ from what the kernel says


class Wanted(NamedTuple):
    """A process to sample: its PID, and when it was started according to the kernel."""

    pid: int
    started: float


class Usage(NamedTuple):
    """`cpu` is percent of one core, None before the second sample; `memory` bytes."""

    cpu: float | None
    memory: int


class Sampler:
    """Usage of sessions, from one look to the next. The machine and the clock are arguments.

    Who is in which session is looked up every `ALL_EVERY` seconds; meanwhile only those that are known are read.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._ticks: dict[tuple[int, int], int] = {}  # by PID and start
        self._sampled: dict[int, float] = {}  # when, by PID of the leader
        self._members: dict[int, list[int]] = {}
        self._found: float | None = None

    def sample(self, wanted: Iterable[Wanted], now: float) -> dict[int, Usage | None]:
        """The usage of these by PID; None for a PID that is not there or another's. `now` is monotonic."""
        self._find_members(now)
        return {each.pid: self._usage(each, now) for each in wanted}

    def _find_members(self, now: float) -> None:
        if self._found is not None and now - self._found < ALL_EVERY:
            return
        self._found = now
        self._members = {}
        living = set()
        for pid in self._machine.pids():
            stat = self._machine.stat(pid)
            if stat is not None:
                living.add((pid, stat.start))
                self._members.setdefault(stat.session, []).append(pid)
        self._ticks = {key: ticks for key, ticks in self._ticks.items() if key in living}
        self._sampled = {pid: when for pid, when in self._sampled.items() if pid in self._members}

    def _usage(self, wanted: Wanted, now: float) -> Usage | None:
        leader = self._machine.stat(wanted.pid)
        if leader is None or abs(self._machine.started(leader) - wanted.started) > _FITS:
            return None
        stats = [(wanted.pid, leader)]
        for pid in self._members.get(wanted.pid, ()):
            if pid != wanted.pid:
                stat = self._machine.stat(pid)
                if stat is not None and stat.session == wanted.pid:
                    stats.append((pid, stat))
        return Usage(self._cpu(wanted.pid, stats, now), sum(stat.memory for _, stat in stats))

    def _cpu(self, leader: int, stats: list[tuple[int, Stat]], now: float) -> float | None:
        before = self._sampled.get(leader)
        self._sampled[leader] = now
        spent = 0
        for pid, stat in stats:
            key = pid, stat.start
            known = self._ticks.get(key)
            self._ticks[key] = stat.ticks
            if known is not None:
                spent += stat.ticks - known
        if before is None or now <= before:
            return None
        return 100.0 * spent / self._machine.hertz / (now - before)


class SamplerThread(threading.Thread):
    """Samples those that `want` was last given each second, and tells `found`, by a call from this thread."""

    def __init__(self, found: Callable[[dict[int, Usage | None]], None], machine: Machine) -> None:
        super().__init__(name='sampler', daemon=True)
        self._sampler = Sampler(machine)
        self._found = found
        self._wanted: list[Wanted] = []
        self._every = EVERY
        self._wake = threading.Event()
        self._stopped = False

    def want(self, wanted: list[Wanted], every: float = EVERY) -> None:
        """Sample these from now on, every so many seconds."""
        fresh = {each.pid for each in wanted} - {each.pid for each in self._wanted}
        self._wanted, self._every = wanted, every
        if fresh:
            self._wake.set()

    def stop(self) -> None:
        """End it. Does not wait for that."""
        self._stopped = True
        self._wake.set()

    def run(self) -> None:
        """What the thread does."""
        while not self._stopped:
            wanted = self._wanted
            if wanted:
                found = self._sampler.sample(wanted, time.monotonic())
                if not self._stopped:
                    self._found(found)
            self._wake.wait(self._every)
            if self._wake.is_set() and not self._stopped:
                self._wake.clear()
                time.sleep(0.05)  # whoever scrolls asks often
