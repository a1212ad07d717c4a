"""Asks a `System` without waiting for it: a folder may be on a server that is gone, users in a directory that hangs."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, wait
from typing import Any, TypeVar, cast

from papa.line.system import NoSystem, System

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Key = tuple[str, ...]  # a method of `NoSystem` and its arguments
    Answer = list[Any]

PATIENCE = 0.3  # seconds that somebody who has pressed a key may wait
_MOST = 16  # look-ups that hang, before no more are begun

T = TypeVar('T')


class Missing(Exception):
    """The machine was asked for something that is not known yet: `key` is what."""

    def __init__(self, *key: str) -> None:
        super().__init__()
        self.key = key


class Answers(NoSystem):
    """Gives the answers that are `known`, and raises `Missing` for others."""

    def __init__(self) -> None:
        self.known: dict[Key, Answer] = {}

    def _get(self, *key: str) -> Answer:
        if key not in self.known:
            raise Missing(*key)
        return self.known[key]

    def users(self) -> list[str]:
        return self._get('users')

    def groups(self) -> list[str]:
        return self._get('groups')

    def limits(self) -> list[str]:
        return self._get('limits')

    def interfaces(self) -> list[str]:
        return self._get('interfaces')

    def variables(self) -> list[str]:
        return self._get('variables')

    def programs(self) -> list[str]:
        return self._get('programs')

    def entries(self, folder: str) -> list[tuple[str, bool]]:
        return self._get('entries', folder)


class Lookups:
    """Each look-up has a daemon thread of its own, so that neither another one nor the end of the program waits for it.

    `late` is called, on that thread, when an answer has come that nobody waits for any longer: it is kept for whoever
    asks next.
    """

    def __init__(self, system: NoSystem | None = None) -> None:
        self.late: Callable[[], object] = bool
        self._system = system or System()
        self._under_way: dict[Key, Future[Answer]] = {}
        self._given_up: set[Key] = set()
        self._lock = threading.Lock()

    def find(self, search: Callable[[NoSystem], T], patience: float = PATIENCE) -> tuple[T, bool]:
        """What a search finds that asks a system, and whether that had all answers: one that takes longer than all our
        patience is taken for empty."""
        answers, whole = Answers(), True
        deadline = time.monotonic() + patience
        while True:
            try:
                return search(answers), whole
            except Missing as missing:  # noqa: PERF203 - each round brings one answer
                lookup = self.begin(missing.key)
                wait([lookup], max(0, deadline - time.monotonic()))
                whole = self.take(missing.key, lookup, answers) and whole

    def begin(self, key: Key) -> Future[Answer]:
        """The look-up for a key, which may be under way already."""
        with self._lock:
            lookup = self._under_way.get(key)
            if lookup is not None or len(self._under_way) >= _MOST:
                return lookup or Future()
            lookup = self._under_way[key] = Future()
        threading.Thread(target=self._look, args=(key, lookup), name='papa-lookup', daemon=True).start()
        return lookup

    def take(self, key: Key, lookup: Future[Answer], into: Answers) -> bool:
        """Put an answer in its place, an empty one where nobody waits for the right one any longer. Whether it has
        come."""
        with self._lock:
            came = lookup.done()
            if came:
                self._under_way.pop(key, None)
            else:
                self._given_up.add(key)
        into.known[key] = lookup.result() if came else []
        return came

    def _look(self, key: Key, lookup: Future[Answer]) -> None:
        method, *arguments = key
        try:
            found = cast('Answer', getattr(self._system, method)(*arguments))
        except Exception:  # noqa: BLE001 - whatever it is, nothing was found, and somebody may wait for that
            found = []
        with self._lock:
            lookup.set_result(found)
            is_late = key in self._given_up
            self._given_up.discard(key)
        if is_late:
            self.late()
