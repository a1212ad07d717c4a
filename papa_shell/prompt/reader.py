"""The line that is typed: one prompt_toolkit session with all that is ours in it."""

from __future__ import annotations

import os
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.auto_suggest import AutoSuggest, Suggestion
from prompt_toolkit.buffer import Buffer, CompletionState
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import is_done
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import History
from prompt_toolkit.input.typeahead import clear_typeahead
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.layout.processors import ConditionalProcessor

from papa.line.quoting import commands
from papa.line.system import NoSystem
from papa.line.walk import QUESTION
from papa_shell.prompt.colours import Hint, LineLexer, continuation, style
from papa_shell.prompt.completion import LineCompleter, Shown
from papa_shell.prompt.feed import Feed
from papa_shell.prompt.keys import bindings, clear
from papa_shell.prompt.room import has_toolbar, menu_rows
from papa_shell.prompt.standing import SILENT, Standing
from papa_shell.prompt.toolbar import toolbar

PROMPT = '> '
_RECENT = 2000  # lines of the history that are looked at for a suggestion
_ESCAPE = 0.05  # seconds after an Escape in which what comes belongs to it, as in the codes of keys
_OFTEN = 1.0  # seconds between two questions whether the kernel answers
_MOMENT = 0.05  # seconds between a change and the drawing of it
_EARLY = 0.1  # seconds in which what comes was typed before the line was drawn
_LIVE = ('name', 'number', 'wildcard', 'placeholder')


