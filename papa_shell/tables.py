"""Tables for people, by rich. Import this only where one is to be drawn: rich is slow to load.

They fit the width: the last column gives way first, then whole columns do, the least needed first. What is cut ends in
an ellipsis; names, PIDs and states never are.
"""

from __future__ import annotations

import time

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from papa.line.quoting import join
from papa.line.snapshot import ending, socket_note
from papa.line.text import escape
from papa.line.units import age, size
from papa.names import natural
from papa_shell import formats, screen
from papa_shell.drawing import drawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_GAP = 2  # columns of the screen between two of the table
_GOOD = 24  # columns that one which gives way should keep: others go before
_LEAST = 10  # and that it does keep


class Column:
    """A column of a table. `rank` says when it goes if there is no room: the highest first, 0 never. One that `gives`
    is made narrower first, one that `folds` goes on in the next line."""

    def __init__(
        self, title: str, cells: Iterable[Text], *, rank: int = 0, right: bool = False, gives: bool = False,
        folds: bool = False,
    ) -> None:
        self.title = title
        self.cells = list(cells)
        self.rank = rank
        self.right = right
        self.gives = gives
        self.folds = folds
        self.width = max([cell_len(title), *(cell_len(cell.plain) for cell in self.cells)])

    def least(self, kept: int) -> int:
        """How wide it has to be, if one that gives way keeps so much."""
        return min(self.width, kept) if self.gives or self.folds else self.width


def table(result: formats.Result, *, terminal: bool, now: float | None = None, width: int | None = None) -> bytes:
    """A result as a table; of a terminal it has the width and the colours. `now` is for uptimes."""
    wide = width or screen.columns()
    columns = _TABLES[result.kind](result.data, time.time() if now is None else now)
    return drawn(_laid_out(columns, wide), terminal=terminal, width=wide)


def _laid_out(columns: list[Column], width: int) -> Table:
    shown = _fitting(columns, width)
    made = Table(
        box=None, pad_edge=False, show_header=any(column.title for column in shown), header_style='bold',
        padding=(0, _GAP, 0, 0), collapse_padding=True,
    )
    for column in shown:
        made.add_column(
            column.title, justify='right' if column.right else 'left', width=column.width,
            no_wrap=not column.folds, overflow='fold' if column.folds else 'ellipsis',
        )
    for cells in zip(*(column.cells for column in shown), strict=True):
        made.add_row(*cells)
    return made


def _fitting(columns: list[Column], width: int) -> list[Column]:
    """The columns that there is room for, as wide as they may be."""
    shown = list(columns)
    while sum(column.least(_GOOD) + _GAP for column in shown) - _GAP > width and any(column.rank for column in shown):
        shown.remove(max(shown, key=lambda column: column.rank))
    excess = sum(column.width + _GAP for column in shown) - _GAP - width
    for column in sorted(shown, key=lambda column: not column.gives):
        if excess > 0 and (column.gives or column.folds):
            taken = min(excess, column.width - column.least(_LEAST))
            column.width -= taken
            excess -= taken
    return shown


def _cell(text: object, style: str = '') -> Text:
    return Text(escape(str(text)), style=style)


def _cells(values: Iterable[object], style: str = '') -> list[Text]:
    return [_cell(value, style) for value in values]


def _names(data: Mapping[str, Any]) -> tuple[list[str], Column]:
    """Names as people count (``web.2`` before ``web.10``), and the column of them."""
    names = sorted(data, key=natural)
    return names, Column('NAME', _cells(names, 'bold'), folds=True)


def _sockets(data: Mapping[str, Any], _now: float) -> list[Column]:
    names, column = _names(data)
    listed = [data[name] for name in names]
    return [
        column,
        Column('ADDRESS', _cells(map(_address, listed)), folds=True),
        Column('FAMILY', _cells(details.get('family', '') for details in listed), rank=2),
        Column('TYPE', _cells(details.get('type', '') for details in listed), rank=3),
        Column('BACKLOG', _cells(details.get('backlog', '') for details in listed), rank=4, right=True),
        Column('FD', _cells(details.get('fileno', '') for details in listed), rank=1, right=True),
    ]


def _address(details: Mapping[str, Any]) -> str:
    return str(details['path']) if 'path' in details else socket_note(details)


def _processes(data: Mapping[str, Any], now: float) -> list[Column]:
    """Columns for what is unread or lost only where something is."""
    names, column = _names(data)
    listed = [data[name] for name in names]
    columns = [
        column,
        Column('PID', _cells(details['pid'] for details in listed), right=True),
        Column('STATE', map(_state, listed)),
        Column('UP', _cells(_up(details, now) for details in listed), rank=2),
    ]
    for title, key, style in (('UNREAD', 'buffered', ''), ('LOST', 'dropped', 'red')):
        if any(details.get(key) for details in listed):
            counts = (size(details[key]) if details.get(key) else '' for details in listed)
            columns.append(Column(title, _cells(counts, style), rank=1, right=True))
    return [*columns, Column('COMMAND', _cells(join(details['args']) for details in listed), rank=3, gives=True)]


def _state(details: Mapping[str, Any]) -> Text:
    if details['running']:
        return _cell('running', 'green') if details.get('recorded', True) else _cell('running, not recorded', 'yellow')
    code = details.get('exit_code')
    return _cell(ending(code), 'yellow' if code == 0 else 'red')


def _up(details: Mapping[str, Any], now: float) -> str:
    return age((now if details['running'] else details.get('ended', now)) - details['started'])


def _values(data: Mapping[str, Any], _now: float) -> list[Column]:
    names, column = _names(data)
    return [column, Column('VALUE', _cells(data[name] for name in names), gives=True)]


def _record(data: Mapping[str, Any], _now: float) -> list[Column]:
    values = (_field(key, value) for key, value in data.items())
    return [Column('', _cells(data, 'bold')), Column('', _cells(values), folds=True)]


def _field(key: str, value: Any) -> str:
    if key == 'uptime':
        return age(value)
    if key in ('captured', 'buffered', 'dropped', 'memory') and value is not None:
        return size(value)
    if key == 'started':
        return time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(value))
    return formats.cell(value)


_TABLES = {'sockets': _sockets, 'processes': _processes, 'values': _values, 'record': _record}
