"""The tables over a real kernel: what is sampled, and what is to be seen after somebody has scrolled."""

from __future__ import annotations

from collections.abc import Callable

from papa import Papa
from papa_tui.model.model import PROCESSES
from papa_tui.widgets.table import Table

from .conftest import Driver

Run = Callable[..., None]


def processes(driver: Driver) -> Table:
    return driver.app.main.tables[PROCESSES]


def hold(papa: Papa, count: int) -> None:
    for number in range(count):
        papa.make_process(f'p.{number}', 'sleep', '1000')


def test_what_is_to_be_seen_is_sampled_each_second_and_the_rest_only_if_it_matters(run: Run, papa: Papa) -> None:
    hold(papa, 30)

    async def scenario(driver: Driver) -> None:
        main = driver.app.main

        def sampled() -> list[int]:
            return [len(some) for some in main.wanted()]

        seen = processes(driver).page
        assert seen < 30
        await driver.until(lambda: len(processes(driver).view.rows) == 30)
        assert sampled() == [seen, 0]
        processes(driver).view.sort_by('cpu')
        assert sampled() == [seen, 30 - seen]
        processes(driver).view.sort_by('name')
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
