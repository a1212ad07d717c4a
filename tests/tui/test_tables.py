"""The tables over a real kernel: what is sampled, and what is to be seen after somebody has scrolled."""

from __future__ import annotations

from collections.abc import Callable

from textual.events import MouseScrollDown

from papa import Papa

from .conftest import Driver
from .conftest import table as table_of

Run = Callable[..., None]


def hold(papa: Papa, count: int) -> None:
    for number in range(count):
        papa.make_process(f'p.{number}', 'sleep', '1000')


def test_what_is_to_be_seen_is_sampled_each_second_and_the_rest_only_if_it_matters(run: Run, papa: Papa) -> None:
    hold(papa, 30)

    async def scenario(driver: Driver) -> None:
        main = driver.app.main

        def sampled() -> list[int]:
            return [len(some) for some in main.wanted()]

        seen = table_of(driver).page
        assert seen < 30
        await driver.until(lambda: len(table_of(driver).view.rows) == 30)
        assert sampled() == [seen, 0]
        table_of(driver).view.sort_by('cpu')
        assert sampled() == [seen, 30 - seen]
        table_of(driver).view.sort_by('name')
        await driver.press('t')
        assert sampled() == [seen - 1, 0], 'all but the group, which is not folded'
        await driver.press('left', 'left')
        assert sampled() == [0, 30], 'what is in its sum'

    run(scenario, (120, 24))


def test_what_is_out_of_sight_has_no_cpu_of_long_ago(run: Run, papa: Papa) -> None:
    hold(papa, 30)

    async def scenario(driver: Driver) -> None:
        first = driver.app.model.processes['p.0']
        await driver.until(lambda: first.cpu is not None)
        await driver.press('end')
        await driver.until(lambda: first.cpu is None)
        assert first.memory is None

    run(scenario, (120, 24))


def test_a_long_name_is_whole_and_takes_no_columns_from_the_others(run: Run, papa: Papa) -> None:
    long = 'a.very.long.name' + '.of.a.process' * 5
    hold(papa, 4)
    papa.make_process(long, 'sleep', '1000')

    async def scenario(driver: Driver) -> None:
        await driver.until_shown(f'{long} ')
        row = next(line for line in driver.lines() if 'p.0' in line)
        for text in ('running', 'nobody', 'sleep 1000'):
            assert text in row
        await driver.press('right')
        await driver.until(lambda: any(f'{long} ' in line and 'running' in line for line in driver.lines()))

    run(scenario)


def test_an_address_that_is_cut_keeps_its_port(run: Run, papa: Papa) -> None:
    made = papa.make_socket('a.socket.with.a.name.of.forty-four.characters')

    async def scenario(driver: Driver) -> None:
        await driver.until(lambda: any(f':{made["port"]}' in line for line in driver.lines()))

    run(scenario)


def test_what_was_scrolled_to_by_the_wheel_stays_until_the_cursor_is_moved(run: Run, papa: Papa) -> None:
    hold(papa, 40)

    async def scenario(driver: Driver) -> None:
        table = table_of(driver)
        await driver.until(lambda: len(table.view.rows) == 40)
        for _ in range(5):
            await driver.pilot._post_mouse_events([MouseScrollDown], table, offset=(5, 5))
        assert table.scroll_offset.y == 15
        papa.make_process('p.99', 'sleep', '1000')
        await driver.until(lambda: len(table.view.rows) == 41)
        assert table.scroll_offset.y == 15
        table.view.sort_by('rate')  # which moves by itself
        table.refresh_rows(driver.app.main.as_of, members=True)
        assert table.scroll_offset.y == 15
        await driver.press('down')
        assert table.scroll_offset.y <= table.view.at

    run(scenario, (120, 24))
