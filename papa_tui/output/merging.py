"""Events of several processes in the order of their capture. Within one process positions decide, not times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import merge
from typing import NamedTuple

from papa.events import Event, Lost, Output

PATIENCE = 0.5  # seconds that what has come waits for what was captured before it
MOST = 16 << 20  # bytes that wait at most


class _Timed(NamedTuple):
    time: float
    number: int
    event: Event


def by_time(events: Iterable[Event]) -> list[Event]:
    """The events merged by capture time; those of one process stay in their order, whatever their times."""
    queues: dict[str, list[_Timed]] = {}
    for number, event in enumerate(events):
        queue = queues.setdefault(event.id, [])
        time = getattr(event, 'timestamp', 0.0)
        if queue and queue[-1].time > time:  # a clock stepped back, or it has no time of its own
            time = queue[-1].time
        queue.append(_Timed(time, number, event))
    if len(queues) == 1:
        return [each.event for queue in queues.values() for each in queue]
    return [each.event for each in merge(*queues.values())]


class CatchUp:
    """Holds back what comes at first, until all that there was at the beginning has come, or it has waited enough.

    `targets` are positions by id that are known to be held. The clock is an argument.
    """

    def __init__(self, targets: Mapping[str, int], now: float) -> None:
        self._missing = dict(targets)
        self._events: list[Event] = []
        self._size = 0
        self._until = now + PATIENCE
        self.done = len(self._missing) < 2

    def take(self, events: list[Event], now: float) -> list[Event]:
        """More has come (or nothing, and time has passed): what to show now, in order."""
        if self.done:
            return by_time(events) if len(events) > 1 else events
        self._events += events
        for event in events:
            self._reached(event)
        if self._missing and now < self._until and self._size < MOST:
            return []
        self.done = True
        held, self._events = self._events, []
        return by_time(held)

    def _reached(self, event: Event) -> None:
        if isinstance(event, Output):
            self._size += len(event.data)
            position = event.position
        elif isinstance(event, Lost):
            position = event.end
        else:
            return
        if position >= self._missing.get(event.id, 1 << 62):
            del self._missing[event.id]
