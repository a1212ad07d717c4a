"""What was asked about is what is done: now, to the same kernel and the same things, or not at all."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Daemon

from papa import Papa
from papa.errors import ConnectFailed, Error
from papa.events import Change
from papa.line.calls import Call
from papa.line.kernels import identity
from papa_tui.feeds.doer import Doer, Job, Unknown
from papa_tui.model.noted import MOST, Noted
from papa_tui.model.reading import Reading
from papa_tui.model.tree import Group

from .conftest import Driver, command
from .made import NOW, details, model

Run = Callable[..., None]


def replace(daemon: Daemon, start_daemon: Callable[..., Daemon]) -> Daemon:
    """Another kernel at the same place; what ran under the one before is ended, too."""
    daemon.stop()
    return start_daemon(port_or_path=daemon.where)


def test_a_removal_that_was_asked_about_one_kernel_is_not_done_to_another(
    run: Run, daemon: Daemon, start_daemon: Callable[..., Daemon]
) -> None:
    with daemon.connect() as papa:
        papa.make_process('web.2', 'sleep', '1000')
        papa.set('note', 'x')
        papa.make_socket('s', path=f'{daemon.where}.s')

    async def scenario(driver: Driver) -> None:
        place = daemon
        for key, title in (('1', 'Forget'), ('2', 'Close'), ('3', 'Clear')):
            await driver.press(key, 'x')
            await driver.until_shown(title)
            place = replace(place, start_daemon)
            with place.connect() as other:
                other.make_process('web.2', 'sleep', '1000')
                other.set('note', 'x')
                other.make_socket('s', path=f'{place.where}.s')
                await driver.until(lambda: driver.app.model.info['pid'] == place.pid)  # noqa: B023
                await driver.press('y')
                await driver.until_shown('Another kernel answers')
                assert 'nothing was done' in driver.text()
                assert other.list_processes('web.2')['web.2']['recorded']
                assert (list(other.list_values()), list(other.list_sockets())) == (['note'], ['s'])
                await driver.until(lambda: 's' in driver.app.model.sockets)
        assert driver.app.main.commands == []

    run(scenario)


def test_an_edit_that_was_begun_with_one_kernel_is_not_done_to_another(
    run: Run, daemon: Daemon, start_daemon: Callable[..., Daemon]
) -> None:
    with daemon.connect() as papa:
        papa.set('note', 'old')

    async def scenario(driver: Driver) -> None:
        await driver.press('3', 'e')
        await driver.until_shown('Edit note')
        place = replace(daemon, start_daemon)
        with place.connect() as other:
            other.set('note', 'old')
            await driver.until(lambda: driver.app.model.info['pid'] == place.pid)
            await driver.type('er')
            await driver.press('f2')
            await driver.until_shown('Another kernel answers')
            assert other.get('note') == 'old'

    run(scenario)


def test_another_start_under_the_name_is_left_alone(run: Run, papa: Papa) -> None:
    papa.make_process('web.2', 'true')

    async def scenario(driver: Driver) -> None:
        await driver.until_shown('exit 0')
        await driver.press('x')
        await driver.until_shown('Forget 1 process: web.2?')
        papa.remove_processes('web.2')
        papa.make_process('web.2', 'sleep', '1000')
        await driver.press('y')
        await driver.until_shown('"web.2" is another process now; nothing was done')
        assert papa.list_processes()['web.2']['recorded']
        assert driver.app.main.commands == []

    run(scenario)


def test_a_wildcard_hits_only_what_the_question_has_named(run: Run, papa: Papa) -> None:
    papa.make_process('w.old', 'true')

    async def scenario(driver: Driver) -> None:
        await driver.until_shown('exit 0')
        await command(driver, 'remove processes w*')
        await driver.until_shown('Forget 1 process: w.old?')
        papa.make_process('w.new', 'true')
        await driver.until(lambda: 'w.new' in driver.app.model.processes)
        await driver.press('y')
        await driver.until_shown('Forgot w.old')
        assert list(papa.list_processes()) == ['w.new']
        assert driver.app.main.commands == ['remove processes w.old']

    run(scenario)


@pytest.mark.parametrize('text', ['remove processes w*', 'remove processes', 'remove values w*', 'set w.x'])
def test_what_is_not_there_yet_is_not_removed_unasked(run: Run, papa: Papa, text: str) -> None:
    async def scenario(driver: Driver) -> None:
        driver.app.feed.stop()  # this has not heard of them
        driver.app.feed.join()
        papa.make_process('w.new', 'true')
        papa.set('w.x', 'x')
        await command(driver, text)
        await driver.until(lambda: driver.app.main.keys.said)
        assert (list(papa.list_processes()), list(papa.list_values())) == (['w.new'], ['w.x'])

    run(scenario)


def test_only_what_was_done_is_listed(run: Run, papa: Papa, daemon: Daemon) -> None:
    async def scenario(driver: Driver) -> None:
        await command(driver, 'make socket s port=1 host=203.0.113.1')
        await driver.until_shown('Cannot bind')
        await command(driver, 'compare-and-set v expected=x value=y')
        await driver.until_shown('is not what was expected')
        daemon.stop()
        await driver.until_shown('✗ no kernel')
        await command(driver, 'set v x')
        await driver.until_shown('There is no kernel: nothing was done')
        await command(driver, 'get v')
        await driver.until(lambda: not driver.app.main._jobs)
        await command(driver, 'peek processes web')
        await driver.press('escape')
        assert driver.app.main.commands == []
        await driver.press('colon', 'up', 'up')
        assert driver.app.main.prompt.input.value == 'get v', 'it can be entered again even so'

    run(scenario)


def test_without_a_kernel_nothing_is_asked(run: Run, papa: Papa, daemon: Daemon) -> None:
    papa.set('v', 'x')

    async def scenario(driver: Driver) -> None:
        await driver.until(lambda: driver.app.model.values)
        daemon.stop()
        await driver.until_shown('✗ no kernel')
        await driver.press('3', 'x')
        await driver.until_shown('There is no kernel: nothing was done')
        assert driver.app.screen is driver.app.main

    run(scenario)


class Stopped:
    """A kernel that does not answer, for a while."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def __enter__(self) -> Stopped:
        os.kill(self._daemon.pid, signal.SIGSTOP)
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._daemon.pid, signal.SIGCONT)


