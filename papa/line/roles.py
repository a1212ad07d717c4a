"""What the parts of a text are, for whoever colours it while it is typed."""

from __future__ import annotations

import re

from papa import commands
from papa.errors import BadRequest
from papa.line import flags, operands
from papa.line.grammar import FROM_NAME_ON, LEAVING, QUESTION, is_beginning
from papa.line.quoting import COMMENT, split
from papa.line.quoting import commands as spans
from papa.options import END

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from papa.commands import Command
    from papa.line.quoting import Word
    from papa.line.snapshot import NameList, Names

_PLACEHOLDER = re.compile(r'\$\(socket\.([^)\s]*)\.(?:' + '|'.join(operands.SOCKET_FIELDS) + r')\)')
_EXPANDED = ('make process',)  # the commands in whose words placeholders are replaced


class Role:
    """``text[start:end]`` is a `kind`: ``command``, ``unknown`` (a word that cannot stand there), ``option``, ``name``
    (of something that exists), ``wildcard``, ``placeholder``, ``pipe`` (what another program gets) or ``comment``.
    """

    __slots__ = ('end', 'kind', 'start')

    def __init__(self, start: int, end: int, kind: str) -> None:
        self.start = start
        self.end = end
        self.kind = kind

    def __repr__(self) -> str:
        return f'Role({self.start}, {self.end}, {self.kind!r})'


def roles(text: str, names: Names) -> list[Role]:
    """The parts of a text that have a role, in order; what has none is left out. There may be several commands."""
    return [role for start, end in spans(text) for role in _of_command(text[start:end], start, names)]


def _of_command(text: str, offset: int, names: Names) -> Iterator[Role]:
    if text.startswith(COMMENT):
        yield Role(offset, offset + len(text), 'comment')
        return
    found = split(text)
    reader = _Reader(text, offset, names)
    for word in found.words:
        yield from reader.read(word)
    if found.pipe is not None:
        yield Role(offset + found.pipe_at, offset + len(text), 'pipe')


class _Reader:
    """Goes through the words of one command, which begins at `offset`."""

    def __init__(self, text: str, offset: int, names: Names) -> None:
        self._text = text
        self._offset = offset
        self._names = names
        self._head: list[str] = []
        self._rest: list[str] = []
        self._command: Command | None = None
        self._leaves = False
        self._is_lost = False
        self._takes_flags = True
        self._wants_value = False

    def read(self, word: Word) -> Iterator[Role]:
        if self._wants_value:
            self._wants_value = False
            yield self._role(word, 'option')
        elif self._takes_flags and word.text == END:
            self._takes_flags = False
            self._rest += [END] if self._keeps_end() else []
            yield self._role(word, 'option')
        elif self._takes_flags and flags.is_flag(word.text):
            yield self._role(word, self._flag(word))
        elif self._command is None:
            if kind := self._command_word(word):
                yield self._role(word, kind)
        else:
            yield from self._operand(self._command, word)
            self._rest.append(word.text)
            if self._command.name in FROM_NAME_ON:
                self._takes_flags = False

    def _keeps_end(self) -> bool:
        """Whether a ``--`` here means something to the options of the command: before a name it does not."""
        command = self._command
        return command is not None and bool(command.options) and bool(self._rest or not command.named)

    def _role(self, word: Word, kind: str) -> Role:
        return Role(self._offset + word.start, self._offset + word.end, kind)

    def _flag(self, word: Word) -> str:
        try:
            flag, _, attached = flags.find(word.text, invocation=False)
        except BadRequest:
            return 'unknown'
        self._wants_value = bool(flag.value) and attached is None
        return 'option' if self._command is None or flag.is_for(self._command.name) else 'unknown'

    # The words of the command

    def _command_word(self, word: Word) -> str:
        if self._is_lost:
            return ''
        if self._leaves:
            return 'unknown'
        self._head.append(word.text)
        if word.text == QUESTION and not word.quoted:
            return 'command'
        if self._head[0].lower() == LEAVING:
            self._leaves = True
            return 'command'
        try:
            self._command, _ = commands.resolve(self._head)
        except BadRequest:
            self._is_lost = not is_beginning(self._head)
            return 'unknown' if self._is_lost else 'command'
        return 'command'

    # What follows

    def _operand(self, command: Command, word: Word) -> Iterator[Role]:
        if word.text == QUESTION and not word.quoted and not self._rest:
            yield self._role(word, 'command')
        elif command.name == 'help':
            yield self._role(word, 'command' if _is_known([*self._rest, word.text]) else 'unknown')
        elif key := self._key(command, word):
            yield Role(self._offset + word.start, self._offset + word.start + key, 'option')
        elif '$' in word.text and command.name in _EXPANDED:
            yield from self._placeholders(word)
        else:
            kind = self._name(command, word)
            if kind:
                yield self._role(word, kind)

    def _key(self, command: Command, word: Word) -> int:
        """How long the key of an option of the command is here, with its ``=``, or the ``--`` after them; else 0."""
        if not command.options or (command.named and not self._rest) or END in self._rest:
            return 0
        before = self._rest[1:] if command.named else self._rest
        if any('=' not in each for each in before):
            return 0
        if word.text == END:
            return len(END)
        key, equals, _ = word.text.partition('=')
        if not equals or not self._text.startswith(f'{key}=', word.start):
            return 0
        family, dot, _ = key.partition('.')
        return len(key) + 1 if any(option.key == family + dot for option in command.options) else 0

    def _placeholders(self, word: Word) -> Iterator[Role]:
        for match in _PLACEHOLDER.finditer(self._text, word.start, word.end):
            kind = 'placeholder' if match[1] in self._names.sockets else 'unknown'
            yield Role(self._offset + match.start(), self._offset + match.end(), kind)

    def _name(self, command: Command, word: Word) -> str:
        wanted = operands.names_of(command)
        if wanted is None or (self._rest and not wanted.many):
            return ''
        held = self._names.of(wanted.kind)
        if wanted.many and word.text.endswith('*'):
            return 'wildcard'
        return 'name' if _is_held(held, word.text, by_number=wanted.many) else ''


def _is_held(held: NameList, text: str, *, by_number: bool) -> bool:
    return text in held or (by_number and text in held.by_number)


def _is_known(words: list[str]) -> bool:
    try:
        commands.find(words)
    except BadRequest:
        return False
    return True
