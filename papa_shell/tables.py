"""Tables for people, by rich. Import this only where one is to be drawn: rich is slow to load."""

from __future__ import annotations

import time

from rich.table import Table
from rich.text import Text

from papa.line.quoting import join
from papa.line.snapshot import ending, socket_note
from papa.names import natural
from papa_shell import formats
from papa_shell.drawing import drawn
from papa_shell.text import escape
from papa_shell.units import age, size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def table(result: formats.Result, *, terminal: bool, now: float | None = None, width: int | None = None) -> bytes:
    """A result as a table; of a terminal it has the width and the colours. `now` is for uptimes."""
    made = _TABLES[result.kind](result.data, time.time() if now is None else now)
    return drawn(made, terminal=terminal, width=width)


def _new(*columns: str) -> Table:
    made = Table(box=None, pad_edge=False, header_style='bold', padding=(0, 2, 0, 0))
    for column in columns:
        right = column in ('PID', 'UNREAD', 'LOST', 'FD', 'BACKLOG')
        made.add_column(column, justify='right' if right else 'left', no_wrap=column != 'COMMAND', overflow='fold')
    return made


def _cell(text: object, style: str = '') -> Text:
    return Text(escape(str(text)), style=style)


def _in_order(data: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """As people count: ``web.2`` before ``web.10``."""
    return [(name, data[name]) for name in sorted(data, key=natural)]


def _sockets(data: Mapping[str, Any], _now: float) -> Table:
    made = _new('NAME', 'ADDRESS', 'FAMILY', 'TYPE', 'BACKLOG', 'FD')
    for name, details in _in_order(data):
        made.add_row(
            _cell(name, 'bold'), _cell(socket_note(details)), _cell(details.get('family', '')),
            _cell(details.get('type', '')), _cell(details.get('backlog', '')), _cell(details.get('fileno', '')),
        )
    return made


def _processes(data: Mapping[str, Any], now: float) -> Table:
    """Columns for what is unread or lost only where something is."""
    unread = any(details.get('buffered') for details in data.values())
    lost = any(details.get('dropped') for details in data.values())
    made = _new('NAME', 'PID', 'STATE', 'UP', *(['UNREAD'] if unread else []), *(['LOST'] if lost else []), 'COMMAND')
    for name, details in _in_order(data):
        cells = [_cell(name, 'bold'), _cell(details['pid']), _state(details), _cell(_up(details, now))]
        if unread:
            cells.append(_cell(size(details['buffered']) if details['buffered'] else ''))
        if lost:
            cells.append(_cell(size(details['dropped']) if details['dropped'] else '', 'red'))
        made.add_row(*cells, _cell(join(details['args'])))
    return made


def _state(details: Mapping[str, Any]) -> Text:
    if details['running']:
        return _cell('running', 'green')
    code = details.get('exit_code')
    return _cell(ending(code), 'yellow' if code == 0 else 'red')


def _up(details: Mapping[str, Any], now: float) -> str:
    return age((now if details['running'] else details.get('ended', now)) - details['started'])


def _values(data: Mapping[str, Any], _now: float) -> Table:
    made = _new('NAME', 'VALUE')
    for name, value in _in_order(data):
        made.add_row(_cell(name, 'bold'), _cell(value))
    return made


def _record(data: Mapping[str, Any], _now: float) -> Table:
    made = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for key, value in data.items():
        made.add_row(_cell(key, 'bold'), _cell(_field(key, value)))
    return made


def _field(key: str, value: Any) -> str:
    if key == 'uptime':
        return age(value)
    if key in ('captured', 'buffered', 'dropped', 'memory') and value is not None:
        return size(value)
    if key == 'started':
        return time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(value))
    return formats.cell(value)


_TABLES = {'sockets': _sockets, 'processes': _processes, 'values': _values, 'record': _record}
