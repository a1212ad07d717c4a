"""Candidates for what follows the words of a command: names, options and their values, programs, files."""

from __future__ import annotations

from itertools import chain, islice

from papa import options
from papa.line import flags
from papa.line.quoting import Word, quote
from papa.line.units import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from papa.commands import Command
    from papa.line.snapshot import NameList, Names
    from papa.line.system import NoSystem
    from papa.options import Option

SOCKET_FIELDS = ('fileno', 'port')
_PLACEHOLDER = '$(socket.'
MOST = 50  # candidates that are shown


class Candidate:
    """One candidate.

    `start` is where its `text`, quoted as it has to be, goes in the line; it replaces what stands from there to the
    cursor. `note` says what it is, in some words. `kind` is ``command``, ``option``, ``name``, ``number``,
    ``wildcard``, ``value``, ``path``, ``program`` or ``placeholder``. `final`: the word is complete with it, so that
    a space may follow; after ``family=`` or a folder its end is yet to come.
    """

    __slots__ = ('final', 'kind', 'note', 'start', 'text')

    def __init__(self, start: int, text: str, note: str, kind: str, final: bool = True) -> None:
        self.start = start
        self.text = text
        self.note = note
        self.kind = kind
        self.final = final

    def __repr__(self) -> str:
        return f'Candidate({self.start}, {self.text!r}, {self.note!r}, {self.kind!r}, {self.final})'


class Source:
    """Candidates, made only as far as somebody asks for them: there may be ten thousand.

    `common` is what all names among them begin with, as far as that is known without making them.
    """

    __slots__ = ('_parts', '_total', 'common')

    def __init__(self, items: Iterable[Candidate] = ()) -> None:
        self.common = ''
        found = list(items)
        self._parts: list[Iterable[Candidate]] = [found]
        self._total = len(found)

    def add(self, items: Iterable[Candidate], count: int) -> Source:
        """Add so many, which are made when they are asked for."""
        self._parts.append(items)
        self._total += count
        return self

    def extend(self, items: Iterable[Candidate]) -> Source:
        """Add some."""
        found = list(items)
        return self.add(found, len(found))

    def take(self, most: int) -> tuple[list[Candidate], int]:
        """The first ones, and how many more there are."""
        items = list(islice(chain.from_iterable(self._parts), most))
        return items, self._total - len(items)


class Wanted:
    """What a command does with names: of which kind, how many, and whether a wildcard or a number will do."""

    __slots__ = ('kind', 'many')

    def __init__(self, kind: str, *, many: bool) -> None:
        self.kind = kind
        self.many = many


_NAMES = {
    **{f'{verb} {kind}': Wanted(kind, many=True) for verb in ('list', 'remove') for kind in options.KINDS},
    'watch processes': Wanted('processes', many=True), 'peek processes': Wanted('processes', many=True),
    'get': Wanted('values', many=False), 'set': Wanted('values', many=False),
    'compare-and-set': Wanted('values', many=False), 'acknowledge': Wanted('processes', many=False),
}


def names_of(command: Command) -> Wanted | None:
    """Which names of what exists a command takes. What is made has a new one, which may exist all the same."""
    if command.makes:
        return Wanted('sockets' if command.name == 'make socket' else 'processes', many=False)
    return _NAMES.get(command.name)


def of_command(command: Command, rest: Sequence[Word], current: Word, names: Names, system: NoSystem) -> Source:
    """Candidates for the word `current` of a command, after its other words `rest`."""
    given = [word.text for word in rest]
    if command.makes:
        return _of_making(command, given, current, names, system)
    source = Source()
    wanted = _NAMES.get(command.name)
    if wanted is not None and (wanted.many or not given):
        _add_names(source, wanted, given, current, names)
    if command.name == 'changes':
        source.extend(_words(current, [kind for kind in options.KINDS if kind not in given], 'changes of these'))
    if command.name != 'watch processes' and (wanted is None or wanted.many or given):
        pairs = given[1:] if command.named else given
        source.extend(_options(command.options, pairs, current, system))
    return source


