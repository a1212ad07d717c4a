"""A monkey at the keyboard, while processes come, write and go, and the window changes its size."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from papa import Papa

from .conftest import Driver

KEYS = (
    'n', 'N', 'o', 'space', 'u', 's', 'S', 't', 'left', 'right', 'up', 'down', 'pageup', 'pagedown', 'home', 'end', 'f',
    'tab', 'shift+tab', '1', '2', '3', '4', 'T', 'question_mark', 'escape', 'escape', 'enter', 'slash', 'colon', 'plus',
    'minus', 'e', 'x', 'y', 'a', 'A', 'w', 'ampersand', 'm', 'apostrophe', 'c', 'C', 'at', 'F', 'L', 'g', 'G', 'ctrl+l',
    'backspace', 'ctrl+p', 'r', 'delete',
)
SIZES = ((120, 36), (80, 24), (40, 10), (12, 4), (1, 1), (200, 60))
STEPS = 150


@pytest.mark.parametrize('seed', [1, 2, 3])
def test_nothing_breaks(run: Callable[..., None], papa: Papa, seed: int) -> None:
    rng = random.Random(seed)
    noisy = 'while :; do echo "\x1b[31mred\x1b[0m $$"; echo oops >&2; sleep 0.1; done'
    for number in range(4):
        papa.make_process(f'app.{number}', 'sh', ['-c', noisy if number else 'exit 3'])
    papa.make_socket('app')
    papa.set('app.value', '{"a": 1}')

    async def scenario(driver: Driver) -> None:
        for step in range(STEPS):
            await driver.press(rng.choice(KEYS))
            if step % 10 == 0:
                await driver.pilot.resize_terminal(*rng.choice(SIZES))
            if step % 25 == 0:
                papa.set(f'value.{step}', 'x' * step)
                papa.make_process(f'job.{step}', 'sh', ['-c', 'seq 1 200'])
        await driver.pilot.resize_terminal(120, 36)
        for _ in range(6):
            await driver.press('escape')
        await driver.until(lambda: driver.app.screen is driver.app.main)
        await driver.until_shown('● live')

    run(scenario)
