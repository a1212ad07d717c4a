"""`Names`: what a kernel holds, as far as completion needs it. Kept by whoever listens to `Papa.changes`."""

from __future__ import annotations

import re
from bisect import bisect_left, insort

from papa.line.units import signal_name
from papa.names import is_number, plain
from papa.options import KINDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from papa.events import Change

_NOTE = 40  # characters
SLICE = 100  # names of a snapshot that are taken in without a rest
_FEW = 50  # names, which are sorted when they are asked for
_NUMBER = re.compile('[0-9]+')
_LAST = chr(0x10FFFF)
PLACES = ('port', 'unix_socket')  # options that name a kernel
PLURALS = {one: several for several, one in KINDS.items()}


class NameList:
    """Names of one kind, sorted, with a note each and, for some kinds, a number by which they can be called too.

    Finding those with a beginning takes the same time however many there are.
    """

    __slots__ = ('_names', '_ordered', 'by_number', 'notes', 'numbers')

    def __init__(self) -> None:
        self._names: list[str] = []
        self._ordered: list[tuple[str, str]] = []  # as people count, after the key for that
        self.notes: dict[str, str] = {}
        self.numbers: dict[str, str] = {}
        self.by_number: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: str) -> bool:
        return name in self.notes

    def replace(
        self, notes: Mapping[str, str], numbers: Mapping[str, str] | None = None, rest: Callable[[], object] = bool
    ) -> None:
        """Hold these and no others. `numbers` are PIDs or file numbers by name. `rest` as in `Names.apply`."""
        self.notes = dict(notes)
        self._names = sorted(self.notes)
        self._ordered = []
        for name in self._names:
            self._ordered.append((_counting(name), name))
            if len(self._ordered) % SLICE == 0:
                rest()
        self._ordered.sort()
        self.numbers = dict(numbers or {})
        self.by_number = {number: name for name, number in self.numbers.items()}

    def put(self, name: str, note: str, number: str = '') -> None:
        """Add one, or give it another note and number."""
        if name not in self.notes:
            insort(self._names, name)
            insort(self._ordered, (_counting(name), name))
        self.notes[name] = note
        self._forget_number(name)
        if number:
            self.numbers[name] = number
            self.by_number[number] = name

    def remove(self, name: str) -> None:
        """Take one away, if it is there."""
        if self.notes.pop(name, None) is not None:
            del self._names[bisect_left(self._names, name)]
            del self._ordered[bisect_left(self._ordered, (_counting(name), name))]
            self._forget_number(name)

    def _forget_number(self, name: str) -> None:
        number = self.numbers.pop(name, None)
        if number is not None and self.by_number.get(number) == name:
            del self.by_number[number]

    def range(self, prefix: str) -> tuple[int, int]:
        """From where to where in the order of names those are that begin so."""
        start = bisect_left(self._names, prefix)
        return start, bisect_left(self._names, prefix + _LAST, start) if prefix else len(self._names)

    def count(self, prefix: str) -> int:
        """How many begin so."""
        start, end = self.range(prefix)
        return end - start

    def common(self, prefix: str) -> str:
        """What all those begin with that begin so."""
        start, end = self.range(prefix)
        if start == end:
            return ''
        first, last = self._names[start], self._names[end - 1]
        return first[: next((at for at, each in enumerate(first) if last[at : at + 1] != each), len(first))]

    def starting(self, prefix: str) -> Iterator[str]:
        """Those that begin so, in the order of their characters."""
        start, end = self.range(prefix)
        return (self._names[at] for at in range(start, end))

    def in_order(self, prefix: str) -> Iterator[str]:
        """Those that begin so, as people count: ``web.2`` before ``web.10``."""
        left = self.count(prefix)
        if left <= _FEW:
            yield from sorted(self.starting(prefix), key=_counting)
            return
        at = bisect_left(self._ordered, (_counting(prefix),))
        while left:
            name = self._ordered[at][1]
            at += 1
            if name.startswith(prefix):  # others stand between them
                left -= 1
                yield name


