"""What it looks like at three sizes, text and styles. ``PAPA_PICTURES=1 pytest tests/tui/test_pictures.py`` stores the
pictures anew, ``PAPA_PICTURES=FOLDER`` puts SVGs there, too: look at them then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from papa.events import Acknowledged, Change, Event, Lost, Output
from papa_tui.app import Dashboard
from papa_tui.feeds.changes import Changed, ChangesFeed, Connected
from papa_tui.feeds.output import OutputFeed
from papa_tui.settings import Settings

from .conftest import Driver
from .drawn import compare, picture
from .made import NOW, details, ended, snapshot

View = Callable[[Driver], Coroutine[Any, Any, None]]
SOCKETS = {
    'web': {'family': 'inet', 'type': 'stream', 'host': '127.0.0.1', 'port': 8080, 'backlog': 128, 'fileno': 9},
    'local': {'family': 'unix', 'type': 'stream', 'path': '/run/local.sock', 'backlog': 5, 'fileno': 10},
}
VALUES = {
    'app.state': {'size': 13, 'value': '{"copies": 2}'}, 'app.motd': {'size': 15, 'value': 'hello\n[red]world'},
}

SAID = (
    ('web.1', 'out', b'\x1b[32mINFO\x1b[0m \x1b[1mstarted\x1b[0m, this is acknowledged'),
    ('web.1', 'out', b'GET / 200'), ('web.2', 'err', b'connection refused'), ('web.1', 'out', b'after the gap'),
    ('web.2', 'out', b'\x1b[1;31mERROR\x1b[0m not UTF-8: \xff\xfe, an escape: \x1b]0;x\x07, \xe8\x8a\xb1\xe5\xad\x90'),
    ('web.1', 'out', b'a long line ' + b'0123456789' * 25), ('web.2', 'out', b'the end of it'),
)


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
    info = {
        'endpoint': 'unix:/run/papa.sock', 'version': '2.0', 'pid': 4321, 'uptime': 273600.0, 'started': NOW - 273600.0,
    }
    moved = {'web.1': {'captured': 550_000, 'buffered': 250_000}, 'web.2': {'dropped': 1000}}
    return [
        Connected(info, NOW), Changed(snapshot(processes, SOCKETS, VALUES), NOW),
        Changed(Change('counters', 'process', '', moved), NOW),
    ]


def tell_output(feed: OutputFeed) -> None:
    """What a watch of web.1 and web.2 tells, with one of everything."""
    with feed.lock:
        feed.live = True
        for event in output():
            feed.assembler.take(event)
        feed.assembler.show_partial()
    feed._bell()


def output() -> Iterator[Event]:
    at = {'web.1': 300_000, 'web.2': 0}
    for number, (name, stream, data) in enumerate(SAID):
        if number == 3:
            yield Lost('web.1', '1', at['web.1'], at['web.1'] + 1000, 'overflow')
            at['web.1'] += 1000
        at[name] += len(data) + 1
        yield Output(name, name[-1], stream, NOW - 10 + number, data + b'\n', at[name])
    yield Acknowledged('web.1', '1', 300_000 + len(SAID[0][2]) + 1, mine=False)


async def main(driver: Driver) -> None:
    """The tables."""
    await driver.press('down')


async def pane(driver: Driver) -> None:
    """Output of two processes."""
    driver.app.main.open_pane(('web.*',))
    await driver.until_shown('the end of it')
    await driver.press('t')
    await driver.until(lambda: 'following' in driver.text() and '●' not in driver.text().replace('● live', ''))


async def detailed(driver: Driver) -> None:
    """All fields of a process."""
    await driver.press('end', 'enter')
    await driver.until_shown('logged by')


async def form(driver: Driver) -> None:
    """A form that has something to say."""
    await driver.press('plus')
    await driver.type('web')
    await driver.press('tab')
    await driver.type("'")
    await driver.press('enter')
    await driver.until_shown('no end')


async def told_help(driver: Driver) -> None:
    """The keys."""
    await driver.press('question_mark')
    await driver.until_shown('Help')


VIEWS: dict[str, View] = {'main': main, 'pane': pane, 'details': detailed, 'form': form, 'help': told_help}


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The clock stands, in Greenwich."""
    monkeypatch.setattr(time, 'time', lambda: NOW)
    monkeypatch.setattr(OutputFeed, 'run', tell_output)
    monkeypatch.setenv('TZ', 'UTC')
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize('view', VIEWS)
@pytest.mark.parametrize('size', [(80, 24), (120, 36), (200, 60)], ids=lambda size: f'{size[0]}x{size[1]}')
def test_what_it_looks_like(size: tuple[int, int], view: str) -> None:
    async def shown() -> tuple[str, str]:
        app = Dashboard(Settings(where='/nowhere'), StillFeed('/nowhere', bool, autostart=False))
        async with app.run_test(size=size) as pilot:
            driver = Driver(app, pilot)
            app.ring()
            await driver.until_shown('3/6 running')
            await driver.until_shown('failed')
            await driver.until_shown('8080')
            await VIEWS[view](driver)
            await driver.settled()
            over = None if app.screen is app.main else app.screen.children[0].region
            return picture(driver, over), app.export_screenshot(title=f'{view} {size[0]}x{size[1]}')

    compare(f'{view}-{size[0]}x{size[1]}', *asyncio.run(shown()))
