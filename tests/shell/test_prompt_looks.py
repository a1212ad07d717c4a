"""What is seen at the prompt: the menu, colours, hints, the line at the bottom."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import fragment_list_to_text
from prompt_toolkit.utils import get_cwidth

from papa.events import Change
from papa.line.snapshot import Names
from papa_shell.prompt.colours import LineLexer, continuation, hint, style
from papa_shell.prompt.completion import LineCompleter, Shown
from papa_shell.prompt.standing import CONNECTED, GONE, Standing
from papa_shell.prompt.toolbar import toolbar

from .prompting import FakeSystem, feed_with, reader

EVIL = '\x1b]0;x\x07'


def completer(names: Names, system: FakeSystem | None = None) -> LineCompleter:
    return LineCompleter(lambda: names, threading.Lock(), system or FakeSystem())


def menu(text: str, names: Names, cursor: int | None = None) -> list[Shown]:
    found = completer(names).get_completions(Document(text, cursor), CompleteEvent())
    return [each for each in found if isinstance(each, Shown)]


def bottom(text: str, state: str = CONNECTED, width: int = 80, **more: object) -> str:
    standing = Standing('/run/papa.sock')
    standing.state = state
    return fragment_list_to_text(toolbar(text, standing, width, **more))  # type: ignore[arg-type]


# The menu


def test_notes_and_what_is_replaced() -> None:
    names = Names()
    names.processes.put('web.1', '11 running', '11')
    (found,) = menu('l p w', names)
    assert (found.text, found.start_position, found.display_meta_text) == ('web.1', -1, '11 running')
    (found,) = menu('l p', names)
    assert (found.text, found.start_position) == ('list processes', -3)


def test_only_the_command_of_the_cursor_counts() -> None:
    names = Names()
    names.values.put('note', 'hi')
    (found,) = menu('set a 1\nget n\nget x', names, cursor=13)
    assert (found.text, found.start_position) == ('note', -1)
    assert menu("set a '1\nget n", names) == []


def test_at_most_fifty_and_how_many_more() -> None:
    names = Names()
    names.processes.replace({f'p.{number:05}': 'running' for number in range(10_000)})
    made = completer(names)
    assert len(list(made.get_completions(Document('l p '), CompleteEvent()))) == 50
    assert made.more == 9_950
    assert '50 of 10,000 shown' in bottom('l p ', shown=50, more=made.more)


@pytest.mark.parametrize('text', [EVIL, 'two\nlines', '\u202eabc', 'a\x9bb', '\udcff'])
def test_nothing_in_a_menu_acts_on_the_terminal(text: str) -> None:
    names = Names()
    names.values.put(f'v{text}', text)
    (found,) = menu('get v', names)
    for shown in (found.text, found.display_text):
        assert shown.isprintable()
    names.values.put('note', text)
    (found,) = menu('get n', names)
    assert found.display_meta_text.isprintable()
    assert '\\udc' not in found.display_text + found.display_meta_text


def test_what_is_slow_is_found_on_another_thread() -> None:
    class Slow(FakeSystem):
        def users(self) -> list[str]:
            threads.append(threading.current_thread())
            return ['alice']

    threads: list[threading.Thread] = []

    async def find(text: str) -> list[str]:
        found = completer(Names(), Slow()).get_completions_async(Document(text), CompleteEvent())
        return [each.text async for each in found]

    assert asyncio.run(find('m p x uid=')) == ['uid=alice']
    assert threads != [threading.main_thread()]
    assert asyncio.run(find('l p')) == ['list processes']
    assert len(threads) == 1


def test_ten_thousand_names_take_no_time() -> None:
    names = Names()
    names.processes.replace({f'p.{number:05}': 'running' for number in range(10_000)})
    made = completer(names)
    took = []
    for _ in range(20):
        start = time.perf_counter()
        made.get_completions(Document('l p p'), CompleteEvent())
        took.append(time.perf_counter() - start)
    assert min(took) < 0.01


# Colours and hints


def test_colours_follow_the_names() -> None:
    feed = feed_with()
    with reader(feed) as typing:
        lexer = typing.reader.session.lexer
        assert lexer is not None
        before = lexer.invalidation_hash()
        assert lexer.invalidation_hash() == before
        feed._take(Change('made', 'value', 'note', details={'value': 'x', 'size': 1}))
        assert lexer.invalidation_hash() != before
        assert ('class:role.name', 'note') in lexer.lex_document(Document('get note'))(0)


@pytest.mark.parametrize('option', ['-u /other', '-p 20303', '--port=20303'])
def test_names_of_another_place_are_not_known(option: str) -> None:
    feed = feed_with(values={'note': 'x'})
    with reader(feed) as typing:
        made = typing.reader.completer
        assert not made.get_completions(Document(f'{option} get n'), CompleteEvent())
        assert made.matching(f'remove values {option} n*') == ''
        lexer = typing.reader.session.lexer
        assert lexer is not None
        assert ('class:role.name', 'note') not in lexer.lex_document(Document(f'{option} get note'))(0)
        assert made.get_completions(Document('-u /no/such/kernel get n'), CompleteEvent())


def test_a_kernel_that_hangs_is_shown_by_one_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    later: list[object] = []

    class Loop:
        def call_later(self, _seconds: float, work: object) -> None:
            later.append(work)

    with reader() as typing:
        made = typing.reader
        made._loop = Loop()  # type: ignore[assignment]
        made._standing.ask()
        monkeypatch.setattr('papa_shell.prompt.reader._OFTEN', -1.0)
        for _ in range(5):
            made._ask()
        assert later == [made._show_silence]
        monkeypatch.setattr('papa_shell.prompt.standing.SILENT', 0.0)
        made._show_silence()
        made._ask()
        assert len(later) == 2
        made._loop = None


def test_colours_go_line_by_line() -> None:
    names = Names()
    names.values.put('note', 'hi')
    line = LineLexer(lambda: names, int).lex_document(Document("get note\nset x 'a\nb'"))
    assert line(0) == [('class:role.command', 'get'), ('', ' '), ('class:role.name', 'note')]
    assert line(1) == [('class:role.command', 'set'), ('', " x 'a")]
    assert line(2) == [('', "b'")]
    assert line(3) == []


@pytest.mark.parametrize(('text', 'expected'), [
    ('', ''), ('  ', ''), ('get', ' NAME'), ('get ', 'NAME'), ('get x', ''), ('lst', ''),
    ('m s x family=', ' inet, inet6 or unix (unix if there is a path, else inet)'),
    ('set a 1\nget ', 'NAME'),
])
def test_hints(text: str, expected: str) -> None:
    assert hint(text) == expected


@pytest.mark.parametrize(('text', 'number', 'expected'), [
    ("set x 'a\nb", 1, "'> "), ('set x "a\nb\nc', 2, '"> '), ('set x a\\\nb', 1, '\\> '), ("set x $'a\nb", 1, "$'> "),
    ('set x a\nset y b', 1, '> '), ("set x 'a\nb'\nset y c", 2, '> '),
])
def test_the_next_line_says_which_quote_is_open(text: str, number: int, expected: str) -> None:
    assert continuation(text, number) == expected


def test_without_colours_suggestions_and_hints_differ_from_what_is_typed() -> None:
    made = style(coloured=False)
    attributes = [made.get_attrs_for_style_str(f'class:{name}') for name in ('', 'auto-suggestion', 'hint')]
    assert len(set(attributes)) == 3
    assert not any(each.color for each in attributes)


# The line at the bottom


@pytest.mark.parametrize(('text', 'says'), [
    ('', 'Tab completes'),
    ('l p web', 'list processes web  list processes by name or PID'),
    ('get', 'get NAME  show a value'),
    ('lst', 'Unknown command "lst"; did you mean "list"?'),
    ('set a 1\nl v', 'list values  list values'),
    ("get 'x", 'get NAME  show a value'),
    ("'", "The quote ' is open"),
])
def test_what_is_typed_is_explained(text: str, says: str) -> None:
    assert bottom(text).startswith(says)


def test_trouble_is_not_told_while_something_may_come_of_it() -> None:
    assert 'Unknown' not in bottom('exi', shown=2)


@pytest.mark.parametrize('width', [10, 40, 50, 80, 200])
@pytest.mark.parametrize('text', ['', 'l p web', 'set x ' + '\u8a9e' * 100, 'set a\u0301 b', 'g \u05d0\u05d1', EVIL])
def test_it_fits(text: str, width: int) -> None:
    for state in (CONNECTED, GONE):
        line = bottom(text, state, width)
        assert line.isprintable()
        assert line.endswith(state)
        assert get_cwidth(line) == max(width, len(state) + 1)


def test_how_many_match() -> None:
    assert bottom('w p web.*', matching='2 processes').startswith('2 processes match  watch processes web.*')
    assert bottom('r v a.*', matching='1 value').startswith('1 value matches  remove values a.*')
    assert bottom('l p ', shown=50, more=5, matching='5 processes').startswith('5 processes match  list processes')


def test_where_the_kernel_is() -> None:
    assert bottom('').endswith(' /run/papa.sock connected')
    assert bottom('set a 1\n# note\nset b 2\n').startswith('Enter runs 2 commands')
    assert 'Enter' not in bottom('list ')
    assert 'Enter' not in bottom('list')
    assert bottom('', mode='vi').endswith(' /run/papa.sock vi connected')
    assert bottom('', GONE, 60).endswith(' …sock no kernel')
