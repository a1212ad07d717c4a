"""The prompt's connection: it comes back by itself, never starts a kernel again, and nothing is done twice unasked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from papa.client import settings
from papa.client.dialing import Absent
from papa.errors import AccessDenied, BadRequest, ConnectFailed, ConnectionLost, Error
from papa.line.kernels import identity
from papa_shell.confirm import agreed, ask
from papa_shell.prompt.standing import Known, Standing
from papa_shell.prompt.waiting import told
from papa_shell.session import UNKNOWN, Following, Interrupted, another_kernel, no_kernel, place
from papa_shell.statuses import TimedOut, say

if TYPE_CHECKING:
    from papa.client.sync import Papa
    from papa.line.calls import Call

PATIENCE = 2.0  # seconds that a kernel may take to come back before a command is given up
_RETRY = 0.05
_NO_ANSWER = (ConnectionLost, ConnectFailed, AccessDenied, TimedOut)


class Declined(Error):
    """The person does not want it done."""


class Link(Following):
    """Connections of which each is looked after: what changes something is for the kernel that the person knew when
    it was `entered`, and where another one answers, that is asked about.

    `tell` shows at once what waits to be told of the prompt's own place. `left` is called when the kernel there is to
    end, and `resume` when we have connected again.
    """

    def __init__(self, flags: dict[str, Any]) -> None:
        super().__init__()
        self._flags = flags
        self._home = place(flags)
        self._known: dict[int | str | None, Known] = {}  # elsewhere
        self._meant: dict[int | str | None, tuple[int, float]] = {}  # by where, the kernels that commands are for
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
        return self._meet(papa, self._flags)

    def entered(self) -> None:
        """A line was entered just now."""
        self._meant = {where: known.now for where, known in self._known.items()}
        if self.standing.known is not None:
            self._meant[self._home] = self.standing.known.now

    def papa(self, flags: dict[str, Any], *, makes: bool = False) -> Papa:
        """The same, which may take long where there is no connection yet."""
        where = place(flags)
        if where in self._papas:
            return self._papas[where]
        with told(_named(where)):
            return super().papa(flags, makes=makes)

    def _reach(self, call: Call, flags: dict[str, Any]) -> Papa:
        papa = super()._reach(call, flags)
        where = place(flags)
        kernel = self._kernels[where]
        if self._meant.setdefault(where, kernel) != kernel and not call.reads:
            self.tell()
            if not agreed(ask(f'Do it at this other kernel (PID {kernel[0]})? [y/N] ')):
                raise Declined('Nothing was done there')
            self._meant[where] = kernel
        return papa

    def _meet(self, papa: Papa, flags: dict[str, Any]) -> dict[str, Any]:
        with told(papa.endpoint):
            info = super()._meet(papa, flags)
        if place(flags) == self._home:
            self.standing.meet(info)
            self.resume()
            self.tell()
        else:
            self._known.setdefault(place(flags), Known(identity(info)))
        return info

    def _another(self, papa: Papa, flags: dict[str, Any], kernel: tuple[int, float]) -> None:
        """Tell of it; at the prompt's own place that is told with what else there is to tell."""
        if place(flags) != self._home:
            say(another_kernel(papa.endpoint, kernel))
            self._known[place(flags)].tell(kernel)

    def _send(self, papa: Papa, call: Call, flags: dict[str, Any]) -> Any:
        with told(papa.endpoint):
            result = super()._send(papa, call, flags)
        if call.method == 'exit_if_idle' and result and place(flags) == self._home:
            self.left()
        return result

    def announce(self, flags: dict[str, Any], kernel: tuple[int, float]) -> None:
        """Say that this one is another than before: that was told when it was met."""

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
            if not agreed(ask('Send it again? [y/N] ')):
                raise Declined('It was not sent again') from None
            self._meant[place(flags)] = self._kernels[place(flags)]  # which was told
            return self._call(call, flags)

    def _wait(self, flags: dict[str, Any], error: ConnectionLost) -> None:
        """Wait for a kernel, a moment. Raises this error if none comes."""
        deadline = time.monotonic() + PATIENCE
        while not self._look(flags):
            if time.monotonic() > deadline:
                raise error
            time.sleep(_RETRY)

    def _look(self, flags: dict[str, Any]) -> bool:
        """Whether a kernel is there."""
        try:
            self._meet(self.papa(flags), flags)
        except (ConnectFailed, ConnectionLost):
            return False
        return True


def _named(where: int | str | None) -> object:
    """How to call a place; one that is named wrongly is told by whoever connects."""
    try:
        return settings.endpoint(where)
    except BadRequest:
        return where


@contextmanager
def _unknown(lost: ConnectionLost, *kinds: type[Error]) -> Iterator[None]:
    """Add what is known of a lost command to these errors, and to an interrupt: nothing."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f'{lost}: {UNKNOWN}') from None
    except kinds as error:
        raise type(error)(f'{error}: {UNKNOWN}') from None
