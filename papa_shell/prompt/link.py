"""The prompt's connection: it comes back by itself, never starts a kernel again, and nothing is done twice unasked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from papa.client.dialing import Absent
from papa.errors import AccessDenied, ConnectFailed, ConnectionLost, Error
from papa_shell.confirm import agreed, answer
from papa_shell.prompt.standing import Standing
from papa_shell.prompt.waiting import told
from papa_shell.session import UNKNOWN, Interrupted, Session, has_gone, no_kernel, place
from papa_shell.statuses import TimedOut, put, say

if TYPE_CHECKING:
    from papa.client.sync import Papa
    from papa.line.calls import Call

PATIENCE = 2.0  # seconds that a kernel may take to come back before a command is given up
_RETRY = 0.05
_NO_ANSWER = (ConnectionLost, ConnectFailed, AccessDenied, TimedOut)


class Declined(Error):
    """The person does not want it done."""


class Link(Session):
    """Connections as `Session` has them; the one to the prompt's own place is looked after.

    `tell` shows at once what waits to be told. `left` is called when the kernel is to end, and `resume` when we have
    connected again.
    """

    def __init__(self, flags: dict[str, Any]) -> None:
        super().__init__()
        self._flags = flags
        self._home = place(flags)
        self.standing = Standing('')
        self.tell: Callable[[], object] = bool
        self.left: Callable[[], object] = bool
        self.resume: Callable[[], object] = bool

    def __enter__(self) -> Link:
        return self

    def open(self) -> dict[str, Any]:
        """Connect for the first time, which may start a kernel. Returns what it says of itself. Raises an `Error`."""
        try:
            papa = self.papa(self._flags, makes=True)
        except Absent as error:
            raise no_kernel(error) from None
        self.standing.where = str(papa.endpoint)
        with told(papa.endpoint):
            info = papa.kernel_info()
        self.standing.meet(info)
        return info

    def _call(self, call: Call, flags: dict[str, Any]) -> Any:
        papa = self.papa(flags, makes=call.makes)
        if place(flags) == self._home:
            self._freshen(papa, call)
        with told(papa.endpoint):
            result = super()._call(call, flags)
        if call.method == 'exit_if_idle' and result:
            self.left()
        return result

    def _freshen(self, papa: Papa, call: Call) -> None:
        """Connect again before anything is sent, if the connection has gone meanwhile. Raises an `Error`."""
        if not has_gone(papa):
            return
        papa.close()
        another = self.standing.meet(papa.kernel_info())
        self.resume()
        self.tell()
        if another and not call.reads and not _asked('Do it there? [y/N] '):
            raise Declined('Nothing was done there')

    def announce(self, flags: dict[str, Any], kernel: tuple[int, float]) -> None:
        """Say that this one is another than before; of the prompt's own, that was told when it was met."""
        if place(flags) != self._home:
            super().announce(flags, kernel)

    def _gone(self, flags: dict[str, Any]) -> str:
        gone = super()._gone(flags)
        return self.standing.told(gone) if place(flags) == self._home else gone

    def _after_loss(self, call: Call, flags: dict[str, Any], error: ConnectionLost) -> Any:
        """Send again what only reads; ask about what changes something, after saying what is known.

        Whatever ends that without an answer says it: whether a change was made is not known.
        """
        if call.reads:
            self._wait(flags, error)
            return self._call(call, flags)
        with _unknown(error, Error):
            self._wait(flags, error)
        say(f'{error}: {UNKNOWN}')
        with _unknown(error, *_NO_ANSWER):
            if not _asked('Send it again? [y/N] '):
                raise Declined('It was not sent again') from None
            return self._call(call, flags)

    def _wait(self, flags: dict[str, Any], error: ConnectionLost) -> None:
        """Wait for a kernel, and tell of it. Raises this error if none comes."""
        if not self._comes_back(flags):
            raise error
        self.tell()

    def _comes_back(self, flags: dict[str, Any]) -> bool:
        """Wait for a kernel, a moment."""
        deadline = time.monotonic() + PATIENCE
        while (info := self._look(flags)) is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(_RETRY)
        if place(flags) == self._home:
            self.standing.meet(info)
            self.resume()
        return True

    def _look(self, flags: dict[str, Any]) -> dict[str, Any] | None:
        try:
            return self.papa(flags).kernel_info()
        except (ConnectFailed, ConnectionLost):
            return None


def _asked(question: str) -> bool:
    put(question)
    return agreed(answer())


@contextmanager
def _unknown(lost: ConnectionLost, *kinds: type[Error]) -> Iterator[None]:
    """Add what is known of a lost command to these errors, and to an interrupt: nothing."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f'{lost}: {UNKNOWN}') from None
    except kinds as error:
        raise type(error)(f'{error}: {UNKNOWN}') from None
