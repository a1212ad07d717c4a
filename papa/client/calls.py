"""What to send for each call, and what to make of its reply. No I/O: sync and async clients share it."""

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

_FAMILIES = {socket.AF_INET: 'inet', socket.AF_INET6: 'inet6', socket.AF_UNIX: 'unix'}
_TYPES = {
    getattr(socket, f'SOCK_{name.upper()}'): name
    for name in ('stream', 'dgram', 'raw', 'rdm', 'seqpacket')
    if hasattr(socket, f'SOCK_{name.upper()}')
}
_STREAMS = {PIPE: 'pipe', DEVNULL: 'devnull', STDOUT: 'stdout'}


def names(command: str, given: Iterable[str]) -> list[str]:
    """A command whose words are names."""
    return [command, *map(_name_or_number, given)]


def _name_or_number(name: object) -> str:
    if isinstance(name, int) and not isinstance(name, bool):  # a PID or a file number
        return str(name)
    return _name(name)


def _name(name: object) -> str:
    if isinstance(name, str):
        return name
    raise BadRequest(f'A name is text, not {name!r}')


def get_value(name: str) -> list[str]:
    """The ``get`` of a value."""
    return ['get', _name(name)]


def set_value(name: str, value: str | None) -> list[str]:
    """The ``set`` of a value, or its clearing."""
    if value is None:
        return ['set', _name(name)]
    if not isinstance(value, str):
        raise BadRequest(f'A value is text, not {type(value).__name__}: encode it first, with json for example')
    return ['set', _name(name), value]


def make_socket(
    name: str, host: str | None, port: int | None, family: int | None, socket_type: int | None,
    backlog: int | None, path: str | None, umask: int | None, interface: str | None, reuseport: bool | None,
) -> list[str]:
    """The ``make socket`` for the parameters of `Papa.make_socket`."""
    if path is None:
        umask = None  # as papa 1.0 has it: circus always gives one, which means only Unix sockets
    options = {
        'host': host, 'port': port, 'family': _known('family', family, _FAMILIES),
        'type': _known('socket_type', socket_type, _TYPES), 'backlog': backlog,
        'path': _path('path', path), 'umask': umask, 'interface': interface,
        'reuseport': '1' if reuseport else None,
    }
    return ['make socket', _name(name), *_words(options), '--']


def make_process(
    name: str, executable: Any, args: Any, env: Mapping[Any, Any] | None, working_dir: Any,
    uid: int | str | None, gid: int | str | None, rlimits: Mapping[str, int] | None,
    stdout: int | None, stderr: int | None, bufsize: int | str | None, watch_immediately: bool | None,
    overflow: str | None, umask: int | None,
) -> list[str]:
    """The ``make process`` for the parameters of `Papa.make_process`."""
    options: dict[str, Any] = {
        'working_dir': _path('working_dir', working_dir), 'uid': uid, 'gid': gid,
        'bufsize': bufsize, 'stdout': _stream('stdout', stdout), 'stderr': _stream('stderr', stderr),
        'overflow': overflow, 'umask': umask, 'watch': '1' if watch_immediately else None,
    }
    for key, value in _mapping('rlimits', rlimits).items():
        if not isinstance(key, str):
            raise BadRequest(f'A name in rlimits is text, not {key!r}')
        if value is None:
            raise BadRequest(f'rlimit.{key} must be a number, not None')
        options[f'rlimit.{key.lower()}'] = value
    if env is not None and not env:
        options['env'] = 'empty'
    words = _words(options) + _environment(_mapping('env', env))
    return ['make process', _name(name), *words, '--', *_argv(executable, args)]


def _mapping(key: str, value: Any) -> Mapping[Any, Any]:
    if value is None or isinstance(value, Mapping):
        return value or {}
    raise BadRequest(f'{key} must be a mapping, such as a dict, not {value!r}')


def _path(key: str, value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, (str, bytes, os.PathLike)):
        return os.fsdecode(value)
    raise BadRequest(f'{key} must be a path, not {value!r}')


def _environment(env: Mapping[Any, Any]) -> list[str]:
    words = []
    for key, value in env.items():
        name = _text('A variable', key)
        if not name or '=' in name:
            raise BadRequest(f'The name of an environment variable may not be empty or have "=": {name!r}')
        words.append(f'env.{name}={_text(name, value)}')
    return words


def _argv(executable: Any, args: Any) -> list[str]:
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


def _words(options: Mapping[str, Any]) -> list[str]:
    words = []
    for key, value in options.items():
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, str, bytes)):
            raise BadRequest(f'{key} must be text or a whole number, not {value!r}')
        words.append(f'{key}={os.fsdecode(value) if isinstance(value, bytes) else value}')
    return words


def _known(key: str, value: int | None, table: Mapping[Any, str]) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value in table:
        return table[value]
    raise BadRequest(f'{key} must be a constant of the socket module for {", ".join(table.values())}, not {value!r}')


def _stream(key: str, value: int | None) -> str | None:
    if value is None:
        return None
    if isinstance(value, int) and value in _STREAMS and (key == 'stderr' or value != STDOUT):
        return _STREAMS[value]
    raise BadRequest(f'{key} must be papa.PIPE or papa.DEVNULL' + (' or papa.STDOUT' if key == 'stderr' else ''))
