"""What a removal was asked about, and what there is when the answer comes: names are taken anew meanwhile."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any


def unchanged(kinds: str, asked: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names of those things that still are what they were: only these may be removed.

    `asked` and `now` are details by name, as ``list_processes`` and so on give them. A process is told from its
    successor by its id; a socket and a value only by what is seen of them.
    """
    missing = object()
    return [
        name for name, before in asked.items()
        if _what(kinds, now.get(name, missing)) == _what(kinds, before)
    ]


def left_alone(names: Iterable[str]) -> str:
    """What to say of those that have come under a name of what was asked about, and are not removed."""
    from papa.names import shortened

    others = list(names)
    if len(others) == 1:
        return f'{shortened(others)} is not what it was when this was asked: it is left alone'
    return f'{shortened(others)} are not what they were when this was asked: they are left alone'


def _what(kinds: str, details: Any) -> Any:
    return details.get('id') if kinds == 'processes' and isinstance(details, dict) else details
