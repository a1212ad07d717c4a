"""The demo: some of everything, and nothing left of it, however it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PATIENCE, wait_until

from papa import Papa
from papa_tui.demo.starter import PREFIX, Demo, sweep
from papa_tui.widgets.tour import STOPS

from .conftest import Driver, dashboard
from .terminal import Terminal


@pytest.fixture
def temporary(folder: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of this test alone."""
    monkeypatch.setenv('TMPDIR', folder)
    monkeypatch.setattr(tempfile, 'tempdir', folder)
    return Path(folder)


def alive(pid: int) -> bool:
    try:
        with open(f'/proc/{pid}/stat', 'rb') as file:
            return file.read().rpartition(b')')[2].split()[0] not in (b'Z', b'X')
    except OSError:
        return False


def pids(path: str) -> list[int]:
    with Papa(path, autostart=False) as papa:
        return [each['pid'] for each in papa.list_processes().values() if each['running']]


def test_there_is_some_of_everything_and_nothing_is_left(temporary: Path) -> None:
    with Demo() as demo:
        with Papa(demo.path, autostart=False) as papa:
            wait_until(lambda: papa.list_processes('shop.migration')['shop.migration'].get('exit_code') == 3)
            wait_until(lambda: papa.list_processes('shop.metrics')['shop.metrics']['dropped'])
            held = papa.list_processes()
            assert held['shop.web.1']['watchers'] == 1
            assert len(papa.list_sockets()) == 3
            assert len(papa.list_values()) == 3
            running = [each['pid'] for each in held.values() if each['running']]
        assert len(running) >= 7
    wait_until(lambda: not any(map(alive, running)))
    assert list(temporary.iterdir()) == []


def test_a_demo_whose_starter_is_killed_cleans_up_by_itself(temporary: Path) -> None:
    code = 'from papa_tui.demo.starter import Demo\nwith Demo() as demo: print(demo.path, flush=True); input()'
    starter = subprocess.Popen([sys.executable, '-c', code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    assert starter.stdin is not None
    running = pids(starter.stdout.readline().strip())
    assert running
    starter.kill()
    starter.wait(PATIENCE)
    wait_until(lambda: not any(map(alive, running)))
    wait_until(lambda: not list(temporary.iterdir()))
    starter.stdin.close()
    starter.stdout.close()


def test_when_the_keeper_is_killed_its_programs_end_and_the_next_demo_sweeps(temporary: Path) -> None:
    code = (
        'from papa_tui.demo.starter import Demo\nwith Demo() as demo: '
        'print(demo.path, demo.keeper.pid, flush=True); input()'
    )
    starter = subprocess.Popen([sys.executable, '-c', code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    assert starter.stdin is not None
    path, keeper = starter.stdout.readline().split()
    running = pids(path)
    sweep()
    assert Path(path).exists(), 'it is alive'
    starter.send_signal(signal.SIGSTOP)
    os.kill(int(keeper), signal.SIGKILL)
    starter.kill()
    starter.wait(PATIENCE)
    wait_until(lambda: not any(map(alive, running)))
    assert [each.name.startswith(PREFIX) for each in temporary.iterdir()] == [True]
    sweep()
    assert list(temporary.iterdir()) == []
    starter.stdin.close()
    starter.stdout.close()


def test_what_is_not_a_demo_of_ours_is_left_alone(temporary: Path) -> None:
    (temporary / (PREFIX + 'other')).mkdir()
    sweep()
    assert (temporary / (PREFIX + 'other')).exists()


def test_the_program_with_its_tour(temporary: Path) -> None:
    terminal = Terminal('--demo', TMPDIR=str(temporary))
    terminal.until('shop.orders')
    terminal.until('Tour 1')
    terminal.type('n')
    terminal.until('Tour 2')
    terminal.type('q')
    status, _ = terminal.end()
    assert status == 0
    assert list(temporary.iterdir()) == []


def test_the_tour_leads_on_by_what_is_done(temporary: Path) -> None:
    async def scenario(driver: Driver) -> None:
        tour = driver.app.main.tour
        await driver.until_shown('1 failed')
        for keys, stop in ((('n',), 1), (('enter', 'escape'), 2), (('o',), 3)):
            await driver.press(*keys)
            assert tour.at == stop
        assert 'The gutter' in driver.text()
        tour.at = [stop.action for stop in STOPS].index('commands')
        tour.refresh()
        await driver.press('1', 'colon')
        await driver.type('set motd hello')
        assert 'set motd hello" (Tab' in ' '.join(driver.text().split()), 'it stays while somebody types'
        await driver.press('enter', 'L')
        await driver.until_shown('set motd hello')
        assert STOPS[tour.at].action == 'timeline'

    async def all_of_it(path: str) -> None:
        async with dashboard(path, tour=True) as driver:
            await scenario(driver)

    with Demo() as demo:
        asyncio.run(all_of_it(demo.path))


def test_a_stop_fits_into_a_narrow_screen_or_nearly() -> None:
    from papa_tui.actions import BY_ID

    assert all(len(stop.text) < 106 for stop in STOPS)
    assert {stop.action for stop in STOPS} <= set(BY_ID)


def test_the_tour_leaves_a_low_window_to_what_is_typed(run: Callable[..., None]) -> None:
    async def scenario(driver: Driver) -> None:
        assert 'Tour' not in driver.text()
        await driver.press('colon')
        await driver.type('set motd')
        await driver.until_shown(':set motd')
        await driver.press('escape', 'n')
        await driver.pilot.resize_terminal(80, 24)
        await driver.until_shown('Tour 2/9')

    run(scenario, (40, 5), tour=True)
