"""How the output pane is drawn: its title, its gutter, its lines, and a bar that tells where one is."""

from __future__ import annotations

import time

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from papa_tui.model.moments import clock
from papa_tui.model.patience import TooSlow, limited
from papa_tui.model.text import harmless
from papa_tui.output.clean import overwritten
from papa_tui.output.reading import Row
from papa_tui.output.sources import ACKNOWLEDGED, BUFFERED, GONE, PARTLY, SEEN
from papa_tui.output.store import NOTE, Line
from papa_tui.widgets.body import Body, highlighted
from papa_tui.widgets.cells import Line as Drawn
from papa_tui.widgets.cells import fitted, width_of
from papa_tui.widgets.palette import Palette, palette_of
from papa_tui.widgets.pane_state import PaneState

_GUTTER = {
    BUFFERED: ('●', 'warn'), PARTLY: ('◐', 'warn'), SEEN: ('│', 'accent'), ACKNOWLEDGED: ('·', 'dim'),
    GONE: ('×', 'bad'),
}
_WIDEST_NAME = 24
_SOON = 0.03  # seconds to the next piece of a search


class PaneDrawing(PaneState):
    """Draws what an `OutputFeed` keeps, when `show` is called: all at once, under its lock."""

    def show(self) -> None:
        """Draw what there is now."""
        if self.feed is None or self.reading is None or self.size.height < 2:
            return
        with self.feed.lock:
            notices, self.feed.assembler.notices = self.feed.assembler.notices, []
            self.reading.height = self.size.height - 1
            if self.finder is None and self.reading.only is None:
                self._find_and_draw()
            else:
                self._with_patience()
            if self.can_be_seen:
                self._paint()
            self._drawn = self._state_of_feed()
            done = all(finder.done for finder in (self.finder, self.reading.only) if finder is not None)
        if not done and self._more is None:
            self._more = self.set_timer(_SOON, self._show_more)
        if notices:
            self.post_message(self.Told(notices[-1], 'warn'))
        self._sought()
        self.refresh()

    def _sought(self) -> None:
        """Whoever looks for something goes on."""

    @property
    def can_be_seen(self) -> bool:
        """Whether nothing lies over it."""
        return bool(self.display) and self.app.screen is self.screen

    def _paint(self) -> None:
        """What has been drawn is going to be on the screen: of a line that was cut, only that part."""
        palette, room = palette_of(self.app), self._room()
        for row in self._shown:
            line = row.line
            if line.source is None or line.stream == NOTE:
                continue
            self._furthest = max(self._furthest, line.number)
            body = self._body(line, palette)
            start = row.piece * room if self.wrap else self._left
            cut = not self.wrap and body.cells > start + room
            line.source.paint(body.positions(line, start, room - cut) if room > 0 else (), line.end)

    def _find_and_draw(self) -> None:
        assert self.reading is not None
        assert self._bodies is not None
        assert self.feed is not None
        self._bodies.keep_up(self.feed.store.rewritten)
        for finder in (self.finder, self.reading.only):
            if finder is not None:
                finder.advance(time.perf_counter)
        self._shown = self.reading.rows()
        self._strips = self._draw(palette_of(self.app))

    def _with_patience(self) -> None:
        """The same with patterns, which might take for ever."""
        try:
            with limited():
                self._find_and_draw()
        except TooSlow:
            self.give_up_patterns()
            self._find_and_draw()
            self.post_message(self.Told('This pattern takes too long: it is given up', 'bad'))

    def give_up_patterns(self) -> None:
        """Search for nothing, and show everything."""
        assert self.reading is not None
        assert self._bodies is not None
        self.finder = self.reading.only = self.current = self._seeking = None
        self._bodies.search = self._bodies.wanted = None
        self.search_text = self.filter_text = ''
        self._bodies.forget()

    def _show_more(self) -> None:
        """Not all lines were looked at yet."""
        self._more = None
        self.show()

    def show_news(self) -> None:
        """Draw, if there is anything that has not been drawn."""
        if self.feed is not None and self._drawn != self._state_of_feed():
            self.show()

    def _state_of_feed(self) -> object:
        assert self.feed is not None
        feed = self.feed
        return feed.store.edition, feed.live, feed.logging, len(feed.assembler.notices), self._counted()

    def _counted(self) -> tuple[int, int]:
        """What the kernel has said of them."""
        return sum(source.floor for source in self.sources), sum(source.captured for source in self.sources)

    def settle(self) -> None:
        """A second has passed: what is on the screen has been seen."""
        if self.feed is None:
            return
        with self.feed.lock:
            fresh = [source for source in self.sources if source.settle()]
        if fresh:
            self.show()

    def _draw(self, palette: Palette) -> list[Strip]:
        width = self.size.width
        strips = [self._title(palette, width)]
        names = self._name_width()
        base = palette.style('')
        strips += [self._row(row, palette, names).adjust_cell_length(width - 1, base) for row in self._shown]
        if not self._shown:
            strips.append(Drawn().add(f'  {self._nothing()}', palette.style('dim')).strip(width - 1, base))
        blank = Strip.blank(width - 1, base)
        strips += [blank] * (self.size.height - len(strips))
        return [strips[0], *self._with_bar(strips[1:], palette)]

    def _nothing(self) -> str:
        assert self.feed is not None
        assert self.reading is not None
        if self.reading.only is not None:
            return 'No line fits the filter. Escape clears it.'
        if self.older:
            return 'Nothing is here. What comes will be shown; g fetches what the kernel has.'
        if self.sources:
            return 'Nothing was written yet, or nothing is held any more. What comes will be shown.'
        if not self.feed.live:
            why = f': {harmless(self.feed.trouble)}' if self.feed.trouble else ''
            return f'The kernel has not answered yet{why}. What it has will be shown.'
        return 'No process of this name yet. One that starts will be shown.'

    def render_line(self, y: int) -> Strip:
        """A line of the widget, as `show` has drawn it."""
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.size.width, palette_of(self.app).style(''))

    def _name_width(self) -> int:
        if not self.many:
            return 0
        return min(_WIDEST_NAME, max((width_of(harmless(source.name)) for source in self.sources), default=0))

    def _head(self, row: Row, palette: Palette, names: int) -> Drawn:
        """What stands before the text: the gutter, the time, the name."""
        line, first = row.line, row.piece == 0
        head = Drawn()
        mark, tone = self._state(line)
        if line.number == self.marked and first:
            mark, tone = '◆', 'title'
        head.add(mark, palette.style(tone)).add(*self._kind(line, palette))
        if self.times:
            when = clock(line.time) + f'.{int(line.time % 1 * 1000):03}'
            head.add((when if first and line.time else ' ' * 12) + ' ', palette.style('dim'))
        if names:
            name = harmless(line.source.name) if line.source is not None and first else ''
            number = line.source.number if line.source is not None else 0
            head.add(fitted(name, names), palette.style(palette.of_name(number)), names).add(' ', palette.style(''))
        return head

    def _state(self, line: Line) -> tuple[str, str]:
        if line.source is None or line.stream == NOTE:
            return ' ', 'dim'
        return _GUTTER[line.source.state(line.spans)]

    def _kind(self, line: Line, palette: Palette) -> tuple[str, Style]:
        error = line.stream == 'err'
        if line.source is not None and line.source.more_above and line.start == line.source.start != line.end:
            return '…', palette.style('bad' if error else 'dim')  # it may be the middle of a line
        if overwritten(line.data):
            return '↩', palette.style('bad' if error else 'dim')
        return '!' if error else ' ', palette.style('bad')

    def _row(self, row: Row, palette: Palette, names: int) -> Strip:
        head = self._head(row, palette, names)
        body = self._body(row.line, palette)
        room = max(1, self.size.width - 1 - head.cells)
        part, before = body.part(row.piece * room if self.wrap else self._left, room)
        if row.line.number == self.current:
            part = part.apply_style(Style(bold=True, underline=True))
        selection = self.text_selection
        span = selection.get_span(row.line.number) if selection is not None else None
        if span is not None:
            start, end = span
            inside = end - before if end >= 0 else -1
            if inside:
                part = highlighted(part, max(0, start - before), inside, palette.selected)
        cells = part.cell_length
        part = part.apply_offsets(before, row.line.number)
        if not self.wrap and body.cells > self._left + room:
            part = Strip.join([part.crop(0, room - 1), Strip([Segment('›', palette.style('accent'))])])
            cells = room
        return Strip.join([head.strip(head.cells, palette.style('')), part.adjust_cell_length(cells)])

    def _body(self, line: Line, palette: Palette) -> Body:
        assert self._bodies is not None
        assert self.feed is not None
        return self._bodies.of(line, palette, keep=line.number < self.feed.store.next)

    def _pieces(self, line: Line) -> int:
        if not self.wrap:
            return 1
        return self._body(line, palette_of(self.app)).rows(self._room())

    def _room(self) -> int:
        """Cells that the text of a line has."""
        used = 2 + (13 if self.times else 0) + (self._name_width() + 1 if self.many else 0)
        return self.size.width - 1 - used

    def _with_bar(self, strips: list[Strip], palette: Palette) -> list[Strip]:
        """A bar at the right that tells where one is."""
        assert self.reading is not None
        assert self.feed is not None
        height = len(strips)
        lines = max(1, len(self.feed.store))
        length = max(1, min(height, round(height * height / max(lines, height))))
        top = round(self.reading.share * (height - length))
        on, off = palette.style('accent'), palette.style('dim')
        bar = [
            Segment('┃' if top <= at < top + length and lines > height else ' ',
                    on if top <= at < top + length else off)
            for at in range(height)
        ]
        return [Strip([*strip, segment], self.size.width) for strip, segment in zip(strips, bar, strict=True)]
