"""What one can do on the main screen without changing anything in the kernel."""

from __future__ import annotations

import time
from typing import Any

from papa.errors import Error
from papa.line.calls import Call
from papa.line.units import counted
from papa_tui.model.columns import COLUMNS
from papa_tui.model.details import details
from papa_tui.model.model import PROCESSES, SOCKETS, VALUES
from papa_tui.model.moments import clock
from papa_tui.model.reading import Reading
from papa_tui.model.text import harmless
from papa_tui.model.things import Value
from papa_tui.screens.asking import Asking
from papa_tui.screens.board import too_small
from papa_tui.screens.help import help_lines
from papa_tui.screens.overlay import Choice, Piece, Reader


def _date(when: float) -> str:
    return time.strftime('%Y-%m-%d', time.localtime(when))


class Looking(Asking):
    """The actions that only look."""

    # Moving

    def do_up(self) -> None:
        """One row up."""
        self.move(-1)

    def do_down(self) -> None:
        """One row down."""
        self.move(1)

    def do_page_up(self) -> None:
        """A page up."""
        self.move(-self.page)

    def do_page_down(self) -> None:
        """A page down."""
        self.move(self.page)

    def do_first(self) -> None:
        """To the first row."""
        self.table.move_to(0)

    def do_last(self) -> None:
        """To the last row."""
        self.table.move_to(len(self.table.view.rows))

    def do_next_pane(self) -> None:
        """To the next pane."""
        self._focus_by(1)

    def do_pane_before(self) -> None:
        """To the pane before."""
        self._focus_by(-1)

    def _focus_by(self, step: int) -> None:
        places = self.places
        self.focus_place(places[(places.index(self.place) + step) % len(places)])

    def do_processes(self) -> None:
        """To the processes."""
        self.focus_place(PROCESSES)

    def do_sockets(self) -> None:
        """To the sockets."""
        self.focus_place(SOCKETS)

    def do_values(self) -> None:
        """To the values."""
        self.focus_place(VALUES)

    def do_full(self) -> None:
        """This pane alone, or all again."""
        self.full = not self.full
        self.share_room()

    # Sorting, filtering, the tree

    def do_sort(self) -> None:
        """Choose the column to sort by."""
        table = self.table
        options = [(column.key, column.title.strip() or column.key) for column in COLUMNS[table.kind]]
        named = {'attention': 'what needs attention', 'trend': 'output over the last seconds'}
        shown = [(key, named.get(key, title)) for key, title in options]

        def chosen(key: str | None) -> None:
            if key is not None:
                table.view.sort_by(key)
                self.rebuild(table)

        self.lay_over(Choice('Sort by', shown, table.view.sorted_by.key), chosen)

    def do_reverse(self) -> None:
        """Sort the other way round."""
        self.table.view.sort_by(self.table.view.sorted_by.key)
        self.rebuild(self.table)

    def do_filter(self) -> None:
        """Ask for a filter; it works while it is typed."""
        table = self.table
        before = table.view.filter.text
        self.prompt.ask(
            '/', before, typed=lambda text: self.filter_by(table, text), entered=lambda text: None,
            given_up=lambda: self.filter_by(table, before),
        )

    def do_tree(self) -> None:
        """A tree, or flat."""
        view = self.table.view
        view.tree = not view.tree
        self.rebuild(self.table)

    def do_fold(self) -> None:
        """The columns before these; without such, fold the group of the row."""
        if not self.table.turn(-1):
            self._fold(True)

    def do_unfold(self) -> None:
        """Unfold it; where nothing is folded, the columns after these."""
        if not self._fold(False):
            self.table.turn(1)

    def _fold(self, folded: bool) -> bool:
        table = self.table
        if table.view.fold(folded):
            self.rebuild(table)
            return True
        table.move_to(table.view.at)
        return False

    def do_mark(self) -> None:
        """Mark the row, and go to the next."""
        self.table.view.mark()
        self.table.step(1)

    def do_unmark(self) -> None:
        """Mark nothing."""
        self.table.view.marked.clear()
        self.table.refresh()

    def do_back(self) -> None:
        """Undo what is in the way, the nearest first."""
        view = self.table.view
        if self.prompt.is_open:
            self.prompt.give_up()
        elif self.full:
            self.do_full()
        elif view.filter:
            self.filter_by(self.table, '')
        elif view.marked:
            self.do_unmark()
        else:
            self.model.replaced = None  # seen

    # What needs attention

    def do_attention(self) -> None:
        """To the next process that needs attention."""
        self._attention(1)

    def do_attention_back(self) -> None:
        """To the one before."""
        self._attention(-1)

    def _attention(self, step: int) -> None:
        if self.model.replaced is not None:
            self.do_timeline()
            return
        table = self.tables[PROCESSES]
        concerns = self.model.concerns(self.as_of)
        key = table.view.next_of({name: found.rank for name, found in concerns.items()}, step)
        if key is None:
            hidden = ', but the filter hides ' + counted(len(concerns), 'process') if concerns else ''
            self.say(f'Nothing needs attention here{hidden}', 'warn' if concerns else 'good')
            return
        self.focus_place(PROCESSES)
        if table.view.reveal(key):
            self.rebuild(table)
        table.go_to(key)
        found = concerns[key]
        self.say(f'{found.mark} {table.view.row.shown if table.view.row else ""}: {found.text}', found.tone)

    # Reading

    def do_details(self) -> None:
        """Every field of the row."""
        table = self.table
        row = table.view.row
        if row is None:
            return
        if isinstance(row, Value) and not row.whole:
            self._whole_value(row)
            return
        reading = Reading(self.model, table.kind, row, self.as_of)
        self.lay_over(Reader(row.shown, lambda: reading.read(self.as_of)))

    def _whole_value(self, value: Value) -> None:
        """The details of a value of which only the beginning is known: get the rest first."""

        def got(text: Any, error: Error | None) -> None:
            if isinstance(text, str):
                whole = Value(value.name, {'value': text, 'size': value.size})
                self.lay_over(Reader(value.shown, lambda: details(whole, self.as_of)))
            else:
                self.say(str(error or 'It is not set any more'), 'bad')

        self.ask_kernel(Call('get', value.name, reads=True), got)

    def do_timeline(self) -> None:
        """What has happened, with a line where somebody looked last."""
        if not too_small(self.app.size):
            self.model.replaced = None  # it is seen there
        seen = self.model.timeline.look()
        self.lay_over(Reader('Timeline', lambda: self._timeline(seen), at_end=True))

    def _timeline(self, seen: int) -> list[list[Piece]]:
        lines: list[list[Piece]] = []
        self.model.timeline.look()
        date = _date(self.now)  # today's needs not be told
        for each in self.model.timeline.entries:
            if each.number == seen + 1 and lines:
                lines.append([('── since you last looked ' + '─' * 30, 'accent')])
            if _date(each.when) != date:
                date = _date(each.when)
                lines.append([(f'── {date} ' + '─' * 30, 'dim')])
            lines.append([(f'{clock(each.when)}  {each.kind:<8} ', 'dim'), (f'{harmless(each.name)} ', 'name'),
                          (each.text, each.tone)])
        return lines or [[('Nothing has happened since papa-tui was started.', 'dim')]]

    def do_help(self) -> None:
        """All keys."""
        lines = help_lines(self.place, self.settings)
        self.lay_over(Reader('Help', lambda: lines))

    # The program itself

    def do_suspend(self) -> None:
        """Suspend, as any program."""
        self.app.action_suspend_process()

    def do_redraw(self) -> None:
        """Draw everything anew."""
        self.app.refresh(repaint=True, layout=True)

    def do_quit(self) -> None:
        """Leave at once."""
        self.app.exit()
