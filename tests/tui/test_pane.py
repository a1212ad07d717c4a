"""The output pane over a real kernel: looking without taking, acknowledging, losses, going on after a lost kernel."""

from __future__ import annotations

import os
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from conftest import Daemon, wait_until

from papa import Papa
from papa_tui.output.sources import ACKNOWLEDGED, SEEN

from .conftest import Driver
from .panes import Run, be_logger, held, open_on, pane, shown, start, until_in_pane


def test_looking_takes_nothing_and_acknowledging_asks_where_nobody_logs(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'echo one; echo two')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'two')
        assert 'peeking' in driver.text()
        assert held(papa, 'web') == 8
        await driver.press('a')
        await driver.until_shown('only copy')
        await driver.press('n')
        assert held(papa, 'web') == 8
        await driver.press('a')
        await driver.until_shown('only copy')
        await driver.press('y')
        await driver.until(lambda: held(papa, 'web') == 0, 'the acknowledgement')
        (source,) = pane(driver).sources
        await driver.until(lambda: source.state([(0, 4)]) == ACKNOWLEDGED)
        assert driver.app.main.commands == ['peek processes web', f'acknowledge web 8 {source.id}']

    run(scenario)


def test_with_a_logger_and_all_seen_it_does_not_ask(run: Run, papa: Papa, daemon: Daemon) -> None:
    start(papa, 'web', 'echo one; echo two')
    with daemon.connect() as other, other.watch_processes('web'):

        async def scenario(driver: Driver) -> None:
            await open_on(driver, 'two')
            await driver.until(lambda: driver.app.model.processes['web'].watchers == 1)
            await driver.press('a')
            await driver.until_shown('Acknowledged 8 B')
            await driver.until(lambda: held(papa, 'web') == 0)

        run(scenario)


def test_what_was_never_on_the_screen_is_asked_for(run: Run, papa: Papa, daemon: Daemon) -> None:
    start(papa, 'web', 'seq 1 500')
    with daemon.connect() as other, other.watch_processes('web'):

        async def scenario(driver: Driver) -> None:
            await open_on(driver, '500')
            await driver.press('a')
            await driver.until_shown('have never been on the screen')
            await driver.press('n')

        run(scenario)


def test_another_client_that_acknowledges_first_is_told(run: Run, papa: Papa, daemon: Daemon) -> None:
    start(papa, 'web', 'echo one; echo two')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'two')
        papa.acknowledge_output('web', 4)
        await driver.until_shown('Another client has acknowledged 4 B of web')
        (source,) = pane(driver).sources
        await driver.until(lambda: source.state([(4, 8)]) == SEEN)
        assert source.state([(0, 4)]) == ACKNOWLEDGED

    run(scenario)


def test_a_pane_can_become_a_logger_and_peek_again(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'echo one; read line < /dev/null; echo two')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'two')
        await driver.press('A')
        await driver.until_shown('Make this pane a logger of web')
        await driver.press('y')
        await driver.until_shown('THIS PANE IS A LOGGER')
        await driver.until(lambda: held(papa, 'web') == 0)
        assert papa.list_processes('web')['web']['watchers'] == 1
        assert [line.split()[-1] for line in shown(driver) if line] == ['one', 'two'], 'no repeats'
        await driver.press('A')
        await driver.until(lambda: papa.list_processes('web')['web']['watchers'] == 0)

    run(scenario)


def test_an_exit_is_told_and_not_acknowledged(run: Run, papa: Papa) -> None:
    papa.make_process('job', 'sh', ['-c', 'echo bye; exit 7'])

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'ended: exit 7')
        await be_logger(driver)
        await driver.until(lambda: held(papa, 'job') == 0)
        assert 'job' in papa.list_processes()

    run(scenario)


def captured(papa: Papa) -> int:
    return sum(int(each['captured']) for each in papa.list_processes().values())


def test_several_are_interleaved_by_the_time_of_capture(run: Run, papa: Papa, folder: str) -> None:
    script = 'for i in 1 2 3; do while [ ! -e {0}/{1}$i ]; do sleep 0.01; done; echo {1}$i; touch {0}/done-{1}$i; done'
    order = ['a1', 'b1', 'b2', 'a2', 'b3', 'a3']
    start(papa, 'a', script.format(folder, 'a'))
    start(papa, 'b', script.format(folder, 'b'))
    for step in order:
        before = captured(papa)
        Path(folder, step).touch()
        wait_until(lambda: captured(papa) > before, step)  # noqa: B023
        later = time.time() + 0.02  # the kernel may join pieces of 10 ms
        wait_until(lambda: time.time() > later)  # noqa: B023

    async def scenario(driver: Driver) -> None:
        await driver.press('space', 'space', 'o')
        await until_in_pane(driver, 'a3')
        assert [line.split()[2] for line in shown(driver) if line] == order

    run(scenario)


def test_after_a_lost_connection_it_goes_on_where_it_was(
    run: Run, papa: Papa, daemon: Daemon, start_daemon: Callable[..., Daemon]
) -> None:
    start(papa, 'web', 'echo one')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'one')
        daemon.stop()
        await until_in_pane(driver, 'the connection was lost')
        again = start_daemon(port_or_path=daemon.where)
        with again.connect() as other:
            start(other, 'web', 'echo two')
        await until_in_pane(driver, 'two')
        words = ('one', 'connected again', 'another process under the same name', 'two')
        lines = [line for line in shown(driver) if line]
        places = [next(at for at, line in enumerate(lines) if word in line) for word in words]
        assert places == sorted(places)

    run(scenario)


