"""What the machine tells of processes: `/proc` where there is one, psutil elsewhere."""

from __future__ import annotations

import os
import time
from typing import NamedTuple


class Stat(NamedTuple):
    """A process: its session, ticks of CPU time, its start (in ticks since the machine's), bytes of memory; `waited`
    are the ticks of the children that it has waited for. `dead`: nobody has waited for it yet.
    """

    session: int
    ticks: int
    start: int
    memory: int
    waited: int = 0
    dead: bool = False


class Machine:
    """Knows nothing. The base of what does, and for tests."""

    hertz = 100

    def pids(self) -> list[int]:
        """All processes."""
        return []

    def stat(self, pid: int) -> Stat | None:
        """A process; None if it is not there."""
        return None

    def started(self, stat: Stat) -> float:
        """When a process was started, in seconds since the epoch."""
        return 0.0


class ProcMachine(Machine):
    """Linux. Reads ``/proc/PID/stat`` directly: a quarter of what psutil takes."""

    def __init__(self) -> None:
        self.hertz = os.sysconf('SC_CLK_TCK')
        self._page = os.sysconf('SC_PAGE_SIZE')

    def pids(self) -> list[int]:
        try:
            return [int(name) for name in os.listdir('/proc') if name.isdigit()]
        except OSError:
            return []

    def stat(self, pid: int) -> Stat | None:
        try:
            fd = os.open(f'/proc/{pid}/stat', os.O_RDONLY | os.O_CLOEXEC)
            try:
                data = os.read(fd, 2048)
            finally:
                os.close(fd)
        except OSError:
            return None
        fields = data[data.rfind(b')') + 2 :].split()  # the name before may contain anything
        if len(fields) < 22 or fields[0] == b'X':
            return None
        return Stat(
            int(fields[3]), int(fields[11]) + int(fields[12]), int(fields[19]), int(fields[21]) * self._page,
            int(fields[13]) + int(fields[14]), fields[0] == b'Z',
        )

    def started(self, stat: Stat) -> float:
        booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
        return booted + stat.start / self.hertz


class PsutilMachine(Machine):
    """Elsewhere. Sums of sessions are those of what `os.getsid` tells."""

    def __init__(self) -> None:
        import psutil

        self._psutil = psutil

    def pids(self) -> list[int]:
        return list(self._psutil.pids())

    def stat(self, pid: int) -> Stat | None:
        try:
            process = self._psutil.Process(pid)
            with process.oneshot():
                dead = process.status() in (self._psutil.STATUS_ZOMBIE, self._psutil.STATUS_DEAD)
                times = process.cpu_times()
                ticks = int((times.user + times.system) * self.hertz)
                waited = int((getattr(times, 'children_user', 0) + getattr(times, 'children_system', 0)) * self.hertz)
                start = int(process.create_time() * self.hertz)
                memory = 0 if dead else int(process.memory_info().rss)
                return Stat(os.getsid(pid), ticks, start, memory, waited, dead)
        except (self._psutil.Error, OSError):
            return None

    def started(self, stat: Stat) -> float:
        return stat.start / self.hertz


def this_machine() -> Machine:
    """The one that this program runs on."""
    return ProcMachine() if os.path.exists('/proc/self/stat') else PsutilMachine()
