"""Whether the terminal takes what is written to it: what it has not taken, nobody has seen."""

from __future__ import annotations

from queue import Queue
from typing import Any

from textual.app import App


class Keeping:
    """Asks whether a terminal keeps up. Textual writes with a thread, which has a queue. `blind`: this one has none
    that is known, and nobody can tell."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self.blind = False

    def keeps_up(self) -> bool:
        """Whether all has been written that was to be when this was asked the last time."""
        driver = self._app._driver
        if driver is None or driver.is_headless:  # no terminal
            return True
        writer = getattr(driver, '_writer_thread', None)
        waiting: Queue[str | None] | None = getattr(writer, '_queue', None)
        if waiting is None:
            self.blind = True
            return False
        if waiting.qsize():
            return False
        waiting.put('')  # it stays there if the thread cannot write what it has taken
        return True
