"""The columns of the tables: what stands in them, how to sort by them, and which fit into a width.

A cell is a text and a tone; what a tone looks like is the widgets' business: ``''``, ``dim``, ``good``, ``warn``,
``bad``, ``accent``, ``name``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from papa.line.units import age
from papa_tui.model.attention import Concern, concern
from papa_tui.model.text import bar, rate, size, sparkline
from papa_tui.model.things import Process, Socket
from papa_tui.model.tree import Sums

Cell = tuple[str, str]
_LAST = 1 << 62
_SPARKS = 6
_BAR = 4
_ETA = 600.0  # seconds to a full buffer from which on they are told
_STATES = {'blocked': 'bad', 'not recorded': 'warn'}
_NONE: Cell = ('–', 'dim')


class Context(NamedTuple):
    """What cells depend on beside their row. `now` is seconds since the epoch."""

    now: float
    marked: frozenset[str] = frozenset()


class Column(NamedTuple):
    """A column. `width` is its least width in cells, 0 for that of its longest text; `rank`: the lowest go in first.
    `grows`: it takes what is left. `ends`: the end of a text that is cut tells more than its start. `down`: the first
    click sorts the greatest to the top. `moves`: it changes by itself.
    """

    key: str
    title: str
    width: int
    rank: int
    cell: Callable[[Any, Context], Cell]
    order: Callable[[Any, Context], Any]
    right: bool = False
    grows: bool = False
    ends: bool = False
    down: bool = False
    moves: bool = False


def _attention(process: Process, context: Context) -> Concern | None:
    return concern(process, context.now)


def _mark(process: Process, context: Context) -> Cell:
    found = _attention(process, context)
    mark = '•' if process.key in context.marked else ' '
    return f'{found.mark if found else " "}{mark}', found.tone if found else 'accent'


def _urgency(process: Process, context: Context) -> Any:
    found = _attention(process, context)
    return found.rank if found else _LAST


def _state(process: Process, _context: Context) -> Cell:
    if not process.running:
        return process.state, 'bad' if process.exit_code else 'dim'
    return process.state, _STATES.get(process.state, 'good')


def _state_order(process: Process, context: Context) -> Any:
    return _urgency(process, context), not process.running, _state(process, context)[0]


def _cpu(process: Process, _context: Context) -> Cell:
    if process.cpu is None:
        return _NONE
    return f'{process.cpu:.0f}%' if process.cpu >= 9.95 else f'{process.cpu:.1f}%', 'dim' if process.cpu < 0.05 else ''


def _memory(process: Process, _context: Context) -> Cell:
    return _NONE if process.memory is None else (size(process.memory), '')


def _buffered(process: Process, _context: Context) -> Cell:
    if not process.recorded and not process.buffered:
        return _NONE
    return size(process.buffered), '' if process.buffered else 'dim'


def _full_in(process: Process, context: Context) -> float | None:
    """Seconds to a full buffer, if they are told."""
    left = process.full_in
    return left if left is not None and left < _ETA and not process.losing(context.now) else None


def _fill_order(process: Process, context: Context) -> Any:
    """Those that are full, then those that soon are, the soonest first, then the fullest."""
    if process.blocked or process.losing(context.now):
        return 2, 0.0, process.fill
    left = _full_in(process, context)
    return (0, 0.0, process.fill) if left is None else (1, -left, process.fill)


def _fill(process: Process, context: Context) -> Cell:
    left = _full_in(process, context)
    if left is not None:
        return f'in {age(left)}', 'bad' if left < 60 else 'warn'
    if not process.buffered:
        return '', ''
    share = process.fill
    if share < 0.01:
        return '', ''
    tone = 'bad' if share >= 0.9 else 'warn' if share >= 0.6 else 'dim'
    return f'{bar(share, _BAR)}{share * 100:4.0f}%', tone


def _lost(process: Process, context: Context) -> Cell:
    if not process.lost:
        return '', ''
    return size(process.lost), 'bad' if process.losing(context.now) else 'warn'


def _loggers(process: Process, _context: Context) -> Cell:
    if process.watchers:
        return str(process.watchers), ''
    if not process.running:
        return '', ''
    if not process.recorded:
        return _NONE
    return 'nobody', 'warn' if process.buffered else 'dim'


def _named(thing: Any, _context: Context) -> Cell:
    return thing.shown, 'name'


def _by_name(thing: Any, _context: Context) -> Any:
    return thing.order


def _nothing_last(value: Any) -> Any:
    return -1 if value is None else value


_NAME = Column('name', 'NAME', 0, 0, _named, _by_name)

PROCESS_COLUMNS = (
    Column('attention', '!', 2, 1, _mark, _urgency, moves=True),
    _NAME,
    Column('state', 'STATE', 12, 2, _state, _state_order, moves=True),
    Column('pid', 'PID', 7, 9, lambda p, _: (str(p.pid), 'dim'), lambda p, _: p.pid, right=True),
    Column('up', 'UP', 7, 7, lambda p, c: (age(p.up(c.now)), 'dim' if not p.running else ''),
           lambda p, c: p.up(c.now), right=True, down=True),
    Column('cpu', 'CPU', 5, 6, _cpu, lambda p, _: _nothing_last(p.cpu), right=True, down=True, moves=True),
    Column('memory', 'MEM', 7, 8, _memory, lambda p, _: _nothing_last(p.memory), right=True, down=True, moves=True),
    Column('rate', 'OUTPUT', 9, 4, lambda p, _: (rate(p.rate), ''), lambda p, _: p.rate, right=True, down=True,
           moves=True),
    Column('trend', '', _SPARKS, 11, lambda p, _: (sparkline(p.history, _SPARKS).rjust(_SPARKS), 'accent'),
           lambda p, _: p.pace.rate, down=True, moves=True),
    Column('buffered', 'HELD', 7, 3, _buffered, lambda p, _: p.buffered, right=True, down=True, moves=True),
    Column('fill', 'FULL', 9, 5, _fill, _fill_order, right=True, down=True, moves=True),
    Column('lost', 'LOST', 7, 5, _lost, lambda p, _: p.lost, right=True, down=True, moves=True),
    Column('loggers', 'LOGGED', 6, 10, _loggers, lambda p, _: p.watchers, right=True, moves=True),
    Column('command', 'COMMAND', 8, 12, lambda p, _: (p.command, 'dim'), lambda p, _: p.command, grows=True),
)


def _backlog(socket: Socket, _context: Context) -> Cell:
    return '' if socket.backlog is None else str(socket.backlog), ''


def _holders(socket: Socket, _context: Context) -> Cell:
    return ', '.join(socket.holders), 'dim'


SOCKET_COLUMNS = (
    _NAME,
    Column('address', 'ADDRESS', 0, 1, lambda s, _: (s.address, ''), lambda s, _: s.address,
           ends=True),
    Column('family', 'FAMILY', 6, 5, lambda s, _: (s.family, 'dim'), lambda s, _: s.family),
    Column('type', 'TYPE', 6, 4, lambda s, _: (s.type, 'dim'), lambda s, _: s.type),
    Column('backlog', 'BACKLOG', 7, 6, _backlog, lambda s, _: _nothing_last(s.backlog), right=True, down=True),
    Column('fileno', 'FD', 4, 3, lambda s, _: ('' if s.fileno is None else str(s.fileno), 'dim'),
           lambda s, _: _nothing_last(s.fileno), right=True),
    Column('holders', 'HELD BY', 8, 2, _holders, lambda s, _: s.holders, grows=True),
)

VALUE_COLUMNS = (
    _NAME,
    Column('value', 'VALUE', 8, 1, lambda v, _: (v.preview, ''), lambda v, _: v.text, grows=True),
    Column('size', 'SIZE', 7, 2, lambda v, _: (size(v.size), 'dim'), lambda v, _: v.size, right=True, down=True),
)

COLUMNS: dict[str, tuple[Column, ...]] = {
    'processes': PROCESS_COLUMNS, 'sockets': SOCKET_COLUMNS, 'values': VALUE_COLUMNS,
}


def _troubles(sums: Sums, _context: Context) -> Cell:
    if sums.worst is not None:
        return f'{sums.troubled} {sums.worst.word}', sums.worst.tone
    return f'{sums.running}/{sums.total} run', 'dim'


def _worst(sums: Sums, _context: Context) -> Cell:
    return ('  ', '') if sums.worst is None else (f'{sums.worst.mark} ', sums.worst.tone)


GROUP_CELLS: dict[str, Callable[[Any, Context], Cell]] = {  # of a folded group, given its `Sums`
    'attention': _worst, 'state': _troubles, **{column.key: column.cell for column in PROCESS_COLUMNS
                          if column.key in ('cpu', 'memory', 'rate', 'trend', 'buffered', 'fill', 'lost')},
}
_NAME_AT_MOST = 3, 4  # the share of the width that the column of the names may take
_LONG_NAME = 2, 5  # the share above which a few long names do not make that column wide for all
_LEAST_TEXT = 8  # cells that are worth having of a text that does not fit
_WIDEST = {'address': 46}  # cells that the longest text of a column without a width may take
Page = list[tuple[Column, int]]  # columns, and how wide each is


def fit(columns: Sequence[Column], longest: dict[str, int], width: int) -> Page:
    """The columns that fit into so many cells, in their order, with the width of each; a cell lies between two.

    `longest` are the widths of the longest texts of columns that have none of their own. The name is always there, and
    takes what is left if no other column does.
    """
    left = width + 1
    chosen: dict[str, int] = {}
    for column in sorted(columns, key=lambda c: c.rank):
        text = max(longest.get(column.key, 0), len(column.title) + 1)
        wanted = column.width or min(_WIDEST.get(column.key, text), text)
        if column.key == 'name':
            wanted = max(1, min(wanted, _share(_NAME_AT_MOST, width)))
        elif not column.width and left > _LEAST_TEXT:
            wanted = min(wanted, left - 1)
        if wanted + 1 <= left:
            chosen[column.key] = wanted
            left -= wanted + 1
    found = [(column, chosen[column.key]) for column in columns if column.key in chosen]
    growing = next((column.key for column, _ in found if column.grows), 'name')
    return [(column, wide + left if column.key == growing else wide) for column, wide in found]


def _share(share: tuple[int, int], width: int) -> int:
    return width * share[0] // share[1]


def usual(widths: Sequence[int], width: int) -> int:
    """How wide the column of names of these widths is at first: a few that are very long lie over what is beside them,
    so that all the others have all columns."""
    longest = max(widths, default=0)
    return longest if longest <= _share(_LONG_NAME, width) else sorted(widths)[-1 - len(widths) // 4]


def pages(columns: Sequence[Column], longest: dict[str, int], width: int, name: int | None = None) -> list[Page]:
    """All columns, those that `fit` first, then what is left, and what long names lie over if the first page has a
    column for names of the width `name`. The name is in each. At least one page."""
    found = [fit(columns, longest if name is None else {**longest, 'name': name}, width)]
    shown = {column.key for column, _ in found[0]} - set(_covered(found[0], longest.get('name', 0)))
    names = next(column for column in columns if column.key == 'name')
    while left := [column for column in columns if column.key not in shown]:
        more = fit([names, *left], longest, width)
        if len(more) == 1:  # there is no room for anything beside the name
            break
        found.append(more)
        shown |= {column.key for column, _ in more}
    return found


def _covered(page: Page, longest: int) -> list[str]:
    """The columns that the longest name lies over."""
    keys = [column.key for column, _ in page]
    after = page[keys.index('name') :]
    over = longest - after[0][1]
    found = []
    for column, wide in after[1:]:
        if over > 0:
            found.append(column.key)
        over -= wide + 1
    return found
