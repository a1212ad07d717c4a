"""What a listener of `changes` can know, kept up to date by what it is told."""

from __future__ import annotations

from typing import Any

from .viewers import Caller

PLURAL = {'socket': 'sockets', 'value': 'values', 'process': 'processes'}
SILENT = ('acknowledged', 'peekers')  # moves without being told


class Mirror:
    """Details by kind and name. `complete` but in the middle of a snapshot; `snapshots` of them so far."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, Any]] = {}
        self.complete = True
        self.snapshots = 0
        self.changes = 0

    def take(self, record: dict[str, Any]) -> None:
        if record['change'] == 'snapshot':
            assert set(record) == {'change', 'details', 'first', 'more'}
            if record['first']:
                self.held = {}
            else:
                assert not self.complete, 'the middle of a snapshot without its beginning'
            for kind, part in record['details'].items():
                assert not set(part) & set(self.held.get(kind, ())), 'told twice in one snapshot'
                self.held.setdefault(kind, {}).update(part)
            self.complete = not record['more']
            self.snapshots += self.complete
            return
        assert set(record) == {'change', 'kind', 'name', 'details'}
        assert self.complete, 'news in the middle of a snapshot'
        self.changes += 1
        kind, name, details = PLURAL[record['kind']], record['name'], record['details']
        if record['change'] == 'counters':
            for each, moved in details.items():
                assert moved
                assert all(self.held[kind][each][key] != value for key, value in moved.items()), 'it has not moved'
                self.held[kind][each].update(moved)
        elif record['change'] == 'removed':
            self.held[kind].pop(name, None)
        else:
            assert record['change'] in ('made', 'changed', 'exited')
            self.held[kind][name] = details

    def shown(self) -> dict[str, Any]:
        """What can be compared with the listings: without what moves without being told."""
        return {
            kind: {name: without_silent(details) for name, details in held.items()} for kind, held in self.held.items()
        }


def without_silent(details: Any) -> Any:
    if not isinstance(details, dict):
        return details
    return {key: value for key, value in details.items() if key not in SILENT}


def listen(caller: Caller, *words: str) -> Mirror:
    """Begin to listen, and take the snapshot."""
    assert caller.call('changes', *words) is None
    mirror = Mirror()
    while not mirror.snapshots:
        mirror.take(caller.frame().record)
    return mirror
