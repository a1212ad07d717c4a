"""What the output pane says that it acknowledges, and what the kernel says."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conftest import Daemon

from papa import Papa
from papa_tui.model.text import size

from .conftest import Driver, command
from .panes import Run, held, open_on, pane, shown, start, until_in_pane

WAIT = 'while [ ! -e {}/{} ]; do sleep 0.01; done'


def test_the_title_and_the_question_have_the_numbers_of_the_kernel(run: Run, papa: Papa, folder: str) -> None:
    start(papa, 'web', f'echo begin; {WAIT.format(folder, 1)}; seq 100000 160000; echo end', bufsize='200k')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'begin')
        Path(folder, '1').touch()
        await until_in_pane(driver, 'end')
        kernel = held(papa, 'web')
        assert kernel <= 200 << 10
        await driver.until_shown(f'{size(kernel)} not acknowledged')
        await driver.press('a')
        await driver.until_shown(f'web: {size(kernel)} of the {size(kernel)} that are held')
        (source,) = pane(driver).sources
        assert source.held == kernel
        assert f'{source.unseen(source.painted):,} bytes of it have never been on the screen' in driver.text()
        assert 0 < source.unseen(source.painted) < kernel
        await driver.press('y')
        await driver.until_shown(f'Acknowledged {size(kernel)} of 1 process')
        assert held(papa, 'web') == 0

    run(scenario)


def test_a_line_that_was_cut_has_not_been_seen(run: Run, papa: Papa, daemon: Daemon) -> None:
    start(papa, 'web', 'echo ' + 'x' * 300)
    with daemon.connect() as other, other.watch_processes('web'):

        async def scenario(driver: Driver) -> None:
            await open_on(driver, '›')
            seen = shown(driver)[0].count('x')
            await driver.press('a')
            await driver.until_shown(f'{301 - seen} bytes of it have never been on the screen')
            await driver.press('n', 'w')
            await driver.until(lambda: '›' not in driver.text())
            await driver.press('a')
            await driver.until_shown('Acknowledged 301 B')

        run(scenario)


def test_text_that_was_written_over_is_found_and_has_not_been_seen_before(run: Run, papa: Papa, daemon: Daemon) -> None:
    start(papa, 'web', r"printf 'error\rfine\n1\r2\n'; echo end")
    with daemon.connect() as other, other.watch_processes('web'):

        async def scenario(driver: Driver) -> None:
            await open_on(driver, 'end')
            assert shown(driver)[0].split() == ['●↩fine'], shown(driver)[0]
            await driver.press('slash')
            await driver.type('error')
            await driver.press('enter')
            await driver.until_shown('error␍fine')
            assert '1␍2' not in driver.text(), 'it has not got what is looked for'
            await driver.press('escape')
            await driver.until(lambda: 'error' not in driver.text())
            await driver.until(lambda: shown(driver)[1].startswith('◐'), 'what is seen in part')
            await driver.press('a')
            await driver.until_shown(' 2 bytes of it have never been on the screen')
            await driver.press('y')
            await driver.until_shown('Acknowledged 19 B')

        run(scenario)


def test_what_is_acknowledged_past_the_end_of_the_screen_is_asked_for(run: Run, papa: Papa, daemon: Daemon) -> None:
    start(papa, 'web', 'seq 1 60')
    with daemon.connect() as other, other.watch_processes('web'):

        async def scenario(driver: Driver) -> None:
            await open_on(driver, '60')
            for _ in range(4):
                await driver.press('pageup')
            last = int(shown(driver)[-1].split()[1])
            await driver.press('a')
            await driver.until_shown(f'that has been on the screen, {60 - last} lines after the end of this')
            await driver.press('n', 'G')
            await until_in_pane(driver, '60')
            await driver.press('a')
            await driver.until_shown('Acknowledged')

        run(scenario)


def test_what_others_take_is_a_total_in_the_title(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'echo one; echo two')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'two')
        papa.acknowledge_output('web', 4)
        await driver.until_shown('Another client has acknowledged 4 B of web')
        await driver.press('up')
        papa.acknowledge_output('web', 8)
        await driver.until_shown('8 B taken by others')
        assert 'Another client' not in driver.text()

    run(scenario)


def test_a_process_that_is_not_recorded_any_more_is_told(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'echo one')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'one')
        await driver.until_shown('4 B not acknowledged')
        papa.remove_processes('web')
        await until_in_pane(driver, 'not recorded any more since')
        assert 'not acknowledged' not in driver.text()

    run(scenario)


def test_a_long_question_fits_a_narrow_terminal(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'echo one')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'one')
        await driver.press('A')
        await driver.until_shown('Make this pane a logger')
        for columns in (80, 120, 200):
            await driver.pilot.resize_terminal(columns, 24)
            await driver.until_shown('┛')
            (top,) = (line for line in driver.lines() if '┏' in line)
            assert '┓' in top
            assert len(top.strip()) <= 100
            text = ' '.join(line.partition('┃')[2].partition('┃')[0].strip() for line in driver.lines())
            assert 'Exits are not acknowledged.' in text

    run(scenario, size=(80, 24))


@contextmanager
def stopped(daemon: Daemon) -> Iterator[None]:
    """A kernel that does not answer."""
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(daemon.pid, signal.SIGCONT)


def test_a_late_answer_opens_no_question_in_front_of_what_is_typed(run: Run, papa: Papa, daemon: Daemon) -> None:
    start(papa, 'web', 'echo one')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'one')
        for key in ('a', 'A'):
            with stopped(daemon):
                await driver.press(key)
                assert 'Asking the kernel' in driver.text()
                await driver.press('colon')
            await driver.until_shown(f'nothing was done; {key} asks again')
            await driver.press('y')
            assert driver.app.main.prompt.input.value == 'y'
            await driver.press('escape')
            await driver.until_shown('● live')
        assert held(papa, 'web') == 4

    run(scenario)


def test_a_kernel_that_takes_too_long_is_told_and_asked_no_more(run: Run, papa: Papa, daemon: Daemon) -> None:
    start(papa, 'web', 'echo one')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'one')
        with stopped(daemon):
            await driver.press('a')
            await driver.until_shown('The kernel took too long: nothing was done; a asks again')
        await driver.until_shown('● live')
        assert driver.app.screen is driver.app.main
        await driver.press('a')
        await driver.until_shown('only copy')

    run(scenario)


def test_what_another_acknowledges_after_ours_was_given_up_is_told(run: Run, papa: Papa, daemon: Daemon) -> None:
    start(papa, 'web', 'echo one')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'one')
        await driver.press('a')
        await driver.until_shown('only copy')
        with stopped(daemon):
            await driver.press('y')
            await driver.until_shown('esc gives it up')
            await driver.press('escape')
            await driver.until_shown('nothing was done')
        await driver.until_shown('● live')
        papa.acknowledge_output('web', 4)
        await driver.until_shown('4 B taken by others')

    run(scenario)


def test_without_a_kernel_there_is_nobody_to_tell(run: Run, papa: Papa, daemon: Daemon) -> None:
    start(papa, 'web', 'echo one')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'one')
        daemon.stop()
        await driver.until_shown('no kernel')
        for key in ('a', 'A'):
            await driver.press(key)
            await driver.until_shown('There is no kernel: nothing was done')
            await driver.press('l')

    run(scenario)


def test_acknowledging_on_the_line_asks_the_same(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'seq 1 500')

    async def scenario(driver: Driver) -> None:
        everything = f'{size(held(papa, "web"))} of the {size(held(papa, "web"))} that are held'
        await driver.until(lambda: driver.app.model.processes['web'].buffered == held(papa, 'web'))
        await command(driver, 'acknowledge web 99999999999')
        await driver.until_shown('Nobody logs web: the kernel drops the only copy')
        assert everything in driver.text()
        assert 'Nothing of it has been on the screen' in driver.text()
        await driver.press('n')
        await open_on(driver, '500')
        await command(driver, f'acknowledge web {held(papa, "web")}')
        await driver.until_shown('bytes of it have never been on the screen')
        await driver.press('y')
        await driver.until(lambda: held(papa, 'web') == 0)

    run(scenario)
