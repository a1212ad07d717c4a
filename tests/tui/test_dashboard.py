"""What a person sees and does, with a real kernel under it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from conftest import Daemon

from papa import Papa

from .conftest import Driver, command, names, table

Run = Callable[..., None]


def test_the_first_screen_shows_all_three_kinds(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.until_shown('exit 3')
        text = driver.text()
        for word in ('web.3', 'demo.web', 'demo.state', '[red]x[/oops]', '127.0.0.1:', 'Sockets 1', 'Values 2'):
            assert word in text
        assert '1 failed' in text

    run(scenario)


def test_everything_is_live(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        held.make_process('new', 'sleep', '1000')
        held.set('later', 'x')
        held.make_socket('other')
        await driver.until_shown('later')
        await driver.until(lambda: 'new' in names(driver))
        pid = held.list_processes('web.1')['web.1']['pid']
        os.kill(pid, signal.SIGKILL)
        await driver.until_shown('SIGKILL')
        held.remove_values('later')
        await driver.until(lambda: 'later' not in driver.text())

    run(scenario)


def test_the_next_problem_and_its_details(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.until_shown('1 failed')
        await driver.press('2', 'n')
        assert table(driver).view.key == 'fails'
        await driver.press('enter')
        await driver.until_shown('ended with exit 3')
        await driver.press('escape')
        await driver.until_shown('Processes 4')

    run(scenario)


def test_details_of_a_value_and_panes_by_number(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press('3', 'end', 'enter')
        await driver.until_shown('"copies": 2')
        await driver.press('escape', 'tab')
        assert driver.app.main.place == 'processes'
        await driver.press('shift+tab')
        assert driver.app.main.place == 'values'

    run(scenario)


def test_the_timeline_tells_what_happened_since_one_looked(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        held.set('one', '1')
        await driver.until(lambda: driver.app.model.timeline.new == 1)
        await driver.press('T')
        await driver.until_shown('one made')
        await driver.press('escape')
        held.set('two', '2')
        await driver.until(lambda: driver.app.model.timeline.new == 1)
        await driver.press('T')
        await driver.until_shown('since you last looked')
        lines = [line for line in driver.lines() if ' made' in line or 'since you' in line]
        assert ['one made' in line for line in lines] == [True, False, False]

    run(scenario)


def test_a_long_timeline_shows_its_end(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        timeline = driver.app.model.timeline
        for number in range(1, 2001):
            timeline.add(0.0, 'process', f'p.{number}', 'is gone')
        await driver.press('T')
        await driver.until_shown('p.2000 is gone')
        await driver.press('home')
        await driver.until_shown(f'{timeline.entries[0].name} {timeline.entries[0].text}')

    run(scenario)


@pytest.mark.parametrize('size', [(80, 24), (60, 12), (20, 5), (1, 1), (200, 60)])
def test_any_size_will_do(run: Run, held: Papa, size: tuple[int, int]) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pilot.resize_terminal(*size)
        shown = {'processes': 'fails', 'sockets': 'demo.web', 'values': 'demo.state'}
        for key in ('end', 'f', 't', 'tab', 'end', 'tab', 'end', 'tab'):
            await driver.press(key)
            await driver.settled()
            if driver.app.main.full and size[0] >= 60:
                found = [place for place, text in shown.items() if text in driver.text()]
                assert found == [driver.app.main.place], 'this one alone'
        assert driver.app.main.place == 'processes'

    run(scenario)


def test_a_lost_kernel_dims_the_data_and_is_found_again(
    start_daemon: Callable[..., Daemon], folder: str, held: Papa, run: Run, daemon: Daemon
) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press('end')
        daemon.stop()
        await driver.until_shown('no kernel')
        assert 'web.3' in driver.text(), 'the data stays'
        assert table(driver).now == driver.app.model.lost_at, 'and gets no older'
        again = start_daemon(port_or_path=daemon.where)
        with again.connect() as papa:
            papa.make_process('web.3', 'sleep', '1000')
        await driver.until_shown('● live')
        await driver.until(lambda: names(driver) == ['web.3'])
        assert table(driver).view.key == 'web.3'
        await driver.until_shown(f'This is another kernel: pid {again.pid}, since')
        held_before = 'held 4 processes, 1 socket, 2 values'
        assert held_before in ' '.join(driver.text().split())
        assert 'all is well' not in driver.text()
        await driver.pilot.resize_terminal(28, 8)
        await driver.until(lambda: 'This is' not in driver.text())
        await driver.press('T')
        assert driver.app.model.replaced, 'there was no room to see it'
        await driver.pilot.resize_terminal(120, 36)
        await driver.until_shown('This is another kernel')
        await driver.press('n')
        await driver.until_shown('another kernel answers')
        await driver.until_shown('web.1 is gone')
        await driver.press('escape')
        await driver.until_shown('all is well')
        assert 'This is another kernel' not in driver.text()

    run(scenario)


def test_a_kernel_that_does_not_answer_is_told_and_its_data_gets_no_older(
    run: Run, held: Papa, daemon: Daemon
) -> None:
    async def scenario(driver: Driver) -> None:
        app = driver.app
        app.silence.patience = 1
        app.pulse.every = 0.05
        os.kill(daemon.pid, signal.SIGSTOP)
        try:
            await driver.until_shown('✗ does not answer, data is')
            since = app.model.silent_since
            assert table(driver).now == since, 'the data is as it was'
            assert table(driver).stale
            assert 'all is well' not in driver.text()
            uptime = next(word for word in driver.lines()[0].split('  ') if word.startswith('up '))
            await command(driver, 'set a b')
            await driver.until_shown('does not answer: nothing was done')
            await driver.until(lambda: app.main.now > (since or 0.0) + 2)
            assert uptime in driver.lines()[0], 'nobody knows whether it goes on'
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
        await driver.until_shown('● live')
        assert not table(driver).stale
        assert held.get('a') is None
        assert [each.text for each in app.model.timeline.entries if each.kind == 'kernel'] == [
            'does not answer', 'answers again',
        ]

    run(scenario, (160, 36))


def test_a_message_gives_the_line_back_however_often_it_comes(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        keys = driver.app.main.keys
        keys.lasts[''] = 0.3
        keys.say('something has happened')
        await driver.until_shown('something has happened')

        def is_gone() -> bool:
            return keys.said is None or bool(keys.say('something has happened'))

        await driver.until(is_gone)
        await driver.until_shown('? help')

    run(scenario)


def test_q_leaves_and_says_what_goes_on(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press('q')
        await driver.until(lambda: driver.app._exit)
        said = 'everything in the kernel at E goes on: 3 running processes, 1 socket, 2 values'
        assert driver.app.goodbye('E') == said

    run(scenario)


def test_a_long_value_is_fetched_for_its_details(run: Run, papa: Papa) -> None:
    papa.set('long', '[' + '"x", ' * 5000 + '"the end"]')

    async def scenario(driver: Driver) -> None:
        await driver.press('3', 'enter')
        await driver.until(lambda: driver.app.screen is not driver.app.main)
        await driver.press('end')
        await driver.until_shown('"the end"')

    run(scenario)


def test_the_timeline_tells_the_date_of_what_is_not_of_today(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        timeline = driver.app.model.timeline
        timeline.entries.clear()
        timeline.add(1_000_000_000.0, 'process', 'old', 'exit 1')
        timeline.add(driver.app.main.now, 'process', 'new', 'exit 1')
        await driver.press('T')
        await driver.until_shown('new exit 1')
        found = [line.strip(' │┃|') for line in driver.lines() if 'exit 1' in line or '── 2' in line]
        assert [('2001-09' in line, 'old' in line, 'new' in line) for line in found] == [
            (True, False, False), (False, True, False), (False, False, False), (False, False, True),
        ]

    run(scenario)
