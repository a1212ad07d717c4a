"""What was made, has exited and was removed, in order, and what of it is new since somebody last looked."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

MOST = 2000


class Happening(NamedTuple):
    """`when` is seconds since the epoch; `tone` says how to paint it (`papa_tui.model.columns`)."""

    number: int
    when: float
    kind: str
    name: str
    text: str
    tone: str


class Timeline:
    """The last happenings, numbered; those above `seen` are new."""

    def __init__(self) -> None:
        self.entries: deque[Happening] = deque(maxlen=MOST)
        self.last = 0
        self.seen = 0

    def add(self, when: float, kind: str, name: str, text: str, tone: str = '') -> None:
        """Something has happened."""
        self.last += 1
        self.entries.append(Happening(self.last, when, kind, name, text, tone))

    @property
    def new(self) -> int:
        """How many have come since somebody looked."""
        return self.last - self.seen

    def look(self) -> int:
        """Somebody looks. Returns the number of the last one that was seen before."""
        before, self.seen = self.seen, self.last
        return before
