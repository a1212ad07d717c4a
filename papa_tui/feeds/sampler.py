"""CPU and memory of processes with all their sessions, sampled in a thread of its own."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from papa_tui.feeds.proc import Machine, Stat

EVERY = 1.0  # seconds
ALL_EVERY = 5.0
_SHORTEST = 0.5  # seconds between two samples below which the ticks are too few to tell anything
_LONGEST = ALL_EVERY + 2.0  # seconds above which they would tell of the past
_FITS = 3.0  # seconds by which the start of a process may differ from what the kernel says


_Key = tuple[int, int]  # the PID and the start of a process


class Wanted(NamedTuple):
    """A process to sample: its PID, and when it was started according to the kernel."""

    pid: int
    started: float


class Usage(NamedTuple):
    """`cpu` is percent of one core, None before the second sample; `memory` bytes."""

    cpu: float | None
    memory: int


class _Sample(NamedTuple):
    """Of a session: when, its members, what they used since the sample before."""

    when: float
    members: dict[_Key, Stat]
    cpu: float | None


class Sampler:
    """Usage of sessions, from one sample to the next. The machine and the clock are arguments.

    What a session has used is what its members have, and what those have that they have waited for: a shell that
    starts one short program after the other uses nothing by itself. Who is there is looked up at each sample, so that
    a member that was not there before has used all of its time since. Only those that are new are asked for their
    session; all of them every `ALL_EVERY` seconds, since a process that has just been made is about to change it.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._most = machine.hertz * 1.5 * (os.cpu_count() or 1)  # ticks a second, and some tolerance
        self._samples: dict[_Key, _Sample] = {}  # by their leaders
        self._sessions: dict[int, int] = {}  # by PID
        self._asked: float | None = None

    def sample(self, wanted: Iterable[Wanted], now: float) -> dict[int, Usage | None]:
        """The usage of these by PID; None for a PID that is not there or another's. `now` is monotonic."""
        members = self._find_members(now)
        self._samples = {key: last for key, last in self._samples.items() if now - last.when <= _LONGEST}
        return {each.pid: self._usage(each, members.get(each.pid, ()), now) for each in wanted}

    def _find_members(self, now: float) -> dict[int, list[int]]:
        if self._asked is None or now - self._asked >= ALL_EVERY:
            self._asked = now
            self._sessions = {}
        known, self._sessions = self._sessions, {}
        members: dict[int, list[int]] = {}
        for pid in self._machine.pids():
            session = known.get(pid)
            if session is None:
                stat = self._machine.stat(pid)
                if stat is None:
                    continue
                session = stat.session
            self._sessions[pid] = session
            members.setdefault(session, []).append(pid)
        return members

    def _usage(self, wanted: Wanted, members: Sequence[int], now: float) -> Usage | None:
        leader = self._machine.stat(wanted.pid)
        if leader is None or leader.dead or abs(self._machine.started(leader) - wanted.started) > _FITS:
            return None
        key = wanted.pid, leader.start
        stats = {key: leader}
        for pid in members:
            stat = self._machine.stat(pid) if pid != wanted.pid else None
            if stat is not None and stat.session == wanted.pid:
                stats[pid, stat.start] = stat
        return Usage(self._cpu(key, stats, now), sum(stat.memory for stat in stats.values()))

    def _cpu(self, leader: _Key, stats: dict[_Key, Stat], now: float) -> float | None:
        last = self._samples.get(leader)
        if last is None:
            self._samples[leader] = _Sample(now, stats, None)
            return None
        seconds = now - last.when
        if seconds < _SHORTEST:
            return last.cpu
        spent = _spent(last.members, stats, self._most * seconds)
        cpu = 100.0 * spent / self._machine.hertz / seconds
        self._samples[leader] = _Sample(now, stats, cpu)
        return cpu


def _spent(before: dict[_Key, Stat], after: dict[_Key, Stat], most: float) -> int:
    """Ticks that a session has spent from one sample to the next. More than `most` cannot be: that is what a child has
    spent that was in a session of its own, and was waited for.
    """
    spent = waited = 0
    for key, stat in after.items():
        last = before.get(key)
        if last is not None:
            spent += stat.ticks - last.ticks
            waited += stat.waited - last.waited
        elif stat.ticks + stat.waited <= most:
            spent += stat.ticks + stat.waited
    for key, last in before.items():
        if key not in after:
            waited -= last.ticks + last.waited  # who waited for it has all of its time, of which this was counted
    return spent + (waited if 0 < waited <= most else 0)


class SamplerThread(threading.Thread):
    """Samples those that `want` was last given: some each second, others every five. Tells `found`, by a call from this
    thread."""

    def __init__(self, found: Callable[[dict[int, Usage | None]], None], machine: Machine) -> None:
        super().__init__(name='sampler', daemon=True)
        self._sampler = Sampler(machine)
        self._found = found
        self._wanted: tuple[list[Wanted], list[Wanted]] = [], []
        self._all_at = -ALL_EVERY
        self._sampled: set[Wanted] = set()  # of those that are seldom, this time
        self._wake = threading.Event()
        self._stopped = False

    def want(self, often: list[Wanted], seldom: list[Wanted]) -> None:
        """Sample the first ones each second from now on, the others every five; those that are new at once."""
        known = {each.pid for wanted in self._wanted for each in wanted}
        none_before = seldom and not self._wanted[1]
        self._wanted = often, seldom
        if none_before or any(each.pid not in known for each in often):
            self._wake.set()

    def stop(self) -> None:
        """End it. Does not wait for that."""
        self._stopped = True
        self._wake.set()

    def run(self) -> None:
        """What the thread does."""
        while not self._stopped:
            if wanted := self._due(time.monotonic()):
                found = self._sampler.sample(wanted, time.monotonic())
                if not self._stopped:
                    self._found(found)
            self._wake.wait(EVERY)
            if self._wake.is_set() and not self._stopped:
                self._wake.clear()
                time.sleep(0.05)  # whoever scrolls asks often

    def _due(self, now: float) -> list[Wanted]:
        often, seldom = self._wanted
        if now - self._all_at < ALL_EVERY - EVERY / 2:
            seldom = [each for each in seldom if each not in self._sampled]
        else:
            self._all_at = now
            self._sampled.clear()
        self._sampled.update(seldom)
        return often + seldom
