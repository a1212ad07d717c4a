"""The dashboard over a real kernel, without a terminal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from conftest import PATIENCE, Daemon
from textual.pilot import Pilot

from papa import Papa
from papa_tui.app import Dashboard
from papa_tui.settings import Settings
from papa_tui.widgets.table import Table

from .terminal import kill_all

Size = tuple[int, int]


@pytest.fixture(autouse=True)
def _no_leftovers() -> Iterator[None]:
    """Programs on terminals end with their test."""
    yield
    kill_all()


class Driver:
    """A dashboard, and what a person would do with it."""

    def __init__(self, app: Dashboard, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def until(self, condition: Callable[[], object], what: str = 'it') -> None:
        """Let it run until something holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f'waited in vain for {what}\n{self.text()}'
            await self.pilot.pause(0.01)

    async def settled(self) -> None:
        """Until nothing moves any more."""
        before = ''
        while before != (before := self.text()):
            await self.pilot.pause(0.05)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        names = {
            ' ': 'space', '/': 'slash', '.': 'full_stop', ':': 'colon', '*': 'asterisk', '!': 'exclamation_mark',
            '|': 'vertical_line',
        }
        await self.pilot.press(*(names.get(character, character) for character in text))

    def lines(self) -> list[str]:
        """What stands on the screen."""
        screen = self.app.screen
        width, height = screen.size
        strips = screen._compositor.render_strips()
        return [strip.text.ljust(width) for strip in strips[:height]]

    def text(self) -> str:
        return '\n'.join(line.rstrip() for line in self.lines())

    async def until_shown(self, text: str) -> None:
        await self.until(lambda: text in self.text(), repr(text))


async def command(driver: Driver, text: str) -> None:
    """Do a command on the ``:`` line."""
    await driver.press('colon')
    driver.app.main.prompt.input.value = text
    await driver.press('enter')


@asynccontextmanager
async def dashboard(where: object, size: Size = (120, 36), **settings: Any) -> AsyncIterator[Driver]:
    """A dashboard that has shown its first data."""
    app = Dashboard(Settings(where=where, autostart=False, **settings))  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot)
        await driver.until(lambda: app.model.connected_at and app.model.editions['processes'], 'the first data')
        await driver.until_shown('● live')
        yield driver
    for thread in (app.feed, app.pulse, app.doer, app.sampler):
        thread.join(PATIENCE)
        assert not thread.is_alive()


Scenario = Callable[[Driver], Coroutine[Any, Any, None]]


@pytest.fixture
def run(daemon: Daemon) -> Callable[..., None]:
    """Run a scenario with a dashboard of `daemon`."""

    def runner(scenario: Scenario, size: Size = (120, 36), **settings: Any) -> None:
        async def all_of_it() -> None:
            async with dashboard(daemon.where, size, **settings) as driver:
                await scenario(driver)

        asyncio.run(all_of_it())

    return runner


@pytest.fixture
def held(papa: Papa) -> Papa:
    """Some of everything."""
    papa.make_socket('demo.web')
    papa.set('demo.state', '{"copies": 2}')
    papa.set('demo.markup', '[red]x[/oops]')
    for number in range(1, 4):
        papa.make_process(f'web.{number}', 'sleep', '1000')
    papa.make_process('fails', 'sh', ['-c', 'exit 3'])
    return papa


def table(driver: Driver) -> Table:
    return driver.app.main.tables['processes']


def names(driver: Driver) -> list[str]:
    return [row.name for row in table(driver).view.rows]
