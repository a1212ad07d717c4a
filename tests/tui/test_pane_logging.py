"""The output pane as a logger: of whom, for how long, and what it acknowledges."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from queue import Queue
from types import SimpleNamespace

from conftest import Daemon, wait_until
from textual.app import App

from papa import Papa
from papa_tui.widgets.pane_terminal import Keeping

from .conftest import Driver
from .panes import Run, be_logger, held, open_on, pane, shown, start, until_in_pane

WAIT = 'while [ ! -e {}/{} ]; do sleep 0.01; done'


def watchers(papa: Papa, name: str) -> int:
    return int(papa.list_processes(name)[name]['watchers'])


def succeeded(driver: Driver, papa: Papa, name: str, script: str) -> None:
    """Another process under this name, as whoever restarts it makes it."""
    pid = driver.app.model.processes[name].pid
    papa.remove_processes(name)
    os.killpg(pid, signal.SIGKILL)
    wait_until(lambda: not papa.list_processes(name))
    start(papa, name, script)


def test_a_logger_of_one_process_does_not_adopt_another(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'echo one')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'one')
        await be_logger(driver)
        await driver.until(lambda: held(papa, 'web') == 0)
        succeeded(driver, papa, 'web', 'echo two')
        await until_in_pane(driver, 'two')
        lines = '\n'.join(shown(driver))
        assert 'another process under the same name' in lines
        assert 'no logger any more' in lines
        await driver.until(lambda: watchers(papa, 'web') == 0 and 'peeking' in driver.text())
        assert held(papa, 'web') == 4

    run(scenario)


def test_a_logger_of_a_pattern_goes_on_with_whoever_matches_it(run: Run, papa: Papa) -> None:
    start(papa, 'web.1', 'echo one')
    start(papa, 'web.2', 'echo other')

    async def scenario(driver: Driver) -> None:
        await until_in_pane(driver, 'other')
        await driver.press('A')
        await driver.until_shown('matches web.*, too')
        await driver.press('y')
        await driver.until(lambda: held(papa, 'web.1') == held(papa, 'web.2') == 0)
        succeeded(driver, papa, 'web.1', 'echo two')
        await until_in_pane(driver, 'another process under the same name')
        await driver.until(lambda: papa.list_processes('web.1')['web.1']['acknowledged'] == 4)
        assert 'THIS PANE IS A LOGGER' in driver.text()
        assert watchers(papa, 'web.1') == watchers(papa, 'web.2') == 1

    run(scenario, watch=('web.*',))


def test_a_logger_of_several_goes_on_with_the_others(run: Run, papa: Papa, folder: str) -> None:
    start(papa, 'web', 'echo one')
    start(papa, 'db', f'echo other; {WAIT.format(folder, 1)}; echo later')

    async def scenario(driver: Driver) -> None:
        await until_in_pane(driver, 'other')
        await be_logger(driver)
        await driver.until(lambda: held(papa, 'web') == held(papa, 'db') == 0)
        succeeded(driver, papa, 'web', 'echo two')
        await until_in_pane(driver, 'two')
        await until_in_pane(driver, 'only peeks at the new web')
        await driver.until(lambda: (watchers(papa, 'web'), watchers(papa, 'db')) == (0, 1))
        Path(folder, '1').touch()
        await until_in_pane(driver, 'later')
        await driver.until(lambda: papa.list_processes('db')['db']['acknowledged'] == 12)
        assert held(papa, 'web') == 4
        await driver.until_shown('THIS PANE IS A LOGGER, BUT OF web')
        await driver.press('A')
        await driver.until_shown('peeking')
        await be_logger(driver)
        await driver.until(lambda: held(papa, 'web') == 0)

    run(scenario, watch=('web', 'db'))


def test_a_logger_does_not_adopt_another_kernel(
    run: Run, papa: Papa, daemon: Daemon, start_daemon: Callable[..., Daemon]
) -> None:
    start(papa, 'web.1', 'echo one')

    async def scenario(driver: Driver) -> None:
        await until_in_pane(driver, 'one')
        await be_logger(driver)
        daemon.stop()
        await until_in_pane(driver, 'the connection was lost')
        again = start_daemon(port_or_path=daemon.where)
        with again.connect() as other:
            start(other, 'web.2', 'echo two')
            await until_in_pane(driver, 'another kernel')
            await until_in_pane(driver, 'two')
            await driver.until_shown('peeking')
            assert (held(other, 'web.2'), watchers(other, 'web.2')) == (4, 0)
            start(other, 'web.1', 'echo three')
            await until_in_pane(driver, 'three')
            await be_logger(driver)
            await driver.until(lambda: held(other, 'web.1') == held(other, 'web.2') == 0)
            assert 'another id' not in driver.text()

    run(scenario, watch=('web.*',))


def test_a_logger_acknowledges_nothing_while_help_lies_over_it(run: Run, papa: Papa, folder: str) -> None:
    start(papa, 'web', f'echo one; {WAIT.format(folder, 1)}; echo two')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'one')
        await be_logger(driver)
        await driver.until(lambda: held(papa, 'web') == 0)
        await driver.press('question_mark')
        await driver.until_shown('esc closes')
        Path(folder, '1').touch()
        await until_in_pane(driver, 'two')
        (source,) = pane(driver).sources
        assert source.painted == 4
        assert held(papa, 'web') == 4
        await driver.press('escape')
        await driver.until(lambda: source.painted == 8 and held(papa, 'web') == 0)

    run(scenario)


def test_a_logger_says_what_it_takes_and_what_is_left_when_it_ends(run: Run, papa: Papa, folder: str) -> None:
    start(papa, 'web', f'echo one; {WAIT.format(folder, 1)}; echo two')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'one')
        await driver.press('A')
        await driver.until_shown('what a flood or a filter keeps from the screen')
        await driver.press('y')
        await driver.until(lambda: held(papa, 'web') == 0)
        await driver.press('ampersand')
        await driver.type('one')
        await driver.press('enter')
        await driver.until_shown('A LOGGER, HIDDEN LINES TOO')
        Path(folder, '1').touch()
        await driver.until(lambda: held(papa, 'web') == 4, 'what was never painted')
        await driver.press('escape', 'escape')
        await driver.until_shown('Logging of web has stopped')
        await driver.until(lambda: 'B not acknowledged' in driver.text())
        assert watchers(papa, 'web') == 0

    run(scenario)


def test_a_logger_that_cannot_be_seen_is_told_in_the_header(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'echo one')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'one')
        await be_logger(driver)
        assert 'hidden LOGGER' not in driver.text()
        await driver.press('1', 'f')
        await driver.until_shown('hidden LOGGER acknowledges nothing')
        await driver.press('f')
        await driver.until(lambda: 'hidden LOGGER' not in driver.text())

    run(scenario)


def test_a_terminal_of_which_nothing_is_known_has_shown_nothing() -> None:
    app = App[None]()
    terminal = Keeping(app)
    assert terminal.keeps_up(), 'no terminal at all'
    app._driver = SimpleNamespace(is_headless=False)  # type: ignore[assignment]
    assert (terminal.keeps_up(), terminal.blind) == (False, True)
    app._driver = SimpleNamespace(is_headless=False, _writer_thread=SimpleNamespace(_queue=Queue()))  # type: ignore[assignment]
    terminal = Keeping(app)
    assert [terminal.keeps_up(), terminal.keeps_up(), terminal.blind] == [True, False, False]
