"""The kernel: all that it holds."""

from __future__ import annotations

from papa.kernel.capture import Capture
from papa.kernel.lookups import Lookups
from papa.kernel.loop import Loop
from papa.kernel.origin import Origin
from papa.kernel.processes import Processes
from papa.kernel.sockets import Sockets


class Kernel:
    """The state of one kernel, and what works on it. Handlers get it; who is connected it does not know."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.loop = Loop()
        self.values: dict[str, str] = {}
        self.sockets = Sockets()
        self.processes = Processes()
        self.capture = Capture(self.loop, self.processes)
        self.lookups = Lookups(self.loop, origin)
        self.exit_when_unused = False  # somebody has asked for that, and nobody has connected since

    @property
    def idle(self) -> bool:
        """Whether it holds nothing."""
        return not (self.sockets.by_name or self.values or self.processes.by_name or self.processes.starting)

    def close(self) -> None:
        """Give everything back. The processes go on by themselves."""
        self.sockets.remove(dict(self.sockets.by_name))
        self.capture.close()
        self.lookups.close()
        self.loop.close()
        self.origin.close()
