"""From words to a command with its options and operands: a `Line`.

The same for a line of text (`parse`), for words that a program was started with (`parse_words`), and for a script.
"""

from __future__ import annotations

from papa import options
from papa.errors import BadRequest
from papa.line import flags
from papa.line.errors import BadLine, NeedsMore, Unfinished
from papa.line.quoting import PIPE, Word, join, split
from papa.line.suggest import elsewhere, hint
from papa.line.walk import FILE, FLAG, HELP, LEAVING, QUIT, Walk, explained, is_beginning, question, resolve
from papa.names import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from papa.commands import Command
    from papa.line.quoting import Split
    from papa.line.walk import Part

# How many operands a command takes at least and at most; those that are not here take any number.
COUNTS: dict[str, tuple[int, int | None]] = {
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
        return self.command is QUIT

    @property
    def clears(self) -> bool:
        """Whether it is a ``set`` without a value."""
        return self.command.name == 'set' and len(self.operands) == 1 and 'file' not in self.flags


def parse(text: str) -> Line | None:
    """The line that a text is; None if it is blank or a comment.

    Raises `Unfinished` if it goes on in the next one, `BadLine` if it makes no sense.
    """
    found = split(text)
    if found.open and found.pipe is None:
        raise Unfinished(found.open)
    return read(text, found, Walk(found.words))


def read(text: str, found: Split, walk: Walk) -> Line | None:
    """The same for a text that is split already, and whose words were walked through."""
    if not found.words:
        if found.pipe is not None:
            raise BadLine('"|" needs a command before it')
        return None
    if found.pipe == '':
        raise NeedsMore('"|" needs a program after it')
    about = question(found.words)
    line = _parse(walk) if about is None else _help(about)
    line.pipe = found.pipe
    line.full = _spliced(text, found.words, line)
    return line


def parse_words(words: Sequence[str]) -> Line | None:
    """The line that words are which need no splitting, taken as they are; None if there are none."""
    return _parse(Walk(_as_they_are(words))) if words else None


def _as_they_are(words: Sequence[str]) -> list[Word]:
    return [Word(text, quoted=True) for text in words]


def parse_arguments(words: Sequence[str]) -> tuple[dict[str, Any], Line | None]:
    """What a program was started with: all options, those for its start included, and the command, if there is one.

    Raises `BadLine`.
    """
    taken = _as_they_are(words)
    walk = Walk(invocation=True)
    start = walk.leading(taken, 0)
    if is_beginning(words[start : start + 1]):  # ``list --help``: that is no command, so that no option is one of it
        walk.leading(taken, start + 1)
    walk.finish()
    if start == len(words) or _asks(walk.given):
        for name in walk.given:
            if _by_name(name).commands is not None:
                raise BadLine(f'{flags.typed(name, words)} needs a command')
        return walk.given, None
    line = _parse(Walk(taken, invocation=True))
    return line.flags, line


def _asks(given: dict[str, Any]) -> bool:
    """Whether options ask about the program: then no command is run, whatever it is and whatever it lacks."""
    return 'help' in given or 'version' in given


def _parse(walk: Walk) -> Line:
    walk.finish()
    if walk.command is None:
        if not walk.head:
            raise NeedsMore('There is no command in this line, only options')
        resolve(walk.head_texts)  # says which words may follow
    command = walk.command
    assert command is not None
    start = walk.start
    line = Line(command, walk.given)
    line.at = start, start + len(walk.head)
    typed = ' '.join(walk.head_texts)
    if typed.lower() not in (command.name, LEAVING):
        line.short = typed
    if command is QUIT and walk.rest:
        raise BadLine(f'"{typed.lower()}" leaves the shell, and takes no {show(walk.rest[0].text, 40)}')
    if not _asks(line.flags):
        operands = _take_file(walk)
        _check_flags(command, line.flags, [part.word.text for part in walk.parts])
        _sort(line, operands)
    before, after = walk.parts[:start], walk.parts[line.at[1] :]
    if command is HELP:
        _expand_help(line, [*_lasting(before, FLAG), *_lasting(after, FLAG)])
    else:
        line.full = join([*_lasting(before, FLAG), *command.words, *_lasting(after)])
    return line


def _lasting(parts: Sequence[Part], kind: str = '') -> list[str]:
    """The words that the full form has, of one kind or all."""
    return [part.word.text for part in parts if part.lasting and kind in ('', part.kind)]


def _take_file(walk: Walk) -> list[str]:
    """The words after the command. The one option that may stand after a name, ``set NAME --file PATH``, is none, and
    what else begins so is no value by mistake. Raises `BadLine`."""
    words = [word.text for word in walk.rest]
    if not walk.takes_file or len(words) < 2:
        return words
    name, (spelling, equals, path), *surplus = words[0], words[1].partition('='), *words[2:]
    if spelling != FILE:
        return words
    if not equals and surplus:
        path = surplus.pop(0)
    so = f'; for a text that begins so: set -- {join([name])} {FILE}...'
    if not path:
        raise NeedsMore(f'{FILE} needs the path of a file, or - for standard input{so}')
    if surplus or 'file' in walk.given:
        raise BadLine(f'{show((surplus or [FILE])[0], 40)} cannot stand there: {FILE} PATH is the whole value{so}')
    walk.given['file'] = path
    return [name]


def _check_flags(command: Command, given: dict[str, Any], texts: Sequence[str]) -> None:
    for name in given:
        if not _by_name(name).is_for(command.name):
            raise BadLine(f'{flags.typed(name, texts)} is not for "{command.name}"')
    for one, other in (('port', 'unix_socket'), ('follow', 'no_follow')):
        if one in given and other in given:
            raise BadLine(f'{_by_name(one).spellings[-1]} and {_by_name(other).spellings[-1]} exclude each other')


def _by_name(name: str) -> flags.Flag:
    return flags.BY_SPELLING['--' + name.replace('_', '-')]


# Help


def _help(about: list[str]) -> Line:
    """The line that a ``?`` stands for."""
    line = Line(HELP, {})
    line.operands = about
    _expand_help(line)
    return line


def _expand_help(line: Line, kept: Sequence[str] = ()) -> None:
    """Write out what help is asked for, after the options that are `kept`. Raises `BadLine` if there is no such
    command."""
    about = line.operands
    try:
        fitting = explained(about) if about else []
    except BadRequest:
        found = elsewhere(about[0]) or '; "help" lists the commands'
        raise BadLine(f'There is no help on {show(" ".join(about), 40)}{found}') from None
    if len(fitting) == 1:
        line.operands = list(fitting[0].words)
    line.full = join([*kept, HELP.name, *line.operands])


def _spliced(text: str, words: list[Word], line: Line) -> str:
    """The text with nothing changed but the words of the command."""
    if line.command is HELP:
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


def is_known(command: Command, pair: str) -> bool:
    """Whether a command has the option that a word is: ``env.LANG=C``."""
    prefix, dot, _ = pair.partition('=')[0].partition('.')
    return any(option.key == prefix + dot for option in command.options)


def mistaken(line: Line) -> str:
    """``; did you mean "set x 1"?`` for a ``set x=1``, which clears what has that name; else nothing."""
    if not line.clears:
        return ''
    name, equals, value = line.operands[0].partition('=')
    return f'; did you mean "set {join([name, value])}"?' if name and equals else ''


def _check_keys(line: Line) -> None:
    for key, _ in line.pairs:
        if not is_known(line.command, key):
            known = [option.key for option in line.command.options]
            allowed = f'; the options are {", ".join(known)}' if known else ''
            raise BadLine(f'Unknown option {show(key, 40)}{hint(key, known) or allowed}')


def _check_count(line: Line) -> None:
    least, most = COUNTS.get(line.command.name, (0, None))
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
