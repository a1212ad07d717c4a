"""Screens that lie over the main one: a text to read, a question, a choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from papa_tui.widgets.wrapped import Lines, Piece, Wrapped

__all__ = ['Choice', 'Piece', 'Question', 'Reader']
_WIDEST = 100  # cells of a question


class Reader(ModalScreen[None]):
    """A text to read, scroll and copy from. `read` gives its lines, now and later."""

    DEFAULT_CSS = """
    Reader { align: center middle; background: $background 60%; }
    Reader > Wrapped {
        width: 90%; min-width: 28; max-width: 110; height: auto; max-height: 90%; padding: 0 1;
        border: round $primary; border-title-color: $primary; border-subtitle-color: $text-muted;
        background: $background;
    }
    """
    BINDINGS = [
        Binding('escape,q,enter', 'close', 'close', show=False),
        Binding('c', 'copy', 'copy', show=False),
    ]

    def __init__(self, title: str, read: Callable[[], Lines], *, at_end: bool = False) -> None:
        super().__init__()
        self._title = title
        self._read = read
        self._text = Wrapped(read())
        self._at_end = at_end

    def compose(self) -> ComposeResult:
        """One text in a frame."""
        self._text.border_title = self._title
        self._text.border_subtitle = 'esc closes'
        yield self._text

    def _again(self) -> None:
        lines = self._read()
        if lines is not self._text.lines and lines != self._text.lines:
            self._text.tell(lines)

    def on_mount(self) -> None:
        """The newest is at the end of some. It is read anew each second: what it is about goes on."""
        self.set_interval(1.0, self._again)
        self._text.focus()
        if self._at_end:
            self._text.call_after_refresh(self._text.scroll_end, animate=False)

    def action_copy(self) -> None:
        """Copy what is selected, or all of it."""
        text = self.get_selected_text() or '\n'.join(
            ''.join(piece for piece, _ in line) for line in self._text.lines
        )
        self.app.copy_to_clipboard(text)
        self._text.border_subtitle = 'copied; esc closes'

    def action_close(self) -> None:
        """Back to where one was."""
        self.dismiss(None)


class Question(ModalScreen[bool]):
    """A question to be answered with yes or no; anything but ``y`` is no."""

    DEFAULT_CSS = """
    Question { align: center middle; background: $background 60%; }
    Question > Vertical {
        width: auto; min-width: 28; height: auto; padding: 1 2;
        border: heavy $warning; border-title-color: $warning; background: $background;
    }
    Question Static { width: auto; max-width: 100%; }
    """
    BINDINGS = [
        Binding('y', 'answer(True)', 'yes', show=False),
        Binding('n,escape,q', 'answer(False)', 'no', show=False),
    ]

    def __init__(self, title: str, text: str, verb: str) -> None:
        super().__init__()
        self._title = title
        self._question = text
        self._verb = verb

    def compose(self) -> ComposeResult:
        """The question, and how to answer."""
        with Vertical() as box:
            box.border_title = self._title
            yield Static(Text(self._question), markup=False)
            yield Static(Text(f'\ny  {self._verb}     n  leave it'), markup=False)

    def on_resize(self, event: events.Resize) -> None:
        """It is no wider than one likes to read, nor than there is room."""
        self.query_one(Vertical).styles.max_width = min(_WIDEST, event.size.width)

    def action_answer(self, yes: bool) -> None:
        """Hand the answer over."""
        self.dismiss(yes)


class Choice(ModalScreen['str | None']):
    """One of several."""

    DEFAULT_CSS = """
    Choice { align: center middle; background: $background 60%; }
    Choice > OptionList {
        width: 40; min-width: 28; height: auto; max-height: 80%;
        border: round $primary; border-title-color: $primary; background: $background;
    }
    """
    BINDINGS = [Binding('escape,q', 'close', 'close', show=False)]

    def __init__(self, title: str, options: Sequence[tuple[str, str]], chosen: str = '') -> None:
        super().__init__()
        self._title = title
        self._choices = options
        self._chosen = chosen

    def compose(self) -> ComposeResult:
        """A list in a frame."""
        found = OptionList(*(Option(Text(label), id=key) for key, label in self._choices))
        found.border_title = self._title
        yield found

    def on_mount(self) -> None:
        """Begin with what is chosen now."""
        keys = [key for key, _ in self._choices]
        if self._chosen in keys:
            self.query_one(OptionList).highlighted = keys.index(self._chosen)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Hand it over."""
        self.dismiss(event.option.id)

    def action_close(self) -> None:
        """None of them."""
        self.dismiss(None)
