"""CPU and memory of sessions, from what the machine tells."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from papa_tui.feeds.proc import Machine, ProcMachine, Stat
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


@pytest.mark.skipif(not os.path.exists('/proc/self/stat'), reason='there is no /proc')
def test_this_machine_tells_of_a_process_with_a_strange_name() -> None:
    code = "open('/proc/self/comm', 'w').write(') R 1 (x'); print('ready', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, '-c', code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        machine = ProcMachine()
        stat = machine.stat(child.pid)
        assert stat is not None
        assert stat.session == child.pid
        assert stat.memory > 1 << 20
        assert abs(machine.started(stat) - time.time()) < 10
        assert child.pid in machine.pids()
        child.stdin.close()
