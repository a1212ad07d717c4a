"""The text of ``help``, made from the command table."""

from __future__ import annotations

import textwrap

from papa import commands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH = 78
FOOTER = (
    'Commands can be cut as short as you like: "l p" is "list processes". '
    'Type "help list processes" (or "h l p") for more about one.'
)


def text(words: Sequence[str]) -> str:
    """Help on the command that `words` name, on the commands about a word, or on all.

    Raises `BadRequest` if nothing fits.
    """
    if not words:
        return _overview()
    found = commands.find(words)
    if len(found) == 1:
        return _describe(found[0])
    return '\n\n'.join(_describe(command) for command in found)


def _overview() -> str:
    width = max(len(command.name) for command in commands.COMMANDS)
    lines = [f'  {command.name:{width}}  {command.summary}' for command in commands.COMMANDS]
    return '\n'.join(['The commands are:', *lines, '', *textwrap.wrap(FOOTER, _WIDTH)])


def _describe(command: commands.Command) -> str:
    lines = [command.usage, f'  {command.summary}']
    if command.description:
        lines += textwrap.wrap(command.description, _WIDTH, initial_indent='  ', subsequent_indent='  ')
    if command.options:
        width = max(len(option.key) for option in command.options) + 4
        lines.append('Options:')
        for option in command.options:
            key = option.key + ('NAME' if option.key.endswith('.') else '')
            lines.append(f'  {key:{width}}  {option.summary}')
    if command.examples:
        lines += ['Examples:', *(f'  {example}' for example in command.examples)]
    return '\n'.join(lines)
