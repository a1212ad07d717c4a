"""Who may talk to the kernel: its user and root, on both kinds of address, and whoever is let in."""

from __future__ import annotations

import os
import resource
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable

import pytest
from conftest import Daemon

from kernel.tools import NOBODY, Talker, as_nobody, assert_clear, assert_serves, needs_root, python_of_nobody

# Connects, sends a command, and prints all that it gets.
TALK = """
import socket, sys
where = sys.argv[1]
peer = socket.socket(socket.AF_INET if where.isdigit() else socket.AF_UNIX)
peer.settimeout(10)
try:
    peer.connect(('127.0.0.1', int(where)) if where.isdigit() else where)
    peer.sendall(b'set x y\\nget x\\nquit\\n')
    while part := peer.recv(65536):
        print(part.decode(), end='')
except OSError as error:
    print(type(error).__name__)
"""
# Connects, sends and closes at once, many times.
HIT_AND_RUN = """
import contextlib, socket, sys
for number in range(int(sys.argv[2])):
    peer = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
    with contextlib.suppress(OSError):  # the kernel may have closed already
        peer.sendall(b'set x y\\n' * 20 + b'\\tset\\tx\\ty\\n')
        if number % 3 == 0:
            peer.shutdown(socket.SHUT_WR)
    if number % 3 == 1:  # closing with a reset
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\\1\\0\\0\\0\\0\\0\\0\\0')
    peer.close()
"""
CLIENT = """
import sys, papa
where = sys.argv[1]
try:
    papa.Papa(int(where) if where.isdigit() else where, autostart=False).set('x', 'y')
except papa.Error as error:
    print(type(error).__name__, error)
"""


@pytest.fixture(params=['tcp', 'unix'])
def where(request: pytest.FixtureRequest, folder: str, free_port: int) -> int | str:
    os.chmod(folder, 0o755)  # so that only the kernel itself keeps others out
    return free_port if request.param == 'tcp' else f'{folder}/kernel'


@needs_root
def test_another_user_is_refused(start_daemon: Callable[..., Daemon], where: int | str) -> None:
    daemon = start_daemon(port_or_path=where)
    said = as_nobody(TALK, where).stdout
    if isinstance(where, int):
        assert said.startswith('Error: ')
        assert said.count('\n') == 1
        assert_clear(said.rstrip('\n'), str(NOBODY), '--allow-user')
    else:
        assert said == 'PermissionError\n'  # the mode of the file does it already
    with daemon.connect() as papa:
        assert papa.list_values() == {}
    if isinstance(where, int):
        assert f'uid {NOBODY}' in daemon.stop()


@needs_root
def test_the_peer_of_a_unix_socket_is_checked_whatever_its_mode(
    start_daemon: Callable[..., Daemon], folder: str
) -> None:
    os.chmod(folder, 0o755)
    daemon = start_daemon(port_or_path=f'{folder}/kernel')
    os.chmod(f'{folder}/kernel', 0o666)
    said = as_nobody(TALK, f'{folder}/kernel').stdout
    assert said.count('\n') == 1
    assert_clear(said.rstrip('\n'), 'Error: ', str(NOBODY), '--allow-user')
    with daemon.connect() as papa:
        assert papa.list_values() == {}
    assert f'uid {NOBODY}' in daemon.stop()


@needs_root
def test_the_client_of_another_user_gets_a_clear_error(start_daemon: Callable[..., Daemon], where: int | str) -> None:
    start_daemon(port_or_path=where)
    said = as_nobody(CLIENT, where)
    assert said.stderr == ''
    assert said.stdout.startswith('AccessDenied ')
    assert_clear(said.stdout.rstrip('\n'))


@needs_root
@pytest.mark.parametrize('name', ['nobody', str(NOBODY)])
def test_a_user_who_is_let_in(start_daemon: Callable[..., Daemon], where: int | str, name: str) -> None:
    daemon = start_daemon('--allow-user', 'daemon', '--allow-user', name, port_or_path=where)
    assert 'y\n> ' in as_nobody(TALK, where).stdout
    assert as_nobody(CLIENT, where).stdout == ''
    with daemon.connect() as papa:
        assert papa.list_values() == {'x': 'y'}


