"""Each call: the fields to send, and what to make of the result. Nothing here does I/O.

The functions have the names and the parameters of the methods of `Papa`, where they are documented. `Papa`,
`AsyncPapa` and pipelines share them.
"""

from __future__ import annotations

from papa.client import arguments
from papa.client.arguments import UNSET, Unset
from papa.wire.client import ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from os import PathLike
    from typing import Any, TypeVar

    from papa.client.change_state import ChangeState
    from papa.client.watch_state import WatchState

    T = TypeVar('T')
    Call = tuple[list[str], Callable[[Any], T]]
    Argument = str | bytes | PathLike[Any] | int | float


class Opening:
    """What makes the state of a stream of the reply that begins it; the stream takes the connection over."""

    __slots__ = ('_make',)

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self._make = make

    def __call__(self, reply: Any) -> Any:
        """The state. Raises `ProtocolError` if the reply makes no sense: what follows it would make none either."""
        try:
            return self._make(reply)
        except (LookupError, TypeError, ValueError, AttributeError):
            raise ProtocolError(f'not a reply that begins a stream: {reply!r:.80}') from None


# Most programs do without streams: what they need is imported here, and before the request is sent, lest a failure of
# that be taken for one of the connection.


def _opening_watch(**how: Any) -> Opening:
    from papa.client.watch_state import WatchState

    return Opening(lambda reply: WatchState(reply['watching'], **how))


def _opening_changes(kinds: Sequence[str]) -> Opening:
    from papa.client.change_state import ChangeState

    return Opening(lambda _: ChangeState(kinds))


def _as_it_is(reply: Any) -> Any:
    return reply


def _nothing(_reply: Any) -> None:
    return None


def _true(_reply: Any) -> bool:
    return True


def whether_it_exits(reply: Any) -> bool:
    return str(reply).startswith('Exiting')


# Sockets


def list_sockets(*names: str | int) -> Call[dict[str, dict[str, Any]]]:
    return arguments.names('list sockets', names), dict


def make_socket(
    name: str, host: str | None = None, port: int | None = None, family: int | None = None,
    socket_type: int | None = None, backlog: int | None = None, path: str | PathLike[str] | None = None,
    umask: int | None = None, interface: str | None = None, reuseport: bool | None = None,
) -> Call[dict[str, Any]]:
    if path is None:
        umask = None  # as papa 1.0 has it: circus always gives one, which means only Unix sockets
    options = {
        'host': host, 'port': port, 'family': arguments.constant('family', family, arguments.FAMILIES),
        'type': arguments.constant('socket_type', socket_type, arguments.TYPES), 'backlog': backlog,
        'path': arguments.path('path', path), 'umask': umask, 'interface': interface,
        'reuseport': '1' if reuseport else None,
    }
    fields = ['make socket', arguments.name_word(name), *arguments.words(options), '--']
    return fields, lambda reply: dict(reply[name])


def remove_sockets(*names: str | int) -> Call[bool]:
    return arguments.names('remove sockets', names), _true


# Values


def list_values(*names: str) -> Call[dict[str, str]]:
    return arguments.names('list values', names), dict


def set(  # noqa: A001 - the name of the method
    name: str, value: str | None = None, *, expected: str | Unset | None = UNSET
) -> Call[None]:
    word = arguments.name_word(name)
    words = [] if value is None else [arguments.value_word(value)]
    if expected is UNSET:
        return ['set', word, *words], _nothing
    fields = ['compare-and-set', word]
    if expected is not None:
        fields.append(f'expected={arguments.value_word(expected)}')
    return fields + [f'value={text}' for text in words], _nothing


def get(name: str) -> Call[str | None]:
    if not isinstance(name, str):
        arguments.name_word(name)
    return ['get', name], _as_it_is


def remove_values(*names: str) -> Call[bool]:
    return arguments.names('remove values', names), _true


# Processes


def list_processes(*names: str | int) -> Call[dict[str, dict[str, Any]]]:
    return arguments.names('list processes', names), dict


def make_process(
    name: str, executable: Argument | None = None, args: Argument | Iterable[Argument] | None = None,
    env: Mapping[Any, Any] | None = None, working_dir: str | PathLike[str] | None = None,
    uid: int | str | None = None, gid: int | str | None = None, rlimits: Mapping[str, int] | None = None,
    stdout: int | None = None, stderr: int | None = None, bufsize: int | str | None = None,
    watch_immediately: bool | None = None, overflow: str | None = None, umask: int | None = None,
) -> Call[Any]:
    options = {
        'working_dir': arguments.path('working_dir', working_dir), 'uid': uid, 'gid': gid, 'bufsize': bufsize,
        'stdout': arguments.stream('stdout', stdout), 'stderr': arguments.stream('stderr', stderr),
        'overflow': overflow, 'umask': umask, 'watch': '1' if watch_immediately else None,
        **arguments.limits(rlimits), 'env': 'empty' if env is not None and not env else None,
    }
    words = arguments.words(options) + arguments.environment(arguments.mapping('env', env))
    fields = ['make process', arguments.name_word(name), *words, '--', *arguments.argv(executable, args)]
    if watch_immediately:
        return fields, _opening_watch()
    return fields, lambda reply: reply[name]


def remove_processes(*names: str | int) -> Call[bool]:
    return arguments.names('remove processes', names), _true


def acknowledge_output(name: str, position: int, id: str | None = None) -> Call[int]:  # noqa: A002 - the kernel's word
    words = [] if id is None else [arguments.id_word(id)]
    return ['acknowledge', arguments.name_word(name), arguments.position_word(position), *words], int


def watch_processes(
    *names: str | int, peek: bool = False, last: int | str | None = None, follow: bool = False,
    since: Mapping[str, tuple[str, int]] | None = None,
) -> Call[WatchState]:
    places = arguments.mapping('since', since)
    options = {
        'peek': '1' if peek else None, 'last': last, 'follow': '1' if follow else None,
        'since': ','.join(map(arguments.place_word, places.values())) or None,
    }
    words = arguments.words(options)
    command, *patterns = arguments.names('watch processes', names)
    if words or '--' in patterns:
        words.append('--')
    ids = {name: place[0] for name, place in places.items()}
    return [command, *words, *patterns], _opening_watch(peek=bool(peek), follow=bool(follow), expected=ids)


# The rest


def changes(*kinds: str, every: float | None = None) -> Call[ChangeState]:
    asked = arguments.kinds(kinds)
    return ['changes', *arguments.every(every), *asked], _opening_changes(asked or arguments.KINDS)


def kernel_info() -> Call[dict[str, Any]]:
    return ['info'], dict


def upgrade(python: str | PathLike[str] | None = None) -> Call[dict[str, Any]]:
    return ['upgrade', *arguments.words({'python': arguments.interpreter(python)})], dict


def exit_if_idle() -> Call[bool]:
    return ['exit-if-idle'], whether_it_exits
