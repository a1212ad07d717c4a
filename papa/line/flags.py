"""The options of the shell itself: ``-o json``, ``--follow``. Those of the kernel's commands are ``key=value`` words.

They stand before the command or after its words; in ``set`` and ``make process`` only before the name.
"""

from __future__ import annotations

from papa import endpoint
from papa.errors import BadRequest
from papa.line.errors import BadLine
from papa.line.suggest import hint
from papa.names import is_number, show
from papa.options import seconds, size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

FORMATS = ('table', 'plain', 'json', 'jsonl')
SHELLS = ('bash', 'zsh', 'fish')  # that there is a completion for
END = '--'

_WATCH = 'watch processes'
_PEEK = 'peek processes'
_MAKE = 'make process'
_STREAMS = frozenset((_WATCH, _PEEK))
_REMOVE = frozenset(('remove sockets', 'remove processes', 'remove values'))
_MAX_PORT = 65535


def _any(_flag: str, text: str) -> str:
    return text


class Flag:
    """One option. `spellings`: what is written, the long one last. `value`: what to call its value in help, empty if
    it takes none. `commands`: those that it is for, None for all. `invocation`: only for the start of a program.
    """

    __slots__ = ('commands', 'invocation', 'name', 'read', 'spellings', 'summary', 'value')

    def __init__(
        self, spellings: str, summary: str, *, value: str = '', read: Callable[[str, str], Any] = _any,
        commands: frozenset[str] | None = None, invocation: bool = False,
    ) -> None:
        self.spellings = tuple(spellings.split())
        self.name = self.spellings[-1].lstrip('-').replace('-', '_')
        self.summary = summary
        self.value = value
        self.read = read
        self.commands = commands
        self.invocation = invocation

    def is_for(self, command: str) -> bool:
        """Whether a command takes it."""
        return self.commands is None or command in self.commands


def _format(flag: str, text: str) -> str:
    if text in FORMATS:
        return text
    raise BadLine(f'{flag} must be one of {", ".join(FORMATS)}, not {show(text)}{hint(text, FORMATS)}')


def _shell(flag: str, text: str) -> str:
    if text in SHELLS:
        return text
    raise BadLine(f'{flag} must be one of {", ".join(SHELLS)}, not {show(text)}{hint(text, SHELLS)}')


def _seconds(flag: str, text: str) -> float:
    try:
        return seconds(flag, text)
    except BadRequest as error:
        raise BadLine(str(error)) from None


def _size(flag: str, text: str) -> int:
    try:
        return size(flag, text)
    except BadRequest as error:
        raise BadLine(str(error)) from None


def _port(flag: str, text: str) -> str:
    if is_number(text) and 1 <= int(text) <= _MAX_PORT:
        return text
    raise BadLine(f'{flag} must be a port from 1 to {_MAX_PORT}, not {show(text)}')


def _path(flag: str, text: str) -> str:
    if not text.startswith('/'):
        raise BadLine(f'{flag} must be the absolute path of a Unix socket, not {show(text)}')
    try:
        endpoint.from_path(text)
    except BadRequest as error:
        raise BadLine(f'{flag}: {error}') from None
    return text


def _file(flag: str, text: str) -> str:
    if text:
        return text
    raise BadLine(f'{flag} needs the path of a file, or - for standard input')


FLAGS = (
    Flag('-p --port', 'the kernel at this TCP port of 127.0.0.1', value='PORT', read=_port),
    Flag('-u --unix-socket', 'the kernel at this Unix socket', value='PATH', read=_path),
    Flag('--no-autostart', 'never start a kernel'),
    Flag('--timeout', 'wait so long for a connection and for each reply', value='SECONDS', read=_seconds),
    Flag('-o --output', 'how to write results: table, plain, json or jsonl', value='FORMAT', read=_format),
    Flag('--no-pager', 'never show a long result in a pager'),
    Flag('-y --yes', 'remove without asking', commands=_REMOVE),
    Flag('--peek', 'look without taking', commands=frozenset((_WATCH,))),
    Flag('--follow', 'also processes that match and start later', commands=_STREAMS),
    Flag('--no-follow', 'only what there is', commands=_STREAMS),
    Flag('--last', 'begin with only so many bytes of what is held: 64k', value='SIZE', read=_size, commands=_STREAMS),
    Flag('--exit-code', 'end with the exit code of the one process watched', commands=_STREAMS | {_MAKE}),
    Flag('--raw', 'the value alone, without a newline', commands=frozenset(('get',))),
    Flag('--file', 'take the value from a file, or from standard input (-)', value='PATH',
         read=_file, commands=frozenset(('set',))),
    Flag('-f --script', 'run the commands in a file, or in standard input (-)', value='FILE',
         invocation=True),
    Flag('--keep-going', 'go on with a script after a failure', invocation=True),
    Flag('-n --dry-run', 'read everything, show the full form of each line, and run nothing', invocation=True),
    Flag('--strict', 'refuse abbreviations', invocation=True),
    Flag('--vi', 'vi keys at the prompt (also if ~/.inputrc says so; F4 switches)', invocation=True),
    Flag('--print-completion', 'show the completion script for bash, zsh or fish', value='SHELL', read=_shell,
         invocation=True),
    Flag('--version', 'show the version', invocation=True),
    Flag('-h --help', 'show this', invocation=True),
)
BY_SPELLING = {spelling: flag for flag in FLAGS for spelling in flag.spellings}


def is_flag(word: str) -> bool:
    """Whether a word has the look of an option: a single ``-`` has not, it is standard input."""
    return len(word) > 1 and word.startswith('-')


def find(word: str, *, invocation: bool) -> tuple[Flag, str, str | None]:
    """The option that a word is, how it is spelt there, and the value that is attached to it (``-p80``,
    ``--port=80``). Raises `BadLine`."""
    spelling, equals, value = word.partition('=')
    attached: str | None = value if equals else None
    if not word.startswith('--'):
        spelling, attached = word[:2], word[2:] or None
    flag = BY_SPELLING.get(spelling)
    if flag is None:
        raise BadLine(f'Unknown option {show(word, 40)}{_near(spelling, _known(invocation))}')
    if flag.invocation and not invocation:
        raise BadLine(f'{spelling} is for the start of papa-shell, not for a line')
    return flag, spelling, attached


def _near(spelling: str, known: Sequence[str]) -> str:
    """What may have been meant: options are not cut short, but who does that means the one that begins so."""
    begun = [each for each in known if each.startswith(spelling)]
    near = hint(begun[0] if len(begun) == 1 else spelling, known) if spelling.startswith('--') else ''
    return near or '; a name that begins so stands after a --'


def typed(name: str, words: Sequence[str]) -> str:
    """How an option that was given is spelt in the words that it was read from."""
    spellings = next(flag.spellings for flag in FLAGS if flag.name == name)
    found = (spelling for word in words for spelling in spellings if _is_spelt(word, spelling))
    return next(found, spellings[-1])


def _is_spelt(word: str, spelling: str) -> bool:
    return word.partition('=')[0] == spelling if spelling.startswith('--') else word.startswith(spelling)


def _known(invocation: bool) -> list[str]:
    return [spelling for flag in FLAGS for spelling in flag.spellings if invocation or not flag.invocation]
