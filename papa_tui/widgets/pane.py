"""The output pane: the lines of one or more processes, and where in them one reads."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from textual import events
from textual.selection import Selection

from papa.line.units import counted
from papa_tui.feeds.output import OutputFeed
from papa_tui.model.filters import Filter, compile_search
from papa_tui.model.moments import clock
from papa_tui.model.patience import limited
from papa_tui.model.text import size
from papa_tui.model.things import Process
from papa_tui.output.finding import Finder, filtering, searching
from papa_tui.output.reading import Reading
from papa_tui.output.sources import Source
from papa_tui.output.store import Line
from papa_tui.widgets.body import Bodies
from papa_tui.widgets.cells import width_of
from papa_tui.widgets.pane_drawing import PaneDrawing

_MOST_COPIED = 20000  # lines
_MOST_FILTERING = 2.0  # seconds
_MARGIN = 8  # cells at the right that something is to be away from


class Pane(PaneDrawing):
    """Shows what an `OutputFeed` keeps. `look_at` one; `show` draws what has come."""

    DEFAULT_CSS = 'Pane { height: 2fr; width: 1fr; display: none; }'

    # What is watched

    def look_at(self, feed: OutputFeed) -> None:
        """Show this from now on."""
        self.feed = feed
        self._bodies = Bodies()
        self.reading = Reading(feed.store, self._pieces)
        self.finder, self.search_text, self.filter_text, self.marked, self._left = None, '', '', None, 0
        self.current = self._seeking = None
        self._furthest = -1
        self.show()

    def note(self, processes: Mapping[str, Process]) -> None:
        """Take in what the kernel says of the processes: how much it holds of their output."""
        if self.feed is None:
            return
        with self.feed.lock:
            for source in self.sources:
                process = processes.get(source.name)
                if process is None or process.id != source.id:
                    source.unlisted()
                else:
                    if source.recorded and process.removed:
                        self._unrecorded(source)
                    source.count(process.captured, process.buffered)

    def _unrecorded(self, source: Source) -> None:
        """Somebody has removed it while it runs: nothing comes any more until it ends."""
        assert self.feed is not None
        source.recorded = False
        since = f' since {clock(time.time())}' if source.listed else ''
        text = f'not recorded any more{since}: it was removed while it runs'
        self.feed.assembler.note(source, time.time(), text, 'warn', source.end or 0)

    def on_resize(self, _event: events.Resize) -> None:
        """Another size, other rows."""
        self.show()

    def on_focus(self) -> None:
        """The title tells who has the keys."""
        self.show()

    def on_blur(self) -> None:
        """The title tells who has the keys."""
        self.show()

    # Moving

    def scroll_rows(self, rows: int) -> bool:
        """So many rows down, or up. Returns whether the start was in the way."""
        if self.reading is None or self.feed is None:
            return False
        with self.feed.lock:
            stopped = self.reading.scroll(rows)
        self.show()
        return stopped

    def scroll_columns(self, cells: int) -> None:
        """So many cells to the right, or to the left."""
        self._left = max(0, self._left + cells)
        self.show()

    @property
    def page(self) -> int:
        """Rows of a page."""
        return max(1, self.size.height - 2)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel."""
        event.stop()
        self.scroll_rows(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel; it stops following."""
        event.stop()
        self.scroll_rows(-3)

    def go_to(self, number: int, cell: int | None = None) -> None:
        """Show a line, and this cell of it."""
        if self.reading is None or self.feed is None:
            return
        room = max(1, self._room())
        if cell is not None and not self.wrap and not self._left <= cell < self._left + room - _MARGIN:
            self._left = 0 if cell < room - _MARGIN else cell - room // 3
        with self.feed.lock:
            self.reading.go_to(number, (cell or 0) // room if self.wrap else 0)
        self.show()

    # Searching and filtering

    def search(self, text: str) -> None:
        """Look for this from now on. Raises `BadPattern`."""
        assert self.feed is not None
        assert self._bodies is not None
        pattern = compile_search(text) if text else None
        with self.feed.lock:
            self.finder = Finder(searching(pattern), self.feed.store) if pattern is not None else None
        self.search_text, self.current = text, None
        self._bodies.search = pattern
        self._bodies.forget()
        self.show()

    def step_found(self, forward: bool) -> bool:
        """To the next line with what was searched for, or the one before. Returns whether there is one."""
        if self.finder is None or self.reading is None:
            return False
        here = self.current
        if here is None:
            here = self.reading.at - 1 if forward else self.reading.at + self.reading.height
        found = self.finder.after(here) if forward else self.finder.before(here)
        if found is None:
            return False
        self.current = found
        self.go_to(found, self._cell_of(found))
        return True

    def _cell_of(self, number: int) -> int:
        """Where in a line stands what is searched for."""
        assert self._bodies is not None
        line = self._at(number)
        text = '' if line is None else self._text(line)
        found = self._bodies.search.search(text) if self._bodies.search is not None else None
        return 0 if found is None else width_of(text[: found.start()])

    def seek(self, forward: bool) -> None:
        """The same, as soon as all lines that there are now were looked at. Says if there is none."""
        if self.feed is not None:
            self._seeking = forward, self.feed.store.next
            self.show()

    def _sought(self) -> None:
        """Go on seeking."""
        if self._seeking is None or self.finder is None:
            self._seeking = None
        elif self.finder.done_to(self._seeking[1]):
            forward, self._seeking = self._seeking[0], None
            if not self.step_found(forward):
                more = f'; {size(self.older)} before them are not here: g fetches them' if self.older else ''
                self.post_message(self.Told(f'"{self.search_text}" is nowhere in these lines{more}', 'warn'))

    def filter(self, text: str) -> None:
        """Show only lines that pass. Raises `BadPattern`."""
        assert self.feed is not None
        assert self.reading is not None
        assert self._bodies is not None
        wanted = Filter(text)
        with self.feed.lock:
            self.reading.only = Finder(filtering(wanted), self.feed.store, self.around) if wanted else None
        self.filter_text = text
        self._bodies.wanted = wanted
        self._bodies.forget()
        self.show()

    def toggle_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self.wrap = not self.wrap
        self._left = 0
        self.show()

    def toggle_times(self) -> None:
        """Show when each line was captured, or not."""
        self.times = not self.times
        self.show()

    def clear(self) -> None:
        """Drop the lines from the view. The kernel keeps what it has."""
        if self.feed is not None:
            with self.feed.lock:
                self.feed.store.clear()
            self.marked = self.current = None
            self.screen.clear_selection()
            self.show()

    # Finding by time, and saving

    def line_at(self, wanted: float) -> tuple[Line | None, Line | None]:
        """The first line that was captured then or later, and the last of all."""
        assert self.feed is not None
        last = None
        with self.feed.lock:
            store = self.feed.store
            for chunk in store.chunks(store.first):
                if chunk.time >= wanted:
                    return chunk.line(0), None
                last = chunk if chunk.time else last
            partial = store.unended()
        found = next((line for line in partial if line.time >= wanted), None)
        return found, partial[-1] if partial else None if last is None else last.line(0)

    def lines_to_save(self) -> Iterator[Line]:
        """All lines, or those that the filter shows, as they are now. Raises `TooSlow`."""
        assert self.feed is not None
        assert self.reading is not None
        with self.feed.lock:
            snapshot = self.feed.store.snapshot()
            only = None if self.reading.only is None else self.reading.only.of(snapshot)
        with limited(_MOST_FILTERING):
            while only is not None and not only.done:
                only.advance(time.perf_counter, _MOST_FILTERING)
        found = Reading(snapshot, lambda _line: 1)
        found.only = only
        return found.lines()

    # Copying: never the gutter

    def selection_updated(self, selection: Selection | None) -> None:
        """The mouse has selected something else."""
        self.show()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that is selected."""
        if self.feed is None:
            return None
        start, end = selection
        found = []
        for line in self._lines_between(None if start is None else start.y, None if end is None else end.y):
            span = selection.get_span(line.number)
            if span is not None:
                text = self._text(line)
                found.append(text[span[0] : span[1] if span[1] >= 0 else None])
        return '\n'.join(found), '\n'

    def _lines_between(self, first: int | None, last: int | None) -> list[Line]:
        """Lines by their numbers, the last included; None: from the first, to the last. It says if those are too many
        to be copied."""
        assert self.feed is not None
        assert self.reading is not None
        with self.feed.lock:
            store = self.feed.store
            first = store.first if first is None else max(first, store.first)
            end = store.next + len(store.partial)
            end = end if last is None else min(end, last + 1)
            found = [self.reading.line(number) for number in range(first, min(end, first + _MOST_COPIED))]
        if end - first > _MOST_COPIED:
            text = f'Only the first {_MOST_COPIED:,} lines of {end - first:,} were taken: W saves all'
            self.post_message(self.Told(text, 'warn'))
        return [line for line in found if line is not None]

    def _text(self, line: Line) -> str:
        assert self._bodies is not None
        return self._bodies.text(line)

    def _at(self, number: int) -> Line | None:
        assert self.feed is not None
        assert self.reading is not None
        with self.feed.lock:
            return self.reading.line(number)

    def line_at_edge(self, *, above: bool) -> tuple[Line | None, int]:
        """The first line of the screen, or the last, and how many characters it has."""
        if not self._shown:
            return None, 0
        line = self._shown[0 if above else -1].line
        return line, len(self._text(line))

    def text_on_screen(self) -> str:
        """The lines that can be seen."""
        numbers = dict.fromkeys(row.line.number for row in self._shown)
        lines = {row.line.number: row.line for row in self._shown}
        return '\n'.join(self._text(lines[number]) for number in numbers)

    def past_the_screen(self) -> str:
        """Where the last line is that has been on the screen, if that is after what is there now."""
        last = self._shown[-1].line.number if self._shown else self._furthest - 1
        lines = self._furthest - last
        return f'{counted(lines, "line")} after the end of this screen' if lines > 0 else ''

    def text_from(self, number: int) -> str:
        """The lines from a number to the end of the screen."""
        last = self._shown[-1].line.number if self._shown else number
        first, last = min(number, last), max(number, last)
        return '\n'.join(map(self._text, self._lines_between(first, last)))

    @property
    def top(self) -> Line | None:
        """The line at the top of the screen."""
        return self._shown[0].line if self._shown else None
