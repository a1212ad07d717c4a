"""The values: text by name."""

from __future__ import annotations

from papa import names
from papa.errors import Conflict
from papa.kernel.changes import Changes


class Values:
    """The values by name. Here alone they are set and removed, so that every change is told."""

    def __init__(self, changes: Changes) -> None:
        self.by_name: dict[str, str] = {}
        self._changes = changes

    def set(self, name: str, value: str | None) -> None:
        """Set a value; None clears it."""
        before = self.by_name.get(name)
        if value is None:
            if self.by_name.pop(name, None) is not None:
                self._changes.tell('removed', 'value', name, before)
            return
        self.by_name[name] = value
        if before != value:
            self._changes.tell('made' if before is None else 'changed', 'value', name, value)

    def exchange(self, name: str, expected: str | None, value: str | None) -> None:
        """The same, only if it still is `expected`. Raises `Conflict`."""
        found = self.by_name.get(name)
        if found != expected:
            is_now = 'it is not set' if found is None else f'it is {names.show(found)}'
            raise Conflict(f'The value {names.show(name)} is not what was expected: {is_now}')
        self.set(name, value)

    def select(self, patterns: list[str], *, required: bool = False) -> dict[str, str]:
        """Those that names or wildcards mean."""
        return names.select(self.by_name, patterns, 'value', required=required)