def test_panes_that_were_closed_leave_no_descriptors(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'echo hello')

    def count() -> int:
        return len(os.listdir('/proc/self/fd'))

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'hello')
        await driver.press('escape')
        await driver.until(lambda: not any(thread.name == 'output' for thread in threading.enumerate()))
        before = count()
        for _ in range(5):
            await open_on(driver, 'hello')
            await driver.press('escape')
        await driver.until(lambda: count() <= before, 'the descriptors to be given back')

    run(scenario)


def test_search_counts_and_a_filter_filters(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'seq 1 60')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, '60')
        await driver.press('slash')
        await driver.type('5')
        await driver.press('enter')
        await driver.until_shown('"5" 15 of 15')
        await driver.press('N')
        await driver.until_shown('"5" 14 of 15')
        await driver.press('escape', 'ampersand')
        await driver.type('1 !2')
        await driver.press('enter')
        await driver.until_shown('filter: 1 !2')
        body = [line.split()[1] for line in shown(driver) if line]
        assert body
        assert all('1' in each and '2' not in each for each in body)

    run(scenario)


def test_following_stops_when_one_scrolls_up_and_what_comes_is_counted(run: Run, papa: Papa, folder: str) -> None:
    wait = f'while [ ! -e {folder}/go ]; do sleep 0.01; done'
    start(papa, 'web', f'seq 1 100; {wait}; seq 101 110')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, '100')
        await driver.press('up')
        before = shown(driver)
        Path(folder, 'go').touch()
        await driver.until_shown('10 new lines below')
        assert shown(driver) == before
        await driver.press('G')
        await until_in_pane(driver, '110')

    run(scenario)


def test_saving_is_private_and_never_overwrites(run: Run, papa: Papa, tmp_path: Path) -> None:
    papa.make_process('web', sys.executable, ['-c', r"print('\x1b[31mred\x1b[0m\x1b[2J')"])
    path = tmp_path / 'out.log'

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'ended')
        for said in ('Saved 2 lines', 'already'):
            await driver.press('W')
            driver.app.main.prompt.input.value = str(path)
            await driver.press('enter')
            await driver.until_shown(said)

    run(scenario)
    assert path.read_text() == 'red\nended: exit 0\n'
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_copying_leaves_the_gutter_out(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'echo one; echo two')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'two')
        await driver.press('c')
        assert driver.app.clipboard == 'one\ntwo'
        await driver.until_shown('2 lines) to the clipboard')
        y = pane(driver).region.y + 1
        await driver.pilot.mouse_down(offset=(2, y))
        await driver.pilot.mouse_up(offset=(3, y + 1))
        await driver.press('c')
        assert driver.app.clipboard == 'one\ntw'

    run(scenario)


def test_looks_and_a_lack_of_room(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'echo ' + 'x' * 300 + '; echo end')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'end')
        assert '›' in driver.text()
        await driver.press('w', 't')
        assert '›' not in driver.text()
        assert driver.text().count('x' * 80) >= 3
        await driver.press('f')
        assert 'Processes' not in driver.text()
        for size in ((40, 10), (5, 3), (1, 1), (120, 36)):
            await driver.pilot.resize_terminal(*size)
            await driver.press('up')
        await driver.press('escape', 'escape')
        await driver.until_shown('Processes 1')

    run(scenario)


def test_read_only_takes_acknowledging_away(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'echo one')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'one')
        await driver.press('a', 'A')
        await driver.pilot.pause()
        assert driver.app.screen is driver.app.main
        assert held(papa, 'web') == 4

    run(scenario, read_only=True)


def test_it_can_be_started_right_on_some_output(run: Run, papa: Papa) -> None:
    start(papa, 'web.1', 'echo one')

    async def scenario(driver: Driver) -> None:
        await until_in_pane(driver, 'one')
        start(papa, 'web.2', 'echo two')
        await until_in_pane(driver, 'two')

    run(scenario, watch=('web.*',))


def test_a_connection_that_breaks_costs_no_line_and_repeats_none(run: Run, papa: Papa, folder: str) -> None:
    wait = 'while [ ! -e {}/{} ]; do sleep 0.01; done'
    first, second = wait.format(folder, 1), wait.format(folder, 2)
    start(papa, 'web', f'echo one; printf tw; {first}; echo o; echo three; {second}; echo end')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'tw')
        feed = pane(driver).feed
        assert feed is not None
        assert feed.watcher is not None
        with socket.socket(fileno=os.dup(feed.watcher.fileno())) as connection:
            connection.shutdown(socket.SHUT_RDWR)
        await until_in_pane(driver, 'the connection was lost')
        Path(folder, '1').touch()
        await until_in_pane(driver, 'three')
        papa.acknowledge_output('web', 4)
        Path(folder, '2').touch()
        await until_in_pane(driver, 'end')
        lines = [line.split(maxsplit=1)[1] for line in shown(driver) if line and '──' not in line]
        assert lines == ['one', 'two', 'three', 'end']

    run(scenario)


def test_a_search_that_takes_too_long_is_given_up(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'echo ' + 'a' * 60 + '; echo end')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'end')
        await driver.press('slash')
        driver.app.main.prompt.input.value = 're:(a+)+x'
        await driver.until_shown('takes too long')
        await driver.press('enter')
        assert 'end' in driver.text()

    run(scenario)


def test_a_pane_that_is_opened_on_a_kernel_that_hangs_says_what_is_known(run: Run, papa: Papa, daemon: Daemon) -> None:
    start(papa, 'web', 'echo one')

    async def scenario(driver: Driver) -> None:
        os.kill(daemon.pid, signal.SIGSTOP)
        try:
            await open_on(driver, 'The kernel has not answered yet')
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
        await until_in_pane(driver, 'one')

    run(scenario)
