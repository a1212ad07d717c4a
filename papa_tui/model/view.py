"""A table as it is looked at: which rows, in which order, where the cursor is. It stays on its thing, whatever is
sorted, filtered, added or removed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from papa.names import natural
from papa_tui.model.columns import Column, Context
from papa_tui.model.filters import Filter
from papa_tui.model.things import Process, Thing
from papa_tui.model.tree import Folded, Group, grow, prefixes

Row = Thing | Group


class View:
    """The rows of one table: things, and in a tree the groups above them.

    `rebuild` after things came, went or moved; then `rows` are what to show and `at` is where the cursor is; `fitting`
    of `total` things pass the filter.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns
        self.sorted_by = next(column for column in columns if column.key == 'name')
        self.reverse = False
        self.filter = Filter()
        self.tree = False
        self.folded = Folded()
        self.rows: list[Row] = []
        self.labels: dict[str, str] = {}  # what is shown of names, where that is not all of them
        self.total = self.fitting = 0
        self.at = 0
        self.key: str | None = None
        self.marked: set[str] = set()
        self._places: dict[str, int] = {}
        self._told: dict[str, int] = {}  # by `next_of` in this round, and how urgent they were

    @property
    def row(self) -> Row | None:
        """The row that the cursor is on."""
        return self.rows[self.at] if self.rows else None

    @property
    def moves(self) -> bool:
        """Whether the order changes by itself."""
        return self.sorted_by.moves

    def rebuild(self, things: Iterable[Thing], now: float) -> None:
        """Filter and sort anew, and put the cursor back on its thing, or near where that was."""
        all_things = list(things)
        self.total = len(all_things)
        names = {thing.key for thing in all_things}
        self.marked &= names
        chosen = [thing for thing in all_things if self.filter(_searched(thing))] if self.filter else all_things
        self.fitting = len(chosen)
        self._sort(chosen, now)
        self.rows, self.labels = grow(chosen, self.folded) if self.tree else (list(chosen), {})
        self._places = {row.key: at for at, row in enumerate(self.rows)}
        self._restore()

    def _sort(self, things: list[Thing], now: float) -> None:
        context = Context(now)
        if self.sorted_by.key != 'name':
            things.sort(key=lambda thing: thing.order)  # equals stay where they are looked for
        order = self.sorted_by.order
        things.sort(key=lambda thing: order(thing, context), reverse=self.reverse)

    def _restore(self) -> None:
        place = self._places.get(self.key) if self.key is not None else None
        if place is not None:
            self.at = place
            return
        self.at = max(0, min(self.at, len(self.rows) - 1))
        self.key = self.rows[self.at].key if self.rows else None

    # What a person does

    def move_to(self, at: int) -> None:
        """Put the cursor on the row at this place, or the nearest one."""
        if self.rows:
            self.at = max(0, min(at, len(self.rows) - 1))
            self.key = self.rows[self.at].key

    def go_to(self, key: str) -> bool:
        """Put the cursor on a row. Returns whether it is there."""
        if key in self._places:
            self.move_to(self._places[key])
            return True
        return False

    def reveal(self, name: str) -> bool:
        """Unfold what hides this. Returns whether anything has changed: `rebuild` then."""
        above = [f'{prefix}.*' for prefix in prefixes(name)] if self.tree else []
        folded = [key for key in above if key in self.folded]
        for key in folded:
            self.folded.unfold(key)
        return bool(folded)

    def sort_by(self, key: str) -> None:
        """Sort by a column; the same again: the other way round."""
        column = next(column for column in self.columns if column.key == key)
        self.reverse = not self.reverse if column is self.sorted_by else column.down
        self.sorted_by = column

    def fold(self, folded: bool) -> bool:
        """Fold the group of the cursor, or that above it; or unfold it. Returns whether anything has changed."""
        if not self.tree or self.row is None:
            return False
        row = self.row
        if isinstance(row, Group) and row.folded is not folded:
            (self.folded.fold if folded else self.folded.unfold)(row.key)
            return True
        above = self._above(row) if folded else None
        if above is None:
            return False
        self.go_to(above)
        return False

    def _above(self, row: Row) -> str | None:
        """The group that a row lies in."""
        for other in reversed(self.rows[: self.at]):
            if isinstance(other, Group) and row.name.startswith(other.key[:-1]) and other is not row:
                return other.key
        return None

    def mark(self) -> None:
        """Mark the row of the cursor, or not any more; a group marks all that is under it."""
        row = self.row
        if row is None:
            return
        keys = {thing.key for thing in row.things} if isinstance(row, Group) else {row.key}
        if keys <= self.marked:
            self.marked -= keys
        else:
            self.marked |= keys

    def chosen(self) -> list[str]:
        """The names that an action is about: those that are marked, else what the cursor is on."""
        if self.marked:
            return sorted(self.marked, key=natural)
        row = self.row
        if row is None:
            return []
        return [thing.name for thing in row.things] if isinstance(row, Group) else [row.name]

    def hidden(self, names: Sequence[str]) -> int:
        """How many of these a filter keeps from the rows. What is folded is not hidden: its group tells of it."""
        shown = {thing.key for row in self.rows for thing in (row.things if isinstance(row, Group) else (row,))}
        return sum(name not in shown for name in names)

    def next_of(self, ranks: dict[str, int], step: int = 1) -> str | None:
        """Where to go for the next one of these: names with how urgent each is. The most urgent that this was not asked
        for yet, in the order of the rows; after the last the first again. Backwards: the one before that of the cursor.
        What is folded counts, too: `reveal` it."""
        there = [key for row in self.rows for key in _keys(row) if key in ranks]
        ordered = sorted(there, key=lambda key: ranks[key])
        if not ordered:
            return None
        if step < 0:
            found = ordered[ordered.index(self.key) - 1 if self.key in ordered else -1]
        else:
            self._told = {key: rank for key, rank in self._told.items() if ranks.get(key) == rank}
            if all(key in self._told for key in ordered):
                self._told.clear()
            fresh = [key for key in ordered if key not in self._told]
            found = next((key for key in fresh if key != self.key or len(ordered) == 1), fresh[0])
        self._told[found] = ranks[found]
        return found


def _keys(row: Row) -> list[str]:
    """A row's, or those of what is folded in it."""
    if isinstance(row, Group):
        return [thing.key for thing in row.things] if row.folded else []
    return [row.key]


def _searched(thing: Any) -> str:
    """The text that a filter looks at."""
    if isinstance(thing, Process):
        state = 'running' if thing.running else 'ended'
        return f'{thing.name} {state} {thing.state} {thing.command}'  # not the PID: its digits are in many a word
    if hasattr(thing, 'address'):
        return f'{thing.name} {thing.address} {thing.family} {thing.type} {" ".join(thing.holders)}'
    return f'{thing.name} {thing.text}'
