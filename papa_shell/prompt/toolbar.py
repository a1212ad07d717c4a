"""The line at the bottom: what is typed in its full form and what it means, and where the kernel is."""

from __future__ import annotations

from prompt_toolkit.formatted_text import StyleAndTextTuples

from papa.line.quoting import COMMENT, commands
from papa.line.units import counted
from papa.names import plain
from papa_shell.prompt.colours import current
from papa_shell.prompt.standing import CONNECTED, CONNECTING, Standing
from papa_shell.screen import cells, cut

_KEYS = 'Tab completes, ? helps, Ctrl-R finds, Ctrl-D leaves'
_SHORTEST = 44  # columns that the left side has at least


def toolbar(
    text: str, standing: Standing, width: int, *, shown: int = 0, more: int = 0, matching: str = '', mode: str = ''
) -> StyleAndTextTuples:
    """The fragments for a terminal of this width.

    `shown` candidates are in the menu, and `more` are not. `matching` is what the wildcards of the line
    mean. `mode` is that of the keys, if it has to be told.
    """
    place, silence = standing.where, standing.silence
    state = f'no answer for {silence:.0f} s' if silence else standing.state
    right = f'{mode} {state}'.lstrip()
    room = max(0, width - _SHORTEST - cells(right) - 2)
    where = cut(place[::-1], room)[::-1]
    tail = f'{where} ' if where else ''
    kind = 'good' if state == CONNECTED else '' if state == CONNECTING else 'bad'
    space = width - cells(tail + right) - 2
    left = _cut([*_match(matching), *_left(text, shown, more)], space)
    used = sum(cells(part[1]) for part in left)
    return [
        *left, ('', ' ' * max(1, space - used + 2)), ('', tail),
        ('', f'{mode} ' if mode else ''), (f'class:toolbar.{kind}' if kind else '', state),
    ]


def _match(matching: str) -> StyleAndTextTuples:
    return [('', f'{matching} {"matches" if matching.startswith("1 ") else "match"}  ')] if matching else []


def _left(text: str, shown: int, more: int) -> StyleAndTextTuples:
    found = current(text)
    if more:
        return [*_full(text), ('', f'  {shown} of {shown + more:,} shown: type on')]
    if found.trouble and not shown:
        return [('class:toolbar.trouble', plain(found.trouble, 500))]
    if found.command is not None:
        return [*_full(text), ('', f'  {found.command.summary}')]
    if found.open:
        return [('', f'The quote {found.open} is open')]
    return [('', _several(text) if text.strip() else _KEYS)]


def _several(text: str) -> str:
    """What Enter does with lines that were pasted, where nothing is typed after them."""
    if '\n' not in text:
        return ''
    there = sum(1 for start, end in commands(text) if text[start:end].strip() and not text.startswith(COMMENT, start))
    return f'Enter runs {counted(there, "command")}' if there and not text[text.rfind('\n') :].strip() else ''


def _full(text: str) -> StyleAndTextTuples:
    """The full form, if what is typed is short; else the command with its parameters."""
    found = current(text)
    if found.command is None:
        return []
    return [('class:toolbar.full', plain(found.full if found.is_short else found.command.usage, 500))]


def _cut(fragments: StyleAndTextTuples, width: int) -> StyleAndTextTuples:
    """What of them fits."""
    kept: StyleAndTextTuples = []
    for fragment in fragments:
        size = cells(fragment[1])
        if size > width:
            return [*kept, (fragment[0], cut(fragment[1], width))]
        kept.append(fragment)
        width -= size
    return kept
