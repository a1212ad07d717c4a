"""Making, setting and removing: by keys with forms, and on the ``:`` line."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from papa import Papa
from papa.line.grammar import parse, parse_words
from papa.line.lookups import Lookups
from papa.line.system import NoSystem
from papa_tui.model import commands

from .conftest import Driver, command
from .made import details, model

Run = Callable[..., None]


def test_a_socket_by_its_form(run: Run, papa: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press('2', 'plus')
        await driver.until_shown('Make a socket')
        await driver.type('web')
        await driver.press('tab')
        await driver.type('99999')
        await driver.press('enter')
        await driver.until_shown('port must be')
        await driver.press('backspace', 'enter')
        await driver.until(lambda: 'web' in papa.list_sockets())
        assert papa.list_sockets()['web']['port'] == 9999
        await driver.until_shown('Made the socket web')
        assert driver.app.main.commands == ['make socket web port=9999']

    run(scenario)


def test_a_process_by_its_form(run: Run, papa: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press('plus')
        await driver.until_shown('Make a process')
        await driver.type('job')
        await driver.press('tab')
        await driver.type("sh -c 'exit 3'")
        await driver.press('enter')
        await driver.until_shown('exit 3')
        assert papa.list_processes('job')['job']['args'] == ['sh', '-c', 'exit 3']

    run(scenario)


def test_a_value_is_set_edited_and_cleared(run: Run, papa: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press('3', 'plus')
        await driver.until_shown('Set a value')
        await driver.type('note')
        await driver.press('tab')
        await driver.type('one')
        await driver.press('enter')
        await driver.type('two')
        await driver.press('f2')
        await driver.until(lambda: papa.get('note') == 'one\ntwo')
        await driver.until_shown('one\\ntwo')
        await driver.until(lambda: driver.app.screen is driver.app.main)
        await driver.press('e')
        await driver.until_shown('Edit note')
        await driver.type('!')
        await driver.press('ctrl+s')
        await driver.until(lambda: papa.get('note') == 'one\ntwo!')
        await driver.press('x')
        await driver.until_shown('Clear 1 value: note?')
        await driver.press('y')
        await driver.until(lambda: papa.get('note') is None)

    run(scenario)


def test_an_edit_does_not_overwrite_what_another_has_set_meanwhile(run: Run, papa: Papa) -> None:
    papa.set('note', 'old')

    async def scenario(driver: Driver) -> None:
        await driver.press('3', 'e')
        await driver.until_shown('Edit note')
        papa.set('note', 'of another')
        await driver.type(' and mine')
        await driver.press('f2')
        await driver.until_shown('is not what was expected')
        assert 'old and mine' in driver.text(), 'what was typed is not lost'
        assert papa.get('note') == 'of another'
        await driver.press('escape')
        await driver.until(lambda: driver.app.screen is driver.app.main)
        assert papa.get('note') == 'of another'

    run(scenario)


@pytest.mark.parametrize('text', ['a\x0bb', 'a\x0c', 'a\x1cb', '\x85', 'a\u2028b', 'a\r\nb', 'a\0b', 'a\x0b\x85y'])
def test_a_value_that_an_editor_would_change_is_not_edited(text: str, run: Run, papa: Papa) -> None:
    papa.set('note', text)

    async def scenario(driver: Driver) -> None:
        await driver.press('3', 'e')
        await driver.until_shown('This value has characters that an editor would change')
        assert driver.app.screen is driver.app.main

    run(scenario)


def test_an_editor_gives_back_what_it_got(run: Run, papa: Papa) -> None:
    papa.set('note', text := '\n a\tb\n\n\x1b[1mé\x7f \n')

    async def scenario(driver: Driver) -> None:
        await driver.press('3', 'e')
        await driver.until_shown('Edit note')
        await driver.type('Z')
        await driver.press('f2')
        await driver.until(lambda: papa.get('note') != text)
        assert papa.get('note') == text + 'Z'

    run(scenario)


def test_forgetting_names_what_it_hits_and_can_be_declined(run: Run, papa: Papa) -> None:
    for number in (1, 2):
        papa.make_process(f'web.{number}', 'sh', ['-c', 'echo hello; exec sleep 1000'])

    async def scenario(driver: Driver) -> None:
        await driver.until(lambda: driver.app.model.totals()[0] == 12)
        await driver.press('space', 'space', 'x')
        await driver.until_shown('Forget 2 processes: web.1, web.2?')
        assert '12 B of output that nobody has acknowledged are dropped' in driver.text()
        await driver.press('enter')
        assert len(papa.list_processes()) == 2
        await driver.press('n', 'x', 'y')
        await driver.until_shown('not recorded')
        await driver.press('enter')
        await driver.until_shown('forgotten when it exits')

    run(scenario)


def test_commands_on_the_line(run: Run, papa: Papa) -> None:
    where = f'papa-shell -u {papa.endpoint.path}'

    async def scenario(driver: Driver) -> None:
        await command(driver, 'set a.b two words')
        await driver.until(lambda: papa.get('a.b') == 'two words')
        await command(driver, 'g a.b')
        await driver.until_shown('two words')
        await driver.press('escape')
        await command(driver, 'rem val a.*')
        await driver.until_shown('Clear 1 value: a.b?')
        await driver.press('y')
        await driver.until(lambda: papa.get('a.b') is None)
        for wrong, said in (('frobnicate', 'Unknown command'), ('set x | wc', 'no pipes here'), ("set 'x", 'is open')):
            await command(driver, wrong)
            await driver.until_shown(said)
        await driver.press('colon')
        await driver.type('list values |')
        await driver.until_shown('no pipes here')
        await driver.press('backspace')
        await driver.until(lambda: 'no pipes here' not in driver.text())
        await driver.press('escape')
        await command(driver, 'help set')
        await driver.until_shown('set NAME [WORD...]')
        await driver.press('escape', 'L')
        await driver.until_shown(f'{where} set a.b two words')
        await driver.press('c')
        assert driver.app.clipboard.splitlines() == [
            f'{where} set a.b two words', f'{where} get a.b', f'{where} remove values a.b',
        ]

    run(scenario)


def test_the_line_completes_with_the_names_that_there_are(run: Run, papa: Papa) -> None:
    papa.set('demo.state', 'x')
    papa.set('demo.state2', 'x')

    async def scenario(driver: Driver) -> None:
        line = driver.app.main.prompt.input
        await driver.press('colon')
        await driver.type('get demo')
        await driver.until_shown('demo.state2')
        await driver.press('tab')
        assert line.value == 'get demo.state'
        await driver.press('tab')
        assert line.value == 'get demo.state2'
        await driver.press('escape')
        await command(driver, 'get demo.state')
        await driver.until_shown('size')
        await driver.press('escape', 'colon', 'up')
        assert line.value == 'get demo.state'
        await driver.press('escape')
        assert driver.app.main.place == 'processes'

    run(scenario)


def test_a_machine_that_does_not_answer_holds_up_no_key(run: Run) -> None:
    release = threading.Event()

    class Hanging(NoSystem):
        def users(self) -> list[str]:
            release.wait(60)
            return ['alice']

    async def scenario(driver: Driver) -> None:
        main = driver.app.main
        main._lookups = Lookups(Hanging())
        await driver.press('colon')
        began = time.monotonic()
        await driver.type('make process x uid=')
        await driver.press('tab', *['backspace'] * 4)
        assert main.prompt.input.value == 'make process x '
        assert time.monotonic() - began < 30
        release.set()

    run(scenario)


def test_watching_on_the_line_opens_the_pane(run: Run, papa: Papa) -> None:
    papa.make_process('job', 'sh', ['-c', 'echo hello; exec sleep 1000'])

    async def scenario(driver: Driver) -> None:
        await command(driver, 'peek processes job')
        await driver.until_shown('peeking')
        await driver.press('escape')
        await command(driver, 'make process other watch=1 -- echo made')
        await driver.until(lambda: driver.app.main.pane.feed and driver.app.main.pane.feed.names == ('other',))

    run(scenario)


def test_every_action_is_noted_as_the_command_that_it_equals(run: Run, papa: Papa) -> None:
    papa.make_process('job', 'sh', ['-c', 'echo hello; exec sleep 1000'])

    async def scenario(driver: Driver) -> None:
        main = driver.app.main
        await driver.press('o')
        await driver.until_shown('hello')
        await driver.press('A')
        await driver.until_shown('Make this pane a logger')
        await driver.press('n')
        assert main.commands == ['peek processes job']
        await driver.press('A')
        await driver.until_shown('Make this pane a logger')
        await driver.press('y')
        await driver.until_shown('THIS PANE IS A LOGGER')
        await command(driver, 'watch processes job')
        await driver.until_shown('Make this pane a logger')
        await driver.press('y')
        await driver.until_shown('THIS PANE IS A LOGGER')
        await driver.press('escape', 'x', 'y')
        await driver.until(lambda: len(main.commands) == 3)
        assert main.commands == ['peek processes job', 'watch processes job', 'remove processes job']

    run(scenario)


def test_read_only_refuses_on_the_line_too(run: Run, papa: Papa) -> None:
    papa.set('a', 'x')
    papa.make_process('job', 'sleep', '1000')

    async def scenario(driver: Driver) -> None:
        for text in ('set a y', 'remove values a', 'make process p true', 'watch processes', 'upgrade', 'exit-if-idle'):
            await command(driver, text)
            await driver.until_shown('read-only: this')
            await driver.press('1')
        await driver.press('3')
        for key in ('x', 'e', 'plus', 'delete'):
            await driver.press(key)
            await driver.until_shown('read-only: this')
            assert driver.app.screen is driver.app.main
            await driver.press('up')
        assert 'remove' not in driver.lines()[-1]
        await driver.press('1', 'o')
        for key in ('a', 'A'):
            await driver.press(key)
            await driver.until_shown('read-only: this')
            assert driver.app.screen is driver.app.main
            await driver.press('up')
        await driver.press('escape')
        await command(driver, 'get a')
        await driver.until_shown('size')

    run(scenario, read_only=True)
    assert papa.get('a') == 'x'


@pytest.mark.parametrize(('text', 'asked'), [
    ('remove values v*', 'Clear 2 values: v1, v2?'),
    ('remove processes', 'Forget 1 process: web?\n5 B of output that nobody has acknowledged are dropped.'),
    ('remove processes 100', 'Forget 1 process: web?'),
    ('remove sockets 7', 'Close 1 socket: s?'),
    ('set v1', 'Clear 1 value: v1?'),
    ('set v1 x', ''),
    ('upgrade', 'Replace the kernel'),
    ('exit-if-idle', 'End the kernel'),
    ('acknowledge web 5', 'up to 5?'),
    ('list values', ''),
])
def test_what_cannot_be_undone_is_asked_for(text: str, asked: str) -> None:
    made = model(
        {'web': details(buffered=5)}, values={name: {'size': 1, 'value': 'x'} for name in ('v1', 'v2')},
        sockets={'s': {'fileno': 7, 'host': 'h', 'port': 1}},
    )
    line = parse(text)
    assert line is not None
    found = commands.question(line, made, commands.hit(line, made))
    assert asked in found
    assert bool(found) == bool(asked)


def test_everything_that_changes_is_known_to_change() -> None:
    from papa.commands import COMMANDS

    looks = {'list sockets', 'list processes', 'list values', 'get', 'info', 'peek processes', 'changes'}
    assert {each.name for each in COMMANDS} == looks | {'quit', 'help'} | commands.CHANGING


def test_answers_are_laid_out() -> None:
    def lines(words: list[str], result: object) -> list[str]:
        line = parse_words(words)
        assert line is not None
        return [''.join(text for text, _ in pieces) for pieces in commands.answer(line, result)]

    assert lines(['get', 'a'], None) == ['It is not set']
    assert lines(['list', 'values'], {'a': 'x\x1b'}) == ['a', '  x\\x1b']
    assert lines(['list', 'values'], {}) == ['There is none']
    assert lines(['info'], {'pid': 5})[0].split() == ['pid', '5']
    assert lines(['set', 'a', 'b'], None) == []


def test_what_is_wrong_with_a_form_is_seen_in_a_small_window(run: Run) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press('3', 'plus')
        await driver.until_shown('Set a value')
        await driver.press('f2')
        await driver.until_shown('It needs a name')

    run(scenario, (40, 10))


def test_what_was_typed_and_could_not_be_done_is_not_lost(run: Run, papa: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await command(driver, "set a 'b")
        await driver.press('colon')
        typed = driver.app.main.prompt.input
        typed.value = 'set c'
        await driver.press('up')
        assert typed.value == "set a 'b"
        await driver.press('down')
        assert typed.value == 'set c', 'what was begun'
        await driver.press('escape', 'L')
        await driver.until_shown('Nothing has been done yet')

    run(scenario)
