"""The thread that listens to what the kernel holds. It loses the kernel and finds it again, for as long as it takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from papa import Papa
from papa.errors import Error
from papa.events import Change
from papa_tui.feeds.alarm import Alarm
from papa_tui.feeds.mailbox import Mailbox

RETRY = 1.0  # seconds
EVERY = 1.0  # seconds between counters
_MOST = 5000  # changes that wait for the UI; beyond that the kernel keeps the rest, and in the end a new snapshot


class Connected(NamedTuple):
    """There is a kernel; `info` is what it says of itself, `at` when it did."""

    info: dict[str, Any]
    at: float


class Lost(NamedTuple):
    """There is no kernel; `trouble` says why."""

    trouble: str
    at: float


class Changed(NamedTuple):
    """A change, and when it was heard."""

    change: Change
    at: float


News = Connected | Lost | Changed


class ChangesFeed(threading.Thread):
    """Listens to `Papa.changes`. `news` is what it has heard. Only its very first attempt may start a kernel.

    `began` is set once that attempt has succeeded, or has failed with `failure`. `heard`: when it last was.
    """

    def __init__(
        self, port_or_path: int | str | None, bell: Callable[[], None], *, autostart: bool, every: float = EVERY
    ) -> None:
        super().__init__(name='changes', daemon=True)
        self.news: Mailbox[News] = Mailbox(bell, _MOST)
        self.began = threading.Event()
        self.failure: Error | None = None
        self.heard = 0.0
        self._where = port_or_path
        self._autostart = autostart
        self._every = every
        self._alarm = Alarm()

    def stop(self) -> None:
        """End it. Does not wait for that."""
        self.news.close()
        self._alarm.stop()

    def run(self) -> None:
        """What the thread does."""
        with self._alarm:
            while not self._alarm.stopped:
                try:
                    self._listen()
                except Error as error:
                    if not self.began.is_set():
                        self.failure = error
                    self.news.put(Lost(str(error), time.time()))
                finally:
                    self.began.set()
                if not self._alarm.stopped:
                    self._alarm.wait(seconds=RETRY)

    def _listen(self) -> None:
        first = not self.began.is_set()
        with Papa(self._where, autostart=first and self._autostart) as papa:
            info = papa.kernel_info()
            self.heard = time.time()
            self.news.put(Connected(info, self.heard))
            changes = papa.changes(every=self._every)
            self.began.set()
            try:
                while not self._alarm.stopped:
                    if changes.ready:
                        change = next(changes)
                        self.heard = time.time()
                        self.news.put(Changed(change, self.heard))
                    else:
                        self._alarm.wait(changes.fileno())
            finally:
                changes.close()
