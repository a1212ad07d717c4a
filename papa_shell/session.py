"""Connections to kernels: who may start one, how long to wait, and what may be sent again."""

from __future__ import annotations

import os
import select
import stat
from contextlib import contextmanager

from papa.client.dialing import Absent, spelt_out
from papa.client.sync import Papa
from papa.endpoint import ENVIRONMENT_VARIABLE
from papa.errors import BadRequest, ConnectFailed, ConnectionLost
from papa.line.calls import Call
from papa.line.errors import BadLine
from papa.line.kernels import identity
from papa.line.quoting import join
from papa_shell.statuses import TimedOut, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from papa.line.grammar import Line

UNKNOWN = 'whether it was done is not known'


def place(flags: dict[str, Any]) -> int | str | None:
    """The place that options name: a port, a path, or None for what the environment says."""
    return int(flags['port']) if 'port' in flags else flags.get('unix_socket')


class Interrupted(KeyboardInterrupt):
    """The person has interrupted a command; what is known of it is the text."""


class Replaced(ConnectFailed):
    """There is another kernel than the one that a script is for."""


class Session:
    """The kernels that one run talks to, by where they are.

    The first connection to a place may start a kernel there, if the command makes or sets something. Later ones
    never do: a new kernel would be empty, and nobody would notice.
    """

    def __init__(self) -> None:
        self._papas: dict[int | str | None, Papa] = {}

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        for papa in self._papas.values():
            papa.close()

    def papa(self, flags: dict[str, Any], *, makes: bool = False) -> Papa:
        """The client for the place that these options name. Raises an `Error`."""
        where = place(flags)
        papa = self._papas.get(where)
        if papa is None:
            starts = makes and 'no_autostart' not in flags
            try:
                papa = Papa(where, flags.get('timeout'), autostart=starts)
            except BadRequest as error:  # the options are checked: it is what PAPA_ENDPOINT says
                raise BadLine(f'{ENVIRONMENT_VARIABLE}: {error}') from None
            self._papas[where] = papa
        return papa

    def call(self, line: Line, call: Call, flags: dict[str, Any]) -> Any:
        """Make a call and return its result. Raises an `Error`, or `Interrupted`.

        After a lost connection what only reads is sent once more; what changes something never is.
        """
        try:
            return self._try(line, call, flags)
        except Absent as error:
            might = place(flags) not in self._papas and 'no_autostart' not in flags
            raise no_kernel(error, ', and so does a command that makes or sets something' if might else '') from None

    def loss(self, flags: dict[str, Any], error: ConnectionLost) -> ConnectionLost:
        """What to raise where a stream has lost its kernel. Raises an `Error`."""
        try:
            self._call(Call('kernel_info', reads=True), flags)
        except (ConnectFailed, ConnectionLost):
            return ConnectionLost(self._gone(flags))
        return ConnectionLost(f'{error}: what was not acknowledged comes again, if it still is that kernel')

    def _gone(self, flags: dict[str, Any]) -> str:
        return f'The kernel at {self.papa(flags).endpoint} has gone, and with it what nobody had acknowledged'

    def _try(self, line: Line, call: Call, flags: dict[str, Any]) -> Any:
        try:
            with _unsent(call):
                papa = self._reach(call, flags)
            return self._send(papa, call, flags)
        except Interrupted:
            raise
        except ConnectionLost as error:
            return self._after_loss(call, flags, error)
        except TimedOut as error:
            raise error if call.reads else TimedOut(f'{error}: {UNKNOWN}') from None
        except KeyboardInterrupt:
            raise Interrupted('' if call.reads else f'Interrupted in "{line.command.name}": {UNKNOWN}') from None

    def listed(self, line: Line, flags: dict[str, Any], kind: str, names: Sequence[str]) -> dict[str, Any]:
        """Details by name of what names mean at this moment. Raises as `call`."""
        found: dict[str, Any] = self.call(line, Call(f'list_{kind}', *names, reads=True), flags)
        return found

    def kernel(self, line: Line, flags: dict[str, Any]) -> tuple[int, float]:
        """Which kernel it is that answers now. Raises as `call`."""
        return identity(self.call(line, Call('kernel_info', reads=True), flags))

    def announce(self, flags: dict[str, Any], kernel: tuple[int, float]) -> None:
        """Say that this one is another than before."""
        say(another_kernel(self.papa(flags).endpoint, kernel))

    def _after_loss(self, call: Call, flags: dict[str, Any], error: ConnectionLost) -> Any:
        """The connection was lost in the middle of a call: what may be done is done, else this raises."""
        if call.reads:
            return self._call(call, flags)
        raise ConnectionLost(f'{error}: {UNKNOWN}') from None

    def _call(self, call: Call, flags: dict[str, Any]) -> Any:
        return self._send(self._reach(call, flags), call, flags)

    def _reach(self, call: Call, flags: dict[str, Any]) -> Papa:
        """The client that a call is sent with: nothing of it has been sent yet. Raises an `Error`."""
        return self.papa(flags, makes=call.makes)

    def _send(self, papa: Papa, call: Call, flags: dict[str, Any]) -> Any:
        with bounded(flags):
            return getattr(papa, call.method)(*call.arguments, **call.keywords)


