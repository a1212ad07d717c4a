"""From words to a command with its options and operands: a `Line`.

The same for a line of text (`parse`), for words that a program was started with (`parse_words`), and for a script.
"""

from __future__ import annotations

from papa import commands, options
from papa.errors import BadRequest
from papa.line import flags
from papa.line.errors import BadLine, NeedsMore, Unfinished
from papa.line.quoting import PIPE, Word, join, split
from papa.line.suggest import hint
from papa.names import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from papa.commands import Command

LEAVING = 'exit'  # beside "quit", which is in the table
QUESTION = '?'
FROM_NAME_ON = ('set', 'make process')  # from the name on, every word belongs to the command
FILE = '--file'
_HELP = commands.BY_NAME['help']
_QUIT = commands.BY_NAME['quit']

# How many operands a command takes at least and at most; those that are not here take any number.
_COUNTS: dict[str, tuple[int, int | None]] = {
    'make socket': (1, 1), 'make process': (2, None), 'remove values': (1, None), 'set': (1, None), 'get': (1, 1),
    'acknowledge': (2, 3), 'compare-and-set': (1, 1), 'info': (0, 0), 'exit-if-idle': (0, 0), 'quit': (0, 0),
    'upgrade': (0, 0),
}


class Line:
    """A line that makes sense.

    =========== ==============================================================================================
    `command`   an entry of `papa.commands.COMMANDS`; ``exit`` is ``quit``, ``?`` is ``help``
    `flags`     the shell's options by name, ``{'output': 'json', 'no_follow': True}``: `papa.line.flags`
    `pairs`     the kernel's options as ``(key, text)``; which there are is checked, what they are is not
    `operands`  the other words: names, an executable and its arguments
    `pipe`      what follows a ``|``, for ``sh -c``; None if nothing is piped
    `full`      the line with the command written out, as history and scripts should have it
    `short`     the words that were an abbreviation, as they were typed; empty if there was none
    `at`        which of the words those of the command are: the first, and the first after them
    =========== ==============================================================================================
    """

    __slots__ = ('at', 'command', 'flags', 'full', 'operands', 'pairs', 'pipe', 'short')

    def __init__(self, command: Command, given: dict[str, Any]) -> None:
        self.command = command
        self.flags = given
        self.pairs: list[tuple[str, str]] = []
        self.operands: list[str] = []
        self.pipe: str | None = None
        self.full = ''
        self.short = ''
        self.at = (0, 0)

    @property
    def leaves(self) -> bool:
        """Whether it ends the shell."""
        return self.command is _QUIT


def parse(text: str) -> Line | None:
    """The line that a text is; None if it is blank or a comment.

    Raises `Unfinished` if it goes on in the next one, `BadLine` if it makes no sense.
    """
    found = split(text)
    if found.open and found.pipe is None:
        raise Unfinished(found.open)
    if not found.words:
        if found.pipe is not None:
            raise BadLine('"|" needs a command before it')
        return None
    if found.pipe == '':
        raise NeedsMore('"|" needs a program after it')
    line = _question(found.words) or _parse(found.texts, found.words, invocation=False)
    assert line is not None
    line.pipe = found.pipe
    line.full = _spliced(text, found.words, line)
    return line


def parse_words(words: Sequence[str]) -> Line | None:
    """The line that words are which need no splitting, taken as they are; None if there are none."""
    return _parse(list(words), [], invocation=False) if words else None


def parse_arguments(words: Sequence[str]) -> tuple[dict[str, Any], Line | None]:
    """What a program was started with: all options, those for its start included, and the command, if there is one.

    Raises `BadLine`.
    """
    given: dict[str, Any] = {}
    start = _leading(words, given, [], invocation=True)
    if is_beginning(words[start : start + 1]):  # ``list --help``: that is no command, so that no option is one of it
        _leading(words[start + 1 :], given, [], invocation=True)
    if start == len(words) or _asks(given):
        for name in given:
            if _by_name(name).commands is not None:
                raise BadLine(f'{flags.typed(name, words)} needs a command')
        return given, None
    line = _parse(list(words), [], invocation=True)
    assert line is not None
    return line.flags, line


def _asks(given: dict[str, Any]) -> bool:
    """Whether options ask about the program: then no command is run, whatever it is and whatever it lacks."""
    return 'help' in given or 'version' in given


