"""What the kernel has before the first line of the output pane."""

from __future__ import annotations

from papa import Papa

from .conftest import Driver
from .panes import Run, open_on, pane, shown, start, until_in_pane


def test_scrolling_above_the_start_fetches_what_the_kernel_has(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'seq 100000 170000')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, '170000')
        assert pane(driver).sources[0].start
        await driver.press('g')
        await driver.until(lambda: pane(driver).sources[0].start == 0)
        await driver.press('g')
        await until_in_pane(driver, '100000')

    run(scenario)


def test_older_output_comes_once_however_often_one_asks(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'seq 100000 170000')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, '170000')
        await driver.press('g', 'g', 'g', 'up', 'pageup')
        await driver.until(lambda: pane(driver).sources[0].start == 0)
        await until_in_pane(driver, '100000')
        await driver.press('g', 'g', 'G')
        await until_in_pane(driver, '170000')
        found = [int(line.data) for line in pane(driver).lines_to_save()]
        assert found == list(range(100000, 170001))

    run(scenario)


def test_what_was_cleared_comes_again_as_it_was(run: Run, papa: Papa) -> None:
    papa.make_process('web', 'sh', ['-c', 'for i in 1 2 3; do echo line $i; sleep 0.02; done; exit 3'])

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'ended: exit 3')
        before = [line.split(maxsplit=1)[1] for line in shown(driver) if 'line' in line]
        await driver.press('x')
        await until_in_pane(driver, 'g fetches what the kernel has')
        await driver.press('g')
        await driver.until(lambda: not pane(driver).sources[0].more_above)
        await driver.press('g')
        await until_in_pane(driver, 'line 3')
        assert [line.split(maxsplit=1)[1] for line in shown(driver) if line] == before

    run(scenario)


def test_what_was_lost_before_what_is_fetched_is_told_at_its_place(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'seq 100000 199999', bufsize='500k')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, '199999')
        await driver.press('g')
        await driver.until(lambda: not pane(driver).sources[0].more_above)
        await driver.press('g')
        await until_in_pane(driver, 'lost to overflow')

    run(scenario)


def test_a_full_pane_says_where_more_is(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'seq 100000 170000')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, '170000')
        store = pane(driver).feed.store  # type: ignore[union-attr]
        store._most_bytes = store.bytes
        await driver.press('g')
        await driver.until_shown('No room for more lines here')

    run(scenario)