@pytest.mark.parametrize('met', [False, True])
def test_what_a_stopped_kernel_did_not_answer_in_time_is_never_done(
    run: Run, papa: Papa, daemon: Daemon, met: bool
) -> None:
    papa.set('a', 'x')
    papa.set('b', 'x')

    async def scenario(driver: Driver) -> None:
        main = driver.app.main
        main.patience = 3
        if met:  # the doer has a connection
            await command(driver, 'get a')
            await driver.until_shown('size')
            await driver.press('escape')
            main.commands.clear()
        with Stopped(daemon):
            await command(driver, 'set a changed')
            await driver.until_shown('The kernel has not answered yet: set a changed')
            await driver.until_shown('not answered in 3 seconds: nothing was done')
        await command(driver, 'get b')  # comes after it
        await driver.until(lambda: 'get b' in main.commands)
        assert papa.get('a') == 'x'
        assert main.commands == ['get b']

    run(scenario)


def test_escape_gives_up_what_waits(run: Run, papa: Papa, daemon: Daemon) -> None:
    papa.set('a', 'x')

    async def scenario(driver: Driver) -> None:
        with Stopped(daemon):
            await command(driver, 'set a changed')
            await driver.until_shown('esc gives it up')
            await driver.press('escape')
            await driver.until_shown('Given up: nothing was done')
            await driver.until_shown('does not answer')
            await driver.press('3', 'x')
            await driver.until_shown('The kernel does not answer: nothing was done')
        await driver.until_shown('● live')
        await command(driver, 'get a')
        await driver.until(lambda: driver.app.main.commands == ['get a'])
        assert papa.get('a') == 'x'

    run(scenario)


def made(daemon: Daemon, work: Callable[[Callable[[Call], Any]], Any]) -> Job:
    """A job that was done to a kernel."""
    with daemon.connect() as papa:
        kernel = identity(papa.kernel_info())
    jobs: list[Job] = []
    doer = Doer(daemon.where, jobs.append)
    doer.start()
    doer.do(Job(work, lambda _result, _error: None, kernel))
    doer.stop()
    doer.join()
    return jobs[0]


def test_what_is_lost_in_the_middle_of_a_change_is_not_known(daemon: Daemon) -> None:
    def work(do: Callable[[Call], Any]) -> Any:
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.process.wait()
        return do(Call('set', 'a', 'x'))

    assert isinstance(made(daemon, work).error, Unknown)


def test_what_is_lost_before_a_change_was_not_done(daemon: Daemon) -> None:
    def work(do: Callable[[Call], Any]) -> Any:
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.process.wait()
        return do(Call('list_values', reads=True))

    error = made(daemon, work).error
    assert isinstance(error, ConnectFailed)
    assert str(error).endswith('nothing was done')


def test_a_job_is_either_sent_or_given_up() -> None:
    one, other = (Job(lambda do: None, lambda result, error: None, (1, 1.0)) for _ in range(2))
    assert one.give_up()
    with pytest.raises(Error):
        one.begin()
    other.begin()
    assert not other.give_up()


