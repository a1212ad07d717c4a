"""The line in which a person types: a filter, a search, a command; above it what may come next."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Input, Static

from papa.line.candidates import Candidates
from papa.line.operands import Candidate
from papa_tui.model.text import harmless
from papa_tui.widgets.cells import width_of

_SHOWN = 6  # candidates
_WIDTH = 24  # cells of each, before its note
Complete = Callable[[str, int], Candidates]


class Prompt(Vertical):
    """One line, hidden while nobody is asked. Tab completes it, and goes through what is possible; the arrows go
    through what was entered before."""

    DEFAULT_CSS = """
    Prompt { height: auto; display: none; background: $panel; }
    Prompt > Horizontal { height: 1; }
    Prompt .label { width: auto; color: $accent; padding: 0 0 0 1; background: $panel; }
    Prompt .candidates { height: auto; color: $text-muted; padding: 0 2; background: $surface; display: none;
        text-wrap: nowrap; text-overflow: ellipsis; }
    Prompt Input, Prompt Input:focus {
        border: none; height: 1; padding: 0; background: $panel; background-tint: transparent 0%;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._label = Static('', markup=False, classes='label')
        self._list = Static('', markup=False, classes='candidates')
        self.input = Input(select_on_focus=False)
        self.input.cursor_blink = False
        self._typed: Callable[[str], object] = bool
        self._entered: Callable[[str], object] = bool
        self._given_up: Callable[[], object] = bool
        self._complete: Complete | None = None
        self._past: Sequence[str] = ()
        self._at_past = 0
        self._draft = ''  # what was typed before somebody went back
        self._before: Widget | None = None
        self._going: tuple[str, list[Candidate], int] | None = None  # the text before, the candidates, which of them

    def compose(self) -> ComposeResult:
        """What may come next, a label and what is typed."""
        yield self._list
        with Horizontal():
            yield self._label
            yield self.input

    @property
    def is_open(self) -> bool:
        """Whether somebody is asked."""
        return bool(self.display)

    def ask(
        self, label: str, text: str, *, typed: Callable[[str], object] = bool, entered: Callable[[str], object],
        given_up: Callable[[], object] = bool, complete: Complete | None = None, past: Sequence[str] = (),
    ) -> None:
        """Ask. `typed` is called with what stands there whenever that changes, `entered` at the end, `given_up` after
        escape. `complete` tells what may come next, `past` are lines that were entered before."""
        self._before = self.screen.focused
        self._typed, self._entered, self._given_up, self._complete = typed, entered, given_up, complete
        self._past, self._at_past, self._going = past, len(past), None
        self._label.update(label)
        self._set(text)
        self.display = True
        self._list.display = complete is not None
        self._show_candidates()
        self.input.focus()

    def _set(self, text: str) -> None:
        with self.prevent(Input.Changed):
            self.input.value = text
        self.input.cursor_position = len(text)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Something was typed."""
        event.stop()
        if self.is_open:
            self._going = None
            self._typed(event.value)
            self._show_candidates()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """It is complete."""
        event.stop()
        self._close()
        self._entered(event.value)

    def give_up(self) -> None:
        """Escape."""
        self._close()
        self._given_up()

    def _close(self) -> None:
        self.display = False
        if self._before is not None:
            self._before.focus()

    # What may come next

    def on_key(self, event: events.Key) -> None:
        """Tab completes; the arrows go through what was entered before."""
        if self._complete is None or event.key not in ('tab', 'shift+tab', 'up', 'down'):
            return
        event.stop()
        event.prevent_default()
        step = 1 if event.key in ('tab', 'down') else -1
        if 'tab' in event.key:
            self._step(step)
        else:
            self._go_back(step)

    def _step(self, step: int) -> None:
        if self._going is None:
            found = self._found()
            if not found:
                return
            self._going = self.input.value, found, -1 if step > 0 else len(found)
        before, found, at = self._going
        at = (at + step) % len(found)
        self._going = before, found, at
        chosen = found[at]
        final = ' ' if chosen.final and len(found) == 1 else ''
        self._set(before[: chosen.start] + chosen.text + final)
        if len(found) == 1:
            self._going = None
        self._show_candidates()

    def _go_back(self, step: int) -> None:
        if self._at_past == len(self._past):
            self._draft = self.input.value
        self._at_past = max(0, min(len(self._past), self._at_past + step))
        self._set(self._past[self._at_past] if self._at_past < len(self._past) else self._draft)
        self._show_candidates()

    def _found(self) -> list[Candidate]:
        if self._complete is None:
            return []
        return self._complete(self.input.value, self.input.cursor_position).items

    def _show_candidates(self) -> None:
        if self._complete is None:
            return
        found, chosen = (self._going[1], self._going[2]) if self._going is not None else (self._found(), -1)
        first = max(0, min(chosen - _SHOWN // 2, len(found) - _SHOWN))
        text = Text(no_wrap=True, overflow='ellipsis')
        for at, each in enumerate(found[first : first + _SHOWN], first):
            text.append('\n' if at > first else '')
            shown = harmless(each.text)
            text.append(shown + ' ' * (_WIDTH - width_of(shown)), style='reverse' if at == chosen else 'bold')
            text.append(f'  {harmless(each.note)}')
        more = len(found) - first - _SHOWN
        if more > 0:
            text.append(f'\n… {more} more')
        self._list.update(text)
        self._list.display = bool(found)
