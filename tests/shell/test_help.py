"""Help: what it says, that its examples are right, and how a terminal shows it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from papa import commands
from papa.commands import COMMANDS, Command
from papa.errors import BadRequest
from papa.line.calls import call
from papa.line.grammar import parse
from papa_shell import help as texts
from papa_shell import pages

from .conftest import Shell
from .terminals import Terminal

WIDTHS = (40, 60, 80, 120, 200)


def words_of(text: str) -> list[str]:
    """What it says, whatever the layout and the colours."""
    return re.sub(r'\x1b\[[0-9;]*m', '', text).split()


def has(page: list[str], text: str) -> bool:
    return ' '.join(text.split()) in ' '.join(page)


@pytest.mark.parametrize('command', COMMANDS, ids=lambda command: command.name)
def test_every_example_of_a_command_is_a_line_of_it(command: Command) -> None:
    assert command.examples
    examples = [*command.examples, *texts.Topic(command).examples]
    for example in examples:
        line = parse(example)
        assert line is not None
        assert line.command is command, example
        call(line, 'text' if 'file' in line.flags else None)  # its values can be right
        assert line.pipe is None


def test_an_example_of_the_shell_is_right_in_other_shells_too() -> None:
    """Quoted so that no other shell would do something with it."""
    for command in COMMANDS:
        for example in texts.Topic(command).examples:
            unquoted = re.sub(r"'[^']*'", '', example)
            assert not set(unquoted) & set('*$()|<>&;?"\\'), example


@pytest.mark.parametrize('width', WIDTHS)
def test_a_page_says_all_that_there_is_to_say(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('TERM', 'xterm')
    for command in COMMANDS:
        page = words_of(pages.page(command.words, width=width).decode())
        topic = texts.Topic(command)
        for text in (topic.usage, topic.summary, topic.description, *topic.examples):
            assert has(page, text) or width < 60
        if width >= 80:
            for what, summary in (*topic.options, *topic.flags):
                assert has(page, f'{what} {summary}') or len(summary) > 50
    overview = words_of(pages.page([], width=width).decode())
    assert all(part in overview for command in COMMANDS for part in command.words)


@pytest.mark.parametrize('width', WIDTHS)
def test_a_page_fits(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('TERM', 'xterm')
    shown = [pages.page(command.words, width=width) for command in COMMANDS]
    for page in (*shown, pages.page([], width=width), pages.program(width=width)):
        text = re.sub(r'\x1b\[[0-9;]*m', '', page.decode())
        assert max(map(len, text.splitlines())) <= min(width, 100)
        assert text.endswith('\n')


def test_how_to_leave() -> None:
    for words in (['exit'], ['quit'], ['EXIT']):
        assert 'quit, exit and Ctrl-D leave' in texts.text(words)
        assert 'exit-if-idle' not in texts.text(words)
        assert 'Ctrl-D' in pages.page(words, width=80).decode()
    for text in (texts.text([]), pages.page([], width=80).decode()):
        assert re.search('quit or exit.*leave this shell.*Ctrl-D', text)
    line = parse('help exit')
    assert line is not None
    assert line.full == 'help quit'
    line = parse('exit ?')
    assert line is not None
    assert line.full == 'help quit'


def test_about_several_and_about_nothing() -> None:
    page = words_of(pages.page(['process'], width=80).decode())
    for command in commands.find(['process']):
        assert has(page, command.usage)
    with pytest.raises(BadRequest):
        pages.page(['nonsense'])


@pytest.mark.parametrize('words', [[], ['processes'], ['make', 'process'], ['remove', 'processes']])
def test_how_a_process_is_ended_is_told(words: list[str]) -> None:
    for told in (texts.text(words), pages.page(words, width=80).decode()):
        assert 'kill PID' in ' '.join(told.split())


def test_what_help_says_where_no_terminal_is(shell: Shell) -> None:
    for words in (('help', 'make', 'process'), ('h', 'm', 'p')):
        ran = shell(*words)
        assert (ran.returncode, ran.stdout) == (0, texts.text(['make', 'process']))
    assert shell('help').stdout == texts.text([])
    for text in ('make process ?', 'm p ?', '?', 'make ?', 'process ?'):
        ran = shell(stdin=f'{text}\n')
        assert (ran.returncode, ran.stdout) == (0, texts.text(text.split()[:-1])), text
    assert shell(stdin='make process web uid=root ?\n').stdout == texts.text(['make', 'process'])
    for text in ("make process web '?'", 'make process web -- ?'):  # an executable of that name
        assert shell(stdin=f'{text}\n', env={'PATH': ''}).stdout == ''


def test_what_a_terminal_shows(terminal: Callable[..., Terminal]) -> None:
    run = terminal('help', 'get')
    assert run.end() == 0
    assert '\x1b[1mget \x1b[0m\x1b[36mNAME\x1b[0m' in run.said
    run = terminal('help', 'get', NO_COLOR='1')
    assert run.end() == 0
    assert 'get ' in run.said
    assert '\x1b[3' not in run.said
    for words in (('-o', 'plain', 'help', 'get'), ('help', 'get', '-o', 'plain')):
        run = terminal(*words)
        assert run.end() == 0
        assert run.said.replace('\r', '') == texts.text(['get'])
    run = terminal('--help', COLUMNS='40', NO_COLOR='1')
    assert run.end() == 0
    assert max(len(re.sub(r'\x1b\[[0-9;]*m', '', line)) for line in run.said.splitlines()) <= 40
