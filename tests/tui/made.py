"""Details as the kernel tells them, and models of them."""

from __future__ import annotations

from typing import Any

from papa.events import Change
from papa_tui.model.model import Model
from papa_tui.model.things import Process

NOW = 1_000_000.0


def details(**other: Any) -> dict[str, Any]:
    """Those of a process that runs for a hundred seconds."""
    return {
        'pid': 100, 'running': True, 'started': NOW - 100, 'uid': 0, 'gid': 0, 'id': 'a-1', 'working_dir': '/',
        'bufsize': 1000, 'overflow': 'drop', 'sockets': [], 'captured': 0, 'acknowledged': 0, 'buffered': 0,
        'dropped': 0, 'watchers': 0, 'peekers': 0, 'recorded': True, 'args': ['/bin/true'], **other,
    }


def ended(code: int, **other: Any) -> dict[str, Any]:
    """Those of one that has ended."""
    return details(running=False, exit_code=code, ended=NOW - 50, **other)


def process(name: str = 'web.1', **other: Any) -> Process:
    return Process(name, details(**other))


def snapshot(
    processes: dict[str, Any] | None = None, sockets: dict[str, Any] | None = None, values: dict[str, Any] | None = None
) -> Change:
    told = {'processes': processes or {}, 'sockets': sockets or {}, 'values': values or {}}
    return Change('snapshot', '', '', told)


def model(processes: dict[str, Any] | None = None, **kinds: Any) -> Model:
    made = Model()
    made.connected({'pid': 1, 'started': NOW - 10, 'uptime': 10.0, 'endpoint': 'unix:/k', 'version': '2'}, NOW)
    made.apply(snapshot(processes, **kinds), NOW)
    return made


def counters(**moved: dict[str, int]) -> Change:
    return Change('counters', 'process', '', {name.replace('_', '.'): each for name, each in moved.items()})
