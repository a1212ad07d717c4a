"""Colours, and the time of day, as the lines of a stream have them on a terminal."""

from __future__ import annotations

import os
import time

from papa.line.text import escape
from papa_shell.screen import is_dumb

PLAIN, RED, GREEN, YELLOW, BLUE, DIM = 0, 31, 32, 33, 34, 2
RESET = '\x1b[0m'
_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)


def wanted() -> bool:
    """Whether a terminal is to show colours."""
    return not os.environ.get('NO_COLOR') and not is_dumb()


class Painter:
    """Colours text, if `colour` is wanted; each name that it meets in a colour of its own."""

    def __init__(self, *, colour: bool) -> None:
        self.colour = colour
        self._names: dict[str, int] = {}

    def paint(self, colour: int, text: str) -> str:
        """A text in a colour."""
        return f'\x1b[{colour}m{text}{RESET}' if self.colour and colour and text else text

    def name(self, name: str) -> str:
        """A name, which cannot act upon the terminal, in its colour."""
        return self.paint(self.colour_of(name), escape(name))

    def colour_of(self, name: str) -> int:
        """The colour of a name."""
        return self._names.setdefault(name, _COLOURS[len(self._names) % len(_COLOURS)])


class Clock:
    """The time of day, with the date if it is another day's. `today` says what day it is; by default the clock does."""

    def __init__(self, today: time.struct_time | None = None) -> None:
        self._today = today
        self._second = -1
        self._text = ''

    def show(self, timestamp: float) -> str:
        second = int(timestamp)
        if second != self._second:
            self._second = second
            moment = time.localtime(second)
            today = self._today or time.localtime()
            form = '%H:%M:%S' if moment[:3] == today[:3] else '%Y-%m-%d %H:%M:%S'
            self._text = time.strftime(form, moment)
        return self._text
