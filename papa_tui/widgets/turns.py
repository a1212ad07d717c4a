"""Keys in turn: what is typed fast goes where it was meant for."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.timer import Timer

Keystroke = events.Key | events.Paste
_LEAST_ROUNDS, _MOST_ROUNDS = 2, 8
_AT_MOST = 3.0  # seconds that a key may keep the next one waiting, on a busy machine too


class Turns:
    """Hands over one key after the other, each when the one before has been dealt with.

    Textual puts a key into the queue of the widget that has the focus when it comes, and a key that is bound to an
    action works only after it has gone through the queues of all widgets above: by then the letters after a Tab are in
    the queue of the old field, and those after ``:`` are taken for actions. So after each key a message goes the same
    way, from queue to queue up to the application; and again, until that has moved neither the focus nor the screen:
    a key may have posted a message which opens something.
    """

    def __init__(self, app: App[None], handle: Callable[[events.Event], Awaitable[None]]) -> None:
        self._app = app
        self._handle = handle
        self._waiting: deque[Keystroke] = deque()
        self._patience: Timer | None = None  # while a key is being dealt with
        self.pressed = self.taken = 0  # how many keys have come, and how many of them had their turn

    async def take(self, event: Keystroke) -> None:
        """A key was pressed: it is its turn now, or later."""
        self._waiting.append(event)
        self.pressed += 1
        if self._patience is None:
            await self._next()

    async def _next(self) -> None:
        if self._patience is not None:
            self._patience.stop()
            self._patience = None
        if self._waiting:
            patience = self._patience = self._app.set_timer(_AT_MOST, self._next)
            self.taken += 1
            await self._handle(self._waiting.popleft())
            self._round(patience, 1)

    def _round(self, patience: Timer, number: int) -> None:
        """Go through the queues from the focus to the application."""
        self._climb(self._focus, patience, number, self._focus)

    @property
    def _focus(self) -> DOMNode:
        return self._app.focused or self._app.screen

    def _climb(self, node: DOMNode, patience: Timer, number: int, began: DOMNode) -> None:
        above = node.parent
        if above is None:
            node.call_later(self._arrived, patience, number, began)
        elif not node.call_later(self._climb, above, patience, number, began):
            self._climb(above, patience, number, began)  # this one has just gone

    async def _arrived(self, patience: Timer, number: int, began: DOMNode) -> None:
        if patience is not self._patience:
            return  # it took too long, and another key has its turn
        settled = number >= _LEAST_ROUNDS and began is self._focus
        if settled or number == _MOST_ROUNDS:
            await self._next()
        else:
            self._round(patience, number + 1)