def test_what_is_noted_is_bounded() -> None:
    noted = Noted()
    noted.done(['set', 'big', 'x' * 100_000])
    assert noted.lines[0].startswith('# papa-shell set big xxx')
    assert len(noted.lines[0]) < 2000
    assert noted.past == []
    noted.unknown(['remove', 'values', 'a b'])
    assert noted.lines[1] == "# not known whether done: papa-shell remove values 'a b'"
    for number in range(2 * MOST):
        noted.done(['get', str(number)])
        noted.typed(f'get {number} ')
    assert len(noted.lines) == len(noted.past) == MOST


def test_one_more_value_does_not_overwrite_another(run: Run, papa: Papa) -> None:
    papa.set('note', 'old')

    async def scenario(driver: Driver) -> None:
        await driver.press('3', 'plus')
        await driver.until_shown('Set a value')
        await driver.type('note')
        await driver.press('tab')
        await driver.type('new')
        await driver.press('f2')
        await driver.until_shown('There is a value "note" already')
        await driver.press('shift+tab')
        await driver.type('2')
        papa.set('note2', 'of another')
        await driver.press('f2')
        await driver.until(lambda: 'already' in driver.text() or 'expected' in driver.text())
        assert papa.list_values() == {'note': 'old', 'note2': 'of another'}

    run(scenario)


def test_marks_that_a_filter_hides_are_told_in_the_question(run: Run, papa: Papa) -> None:
    for name in ('a.1', 'a.2', 'b.1'):
        papa.make_process(name, 'true')

    async def scenario(driver: Driver) -> None:
        await driver.press('space', 'space', 'space', 'slash')
        await driver.type('b.')
        await driver.press('enter', 'x')
        await driver.until_shown('Forget 3 processes: a.1, a.2, b.1?')
        await driver.until_shown('2 of them are hidden by the filter')

    run(scenario)


def test_the_last_line_tells_what_is_known_of_the_kernel(run: Run, papa: Papa, daemon: Daemon) -> None:
    async def scenario(driver: Driver) -> None:
        app = driver.app
        app.model.silent(NOW, NOW)
        assert 'the kernel at E has not answered since' in app.goodbye('E')
        app.model.silent(None, NOW)
        daemon.stop()
        await driver.until_shown('✗ no kernel')
        assert 'no kernel has answered at E since' in app.goodbye('E')

    run(scenario)


def read(reading: Reading) -> str:
    return '\n'.join(''.join(text for text, _ in line) for line in reading.read(NOW))


def test_details_are_of_the_process_that_was_chosen() -> None:
    told = model({'a': details()})
    reading = Reading(told, 'processes', told.processes['a'], NOW)
    assert read(reading).startswith('○') or read(reading).startswith('state')
    told.apply(Change('made', 'process', 'a', details(id='a-2', pid=200)), NOW)
    assert read(reading).startswith('Another process has the name now')
    assert 'pid           100' in read(reading)
    reading = Reading(told, 'processes', told.processes['a'], NOW)
    told.apply(Change('removed', 'process', 'a', {}), NOW)
    assert read(reading).startswith('This process was removed')


def test_details_of_a_group_follow_it() -> None:
    told = model({'a.1': details(watchers=1), 'b': details()})
    reading = Reading(told, 'processes', Group('a', True, [told.processes['a.1']]), NOW)
    told.apply(Change('made', 'process', 'a.2', details(watchers=1)), NOW)
    assert read(reading).split() == ['a.1', 'a.2']
    told.lost('gone', NOW)
    assert read(reading).startswith('There is no kernel: this is what was known last')
    assert {tone for line in reading.read(NOW)[2:] for _, tone in line} == {'dim'}
    told.connected({'pid': 9, 'started': NOW, 'uptime': 0.0}, NOW)
    assert read(reading).startswith('Another kernel answers now')


def test_what_tmux_does_not_take_is_not_called_copied(run: Run, papa: Papa, monkeypatch: pytest.MonkeyPatch) -> None:
    papa.set('note', 'x')
    monkeypatch.setenv('TMUX', '/nowhere/tmux,1,0')

    async def scenario(driver: Driver) -> None:
        await driver.press('3', 'c')
        await driver.until_shown('Nothing was copied: tmux:')

    run(scenario)


def test_a_name_like_an_option_is_a_name(run: Run, papa: Papa) -> None:
    papa.set('-x', 'one')

    async def scenario(driver: Driver) -> None:
        await driver.press('3', 'e')
        await driver.until_shown('Edit -x')
        await driver.type('s')
        await driver.press('f2')
        await driver.until(lambda: papa.get('-x') == 'ones')
        await driver.until(lambda: driver.app.model.values['-x'].text == 'ones')
        await driver.press('x')
        await driver.until_shown('Clear 1 value: -x?')
        await driver.press('y')
        await driver.until(lambda: papa.get('-x') is None)
        await driver.until(lambda: driver.app.main.commands[1:] == ['remove values -- -x'])

    run(scenario)
