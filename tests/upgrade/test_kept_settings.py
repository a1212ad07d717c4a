"""How a kernel was started, where it serves, whom it lets in, where it logs: an upgrade changes nothing of that."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PACKAGE, PATIENCE, Daemon, find_free_port, wait_until
from kernel.tools import (
    NOBODY,
    Talker,
    as_nobody,
    assert_clear,
    assert_serves,
    children,
    is_alive,
    needs_root,
    papa_command,
    python,
    run,
    shell,
)

from papa import Papa

from .tools import between_kernels

CLIENT = """
import sys, papa
where = sys.argv[1]
try:
    with papa.Papa(int(where) if where.isdigit() else where, autostart=False) as p:
        print(p.get('x'))
except papa.Error as error:
    print(type(error).__name__, error)
"""


@pytest.fixture(params=['tcp', 'unix'])
def where(request: pytest.FixtureRequest, folder: str) -> int | str:
    return find_free_port() if request.param == 'tcp' else f'{folder}/kernel'


def test_where_it_serves(where: int | str, start_daemon: Callable[..., Daemon], folder: str) -> None:
    """Those who connect meanwhile wait in the queue. No second kernel can take the place."""
    daemon = start_daemon(port_or_path=where)
    at = ('-p', str(where)) if isinstance(where, int) else ('-u', where)
    with daemon.connect() as papa:
        before = papa.kernel_info()
        with between_kernels(daemon, folder):
            early = [daemon.open() for _ in range(50)]
            for number, each in enumerate(early):
                each.sendall(f'set early.{number} x\nquit\n'.encode())
            assert papa_command(*at).returncode != 0
        for each in early:
            with each:
                data = b''
                while part := each.recv(65536):
                    data += part
                assert data.endswith(b'\n> \n> ok\n')
        assert len(papa.list_values('early.*')) == 50
        after = papa.kernel_info()
        assert {key: after[key] for key in ('pid', 'endpoint', 'started', 'connections')} == {
            key: before[key] for key in ('pid', 'endpoint', 'started', 'connections')
        }
        assert after['uptime'] > before['uptime']
        assert papa_command(*at).returncode != 0
        if isinstance(where, str):
            assert (os.stat(where).st_mode & 0o777, os.stat(f'{where}.lock').st_mode & 0o777) == (0o600, 0o600)
    daemon.stop()
    assert not [name for name in os.listdir(folder) if name.startswith('kernel')]


@needs_root
@pytest.mark.parametrize('options', [(), ('--allow-user', 'nobody'), ('--allow-any-local-user',)])
def test_who_is_let_in(
    options: tuple[str, ...], where: int | str, start_daemon: Callable[..., Daemon], folder: str
) -> None:
    os.chmod(folder, 0o755)
    daemon = start_daemon(*options, port_or_path=where)
    with daemon.connect() as papa:
        papa.set('x', 'y')
        before = as_nobody(CLIENT, where).stdout
        assert before == 'y\n' if options else before.startswith('AccessDenied ')
        papa.upgrade()
        assert as_nobody(CLIENT, where).stdout == before


@needs_root
def test_one_who_was_refused_stays_so(start_daemon: Callable[..., Daemon], folder: str) -> None:
    """He holds his connection open over the upgrade, and nothing of what he sends is run."""
    daemon = start_daemon(port_or_path=find_free_port())
    talk = """
import socket, sys
peer = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
data = b''
while not data.endswith(b'\\n'):
    data += peer.recv(1000)
print(data.decode(), end='', flush=True)
sys.stdin.readline()
try:
    peer.sendall(b'set x y\\n')
    print(peer.recv(1000))
except OSError as error:
    print(type(error).__name__)