@needs_root
def test_another_than_the_one_let_in_is_refused(start_daemon: Callable[..., Daemon], where: int | str) -> None:
    start_daemon('--allow-user', 'daemon', port_or_path=where)
    said = as_nobody(TALK, where).stdout
    assert said.count('\n') == 1
    assert_clear(said.rstrip('\n'), 'Error: ', str(NOBODY))


@needs_root
def test_everybody_can_be_let_in(start_daemon: Callable[..., Daemon], where: int | str) -> None:
    start_daemon('--allow-any-local-user', port_or_path=where)
    assert 'y\n> ' in as_nobody(TALK, where).stdout


@needs_root
def test_nobody_passes_as_root_by_closing_at_once(start_daemon: Callable[..., Daemon], free_port: int) -> None:
    daemon = start_daemon(port_or_path=free_port)
    assert as_nobody(HIT_AND_RUN, free_port, 150).returncode == 0
    with daemon.connect() as papa:
        assert papa.list_values() == {}
    assert 'Refused' in daemon.stop()


def test_root_or_the_user_who_closes_at_once_is_not_run_over_tcp_by_mistake(
    start_daemon: Callable[..., Daemon], free_port: int
) -> None:
    """Whether such lines run is a matter of timing; the kernel bears it either way."""
    daemon = start_daemon(port_or_path=free_port)
    for _ in range(100):
        with daemon.open() as peer:
            peer.sendall(b'set x y\n')
    assert_serves(daemon)


@pytest.mark.parametrize('umask', [0, 0o777])
def test_the_socket_and_its_lock_are_private_whatever_the_umask(
    start_daemon: Callable[..., Daemon], folder: str, umask: int
) -> None:
    start_daemon(port_or_path=f'{folder}/kernel', umask=umask)
    for name in ('kernel', 'kernel.lock'):
        assert stat.S_IMODE(os.lstat(f'{folder}/{name}').st_mode) == 0o600


def test_it_listens_on_the_loopback_only(start_daemon: Callable[..., Daemon], free_port: int) -> None:
    start_daemon(port_or_path=free_port)
    found = []
    for table in ('/proc/net/tcp', '/proc/net/tcp6'):
        with open(table, encoding='ascii') as file:
            found += [line.split()[1] for line in file if f':{free_port:04X} ' in line and ' 0A ' in line]
    assert found == [f'0100007F:{free_port:04X}']


@needs_root
def test_an_unprivileged_kernel_serves_its_user_and_root(
    start_daemon: Callable[..., Daemon], folder: str, where: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = shutil.which('python3', path='/usr/bin:/usr/local/bin')
    if public is None:
        pytest.skip('it takes a Python that every user can run')
    monkeypatch.setattr(sys, 'executable', public)
    os.chmod(folder, 0o777)
    daemon = start_daemon(
        port_or_path=where, preexec=['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups']
    )
    with Talker(daemon) as root:
        assert root.ask('get x') == ''
    assert 'y\n> ' in as_nobody(TALK, where).stdout
    with daemon.connect() as papa:
        assert papa.make_process('own', '/bin/true', uid=NOBODY, gid=NOBODY)['uid'] == NOBODY
        for user in (0, 'root', 'daemon'):
            with pytest.raises(Exception, match='Only a kernel that runs as root'):
                papa.make_process('other', '/bin/true', uid=user)


CROWD = """
import socket, sys
crowd = []
for _ in range(300):
    crowd.append(socket.create_connection(('127.0.0.1', int(sys.argv[1]))))
print('there', flush=True)
sys.stdin.read()
"""


@needs_root
def test_a_crowd_that_is_refused_takes_no_place_of_others(start_daemon: Callable[..., Daemon], free_port: int) -> None:
    daemon = start_daemon(
        port_or_path=free_port, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    )
    with daemon.connect() as papa:
        crowd = subprocess.Popen(
            python_of_nobody(CROWD, free_port), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with crowd:
            assert crowd.stdout is not None
            assert crowd.stdout.readline() == b'there\n'
            assert_serves(daemon)
            papa.set('x', 'y')
            assert daemon.descriptors() < 50
            crowd.communicate()
