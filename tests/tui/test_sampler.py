"""CPU and memory of sessions, from what the machine tells."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from papa_tui.feeds.proc import Machine, ProcMachine, PsutilMachine, Stat
from papa_tui.feeds.sampler import ALL_EVERY, Sampler, Wanted


class Made(Machine):
    """A machine that is made up. Starts are seconds times 100."""

    def __init__(self, stats: dict[int, Stat]) -> None:
        self.stats = stats
        self.listed = 0

    def pids(self) -> list[int]:
        self.listed += 1
        return list(self.stats)

    def stat(self, pid: int) -> Stat | None:
        return self.stats.get(pid)

    def started(self, stat: Stat) -> float:
        return stat.start / 100


def test_cpu_and_memory_are_those_of_the_whole_session() -> None:
    machine = Made({10: Stat(10, 0, 500, 1000), 11: Stat(10, 100, 600, 2000), 12: Stat(12, 0, 600, 4000)})
    sampler = Sampler(machine)
    wanted = [Wanted(10, 5.0)]
    first = sampler.sample(wanted, 0.0)[10]
    assert first is not None
    assert (first.cpu, first.memory) == (None, 3000)
    machine.stats[10] = Stat(10, 10, 500, 1000)
    machine.stats[11] = Stat(10, 150, 600, 2000)
    second = sampler.sample(wanted, 1.0)[10]
    assert second is not None
    assert second.cpu == 60.0
    assert machine.listed == 1
    sampler.sample(wanted, ALL_EVERY + 0.1)
    assert machine.listed == 2


def test_a_pid_whose_start_does_not_fit_is_somebody_else() -> None:
    sampler = Sampler(Made({10: Stat(10, 0, 5000, 1000)}))
    assert sampler.sample([Wanted(10, 5.0), Wanted(11, 5.0)], 0.0) == {10: None, 11: None}
    assert sampler.sample([Wanted(10, 50.5)], 0.0)[10] is not None


def test_a_child_that_comes_does_not_bring_its_past_with_it() -> None:
    machine = Made({10: Stat(10, 0, 500, 1000)})
    sampler = Sampler(machine)
    sampler.sample([Wanted(10, 5.0)], 0.0)
    machine.stats[11] = Stat(10, 100000, 600, 2000)
    found = sampler.sample([Wanted(10, 5.0)], ALL_EVERY + 1)[10]
    assert found is not None
    assert found.cpu == 0.0


HAS_PROC = pytest.mark.skipif(not os.path.exists('/proc/self/stat'), reason='there is no /proc')
MACHINES = [pytest.param(ProcMachine, marks=HAS_PROC), PsutilMachine]


@pytest.mark.parametrize('machine_of', MACHINES)
def test_this_machine_tells_of_a_process_with_a_strange_name(machine_of: type[Machine]) -> None:
    code = (
        "import os, time\n"
        "if os.path.exists('/proc/self/comm'): open('/proc/self/comm', 'w').write(') R 1 (x')\n"
        "while time.process_time() < 0.2: pass\n"
        "print('ready', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, '-c', code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        machine = machine_of()
        stat = machine.stat(child.pid)
        assert stat is not None
        assert stat.session == child.pid
        assert stat.memory > 1 << 20
        assert 0.1 < stat.ticks / machine.hertz < 20
        assert abs(machine.started(stat) - time.time()) < 30
        assert child.pid in machine.pids()
        usage = Sampler(machine).sample([Wanted(child.pid, machine.started(stat))], 0.0)[child.pid]
        assert usage is not None
        assert usage.memory >= stat.memory >> 1
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert machine.stat(child.pid) is None, 'dead, and not reaped'
    assert machine.stat(child.pid) is None


@HAS_PROC
def test_both_machines_tell_the_same() -> None:
    one, other = ProcMachine(), PsutilMachine()
    found, again = one.stat(os.getpid()), other.stat(os.getpid())
    assert found is not None
    assert again is not None
    assert found.session == again.session
    assert abs(one.started(found) - other.started(again)) < 2
    assert abs(found.ticks / one.hertz - again.ticks / other.hertz) < 2
