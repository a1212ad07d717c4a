"""The last line: the keys that do something where the cursor is, or what has just been said."""

from __future__ import annotations

from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from papa_tui.widgets.cells import Line
from papa_tui.widgets.palette import Palette, palette_of

_LASTS = 10.0  # seconds


class Keys(Widget):
    """One line. `show` keys with their labels; `say` something instead, for a while, or until the next key.

    What is said again while it stands there does not stand any longer: nothing can take the line for good.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = 'Keys { height: 1; width: 1fr; }'

    def __init__(self) -> None:
        super().__init__()
        self._keys: list[tuple[str, str]] = []
        self._always: list[tuple[str, str]] = []
        self.said: tuple[str, str] | None = None
        self.lasts = {'bad': 30.0}  # seconds that a sentence stands there, by its tone; others: `_LASTS`
        self._timer: Timer | None = None

    def show(self, keys: list[tuple[str, str]], always: list[tuple[str, str]]) -> None:
        """Show these, as many as fit, and those that are always there."""
        if keys != self._keys:
            self._keys, self._always = keys, always
            self.refresh()

    def say(self, text: str, tone: str = '') -> None:
        """Show a sentence; none: the keys."""
        said = (text, tone) if text else None
        if said == self.said:
            return
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(self.lasts.get(tone, _LASTS), lambda: self.say('')) if said else None
        self.said = said
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        palette = palette_of(self.app)
        base = palette.style('', 'panel')
        line = Line()
        if self.said is not None:
            text, tone = self.said
            return line.add(f' {text}', palette.style(tone, 'panel')).strip(self.size.width, base)
        room = self.size.width - sum(_cells(each) for each in self._always)
        for each in self._keys:
            if line.cells + _cells(each) > room:
                break
            _add(line, each, palette)
        for each in self._always:
            _add(line, each, palette)
        return line.strip(self.size.width, base)


def _cells(each: tuple[str, str]) -> int:
    key, label = each
    return len(key) + len(label) + 3


def _add(line: Line, each: tuple[str, str], palette: Palette) -> None:
    key, label = each
    line.add(f' {key}', palette.style('title', 'panel')).add(f' {label} ', palette.style('dim', 'panel'))
