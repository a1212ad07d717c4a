"""A table that draws only the lines that are on the screen: a title, the heads of the columns, rows."""

from __future__ import annotations

from typing import Any

from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from papa.line.units import counted
from papa_tui.model.columns import GROUP_CELLS, Cell, Column, Context, Page, pages, usual
from papa_tui.model.things import Process
from papa_tui.model.tree import Group, Sums
from papa_tui.model.view import Row, View
from papa_tui.widgets.cells import Line, fitted, width_of
from papa_tui.widgets.palette import Palette, palette_of

_HEAD = 2  # lines above the rows: the title and the heads of the columns
_LEAST_REST = 8  # cells beside a long name that are worth having of the last column
_WISH = 24  # cells for the column after the name: an address
_UNKNOWN: Cell = ('', '')


def beside(left: tuple[int, int], right: tuple[int, int], width: int) -> int | None:
    """How wide the left one of two tables is, by the `Table.wishes` of both; None: as wide as the other."""
    more = left[1] - left[0] + right[1] - right[0]
    spare = width - left[0] - right[0]
    if max(left[1], right[1]) <= width // 2 or spare < 0:
        return None
    if left[1] + right[1] <= width:
        return left[1] if left[1] > right[1] else width - right[1]
    return left[0] + (spare * (left[1] - left[0]) // more if more else spare // 2)


class Table(ScrollView, can_focus=True, inherit_bindings=False):
    """The rows of a `View`. `refresh_rows` after they have changed.

    It has no keys of its own: those of a `ScrollView` would scroll away from the cursor.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Table { height: 1fr; width: 1fr; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; overflow-x: hidden; }
    """

    class Chosen(Message):
        """A row was clicked twice."""

        def __init__(self, table: Table) -> None:
            super().__init__()
            self.table = table

    class Moved(Message):
        """The cursor is on another row, or other rows are to be seen."""

    def __init__(self, kind: str, title: str, view: View, empty: str) -> None:
        super().__init__(id=kind)
        self.kind = kind
        self.view = view
        self.now = 0.0
        self.stale = False
        self._title = title
        self._empty = empty
        self._columns: Page = []
        self._page, self._pages = 0, 1  # of columns
        self._more = 0  # columns on the pages after this one
        self._longest: dict[str, int] = {}
        self._names: list[int] = []  # how wide they are
        self._laid_out = 0  # the width that the columns are for
        self._astray = False  # somebody has scrolled away from the cursor

    # What is shown

    def refresh_rows(self, now: float, *, members: bool = False, stale: bool = False) -> None:
        """Draw anew. `members`: other rows, or another order, too."""
        self.now, self.stale = now, stale
        if members:
            astray = self._astray
            self._measure()
            self.virtual_size = Size(self.size.width, len(self.view.rows) + _HEAD)
            if not astray:
                self.show_cursor()
            self._astray = astray
        self.refresh()

    def _measure(self) -> None:
        view, context = self.view, Context(self.now)
        self._longest = {}
        for column in view.columns:
            if column.width:
                continue
            labels = view.labels if column.key == 'name' else {}
            texts = [
                labels.get(row.key) or (row.shown if isinstance(row, Group) else column.cell(row, context)[0])
                for row in view.rows
            ]
            widths = [width_of(text) for text in texts]
            self._longest[column.key] = max(widths, default=0)
            if column.key == 'name':
                self._names = widths
        self._lay_out()

    def _lay_out(self) -> None:
        self._laid_out = self.size.width
        width = max(1, self.size.width - 1)
        found = pages(self.view.columns, self._longest, width, usual(self._names, width))
        self._pages = len(found)
        self._page = min(self._page, len(found) - 1)
        self._columns = found[self._page]
        self._more = sum(len(page) - 1 for page in found[self._page + 1 :])

    def turn(self, step: int) -> bool:
        """Show the columns after these, or before. Returns whether there are any."""
        if not 0 <= self._page + step < self._pages:
            return False
        self._page += step
        self._lay_out()
        self.refresh()
        return True

    def on_resize(self, _event: events.Resize) -> None:
        """Other rows may fit."""
        if not self._astray:
            self.show_cursor()
        self.refresh()

    @property
    def wishes(self) -> tuple[int, int]:
        """How wide it has to be for the longest name, and for the column after it, too."""
        others = [column for column in self.view.columns if column.rank == 1]
        need = self._longest.get('name', 0) + 2  # a blank, and the scrollbar
        return need, need + sum((each.width or min(_WISH, self._longest.get(each.key, 0))) + 1 for each in others)

    @property
    def page(self) -> int:
        """How many rows fit on the screen."""
        return max(1, self.size.height - _HEAD)

    def in_sight(self) -> list[Row]:
        """The rows that are on the screen."""
        top = int(self.scroll_offset.y)
        return self.view.rows[top : top + self.page]

    def show_cursor(self) -> None:
        """Scroll to the cursor, if it is out of sight."""
        self._astray = False
        top = int(self.scroll_offset.y)
        at = self.view.at
        wanted = min(at, top) if at < top else max(top, at - self.page + 1)
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, immediate=True)

    # Lines

    def render_line(self, y: int) -> Strip:
        """A line of the widget."""
        palette = palette_of(self.app)
        width = self.size.width
        if width != self._laid_out:
            self._lay_out()  # a widget is drawn in its new size before it is told of it
        if y == 0:
            return self._title_line(palette, width)
        if y == 1:
            return self._heads(palette, width)
        at = int(self.scroll_offset.y) + y - _HEAD
        if at < len(self.view.rows):
            return self._row(self.view.rows[at], at, palette, width)
        blank = palette.style('')
        text = f'  {self._empty}' if y == _HEAD and not self.view.rows else ''
        if text and self.view.total:
            text = '  Nothing fits the filter. Escape clears it.'
        return Line().add(text, palette.style('dim')).strip(width, blank)

    def _title_line(self, palette: Palette, width: int) -> Strip:
        view = self.view
        line = Line()
        dim = palette.style('dim', 'panel')
        line.add('▌' if self.has_focus else ' ', palette.style('title', 'panel'))
        line.add(self._title, palette.style('title' if self.has_focus else 'name', 'panel'))
        line.add(f' {view.fitting} of {view.total}' if view.filter else f' {view.total}', dim)
        if view.filter:
            line.add(f'  filter: {view.filter.text}', palette.style('accent', 'panel'))
        if view.sorted_by not in [column for column, _ in self._columns]:
            line.add(f'  by {view.sorted_by.title or view.sorted_by.key}', dim)
        if view.marked:
            line.add(f'  {len(view.marked)} marked', palette.style('accent', 'panel'))
        if hint := self._hint():
            line.add(' ' * (width - line.cells - width_of(hint)), dim)
            line.add(hint, palette.style('accent', 'panel'))
        return line.strip(width, dim)

    def _hint(self) -> str:
        """That there are more columns than these, and which key shows them."""
        if self._more:
            return f'+{counted(self._more, "column")} → '
        return '← columns ' if self._page else ''

    def _heads(self, palette: Palette, width: int) -> Strip:
        line = Line()
        plain, chosen = palette.style('dim'), palette.style('accent')
        for column, wide in self._columns:
            is_sorted = column is self.view.sorted_by
            arrow = ('▼' if self.view.reverse else '▲') if is_sorted else ''
            title = column.title if wide > len(column.title) or not arrow else column.title[: wide - 1]
            text = title + arrow
            line.add(fitted(text, wide, column.right), chosen if is_sorted else plain, wide)
            line.add(' ', plain, 1)
        return line.strip(width, plain)

    def _row(self, row: Row, at: int, palette: Palette, width: int) -> Strip:
        ground = ''
        if at == self.view.at:
            ground = 'cursor' if self.has_focus else 'rest'
        context = Context(self.now, frozenset(self.view.marked))
        sums = None
        if isinstance(row, Group) and row.folded:
            sums = Sums([thing for thing in row.things if isinstance(thing, Process)], self.now)
        line = Line()
        blank = palette.style('', ground, self.stale)
        end = 0  # of the column
        for column, wide in self._columns:
            text, tone = self._cell(row, column, context, sums)
            end += wide + 1
            room = end - line.cells - 1
            if column.key == 'name' and not self._page:
                room = min(max(room, width_of(text)), width - 1 - line.cells)  # it lies over what is beside it
            elif room < wide and not (column.grows and room >= _LEAST_REST):
                line.add(' ' * (end - line.cells), blank)
                continue
            line.add(fitted(text, room, column.right, column.ends), palette.style(tone, ground, self.stale), room)
            line.add(' ', blank, 1)
        return line.strip(width, blank)

    def _cell(self, row: Row, column: Column, context: Context, sums: Sums | None) -> Cell:
        if column.key == 'name' and row.key in self.view.labels:
            return self.view.labels[row.key], 'name' if not isinstance(row, Group) else 'accent'
        if not isinstance(row, Group):
            return column.cell(row, context)
        if column.key == 'name':
            return row.shown, 'accent'
        if sums is not None and sums.total and column.key in GROUP_CELLS:
            return GROUP_CELLS[column.key](sums, context)
        if sums is not None and column.grows:
            return f'{len(row.things)} in here', 'dim'
        return _UNKNOWN

    # The cursor

    def move_to(self, at: int) -> None:
        """Put the cursor on the row at this place, or the nearest one."""
        self.view.move_to(at)
        self.show_cursor()
        self.refresh()
        self.post_message(self.Moved())

    def go_to(self, key: str) -> bool:
        """Put the cursor on a row. Returns whether it is there."""
        if not self.view.go_to(key):
            return False
        self.move_to(self.view.at)
        return True

    def step(self, rows: int) -> None:
        """Move the cursor by so many rows."""
        self.move_to(self.view.at + rows)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows are on the screen."""
        super().watch_scroll_y(old_value, new_value)
        self._astray = not new_value <= self.view.at < new_value + self.page
        self.post_message(self.Moved())

    # The mouse

    def on_click(self, event: events.Click) -> None:
        """The head of a column sorts; a row takes the cursor; a second click opens it."""
        if event.y == 1:
            column = self._column_at(event.x)
            if column is not None:
                self.post_message(self.SortBy(self, column.key))
        elif event.y >= _HEAD:
            at = int(self.scroll_offset.y) + event.y - _HEAD
            if at < len(self.view.rows):
                self.move_to(at)
                if event.chain == 2:
                    self.post_message(self.Chosen(self))

    class SortBy(Message):
        """The head of a column was clicked."""

        def __init__(self, table: Table, key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

    def _column_at(self, x: int) -> Column | None:
        start = 0
        for column, wide in self._columns:
            if start <= x <= start + wide:
                return column
            start += wide + 1
        return None

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves what is seen, not the cursor."""
        self._wheel(event, 3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves what is seen, not the cursor."""
        self._wheel(event, -3)

    def _wheel(self, event: Any, rows: int) -> None:
        event.stop()
        event.prevent_default()
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False, immediate=True)


