"""CPU and memory of sessions, from what the machine tells."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from papa_tui.feeds.proc import Machine, ProcMachine, PsutilMachine, Stat
from papa_tui.feeds.sampler import ALL_EVERY, Sampler, SamplerThread, Wanted


class Made(Machine):
    """A machine that is made up. Starts are seconds times 100."""

    def __init__(self, stats: dict[int, Stat]) -> None:
        self.stats = stats
        self.asked: list[int] = []

    def pids(self) -> list[int]:
        return list(self.stats)

    def stat(self, pid: int) -> Stat | None:
        self.asked.append(pid)
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
    assert machine.asked.count(12) == 1, 'those of other sessions are not asked again'
    sampler.sample(wanted, ALL_EVERY + 0.1)
    assert machine.asked.count(12) == 2, 'but now and then'


def test_a_pid_whose_start_does_not_fit_is_somebody_else() -> None:
    sampler = Sampler(Made({10: Stat(10, 0, 5000, 1000)}))
    assert sampler.sample([Wanted(10, 5.0), Wanted(11, 5.0)], 0.0) == {10: None, 11: None}
    assert sampler.sample([Wanted(10, 50.5)], 0.0)[10] is not None


SHELL = [Wanted(10, 5.0)]


def cpu(sampler: Sampler, now: float) -> float | None:
    found = sampler.sample(SHELL, now)[10]
    assert found is not None
    return found.cpu


def test_a_child_counts_from_its_start_and_not_twice_when_it_is_waited_for() -> None:
    """What ``sh -c 'while :; do work; done'`` does: the shell itself uses nothing."""
    machine = Made({10: Stat(10, 1, 500, 1000)})
    sampler = Sampler(machine)
    assert cpu(sampler, 0.0) is None
    machine.stats[11] = Stat(10, 40, 600, 2000)
    assert cpu(sampler, 1.0) == 40.0, 'it has come, and this is all since'
    machine.stats[11] = Stat(10, 70, 600, 0, dead=True)
    assert cpu(sampler, 2.0) == 30.0, 'it has ended, and nobody has waited for it'
    del machine.stats[11]
    machine.stats[10] = Stat(10, 1, 500, 1000, waited=70)
    assert cpu(sampler, 3.0) == 0.0
    machine.stats[10] = Stat(10, 1, 500, 1000, waited=120)
    assert cpu(sampler, 4.0) == 50.0, 'one has come and gone in between'
    machine.stats[12] = Stat(10, 20, 650, 1000, waited=5)
    assert cpu(sampler, 5.0) == 25.0
    del machine.stats[12]
    assert cpu(sampler, 6.0) == 0.0, 'another has waited for it: nothing below nothing'


def test_a_child_does_not_bring_its_past_with_it() -> None:
    """It was waited for after it had led a session of its own, where it is not one that was seen."""
    machine = Made({10: Stat(10, 0, 500, 1000)})
    sampler = Sampler(machine)
    cpu(sampler, 0.0)
    machine.stats[10] = Stat(10, 10, 500, 1000, waited=1_000_000)
    machine.stats[11] = Stat(10, 1_000_000, 600, 2000)
    assert cpu(sampler, 1.0) == 10.0


def test_what_was_sampled_long_ago_is_not_the_present() -> None:
    machine = Made({10: Stat(10, 0, 500, 1000)})
    sampler = Sampler(machine)
    cpu(sampler, 0.0)
    machine.stats[10] = Stat(10, 30_000, 500, 1000)
    assert cpu(sampler, 600.0) is None, 'it was busy for five minutes, and out of sight'
    assert cpu(sampler, 601.0) == 0.0
    assert cpu(sampler, 601.1) == 0.0, 'too soon to tell anything else'


def test_some_are_due_each_second_and_others_every_five() -> None:
    thread = SamplerThread(bool, Machine())
    one, two, three = (Wanted(pid, 0.0) for pid in (1, 2, 3))
    thread.want([one], [two])
    assert thread._due(100.0) == [one, two]
    assert thread._due(101.0) == [one]
    thread.want([one], [two, three])
    assert thread._due(102.0) == [one, three], 'that one is new'
    assert thread._due(103.0) == [one]
    assert thread._due(105.0) == [one, two, three]


def test_the_dead_take_nothing() -> None:
    sampler = Sampler(Made({10: Stat(10, 0, 500, 1000, dead=True)}))
    assert sampler.sample(SHELL, 0.0) == {10: None}


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
        stat = machine.stat(child.pid)
        assert stat is None or (stat.dead and stat.memory == 0), 'dead, and not waited for'
    assert machine.stat(child.pid) is None


@pytest.mark.parametrize('machine_of', MACHINES)
def test_a_shell_that_starts_short_children_is_as_busy_as_they_are(machine_of: type[Machine]) -> None:
    work = f"{sys.executable} -c 'import time\nwhile time.process_time() < 0.15: pass'"
    with subprocess.Popen(
        ['sh', '-c', f'while :; do {work}; echo; done'], stdout=subprocess.PIPE, start_new_session=True
    ) as shell:
        assert shell.stdout is not None
        try:
            machine = machine_of()
            stat = machine.stat(shell.pid)
            assert stat is not None
            wanted = [Wanted(shell.pid, machine.started(stat))]
            sampler = Sampler(machine)
            sampler.sample(wanted, 0.0)
            for _ in range(4):
                shell.stdout.readline()
            found = sampler.sample(wanted, 1.0)[shell.pid]  # a second by this clock
            assert found is not None
            assert found.cpu is not None
            assert 45 <= found.cpu <= 150, 'four times 15 % and more, whoever was seen of them'
        finally:
            os.killpg(shell.pid, 9)


@HAS_PROC
def test_both_machines_tell_the_same() -> None:
    one, other = ProcMachine(), PsutilMachine()
    found, again = one.stat(os.getpid()), other.stat(os.getpid())
    assert found is not None
    assert again is not None
    assert found.session == again.session
    assert abs(one.started(found) - other.started(again)) < 2
    assert abs(found.ticks / one.hertz - again.ticks / other.hertz) < 2
    assert abs(found.waited / one.hertz - again.waited / other.hertz) < 2
