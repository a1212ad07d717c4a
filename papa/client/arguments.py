"""The words of a request: what the arguments of a call become, and what is wrong with those that cannot be sent."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from papa.errors import BadRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

PIPE, STDOUT, DEVNULL = -1, -2, -3  # those of subprocess, which is slow to import

FAMILIES = {socket.AF_INET: 'inet', socket.AF_INET6: 'inet6', socket.AF_UNIX: 'unix'}
TYPES = {
    getattr(socket, f'SOCK_{name.upper()}'): name
    for name in ('stream', 'dgram', 'raw', 'rdm', 'seqpacket')
    if hasattr(socket, f'SOCK_{name.upper()}')
}
_STREAMS = {PIPE: 'pipe', DEVNULL: 'devnull', STDOUT: 'stdout'}


class Unset:
    """The type of `UNSET`."""

    def __repr__(self) -> str:
        return 'UNSET'


UNSET = Unset()
"""The default of an argument for which None means something."""

KINDS = ('sockets', 'values', 'processes')


def names(command: str, given: Iterable[object]) -> list[str]:
    """A command whose words are names."""
    return [command, *map(_name_or_number, given)]


def _name_or_number(given: object) -> str:
    if isinstance(given, int) and not isinstance(given, bool):  # a PID or a file number
        return str(given)
    return name_word(given)


def name_word(given: object) -> str:
    """A name as a word."""
    if isinstance(given, str):
        return given
    raise BadRequest(f'A name is text, not {given!r}')


def value_word(given: object) -> str:
    """A value as a word."""
    if isinstance(given, str):
        return given
    raise BadRequest(f'A value is text, not {type(given).__name__}: encode it first, with json for example')


def position_word(given: object) -> str:
    """A position in the output of a process as a word."""
    if isinstance(given, int) and not isinstance(given, bool) and given >= 0:
        return str(given)
    raise BadRequest(f'A position is a number of bytes, not {given!r}')


def id_word(given: object) -> str:
    """The `id` of a process as a word."""
    if isinstance(given, str) and given and not set(given) & set(':, '):
        return given
    raise BadRequest(f'The id of a process is a text as its details and output have it, not {given!r}')


def place_word(given: object) -> str:
    """Where to go on with a process: its id and a position."""
    if isinstance(given, (tuple, list)) and len(given) == 2:
        return f'{id_word(given[0])}:{position_word(given[1])}'
    raise BadRequest(f'since maps the name of a process to its id and a position, not to {given!r}')


def kinds(given: Iterable[object]) -> list[str]:
    """The kinds of `Papa.changes`, in the plural."""
    found = []
    for kind in given:
        plural = {'socket': 'sockets', 'value': 'values', 'process': 'processes'}.get(str(kind), kind)
        if plural not in KINDS:
            raise BadRequest(f'There are changes of {", ".join(KINDS)}, not of {kind!r}')
        found.append(str(plural))
    return found


def every(seconds: object) -> list[str]:
    """The option of ``changes`` for how often counters are told."""
    if seconds is None:
        return []
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 < seconds < float('inf'):
        return [f'every={seconds}']
    raise BadRequest(f'every must be a positive number of seconds, not {seconds!r}')


def mapping(key: str, value: Any) -> Mapping[Any, Any]:
    """A mapping, empty for None. `BadRequest` if it is something else."""
    if value is None or isinstance(value, Mapping):
        return value or {}
    raise BadRequest(f'{key} must be a mapping, such as a dict, not {value!r}')


def limits(given: object) -> dict[str, Any]:
    """The options for resource limits."""
    options = {}
    for key, value in mapping('rlimits', given).items():
        if not isinstance(key, str):
            raise BadRequest(f'A name in rlimits is text, not {key!r}')
        if value is None:
            raise BadRequest(f'rlimit.{key} must be a number, not None')
        options[f'rlimit.{key.lower()}'] = value
    return options


def path(key: str, value: Any) -> str | None:
    """A path as a word."""
    if value is None:
        return None
    if isinstance(value, (str, bytes, os.PathLike)):
        return os.fsdecode(value)
    raise BadRequest(f'{key} must be a path, not {value!r}')


def interpreter(value: Any) -> str | None:
    """The path of a Python interpreter as a word, absolute: the kernel's directory is another.

    Links stay what they are: the ``python`` of a virtual environment is one.
    """
    found = path('python', value)
    if found is None or found.startswith('/'):
        return found
    if not found or '\0' in found:
        raise BadRequest(f'python must be the path of an interpreter, not {found!r}')
    try:
        return os.path.abspath(found)
    except OSError:
        raise BadRequest(f'python: the directory that {found!r} is relative to does not exist') from None


def environment(env: Mapping[Any, Any]) -> list[str]:
    """The variables of an environment as words."""
    found = []
    for key, value in env.items():
        name = _text('A variable', key)
        if not name or '=' in name:
            raise BadRequest(f'The name of an environment variable may not be empty or have "=": {name!r}')
        found.append(f'env.{name}={_text(name, value)}')
    return found


def argv(executable: Any, args: Any) -> list[str]:
    """The executable and its arguments as words."""
    argv = [] if executable is None else [_text('The executable', executable)]
    if args is None:
        return argv
    if isinstance(args, (str, bytes, os.PathLike)) or not hasattr(args, '__iter__'):
        args = (args,)
    return argv + [_text('An argument', item) for item in args]


def _text(what: str, value: Any) -> str:
    """Text for what the operating system takes as bytes, exactly."""
    if isinstance(value, (str, bytes, os.PathLike)):
        return os.fsdecode(value)
    if isinstance(value, (int, float)):
        return str(value)
    raise BadRequest(f'{what} must be text, bytes, a path or a number, not {value!r}')


def words(options: Mapping[str, Any]) -> list[str]:
    """Options as words; those that are None are left out."""
    found = []
    for key, value in options.items():
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, str, bytes)):
            raise BadRequest(f'{key} must be text or a whole number, not {value!r}')
        found.append(f'{key}={os.fsdecode(value) if isinstance(value, bytes) else value}')
    return found


def constant(key: str, value: int | None, table: Mapping[Any, str]) -> str | None:
    """The name of a constant of the socket module."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value in table:
        return table[value]
    raise BadRequest(f'{key} must be a constant of the socket module for {", ".join(table.values())}, not {value!r}')


def stream(key: str, value: int | None) -> str | None:
    """What `PIPE`, `DEVNULL` or `STDOUT` is called."""
    if value is None:
        return None
    if isinstance(value, int) and value in _STREAMS and (key == 'stderr' or value != STDOUT):
        return _STREAMS[value]
    raise BadRequest(f'{key} must be papa.PIPE or papa.DEVNULL' + (' or papa.STDOUT' if key == 'stderr' else ''))
