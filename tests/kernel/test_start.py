"""How a kernel starts and ends: one for each address, and nothing deleted that is not its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import PACKAGE, PATIENCE, Daemon, find_free_port, wait_until

from kernel.tools import Seen, Talker, assert_clear, assert_refuses, end, is_alive, papa_command, run, shell
from papa import ConnectionLost, Papa


def address(where: int | str) -> tuple[str, str]:
    return ('-p', str(where)) if isinstance(where, int) else ('-u', where)


# One kernel for each address


@pytest.fixture(params=['tcp', 'unix'])
def where(request: pytest.FixtureRequest, folder: str, free_port: int) -> Iterator[int | str]:
    """An address; what clients that start a kernel there lock is removed again."""
    yield free_port if request.param == 'tcp' else f'{folder}/kernel'
    remove_start_lock(free_port if request.param == 'tcp' else f'{folder}/kernel')


def remove_start_lock(where: int | str) -> None:
    name = f'tcp:{where}' if isinstance(where, int) else 'unix:' + where.replace('/', '%2F')
    Path(f'/tmp/papa-{os.geteuid()}', name).unlink(missing_ok=True)


@pytest.mark.parametrize('options', [(), ('--daemonize',)])
def test_a_second_kernel_exits_and_the_first_goes_on(
    start_daemon: Callable[..., Daemon], where: int | str, options: tuple[str, ...]
) -> None:
    daemon = start_daemon(port_or_path=where)
    with daemon.connect() as papa:
        papa.set('mine', 'first')
        for _ in range(3):
            assert_refuses(papa_command(*address(where), *options), 'already', str(where))
        assert papa.get('mine') == 'first'
    with daemon.connect() as papa:
        assert papa.get('mine') == 'first'


def test_many_second_kernels_at_once(start_daemon: Callable[..., Daemon], folder: str) -> None:
    path = f'{folder}/kernel'
    rivals = [
        subprocess.Popen([sys.executable, str(PACKAGE), '-u', path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(8)
    ]
    wait_until(lambda: sum(rival.poll() is None for rival in rivals) == 1, 'all but one to give up')
    with Papa(path, autostart=False) as papa:
        papa.set('x', 'y')
    for rival in rivals:
        rival.terminate()
        out, err = rival.communicate(timeout=PATIENCE)
        assert (b'listens' in out) == (rival.returncode == 0)
        assert (b'already' in err) == (rival.returncode != 0)
    assert os.listdir(folder) == []


@pytest.mark.parametrize('with_lock', [True, False])
def test_what_a_dead_kernel_left_is_replaced(
    start_daemon: Callable[..., Daemon], folder: str, with_lock: bool
) -> None:
    path = f'{folder}/kernel'
    dead = start_daemon(port_or_path=path)
    dead.process.kill()
    dead.process.wait()
    assert sorted(os.listdir(folder)) == ['kernel', 'kernel.lock']
    if not with_lock:
        os.unlink(f'{path}.lock')
    daemon = start_daemon(port_or_path=path)
    with daemon.connect() as papa:
        papa.set('x', 'y')
    daemon.stop()
    assert os.listdir(folder) == []


STARTER = """
import sys
from papa import Papa
where = sys.argv[1]
sys.stdin.read(1)
with Papa(int(where) if where.isdigit() else where) as papa:
    papa.set(sys.argv[2], 'x')
    papa.set('keep', 'x')
