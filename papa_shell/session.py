"""Connections to kernels: who may start one, how long to wait, and what may be sent again."""

from __future__ import annotations

from papa.client.sync import Papa
from papa.errors import ConnectionLost
from papa.line.calls import Call
from papa_shell.statuses import TimedOut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from papa.line.grammar import Line

UNKNOWN = 'whether it was done is not known'


def place(flags: dict[str, Any]) -> int | str | None:
    """The place that options name: a port, a path, or None for what the environment says."""
    return int(flags['port']) if 'port' in flags else flags.get('unix_socket')


class Interrupted(KeyboardInterrupt):
    """The person has interrupted a command; what is known of it is the text."""


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
            papa = self._papas[where] = Papa(where, flags.get('timeout'), autostart=starts)
        return papa

    def call(self, line: Line, call: Call, flags: dict[str, Any]) -> Any:
        """Make a call and return its result. Raises an `Error`, or `Interrupted`.

        After a lost connection what only reads is sent once more; what changes something never is.
        """
        try:
            return self._call(call, flags)
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

    def _after_loss(self, call: Call, flags: dict[str, Any], error: ConnectionLost) -> Any:
        """The connection was lost in the middle of a call: what may be done is done, else this raises."""
        if call.reads:
            return self._call(call, flags)
        raise ConnectionLost(f'{error}: {UNKNOWN}') from None

    def _call(self, call: Call, flags: dict[str, Any]) -> Any:
        papa = self.papa(flags, makes=call.makes)
        seconds = flags.get('timeout')
        if seconds is None:
            return getattr(papa, call.method)(*call.arguments, **call.keywords)
        with Deadline(seconds):
            return getattr(papa, call.method)(*call.arguments, **call.keywords)


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
        raise TimedOut(f'The kernel has not answered in {self._seconds:g} seconds')

