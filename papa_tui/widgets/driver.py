"""How the terminal is written to: one that takes nothing any more stops neither the keys nor the end."""

from __future__ import annotations

import signal
import termios
import time
from contextlib import suppress
from queue import Empty, Queue

from textual.drivers.linux_driver import LinuxDriver

_MOST = 30  # writes that wait for the terminal, about ten drawings: beyond that nothing is drawn until it has taken all
_LOOK = 0.05  # seconds
_PATIENCE = 0.5  # seconds that a terminal has to take the rest, once and once again
_AS_IT_WAS = (  # after whatever was cut: mouse, paste, wrapping, focus, keyboard, the other screen, the cursor
    '\x18\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1004l\x1b[<u\x1b[?1049l\x1b[?25h'
)


class Driver(LinuxDriver):
    """Textual's driver writes with a thread, and blocks when the queue of that thread is full: no key is heard then,
    and no signal. Here nothing is drawn meanwhile, and what cannot be written is given up in the end.

    `stuck`: even that did not help, and the thread still writes.
    """

    stuck = False
    _behind = False

    @property
    def _queue(self) -> Queue[str | None]:
        assert self._writer_thread is not None
        return self._writer_thread._queue

    def start_application_mode(self) -> None:
        """Begin to draw."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._writer_thread is not None:
            self._queue.maxsize = 0  # it never blocks

    def write(self, data: str) -> None:
        """Write, soon."""
        super().write(data)
        if not self._behind and self._queue.qsize() > _MOST:
            self._behind = True
            self._loop.call_soon_threadsafe(self._wait)  # the thread that reads keys writes, too

    def _wait(self) -> None:
        self._app._begin_batch()
        self._look()

    def _look(self) -> None:
        """Draw again once all has been taken."""
        if self._writer_thread is not None and self._queue.qsize():
            self._loop.call_later(_LOOK, self._look)
            return
        self._behind = False
        self._app._end_batch()
        if self._app.is_running:
            self._app.refresh(repaint=True, layout=True)

    def close(self) -> None:
        """Write the rest, if the terminal takes it; else only what leaves it as it was."""
        writer = self._writer_thread
        if writer is None:
            return
        self._queue.put(None)
        writer.join(_PATIENCE)
        if not writer.is_alive():
            return
        with suppress(Empty):
            while True:
                self._queue.get_nowait()
        self._queue.put(_AS_IT_WAS)
        self._queue.put(None)
        signal.signal(signal.SIGURG, lambda _number, _frame: None)  # by default it would not interrupt
        deadline = time.monotonic() + _PATIENCE
        while writer.is_alive() and time.monotonic() < deadline:
            with suppress(termios.error):
                termios.tcflush(writer.fileno(), termios.TCOFLUSH)  # makes room, which wakes nobody
            if writer.ident is not None:
                signal.pthread_kill(writer.ident, signal.SIGURG)  # it writes on
            writer.join(_LOOK)
        self.stuck = writer.is_alive()
