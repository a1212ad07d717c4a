"""The lines above everything: which kernel, how much it holds, what needs attention."""

from __future__ import annotations

import textwrap

from textual.strip import Strip
from textual.widget import Widget

from papa.line.units import age, counted
from papa.options import KINDS
from papa_tui.model.attention import Summary
from papa_tui.model.model import Model
from papa_tui.model.moments import clock
from papa_tui.model.text import harmless, size
from papa_tui.widgets.cells import Line, fitted, width_of
from papa_tui.widgets.palette import palette_of

Part = tuple[str, str]
_HEIGHT = 2  # lines without a notice


def first_line(
    model: Model, now: float, read_only: bool = False, *, hidden_logger: bool = False
) -> tuple[list[Part], list[Part]]:
    """What stands left and right in the first line. The rightmost of the left ones go first if there is no room.
    `hidden_logger`: the output pane holds output back, and nobody can see it."""
    info = model.info
    left: list[Part] = [('papa', 'title'), (harmless(str(info.get('endpoint', ''))), 'name')]
    if info:
        left += [
            (str(info.get('version', '')), 'dim'), (f'pid {info.get("pid", "")}', 'dim'),
            (f'up {age(model.uptime(model.stale_since or now))}', 'dim'),
        ]
    right: list[Part] = [('read-only', 'warn')] if read_only else []
    if hidden_logger:
        right.append((' hidden LOGGER acknowledges nothing ', 'alert'))
    if model.timeline.new:
        right.append((f'{model.timeline.new} new (T)', 'dim'))
    if model.broken:
        right.append((f'✗ {model.broken} has failed: restart papa-tui', 'bad'))
    elif model.silent_since is not None:
        right.append((f'✗ does not answer, data is {age(now - model.silent_since)} old', 'bad'))
    elif model.lost_at is not None:
        seconds = age(now - model.lost_at)
        since = f'data is {seconds} old' if model.connected_at is not None else f'none for {seconds}'
        right.append((f'✗ no kernel, {since}, trying again', 'bad'))
    elif model.connected_at is None:
        right.append(('connecting…', 'dim'))
    else:
        right.append(('● live', 'good'))
    return left, right


def second_line(model: Model, attention: Summary) -> tuple[list[Part], list[Part]]:
    """What is held, and what needs attention."""
    running = sum(process.running for process in model.processes.values())
    buffered, lost = model.totals()
    left: list[Part] = [
        (f'{running}/{len(model.processes)} running', ''),
        (counted(len(model.sockets), 'socket'), ''), (counted(len(model.values), 'value'), ''),
        (f'held {size(buffered)}', '' if buffered else 'dim'),
        (f'lost {size(lost)}', 'warn' if lost else 'dim'),
    ]
    right: list[Part] = [(f'{number} {word}', tone) for word, tone, number in attention.parts]
    if model.replaced is not None:
        right.insert(0, ('another kernel', 'bad'))
    elif model.connected_at is not None and not attention.parts and not model.stale:
        right.append(('all is well', 'good'))
    if model.stale:
        left, right = [(text, 'dim') for text, _ in left], [(text, 'dim') for text, _ in right]
    return left, right


def notice(model: Model) -> str:
    """What a person has to know before anything else; mostly nothing."""
    if model.replaced is None:
        return ''
    pid, since, held = model.replaced
    were = ', '.join(counted(number, KINDS[kinds]) for kinds, number in held.items() if number)
    gone = f'The one before held {were}: none of that is in this one. ' if were else 'The one before held nothing. '
    return f'This is another kernel: pid {pid}, since {clock(since)}. {gone}T shows it and clears this line.'


class Header(Widget):
    """Two lines, and those of a notice. `show` what is to be seen."""

    ALLOW_SELECT = False
    DEFAULT_CSS = 'Header { height: 2; width: 1fr; }'

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[tuple[list[Part], list[Part]]] = []
        self._notice = ''
        self._wrapped: list[str] = []

    def show(self, lines: list[tuple[list[Part], list[Part]]], notice: str = '') -> None:
        """Draw these."""
        if notice != self._notice:
            self._notice = notice
            self.on_resize()
        if lines != self._lines:
            self._lines = lines
            self.refresh()

    def on_resize(self) -> None:
        """The notice takes as many lines as it needs."""
        self._wrapped = textwrap.wrap(self._notice, max(20, self.size.width - 2))
        self.styles.height = _HEIGHT + len(self._wrapped)

    def render_line(self, y: int) -> Strip:
        """A line of the widget."""
        palette = palette_of(self.app)
        base = palette.style('', 'panel')
        if 0 <= y - _HEIGHT < len(self._wrapped):
            alert = palette.style('alert', 'panel')
            return Line().add(f' {self._wrapped[y - _HEIGHT]}', alert).strip(self.size.width, alert)
        if y >= len(self._lines):
            return Strip.blank(self.size.width, base)
        left, right = self._lines[y]
        width = self.size.width
        tail = Line()
        for number, (text, tone) in enumerate(right):
            tail.add('' if number == 0 else '  ', base).add(text, palette.style(tone, 'panel'))
        line = Line().add(' ', base)
        room = width - tail.cells - 3
        for number, (text, tone) in enumerate(left):
            gap = '' if number == 0 else '  '
            if line.cells + len(gap) + width_of(text) > room:
                if number > 1:
                    break
                text = fitted(text, max(0, room - line.cells - len(gap)))
            line.add(gap, base).add(text, palette.style(tone, 'panel'))
        space = max(1, width - line.cells - tail.cells - 1)
        strip = line.add(' ' * space, base).strip(line.cells, base)
        return Strip.join([strip, tail.strip(tail.cells, base)]).adjust_cell_length(width, base)