@contextmanager
def _unsent(call: Call) -> Iterator[None]:
    """Nothing of a call is sent inside: where that fails, what was to change something says so."""
    try:
        yield
    except (Absent, Replaced):
        raise
    except (ConnectFailed, ConnectionLost, TimedOut) as error:
        raise error if call.reads else ConnectFailed(f'{error}: nothing was sent') from None
    except KeyboardInterrupt:
        raise Interrupted('' if call.reads else 'Interrupted: nothing was sent') from None


def no_kernel(absent: Absent, more: str = '') -> ConnectFailed:
    """What to raise where there is none: with what starts one, or what is in its way."""
    path = absent.endpoint.path
    obstacle = None if path is None else _obstacle(path)
    if obstacle:
        return ConnectFailed(f'{absent}: {obstacle}')
    return ConnectFailed(f'{absent}: "papa --daemonize {join(list(absent.endpoint.arguments))}" starts one{more}')


def _obstacle(path: str) -> str:
    """Why a kernel could not be started at a path; empty if nothing is known."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        folder = os.path.dirname(path)
        return '' if os.path.isdir(folder) else f'there is no directory {folder}'
    return '' if stat.S_ISSOCK(mode) else f'that is {"a directory" if stat.S_ISDIR(mode) else "a file"}, not a socket'


class Following(Session):
    """Connections of which it is known what kernel each leads to."""

    def __init__(self) -> None:
        super().__init__()
        self._kernels: dict[int | str | None, tuple[int, float]] = {}  # by where, those that were met last

    def __enter__(self) -> Following:
        return self

    def _reach(self, call: Call, flags: dict[str, Any]) -> Papa:
        papa = super()._reach(call, flags)
        if place(flags) not in self._kernels:
            self._meet(papa, flags)
        elif has_gone(papa):
            papa.close()
            self._meet(papa, flags)
        return papa

    def _meet(self, papa: Papa, flags: dict[str, Any]) -> dict[str, Any]:
        """See who answers there now, after connecting again if need be. Raises an `Error`."""
        where = place(flags)
        with bounded(flags):
            info = papa.kernel_info()
        before, now = self._kernels.get(where), identity(info)
        self._kernels[where] = now
        if before not in (None, now):
            self._another(papa, flags, now)
        return info

    def _another(self, papa: Papa, flags: dict[str, Any], kernel: tuple[int, float]) -> None:
        """There is another kernel than before."""
        raise NotImplementedError


class Steady(Following):
    """The connections of a script: its commands belong together, so that they are not for another kernel.

    The first command that would meet one fails, and says so.
    """

    def __enter__(self) -> Steady:
        return self

    def _send(self, papa: Papa, call: Call, flags: dict[str, Any]) -> Any:
        result = super()._send(papa, call, flags)
        if call.method == 'exit_if_idle' and result:
            del self._kernels[place(flags)]  # its end was wanted
        return result

    def _another(self, papa: Papa, flags: dict[str, Any], kernel: tuple[int, float]) -> None:
        raise Replaced(another_kernel(papa.endpoint, kernel))


def another_kernel(where: object, kernel: tuple[int, float]) -> str:
    """What to say of one that was not there before."""
    return f'Another kernel is at {where} (PID {kernel[0]}): what the old one held is gone'


def has_gone(papa: Papa) -> bool:
    """Whether it has no connection, or one that has ended: nothing else makes an idle one readable."""
    fd = papa.fileno()
    if fd is None or fd < 0:
        return True
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return bool(poller.poll(0))


@contextmanager
def bounded(flags: Mapping[str, Any]) -> Iterator[None]:
    """Bound what happens inside by the ``--timeout`` of these options, if there is one. Raises `TimedOut`."""
    seconds = flags.get('timeout')
    if seconds is None:
        yield
        return
    with Deadline(seconds):
        yield


class Deadline:
    """Bounds what happens inside by a time: raises `TimedOut` there. Only for the main thread."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        import signal

        self._before = signal.signal(signal.SIGALRM, self._over)
        signal.setitimer(signal.ITIMER_REAL, self._seconds)

    def __exit__(self, *_: object) -> None:
        import signal

        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)

    def _over(self, *_: object) -> None:
        raise TimedOut(f'The kernel has not answered in {spelt_out(self._seconds)}')

