"""What ``help`` and ``--help`` say, from the command table and the options of the shell."""

from __future__ import annotations

import textwrap

from papa import commands, options
from papa import help as table
from papa.line import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WIDTH = 78
_PROGRAM = """\
usage: papa-shell [OPTION...] [COMMAND [WORD...]]
       papa-shell [OPTION...] < SCRIPT

Runs one command, or a script with a command in each line, or asks for commands at a prompt.

Options:
{options}

Without -p and -u, PAPA_ENDPOINT says where the kernel is, else port 20202.
Exit status: 0; 1 a command failed; 2 the line is wrong; 3 no kernel, or no
answer in time; 130 interrupted.

"""
# What differs from what the table says, which is about a connection by hand.
_DESCRIPTIONS = {
    'watch processes': 'Names may end in an asterisk; a process can also be named by its PID. Without names: all. What '
    'is shown is let go of, an exit too: "peek processes" only looks. It ends when all have closed, with --no-follow '
    'when all that there is was shown, with --follow never. Options of the kernel need a "--" after them.',
    'peek processes': 'Names may end in an asterisk; a process can also be named by its PID. Without names: all. What '
    'is held comes first, then what is written, as it comes; nothing is let go of.',
    'changes': f'It begins with all that there is. Kinds are {", ".join(options.KINDS)}; without any, all.',
    'set': 'The words are joined by one space. From the name on every word is part of the value, but for '
    '"set NAME --file PATH"; "\'\'" is an empty value.',
    'compare-and-set': 'For two managers that start at once.',
    'make process': 'Its output is held until it is acknowledged. $(socket.NAME.fileno) and $(socket.NAME.port) in the '
    'executable and the arguments stand for a socket. The same name with the same options gives the existing process.',
    'quit': 'Or exit.',
}


def text(words: Sequence[str]) -> str:
    """Help on the command that words name, on those about a word, or on all. Raises `BadRequest` if nothing fits."""
    if not words:
        return table.text(()) + '\n'
    return '\n'.join(_describe(command) for command in commands.find(words))


def program() -> str:
    """What ``papa-shell --help`` says."""
    return _PROGRAM.format(options='\n'.join(_flags(flags.FLAGS))) + table.text(()) + '\n'


def _describe(command: commands.Command) -> str:
    lines = [command.usage, f'  {command.summary}']
    description = _DESCRIPTIONS.get(command.name, command.description)
    lines += textwrap.wrap(description, _WIDTH, initial_indent='  ', subsequent_indent='  ')
    if command.options:
        lines.append('Options of the kernel:')
        lines += [f'  {option.key + ("NAME" if option.key.endswith(".") else ""):16}  {option.summary}'
                  for option in command.options]
    own = [flag for flag in flags.FLAGS if flag.commands is not None and flag.is_for(command.name)]
    if own:
        lines += ['Options of the shell:', *_flags(own)]
    if command.examples:
        lines += ['Examples:', *(f'  {example}' for example in command.examples)]
    return '\n'.join(lines) + '\n'


def _flags(shown: Iterable[flags.Flag]) -> list[str]:
    return [f'  {", ".join(flag.spellings) + (" " + flag.value if flag.value else ""):26}  {flag.summary}'
            for flag in shown]
