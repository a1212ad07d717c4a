"""The main job: web servers that notice nothing while the program that manages them is killed again and again."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import PATIENCE, Daemon, wait_until

from papa import Papa

MANAGERS = 6
JOINED = 0.010  # seconds: neighbouring pieces of output that are closer may be joined and have the first time
COPIES = ('demo.web.1', 'demo.web.2')

MANAGER = '''
"""Starts two copies of a web server on one socket, unless they run; keeps their logs."""

import json, os, sys, time
from papa import Papa

command, journal = json.loads(sys.argv[1]), open(sys.argv[2], 'a')


def note(**what):
    print(json.dumps(what), file=journal, flush=True)


with Papa(autostart=False) as papa:
    found = [sorted(papa.list_sockets('demo.*')), sorted(papa.list_processes('demo.web.*'))]
    state = papa.list_values('demo.*')
    generation = int(state.get('demo.generation', 0)) + 1
    papa.set('demo.generation', str(generation))
    socket = papa.make_socket('demo.web', backlog=128)
    pids = [
        papa.make_process(f'demo.web.{number}', command[0], command[1:], working_dir=os.getcwd())['pid']
        for number in (1, 2)
    ]
    note(event='manager', found=found, state=state, generation=generation, port=socket['port'], pids=pids,
         time=time.time())
    watcher = papa.watch_processes('demo.web.*')
    while results := watcher.read():
        out, err, closed = results
        note(event='output', generation=generation,
             pieces=[[o.name, o.timestamp, o.data.decode()] for o in out + err + closed if o.data.decode()])
        watcher.acknowledge()
        note(event='acknowledged')
'''

APPLICATIONS = {
    'wsgi.py': '''
def app(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [environ['PATH_INFO'].encode()]
''',
    'asgi.py': '''
async def app(scope, receive, send):
    await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'content-type', b'text/plain')]})
    await send({'type': 'http.response.body', 'body': scope['path'].encode()})
''',
}

SERVERS = {
    'gunicorn': ('-m', 'gunicorn', '--bind', 'fd://$(socket.demo.web.fileno)', '--access-logfile', '-',
                 'wsgi:app'),
    'uvicorn': ('-m', 'uvicorn', '--fd', '$(socket.demo.web.fileno)', '--lifespan', 'off', 'asgi:app'),
}


class Journal:
    """What the managers wrote down, each in a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[Path] = []

    def new_file(self) -> Path:
        self._files.append(self._folder / f'journal.{len(self._files) + 1}')
        self._files[-1].touch()
        return self._files[-1]

    @property
    def entries(self) -> list[dict[str, Any]]:
        """In order; the last line of one that was killed may be half, and does not count."""
        lines = [line for file in self._files for line in file.read_text().splitlines(keepends=True)]
        return [json.loads(line) for line in lines if line.endswith('\n')]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [entry for entry in self.entries if entry['event'] == event]

    @property
    def text(self) -> str:
        """All output, in the order in which it was collected."""
        return ''.join(data for entry in self.of('output') for _, _, data in entry['pieces'])


class Visitors:
    """A steady stream of requests, each for a path of its own, over a new connection."""

    def __init__(self, port: int) -> None:
        self.asked: dict[str, float] = {}
        self.failures: list[str] = []
        self._port = port
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._visit, args=(number,)) for number in range(2)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _visit(self, visitor: int) -> None:
        number = 0
        while not self._stopped.is_set():
            number += 1
            path = f'/visitor-{visitor}/request-{number}-end'
            self.asked[path] = time.time()
            try:
                connection = http.client.HTTPConnection('127.0.0.1', self._port, timeout=PATIENCE)
                connection.request('GET', path)
                response = connection.getresponse()
                body = response.read().decode()
                connection.close()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f'{path}: {error!r}')
                continue
            if (response.status, body) != (200, path):
                self.failures.append(f'{path}: {response.status} {body!r}')


@pytest.fixture
def kernel(start_daemon: Callable[..., Daemon], folder: str) -> Iterator[Papa]:
    """A kernel whose processes find their home in the test's folder."""
    with start_daemon(env={**os.environ, 'HOME': folder}).connect() as papa:
        yield papa


