"""Keys that come faster than they are dealt with: each goes where it was meant for."""

from __future__ import annotations

from collections.abc import Callable

from textual import events

from papa import Papa

from .conftest import Driver

Run = Callable[..., None]
KEYS = {'\t': 'tab', '\r': 'enter', '\x1b': 'escape', '+': 'plus', ':': 'colon', ' ': 'space', '/': 'slash',
        '\x02': 'f2'}


def burst(driver: Driver, text: str) -> None:
    """All of it at once, as a terminal that was slow hands it over."""
    for character in text:
        key = KEYS.get(character, character)
        driver.app.post_message(events.Key(key, character if character.isprintable() or character in '\t\r' else None))


def test_a_form_with_its_fields(run: Run, papa: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        burst(driver, '+web\tsleep 1000\t/tmp\t64k\r')
        await driver.until(lambda: 'web' in papa.list_processes())
        found = papa.list_processes()['web']
        assert (found['args'], found['working_dir'], found['bufsize']) == (['sleep', '1000'], '/tmp', 65536)

    run(scenario)


def test_a_text_of_several_lines(run: Run, papa: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        burst(driver, '3+note\tx q\r1')
        await driver.until_shown('x q')
        await driver.press('f2')
        await driver.until(lambda: papa.get('note') == 'x q\n1')

    run(scenario)


def test_a_command_with_its_question_and_the_keys_after_it(run: Run, papa: Papa) -> None:
    papa.set('motd', 'hello')

    async def scenario(driver: Driver) -> None:
        burst(driver, ':set other xqx\r:rem val mot\t\ry3')
        await driver.until(lambda: papa.get('motd') is None)
        assert papa.get('other') == 'xqx'
        await driver.until(lambda: driver.app.main.place == 'values')

    run(scenario)


def test_a_command_and_quit(run: Run, papa: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        burst(driver, '/zzz\x1b3:set a b\rq')
        await driver.until(lambda: driver.app._exit)

    run(scenario)


def test_what_was_pasted_keeps_its_place(run: Run, papa: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        burst(driver, '3+note\t1')
        driver.app.post_message(events.Paste('two\nlines'))
        burst(driver, '3')
        await driver.until_shown('lines3')

    run(scenario)


def test_a_form_and_the_keys_after_it(run: Run, papa: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        burst(driver, '3+note\tx\x02:set a b\r')
        await driver.until(lambda: papa.get('a') == 'b')
        assert papa.get('note') == 'x'
        for number in range(5):
            burst(driver, f'3+note{number}\tx\x02+more{number}\ty\x02')
            await driver.until(lambda: papa.get(f'more{number}') == 'y')  # noqa: B023
            assert papa.get(f'note{number}') == 'x'

    run(scenario)
