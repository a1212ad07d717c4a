"""What may come next in a line: candidates for the place of the cursor.

Pure: the names that a kernel holds are a `snapshot.Names`, the machine is a `system.System`. A candidate for the words
of a command replaces all of them, so that earlier abbreviations are written out too; any other replaces its own word.
"""

from __future__ import annotations

import sys

from papa import commands
from papa.errors import BadRequest
from papa.line import flags, operands
from papa.line.operands import MOST, Candidate, Source
from papa.line.quoting import COMMENT, Word, split
from papa.line.units import counted
from papa.line.walk import FILE, LEAVING, Walk
from papa.names import natural
from papa.options import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from papa.commands import Command
    from papa.line.snapshot import Names
    from papa.line.system import NoSystem

_ALL = sys.maxsize
_WRITTEN = 3  # characters of a command that cannot be abbreviated, before it is offered


class Candidates:
    """What may come next: at most `MOST` as `items`, and how many `more` there are.

    `common` is what all names among them begin with, those included that are not shown. The text of each replaces
    what stands in the line from its `start` to the cursor.
    """

    __slots__ = ('common', 'items', 'more')

    def __init__(self, items: list[Candidate], more: int, common: str = '') -> None:
        self.common = common
        self.items = items
        self.more = more


class Typed:
    """Words that another shell has made of what was typed there, up to the cursor; `current` is the last one, which may
    be empty. `given` are the options of this shell among them that have a value, by name."""

    def __init__(self, words: Sequence[str], current: str) -> None:
        before = [Word(text, at, at) for at, text in enumerate(words)]
        self._current = Word(current, len(before), len(before))
        self._walk = Walk(before, invocation=True)
        self.given = self._walk.texts

    def candidates(self, names: Names, system: NoSystem) -> list[Candidate]:
        """What may stand for the last word: all, since that shell looks for what they have in common, each the word
        itself without any quoting, names as people count. No wildcards: they would leave nothing in common."""
        items, _ = _source(self._walk, self._current, names, system, invocation=True).take(_ALL)
        found: dict[str, Candidate] = {}
        for item in items:
            if item.kind == 'command':
                self._add_word(item, found)
            elif item.kind != 'wildcard':
                text = ''.join(split(item.text).texts)
                found.setdefault(text, Candidate(self._current.start, text, item.note, item.kind, item.final))
        return sorted(found.values(), key=lambda item: natural(item.text) if item.kind == 'name' else ([], ''))

    def _add_word(self, item: Candidate, found: dict[str, Candidate]) -> None:
        """The word of a command that is asked for here; several commands may have the same."""
        words = item.text.split()
        at = len(self._walk.head if self._walk.command is None else self._walk.rest)
        if at >= len(words) or words == [LEAVING]:
            return
        known = found.get(words[at])
        note = item.note if at + 1 == len(words) else words[at + 1]
        if known is not None:
            note = f'{known.note}, {note}'
        found[words[at]] = Candidate(self._current.start, words[at], note, 'command')


def candidates(text: str, cursor: int, names: Names, system: NoSystem) -> Candidates:
    """What may stand at the place of the cursor. What follows the cursor does not matter."""
    before = text[:cursor]
    cursor = len(before)
    found = split(before)
    if before.startswith(COMMENT):
        return Candidates([], 0)
    if found.pipe is not None:
        return Candidates(*operands.of_shell(before[found.pipe_at + 1 :], cursor, system).take(MOST))
    words = found.words
    current = words.pop() if words and words[-1].end == len(before) else Word('', len(before), len(before))
    source = _source(Walk(words), current, names, system)
    return Candidates(*source.take(MOST), source.common)


def matching(text: str, names: Names) -> str:
    """What the names in a command mean together, if there is a wildcard among them: ``12 processes``; else empty."""
    words = [] if text.startswith(COMMENT) else split(text).words
    walk = Walk(words)
    wanted = None if walk.command is None else operands.names_of(walk.command)
    given = {word.text for word in walk.rest}
    prefixes = sorted(word[:-1] for word in given if word.endswith('*'))
    if wanted is None or not wanted.many or not prefixes or not names.is_here(walk.texts):
        return ''
    held = names.of(wanted.kind)
    apart: list[str] = []  # a prefix comes right after those that it begins with
    for prefix in prefixes:
        if not apart or not prefix.startswith(apart[-1]):
            apart.append(prefix)
    single = sum(1 for name in given if name in held and not name.startswith(tuple(apart)))
    return counted(single + sum(map(held.count, apart)), KINDS[wanted.kind])


