"""What a client knows of a stream of changes: frames in, changes out. Nothing here does I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from papa.events import Change
from papa.wire.client import ChangeFrame, Frame, ProtocolError

_ENOUGH = 8 * 1024 * 1024  # characters of changes that are taken in before somebody asks for them
_OVERHEAD = 8 * 1024  # of each, so that there are never very many


class ChangeState:
    """One stream of changes, of these kinds. `take` frames as they arrive; they come out by `next_change`."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self._kinds = kinds
        self._queue: deque[tuple[Change, int]] = deque()  # and what it weighs
        self._weight = 0
        self._snapshot: dict[str, dict[str, Any]] | None = None  # of which more parts are to come

    @property
    def full(self) -> bool:
        """Whether so much waits that the rest had better wait in the socket."""
        return self._weight >= _ENOUGH

    @property
    def has_news(self) -> bool:
        """Whether there is a change for `next_change`."""
        return bool(self._queue)

    def take(self, frame: Frame) -> None:
        """Take a frame. Raises `ProtocolError` if it is none of this stream."""
        if not isinstance(frame, ChangeFrame):
            raise ProtocolError(f'a frame that belongs to nothing: {frame!r:.80}')
        record = frame.record
        try:
            if record['change'] == 'snapshot':
                if record.get('first'):  # also in the middle of one that was given up
                    self._snapshot = None
                self._add_part(record['details'], bool(record.get('more')))
            else:
                self._put(Change(record['change'], record['kind'], record['name'], record['details']), frame.size)
        except (KeyError, TypeError, AttributeError):
            raise ProtocolError(f'not a change: {record!r:.80}') from None

    def next_change(self) -> Change | None:
        """The next change, if one has arrived."""
        if not self._queue:
            return None
        change, weight = self._queue.popleft()
        self._weight -= weight
        return change

    def _put(self, change: Change, size: int = 0) -> None:
        self._queue.append((change, size + _OVERHEAD))
        self._weight += size + _OVERHEAD

    def _add_part(self, details: dict[str, dict[str, Any]], more: bool) -> None:
        if self._snapshot is None:
            self._snapshot = {kind: {} for kind in self._kinds}
        for kind, held in details.items():
            self._snapshot.setdefault(kind, {}).update(held)
        if not more:
            self._put(Change('snapshot', '', '', dict(self._snapshot)))
            self._snapshot = None