"""
    python = shutil.which('python3', path='/usr/bin:/bin') or sys.executable
    command = ['setpriv', f'--reuid={NOBODY}', '--clear-groups', python, '-c', talk, str(daemon.where)]
    with daemon.connect() as papa, subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd='/'
    ) as peer:
        assert peer.stdout is not None
        assert_clear(peer.stdout.readline().rstrip('\n'), str(NOBODY))
        connections = papa.kernel_info()['connections']
        papa.upgrade()
        assert papa.kernel_info()['connections'] == connections
        rest, _ = peer.communicate('\n', timeout=PATIENCE)
        assert rest in ("b''\n", 'ConnectionResetError\n', 'BrokenPipeError\n')
        assert papa.get('x') is None


# The log


@pytest.mark.parametrize('fate', ['there', 'renamed', 'removed', 'without its folder'])
def test_the_log_file(fate: str, start_daemon: Callable[..., Daemon], folder: str) -> None:
    """An upgrade opens it anew; what cannot be opened is written to where it was."""
    path, moved = Path(folder, 'logs', 'papa.log'), Path(folder, 'moved')
    path.parent.mkdir()
    daemon = start_daemon('--log-file', str(path), '--debug')
    with daemon.connect() as papa, open(path, encoding='utf-8') as log:
        if fate == 'renamed':
            path.rename(moved)
        elif fate == 'removed':
            path.unlink()
        elif fate == 'without its folder':
            path.parent.rename(moved)
        papa.upgrade()
        wait_until(lambda: not children(daemon.pid), 'the new code that has tried')
        descriptors = daemon.descriptors()
        papa.upgrade()
        wait_until(lambda: daemon.descriptors() == descriptors, 'as many descriptors')
        old = log.read()
        new = '' if fate == 'without its folder' else path.read_text(encoding='utf-8')
        assert 'listens' in old
        in_old, in_new = old.count('Upgraded to'), new.count('Upgraded to')
        assert (in_old, in_new) == {
            'there': (2, 2), 'renamed': (0, 2), 'removed': (0, 2), 'without its folder': (2, 0)
        }[fate]
    daemon.stop()


def test_a_log_that_goes_to_standard_error(daemon: Daemon) -> None:
    with daemon.connect() as papa:
        for _ in range(3):
            papa.upgrade()
    assert daemon.stop().count('Upgraded to') == 3


# Its life


def test_the_wish_to_end_when_idle(daemon: Daemon) -> None:
    """It was asked for before, and is fulfilled when the last connection is closed."""
    with Talker(daemon) as talker:
        with daemon.connect() as papa, Talker(daemon) as other:
            other.send(b'exit-if-idle\n')
            assert b'Exiting' in other.rest()
            papa.upgrade()
        assert talker.ask('get x') == ''
    assert daemon.process.wait(PATIENCE) == 0


def test_nobody_wished_it_to_end(daemon: Daemon) -> None:
    with daemon.connect() as papa:
        papa.upgrade()
    assert_serves(daemon)


def test_a_daemon(folder: str) -> None:
    """Its session, its parent, its directory and its standard streams stay."""
    path = f'{folder}/kernel'
    started = subprocess.run([sys.executable, str(PACKAGE), '-u', path, '--daemonize'], check=False, timeout=PATIENCE)
    assert started.returncode == 0
    with Papa(path, autostart=False) as papa:
        pid = papa.kernel_info()['pid']
        before = identity(pid)
        for _ in range(2):
            papa.upgrade()
            assert papa.kernel_info()['pid'] == pid
            assert identity(pid) == before
        os.kill(pid, 15)
    wait_until(lambda: not is_alive(pid), 'the end')
    assert os.listdir(folder) == []


def identity(pid: int) -> list[object]:
    fields = Path(f'/proc/{pid}/stat').read_text(encoding='ascii').rpartition(')')[2].split()
    status = Path(f'/proc/{pid}/status').read_text(encoding='ascii').splitlines()
    kept = ('Umask', 'Uid', 'Gid', 'Groups', 'SigBlk', 'SigIgn', 'SigCgt', 'Seccomp:')
    return [
        fields[1:5], os.readlink(f'/proc/{pid}/cwd'), [line for line in status if line.startswith(kept)],
        [os.readlink(f'/proc/{pid}/fd/{fd}') for fd in range(3)], Path(f'/proc/{pid}/environ').read_bytes(),
        Path(f'/proc/{pid}/limits').read_text(encoding='ascii'),
    ]


def test_how_often_it_may_be_upgraded(daemon: Daemon) -> None:
    """Nothing piles up: neither descriptors nor words of the command line."""
    with daemon.connect() as papa:
        papa.upgrade()
        wait_until(lambda: not children(daemon.pid), 'the new code that has tried')
        descriptors, words = daemon.descriptors(), Path(f'/proc/{daemon.pid}/cmdline').read_bytes().count(b'\0')
        for _ in range(5):
            papa.upgrade()
        wait_until(lambda: daemon.descriptors() == descriptors, 'as many descriptors')
        assert Path(f'/proc/{daemon.pid}/cmdline').read_bytes().count(b'\0') == words


def test_a_limit_of_descriptors_that_children_get(start_daemon: Callable[..., Daemon]) -> None:
    """It is below what the kernel has open, and a process can be started all the same, and gets it."""
    daemon = start_daemon(preexec=['prlimit', '--nofile=128:4096'])
    with daemon.connect() as papa:
        for number in range(60):
            papa.make_process(f'sleeps.{number}', '/bin/sleep', '600')
        assert daemon.descriptors() > 128
        for number in range(2):
            papa.upgrade()
            seen = run(papa, f'tells.{number}', **shell('ulimit -Sn; ulimit -Hn'))
            assert seen.out == b'128\n4096\n'


@pytest.mark.parametrize('closed', ['<&-', '2>&-'])
def test_streams_that_came_closed(closed: str, start_daemon: Callable[..., Daemon]) -> None:
    """Nothing of the kernel's gets their numbers, which mean something to every child."""
    daemon = start_daemon(preexec=['/bin/sh', '-c', f'exec "$@" {closed}', 'sh'])
    with daemon.connect() as papa:
        for number in range(2):
            papa.upgrade()
            fileno = papa.make_socket(f'web.{number}')['fileno']
            assert fileno > 2
            check = 'import socket, sys; print(socket.socket(fileno=int(sys.argv[1])).getsockname()[0])'
            seen = run(papa, f'uses.{number}', **python(check, f'$(socket.web.{number}.fileno)'))
            assert seen.out == b'127.0.0.1\n'
