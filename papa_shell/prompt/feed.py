"""Names as they are in the kernel, kept by listening to its changes on a thread of its own: nothing is polled.

The thread takes rests, so that a key that is typed meanwhile does not wait for it.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from papa.client import settings
from papa.client.sync import Papa
from papa.errors import Error
from papa.line.snapshot import PLACES, Names
from papa_shell.prompt.standing import Strange

if TYPE_CHECKING:
    from papa.client.changes import Changes
    from papa.events import Change
    from papa_shell.prompt.standing import Standing

RETRY = 0.5  # seconds between two looks for a kernel that has gone
_REST = 0.0005  # seconds: enough for whoever waits for the interpreter
_BUSY = 20  # changes in a row without a rest


class Feed:
    """Listens at one place, `where`. A list of `names` is changed with the `lock` only: whoever goes through one takes
    it. Whether there is some name can be seen without.

    `changed` is called, on that thread, when they have changed; whoever shows them puts its own there.
    """

    def __init__(self, where: int | str | None, timeout: float | None, standing: Standing) -> None:
        self.names = Names()
        self.names.is_here = self._is_here
        self.version = 0  # of the names: another one after each change
        self.lock = threading.Lock()
        self.changed: Callable[[], object] = bool
        self._where = where
        here = settings.endpoint(where)
        self._place = {'port': str(here.port)} if here.path is None else {'unix_socket': here.path}
        self._timeout = timeout
        self._standing = standing
        self._paused = False
        self._stopping = False
        self._asking = False
        self._since_rest = 0
        self._ears, self._mouth = os.pipe()
        for fd in (self._ears, self._mouth):
            os.set_blocking(fd, False)
        self._thread = threading.Thread(target=self._run, name='papa-names', daemon=True)

    def _is_here(self, given: Mapping[str, str]) -> bool:
        named = {option: text for option, text in given.items() if option in PLACES}
        return not named or named == self._place

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def pause(self) -> None:
        """Let go of the connection until `resume`: a kernel that is to end waits for that."""
        self._paused = True
        self._call()

    def resume(self) -> None:
        """Listen again, or look for a kernel at once."""
        self._paused = False
        self._call()

    def ask(self) -> None:
        """See whether the kernel answers: `Standing.silence` tells. Nothing else would show that it hangs."""
        if not self._paused:
            self._standing.ask()
            self._asking = True
            self._call()

    def stop(self, patience: float = 1.0) -> None:
        """End. A thread that waits for a kernel that hangs is left to itself after so many seconds."""
        if self._mouth < 0:
            return
        self._stopping = True
        self._call()
        if self._thread.is_alive():
            self._thread.join(patience)
        if not self._thread.is_alive():
            for fd in (self._ears, self._mouth):
                os.close(fd)
            self._ears = self._mouth = -1

    def _call(self) -> None:
        if self._mouth >= 0:
            with suppress(BlockingIOError):
                os.write(self._mouth, b'!')

    # On the thread

    def _run(self) -> None:
        while not self._stopping:
            if not self._paused:
                try:
                    self._listen()
                except Exception as error:  # noqa: BLE001 - if the thread ended nobody would say that names are old
                    self._standing.lose(_told(error))
                else:
                    self._standing.leave()
            self._wait(None if self._paused else RETRY)

    def _listen(self) -> None:
        """Listen until we are called or the kernel goes, which is an `Error`."""
        with Papa(self._where, self._timeout, autostart=False) as papa:
            info: dict[str, Any] | None = papa.kernel_info()
            with papa.changes() as changes:
                while not (self._paused or self._stopping):
                    if self._asking:
                        self._asking = False
                        papa.kernel_info()
                        self._standing.hear()
                    if not changes.ready:
                        self._wait(None, changes)
                        continue
                    self._take(next(changes))
                    if info is not None:  # we have all names: a kernel that we do not understand is not met
                        self._standing.meet(info)
                        info = None

    def _wait(self, seconds: float | None, changes: Changes | None = None) -> None:
        """Wait for a change, for a call, or so many seconds."""
        if self._stopping:
            return
        poller = select.poll()
        poller.register(self._ears, select.POLLIN)
        if changes is not None:
            poller.register(changes.fileno(), select.POLLIN)
        poller.poll(None if seconds is None else seconds * 1000)
        with suppress(BlockingIOError):
            os.read(self._ears, 100)

    def _take(self, change: Change) -> None:
        if change.kind == 'kernel':
            self._standing.upgraded(change.details)
        elif change.change == 'snapshot':
            self.names.apply(change, _rest)
        else:
            with self.lock:
                self.names.apply(change)
            self._since_rest += 1
            if self._since_rest % _BUSY == 0:
                _rest()
        self.version += 1
        self.changed()


def _told(error: Exception) -> Error:
    """What to tell of what has ended the listening. All but an `Error` comes from an answer of unexpected shape."""
    if isinstance(error, Error):
        return error
    return Strange(f'What the kernel tells of its names is not understood ({type(error).__name__}: {error})')


def _rest() -> None:
    time.sleep(_REST)
