"""How fast something grows, steadily enough to tell from it when it will be full."""

from __future__ import annotations

import math

_SPAN = 10.0  # seconds: what is older counts less and less
_CHANGED = 3  # steps in a row of more than twice the pace: it is another one
_SILENCE = 8.0  # seconds without anything after which there is none


class Pace:
    """The mean over the last ten seconds or so, which a line now and then does not move much. A pace that has really
    changed is taken over at once, and after a silence there is none."""

    __slots__ = ('_amount', '_recent', '_seconds', '_silent')

    def __init__(self) -> None:
        self._amount = self._seconds = self._silent = 0.0
        self._recent: list[float] = []

    @property
    def rate(self) -> float:
        """How much comes in a second."""
        return self._amount / self._seconds if self._seconds else 0.0

    def step(self, amount: float, seconds: float) -> None:
        """So much has come in the last seconds."""
        keep = math.exp(-seconds / _SPAN)
        self._amount = self._amount * keep + amount
        self._seconds = self._seconds * keep + seconds
        self._recent = [*self._recent, amount / seconds][-_CHANGED:]
        self._silent = 0.0 if amount else self._silent + seconds
        if self._silent >= _SILENCE:
            self._amount = 0.0
        elif len(self._recent) == _CHANGED and min(self._recent) > 2 * self.rate:
            self._seconds = _CHANGED * seconds
            self._amount = sum(self._recent) * seconds