def _parse(texts: list[str], words: list[Word], *, invocation: bool) -> Line | None:
    given: dict[str, Any] = {}
    before: list[str] = []  # what of the words the full form begins with
    after: list[str] = []
    start = _leading(texts, given, before, invocation=invocation)
    if start == len(texts):
        raise NeedsMore('There is no command in this line, only options')
    command, rest = resolve(texts[start:])
    end = len(texts) - len(rest)
    line = Line(command, given)
    line.at = start, end
    typed = ' '.join(texts[start:end])
    if typed.lower() not in (command.name, LEAVING):
        line.short = typed
    operands = _take_flags(command, rest, given, after, invocation=invocation)
    if not _asks(given):
        _check_flags(command, given, texts)
        _sort(line, operands)
    line.full = join([*before, *command.words, *after])
    if command is _HELP:
        for word in operands:
            after.remove(word)  # what is left are options
        _expand_help(line, [*before, *after])
    return line


def _leading(texts: Sequence[str], given: dict[str, Any], kept: list[str], *, invocation: bool) -> int:
    """Read the options before the command; return where that stands. What is not for the start alone is `kept`."""
    at = 0
    while at < len(texts) and flags.is_flag(texts[at]):
        if texts[at] == flags.END:
            return at + 1
        at = _take(texts, at, given, kept, invocation=invocation)
    return at


def _take(texts: Sequence[str], at: int, given: dict[str, Any], kept: list[str], *, invocation: bool) -> int:
    """Read one option; return where to go on."""
    end = flags.take(texts, at, given, invocation=invocation)
    if not flags.find(texts[at], invocation=invocation)[0].invocation:
        kept += texts[at:end]
    return end


def _take_flags(
    command: Command, words: Sequence[str], given: dict[str, Any], kept: list[str], *, invocation: bool
) -> list[str]:
    """Read the options after the command; return the other words. A ``--`` that ends them stays where it means
    something to the command's own options. All words are `kept`, but options for the start alone."""
    early = command.name in FROM_NAME_ON
    rest: list[str] = []
    at = 0
    while at < len(words) and words[at] != flags.END and not (early and rest):
        if flags.is_flag(words[at]):
            at = _take(words, at, given, kept, invocation=invocation)
        else:
            rest.append(words[at])
            kept.append(words[at])
            at += 1
    kept += words[at:]
    if early:
        return _named(command, [*rest, *words[at:]], given)
    pairs = rest[1:] if command.named else rest
    needed = command.options and options.count(pairs) == len(pairs) and (rest or not command.named)
    return rest + list(words[at if needed else at + 1 :])


def _named(command: Command, words: list[str], given: dict[str, Any]) -> list[str]:
    """The words from the name on. The one exception to their belonging to the command: ``set NAME --file PATH``."""
    if words[:1] == [flags.END]:
        return words[1:]
    if command.name == 'set' and words[1:2] == [FILE] and len(words) == 3:
        flags.take(words, 1, given, invocation=False)
        return words[:1]
    return words


def _check_flags(command: Command, given: dict[str, Any], texts: Sequence[str]) -> None:
    for name in given:
        if not _by_name(name).is_for(command.name):
            raise BadLine(f'{flags.typed(name, texts)} is not for "{command.name}"')
    for one, other in (('port', 'unix_socket'), ('follow', 'no_follow')):
        if one in given and other in given:
            raise BadLine(f'{_by_name(one).spellings[-1]} and {_by_name(other).spellings[-1]} exclude each other')


def _by_name(name: str) -> flags.Flag:
    return flags.BY_SPELLING['--' + name.replace('_', '-')]


# Commands


def resolve(words: Sequence[str]) -> tuple[Command, list[str]]:
    """The command that words begin with, and the words after it. Raises `BadLine`, perhaps with a suggestion."""
    if words[0].lower() == LEAVING:
        return _QUIT, list(words[1:])
    try:
        return commands.resolve(words)
    except BadRequest as error:
        kind = NeedsMore if is_beginning(words) else BadLine
        raise kind(_explain(words, str(error))) from None


def is_beginning(words: Sequence[str]) -> bool:
    """Whether words, abbreviated or not, are the beginning of a command that needs another one."""
    try:
        found = commands.find(words) if words and len(words) == 1 else []
    except BadRequest:
        return False
    return any(len(command.words) > len(words) and command.words[0].startswith(words[0].lower()) for command in found)