def _source(
    walk: Walk, current: Word, names: Names, system: NoSystem, *, invocation: bool = False
) -> Source:
    """All candidates for the word `current` at this walk. `invocation`: in the arguments of a program."""
    flag, partial = _attached(walk, current)
    if flag is not None:
        return operands.of_flag(flag, partial, current, system)
    if walk.command is None:
        if flags.is_flag(current.text) or current.text == '-':
            return Source(_flags('', current, invocation=invocation))
        return Source(_commands(walk.head, current))
    if walk.takes_flags and current.text.startswith('-') and not current.quoted:
        return Source(_flags(walk.command.name, current))
    is_set = walk.command.name == 'set' and not invocation and not current.quoted
    if is_set and (found := _file(walk, current, system)) is not None:
        return found
    if walk.command.name == 'help':
        return Source(_commands(walk.rest, current))
    return operands.of_command(walk.command, walk.rest, current, names.at(walk.texts), system)


def _attached(walk: Walk, current: Word) -> tuple[flags.Flag | None, str]:
    """The option whose value is typed, and what there is of it: ``--output js``, ``--output=js``."""
    if walk.flag is None and walk.takes_flags and current.text.startswith('--') and '=' in current.text:
        spelling, _, value = current.text.partition('=')
        flag = flags.BY_SPELLING.get(spelling)
        if flag is not None and flag.value:
            return flag, value
    return walk.flag, current.text


def _file(walk: Walk, current: Word, system: NoSystem) -> Source | None:
    """Candidates where ``--file PATH`` stands after the name, the one option that may; None elsewhere."""
    flag = flags.BY_SPELLING[FILE]
    if walk.takes_file and len(walk.rest) == 1:
        if len(current.text) > 1 and FILE.startswith(current.text):
            return Source([Candidate(current.start, FILE, flag.summary, 'option')])
        spelling, equals, partial = current.text.partition('=')
        if equals and spelling == FILE:
            return operands.of_flag(flag, partial, current, system)
    return operands.of_flag(flag, current.text, current, system) if walk.wants_file else None


# The words of commands


def _commands(head: list[Word], current: Word) -> Iterator[Candidate]:
    """Commands that these words are the beginning of, the one that they stand for first."""
    typed = [word.text.lower() for word in head]
    start = head[0].start if head else current.start
    partial = current.text.lower()
    fitting = [command for command in commands.COMMANDS if _fits(command, typed, partial)]
    preferred = _preferred([*typed, partial])
    fitting.sort(key=lambda c: (c.name != preferred, not c.original, c.name))
    if not head and LEAVING.startswith(partial) and partial:
        yield Candidate(start, LEAVING, 'leave this shell', 'command', final=False)
    for command in fitting:
        yield Candidate(start, command.name, command.summary, 'command', final=bool(command.operands))


def _fits(command: Command, typed: list[str], partial: str) -> bool:
    if len(command.words) <= len(typed):
        return False
    for index, word in enumerate(typed):
        if _stands_for(command, index, word) != command.words[index]:
            return False
    written = command.words[len(typed)]
    if not command.abbreviable and len(partial) < _WRITTEN:
        return False
    return written.startswith(partial)


def _stands_for(command: Command, index: int, word: str) -> str:
    """The word that an abbreviation stands for, at this place of commands that begin as this one does."""
    possible = [c for c in commands.COMMANDS if c.words[:index] == command.words[:index] and len(c.words) > index]
    ranked = sorted((not c.original, c.words[index]) for c in possible if c.words[index].startswith(word))
    if any(text == word for _, text in ranked):
        return word
    return ranked[0][1] if ranked else ''


def _preferred(words: list[str]) -> str:
    """The name of the command that words stand for as they are."""
    try:
        return commands.resolve(words)[0].name
    except BadRequest:
        return ''


# Options of the shell


def _flags(command: str, current: Word, *, invocation: bool = False) -> Iterator[Candidate]:
    for flag in flags.FLAGS:
        if flag.invocation and not invocation:
            continue
        if not flag.is_for(command) if command else flag.commands:
            continue
        spelling = next((s for s in reversed(flag.spellings) if s.startswith(current.text)), None)
        if spelling is not None:
            yield Candidate(current.start, spelling, flag.summary, 'option')
