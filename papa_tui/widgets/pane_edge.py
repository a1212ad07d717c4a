"""Selecting past the edge of the output pane scrolls it. Textual does that for what scrolls by its own means only."""

from __future__ import annotations

from textual import events
from textual.geometry import Offset
from textual.selection import Selection
from textual.timer import Timer

from papa_tui.widgets.pane import Pane

_EVERY = 0.05  # seconds
_FASTEST = 10  # rows at once


class Edge:
    """Watches the mouse while it selects."""

    def __init__(self, pane: Pane) -> None:
        self._pane = pane
        self._rows = 0  # to scroll, each time
        self._timer: Timer | None = None

    def moved(self, event: events.MouseMove) -> None:
        """The mouse has moved: past an edge the further the faster."""
        pane = self._pane
        past = 0
        if event.button and self._start() is not None:
            region = pane.region
            past = min(0, event.screen_y - region.y - 1) or max(0, event.screen_y - region.bottom + 1)
        self._rows = max(-_FASTEST, min(_FASTEST, past))
        if not self._rows:
            self.stop()
        elif self._timer is None:
            self._timer = pane.set_interval(_EVERY, self._step)

    def stop(self) -> None:
        """Scroll no more."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _start(self) -> Offset | None:
        """Where in the pane the selection has begun."""
        state = self._pane.screen._select_state
        if state is None or state.start.content_widget is not self._pane:
            return None
        return state.start.content_offset

    def _step(self) -> None:
        pane, start = self._pane, self._start()
        if start is None:
            self.stop()
            return
        pane.scroll_rows(self._rows)
        line, length = pane.line_at_edge(above=self._rows < 0)
        if line is not None:
            end = Offset(0 if self._rows < 0 else length, line.number)
            first, last = sorted((start, end), key=lambda each: each.transpose)
            pane.screen.selections = {pane: Selection(first, last)}
