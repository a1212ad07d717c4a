"""How results are written: plain, json, jsonl. That is a contract, which stands in README.md.

New columns come last; what is there never changes its meaning or its place.
"""

from __future__ import annotations

import json

from papa.line.quoting import join
from papa.line.text import encode, escape, harmless, in_json, is_utf8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from papa.line.grammar import Line

SOCKET_COLUMNS = (
    'name', 'family', 'type', 'host', 'port', 'path', 'fileno', 'backlog', 'umask', 'interface', 'reuseport',
)
PROCESS_COLUMNS = (
    'name', 'pid', 'state', 'exit_code', 'started', 'ended', 'captured', 'acknowledged', 'buffered', 'dropped',
    'watchers', 'peekers', 'uid', 'gid', 'bufsize', 'overflow', 'working_dir', 'sockets', 'args', 'id',
    'recorded',
)
VALUE_COLUMNS = ('name', 'value')
COLUMNS: dict[str, Sequence[str]] = {
    'sockets': SOCKET_COLUMNS, 'processes': PROCESS_COLUMNS, 'values': VALUE_COLUMNS,
}
_KINDS = {
    'list sockets': 'sockets', 'make socket': 'sockets', 'list processes': 'processes', 'make process': 'processes',
    'list values': 'values', 'get': 'value', 'info': 'record', 'upgrade': 'record', 'acknowledge': 'count',
}


class Result:
    """What a command gave. `kind` says what `data` is:

    ========================================== ==========================================================
    ``sockets``, ``processes``, ``values``     details (of values: the text) by name
    ``value``                                  a text; `name` is whose
    ``record``                                 one record: what the kernel says of itself
    ``count``                                  how many bytes were let go; `name` is whose
    ``nothing``                                there is nothing to show
    ========================================== ==========================================================
    """

    __slots__ = ('data', 'kind', 'name')

    def __init__(self, kind: str, data: Any = None, name: str = '') -> None:
        self.kind = kind
        self.data = data
        self.name = name


def result(line: Line, data: Any) -> Result:
    """The result of a command of this line, from what the client returned."""
    kind = _KINDS.get(line.command.name, 'nothing')
    name = line.operands[0] if line.operands else ''
    if line.command.makes:
        data = {name: data}
    return Result(kind, data, name)


def render(found: Result, how: str, *, raw: bool = False, terminal: bool = False) -> bytes:
    """The bytes to write. `how` is ``plain``, ``json`` or ``jsonl``."""
    if found.kind == 'nothing':
        return b''
    if how == 'plain':
        return _plain(found, raw=raw, terminal=terminal)
    lines = [_json_object(found)] if how == 'json' else _json_records(found)
    return b''.join(to_json(line) + b'\n' for line in lines)


# plain


def _plain(found: Result, *, raw: bool, terminal: bool) -> bytes:
    if found.kind == 'value':
        if raw:
            return encode(found.data)
        return encode(harmless(found.data) if terminal else found.data) + b'\n'
    if found.kind == 'count':
        return b'%d\n' % found.data
    if found.kind == 'record':
        rows = [[key, cell(value)] for key, value in found.data.items()]
    else:
        rows = [row(found.kind, name, each) for name, each in found.data.items()]
    return ''.join('\t'.join(map(escape, each)) + '\n' for each in rows).encode()


def row(kind: str, name: str, details: Any) -> list[str]:
    """The cells of one thing, in the order of `COLUMNS`."""
    if kind == 'values':
        return [name, details]
    fields = {'name': name, **details}
    if kind == 'processes':
        fields['state'] = 'running' if details.get('running') else 'ended'
    return [_CELLS.get(column, cell)(fields.get(column)) for column in COLUMNS[kind]]


def cell(value: Any) -> str:
    """A value as text; what does not apply is empty."""
    if value is None:
        return ''
    if isinstance(value, bool):
        return '1' if value else '0'
    return f'{value:.6f}' if isinstance(value, float) else str(value)


def _mask(value: int | None) -> str:
    return '' if value is None else f'{value:03o}'


def _words(value: Sequence[str] | None) -> str:
    return join(list(value or ()))


_CELLS: dict[str, Callable[[Any], str]] = {'umask': _mask, 'args': _words, 'sockets': lambda value: ','.join(value)}


# json and jsonl


def _json_object(found: Result) -> Any:
    if found.kind in ('value', 'values'):
        return {
            name: value if is_utf8(value) else {'base64': base64(value)} for name, value in _values(found).items()
        }
    return {found.name: found.data} if found.kind == 'count' else found.data


def _json_records(found: Result) -> list[Mapping[str, Any]]:
    if found.kind in ('value', 'values'):
        return [{'name': name, **value_or_base64(value)} for name, value in _values(found).items()]
    if found.kind == 'count':
        return [{'name': found.name, 'released': found.data}]
    if found.kind == 'record':
        return [found.data]
    return [{'name': name, **details} for name, details in found.data.items()]


def _values(found: Result) -> Mapping[str, str]:
    """Values by name, of one or several."""
    values: Mapping[str, str] = {found.name: found.data} if found.kind == 'value' else found.data
    return values


def value_or_base64(text: str) -> dict[str, str]:
    """``value`` if it is UTF-8, else ``base64`` of its bytes."""
    return {'value': text} if is_utf8(text) else {'base64': base64(text)}


def base64(text: str) -> str:
    """The bytes of a text in base64."""
    import binascii

    return binascii.b2a_base64(encode(text), newline=False).decode()


def to_json(value: Any) -> bytes:
    """JSON in UTF-8, in one line; what nobody sees is escaped. What UTF-8 does not have and stands in a name or an
    argument is shown as in the plain format: strict readers refuse half characters."""
    text = in_json(json.dumps(value, ensure_ascii=False))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return in_json(json.dumps(_in_utf8(value), ensure_ascii=False)).encode()


def _in_utf8(value: Any) -> Any:
    if isinstance(value, str):
        return value if is_utf8(value) else escape(value)
    if isinstance(value, dict):
        return {_in_utf8(key): _in_utf8(each) for key, each in value.items()}
    return [_in_utf8(each) for each in value] if isinstance(value, (list, tuple)) else value