def _counting(name: str) -> str:
    """A key to sort names by: as `papa.names.natural`, made and compared in less time."""
    return _NUMBER.sub(_counted, name)


def _counted(found: re.Match[str]) -> str:
    digits = found[0].lstrip('0')
    return f'\x01{chr(len(digits))}{digits}'


class Names:
    """All names that a kernel holds. `is_here` says whether the options of a command, by name, leave it there."""

    __slots__ = ('is_here', 'processes', 'sockets', 'values')

    def __init__(self) -> None:
        self.is_here: Callable[[Mapping[str, str]], bool] = _names_no_place
        self.sockets = NameList()
        self.values = NameList()
        self.processes = NameList()

    def at(self, given: Mapping[str, str]) -> Names:
        """Those of the kernel that the options of a command name: of another one none are known."""
        return self if self.is_here(given) else Names()

    def of(self, kind: str) -> NameList:
        """Those of a kind: ``sockets``, ``values`` or ``processes``."""
        found: NameList = getattr(self, kind)
        return found

    def apply(self, change: Change, rest: Callable[[], object] = bool) -> None:
        """Take in what `Papa.changes` tells. A snapshot replaces the kinds that it is of.

        That may take long: `rest` is called in between, so that a thread can let others go on. Each kind is replaced
        at once, by a new list; whoever has the old one keeps it as it was.
        """
        if change.change == 'snapshot':
            for kind, details in change.details.items():
                if kind in _NOTES:  # a newer kernel may hold what we know nothing of
                    setattr(self, kind, _listed(kind, details, rest))
        elif change.kind in PLURALS and change.change != 'counters':
            kind = PLURALS[change.kind]
            if change.change == 'removed':
                self.of(kind).remove(change.name)
            else:
                self.of(kind).put(change.name, note(kind, change.details), _number(kind, change.details))


def _names_no_place(given: Mapping[str, str]) -> bool:
    return given.keys().isdisjoint(PLACES)


def _listed(kind: str, details: Mapping[str, Any], rest: Callable[[], object]) -> NameList:
    notes: dict[str, str] = {}
    numbers: dict[str, str] = {}
    for name, each in details.items():
        notes[name] = note(kind, each)
        if number := _number(kind, each):
            numbers[name] = number
        if len(notes) % SLICE == 0:
            rest()
    made = NameList()
    made.replace(notes, numbers, rest)
    return made


def note(kind: str, details: Any) -> str:
    """What to say of one thing in a menu: the PID and state, the address, the beginning of the value.

    `details` are those of the listings and of changes. There is nothing to say of a kind that we do not know.
    """
    how = _NOTES.get(kind)
    return how(details) if how else ''


def socket_note(details: Mapping[str, Any]) -> str:
    """``127.0.0.1:8080``, or its path."""
    if 'path' in details:
        return plain(str(details['path']), _NOTE)
    host = str(details.get('host', ''))
    address = f'[{host}]' if ':' in host else host
    return plain(f'{address}:{details.get("port", "")}', _NOTE)


def value_note(details: Any) -> str:
    """The beginning of the value."""
    text = details if isinstance(details, str) else details.get('value', details.get('preview', ''))
    return plain(text, _NOTE)


def process_note(details: Mapping[str, Any]) -> str:
    """``123 running``, or how it has ended."""
    pid = details.get('pid', '')
    return f'{pid} running' if details.get('running') else f'{pid} {ending(details.get("exit_code"))}'


_NOTES: dict[str, Callable[[Any], str]] = {'sockets': socket_note, 'values': value_note, 'processes': process_note}


def ending(exit_code: int | None) -> str:
    """An exit code in words: ``ended with 3``, ``ended by SIGKILL``."""
    if exit_code is None:
        return 'ended'
    return f'ended by {signal_name(-exit_code)}' if exit_code < 0 else f'ended with {exit_code}'


def _number(kind: str, details: Any) -> str:
    key = {'processes': 'pid', 'sockets': 'fileno'}.get(kind)
    number = str(details.get(key, '')) if key else ''
    return number if is_number(number) else ''
