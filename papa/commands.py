"""The command table: every command with its words, its parameters and its help.

Both dialects, the help, and the front ends' completion and hints are driven by this one table.
What a command does stands in `papa.kernel.handlers`.
"""

from __future__ import annotations

from papa.errors import BadRequest
from papa.names import show
from papa.options import (
    CHANGES_OPTIONS,
    EXCHANGE_OPTIONS,
    KINDS,
    PEEK_OPTIONS,
    PROCESS_OPTIONS,
    SOCKET_OPTIONS,
    UPGRADE_OPTIONS,
    WATCH_OPTIONS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from papa.options import Option


class Command:
    """One command. `name` is its full form; `operands` and `options` say what follows it.

    `makes` something that is made by its options.
    `named` commands are about one thing: options stand after its name, elsewhere before the names.
    `quick` commands take some microseconds, however much there is.

    `original` commands are those of papa 1.0: they keep every abbreviation that they ever had.
    A command that is not `abbreviable` has to be written in full.
    """

    __slots__ = (
        'abbreviable',
        'description',
        'examples',
        'makes',
        'name',
        'named',
        'operands',
        'options',
        'original',
        'quick',
        'summary',
        'words',
    )

    def __init__(
        self,
        name: str,
        operands: str,
        summary: str,
        description: str = '',
        *,
        options: tuple[Option, ...] = (),
        examples: tuple[str, ...] = (),
        original: bool = True,
        abbreviable: bool = True,
    ) -> None:
        self.name = name
        self.words = tuple(name.split())
        self.makes = self.words[0] == 'make'
        self.named = self.makes or name == 'compare-and-set'
        self.quick = name in ('get', 'set')
        self.operands = operands
        self.summary = summary
        self.description = description
        self.options = options
        self.examples = examples
        self.original = original
        self.abbreviable = abbreviable

    @property
    def usage(self) -> str:
        """The full form with its parameters: ``set NAME [WORD...]``."""
        return f'{self.name} {self.operands}'.rstrip()


UPGRADE = 'upgrade'

_NAMES_OR_PIDS = 'Names may end in an asterisk; a process can also be named by its PID. Without names: all.'
_NAMES_OR_FILENOS = 'Names may end in an asterisk; a socket can also be named by its file number. Without names: all.'

COMMANDS: tuple[Command, ...] = (
    Command(
        'list sockets', '[NAME...]', 'list sockets by name or file number', _NAMES_OR_FILENOS,
        examples=('list sockets', 'list sockets uwsgi.*', 'l s 10'),
    ),
    Command(
        'list processes', '[NAME...]', 'list processes by name or PID', _NAMES_OR_PIDS,
        examples=('list processes', 'list processes nginx.*', 'l p 3698'),
    ),
    Command(
        'list values', '[NAME...]', 'list values by name', 'Names may end in an asterisk. Without names: all.',
        examples=('list values', 'l v circus.* supervisor.*'),
    ),
    Command(
        'make socket', 'NAME [OPTION=VALUE...]', 'create a socket that processes can use',
        'Without path and port it is a TCP socket on a port that the system assigns. '
        'The same name with the same options gives the existing socket.',
        options=SOCKET_OPTIONS,
        examples=('make socket uwsgi port=8080', 'make socket chaussette path=/run/chaussette.sock umask=027'),
    ),
    Command(
        'make process', 'NAME [OPTION=VALUE...] [--] EXECUTABLE [ARGUMENT...]', 'start a process',
        'Its output is held until it is acknowledged. $(socket.NAME.fileno) and $(socket.NAME.port) in the '
        'executable and the arguments stand for a socket. A space inside an argument is written "\\ ". '
        'The same name with the same options gives the existing process.',
        options=PROCESS_OPTIONS,
        examples=(
            'make process web.1 working_dir=/srv /usr/bin/gunicorn --bind fd://$(socket.web.fileno) app',
            'make process ticker bufsize=64k rlimit.nofile=64 /usr/bin/vmstat 1',
        ),
    ),
    Command(
        'remove sockets', '[NAME...]', 'close sockets and forget them',
        _NAMES_OR_FILENOS + ' Processes that inherited a socket keep it.',
        examples=('remove sockets uwsgi', 'r s 10'),
    ),
    Command(
        'remove processes', '[NAME...]', 'drop the output of processes and forget each when it has ended',
        _NAMES_OR_PIDS + ' This does not stop a process.',
        examples=('remove processes nginx', 'r p 3698'),
    ),
    Command(
        'remove values', 'NAME...', 'forget values', 'Names may end in an asterisk. At least one name, and not "*".',
        examples=('remove values uwsgi.*', 'r v aack'),
    ),
    Command(
        'watch processes', '[[OPTION=VALUE...] --] [NAME...]', 'receive the output of processes and acknowledge it',
        _NAMES_OR_PIDS + ' Output comes in batches that end in "] ". An empty line (or "-") acknowledges the '
        'batch and asks for more; "q" acknowledges it and stops. Options need a "--" after them.',
        options=WATCH_OPTIONS, examples=('watch processes nginx.*', 'watch processes follow=1 -- web.*', 'w p 3698'),
    ),
    Command(
        'set', 'NAME [WORD...]', 'set a value; without words, clear it', 'The words are joined by one space.',
        examples=('set count 5', 'set count'),
    ),
    Command(
        'peek processes', '[OPTION=VALUE...] [--] [NAME...]', 'look at the output of processes without taking it',
        _NAMES_OR_PIDS + ' What is held comes first, then what is written, as it comes; nothing is acknowledged. '
        'A line "q" stops.',
        options=PEEK_OPTIONS, examples=('peek processes nginx.*', 'p p last=64k 3698'), original=False,
    ),
    Command(
        'acknowledge', 'NAME POSITION [ID]', 'let go of the output of a process up to a position',
        'The position is a number of bytes on the scale of "captured" in the list of processes. Shows how many bytes '
        'this let go. With an ID, only if the process of this name is that one.',
        examples=('acknowledge web.1 65536',), original=False,
    ),
    Command(
        'changes', '[OPTION=VALUE...] [KIND...]', 'tell what is made, changed, removed and exits, as it happens',
        f'It begins with all that there is. Kinds are {", ".join(KINDS)}; without any, all. A line "q" stops.',
        options=CHANGES_OPTIONS, examples=('changes', 'changes every=1 processes'), original=False,
    ),
    Command(
        'compare-and-set', 'NAME [expected=TEXT] [value=TEXT]', 'set a value if it is what you expect',
        'For two managers that start at once. A space is written "\\ ".',
        options=EXCHANGE_OPTIONS, original=False,
        examples=('compare-and-set leader value=a', 'compare-and-set leader expected=a value=b'),
    ),
    Command(
        UPGRADE, '[python=PATH]', 'go on with the papa that is installed now',
        'The kernel replaces itself and keeps all that it holds, its PID and every connection, this one too. The new '
        'code is tried first: if it cannot take over, the reply says why and nothing has changed. Cannot be '
        'abbreviated.',
        options=UPGRADE_OPTIONS, examples=('upgrade', 'upgrade python=/srv/venv/bin/python'), original=False,
        abbreviable=False,
    ),
    Command(
        'info', '', 'show what this kernel is and how much it holds', examples=('info',), original=False,
    ),
    Command('get', 'NAME', 'show a value', 'Nothing is shown for a value that is not set.', examples=('get count',)),
    Command(
        'exit-if-idle', '', 'end papa if it holds no process, socket or value',
        'It ends when the last connection is closed. Cannot be abbreviated.', examples=('exit-if-idle',),
        abbreviable=False,
    ),
    Command('quit', '', 'close this connection', examples=('quit',)),
    Command('help', '[COMMAND]', 'show help', examples=('help', 'help process', 'h l p')),
)

BY_NAME: dict[str, Command] = {command.name: command for command in COMMANDS}


def resolve(words: Sequence[str]) -> tuple[Command, list[str]]:
    """Find the command that `words` begin with, abbreviated or not; return it and the words after it.

    Where a prefix fits several, the first in alphabetical order wins, those of papa 1.0 before
    newer ones. `BadRequest` if nothing fits.
    """
    candidates = list(COMMANDS)
    for index, word in enumerate(words):
        candidates = _narrow(candidates, index, word.lower(), words)
        if len(candidates[0].words) == index + 1:
            return candidates[0], list(words[index + 1 :])
    following = sorted({command.words[len(words)] for command in candidates})
    wanted = f'"{following[0]}"' if len(following) == 1 else f'one of: {", ".join(following)}'
    raise BadRequest(f'"{candidates[0].words[0]}" must be followed by {wanted}')


def find(words: Sequence[str]) -> list[Command]:
    """The commands that a request for help means.

    `words` are those of a command (``l p``), its first word only (``list``), or a word that
    commands are about (``process``).
    """
    candidates = list(COMMANDS)
    try:
        for index, word in enumerate(words[:2]):
            candidates = _narrow(candidates, index, word.lower(), words, help_only=True)
            if len(candidates[0].words) == index + 1:  # whatever follows belongs to the command
                break
    except BadRequest:
        about = [c for c in COMMANDS if any(part.startswith(words[0].lower()) for part in c.words[1:])]
        if not about or len(words) > 1:
            raise
        return about
    return candidates


def _narrow(
    candidates: list[Command], index: int, word: str, words: Sequence[str], *, help_only: bool = False
) -> list[Command]:
    """Those of `candidates` whose word number `index` is the one that `word` stands for."""
    options = {c.words[index]: c for c in candidates if len(c.words) > index}
    if word not in options:
        fitting = sorted((not c.original, text) for text, c in options.items() if text.startswith(word) and word)
        if not fitting:
            raise _unknown(words, index, sorted(options))
        full = fitting[0][1]
        if not options[full].abbreviable and not help_only:
            raise BadRequest(f'You cannot abbreviate "{full}"')
        word = full
    return [c for c in candidates if len(c.words) > index and c.words[index] == word]


def _unknown(words: Sequence[str], index: int, allowed: list[str]) -> BadRequest:
    if index == 0:
        return BadRequest(f'Unknown command {show(words[0], 40)}; "help" lists the commands')
    return BadRequest(
        f'Bad {show(words[0], 40)} command {show(words[index], 40)}: the next word must be one of {", ".join(allowed)}'
    )
