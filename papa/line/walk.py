"""One way through the words of a command, for all who read one: the parser, candidates, colours and hints.

It says of each word what it is there. What is wrong is noted, and the way goes on: only the parser minds.
"""

from __future__ import annotations

from papa import commands
from papa.errors import BadRequest
from papa.line import flags
from papa.line.errors import BadLine, NeedsMore
from papa.line.quoting import join
from papa.line.suggest import elsewhere, hint, nearest
from papa.names import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from papa.commands import Command
    from papa.line.flags import Flag
    from papa.line.quoting import Word

LEAVING = 'exit'  # beside "quit", which is in the table
QUESTION = '?'
FROM_NAME_ON = ('set', 'make process')  # from the name on, every word belongs to the command
FILE = '--file'
HELP = commands.BY_NAME['help']
QUIT = commands.BY_NAME['quit']

# What a word is.
COMMAND, FLAG, END, PAIR, OPERAND = 'command', 'flag', 'end', 'pair', 'operand'
UNKNOWN, LOST = 'unknown', 'lost'


class Part:
    """A word and its `kind`: one of a ``command``, a ``flag`` (an option of the shell, or its value), the ``end`` of
    options, a ``pair`` (an option of the kernel's), an ``operand``, ``unknown`` (it cannot stand there), or ``lost``
    (what follows one that is no command). `lasting`: it is not for the start of the program alone.
    """

    __slots__ = ('kind', 'lasting', 'word')

    def __init__(self, word: Word, kind: str, lasting: bool) -> None:
        self.word = word
        self.kind = kind
        self.lasting = lasting


class Walk:
    """What there is after the words so far.

    =============== ==========================================================================================
    `parts`         the words, and what each is
    `head`          those of the command, or of the beginning of one
    `command`       which one it is, None as long as that is not complete
    `rest`          the words after it without the shell's options
    `given`         the shell's options by name; `texts` are their values as they were written
    `flag`          the option that wants a value next
    `takes_flags`   whether one of the shell's options may come next
    `takes_pairs`   whether one of the command's own options may
    `ended`         whether a ``--`` after the command has ended the shell's options
    `trouble`       the first thing that is wrong, None if nothing is
    =============== ==========================================================================================
    """

    def __init__(self, words: Sequence[Word] = (), *, invocation: bool = False) -> None:
        """`invocation`: these are the arguments of a program."""
        self.parts: list[Part] = []
        self.head: list[Word] = []
        self.command: Command | None = None
        self.rest: list[Word] = []
        self.given: dict[str, Any] = {}
        self.texts: dict[str, str] = {}
        self.flag: Flag | None = None
        self.takes_flags = True
        self.ended = False
        self.trouble: BadLine | None = None
        self._spelling = ''
        self._is_lost = self._pairs_are_over = False
        self._is_lasting = True
        self._invocation = invocation
        for word in words:
            self.add(word)

    @property
    def takes_pairs(self) -> bool:
        command = self.command
        if command is None or not command.options or self._pairs_are_over:
            return False
        return bool(self.rest) or not command.named

    @property
    def wants_file(self) -> bool:
        """Whether the one option that may stand after a name has its value next: ``set NAME --file PATH``."""
        return self.takes_file and len(self.rest) == 2 and self.rest[1].text == FILE

    @property
    def takes_file(self) -> bool:
        """Whether that option may stand after the name at all."""
        return self.command is not None and self.command.name == 'set' and not self.ended

    def takes_as_flag(self, text: str) -> bool:
        """Whether a word would be one of the shell's options here, or the value of one, or the end of them."""
        return self.flag is not None or (self.takes_flags and flags.is_flag(text))

    def add(self, word: Word) -> None:
        """Go on by a word."""
        if self.flag is not None:
            self._take_value(self.flag, word.text)
            kind = FLAG
        elif word.text == flags.END and (self.takes_flags or self.takes_pairs):
            kind = self._end(word)
        elif self.takes_flags and flags.is_flag(word.text):
            kind = self._begin_flag(word.text)
        elif self.command is None:
            kind = self._command_word(word)
        else:
            kind = self._operand(self.command, word)
        self.parts.append(Part(word, kind, self._is_lasting))
        self._is_lasting = self._is_lasting or self.flag is None

    def leading(self, words: Sequence[Word], at: int) -> int:
        """Go on by the options that stand from `at` on. Returns where they end."""
        while at < len(words) and self.takes_as_flag(words[at].text):
            self.add(words[at])
            at += 1
        return at

    def finish(self) -> None:
        """There are no more words. Raises what is wrong."""
        if self.trouble is not None:
            raise self.trouble
        if self.flag is not None:
            raise NeedsMore(f'{self._spelling} needs a value: {self.flag.value}')

    def _note(self, error: BadLine) -> None:
        self.trouble = self.trouble or error

    def _end(self, word: Word) -> str:
        if self.takes_pairs:  # it means something to them
            self.rest.append(word)
            self._pairs_are_over = True
        self.takes_flags = False
        self.ended = self.command is not None
        return END

    def _begin_flag(self, text: str) -> str:
        if self.head and self.command is None:  # between the words of a command
            self._note(_wrong([*self.head_texts, text]))
        try:
            flag, spelling, attached = flags.find(text, invocation=self._invocation)
        except BadLine as error:
            self._note(error)
            return UNKNOWN
        self._is_lasting = not flag.invocation
        if not flag.value:
            if attached is not None:
                self._note(BadLine(f'{spelling} takes no value'))
            self.given[flag.name] = True
        else:
            self._spelling = spelling
            if attached is None:
                self.flag = flag
            else:
                self._take_value(flag, attached)
        return FLAG if self.command is None or flag.is_for(self.command.name) else UNKNOWN

    def _take_value(self, flag: Flag, text: str) -> None:
        self.flag = None
        self.texts[flag.name] = text
        try:
            self.given[flag.name] = flag.read(self._spelling, text)
        except BadLine as error:
            self._note(error)

    @property
    def start(self) -> int:
        """Where in `parts` the words of the command begin, if there are any."""
        return next((at for at, part in enumerate(self.parts) if part.kind == COMMAND), len(self.parts))

    @property
    def head_texts(self) -> list[str]:
        """The words of the command as they were typed."""
        return [word.text for word in self.head]

    def _command_word(self, word: Word) -> str:
        self.head.append(word)
        if self._is_lost:
            return LOST
        texts = self.head_texts
        if is_beginning(texts):
            return COMMAND
        try:
            self.command, _ = resolve(texts)
        except BadLine as error:
            self._note(error)
            self._is_lost = True
            return UNKNOWN
        self.takes_flags = True
        return COMMAND

    def _operand(self, command: Command, word: Word) -> str:
        is_name = command.named and not self.rest
        is_pair = self.takes_pairs and '=' in word.text
        self.rest.append(word)
        self._pairs_are_over = self._pairs_are_over or not (is_name or is_pair)
        if command.name in FROM_NAME_ON:
            self.takes_flags = False
        return PAIR if is_pair else OPERAND


