"""The command table: every abbreviation that papa 1.0 had, the help, and what newer commands may not take."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from papa import commands
from papa import help as help_text
from papa.commands import COMMANDS, Command
from papa.errors import BadRequest

# The commands of papa 1.0.6 as its users know them, by their words. Within each column the first in
# alphabetical order wins where a prefix fits several.
OLD: dict[str, tuple[str, ...]] = {
    'exit-if-idle': (),
    'get': (),
    'help': (),
    'list': ('processes', 'sockets', 'values'),
    'make': ('process', 'socket'),
    'quit': (),
    'remove': ('processes', 'sockets', 'values'),
    'set': (),
    'watch': ('processes',),
}
UNABBREVIABLE = {'exit-if-idle'}
NEW = ('info', 'changes', 'peek processes', 'acknowledge', 'upgrade', 'compare-and-set')


def prefixes(word: str) -> list[str]:
    return [word[:size] for size in range(1, len(word) + 1)]


def old_abbreviations() -> Iterator[tuple[list[str], str]]:
    """All that papa 1.0.6 understood: every prefix of every word, with what it stands for."""
    for first, seconds in OLD.items():
        for short in prefixes(first):
            if first in UNABBREVIABLE and short != first:
                continue
            assert min(word for word in OLD if word.startswith(short)) == first
            if not seconds:
                yield [short], first
            for second in seconds:
                for shorter in prefixes(second):
                    meant = min(word for word in seconds if word.startswith(shorter))
                    yield [short, shorter], f'{first} {meant}'


OLD_ABBREVIATIONS = list(old_abbreviations())


def assert_all_old_abbreviations() -> None:
    for words, name in OLD_ABBREVIATIONS:
        for form in (words, [word.upper() for word in words], [word.title() for word in words]):
            command, rest = commands.resolve([*form, 'Some', 'WORDS'])
            assert (command.name, rest) == (name, ['Some', 'WORDS']), form


def test_every_abbreviation_of_papa_1_stands_for_the_same_command() -> None:
    assert len(OLD_ABBREVIATIONS) > 300
    assert_all_old_abbreviations()


def test_newer_commands_never_take_an_abbreviation_away(monkeypatch: pytest.MonkeyPatch) -> None:
    newer = tuple(
        Command(name, '', 'x', original=False)
        for name in (
            'a', 'ge', 'gather', 'list aardvarks', 'list p', 'lift', 'make a', 'quiet', 'remove a', 'restart', 'say',
            'watch all', 'wait', 'hear', 'exit', *NEW,
        )
        if name not in ('ge', 'list p')  # a full word always wins: such a name would be a mistake
    )
    monkeypatch.setattr(commands, 'COMMANDS', (*newer, *COMMANDS))
    assert_all_old_abbreviations()
    assert commands.resolve(['list', 'a'])[0].name == 'list aardvarks'
    assert commands.resolve(['ga'])[0].name == 'gather'


def test_no_newer_command_is_a_word_that_was_an_abbreviation() -> None:
    first_words = {words[0] for words, _ in OLD_ABBREVIATIONS}
    for command in COMMANDS:
        if not command.original:
            assert command.words[0] not in first_words or command.words[0] in OLD
            assert command.words[:2] not in {tuple(words) for words, _ in OLD_ABBREVIATIONS}


def test_the_original_commands_are_marked_as_such() -> None:
    original = {command.name for command in COMMANDS if command.original}
    assert original == {name for _, name in OLD_ABBREVIATIONS}
    assert {command.name for command in COMMANDS if not command.original} <= set(NEW)


@pytest.mark.parametrize('word', prefixes('exit-if-idle')[:-1])
def test_exit_if_idle_cannot_be_abbreviated(word: str) -> None:
    with pytest.raises(BadRequest, match='cannot abbreviate "exit-if-idle"'):
        commands.resolve([word])
    assert commands.resolve(['Exit-If-Idle'])[0].name == 'exit-if-idle'


def test_commands_that_end_or_replace_the_kernel_cannot_be_abbreviated() -> None:
    for command in COMMANDS:
        assert command.abbreviable == (command.name not in ('exit-if-idle', 'upgrade'))


@pytest.mark.parametrize('words', [
    ['x'], [''], ['listen'], ['list', 'x'], ['list', ''], ['list'], ['make'], ['make', 'values'], ['watch', 'sockets'],
    ['list', 'processesx'], ['__doc__'], ['list', '__doc__'], ['é'], ['\0'], ['\x1b[A'], ['x' * 10_000],
    ['list', 'x' * 10_000], ['remove', '*'], ['list-processes'], ['list processes'], ['setx', 'a'],
])
def test_what_is_no_command_is_one_short_clear_line(words: list[str]) -> None:
    with pytest.raises(BadRequest) as caught:
        commands.resolve(words)
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 200


def test_what_follows_a_first_word_is_told() -> None:
    with pytest.raises(BadRequest, match='"list" must be followed by one of: processes, sockets, values'):
        commands.resolve(['l'])
    with pytest.raises(BadRequest, match=r'"watch" must be followed by "processes"$'):
        commands.resolve(['w'])
    with pytest.raises(BadRequest, match=r'the next word must be one of process, socket$'):
        commands.resolve(['m', 'x'])


def test_names_are_unique_and_complete() -> None:
    assert len(commands.BY_NAME) == len(COMMANDS)
    for command in COMMANDS:
        assert commands.BY_NAME[command.name] is command
        assert ' '.join(command.words) == command.name == command.name.lower()
        assert command.summary
        assert command.usage.startswith(command.name)


def test_every_example_is_a_request_for_its_own_command() -> None:
    for command in COMMANDS:
        for example in command.examples:
            assert commands.resolve(example.split())[0] is command, example


# Help


def test_the_overview_names_every_command() -> None:
    text = help_text.text([])
    for command in COMMANDS:
        assert command.name in text
        assert command.summary in text


def test_every_command_has_help_under_each_of_its_abbreviations() -> None:
    for words, name in OLD_ABBREVIATIONS:
        assert help_text.text(words).startswith(commands.BY_NAME[name].usage)


@pytest.mark.parametrize(('words', 'found'), [
    (['list'], ['list sockets', 'list processes', 'list values']),
    (['l'], ['list sockets', 'list processes', 'list values']),
    (['make', 'p'], ['make process']),
    (['process'], ['list processes', 'make process', 'remove processes', 'watch processes']),
    (['sockets'], ['list sockets', 'remove sockets']),
    (['socket'], ['list sockets', 'make socket', 'remove sockets']),
    (['values'], ['list values', 'remove values']),
    (['exit'], ['exit-if-idle']),
    (['set', 'count', '5'], ['set']),
    (['help', 'list'], ['help']),
    (['list', 'processes', 'web'], ['list processes']),
    (['Make', 'Process'], ['make process']),
])
def test_what_help_finds(words: list[str], found: list[str]) -> None:
    assert [command.name for command in commands.find(words) if command.original] == found
    assert all(usage in help_text.text(words) for usage in (commands.BY_NAME[name].usage for name in found))


@pytest.mark.parametrize('words', [['nonsense'], ['nonsense', 'x'], ['list', 'nonsense'], ['\n'], ['x' * 10_000]])
def test_help_about_nothing_is_one_clear_line(words: list[str]) -> None:
    with pytest.raises(BadRequest) as caught:
        help_text.text(words)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_help_explains_every_option() -> None:
    for command in COMMANDS:
        text = help_text.text(list(command.words))
        for option in command.options:
            assert option.key in text
            assert option.summary in text


def test_help_never_looks_like_the_end_of_a_reply() -> None:
    for words in ([], *(list(command.words) for command in COMMANDS)):
        text = help_text.text(words)
        assert '\n> ' not in f'\n{text}\n'
        assert not text.startswith('Error:')
        assert all(len(line) <= 120 for line in text.split('\n'))