def of_flag(flag: flags.Flag, partial: str, current: Word, system: NoSystem) -> Source:
    """Candidates for the value of an option of the shell, of which there is `partial`."""
    before = current.text[: len(current.text) - len(partial)]
    choices = {'output': flags.FORMATS, 'print_completion': flags.SHELLS}.get(flag.name)
    if choices is not None:
        return Source(_words(current, [before + each for each in choices], '', 'value'))
    if flag.value in ('PATH', 'FILE'):
        return Source(_paths(current, before, partial, system))
    return Source()


# Names


def _add_names(source: Source, wanted: Wanted, given: list[str], current: Word, names: Names) -> None:
    held, typed = names.of(wanted.kind), current.text
    noun = options.KINDS[wanted.kind]
    if wanted.many and typed.endswith('*'):
        source.extend([_wildcard(current, typed, held, noun)])
        return
    used = {name for name in given if name in held and name.startswith(typed)} if wanted.many else set()
    count = held.count(typed) - len(used)
    wildcard = [_wildcard(current, typed + '*', held, noun)] if wanted.many and typed and count > 1 else []
    if count >= MOST:
        source.extend(wildcard)  # at the end it would not be seen
    names_there = (Candidate(current.start, quote(name), held.notes[name], 'name') for name in held.in_order(typed)
                   if name not in used)
    source.add(names_there, count)
    source.common = held.common(typed)
    if typed.isdigit() and wanted.kind != 'values':
        source.extend(_numbers(held, typed, current.start))
    if count < MOST:
        source.extend(wildcard)


def _numbers(held: NameList, typed: str, start: int) -> Iterator[Candidate]:
    fitting = (number for number in held.by_number if number.startswith(typed) and number not in held)
    for number in sorted(fitting, key=lambda number: (len(number), number)):
        name = held.by_number[number]
        yield Candidate(start, number, f'{name}: {held.notes[name]}', 'number')


def _wildcard(current: Word, pattern: str, held: NameList, noun: str) -> Candidate:
    count = held.count(pattern[:-1])
    return Candidate(current.start, quote(pattern), counted(count, noun), 'wildcard')


# Making something


def _of_making(command: Command, given: list[str], current: Word, names: Names, system: NoSystem) -> Source:
    if not given:
        return Source()  # a new name: nobody knows it yet
    pairs = given[1:]
    optional = options.count(pairs) == len(pairs)
    if command.name == 'make socket':
        return Source(_options(command.options, pairs, current, system))
    if '$' in current.text and (found := _placeholders(current, names)) is not None:
        return found
    starts = optional or (options.END in pairs and options.count(pairs) == len(pairs) - 1 and pairs[-1] == options.END)
    source = Source()
    if optional:
        source.extend(_options(command.options, pairs, current, system))
    if starts and '=' not in current.text:
        return source.extend(_programs(current, system))
    if not starts and '/' in current.text:
        source.extend(_paths(current, '', current.text, system))
    return source


def _placeholders(current: Word, names: Names) -> Source | None:
    """What ``$(socket.`` may go on with; None if no such thing is open at the end of the word."""
    at = current.text.rfind('$')
    before, typed = current.text[:at], current.text[at:]
    if typed != _PLACEHOLDER and _PLACEHOLDER.startswith(typed):
        text = quote(before + _PLACEHOLDER)
        return Source([Candidate(current.start, text, 'a socket stands here', 'placeholder', final=False)])
    if not typed.startswith(_PLACEHOLDER) or ')' in typed:
        return None
    asked = typed[len(_PLACEHOLDER) :]
    source = Source(_fields(current, before, asked, names.sockets))
    whole = _whole_placeholders(current, before, asked, names.sockets)
    return source.add(whole, names.sockets.count(asked) * len(SOCKET_FIELDS))


def _fields(current: Word, before: str, asked: str, sockets: NameList) -> Iterator[Candidate]:
    """Where the name of a socket is written already, and a dot."""
    for at, character in enumerate(asked):
        if character == '.' and asked[:at] in sockets:
            for field in SOCKET_FIELDS:
                if field.startswith(asked[at + 1 :]):
                    yield _placeholder(current, before, asked[:at], field, sockets)


def _whole_placeholders(current: Word, before: str, asked: str, sockets: NameList) -> Iterator[Candidate]:
    for name in sockets.in_order(asked):
        for field in SOCKET_FIELDS:
            yield _placeholder(current, before, name, field, sockets)