@pytest.mark.parametrize('server', SERVERS)
def test_nothing_is_lost_while_managers_die(server: str, kernel: Papa, folder: str) -> None:
    here = Path(folder)
    for name, text in {'manager.py': MANAGER, **APPLICATIONS}.items():
        (here / name).write_text(text)
    journal = Journal(here)
    visitors: Visitors | None = None

    def start_manager() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, 'manager.py', json.dumps([sys.executable, *SERVERS[server]]), journal.new_file()],
            cwd=here, env={**os.environ, 'PAPA_ENDPOINT': kernel.endpoint.uri}, start_new_session=True,
        )

    try:
        for number in range(1, MANAGERS + 1):
            manager = start_manager()
            wait_until(lambda number=number: len(journal.of('manager')) == number, f'manager {number}')
            if visitors is None:
                visitors = Visitors(journal.of('manager')[0]['port'])
            before = len(journal.of('acknowledged'))
            wait_until(lambda before=before: len(journal.of('acknowledged')) > before + 3, 'the log')
            if number < MANAGERS:
                manager.kill()
                manager.wait()
                seen = len(visitors.asked)
                wait_until(lambda seen=seen, v=visitors: len(v.asked) > seen + 20, 'requests without a manager')
        visitors.stop()
        last = list(visitors.asked)[-20:]
        wait_until(lambda: all(f'{path} ' in journal.text for path in last), 'the last lines of the log')
        wait_until(lambda: journal.entries[-1]['event'] == 'acknowledged', 'the last acknowledgement')
    finally:
        manager.kill()
        manager.wait()
        if visitors is not None:
            visitors.stop()

    assert visitors.failures == []
    check_managers(journal)
    check_log(journal, visitors.asked)
    assert list(kernel.list_processes()) == list(COPIES)


def check_managers(journal: Journal) -> None:
    """Each found the sockets, values and processes that the one before had left."""
    first, *others = journal.of('manager')
    assert (first['found'], first['state'], first['generation']) == ([[], []], {}, 1)
    assert len(others) == MANAGERS - 1
    for generation, entry in enumerate(others, 2):
        assert entry['found'] == [['demo.web'], list(COPIES)]
        assert entry['state'] == {'demo.generation': str(generation - 1)}
        assert entry['generation'] == generation
        assert (entry['port'], entry['pids']) == (first['port'], first['pids'])


def check_log(journal: Journal, asked: dict[str, float]) -> None:
    """Every request stands in the log, with the time at which it was captured; and only what was not
    acknowledged came twice, with the same time."""
    captured: dict[str, float] = {}
    may_come_again: set[str] = set()  # read by a manager that was killed before it noted an acknowledgement
    unacknowledged: set[str] = set()
    started = 0.0
    from_before = 0
    for entry in journal.entries:
        if entry['event'] == 'manager':
            started = entry['time']
            may_come_again, unacknowledged = unacknowledged, set()
        elif entry['event'] == 'acknowledged':
            unacknowledged.clear()
        else:
            for path, when in requests(entry['pieces']):
                assert path not in captured or path in may_come_again, f'{path} came again'
                assert captured.setdefault(path, when) == when
                may_come_again.discard(path)
                unacknowledged.add(path)
                from_before += when < started
    assert set(captured) == set(asked)
    assert all(when - JOINED < captured[path] for path, when in asked.items())
    assert from_before >= (MANAGERS - 1) * 20


def requests(pieces: list[tuple[str, float, str]]) -> Iterator[tuple[str, float]]:
    """The paths in a log with the time of each line. A line may be divided between two pieces of one process."""
    rest: dict[str, tuple[str, float]] = {}
    for name, when, data in pieces:
        before, since = rest.pop(name, ('', when))
        *lines, last = (before + data).split('\n')
        for index, line in enumerate(lines):
            for path in re.findall(r'/visitor-\d+/request-\d+-end', line):
                yield path, when if index or not before else since
        if last:
            rest[name] = (last, when)
    assert not rest, 'half a line'
