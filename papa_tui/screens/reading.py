"""What one can do in the output pane."""

from __future__ import annotations

import os
import threading
import time
from functools import cached_property

from textual import events

from papa.line.units import counted
from papa_tui.actions import PANE
from papa_tui.feeds.older import Older
from papa_tui.feeds.output import OutputFeed
from papa_tui.model.filters import BadPattern
from papa_tui.model.moments import clock, time_of
from papa_tui.model.noted import operands
from papa_tui.model.patience import TooSlow
from papa_tui.model.text import harmless, size
from papa_tui.output.saving import save
from papa_tui.screens.looking import Looking
from papa_tui.widgets.pane_edge import Edge
from papa_tui.widgets.pane_state import PaneState

_STEP = 8  # cells


class ReadingOutput(Looking):
    """The actions of the output pane."""

    _older: Older
    _watching = ''  # the command that was noted of the pane that is open

    @cached_property
    def _edge(self) -> Edge:
        return Edge(self.pane)

    # Opening and closing

    def do_output(self) -> None:
        """The output of the row, or of all that are marked."""
        names = self.tables['processes'].view.chosen()
        row = self.tables['processes'].view.row
        if row is not None and row.name.endswith('*') and not self.tables['processes'].view.marked:
            names = [row.name]
        if names:
            self.open_pane(tuple(names))

    def open_pane(self, names: tuple[str, ...], *, to_log: bool = False) -> None:
        """Open the pane on these names; `to_log`: only on the way to being a logger."""
        self._tell_that_logging_ends()
        self.stop_watching()
        feed = OutputFeed(self.settings.where, names, self.dashboard.ring_output)
        self._older = Older(self.settings.where, feed, self.dashboard.ring_output, self._tell_later)
        self.pane.look_at(feed)
        self._watching = 'peek' if to_log else ''
        feed.start()
        self.share_room()
        self.focus_place(PANE)

    def _tell_later(self, text: str) -> None:
        """Say something, whichever thread wants to."""
        self.app.call_later(self.say, text, 'warn')

    def note_watch(self) -> None:
        """Note that the kernel gives us output, once it does, and when we have become a logger."""
        feed = self.pane.feed
        if feed is None or not feed.live or feed.opened == self._watching:
            return
        if feed.opened == 'watch' or not self._watching:
            self.noted.done([feed.opened, 'processes', *operands(feed.names)])
        self._watching = feed.opened

    def stop_watching(self) -> None:
        """End what the pane watches, if it does."""
        if self.pane.feed is not None:
            self.pane.feed.stop()
            self.pane.feed = None

    def do_pane(self) -> None:
        """To the output."""
        if self.pane.feed is None:
            self.do_output()
        else:
            self.focus_place(PANE)

    def close_pane(self) -> None:
        """Close it. As a logger it holds nothing back any more."""
        table = self.table
        self._tell_that_logging_ends()
        self.stop_watching()
        self.pane.display = False
        self.share_room()
        self.focus_place(table.kind)

    def _tell_that_logging_ends(self) -> None:
        """Say that it was a logger, and what is left."""
        feed = self.pane.feed
        if feed is not None and feed.logging:
            names = harmless(' '.join(feed.names))
            self.say(f'Logging of {names} has stopped')
            feed.at_end = lambda held: self.app.call_later(self._logged, names, held)  # type: ignore[assignment]

    def _logged(self, names: str, held: int) -> None:
        self.say(f'Logging of {names} has stopped: {size(held)} not acknowledged', 'warn' if held else 'good')

    def do_back(self) -> None:
        """Undo what is in the way, the nearest first."""
        pane = self.pane
        if self.prompt.is_open or self.place != PANE:
            super().do_back()
        elif self.selections:
            self.clear_selection()
        elif pane.search_text:
            pane.search('')
        elif pane.filter_text:
            pane.filter('')
        elif self.full:
            self.do_full()
        else:
            self.close_pane()

    # Moving

    def do_first(self) -> None:
        """To the first line; what the kernel has before it is fetched."""
        if self.place != PANE:
            super().do_first()
        elif self.pane.reading is not None and self.pane.feed is not None:
            with self.pane.feed.lock:
                self.pane.reading.to_start()
            self.pane.show()
            self._older.fetch()

    def do_last(self) -> None:
        """To the last line, and follow."""
        if self.place != PANE:
            super().do_last()
        elif self.pane.reading is not None:
            self.pane.reading.to_end()
            self.pane.show()

    def do_follow(self) -> None:
        """Follow the end."""
        self.do_last()

    def move(self, rows: int) -> None:
        """Above the start there may be more."""
        if self.place != PANE:
            super().move(rows)
        elif self.pane.scroll_rows(rows) and self.pane.feed is not None:
            self._older.fetch()

    def do_scroll_left(self) -> None:
        """To the left."""
        self.pane.scroll_columns(-_STEP)

    def do_scroll_right(self) -> None:
        """To the right."""
        self.pane.scroll_columns(_STEP)

    # Searching, filtering, looks

    def do_search(self) -> None:
        """Ask what to look for; it is found while it is typed."""
        pane, before = self.pane, self.pane.search_text

        def typed(text: str) -> None:
            self._tried(pane.search, text)

        def entered(text: str) -> None:
            if text:
                pane.seek(False)

        self.prompt.ask('/', before, typed=typed, entered=entered, given_up=lambda: typed(''))

    def _tried(self, change: object, text: str) -> None:
        assert callable(change)
        try:
            change(text)
        except BadPattern as error:
            self.say(str(error), 'bad')
        else:
            self.keys.say('')

    def do_next_found(self) -> None:
        """To the next line that was found."""
        self._step_found(True)

    def do_found_before(self) -> None:
        """To the one before."""
        self._step_found(False)

    def _step_found(self, forward: bool) -> None:
        if self.pane.search_text:
            self.pane.seek(forward)
        else:
            self.say('Search first: /', 'warn')

    def do_filter_lines(self) -> None:
        """Ask for a filter; it works while it is typed."""
        pane, before = self.pane, self.pane.filter_text
        self.prompt.ask(
            '&', before, typed=lambda text: self._tried(pane.filter, text), entered=bool,
            given_up=lambda: self._tried(pane.filter, before),
        )

    def do_around(self) -> None:
        """Two more lines around each that fits."""
        self._around(2)

    def do_around_less(self) -> None:
        """Two fewer."""
        self._around(-2)

    def _around(self, step: int) -> None:
        pane = self.pane
        pane.around = max(0, pane.around + step)
        pane.filter(pane.filter_text)
        self.say(f'{counted(pane.around, "line")} around each that fits the filter')

    def do_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self.pane.toggle_wrap()

    def do_times(self) -> None:
        """Show when each line was captured."""
        self.pane.toggle_times()

    def do_clear(self) -> None:
        """Clear the view."""
        self.pane.clear()

    # Places

    def do_place_mark(self) -> None:
        """Mark this place."""
        top = self.pane.top
        if top is not None:
            self.pane.marked = top.number
            self.pane.show()
            self.say("This place is marked: ' comes back to it, C copies from it")

    def do_to_mark(self) -> None:
        """To the marked place."""
        if self.pane.marked is None:
            self.say('No place is marked: m marks one', 'warn')
        else:
            self.pane.go_to(self.pane.marked)

    def do_go_to_time(self) -> None:
        """Ask for a time."""
        self.prompt.ask('time ', '', entered=self._go_to_time)

    def _go_to_time(self, text: str) -> None:
        wanted = time_of(text, self.now)
        if wanted is None or self.pane.feed is None:
            self.say('A time is 14:05 or 14:05:30', 'bad')
            return
        line, last = self.pane.line_at(wanted)
        day = 'yesterday, ' if time.localtime(wanted)[:3] != time.localtime(self.now)[:3] else ''
        if line is not None:
            self.pane.go_to(line.number)
            self.say(f'{day}{text}: the first line from then on is of {clock(line.time)}')
        elif last is not None:
            self.say(f'Nothing here is from {day}{text} or later: the last line is of {clock(last.time)}', 'warn')
        else:
            self.say('There are no lines yet', 'warn')

    # Copying and saving

    def do_copy(self) -> None:
        """What is selected, or the lines on the screen."""
        selected = self.get_selected_text()
        self.copy(selected or self.pane.text_on_screen(), 'the selection' if selected else 'the lines on the screen')

    def do_copy_names(self) -> None:
        """The names of the rows that are marked, or of the row."""
        names = self.table.view.chosen()
        if names:
            self.copy('\n'.join(names), 'the name' if len(names) == 1 else 'the names')

    def do_copy_from_mark(self) -> None:
        """From the marked place on."""
        if self.pane.marked is None:
            self.say('No place is marked: m marks one', 'warn')
        else:
            self.copy(self.pane.text_from(self.pane.marked), 'what is from the mark on')

    def copy(self, text: str, what: str) -> None:
        """Put a text where it can be pasted from, and say where that is."""
        lines = counted(text.count('\n') + 1, 'line')
        where = "tmux's buffer" if os.environ.get('TMUX') else 'the clipboard of the terminal'
        said = f'Copied {what} ({lines}) to {where}'
        self.dashboard.copy(text, lambda trouble: self.say(trouble or said, 'bad' if trouble else 'good'))

    def do_save(self) -> None:
        """Ask for a file."""
        pane = self.pane
        name = pane.feed.names[0].rstrip('*.') if pane.feed is not None else 'output'
        what = 'the lines that are here' if pane.older else 'all lines'
        what = f'save what fits the filter "{pane.filter_text}" to ' if pane.filter_text else f'save {what} to '
        if pane.older:
            self._older.fetch()  # while the name is typed
        self.prompt.ask(what, f'{name or "output"}.log', entered=self._save)

    def _save(self, path: str) -> None:
        """Write what is shown, or could be by scrolling, with a thread of its own: it may be much."""
        feed = self.pane.feed
        if not path or feed is None:
            return
        try:
            lines = self.pane.lines_to_save()
        except TooSlow:
            self.say('This filter takes too long: nothing was written', 'bad')
            return
        what = f' (what fits the filter "{harmless(self.pane.filter_text)}")' if self.pane.filter_text else ''
        if self.pane.older:
            what += f' without {size(self.pane.older)} before them that are not here'
        self.say('Saving …')

        def write() -> None:
            told = save(os.path.abspath(os.path.expanduser(path)), lines, what, names=self.pane.many)
            self.app.call_later(self.say, *told)

        threading.Thread(target=write, name='save', daemon=True).start()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Whoever selects past the edge of the pane wants to see what is there."""
        self._edge.moved(event)

    def on_mouse_up(self) -> None:
        """Nobody selects any more."""
        self._edge.stop()

    def on_screen_resume(self) -> None:
        """What lay over it is gone: its lines can be seen again."""
        self.pane.show()

    def on_pane_state_told(self, message: PaneState.Told) -> None:
        """The pane has something to say."""
        self.say(message.text, message.tone)