def _placeholder(current: Word, before: str, name: str, field: str, sockets: NameList) -> Candidate:
    text = f'{before}{_PLACEHOLDER}{name}.{field})'
    return Candidate(current.start, quote(text), sockets.notes[name], 'placeholder')


# Options of the kernel's commands


def _options(known: Sequence[Option], given: list[str], current: Word, system: NoSystem) -> Iterator[Candidate]:
    if options.count(given) != len(given):  # the options are over
        return
    key, equals, value = current.text.partition('=')
    if equals:
        yield from _values(known, key, value, current, system)
        return
    family, dot, beginning = key.partition('.')
    if dot:
        yield from _members(f'{family}.', beginning, current, known, system)
        return
    used = {text.partition('=')[0] for text in given}
    for option in known:
        if option.key.startswith(key) and option.key not in used:
            text = option.key if option.key.endswith('.') else option.key + '='
            yield Candidate(current.start, text, option.summary, 'option', final=False)


def _members(
    family: str, beginning: str, current: Word, known: Sequence[Option], system: NoSystem
) -> Iterator[Candidate]:
    """Options of a family: ``rlimit.nofile=``."""
    members = {'rlimit.': system.limits, 'env.': system.variables}.get(family)
    if members is not None and any(option.key == family for option in known):
        for name in members():
            if name.startswith(beginning):
                yield Candidate(current.start, quote(f'{family}{name}='), '', 'option', final=False)


def _values(
    known: Sequence[Option], key: str, value: str, current: Word, system: NoSystem
) -> Iterator[Candidate]:
    option = next((option for option in known if option.key == key), None)
    if option is None:
        return
    if key in _FOLDERS or key in _FILES:
        yield from _paths(current, f'{key}=', value, system, only_folders=key in _FOLDERS)
        return
    choices: Iterable[str] = option.choices
    if key in _LOOKED_UP:
        choices = _LOOKED_UP[key](system)
    yield from _words(current, [f'{key}={each}' for each in choices], '', 'value')


_FOLDERS = ('working_dir',)
_FILES = ('path', 'python')
_LOOKED_UP: dict[str, Callable[[NoSystem], list[str]]] = {
    'uid': lambda system: system.users(),
    'gid': lambda system: system.groups(),
    'interface': lambda system: system.interfaces(),
}


# Words, programs and files


def _words(current: Word, choices: Iterable[str], note: str, kind: str = 'value') -> Iterator[Candidate]:
    for each in choices:
        if each.startswith(current.text):
            yield Candidate(current.start, quote(each), note, kind)


def _programs(current: Word, system: NoSystem) -> Iterator[Candidate]:
    if '/' in current.text:
        yield from _paths(current, '', current.text, system)
    elif current.text:
        yield from _words(current, system.programs(), '', 'program')


def _paths(
    current: Word, before: str, partial: str, system: NoSystem, *, only_folders: bool = False
) -> Iterator[Candidate]:
    folder, slash, beginning = partial.rpartition('/')
    for name, is_folder in system.entries(folder + slash):
        if name.startswith(beginning) and (beginning or not name.startswith('.')) and (is_folder or not only_folders):
            text = f'{before}{folder}{slash}{name}' + ('/' if is_folder else '')
            yield Candidate(current.start, quote(text), '', 'path', final=not is_folder)


# Another program, after a "|"

_ENDS_COMMAND = '|;&('  # after one of these the shell takes a word for a program
_BREAKS = ' \t\n' + _ENDS_COMMAND + '<>'
_ACTIVE = frozenset('\'"\\`$*?[]{}!#~|;&()<> \t\n')


def of_shell(text: str, end: int, system: NoSystem) -> Source:
    """Candidates for the last word of a text for ``sh -c``, which ends at this place of the line: programs and files.
    None where that shell's quoting would be needed."""
    at = max(map(text.rfind, _BREAKS)) + 1
    word = Word(text[at:], end - len(text) + at, end)
    before = text[:at].rstrip()
    if any(quote in text for quote in '\'"\\`$'):
        return Source()
    if '/' not in word.text and (not before or before[-1] in _ENDS_COMMAND):
        return Source(_programs(word, system))
    if not word.text:
        return Source()
    return Source(each for each in _paths(word, '', word.text, system) if not _ACTIVE & set(each.text))
