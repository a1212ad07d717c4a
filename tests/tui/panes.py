"""The output pane in tests: what it shows, and what the kernel holds."""

from __future__ import annotations

from collections.abc import Callable

from papa import Papa
from papa_tui.widgets.pane import Pane

from .conftest import Driver

Run = Callable[..., None]


def pane(driver: Driver) -> Pane:
    return driver.app.main.pane


def shown(driver: Driver) -> list[str]:
    """The lines of the pane: marks, names and text."""
    return [strip.text.rstrip(' ┃') for strip in pane(driver)._strips[1:]]


def held(papa: Papa, name: str) -> int:
    return int(papa.list_processes(name)[name]['buffered'])


def start(papa: Papa, name: str, script: str, **options: object) -> None:
    papa.make_process(name, 'sh', ['-c', f'{script}; exec sleep 1000'], **options)  # type: ignore[arg-type]


async def open_on(driver: Driver, text: str) -> None:
    await driver.press('o')
    await until_in_pane(driver, text)


async def until_in_pane(driver: Driver, text: str) -> None:
    await driver.until(lambda: any(text in line for line in shown(driver)), f'{text!r} in the pane')


async def be_logger(driver: Driver) -> None:
    """Make the pane a logger."""
    await driver.press('A')
    await driver.until_shown('Make this pane a logger')
    await driver.press('y')
    await driver.until_shown('THIS PANE IS A LOGGER')