class Reader:
    """Reads lines at the prompt. `tell` shows what waits to be told; it is called while nothing else is drawn.
    `begun` is called where a line can be cleared from now on, before it is drawn.
    """

    def __init__(
        self, feed: Feed, standing: Standing, history: History, tell: Callable[[], object], *, vi: bool,
        coloured: bool, system: NoSystem | None = None, **session: Any,
    ) -> None:
        self._standing = standing
        self._tell = tell
        self.begun: Callable[[], object] = bool
        self._loop: AbstractEventLoop | None = None
        self._is_stale = self._had_names = self._is_fresh = self._is_watching = False
        self._feed = feed
        self._asked = 0.0
        feed.changed = self._names_changed
        self.completer = LineCompleter(lambda: feed.names, feed.lock, system)
        self.completer.lookups.late = self._names_changed
        self.session: PromptSession[str] = PromptSession(
            PROMPT, multiline=True, prompt_continuation=self._continuation, history=history,
            completer=self.completer, complete_while_typing=True, auto_suggest=FromHistory(),
            lexer=LineLexer(lambda: feed.names, lambda: feed.version), style=style(coloured=coloured),
            bottom_toolbar=self._toolbar,
            input_processors=[ConditionalProcessor(Hint(), ~is_done)],
            key_bindings=bindings(self.completer, lambda: self._is_fresh),
            search_ignore_case=True, enable_suspend=True, tempfile_suffix='.papa',
            editing_mode=EditingMode.VI if vi else EditingMode.EMACS, include_default_pygments_style=False,
            **session,
        )
        self.session.app.before_render += self._fit
        self.session.app.ttimeoutlen = _ESCAPE
        self.session.default_buffer.on_text_changed += self._ask

    def read(self, default: str = '') -> str:
        """The next text, `default` being typed already. Raises `EOFError` if the person leaves."""
        self._standing.wake = self._wake
        try:
            return self.session.prompt(default=default, pre_run=self._begin, handle_sigint=False)
        finally:
            self._loop = None

    def clear(self) -> bool:
        """Clear the line that is typed. Whether there is one."""
        loop, future = self._loop, self.session.app.future
        if loop is None or future is None or future.done():
            return False
        loop.call_soon_threadsafe(clear, self.session.app)
        return True

    def forget(self) -> None:
        """Forget the keys that came with the Enter of the last line."""
        clear_typeahead(self.session.app.input)

    def drop(self) -> int:
        """Lines that are pasted come as one text, which has its own end: none are forgotten."""
        return 0

    def _fit(self, _app: object) -> None:
        """Leave room for results in a terminal that is small, or has become small."""
        lines = self.session.app.output.get_size().rows
        self.session.reserve_space_for_menu = menu_rows(lines)
        self.session.complete_while_typing = bool(menu_rows(lines))
        self.session.bottom_toolbar = self._toolbar if has_toolbar(lines) else None

    def _begin(self) -> None:
        """The session is about to be drawn."""
        self._loop = self.session.app.loop
        self._is_stale = self._is_watching = False
        self._is_fresh = True
        if self._loop is not None:
            self._loop.call_later(_EARLY, self._settle)
        self.begun()
        self._ask()
        self._wake()

    def _ask(self, _buffer: object = None) -> None:
        """See whether the kernel answers while somebody is there, and show it if it does not."""
        now = time.monotonic()
        if self._loop is not None and now - self._asked > _OFTEN:
            self._asked = now
            self._feed.ask()
            if not self._is_watching:
                self._is_watching = True
                self._loop.call_later(SILENT + _MOMENT, self._show_silence)

    def _show_silence(self) -> None:
        """Show for how long it has not answered, once in a second."""
        self._is_watching = False
        if self._loop is not None and self._standing.silence:
            self.session.app.invalidate()
            self._is_watching = True
            self._loop.call_later(1, self._show_silence)

    def _settle(self) -> None:
        self._is_fresh = False

    def _wake(self) -> None:
        """On any thread: something has changed."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # it is over
                loop.call_soon_threadsafe(self._show)

    def _show(self) -> None:
        if self._loop is None:
            return
        if self._standing.has_notices:
            run_in_terminal(self._tell)
        else:
            self.session.app.invalidate()

    def _names_changed(self) -> None:
        """On any thread: names have changed. What shows them is drawn anew in a moment, however many have."""
        loop = self._loop
        if loop is not None and not self._is_stale:
            self._is_stale = True
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(loop.call_later, _MOMENT, self._refresh)

    def _refresh(self) -> None:
        """Show the names, and what was looked up, as they are now: in an open menu and, when they come for the first
        time, in one that could not open without them."""
        self._is_stale = False
        buffer = self.session.default_buffer
        state = buffer.complete_state
        came, self._had_names = not self._had_names or self._is_partial(), True
        if self._loop is None or (state is not None and state.current_completion is not None):
            return
        if state is not None and (came or _is_live(state)):
            found = self.completer.get_completions(buffer.document, CompleteEvent())
            if found != state.completions and not self._is_partial():
                buffer.complete_state = CompletionState(buffer.document, found) if found else None
        elif state is None and came and buffer.text and buffer.complete_while_typing():
            buffer.start_completion(complete_event=CompleteEvent(text_inserted=True))
        self.session.app.invalidate()

    def _is_partial(self) -> bool:
        """Whether something is still looked up for the line as it is."""
        return self.completer.partial == self.session.default_buffer.document

    def _toolbar(self) -> StyleAndTextTuples:
        buffer = self.session.default_buffer
        state = buffer.complete_state
        shown = len(state.completions) if state is not None else 0
        return toolbar(
            buffer.document.text_before_cursor if shown else buffer.text, self._standing,
            self.session.app.output.get_size().columns, shown=shown, more=self.completer.more if shown else 0,
            matching=self._matching(), mode=self._mode(),
        )

    def _matching(self) -> str:
        start, end = commands(self.session.default_buffer.text)[-1]
        return self.completer.matching(self.session.default_buffer.text[start:end])

    def _mode(self) -> str:
        app = self.session.app
        if app.editing_mode != EditingMode.VI:
            return ''
        return 'vi' if app.vi_state.input_mode == InputMode.INSERT else 'vi:normal'

    def _continuation(self, width: int, number: int, wraps: int) -> str:
        return ' ' * width if wraps else continuation(self.session.default_buffer.text, number)


def _is_live(state: CompletionState) -> bool:
    """Whether names are among its candidates."""
    return any(isinstance(each, Shown) and each.kind in _LIVE for each in state.completions)


class FromHistory(AutoSuggest):
    """Suggests the rest of the newest line in the history that begins with what is typed, questions left out."""

    def get_suggestion(self, buffer: Buffer, document: Document) -> Suggestion | None:
        """The rest of one line, if there is one."""
        text = document.text
        if not text.strip():
            return None
        for line in reversed(buffer.history.get_strings()[-_RECENT:]):
            rest = line[len(text) :] if line.startswith(text) else ''
            if rest and rest.split()[-1:] != [QUESTION] and '\n' not in line:
                return Suggestion(rest)
        return None


def vi_is_wanted() -> bool:
    """Whether the person has told readline to have the keys of vi."""
    file = os.environ.get('INPUTRC') or os.path.expanduser('~/.inputrc')
    try:
        lines = Path(file).read_text(errors='replace').splitlines()
    except OSError:
        return False
    modes = [line.split()[2] for line in lines if line.split()[:2] == ['set', 'editing-mode'] and len(line.split()) > 2]
    return modes[-1:] == ['vi']
