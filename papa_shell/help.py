"""What ``help`` and ``--help`` say, from the command table and the options of the shell."""

from __future__ import annotations

import textwrap

from papa import commands, options
from papa import help as table
from papa.line import flags
from papa.line.walk import explained

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WIDTH = 78
USAGE = """\
usage: papa-shell [OPTION...] [COMMAND [WORD...]]
       papa-shell [OPTION...] < SCRIPT"""
PURPOSE = 'Runs one command, or a script with a command in each line, or asks for commands at a prompt.'
NOTES = (
    'Without -p and -u, PAPA_ENDPOINT says where the kernel is, else port 20202.',
    'Exit status: 0; 1 a command failed; 2 the line is wrong; 3 no kernel, or no answer in time; 130 interrupted.',
)
ENDING = 'A process is ended by its PID, which "list processes" tells: kill PID, in another shell. papa only starts it.'
_NAMES_OR_PIDS = 'Names may end in an asterisk; a process can also be named by its PID. Without names: all.'
# What differs from what the table says, which is about a connection by hand.
_DESCRIPTIONS = {
    'list processes': f'{_NAMES_OR_PIDS} A PID is what ends a process: kill PID, in another shell.',
    'remove processes': f'{_NAMES_OR_PIDS} This does not end a process: kill PID, in another shell, does.',
    'watch processes': f'{_NAMES_OR_PIDS} What '
    'is shown is let go of, an exit too: "peek processes" only looks. It ends when all have closed, with --no-follow '
    'when all that there is was shown, with --follow never. Options of the kernel need a "--" after them.',
    'peek processes': f'{_NAMES_OR_PIDS} What '
    'is held comes first, then what is written, as it comes; nothing is let go of.',
    'changes': f'It begins with all that there is. Kinds are {", ".join(options.KINDS)}; without any, all.',
    'set': 'The words are joined by one space. From the name on every word is part of the value, but for '
    '"set NAME --file PATH"; "\'\'" is an empty value.',
    'compare-and-set': 'For two managers that start at once.',
    'make process': 'Its output is held until it is acknowledged. $(socket.NAME.fileno) and $(socket.NAME.port) in the '
    'executable and the arguments stand for a socket. The same name with the same options gives the existing process. '
    'It ends by itself, or by its PID: kill PID, in another shell.',
    'quit': 'quit, exit and Ctrl-D leave. The kernel goes on, with all that it holds.',
}
_SUMMARIES = {'quit': 'leave this shell (Ctrl-D does, too)'}
_CALLED = {'quit': 'quit or exit'}
# Examples that stand in place of those of the table: with the options of the shell, and quoted so that they are right
# at the prompt and as arguments of papa-shell.
_EXAMPLES = {
    'list sockets': ('list sockets', "list sockets 'web.*' -o json", 'l s 10'),
    'list processes': ('list processes', "list processes 'web.*'", 'l p 3698'),
    'list values': ('list values', "l v 'circus.*' 'supervisor.*'"),
    'make process': (
        "make process web.1 working_dir=/srv /usr/bin/gunicorn --bind 'fd://$(socket.web.fileno)' app",
        'make process ticker bufsize=64k rlimit.nofile=64 /usr/bin/vmstat 1',
        "make process --exit-code backup watch=1 env.LANG=C sh -c 'tar -c /srv | gzip > /tmp/srv.gz'",
    ),
    'remove processes': ('remove processes web.1', "remove processes -y 'web.*'", 'r p 3698'),
    'remove values': ("remove values 'web.*'", 'r v aack'),
    'watch processes': (
        "watch processes 'web.*'", "watch processes --follow 'web.*'", 'watch processes --no-follow',
        'watch processes --exit-code backup',
    ),
    'peek processes': ("peek processes 'web.*'", 'peek processes --last 64k web.1', 'p p 3698'),
    'set': ('set count 5', 'set motd --file /etc/motd', "set empty ''", 'set count'),
    'get': ('get count', 'get --raw motd'),
    'changes': ('changes', 'changes every=1 processes', 'changes values -o jsonl'),
    'info': ('info', 'info -o json'),
    'help': ('help', 'help make process', 'h l p', 'help process'),
}


class Topic:
    """What there is to say of one command: its usage, the summary of it, a description, its options of the kernel and
    of the shell as pairs of what to write and what it does, and examples."""

    __slots__ = ('description', 'examples', 'flags', 'options', 'summary', 'usage')

    def __init__(self, command: commands.Command) -> None:
        self.usage = command.usage
        self.summary = summary(command)
        self.description = _DESCRIPTIONS.get(command.name, command.description)
        self.options = [(o.key + ('NAME' if o.key.endswith('.') else ''), o.summary) for o in command.options]
        own = (flag for flag in flags.FLAGS if flag.commands is not None and flag.is_for(command.name))
        self.flags = spelt(own)
        self.examples = _EXAMPLES.get(command.name, command.examples)


def topics(words: Sequence[str]) -> list[Topic]:
    """What there is to say of the command that words name, or of those about a word. Raises `BadRequest`."""
    return [Topic(command) for command in explained(words)]


def overview() -> list[tuple[str, str]]:
    """Each command and what it does."""
    return [(_CALLED.get(command.name, command.name), summary(command)) for command in commands.COMMANDS]


def summary(command: commands.Command) -> str:
    """What a command does, in this shell."""
    return _SUMMARIES.get(command.name, command.summary)


def spelt(chosen: Iterable[flags.Flag]) -> list[tuple[str, str]]:
    """Options of the shell as pairs: ``-p, --port PORT`` and what it does."""
    return [(f'{", ".join(flag.spellings)} {flag.value}'.rstrip(), flag.summary) for flag in chosen]


# As plain text


def text(words: Sequence[str]) -> str:
    """Help on the command that words name, on those about a word, or on all. Raises `BadRequest` if nothing fits."""
    if not words:
        listed = _pairs(overview(), max(len(name) for name, _ in overview()))
        return '\n'.join(['The commands are:', *listed, '', _wrapped((table.FOOTER, ENDING)), ''])
    return '\n'.join(map(_described, topics(words)))


def program() -> str:
    """What ``papa-shell --help`` says."""
    options = '\n'.join(_pairs(spelt(flags.FLAGS), 26))
    return f'{USAGE}\n\n{PURPOSE}\n\nOptions:\n{options}\n\n{_wrapped(NOTES)}\n\n{text(())}'


def _described(topic: Topic) -> str:
    lines = [topic.usage, f'  {topic.summary}']
    lines += textwrap.wrap(topic.description, _WIDTH, initial_indent='  ', subsequent_indent='  ')
    if topic.options:
        lines += ['Options of the kernel:', *_pairs(topic.options, 16)]
    if topic.flags:
        lines += ['Options of the shell:', *_pairs(topic.flags, 26)]
    lines += ['Examples:', *(f'  {example}' for example in topic.examples)]
    return '\n'.join(lines) + '\n'


def _pairs(pairs: Iterable[tuple[str, str]], width: int) -> list[str]:
    return [f'  {what:{width}}  {summary}' for what, summary in pairs]


def _wrapped(paragraphs: Iterable[str]) -> str:
    return '\n'.join(textwrap.fill(paragraph, _WIDTH) for paragraph in paragraphs)
