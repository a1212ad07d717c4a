"""A small form: some fields, from which the words of a command are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static, TextArea

from papa.errors import Error


class Field(NamedTuple):
    """A field. `long`: a text of several lines. `fixed`: it cannot be changed."""

    key: str
    label: str
    value: str = ''
    hint: str = ''
    long: bool = False
    fixed: bool = False


Filled = dict[str, str]


class Form(ModalScreen['Filled | None']):
    """Asks for the fields. `check` raises an `Error` if they make no sense; then the form stays and says so. `trouble`
    is what was wrong before."""

    DEFAULT_CSS = """
    Form { align: center middle; background: $background 60%; }
    Form > VerticalScroll {
        width: 90%; min-width: 28; max-width: 100; height: auto; max-height: 95%; padding: 0 1;
        border: round $primary; border-title-color: $primary; border-subtitle-color: $text-muted;
        background: $background;
    }
    Form Horizontal { height: auto; }
    Form Horizontal > Static { width: 14; color: $text-muted; }
    Form Input, Form Input:focus { border: none; height: 1; padding: 0 1; width: 1fr; background: $surface; }
    Form Input:focus { background: $panel; }
    Form TextArea, Form TextArea:focus { height: 12; border: none; padding: 0; width: 1fr; }
    Form .trouble { color: $error; height: auto; }
    """
    BINDINGS = [
        Binding('escape', 'give_up', 'leave it', show=False, priority=True),
        Binding('ctrl+s,f2', 'enter', 'do it', show=False, priority=True),
    ]

    def __init__(
        self, title: str, fields: Sequence[Field], check: Callable[[Filled], object], trouble: str = ''
    ) -> None:
        super().__init__()
        self._title = title
        self._fields = fields
        self._check = check
        self._inputs: dict[str, Input | TextArea] = {}
        self._trouble = Static(trouble, classes='trouble', markup=False)

    def compose(self) -> ComposeResult:
        """A line for each field."""
        with VerticalScroll(can_focus=False) as box:
            box.border_title = self._title
            last = 'F2 or ^S does it' if any(field.long for field in self._fields) else 'enter does it'
            box.border_subtitle = f'{last}, esc leaves it'
            for field in self._fields:
                with Horizontal():
                    yield Static(Text(field.label))
                    yield self._input(field)
            yield self._trouble

    def _input(self, field: Field) -> Input | TextArea:
        made: Input | TextArea
        if field.long:
            made = TextArea(field.value, tab_behavior='focus')
        else:
            made = Input(field.value, placeholder=field.hint, disabled=field.fixed, select_on_focus=False)
            made.cursor_blink = False
        self._inputs[field.key] = made
        return made

    def on_mount(self) -> None:
        """Begin with the first field that is empty, or can be changed."""
        free = [field for field in self._fields if not field.fixed]
        first = next((field for field in free if not field.value), free[0])
        self._inputs[first.key].focus()
        for field in self._inputs.values():
            if isinstance(field, TextArea):
                field.move_cursor(field.document.end)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: done."""
        event.stop()
        self.action_enter()

    def action_enter(self) -> None:
        """Hand the fields over, if they make sense."""
        filled = {
            key: field.text if isinstance(field, TextArea) else field.value for key, field in self._inputs.items()
        }
        try:
            self._check(filled)
        except Error as error:
            self._trouble.update(str(error))
            self._trouble.call_after_refresh(self._trouble.scroll_visible, animate=False)
            return
        self.dismiss(filled)

    def action_give_up(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)
