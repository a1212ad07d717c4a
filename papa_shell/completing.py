"""Candidates for the command lines of other shells: what ``papa-shell --complete`` answers.

It is asked at each press of Tab, so it loads no more than one command does, waits for a kernel only a moment, never
starts one, and says nothing where something is wrong. What asks it stands in `papa_shell.completions`.
"""

from __future__ import annotations

import os

from papa.errors import Error
from papa.line.candidates import Typed
from papa.line.errors import BadLine
from papa.line.quoting import split
from papa.line.snapshot import NameList, Names
from papa.line.system import System
from papa.line.text import encode
from papa.names import plain
from papa.options import KINDS
from papa_shell import statuses
from papa_shell.output import Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from papa.line.operands import Candidate
    from papa.line.quoting import Word

_PATIENCE = 1.0  # seconds for a kernel that does not answer
_NOTE = 60  # characters
# What bash acts upon: outside of quotes, and within those that are open.
_ACTIVE = frozenset(' \t"\'\\$`&|;<>()*?[]{}!#~^')
_ACTIVE_IN = {'': _ACTIVE, '"': frozenset('"\\$`'), "'": frozenset("'")}


class Live(Names):
    """The names of the kernel that the options `given` name, asked for when they are needed: of one kind, or none."""

    __slots__ = ('_given',)

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given

    def at(self, given: Mapping[str, str]) -> Names:
        """These are of that place."""
        return self

    def __getattr__(self, kind: str) -> NameList:
        """Called for a kind that nobody has asked for yet."""
        if kind not in KINDS:
            raise AttributeError(kind)
        setattr(self, kind, NameList())
        try:
            self._ask(kind)
        except Error:
            pass  # no kernel, no names
        return self.of(kind)

    def _ask(self, kind: str) -> None:
        """Take the beginning of its changes, in which long values are short."""
        from papa.client.sync import Papa
        from papa_shell.session import Deadline

        path = os.path.expanduser(os.path.expandvars(self._given.get('unix_socket', '')))
        port = self._given.get('port', '')
        where = int(port) if port.isdigit() else path or None
        with Deadline(_PATIENCE), Papa(where, _PATIENCE, autostart=False) as papa, papa.changes(kind) as changes:
            self.apply(next(changes))


def main(words: Sequence[str]) -> int:
    """Answer: the first word is the name of a shell, and the others are what its function passes."""
    answer = _SHELLS.get(words[0]) if words else None
    if answer is None:
        raise BadLine(f'--complete is for the functions of {", ".join(_SHELLS)}: see --print-completion')
    Writer().write(encode(''.join(f'{line}\n' for line in answer(words[1:]))))
    return statuses.OK


def _candidates(words: Sequence[str], current: str) -> list[Candidate]:
    """Those that can be written in one line."""
    typed = Typed(words, current)
    return [item for item in typed.candidates(Live(typed.given), System()) if item.text.isprintable()]


# zsh and fish quote by themselves


def _zsh(words: Sequence[str]) -> Iterator[str]:
    """Whether the word is complete with it, the candidate, a note."""
    for item in _candidates(words[:-1], words[-1]):
        yield f'{int(item.final)}\t{item.text}\t{plain(item.note, _NOTE)}'


def _fish(words: Sequence[str]) -> Iterator[str]:
    """The candidate, a note. The last word comes as it was typed."""
    current = ''.join(split(words[-1]).texts)
    for item in _candidates(words[:-1], current):
        yield f'{item.text}\t{plain(item.note, _NOTE)}'


# bash does not, and takes a word for several where there is a ":" or a "=" in it


def _bash(words: Sequence[str]) -> Iterator[str]:
    """What goes in the place of `typed`, which bash takes for the word at the end of `line`, a space after it if it is
    complete."""
    line, typed = words
    found = split(line)
    given = _after_the_program(found.words)
    if given is None or found.pipe is not None or (not given and not line.endswith(' ')):
        return
    current = given.pop() if given and given[-1].end == len(line) else None
    start = len(line) if current is None else current.start
    kept = line[start : len(line) - len(typed)] if line.endswith(typed) else ''
    items = _candidates([word.text for word in given], current.text if current else '')
    for item in items:
        whole = _written(item, line[start:], current.text if current else '', found.open)
        if whole.startswith(kept):
            yield whole[len(kept) :]
            if found.open and not item.final and len(items) == 1:
                yield whole[len(kept) :] + ' '  # bash closes the quote after the only one, and the word goes on


def _after_the_program(words: list[Word]) -> list[Word] | None:
    """The words after assignments and the name of the program; None if there is no such name."""
    at = 0
    while at < len(words) and words[at].text.partition('=')[0].isidentifier() and '=' in words[at].text:
        at += 1
    return words[at + 1 :] if at < len(words) else None


def _written(item: Candidate, raw: str, text: str, quote: str) -> str:
    """A candidate as it goes on from what was typed: `raw`, which means `text`, in which a quote may be open. That is
    left open: bash closes it."""
    if not item.text.startswith(text) or quote not in _ACTIVE_IN:
        return _escaped(item.text, '') + ' ' * item.final
    whole = raw + _escaped(item.text[len(text) :], quote)
    return whole if quote else whole + ' ' * item.final


def _escaped(text: str, quote: str) -> str:
    if quote == "'":
        return text.replace("'", "'\\''")
    active = _ACTIVE_IN[quote]
    return ''.join('\\' + character if character in active else character for character in text)


_SHELLS: dict[str, Callable[[Sequence[str]], Iterator[str]]] = {'bash': _bash, 'zsh': _zsh, 'fish': _fish}
