"""The thread that notices a kernel that is there and does not answer: stopped, or stuck.

A stream of changes cannot tell that: where nothing happens it is silent, too.
"""

from __future__ import annotations

import threading
import time

from papa import Papa
from papa.errors import Error
from papa_tui.feeds.alarm import Alarm

EVERY = 2.0  # seconds between two questions
PATIENCE = 4  # seconds, counted by `Silence.second`
_FOREVER = 86400.0  # seconds: a kernel that is stopped takes a connection, and does not greet; that is silence, too


class Pulse(threading.Thread):
    """Asks the kernel for a sign of life, again and again. `asked` is when it asked what was not answered yet."""

    def __init__(self, port_or_path: int | str | None, every: float = EVERY) -> None:
        super().__init__(name='pulse', daemon=True)
        self.asked: float | None = None
        self.every = every
        self._where = port_or_path
        self._alarm = Alarm()

    def stop(self) -> None:
        """End it. Does not wait for that."""
        self._alarm.stop()

    def run(self) -> None:
        """What the thread does."""
        with self._alarm:
            papa: Papa | None = None
            self._alarm.wait(seconds=self.every)  # the first picture comes first
            while not self._alarm.stopped:
                self.asked = time.time()
                try:
                    papa = papa or Papa(self._where, _FOREVER, autostart=False)
                    papa.kernel_info()
                except Error:
                    pass  # whether there is a kernel at all is the business of `ChangesFeed`
                self.asked = None
                self._alarm.wait(seconds=self.every)
            if papa is not None:
                papa.close()


class Silence:
    """How long a question may be open. `second` is called each second, and those calls are what is counted, not the
    time: a dashboard that was suspended, or starved by a busy machine, has not waited for an answer."""

    def __init__(self, patience: int = PATIENCE) -> None:
        self.patience = patience
        self._since: float | None = None
        self._seconds = 0

    def second(self, asked: float | None, heard: float) -> float | None:
        """A second has passed. `asked` is when the question was asked that is open, `heard` when the kernel was last
        heard of. Returns since when it is silent; None while it is not, or may not be."""
        since = None if asked is None else max(asked, heard)
        if since is None or since != self._since:
            self._since, self._seconds = since, 0
            return None
        self._seconds += 1
        return since if self._seconds >= self.patience else None
