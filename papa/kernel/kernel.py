"""The kernel: all that it holds."""

from __future__ import annotations

import os
import resource
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from papa.kernel.capture import Capture
from papa.kernel.changes import Changes
from papa.kernel.lookups import Lookups
from papa.kernel.loop import Loop
from papa.kernel.origin import Origin
from papa.kernel.processes import Processes
from papa.kernel.sockets import Sockets
from papa.kernel.spawn import reap
from papa.kernel.values import Values
from papa.version import __version__

if TYPE_CHECKING:
    from papa.kernel.pending import Pending


class Upgrader(Protocol):
    """What replaces the kernel by newer code."""

    def begin(self, python: str | None) -> Pending:
        """Try to go on with the code that is installed now, on this interpreter. The result is only ever an `Error`:
        after an upgrade the new kernel answers. Raises an `Error`, too."""

    def close(self) -> None:
        """Give up what is under way."""


class Kernel:
    """The state of one kernel, and what works on it. Handlers get it; who is connected it does not know."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.endpoint = ''  # where it serves
        self.connections = 0  # that are served
        self.loop = Loop()
        self.changes = Changes()
        self.values = Values(self.changes)
        self.sockets = Sockets(self.changes)
        self.processes = Processes(self.changes)
        self.capture = Capture(self.loop, self.processes, self.changes)
        self.lookups = Lookups(self.loop, origin)
        self.exit_when_unused = False  # somebody has asked for that, and nobody has connected since
        self.upgrader: Upgrader | None = None  # a guest has none
        self.starts_held: Pending | None = None  # no process is started by a trampoline before this
        self.helpers: set[int] = set()  # children that nobody needs any more, until they are reaped
        self.upgrades = 0
        self.previous_version: str | None = None  # before the last upgrade
        self.started = time.time()
        self.started_by_monotonic = time.monotonic()

    @property
    def idle(self) -> bool:
        """Whether it holds nothing."""
        return not (self.sockets.by_name or self.values.by_name or self.processes.by_name or self.processes.starting)

    def info(self) -> dict[str, Any]:
        """What this kernel is and how much it holds. Sizes are in bytes, times in seconds."""
        records = self.processes.by_name.values()
        counters = [record.counters() for record in records]
        return {
            'version': __version__, 'pid': os.getpid(), 'endpoint': self.endpoint,
            'python': sys.version.split()[0], 'started': self.started,
            'uptime': time.monotonic() - self.started_by_monotonic,
            'upgrades': self.upgrades, 'previous_version': self.previous_version,
            'sockets': len(self.sockets.by_name), 'values': len(self.values.by_name), 'processes': len(records),
            'running': sum(record.exit_code is None for record in records), 'connections': self.connections,
            'captured': sum(each[0] for each in counters), 'buffered': sum(each[1] for each in counters),
            'dropped': sum(each[2] for each in counters), 'memory': _resident(),
        }

    def await_exit(self, pid: int) -> None:
        """Wait for a child that belongs to nobody any more."""
        def gone() -> None:
            self.helpers.discard(pid)
            reap(pid)

        self.helpers.add(pid)
        self.loop.watch_exit(pid, gone)

    def upgrade_details(self) -> dict[str, Any]:
        """What is told after an upgrade."""
        return {'version': __version__, 'previous_version': self.previous_version, 'upgrades': self.upgrades}

    def close(self) -> None:
        """Give everything back. The processes go on by themselves."""
        if self.upgrader is not None:
            self.upgrader.close()
        self.sockets.remove(dict(self.sockets.by_name))
        self.capture.close()
        self.lookups.close()
        self.loop.close()
        self.origin.close()


def _resident() -> int:
    """The physical memory of this program in bytes; where the system does not tell, the most that it had."""
    with suppress(OSError), open('/proc/self/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == 'darwin' else peak * 1024  # getrusage(2): bytes there, kilobytes elsewhere
