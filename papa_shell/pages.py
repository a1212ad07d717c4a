"""Help as a terminal shows it, by rich: the same words as in `papa_shell.help`. Import this only where it is drawn."""

from __future__ import annotations

import re

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from papa import help as table
from papa.line import flags
from papa_shell import help as texts
from papa_shell import screen
from papa_shell.drawing import drawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDEST = 100  # columns; longer lines are hard to read
_INDENT, _DEEPER = (0, 0, 0, 2), (0, 0, 0, 4)
_WORD, _PARAMETER, _EXAMPLE, _HEADING = 'bold', 'cyan', 'green', 'bold underline'


def page(words: Sequence[str], *, width: int | None = None) -> bytes:
    """Help on the command that words name, on those about a word, or on all. Raises `BadRequest` if nothing fits."""
    wide = _width(width)
    if not words:
        return _drawn([_pairs(texts.overview(), wide), Text(), Text(table.FOOTER), Text(texts.ENDING)], wide)
    parts: list[RenderableType] = []
    for topic in texts.topics(words):
        parts += [Text(), *_topic(topic, wide)] if parts else _topic(topic, wide)
    return _drawn(parts, wide)


def program(*, width: int | None = None) -> bytes:
    """What ``papa-shell --help`` says."""
    wide = _width(width)
    parts: list[RenderableType] = [Text(texts.USAGE, _WORD), Text(), Text(texts.PURPOSE), Text()]
    parts += [*_section('Options', _pairs(texts.spelt(flags.FLAGS), wide)), Text(), *map(Text, texts.NOTES), Text()]
    parts += [*_section('Commands', _pairs(texts.overview(), wide)), Text(), Text(table.FOOTER), Text(texts.ENDING)]
    return _drawn(parts, wide)


def _width(width: int | None) -> int:
    return min(width or screen.columns(), _WIDEST)


def _drawn(parts: list[RenderableType], width: int) -> bytes:
    return drawn(Group(*parts), terminal=True, width=width)


def _topic(topic: texts.Topic, width: int) -> list[RenderableType]:
    parts: list[RenderableType] = [_usage(topic.usage), Padding(Text(topic.summary), _INDENT)]
    if topic.description:
        parts += [Text(), Padding(Text(topic.description), _INDENT)]
    if topic.options:
        parts += [Text(), *_section('Options of the kernel', _pairs(topic.options, width))]
    if topic.flags:
        parts += [Text(), *_section('Options of the shell', _pairs(topic.flags, width))]
    parts += [Text(), Text('Examples', _HEADING)]
    return [*parts, *(Padding(Text(example, _EXAMPLE), _INDENT) for example in topic.examples)]


def _usage(text: str) -> Text:
    """The words of the command stand out, and what a person has to put in."""
    made = Text()
    for part in re.split(r'(\b[A-Z]+\b)', text):
        made.append(part, _PARAMETER if part.isupper() else _WORD)
    return made


def _section(heading: str, body: RenderableType) -> list[RenderableType]:
    return [Text(heading, _HEADING), body]


def _pairs(pairs: Sequence[tuple[str, str]], width: int) -> RenderableType:
    """In two columns; one under the other where that would leave little for the second."""
    widest = max(len(what) for what, _ in pairs)
    if widest > width * 0.4:
        stacked: list[RenderableType] = []
        for what, summary in pairs:
            stacked += [Text(what, _WORD), Padding(Text(summary), _DEEPER)]
        return Padding(Group(*stacked), _INDENT)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style=_WORD)
    grid.add_column(overflow='fold')
    for what, summary in pairs:
        grid.add_row(Text(what), Text(summary))
    return Padding(grid, _INDENT)
