"""The details of one thing while a person reads them: of that thing, whoever has its name later."""

from __future__ import annotations

from papa.line.kernels import Identity
from papa.options import KINDS
from papa_tui.model.details import Pieces, details
from papa_tui.model.model import Model
from papa_tui.model.things import Process, Socket, Thing
from papa_tui.model.tree import Group


class Reading:
    """`read` gives the lines as they are now. What has gone stays as it was last, and so does what is stale."""

    def __init__(self, model: Model, kind: str, row: Thing | Group, now: float) -> None:
        self._model = model
        self._kind = kind
        self._row = row
        self._when = now
        self._kernel: Identity | None = model.kernel
        self._end = ''

    def read(self, now: float) -> list[Pieces]:
        """The lines."""
        self._end = self._end or self._ended()
        if not self._end:
            self._row, self._when = self._current(), now
        lines = details(self._row, self._when)
        said = self._end or self._trouble()
        if not said:
            return lines
        return [[(said, 'bad')], [], *([(text, 'dim') for text, _ in line] for line in lines)]

    def _trouble(self) -> str:
        if not self._model.stale:
            return ''
        why = 'There is no kernel' if self._model.lost_at is not None else 'The kernel does not answer'
        return f'{why}: this is what was known last'

    def _ended(self) -> str:
        """Why it is not the thing any more that it was; empty if it is."""
        if self._model.kernel != self._kernel:
            return 'Another kernel answers now: this was in the one before'
        if isinstance(self._row, Group):
            return ''
        what, now = KINDS[self._kind], self._model.things[self._kind].get(self._row.key)
        if now is None:
            return f'This {what} was removed: this is what was known last'
        if isinstance(now, Process) and isinstance(self._row, Process):
            other = now.id != self._row.id
        else:
            other = isinstance(now, Socket) and now.details != self._row.details
        return f'Another {what} has the name now: this is the one before' if other else ''

    def _current(self) -> Thing | Group:
        things = self._model.things[self._kind]
        if not isinstance(self._row, Group):
            return things[self._row.key]
        prefix = self._row.key.removesuffix('.*')
        found = [things[name] for name in things if name.startswith(f'{prefix}.')]
        return Group(prefix, self._row.folded, sorted(found, key=lambda thing: thing.order))
