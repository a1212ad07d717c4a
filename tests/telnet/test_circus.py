"""circus 0.17.2 with ``use_papa`` on our kernel: with the published client of papa 1.0.6, and with ours."""

from __future__ import annotations

import inspect
import json
import os
import re
import signal
import socket
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import pytest

import papa

PATIENCE = 30.0
WORKER = Path(__file__).with_name('circus_worker.py')
SOME_LINES = 20

# circus asks for a kernel before it has read `papa_endpoint`, and by `tcp://` overwrites a function of papa. Those who
# run it elsewhere than at port 20202 say so before (as circus' own tests do) or, with our client, by PAPA_ENDPOINT.
PUBLISHED = 'import papa; papa.set_default_path({path!r}); from circus.{module} import main; main()'
OURS = 'from circus.{module} import main; main()'

INI = '''
[circus]
check_delay = 0.3
endpoint = ipc://{folder}/control
pubsub_endpoint = ipc://{folder}/events
papa_endpoint = {endpoint}

[watcher:Talk]
cmd = {python} {worker} $(circus.wid) $(circus.sockets.web)
numprocesses = 2
use_papa = True
use_sockets = True
copy_env = True
graceful_timeout = 5
stdout_stream.class = FileStream
stdout_stream.filename = {folder}/talk.log

[socket:web]
host = 127.0.0.1
port = 0
use_papa = True
'''

SILENT = '''
[watcher:silent]
cmd = /bin/sleep 1000
use_papa = True
stdout_stream.class = FileStream
stdout_stream.filename = {folder}/silent.log

[watcher:unheard]
cmd = /bin/sleep 1000
use_papa = True

[socket:file]
path = {folder}/file.sock
umask = 63
use_papa = True
'''


