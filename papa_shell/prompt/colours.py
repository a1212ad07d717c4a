"""How the prompt looks: colours while typing, and the hint of what may follow."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.styles import Style

from papa.line.meaning import Meaning, meaning
from papa.line.quoting import commands, open_quotes
from papa.line.roles import Role, roles
from papa.line.snapshot import Names
from papa_shell.screen import cells, cut

_PROMPT = 2  # columns
_ALWAYS = {
    'prompt': 'bold',
    'hint': 'italic',
    'toolbar.full': 'bold',
}
_COLOURED = {
    **_ALWAYS,
    'role.command': 'ansicyan',
    'role.unknown': 'ansired underline',
    'role.option': 'ansiyellow',
    'role.name': 'ansigreen',
    'role.wildcard': 'ansimagenta',
    'role.placeholder': 'ansibrightblue',
    'role.pipe': 'ansibrightblack',
    'role.comment': 'ansibrightblack',
    'auto-suggestion': 'ansibrightblack',
    'hint': 'italic ansibrightblue',
    'prompt-continuation': 'ansibrightblack',
    'bottom-toolbar': 'noreverse bg:#303030 #c0c0c0',
    'bottom-toolbar.text': '',
    'toolbar.full': 'bold #ffffff',
    'toolbar.trouble': '#ff8787',
    'toolbar.good': '#87d787',
    'toolbar.bad': 'bold #ff8787',
    'completion-menu': 'bg:#3a3a3a #e4e4e4',
    'completion-menu.completion': 'bg:#3a3a3a #e4e4e4',
    'completion-menu.completion.current': 'noreverse bg:#005f87 #ffffff',
    'completion-menu.meta.completion': 'bg:#303030 #a8a8a8',
    'completion-menu.meta.completion.current': 'bg:#005f87 #d7d7d7',
    'scrollbar.background': 'bg:#444444',
    'scrollbar.button': 'bg:#8a8a8a',
}
_PLAIN = {**_ALWAYS, 'auto-suggestion': 'underline', 'role.unknown': 'underline'}


def style(*, coloured: bool) -> Style:
    """The style; without colours, what has to be told apart differs in other ways."""
    return Style.from_dict(_COLOURED if coloured else _PLAIN)


@lru_cache(maxsize=16)
def current(text: str) -> Meaning:
    """What the last command of a text means. For each key several ask."""
    start, end = commands(text)[-1]
    return meaning(text[start:end])


class LineLexer(Lexer):
    """Colours the words of a line by what they are."""

    def __init__(self, names: Callable[[], Names], version: Callable[[], int]) -> None:
        """`version` tells whether the names are others than before."""
        self._names = names
        self._version = version

    def invalidation_hash(self) -> Hashable:
        """What was coloured holds as long as this is the same."""
        return self._version()

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """The fragments of a line, by its number."""
        lines = _lines(document.text, roles(document.text, self._names()))
        return lambda number: lines[number] if number < len(lines) else []


def _lines(text: str, found: list[Role]) -> list[StyleAndTextTuples]:
    lines: list[StyleAndTextTuples] = [[]]
    at = 0
    for role in [*found, Role(len(text), len(text), '')]:
        _add(lines, '', text[at : role.start])
        _add(lines, f'class:role.{role.kind}', text[role.start : role.end])
        at = role.end
    return lines


def _add(lines: list[StyleAndTextTuples], kind: str, text: str) -> None:
    first, *more = text.split('\n')
    if first:
        lines[-1].append((kind, first))
    lines += [[(kind, line)] if line else [] for line in more]


class Hint(Processor):
    """Shows behind the cursor what may follow, where the history has nothing to suggest."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """Add it to the last line."""
        document, fragments = transformation_input.document, transformation_input.fragments
        is_last = transformation_input.lineno == document.line_count - 1
        suggestion = transformation_input.buffer_control.buffer.suggestion
        if not is_last or not document.is_cursor_at_the_end or (suggestion and suggestion.text):
            return Transformation(fragments)
        width = transformation_input.width
        used = cells(document.current_line) + _PROMPT
        text = cut(hint(document.text), width - used % width - 1) if width else ''
        return Transformation([*fragments, ('class:hint', text)] if text else fragments)


def hint(text: str) -> str:
    """What to show behind a text."""
    found = current(text).hint
    if not found or not text.strip():
        return ''
    return found if text[-1:].isspace() else f' {found}'


def continuation(text: str, number: int) -> str:
    """What stands before line `number` of a text instead of the prompt: the quote that is open there, if one is."""
    opened = _opened(text)
    return f'{opened[number] if number < len(opened) else ""}> '


_opened = lru_cache(maxsize=2)(open_quotes)
