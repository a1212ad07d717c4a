"""What the parts of a text are, for whoever colours it while it is typed."""

from __future__ import annotations

import re

from papa.line import operands
from papa.line.grammar import COUNTS, is_known
from papa.line.quoting import COMMENT, split
from papa.line.quoting import commands as spans
from papa.line.walk import COMMAND, END, FLAG, HELP, OPERAND, PAIR, UNKNOWN, Walk, is_help, question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from papa.commands import Command
    from papa.line.quoting import Word
    from papa.line.snapshot import NameList, Names
    from papa.line.walk import Part

_PLACEHOLDER = re.compile(r'\$\(socket\.([^)\s]*)\.(?:' + '|'.join(operands.SOCKET_FIELDS) + r')\)')
_EXPANDED = ('make process',)  # the commands in whose words placeholders are replaced
_ROLES = {COMMAND: 'command', FLAG: 'option', END: 'option', UNKNOWN: 'unknown'}


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
    asks = question(found.words) is not None
    walk = Walk(found.words[:-1] if asks else found.words)
    teller = _Teller(text, offset, names.at(walk.texts), walk.command)
    for part in walk.parts:
        yield from teller.tell(part)
    if asks:
        yield teller.role(found.words[-1], 'command')
    if found.pipe is not None:
        yield Role(offset + found.pipe_at, offset + len(text), 'pipe')


class _Teller:
    """Tells the roles of the words of one command, which begins at `offset`, one after the other."""

    def __init__(self, text: str, offset: int, names: Names, command: Command | None) -> None:
        self._text = text
        self._offset = offset
        self._names = names
        self._command = command
        self._operands: list[str] = []  # until now

    def tell(self, part: Part) -> Iterator[Role]:
        """The roles in a word: none, one, or several."""
        if part.kind in _ROLES:
            yield self.role(part.word, _ROLES[part.kind])
        elif self._command is not None and part.kind in (PAIR, OPERAND):
            is_marked = self._command.name == 'watch processes'  # without a "--" it is a name
            if part.kind == PAIR and not (is_marked and not is_known(self._command, part.word.text)):
                yield from self._pair(self._command, part.word)
            else:
                yield from self._operand(self._command, part.word)

    def role(self, word: Word, kind: str) -> Role:
        """The whole word is that."""
        return Role(self._offset + word.start, self._offset + word.end, kind)

    def _pair(self, command: Command, word: Word) -> Iterator[Role]:
        key = word.text.partition('=')[0] + '='
        start = self._offset + word.start
        if not is_known(command, word.text):
            yield self.role(word, 'unknown')
        elif self._text.startswith(key, word.start):  # it is not quoted
            yield Role(start, start + len(key), 'option')

    def _operand(self, command: Command, word: Word) -> Iterator[Role]:
        before, self._operands = self._operands, [*self._operands, word.text]
        most = COUNTS.get(command.name, (0, None))[1]
        if most is not None and len(before) >= most:
            if not any(option.key.startswith(word.text) for option in command.options):  # its "=" is yet to come
                yield self.role(word, 'unknown')
        elif command is HELP:
            yield self.role(word, 'command' if is_help(self._operands) else 'unknown')
        elif '$' in word.text and command.name in _EXPANDED:
            yield from self._placeholders(word)
        elif kind := self._name(command, word, is_first=not before):
            yield self.role(word, kind)

    def _placeholders(self, word: Word) -> Iterator[Role]:
        for match in _PLACEHOLDER.finditer(self._text, word.start, word.end):
            kind = 'placeholder' if match[1] in self._names.sockets else 'unknown'
            yield Role(self._offset + match.start(), self._offset + match.end(), kind)

    def _name(self, command: Command, word: Word, *, is_first: bool) -> str:
        wanted = operands.names_of(command)
        if wanted is None or not (is_first or wanted.many):
            return ''
        held = self._names.of(wanted.kind)
        if wanted.many and word.text.endswith('*'):
            return 'wildcard'
        return 'name' if _is_held(held, word.text, by_number=wanted.many) else ''


def _is_held(held: NameList, text: str, *, by_number: bool) -> bool:
    return text in held or (by_number and text in held.by_number)