def _explain(words: Sequence[str], text: str) -> str:
    """What is wrong with the words of a command.

    What ends or replaces the kernel is never suggested for another word, not even for the beginning of its own.
    """
    first = words[0].lower()
    heads = {command.words[0]: command for command in commands.COMMANDS if command.abbreviable}
    fitting = [head for head in heads if first and head.startswith(first)]
    if not fitting:
        return f'Unknown command {show(words[0], 40)}{hint(first, [*heads, LEAVING]) or "; see help"}'
    if len(words) == 1:
        return text
    following = [c.words[1] for c in commands.COMMANDS if c.words[0] in fitting and len(c.words) > 1]
    return text + hint(words[1], following)


def _question(words: list[Word]) -> Line | None:
    """The help that a ``?`` asks for: alone, or right after the words of a command."""
    if words[-1].text != QUESTION or words[-1].quoted:
        return None
    about = [word.text for word in words[:-1]]
    if about and (len(about) > 2 or not _is_command(about)):
        return None
    line = Line(_HELP, {})
    line.operands = about
    _expand_help(line)
    return line


def _is_command(words: list[str]) -> bool:
    try:
        found = commands.find(words)
    except BadRequest:
        return False
    return all(len(command.words) >= len(words) for command in found)


def _expand_help(line: Line, kept: Sequence[str] = ()) -> None:
    """Write out what help is asked for, after the options that are `kept`. Raises `BadLine` if there is no such
    command."""
    about = line.operands
    try:
        found = commands.find(about) if about else []
    except BadRequest:
        raise BadLine(f'There is no help on {show(" ".join(about), 40)}; "help" lists the commands') from None
    if len(found) == 1:
        line.operands = list(found[0].words)
    line.full = join([*kept, _HELP.name, *line.operands])


def _spliced(text: str, words: list[Word], line: Line) -> str:
    """The text with nothing changed but the words of the command."""
    if line.command is _HELP:
        full = line.full
    elif line.short:
        start, end = line.at
        full = text[words[0].start : words[start].start] + line.command.name + text[words[end - 1].end : words[-1].end]
    else:
        full = text[words[0].start : words[-1].end]
    return full if line.pipe is None else f'{full} {PIPE} {line.pipe}'


# Options and operands


def _sort(line: Line, words: list[str]) -> None:
    """Tell the command's own options from its operands. Raises `BadLine`."""
    command = line.command
    if command.named:
        line.pairs, rest = options.split(words[1:])
        line.operands = words[:1] + rest
    elif command.name == 'watch processes':
        line.pairs, line.operands = options.split_marked(words)
    elif command.options:
        line.pairs, line.operands = options.split(words)
    else:
        line.operands = words
    _check_keys(line)
    _check_count(line)
    _check_streams(line)


def _check_keys(line: Line) -> None:
    known = [option.key for option in line.command.options]
    for key, _ in line.pairs:
        prefix, dot, _rest = key.partition('.')
        if prefix + dot not in known:
            allowed = f'; the options are {", ".join(known)}' if known else ''
            raise BadLine(f'Unknown option {show(key, 40)}{hint(key, known) or allowed}')


def _check_count(line: Line) -> None:
    least, most = _COUNTS.get(line.command.name, (0, None))
    count = len(line.operands)
    if 'file' in line.flags:
        most = 1
    if most is not None and count > most:
        extra = show(line.operands[most], 40)
        raise BadLine(f'"{line.command.name}" does not take {extra}; it is: {line.command.usage}')
    if count < least:
        raise NeedsMore(f'"{line.command.name}" needs more; it is: {line.command.usage}')


def _check_streams(line: Line) -> None:
    given, keys = line.flags, {key for key, _ in line.pairs}
    if line.command.name == 'watch processes' and 'last' in given and not ('peek' in given or 'peek' in keys):
        raise BadLine('--last is for looking: add --peek. Who acknowledges has to get everything')
    if line.command.name == 'changes':
        for kind in line.operands:
            if kind not in options.KINDS:
                allowed = ', '.join(options.KINDS)
                raise BadLine(f'A kind is one of {allowed}, not {show(kind)}{hint(kind, options.KINDS)}')
