"""The thread that asks the kernel to do something: one call at a time, on a connection of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from papa import Papa
from papa.errors import ConnectionLost, Error
from papa.line.calls import Call

Done = Callable[[Any, 'Error | None'], None]


class Doer(threading.Thread):
    """Makes calls in the order in which they were asked for. Never starts a kernel."""

    def __init__(self, port_or_path: int | str | None) -> None:
        super().__init__(name='doer', daemon=True)
        self._where = port_or_path
        self._jobs: queue.SimpleQueue[tuple[Call, Done] | None] = queue.SimpleQueue()

    def do(self, call: Call, done: Done) -> None:
        """Make a call. `done` is called by this thread with its result, or the error that it got."""
        self._jobs.put((call, done))

    def stop(self) -> None:
        """End it after the call that is under way. Does not wait for that."""
        self._jobs.put(None)

    def run(self) -> None:
        """What the thread does."""
        papa: Papa | None = None
        while (job := self._jobs.get()) is not None:
            call, done = job
            try:
                papa = papa or Papa(self._where, autostart=False)
                result = _do(papa, call)
            except Error as error:
                done(None, error)
            else:
                done(result, None)
        if papa is not None:
            papa.close()


def _do(papa: Papa, call: Call) -> Any:
    make = getattr(papa, call.method)
    try:
        return make(*call.arguments, **call.keywords)
    except ConnectionLost:  # perhaps long ago: what only reads is asked for again
        if not call.reads:
            raise
        return make(*call.arguments, **call.keywords)
