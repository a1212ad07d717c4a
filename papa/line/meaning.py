"""What a text means while it is typed: its full form, what may follow, and what is wrong with it whatever follows."""

from __future__ import annotations

from papa import commands, options
from papa.errors import BadRequest
from papa.line import flags
from papa.line.errors import BadLine, NeedsMore
from papa.line.grammar import mistaken, parse, read
from papa.line.quoting import split
from papa.line.walk import FILE, PAIR, QUESTION, Walk, question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from papa.commands import Command
    from papa.line.grammar import Line

_CLOSING = {"'": "'", '"': '"', "$'": "'"}
_MANY = '...]'


class Meaning:
    """What one command, perhaps unfinished, means.

    `command` is None as long as its words are not complete. `full` is the text with abbreviations written out, and
    `is_short` whether there were any. `trouble` is what is wrong whatever follows, `open` the quote (or the
    backslash) that goes on in the next line. `hint` says what may follow: ``NAME [WORD...]``.
    """

    __slots__ = ('command', 'full', 'hint', 'is_short', 'open', 'trouble')

    def __init__(self) -> None:
        self.command: Command | None = None
        self.full = ''
        self.is_short = False
        self.trouble = ''
        self.open = ''
        self.hint = ''


def meaning(text: str) -> Meaning:
    """What one command means, as far as it is typed."""
    found = Meaning()
    words = split(text)
    walk = Walk(words.words)
    line = None
    found.open = words.open if words.pipe is None else ''
    try:
        line = _closed(text, found.open) if found.open else read(text, words, walk)
    except NeedsMore:
        pass
    except BadLine as error:
        found.trouble = str(error)
    if line is not None:
        found.command, found.full = line.command, line.full
        found.is_short = bool(line.short) or question(words.words) is not None
    else:
        _from_words(walk, found)
    if words.pipe is not None or words.texts[-1:] == [QUESTION]:
        return found
    if found.command is not None and not found.trouble and not found.open:
        found.hint = _hint(found.command, walk)
        if line is not None and (instead := mistaken(line)):
            found.hint = f'{found.hint}{instead}'
    elif found.command is None and not found.trouble:
        found.hint = _following(walk, text)
    return found


def _closed(text: str, opened: str) -> Line | None:
    """The line that a text will be once what is open is closed."""
    return parse(text[:-1] if opened == '\\' else text + _CLOSING[opened])


def _from_words(walk: Walk, found: Meaning) -> None:
    """Take the command from a line that does not make sense, or not yet."""
    found.command = walk.command
    if walk.command is not None:
        texts = [part.word.text for part in walk.parts]
        start = walk.start
        found.is_short = ' '.join(walk.head_texts).lower() != walk.command.name
        found.full = ' '.join([*texts[:start], walk.command.name, *texts[start + len(walk.head) :]])


# What may follow


def _following(walk: Walk, text: str) -> str:
    """The words of which one has to follow what is the beginning of a command."""
    if len(walk.head) != 1 or not text[-1:].isspace():
        return ''
    try:
        found = commands.find(walk.head_texts)
    except BadRequest:
        return ''
    return ' or '.join(dict.fromkeys(command.words[1] for command in found if len(command.words) > 1))


def _hint(command: Command, walk: Walk) -> str:
    """The parameters that are not there yet, or what a value that is not there is about."""
    rest = [word.text for word in walk.rest]
    last = rest[-1] if rest else ''
    is_pair = bool(walk.parts) and walk.parts[-1].kind == PAIR
    if is_pair and last.endswith('=') and (option := _option(command, last[:-1])) is not None:
        return option.summary
    if walk.takes_file and rest[1:2] and rest[1].partition('=')[0] == FILE:
        return f'{flags.BY_SPELLING[FILE].value}|-' if walk.wants_file or last.endswith('=') else ''
    left = _parameters(command)
    if rest and command.named:
        left, rest = left[1:], rest[1:]  # the name comes before the options
    given = options.count(rest) if command.options else 0
    for word in rest[:given]:
        left = [token for token in left if not token.startswith(f'[{word.partition("=")[0]}=')]
    if len(rest) > given:
        left = [token for token in left if not _is_optional(token)]
    for word in rest[given:]:
        left = left if word == flags.END else _without_next(left)
    return ' '.join(left)


def _parameters(command: Command) -> list[str]:
    """``NAME``, ``[OPTION=VALUE...]`` and so on."""
    if command.name == 'watch processes':  # its options are the shell's here
        return ['[NAME...]']
    return command.operands.split()


def _is_optional(token: str) -> bool:
    return token in ('[OPTION=VALUE...]', '[--]')


def _without_next(left: list[str]) -> list[str]:
    """What is left when one more word stands there."""
    for index, token in enumerate(left):
        if not _is_optional(token) and '=' not in token:
            return left if token.endswith(_MANY) else left[:index] + left[index + 1 :]
    return left


def _option(command: Command, key: str) -> options.Option | None:
    family, dot, _ = key.partition('.')
    return next((option for option in command.options if option.key == family + dot), None)
