"""What a removal was asked about, and what there is when the answer comes: names are taken anew meanwhile."""

from __future__ import annotations

from papa.errors import Conflict, NotFound
from papa.line.calls import Call
from papa.names import shortened, show
from papa.options import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any


def unchanged(kinds: str, asked: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names of those things that still are what they were: only these may be removed.

    `asked` and `now` are details by name, as ``list_processes`` and so on give them. A process is told from its
    successor by its id; a socket and a value only by what is seen of them.
    """
    return [name for name, before in asked.items() if name in now and is_same(kinds, before, now[name])]


def remove(
    do: Callable[[Call], Any], kinds: str, asked: Mapping[str, Any], *, spare: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Remove these, but for what has gone by itself. `do` makes a `Call` and returns its result. Returns the details of
    what was removed, by name.

    If one of the names is another's now, none is removed, and that is a `Conflict`. `spare`: only those are left alone,
    and their names are returned, too.
    """
    while True:
        now = do(Call(f'list_{kinds}', *asked, reads=True))
        same = unchanged(kinds, asked, now)
        others = [name for name in asked if name in now and name not in set(same)]
        if others and not spare:
            raise Conflict(f'{show(others[0])} is another {KINDS[kinds]} now; nothing was done')
        try:
            if same:
                do(Call(f'remove_{kinds}', *same))
        except NotFound:
            continue  # one has gone meanwhile: nothing was removed
        return {name: now[name] for name in same}, others


def left_alone(names: Iterable[str]) -> str:
    """What to say of those that have come under a name of what was asked about, and are not removed."""
    others = list(names)
    if len(others) == 1:
        return f'{shortened(others)} is not what it was when this was asked: it is left alone'
    return f'{shortened(others)} are not what they were when this was asked: they are left alone'


def is_same(kinds: str, before: Any, now: Any) -> bool:
    """Whether details are about the same thing. Of a long value ``changes`` tells the beginning."""
    if kinds == 'processes':
        return bool(before['id'] == now['id'])
    if kinds == 'sockets' or isinstance(before, str):
        return bool(before == now)
    if 'value' in before:
        return bool(before['value'] == now)
    size = len(now.encode('utf-8', 'surrogatepass'))
    return bool(size == before['size'] and now.startswith(before['preview']))