# The words of commands


def resolve(words: Sequence[str]) -> tuple[Command, list[str]]:
    """The command that words begin with, and the words after it. Raises `BadLine`, perhaps with a suggestion."""
    if words[0].lower() == LEAVING:
        return QUIT, list(words[1:])
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


def _wrong(words: list[str]) -> BadLine:
    """What is wrong with words of which the last is none of a command."""
    try:
        resolve(words)
    except BadLine as error:
        return error
    return BadLine(f'{show(words[-1], 40)} cannot stand there')


def _explain(words: Sequence[str], text: str) -> str:
    """What is wrong with the words of a command.

    What ends or replaces the kernel is never suggested for another word, not even for the beginning of its own.
    """
    first = words[0].lower()
    heads = {command.words[0]: command for command in commands.COMMANDS if command.abbreviable}
    fitting = [head for head in heads if first and head.startswith(first)]
    if not fitting:
        found = elsewhere(first) or hint(first, [*heads, LEAVING]) or '; see help'
        return f'Unknown command {show(words[0], 40)}{found}'
    if len(words) == 1:
        return text
    following = [c.words[1] for c in commands.COMMANDS if c.words[0] in fitting and len(c.words) > 1]
    if len(following) == 1 and nearest(words[1], following) is None:
        return f'{text}; did you mean "{join([fitting[0], *following, *words[1:]])}"?'
    return text + hint(words[1], following)


# The question


def question(words: Sequence[Word]) -> list[str] | None:
    """What a ``?`` asks about, if it is the last word and not quoted: the words of a command, the beginning of one, or
    none. None if there is no such ``?``, or it is one of the words that belong to ``set`` and ``make process``.
    """
    if not words or words[-1].text != QUESTION or words[-1].quoted:
        return None
    before = Walk(words[:-1])
    if before.flag is not None:
        return None
    command = before.command
    if command is None:
        about = before.head_texts
        return about if not about or is_help(about) else None
    if command.name in FROM_NAME_ON and before.rest and not before.takes_pairs:
        return None
    return [word.text for word in before.rest] if command is HELP and before.rest else list(command.words)


def explained(words: Sequence[str]) -> list[Command]:
    """The commands that a request for help means. Raises `BadRequest` if there are none."""
    return [QUIT] if [word.lower() for word in words] == [LEAVING] else commands.find(words)


def is_help(words: Sequence[str]) -> bool:
    """Whether there is help on these words."""
    try:
        found = explained(words)
    except BadRequest:
        return False
    return len(words) <= max(len(command.words) for command in found)
