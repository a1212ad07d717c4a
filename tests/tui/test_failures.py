"""A thread that ends by a mistake of ours: a person is told, and nothing is called live that is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conftest import Daemon

from papa import Papa
from papa_tui.feeds.doer import Job

from .conftest import Driver, command

Run = Callable[..., None]


def broken(*_: Any) -> Any:
    raise KeyError('boom')


def test_a_feed_of_changes_that_fails_is_told_and_is_not_live(run: Run, papa: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        driver.app.feed.news.put = broken  # type: ignore[method-assign]
        papa.set('a', 'x')
        await driver.until_shown("The feed of changes has failed: KeyError: 'boom'; restart papa-tui")
        await driver.until_shown('✗ the feed of changes has failed')
        assert '● live' not in driver.text()
        await command(driver, 'set a b')
        await driver.until_shown('nothing was done')
        await driver.press('T')
        await driver.until_shown("papa-tui the feed of changes has failed: KeyError: 'boom'")
        assert 'boom' in driver.app.failures.all[0].trace

    run(scenario)


def test_a_feed_of_output_that_fails_is_told(run: Run, papa: Papa) -> None:
    papa.make_process('job', 'sh', ['-c', 'echo hello; read x'])

    async def scenario(driver: Driver) -> None:
        await driver.press('o')
        await driver.until_shown('hello')
        feed = driver.app.main.pane.feed
        assert feed is not None
        feed.assembler.take = broken  # type: ignore[method-assign]
        papa.acknowledge_output('job', 6)
        await driver.until_shown('The feed of output has failed')
        assert not feed.live

    run(scenario)


def test_what_asks_the_kernel_is_begun_anew(run: Run, papa: Papa, daemon: Daemon) -> None:
    async def scenario(driver: Driver) -> None:
        driver.app.do(Job(broken, broken))
        await driver.until_shown('What asks the kernel has failed')
        await command(driver, 'set a b')
        await driver.until(lambda: papa.get('a') == 'b')

    run(scenario)
