"""The panes of the main screen, and how they share it. What can be done there builds on this."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Protocol, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.geometry import Size
from textual.screen import Screen

from papa_tui.actions import PANE, available, shown_keys
from papa_tui.feeds.doer import Job
from papa_tui.model.columns import COLUMNS
from papa_tui.model.filters import BadPattern, Filter
from papa_tui.model.model import KINDS, PROCESSES, SOCKETS, VALUES, Model
from papa_tui.model.patience import TooSlow, limited
from papa_tui.model.things import Process, Thing
from papa_tui.model.tree import Group
from papa_tui.model.view import View
from papa_tui.settings import Settings, config_path, remember_theme
from papa_tui.widgets.header import Header, first_line, notice, second_line
from papa_tui.widgets.keys import Keys
from papa_tui.widgets.pane import Pane
from papa_tui.widgets.prompt import Prompt
from papa_tui.widgets.table import Table, beside
from papa_tui.widgets.tour import Tour
from papa_tui.widgets.turns import Turns

_TITLES = {
    PROCESSES: ('Processes', 'The kernel holds no process.'),
    SOCKETS: ('Sockets', 'The kernel holds no socket.'),
    VALUES: ('Values', 'The kernel holds no value.'),
}
_HEADS = 2  # lines of a table above its rows
_LOW = 17  # lines of the screen below which only the pane with the keys is shown
_LEAST_BELOW = 4
_NARROWEST, _LOWEST = 30, 10  # cells and lines that a screen over this one needs
_BAR = 3  # lines for header and keys


Result = TypeVar('Result')


def too_small(size: Size) -> bool:
    """Whether a window has no room for anything over the panes. Textual cannot lay it out, and ends with an error."""
    return size.width < _NARROWEST or size.height < _LOWEST


class Owner(Protocol):
    """What the screen needs of the application."""

    turns: Turns

    def ring_output(self) -> None:
        """There is more output. Any thread may call this."""

    def sample(self) -> None:
        """Other processes are to be seen: sample those."""

    def copy(self, text: str, done: Callable[[str], object]) -> None:
        """Put a text where it can be pasted from; `done` gets what went wrong, or nothing."""

    def do(self, job: Job) -> None:
        """Let the kernel do something; `Asking.finished` gets the job when it has."""


class Board(Screen[None]):
    """Processes above, sockets and values below them. `place` is the id of the pane that has the keys."""

    def __init__(self, model: Model, settings: Settings, dashboard: Owner) -> None:
        super().__init__()
        self.model = model
        self.settings = settings
        self.dashboard = dashboard
        self.tables = {kind: Table(kind, _TITLES[kind][0], View(COLUMNS[kind]), _TITLES[kind][1]) for kind in KINDS}
        self.header = Header()
        self.keys = Keys()
        self.prompt = Prompt()
        self.tour = Tour()
        self.pane = Pane()
        self.below = Horizontal(self.tables[SOCKETS], self.tables[VALUES], id='below')
        self.full = False
        self._height_below = 0
        self._left_below: int | None = None
        self._last_place = self._last_table = PROCESSES
        self.now = 0.0
        self.as_of = 0.0  # when the data that is shown was true
        self._editions: dict[str, int] = dict.fromkeys(KINDS, -1)

    def compose(self) -> ComposeResult:
        """All panes are there from the beginning."""
        yield self.header
        yield self.tables[PROCESSES]
        yield self.below
        yield self.pane
        yield self.tour
        yield self.prompt
        yield self.keys

    def on_mount(self) -> None:
        """The processes have the keys at first, unless somebody has come for output alone."""
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._theme_chosen())
        if self.pane.feed is None:
            self.tables[PROCESSES].focus()

    def _theme_chosen(self) -> None:
        self.pane.show()
        remember_theme(self.settings.state, self.app.theme)
        if self.settings.theme not in ('', self.app.theme):
            self.say(f'The next start has {self.settings.theme} again: {config_path()} says so', 'warn')

    # What is shown

    def show(self, now: float) -> None:
        """Draw what the model has now."""
        self.now = now
        self.as_of = now if self.model.stale_since is None else self.model.stale_since  # what is stale gets no older
        for kind, table in self.tables.items():
            view, touched = table.view, kind in self.model.touched
            members = self._editions[kind] != self.model.editions[kind]
            members = members or (touched and (bool(view.filter) or view.sorted_by.key != 'name'))
            if members or table.view.moves:
                self._rebuild(table)
            if members:
                self._editions[kind] = self.model.editions[kind]
            if members or touched or kind == PROCESSES or table.stale is not self.model.stale:
                table.refresh_rows(self.as_of, members=members or table.view.moves, stale=self.model.stale)
        self.model.touched.clear()
        attention = self.model.attention(self.as_of)
        hidden_logger = self.pane.feed is not None and self.pane.feed.logging and not self.pane.can_be_seen
        self.header.show([
            first_line(self.model, now, self.settings.read_only, hidden_logger=hidden_logger),
            second_line(self.model, attention),
        ], notice(self.model) if self.size.height >= _LOW else '')  # the second line has a word of it
        self.share_room()
        self.pane.note(self.model.processes)
        self.pane.show_news()

    def rebuild(self, table: Table) -> None:
        """Sort and filter a table anew."""
        self._rebuild(table)
        table.refresh_rows(self.as_of, members=True, stale=self.model.stale)
        table.show_cursor()

    def _rebuild(self, table: Table) -> None:
        things = self.model.things[table.kind].values()
        try:
            with limited():
                table.view.rebuild(things, self.as_of)
        except TooSlow:
            table.view.filter = Filter()
            table.view.rebuild(things, self.as_of)
            self.say('This filter takes too long: it is given up', 'bad')

    def wanted(self) -> tuple[list[Process], list[Process]]:
        """Which processes to sample: those to be seen; and less often those that are not, but are sorted by it or are
        in a sum that is to be seen."""
        table = self.tables[PROCESSES]
        rows = table.in_sight()
        often = {row for row in rows if isinstance(row, Process) and row.running}
        folded = [row for row in rows if isinstance(row, Group) and row.folded]
        everything = table.view.sorted_by.key in ('cpu', 'memory')
        summed: Iterable[Thing] = chain(*(row.things for row in folded))
        seldom = self.model.processes.values() if everything else summed
        others = [each for each in seldom if isinstance(each, Process) and each.running and each not in often]
        return list(often), others

    # How the panes share the screen

    @property
    def place(self) -> str:
        """The pane that has the keys."""
        focused = self.focused
        return focused.id if focused is not None and focused.id in (*KINDS, PANE) else self._last_place

    @property
    def places(self) -> list[str]:
        """The panes that there are, in the order of Tab."""
        return [*KINDS, PANE] if self.pane.feed is not None else list(KINDS)

    def focus_place(self, place: str) -> None:
        """Give a pane the keys, at once; it may have been hidden."""
        widget = self.pane if place == PANE else self.tables[place]
        self.below.display = self.below.display or place in (SOCKETS, VALUES)
        widget.display = True
        self.set_focus(widget)
        self._took_keys()

    def on_resize(self, _event: events.Resize) -> None:
        """Another size, another arrangement."""
        self.share_room()

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """Other keys, and perhaps another pane alone."""
        self._took_keys()

    def _took_keys(self) -> None:
        focused = self.focused.id if self.focused is not None else None
        if focused in (*KINDS, PANE):
            self._last_place = focused
            self._last_table = focused if focused in KINDS else self._last_table
        self.share_room()
        self._show_keys()

    def share_room(self) -> None:
        """Decide which panes are to be seen, and how high."""
        height = self.size.height
        if not height:
            return
        alone = self.full or height < _LOW
        place = self.place
        with_pane = self.pane.feed is not None
        tables = {place} & set(KINDS) if alone else {self._last_table} if with_pane else set(KINDS)
        self.tour.display = self.tour.begun and height >= _LOW
        self.pane.display = with_pane and (not alone or place == PANE)
        for kind, table in self.tables.items():
            table.display = kind in tables
        self.below.display = bool(tables & {SOCKETS, VALUES})
        rows = max(len(self.tables[kind].view.rows) for kind in (SOCKETS, VALUES))
        most = max(_LEAST_BELOW, (height - _BAR) // 3)
        wanted = -1 if alone or with_pane else max(_LEAST_BELOW, min(most, rows + _HEADS))
        if self._height_below != wanted:
            self._height_below = wanted
            self.below.styles.height = '1fr' if wanted < 0 else wanted
        left, right = self.tables[SOCKETS], self.tables[VALUES]
        share = beside(left.wishes, right.wishes, self.size.width) if left.display and right.display else None
        if self._left_below != share:
            self._left_below = share
            left.styles.width = '1fr' if share is None else share

    def _show_keys(self) -> None:
        actions = available(self.place, read_only=self.settings.read_only)
        keys = self.settings.keys
        shown = {
            action.id: (shown_keys(keys.get(action.id, action.keys)).split(' ')[0], action.label)
            for action in actions if action.label
        }
        always = [shown.pop(name) for name in ('help', 'quit')]
        self.keys.show(list(shown.values()), always)

    # For those who do something

    def lay_over(self, screen: Screen[Result], done: Callable[[Result | None], object] = bool) -> None:
        """Show a screen over this one, if there is room; `done` gets what it gives."""
        if too_small(self.app.size):
            self.say('The window is too small for that', 'warn')
        else:
            def over(result: Result | None) -> None:
                done(result)

            self.app.push_screen(screen, over)

    def say(self, text: str, tone: str = '') -> None:
        """Tell the person something, for a while, or until the next key."""
        self.keys.say(text, tone)

    def refuse(self) -> None:
        """What was asked for would change something, and this dashboard changes nothing."""
        self.say('read-only: this dashboard was started with --read-only, and changes nothing', 'warn')

    @property
    def table(self) -> Table:
        """The table that has the keys."""
        return self.tables[self._last_table]

    def move(self, rows: int) -> None:
        """Move the cursor, or the output, by so many rows."""
        if self.place == PANE:
            self.pane.scroll_rows(rows)
        else:
            self.table.step(rows)

    @property
    def page(self) -> int:
        """How many rows a page has where the keys are."""
        return self.pane.page if self.place == PANE else self.table.page

    def filter_by(self, table: Table, text: str) -> bool:
        """Filter a table. Returns whether the text is a filter."""
        try:
            table.view.filter = Filter(text)
        except BadPattern as error:
            self.say(str(error), 'bad')
            return False
        self.keys.say('')
        self.rebuild(table)
        return True
