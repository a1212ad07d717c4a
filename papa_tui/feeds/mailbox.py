"""What a thread hands to the UI: a queue with a bound, and a bell that rings once, however much is in it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar('T')


class Mailbox(Generic[T]):
    """`put` waits while `most` items wait to be taken. `bell` is called by the putting thread when there is something
    for a taker who has taken everything before."""

    def __init__(self, bell: Callable[[], None], most: int) -> None:
        self._bell = bell
        self._most = most
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: T) -> bool:
        """Add an item. Returns False if nobody takes any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._most)
            if self._closed:
                return False
            self._items.append(item)
            first = len(self._items) == 1
        if first:
            self._bell()
        return True

    def take(self) -> list[T]:
        """All that is there."""
        with self._changed:
            items = list(self._items)
            self._items.clear()
            self._changed.notify_all()
        return items

    def close(self) -> None:
        """Nobody takes any more: who waits to put need not."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()