"""


def test_programs_that_start_a_kernel_at_once_get_one(where: int | str) -> None:
    programs = [
        subprocess.Popen(
            [sys.executable, '-c', STARTER, str(where), f'program.{number}'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for number in range(20)
    ]
    try:
        for program in programs:  # each waits at its start for this
            assert program.stdin is not None
            program.stdin.write(b'\n')
            program.stdin.flush()
        for program in programs:
            _, trouble = program.communicate(timeout=PATIENCE * 3)
            assert (program.returncode, trouble) == (0, b'')
        with Papa(where, autostart=False) as papa:
            assert len(papa.list_values('program.*')) == 20
            papa.remove_values('program.*', 'keep')
            assert papa.exit_if_idle()
    finally:
        for program in programs:
            program.kill()
    wait_until(lambda: not is_there(where), 'the kernel to end')


def is_there(where: int | str) -> bool:
    """Whether something listens; without a connection, which would keep an idle kernel from its end."""
    if isinstance(where, str):
        return os.path.exists(where)
    with open('/proc/net/tcp', encoding='ascii') as table:
        return any(line.split()[1:4:2] == [f'0100007F:{where:04X}', '0A'] for line in table)


def test_a_kernel_started_by_a_client_is_detached(folder: str) -> None:
    path = f'{folder}/kernel'
    with Papa(path) as papa:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)
            pid = int.from_bytes(probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 4), sys.byteorder)
        assert os.getsid(pid) != os.getsid(0)
        assert os.readlink(f'/proc/{pid}/cwd') == '/'
        assert {os.readlink(f'/proc/{pid}/fd/{fd}') for fd in range(3)} == {'/dev/null'}
        assert papa.exit_if_idle()
    wait_until(lambda: os.listdir(folder) == [], 'the kernel to end')
    remove_start_lock(path)


def test_daemonize_returns_when_the_kernel_answers(where: int | str) -> None:
    ended = papa_command(*address(where), '--daemonize')
    assert (ended.returncode, ended.stderr) == (0, '')
    with Papa(where, autostart=False) as papa:
        assert papa.exit_if_idle()
    wait_until(lambda: not is_there(where), 'the kernel to end')


@pytest.mark.parametrize(('arguments', 'word'), [
    (('-p', '0'), '65535'), (('-p', '65536'), '65535'), (('-p', 'x'), 'port'), (('-p', ''), 'port'),
    (('-u', 'relative'), 'absolute'), (('-u', ''), 'absolute'), (('-u', '/tmp/'), 'absolute'),
    (('-u', '/' + 'x' * 200), 'bytes'), (('-u', '/no/such/folder/kernel'), '/no/such/folder'),
    (('-u', '/tmp/never', '--allow-user', 'no_such_user'), 'no_such_user'),
    (('-u', '/tmp/never', '--allow-user', '-5'), '-5'), (('-u', '/tmp/never', '--allow-user', ''), 'allow-user'),
    (('-u', '/tmp/never', '--log-file', '/no/such/log'), '/no/such/log'),
    (('-u', '/tmp/never', '--log-file', '/tmp'), '/tmp'), (('-p', '1' * 5000), '65535'),
])
def test_bad_arguments_of_the_command(arguments: tuple[str, ...], word: str) -> None:
    for options in ((), ('--daemonize',)):
        ended = papa_command(*arguments, *options)
        assert ended.returncode != 0
        assert ended.stdout == ''
        assert_clear(ended.stderr.rstrip('\n').splitlines()[-1], word)
        assert 'Traceback' not in ended.stderr
    assert not os.path.exists('/tmp/never')
    assert not os.path.exists('/tmp/never.lock')


def test_a_bad_environment_variable_is_named() -> None:
    ended = papa_command(env={**os.environ, 'PAPA_ENDPOINT': 'somewhere'})
    assert_refuses(ended, 'somewhere')


# How it ends


@pytest.mark.parametrize('option', ['', '--daemonize'])
def test_closed_streams_and_a_full_disk_for_the_log(folder: str, option: str) -> None:
    """Descriptors 0 to 2 come closed: nothing of the kernel may get these numbers."""
    command = f'exec "$0" "$1" -u {folder}/kernel --log-file /dev/full {option} <&- >&- 2>&-'
    started = subprocess.Popen(['/bin/sh', '-c', command, sys.executable, str(PACKAGE)])
    try:
        wait_until(lambda: _answers(f'{folder}/kernel'), 'the kernel')
        with Papa(f'{folder}/kernel', autostart=False) as papa:
            assert papa.make_socket('web')['fileno'] > 2
            assert run(papa, **shell('echo hello; echo err >&2')).out == b'hello\n'
            papa.remove_sockets()
            assert papa_command('-u', f'{folder}/kernel').returncode == 1
            assert papa.exit_if_idle()
        assert started.wait(PATIENCE) == 0
        wait_until(lambda: os.listdir(folder) == [], 'the kernel to end')
    finally:
        started.kill()
        started.wait()


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order_and_children_live_on(
    start_daemon: Callable[..., Daemon], folder: str, number: signal.Signals
) -> None:
    daemon = start_daemon(port_or_path=f'{folder}/kernel')
    with daemon.connect() as papa:
        papa.make_socket('web', path=f'{folder}/web')
        papa.make_socket('log', path=f'{folder}/log', socket_type=socket.SOCK_DGRAM)
        pid = papa.make_process('job', '/bin/sleep', ['60'])['pid']
        try:
            daemon.process.send_signal(number)
            assert daemon.process.wait(PATIENCE) == 0
            assert os.listdir(folder) == []
            assert is_alive(pid)
        finally:
            end([pid])
    log = daemon.stop()
    assert number.name in log
    assert 'Ended' in log
    assert 'Traceback' not in log


def test_a_signal_during_load_ends_it_too(start_daemon: Callable[..., Daemon], folder: str) -> None:
    daemon = start_daemon(port_or_path=f'{folder}/kernel')
    with daemon.connect() as papa:
        pid = papa.make_process('flood', **shell('yes'))['pid']
        try:
            watcher = papa.watch_processes('flood')
            for _ in range(20):
                watcher.read()
            daemon.process.terminate()
            with pytest.raises(ConnectionLost):
                Seen(watcher)
            assert daemon.process.wait(PATIENCE) == 0
            wait_until(lambda: not is_alive(pid), 'its next write to fail')
        finally:
            end([pid])


def test_exit_if_idle_waits_for_the_last_connection(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon()
    first, second = daemon.connect(), daemon.connect()
    second.set('x', 'y')
    assert first.exit_if_idle() is False
    second.set('x')
    assert first.exit_if_idle() is True
    assert second.list_values() == {}
    assert daemon.process.poll() is None
    second.close()
    assert daemon.process.wait(PATIENCE) == 0


@pytest.mark.parametrize('what', ['value', 'socket', 'process'])
def test_exit_if_idle_looks_again_at_the_end(start_daemon: Callable[..., Daemon], what: str) -> None:
    daemon = start_daemon()
    first, second = daemon.connect(), daemon.connect()
    assert first.exit_if_idle() is True
    if what == 'value':
        second.set('x', 'y')
    elif what == 'socket':
        second.make_socket('x')
    else:
        second.make_process('x', '/bin/true')
    second.close()
    with daemon.connect() as third:
        assert third.exit_if_idle() is False


def test_exit_if_idle_is_void_once_somebody_has_connected(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon()
    first, second = daemon.connect(), daemon.connect()
    assert first.exit_if_idle() is True
    third = daemon.connect()
    second.close()
    third.close()
    time.sleep(0.05)
    with daemon.connect() as fourth:
        assert fourth.exit_if_idle() is True
    assert daemon.process.wait(PATIENCE) == 0


def test_exit_if_idle_over_telnet(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon(port_or_path=find_free_port())
    with Talker(daemon) as talker:
        talker.ask('set x y')
        assert talker.ask('exit-if-idle') == 'not idle'
        talker.ask('set x')
        assert 'Error: ' in talker.ask('exit')
        talker.send(b'exit-if-idle\n')
        assert talker.rest() == b'Exiting papa!\n> '
    assert daemon.process.wait(PATIENCE) == 0


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def test_a_hang_up_ends_only_a_kernel_that_has_a_terminal(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon(start_new_session=True)
    with daemon.connect() as papa:
        daemon.process.send_signal(signal.SIGHUP)
        papa.set('still', 'here')
        assert papa.get('still') == 'here'
    assert 'SIGHUP' in daemon.stop()
