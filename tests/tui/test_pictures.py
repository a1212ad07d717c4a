"""What stands on the screen at three sizes, as text. `PAPA_PICTURES=1` writes the pictures anew: look at them then."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from papa.events import Change
from papa_tui.app import Dashboard
from papa_tui.feeds.changes import Changed, ChangesFeed, Connected
from papa_tui.settings import Settings

from .conftest import Driver
from .made import NOW, details, ended, snapshot

PICTURES = Path(__file__).parent / 'pictures'
SOCKETS = {
    'web': {'family': 'inet', 'type': 'stream', 'host': '127.0.0.1', 'port': 8080, 'backlog': 128, 'fileno': 9},
    'local': {'family': 'unix', 'type': 'stream', 'path': '/run/local.sock', 'backlog': 5, 'fileno': 10},
}
VALUES = {
    'app.state': {'size': 13, 'value': '{"copies": 2}'}, 'app.motd': {'size': 15, 'value': 'hello\n[red]world'},
}


class StillFeed(ChangesFeed):
    """Has told something once, and is silent."""

    def run(self) -> None:
        for news in told():
            self.news.put(news)
        self.began.set()


def told() -> list[Connected | Changed]:
    processes = {
        'web.1': details(
            pid=101, id='1', captured=500_000, buffered=200_000, bufsize=1 << 20, watchers=1, sockets=['web'],
            args=['gunicorn', '--bind', 'fd://9', 'app:app'],
        ),
        'web.2': details(pid=102, id='2', buffered=900_000, bufsize=1 << 20, sockets=['web'], args=['gunicorn']),
        'blocked': details(pid=103, id='3', buffered=1000, overflow='block', args=['sh', '-c', 'echo \x1b[2J']),
        'failed': ended(3, pid=104, id='4', buffered=77, args=['false']),
        'killed': ended(-9, pid=105, id='5', dropped=4096, args=['oom']),
        'finished': ended(0, pid=106, id='6', args=['true']),
    }
    info = {'endpoint': 'unix:/run/papa.sock', 'version': '2.0', 'pid': 4321, 'uptime': 273600.0}
    moved = {'web.1': {'captured': 550_000, 'buffered': 250_000}, 'web.2': {'dropped': 1000}}
    return [
        Connected(info, NOW), Changed(snapshot(processes, SOCKETS, VALUES), NOW),
        Changed(Change('counters', 'process', '', moved), NOW),
    ]


@pytest.mark.parametrize('size', [(80, 24), (120, 36), (200, 60)], ids=lambda size: f'{size[0]}x{size[1]}')
def test_the_screen(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, 'time', lambda: NOW)

    async def shown() -> str:
        app = Dashboard(Settings(where='/nowhere'), StillFeed('/nowhere', bool, autostart=False))
        async with app.run_test(size=size) as pilot:
            driver = Driver(app, pilot)
            app.ring()
            await driver.until_shown('3/6 running')
            await driver.until_shown('failed')
            await driver.until_shown('8080')
            return driver.text() + '\n'

    found = asyncio.run(shown())
    picture = PICTURES / f'{size[0]}x{size[1]}.txt'
    if os.environ.get('PAPA_PICTURES'):
        picture.parent.mkdir(exist_ok=True)
        picture.write_text(found)
    assert found == picture.read_text()