class Circus:
    """circusd with its configuration, and circusctl."""

    def __init__(self, folder, daemon, python, client, environment, silent):
        self.folder = folder
        self.daemon = daemon
        self.python = python
        self.is_published = client == 'published'
        self.log = Path(folder, 'talk.log')
        self._environment = environment(PYTHONDONTWRITEBYTECODE='1')
        endpoint = f'ipc://{daemon.where}'
        if not self.is_published:
            overlay = Path(folder, 'overlay')  # circus finds our papa before the published one
            overlay.mkdir()
            (overlay / 'papa').symlink_to(Path(papa.__file__).parent)
            self._environment |= {'PYTHONPATH': str(overlay), 'PAPA_ENDPOINT': str(daemon.where)}
            if isinstance(daemon.where, int):
                endpoint = f'tcp://127.0.0.1:{daemon.where}'
        Path(folder, 'circus.ini').write_text(
            (INI + SILENT * silent).format(folder=folder, python=python, worker=WORKER, endpoint=endpoint)
        )
        self.process = None

    def _command(self, module, *arguments):
        code = (PUBLISHED if self.is_published else OURS).format(path=self.daemon.where, module=module)
        return [self.python, '-W', 'ignore', '-c', code, *arguments]

    def start(self, **environment):
        """Start circusd; it is ours to end."""
        with open(f'{self.folder}/circusd.log', 'ab') as log:
            self.process = subprocess.Popen(
                self._command('circusd', f'{self.folder}/circus.ini', '--log-level', 'debug'),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment | environment,
            )

    def control(self, *arguments):
        """What circusctl prints. circus answers before it has done what it was told, and refuses more until then."""
        deadline = time.monotonic() + PATIENCE
        while True:
            ended = subprocess.run(
                self._command('circusctl', '--endpoint', f'ipc://{self.folder}/control', '--timeout', '20', *arguments),
                capture_output=True, text=True, env=self._environment, timeout=PATIENCE,
            )
            if 'arbiter is already running' not in ended.stderr or time.monotonic() > deadline:
                break
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    def kill(self):
        """As ``kill -9``."""
        self.process.kill()
        self.process.wait()

    def terminate(self):
        """SIGTERM, and the wait for the end that follows from it.

        circus forgets a signal that comes while it is starting something: then it is sent again.
        """
        deadline = time.monotonic() + 10
        while 'Arbiter exiting' not in self.said():
            assert time.monotonic() < deadline
            self.process.terminate()
            try:
                return self.process.wait(0.5)
            except subprocess.TimeoutExpired:
                pass
        return self.process.wait(deadline - time.monotonic())

    def cleanup(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def said(self):
        """What circusd has logged."""
        return Path(self.folder, 'circusd.log').read_text()

    def errors(self):
        """What circusd has logged of exceptions."""
        return [line for line in self.said().splitlines() if '[ERROR]' in line or 'Failed to create' in line]

    def lines(self):
        """By worker, the numbers of the lines in the log file that circus writes."""
        found = {}
        if self.log.exists():
            text = self.log.read_text()
            for line in text[: text.rfind('\n') + 1].splitlines():
                label, number = line.split()
                found.setdefault(label, []).append(int(number))
        return found

    def hears(self, workers=2):
        """Whether the log file has some lines of so many workers."""
        lines = self.lines()
        return len(lines) >= workers and all(len(numbers) >= SOME_LINES for numbers in lines.values())


@pytest.fixture(params=['published', 'ours', 'ours, tcp'])
def circus(request, folder, start_daemon, free_port, old_world, environment):
    """circus, not started yet."""
    client, _, kind = request.param.partition(', ')
    daemon = start_daemon(port_or_path=free_port if kind else None, cwd='/')
    made = Circus(folder, daemon, old_world, client, environment, silent=client == 'ours')
    yield made
    made.cleanup()


only_ours = pytest.mark.parametrize('circus', ['ours'], indirect=True)
both_clients = pytest.mark.parametrize('circus', ['published', 'ours'], indirect=True)


def pids(client):
    return {name: details['pid'] for name, details in client.list_processes('circus.talk.*').items()}


def who_serves(client):
    """The PID that the workers' socket answers with."""
    address = ('127.0.0.1', client.list_sockets('circus.web')['circus.web']['port'])
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        return int(connection.recv(100))


def check_complete(lines, repetitions):
    """Each worker's lines are all there and in order; at most so often some are repeated, where circus was killed."""
    for label, numbers in lines.items():
        steps = [after - before for before, after in pairwise(numbers)]
        others = [step for step in steps if step != 1]
        assert numbers[0] == 1, label
        assert len(others) <= repetitions, (label, others)
        assert all(step < 1 for step in others), (label, others)


def test_workers_survive_a_killed_circus(circus, wait_until):
    circus.start()
    wait_until(circus.hears, 'the log file')
    with circus.daemon.connect() as client:
        before = pids(client)
        assert len(before) == 2
        assert sorted(map(int, re.findall(r'\d+', circus.control('list', 'Talk')))) == sorted(before.values())
        circus.kill()
        assert who_serves(client) in before.values()
        wait_until(
            lambda: all(details['buffered'] > 100 for details in client.list_processes('circus.talk.*').values()),
            'output while there is no circus',
        )
        reached = {label: numbers[-1] for label, numbers in circus.lines().items()}

        circus.start()
        wait_until(
            lambda: all(circus.lines()[label][-1] > reached[label] + SOME_LINES for label in reached),
            'the log file to go on',
        )
        assert pids(client) == before
        assert sorted(map(int, re.findall(r'\d+', circus.control('list', 'Talk')))) == sorted(before.values())
        assert who_serves(client) in before.values()
        check_complete(circus.lines(), repetitions=1)

        assert circus.terminate() == 0
        assert pids(client) == before
        check_complete(circus.lines(), repetitions=1)
        check_rest_is_kept(circus, client)
    assert not circus.errors()


def check_rest_is_kept(circus, client):
    """What circus has not taken is still there for the next."""
    lines = circus.lines()
    for name in pids(client):
        with client.watch_processes(name) as watcher:
            label, number = watcher.read()[0][0].data.split(b'\n')[0].decode().split()
        assert int(number) <= lines[label][-1] + 1


@both_clients
def test_adopted_with_another_environment(circus, wait_until):
    """The parameters differ, so that papa refuses, and circus takes the process that exists."""
    circus.start(SOMETHING='1')
    wait_until(circus.hears, 'the log file')
    with circus.daemon.connect() as client:
        before = pids(client)
        circus.kill()
        circus.start(SOMETHING='2')
        wait_until(lambda: circus.said().count('already exists in papa. Using the existing process.') == 2, 'adoption')
        wait_until(lambda: 'Talk already running' in circus.said(), 'its start')
        assert pids(client) == before
    assert circus.terminate() == 0
    assert not circus.errors()


@only_ours
def test_sigterm_with_silent_workers(circus, wait_until):
    """circus asks `Watcher.ready` whether something is to be flushed. It hung here as long as that was always True."""
    circus.start()
    wait_until(lambda: 'unheard started' in circus.said(), 'its start')
    with circus.daemon.connect() as client:
        before = client.list_processes()
        assert sorted(before) == ['circus.silent.1', 'circus.talk.1', 'circus.talk.2', 'circus.unheard.1']
        assert client.list_sockets('circus.file')['circus.file']['umask'] == 63
        assert circus.terminate() == 0
        after = client.list_processes()
        assert {name: details['pid'] for name, details in after.items()} == {
            name: details['pid'] for name, details in before.items()
        }
        assert all(details['running'] for details in after.values())
    assert not circus.errors()


@both_clients
def test_dead_worker_is_replaced(circus, wait_until):
    """A manager makes the next process under the name of the last; all that the last one wrote is in the file."""
    circus.start()
    wait_until(circus.hears, 'the log file')
    with circus.daemon.connect() as client:
        before = pids(client)
        os.killpg(before['circus.talk.1'], signal.SIGKILL)
        wait_until(lambda: pids(client).get('circus.talk.1', before['circus.talk.1']) != before['circus.talk.1'], 'it')
        wait_until(lambda: circus.lines()['1'].count(SOME_LINES) == 2, 'its output')
        assert pids(client)['circus.talk.2'] == before['circus.talk.2']
        numbers = circus.lines()['1']
        first_end = numbers.index(1, 1)
        assert numbers == [*range(1, first_end + 1), *range(1, len(numbers) - first_end + 1)]
        check_complete({'2': circus.lines()['2']}, repetitions=0)
    assert circus.terminate() == 0
    assert not circus.errors()


@only_ours
def test_silent_worker_that_dies_is_replaced(circus, wait_until):
    """Also one whose output circus does not read: it holds a watcher all the same."""
    circus.start()
    wait_until(lambda: 'unheard started' in circus.said(), 'its start')
    with circus.daemon.connect() as client:
        for name in ('circus.silent.1', 'circus.unheard.1'):
            pid = client.list_processes(name)[name]['pid']
            os.kill(pid, signal.SIGKILL)
            wait_until(
                lambda name=name, pid=pid: client.list_processes(name).get(name, {}).get('pid', pid) != pid, name
            )
            assert client.list_processes(name)[name]['running']


@both_clients
def test_circusctl(circus, wait_until):
    """Every way in which circus starts and stops processes."""
    circus.start()
    wait_until(circus.hears, 'the log file')
    with circus.daemon.connect() as client:
        def count():
            return sum(details['running'] for details in client.list_processes('circus.talk.*').values())

        assert circus.control('numprocesses', 'Talk') == '2'
        circus.control('incr', 'Talk', '1')
        wait_until(lambda: count() == 3, 'a third worker')
        circus.control('decr', 'Talk', '2')
        wait_until(lambda: count() == 1, 'the end of two workers')
        before = pids(client)
        circus.control('restart', 'Talk', '--waiting')
        wait_until(lambda: count() == 1 and not set(before.values()) & set(pids(client).values()), 'the restart')
        circus.control('stop', 'Talk', '--waiting')
        wait_until(lambda: count() == 0, 'the stop')
        assert 'stopped' in circus.control('status', 'Talk')
        circus.control('start', 'Talk', '--waiting')
        wait_until(lambda: count() == 1, 'the start')
        assert circus.terminate() == 0
        assert count() == 1


@both_clients
def test_circus_own_tests(circus):
    """Those that circus has for papa."""
    code = f'''if True:
        import papa, unittest
        papa.set_default_path({circus.daemon.where!r})
        import circus.tests.test_papa_stream as tests
        unittest.main(tests, argv=['circus'])
    '''
    ended = subprocess.run(
        [circus.python, '-W', 'ignore', '-c', code], capture_output=True, text=True, env=circus._environment,
        cwd=circus.folder, timeout=PATIENCE,
    )
    assert ended.returncode == 0, ended.stderr
    assert 'Ran 4 tests' in ended.stderr
    with circus.daemon.connect() as client:
        assert client.list_processes() == {}


def test_signatures(old_world, environment):
    """Whatever the published client takes, ours takes: names, order and defaults of parameters."""
    code = '''if True:
        import inspect, json, papa
        def signature(function):
            return [[p.name, p.kind.name, repr(p.default)] for p in inspect.signature(function).parameters.values()]
        def public(thing):
            return {n: signature(f) for n, f in vars(thing).items()
                    if inspect.isfunction(f) and n[0] != '_'}
        print(json.dumps({
            'papa': {n: f for n, f in public(papa).items() if n.startswith('set_')},  # the others are helpers
            'Papa': public(papa.Papa) | {'__init__': signature(papa.Papa.__init__)},
            'Watcher': public(papa.Watcher), 'ProcessOutput': papa.ProcessOutput._fields,
            'constants': [papa.PIPE, papa.STDOUT, papa.DEVNULL], 'Error': papa.Error.__mro__[1].__name__,
        }))
    '''
    ended = subprocess.run(
        [old_world, '-W', 'ignore', '-c', code], capture_output=True, text=True, env=environment(), check=True,
        cwd='/',  # not beside this very papa, which would be compared with itself
    )
    old = json.loads(ended.stdout)
    for thing in (papa, papa.Papa, papa.Watcher):
        for name, expected in old[thing.__name__].items():
            ours = [
                [p.name, p.kind.name, repr(p.default)]
                for p in inspect.signature(getattr(thing, name)).parameters.values()
                if p.kind is not inspect.Parameter.KEYWORD_ONLY
            ]
            expected = [['names' if part == 'args' else part for part in p] if p[1] == 'VAR_POSITIONAL' else p
                        for p in expected]
            assert ours[: len(expected)] == expected, name
    assert list(papa.ProcessOutput._fields) == old['ProcessOutput']
    assert old['constants'] == [papa.PIPE, papa.STDOUT, papa.DEVNULL]
    assert papa.Error.__mro__[1].__name__ == old['Error']
