"""Candidates of `papa.line` as prompt_toolkit wants them, with notes beside them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples

from papa.line.candidates import Candidates, candidates, matching
from papa.line.lookups import PATIENCE, Answers, Lookups, Missing
from papa.line.operands import Candidate
from papa.line.quoting import commands
from papa.line.snapshot import Names
from papa.line.system import NoSystem
from papa.line.text import in_line
from papa.names import plain

_NOTE = 60  # characters


class Shown(Completion):
    """A candidate in the menu. `final`: a space may follow it; `kind` as in `Candidate`.

    The texts are at hand: for each key the menu asks for all of them, several times.
    """

    def __init__(self, found: Candidate, start: int) -> None:
        self._shown = found.text if found.text.isprintable() else in_line(found.text)
        super().__init__(found.text, start, [('', self._shown)])
        self._note = found.note if found.note.isprintable() and len(found.note) <= _NOTE else plain(found.note, _NOTE)
        self.final = found.final
        self.kind = found.kind

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shown) and self._all == other._all

    def __hash__(self) -> int:
        return hash(self._all)

    @property
    def _all(self) -> tuple[str, int, str]:
        return self.text, self.start_position, self._note

    @property
    def display_text(self) -> str:
        """What the menu shows of it."""
        return self._shown

    @property
    def display_meta(self) -> StyleAndTextTuples:
        """The note beside it."""
        return [('', self._note)]

    @property
    def display_meta_text(self) -> str:
        """The same as text."""
        return self._note


class LineCompleter(Completer):
    """Completes the command that the cursor is in. Of the last time, `more` is how many candidates it has not shown,
    and `common` what all names among all of them begin with.

    `names` gives the names that there are; it is called with the `lock` that protects them.
    """

    def __init__(self, names: Callable[[], Names], lock: threading.Lock, system: NoSystem | None = None) -> None:
        self._names = names
        self._lock = lock
        self.lookups = Lookups(system)
        self.more = 0
        self.common = ''
        self.settled: Document | None = None  # where a candidate was inserted: a menu waits for the next key
        self.partial: Document | None = None  # where not all has been found yet: `lookups` tells when there is more

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> list[Completion]:
        """Candidates for the place of the cursor. Disks and users are waited for a moment where they are requested by
        a key, else not at all."""
        patience = PATIENCE if complete_event.completion_requested else 0
        text, cursor = _command_at_cursor(document)
        found, is_whole = self.lookups.find(lambda system: self._find(text, cursor, system), patience)
        self.partial = None if is_whole else document
        return self._shown(found, cursor)

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """The same, and nothing waits for it. While somebody types, commands are not offered where nothing of one is
        there yet, such as after lines that were pasted."""
        text, cursor = _command_at_cursor(document)
        if complete_event.text_inserted and (document == self.settled or not text.strip()):
            return
        self.settled = None
        answers, is_whole = Answers(), True
        while True:
            try:
                found = self._find(text, cursor, answers)
                break
            except Missing as missing:
                lookup = self.lookups.begin(missing.key)
                await _arrival(lookup, PATIENCE)
                is_whole = self.lookups.take(missing.key, lookup, answers) and is_whole
        self.partial = None if is_whole else document
        for each in self._shown(found, cursor):
            yield each

    def matching(self, text: str) -> str:
        """What the wildcards of a command mean: ``12 processes``."""
        with self._lock:
            return matching(text, self._names())

    def _find(self, text: str, cursor: int, system: NoSystem) -> Candidates:
        with self._lock:
            return candidates(text, cursor, self._names(), system)

    def _shown(self, found: Candidates, cursor: int) -> list[Completion]:
        self.more, self.common = found.more, found.common
        return [Shown(each, each.start - cursor) for each in found.items]


def _command_at_cursor(document: Document) -> tuple[str, int]:
    """The command before the cursor, and where in it the cursor is."""
    text = document.text_before_cursor
    start = commands(text)[-1][0]
    return text[start:], len(text) - start


async def _arrival(lookup: Future[Any], seconds: float) -> None:
    """Wait for an answer, so long at most."""
    loop, came = asyncio.get_running_loop(), asyncio.Event()

    def tell(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop is over
            loop.call_soon_threadsafe(came.set)

    lookup.add_done_callback(tell)
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(came.wait(), seconds)
