"""A short tour: what to try next, until it has been tried."""

from __future__ import annotations

import textwrap
from typing import NamedTuple

from textual.strip import Strip
from textual.widget import Widget

from papa_tui.widgets.cells import Line
from papa_tui.widgets.palette import palette_of

_WIDE = 118  # cells in which each stop fits


class Stop(NamedTuple):
    """A stop: what is said, and the action that leads on."""

    text: str
    action: str


STOPS = (
    Stop('This kernel and all in it is a demo. The marks at the left tell what needs attention: press n.', 'attention'),
    Stop('n again goes to the next one. Enter shows every field of the process that the cursor is on.', 'details'),
    Stop('Escape comes back. o shows the output of the process: it only looks, and takes it from nobody.', 'output'),
    Stop('The gutter: ● has just come, │ was seen, · is acknowledged, × fell out of the buffer. Try a.', 'acknowledge'),
    Stop('It asks where nobody else has a copy. Scroll up and it stops following; / searches. Escape closes.', 'back'),
    Stop('Space marks several processes, and o shows them all, in the order of their capture. Try t: a tree.', 'tree'),
    Stop('Press : and enter "set motd hello" (Tab completes). Then L: what you did, as commands to copy.', 'commands'),
    Stop('Escape, and T shows what has happened since you last looked.', 'timeline'),
    Stop('That was it. ? has all keys, Ctrl+P finds every action by name, q leaves and removes the demo.', 'quit'),
)


class Tour(Widget):
    """One line with the present stop, or two. Whoever shares the room hides it where there is none."""

    ALLOW_SELECT = False
    DEFAULT_CSS = 'Tour { height: 1; width: 1fr; }'

    def __init__(self) -> None:
        super().__init__()
        self.at = 0
        self.begun = False
        self.display = False

    def begin(self) -> None:
        """Begin at the first stop."""
        self.begun = self.display = True

    def did(self, action: str) -> None:
        """Something was done; perhaps what this stop is about, or a later one."""
        if self.begun and STOPS[self.at].action == action and self.at + 1 < len(STOPS):
            self.at += 1
            self.refresh()

    def on_resize(self) -> None:
        """Where it is narrow, a stop takes two lines."""
        self.styles.height = 1 if self.size.width >= _WIDE else 2

    def render_line(self, y: int) -> Strip:
        """A line of the widget."""
        palette = palette_of(self.app)
        base = palette.style('', 'panel')
        head = f' Tour {self.at + 1}/{len(STOPS)} '
        texts = textwrap.wrap(STOPS[self.at].text, max(10, self.size.width - len(head) - 2))
        line = Line()
        line.add(head if y == 0 else ' ' * len(head), palette.style('alert', 'panel') if y == 0 else base)
        line.add(' ' + (texts[y] if y < len(texts) else ''), base)
        return line.strip(self.size.width, base)
