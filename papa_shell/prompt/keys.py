"""What keys do at the prompt that they do not do elsewhere."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from prompt_toolkit.application import Application, get_app
from prompt_toolkit.buffer import Buffer, CompletionState
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER, SEARCH_BUFFER, EditingMode
from prompt_toolkit.filters import (
    Condition,
    emacs_mode,
    has_completions,
    has_focus,
    has_selection,
    vi_navigation_mode,
)
from prompt_toolkit.input.ansi_escape_sequences import ANSI_SEQUENCES
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.key_binding.bindings.named_commands import get_by_name
from prompt_toolkit.keys import Keys
from prompt_toolkit.search import SearchDirection, accept_search, start_search, stop_search

from papa.line.meaning import meaning
from papa.line.quoting import commands, split
from papa_shell.prompt.colours import current
from papa_shell.prompt.completion import LineCompleter, Shown
from papa_shell.seen import ANSWER

_QUOTES = frozenset('\'"\\')


def bindings(completer: LineCompleter, is_fresh: Callable[[], bool] = bool) -> KeyBindings:
    """Enter, Tab, the arrows in a menu, Ctrl-C, Ctrl-G, F4, and those that call an editor.

    `is_fresh`: what comes was typed before the line was there.
    """
    keys = KeyBindings()
    typing, searching = has_focus(DEFAULT_BUFFER), has_focus(SEARCH_BUFFER)
    keys.add('enter', filter=typing)(lambda event: enter(event.current_buffer))
    keys.add('escape', 'enter', filter=typing & emacs_mode)(lambda event: enter(event.current_buffer))
    keys.add('c-o', filter=typing & emacs_mode)(_enter_and_next)
    keys.add('enter', filter=searching)(_enter_in_search)
    search = _Search()
    keys.add('c-r', filter=typing & emacs_mode)(lambda event: search.begin(event, SearchDirection.BACKWARD))
    keys.add('c-s', filter=typing & emacs_mode)(lambda event: search.begin(event, SearchDirection.FORWARD))
    keys.add('c-g', filter=searching & emacs_mode)(search.leave)
    keys.add('c-i', filter=typing)(lambda event: tab(event.current_buffer, completer))
    for key in ('down', 'c-n'):
        keys.add(key, filter=typing & has_completions)(lambda event: choose(event.current_buffer))
    for key in ('up', 'c-p', 's-tab'):
        keys.add(key, filter=typing & has_completions)(lambda event: choose(event.current_buffer, back=True))
    keys.add('c-c', filter=typing)(lambda event: clear(event.app))
    keys.add('c-g', filter=typing & has_completions)(lambda event: event.current_buffer.cancel_completion())
    alone = Condition(lambda: not get_app().key_processor.input_queue)  # else it is Alt with the next key
    keys.add('escape', filter=typing & has_completions & emacs_mode & alone, eager=True)(_close)
    keys.add('f4')(_switch)
    ANSI_SEQUENCES[ANSWER.decode()] = Keys.Ignore  # it has come late
    keys.add('c-x', 'c-e', filter=typing & emacs_mode & ~has_selection)(_edit)
    keys.add('v', filter=typing & vi_navigation_mode)(_edit)
    early_end = typing & Condition(lambda: is_fresh() and not get_app().current_buffer.text)
    keys.add('c-@', filter=early_end)(_end)  # the terminal makes this of a Ctrl-D that it has kept for us
    return keys


def enter(buffer: Buffer) -> None:
    """Run the text as it stands there, a chosen candidate included, or go on in the next line if it is unfinished.

    What removes something is run only by an Enter that chooses nothing.
    """
    if _is_whole(buffer):
        buffer.validate_and_handle()


def _is_whole(buffer: Buffer) -> bool:
    """Whether an Enter is to run the text; else what it does instead is done."""
    state = buffer.complete_state
    if state is not None and state.current_completion is not None and _removes(buffer.text):
        buffer.complete_state = None
        return False
    if current(buffer.text).open:
        buffer.complete_state = None
        buffer.cursor_position = len(buffer.text)
        buffer.insert_text('\n', fire_event=False)
        return False
    return True


def _enter_and_next(event: KeyPressEvent) -> None:
    """As Enter, and then the line after it in the history is there."""
    if _is_whole(event.current_buffer):
        get_by_name('operate-and-get-next').call(event)


def _removes(text: str) -> bool:
    """Whether one of the commands in a text removes something."""
    found = (meaning(text[start:end]).command for start, end in commands(text))
    return any(command is not None and command.words[0] == 'remove' for command in found)


def _enter_in_search(event: KeyPressEvent) -> None:
    """Run what was found, but for what removes something."""
    accept_search()
    buffer = event.app.current_buffer
    if not _removes(buffer.text):
        enter(buffer)


class _Search:
    """A search in the history that is left restores what was typed before it, wherever it has been."""

    def __init__(self) -> None:
        self._index = self._position = 0

    def begin(self, event: KeyPressEvent, direction: SearchDirection) -> None:
        """Begin one."""
        buffer = event.current_buffer
        self._index, self._position = buffer.working_index, buffer.cursor_position
        start_search(direction=direction)

    def leave(self, event: KeyPressEvent) -> None:
        """Leave it."""
        stop_search()
        buffer = event.app.current_buffer
        buffer.working_index, buffer.cursor_position = self._index, self._position


def tab(buffer: Buffer, completer: LineCompleter) -> None:
    """Insert the only candidate, or what all have in common, or choose the next one. Where nothing is typed it only
    shows which there are."""
    state = buffer.complete_state
    if state is not None and state.current_completion is not None:
        choose(buffer)
        return
    found = (state.completions if state is not None else []) or completer.get_completions(
        buffer.document, CompleteEvent(completion_requested=True)
    )
    shown = [each for each in found if isinstance(each, Shown)]
    if len(shown) == 1:
        _insert_whole(buffer, shown[0])
        completer.settled = buffer.document
    elif common := _common(buffer.document, shown, completer.common if completer.more else None):
        _replace(buffer, shown[0].start_position, common)
    elif shown:
        buffer.complete_state = WholeWord(buffer.document, list(found))
        if state is not None or shown[0].start_position:
            buffer.complete_next()


def choose(buffer: Buffer, *, back: bool = False) -> None:
    """Choose the next candidate of a menu, or the one before, for the whole word."""
    state = buffer.complete_state
    if state is not None and not isinstance(state, WholeWord):
        buffer.complete_state = WholeWord(state.original_document, state.completions, state.complete_index)
    if back:
        buffer.complete_previous()
    else:
        buffer.complete_next()


def _insert_whole(buffer: Buffer, completion: Shown) -> None:
    """Insert a candidate, and a space if its word ends with it; the menu closes."""
    if completion.final:
        buffer.delete(len(_tail(buffer.document)))
    ends = completion.final and buffer.document.text_after_cursor[:1] in ('', '\n')
    _replace(buffer, completion.start_position, completion.text + (' ' if ends else ''))


def _replace(buffer: Buffer, start: int, text: str) -> None:
    """Put a text in the place of what stands from `start` to the cursor. What follows in the word stays, but for what
    the text has brought along."""
    buffer.complete_state = None
    tail = _tail(buffer.document)
    typed = buffer.delete_before_cursor(-start)
    added = text[len(typed) :] if text.startswith(typed) else ''
    buffer.delete(len(os.path.commonprefix([added, tail])))  # noqa: RUF071
    buffer.insert_text(text)


class WholeWord(CompletionState):
    """Candidates, each of which takes the place of the whole word that the cursor stands in."""

    def new_text_and_position(self) -> tuple[str, int]:
        """What the text becomes, and where the cursor goes."""
        text, position = super().new_text_and_position()
        if self.complete_index is None:
            return text, position
        return text[:position] + text[position + len(_tail(self.original_document)) :], position


def _tail(document: Document) -> str:
    """What follows the cursor in its word."""
    start, end = next(each for each in commands(document.text) if document.cursor_position <= each[1])
    at = document.cursor_position - start
    for word in split(document.text[start:end]).words:
        if word.start < at < word.end:
            return document.text[document.cursor_position : start + word.end]
    return ''


def _common(document: Document, found: list[Shown], common: str | None) -> str:
    """What all candidates begin with (`common` if there are more than those found), if that is more than what is typed.
    A wildcard is none of them. Where something has to be quoted, nothing."""
    if common is None:
        common = os.path.commonprefix([each.text for each in found if each.kind != 'wildcard'])  # noqa: RUF071
    before = document.text_before_cursor
    typed = before[len(before) + found[0].start_position :] if found else ''
    return common if len(common) > len(typed) and not set(common) & _QUOTES else ''


def clear(app: Application[Any]) -> None:
    """Clear the line, whatever is under way."""
    if app.current_buffer.name == SEARCH_BUFFER:
        stop_search()
    app.vi_state.reset()
    app.current_buffer.reset()


def _close(event: KeyPressEvent) -> None:
    """Close the menu, with what was typed."""
    event.current_buffer.cancel_completion()


def _switch(event: KeyPressEvent) -> None:
    """Between the keys of emacs and those of vi."""
    vi = event.app.editing_mode == EditingMode.VI
    event.app.editing_mode = EditingMode.EMACS if vi else EditingMode.VI


async def _edit(event: KeyPressEvent) -> None:
    """Let an editor have the text, and run what it makes of it, but for what removes something or is unfinished."""
    buffer = event.current_buffer
    accept = buffer.accept_handler
    if accept is None or isinstance(accept, _AfterEditor):  # one is there already
        return
    buffer.accept_handler = _AfterEditor(event.app, accept)
    try:
        await buffer.open_in_editor(validate_and_handle=True)  # if it fails nothing is run
    finally:
        buffer.accept_handler = accept


class _AfterEditor:
    """Runs a text that an editor has made, by `accept`. Says whether it stays instead, to be looked at."""

    def __init__(self, app: Application[Any], accept: Callable[[Buffer], bool]) -> None:
        self._app = app
        self._accept = accept

    def __call__(self, buffer: Buffer) -> bool:
        stays = self._app.is_done or _removes(buffer.text) or bool(current(buffer.text).open)
        return stays or self._accept(buffer)


def _end(event: KeyPressEvent) -> None:
    """Leave the shell."""
    event.app.exit(exception=EOFError, style='class:exiting')
