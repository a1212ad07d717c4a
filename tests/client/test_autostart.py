"""Starting a kernel by constructing a client: once, detached, and never by reconnecting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import PATIENCE, Daemon, wait_until

from papa import ConnectFailed, ConnectionLost, Error, Papa
from papa.client import launch

from .helpers import end_process, kernel_pid

pytestmark = pytest.mark.usefixtures('both')


@pytest.fixture
def where(folder: str) -> Iterator[str]:
    """A path whose kernel, if one is started there, ends with the test."""
    path = f'{folder}/started.sock'
    yield path
    if os.path.exists(path):
        with Papa(path, autostart=False) as papa:
            pid = kernel_pid(papa)
            for details in papa.list_processes().values():
                os.kill(details['pid'], signal.SIGKILL)
        end_process(pid)
    for lock in Path('/tmp', f'papa-{os.geteuid()}').glob('*' + path.replace('/', '%2F')):
        lock.unlink()  # of clients in processes of their own


def command_line(pid: int) -> list[str]:
    return Path(f'/proc/{pid}/cmdline').read_text().split('\0')[:-1]


def test_a_client_starts_a_kernel_when_there_is_none(where: str) -> None:
    with Papa(where) as papa:
        papa.set('a', 'b')
    with Papa(where, autostart=False) as papa:
        assert papa.get('a') == 'b'


def test_not_when_told_not_to(where: str) -> None:
    with pytest.raises(ConnectFailed, match=f'There is no kernel at {where}'):
        Papa(where, autostart=False)
    assert not os.path.exists(where)


def test_a_port_works_as_well(free_port: int) -> None:
    with Papa(free_port) as papa:
        papa.set('a', 'b')
        pid = int(papa.make_process('p', 'sh', ('-c', 'exec sleep 60'))['pid'])
        kernel = int(Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[1])
        os.kill(pid, signal.SIGKILL)
        assert command_line(kernel)[-2:] == ['-p', str(free_port)]
    end_process(kernel)


def test_it_is_detached(where: str) -> None:
    with Papa(where) as papa:
        pid = kernel_pid(papa)
        assert os.getsid(pid) != os.getsid(0)
        assert os.getpgid(pid) != os.getpgid(0)
        assert os.readlink(f'/proc/{pid}/cwd') == '/'
        assert [os.readlink(f'/proc/{pid}/fd/{fd}') for fd in range(3)] == ['/dev/null'] * 3
        parent = int(Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[1])
        assert parent != os.getpid()


def test_it_can_never_get_a_terminal(where: str) -> None:
    """A leader of a session would get the first that it opens."""
    with Papa(where) as papa:
        pid = kernel_pid(papa)
        assert os.getsid(pid) != pid


def test_nothing_of_the_client_leaks_into_it(where: str) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    try:
        with Papa(where):
            os.close(writer)
            assert os.read(reader, 1) == b''  # nobody else holds the other end
    finally:
        os.close(reader)


def test_it_is_a_fresh_interpreter(where: str) -> None:
    with Papa(where) as papa:
        assert sys.argv[0] not in command_line(kernel_pid(papa))
        maps = Path(f'/proc/{kernel_pid(papa)}/maps').read_text()
    assert '_hypothesis' not in maps


def test_no_child_of_the_client_is_left(where: str) -> None:
    before = set(Path(f'/proc/self/task/{os.getpid()}/children').read_text().split())
    with Papa(where):
        assert set(Path(f'/proc/self/task/{os.getpid()}/children').read_text().split()) == before


def test_it_has_the_environment_and_umask_of_the_client(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('FROM_THE_CLIENT', 'yes')
    monkeypatch.setenv('PYTHONPATH', '/somewhere/else')
    umask = os.umask(0o027)
    try:
        with Papa(where) as papa, papa.make_process('p', 'sh', ('-c', 'env; umask'), watch_immediately=True) as watcher:
            out = b''
            while results := watcher.read():
                out += b''.join(item.data for item in results[0])
    finally:
        os.umask(umask)
    assert b'FROM_THE_CLIENT=yes' in out.splitlines()
    assert b'PYTHONPATH=/somewhere/else' in out.splitlines()
    assert out.splitlines()[-1] == b'0027'


def test_whatever_the_clients_python_was_told(where: str, folder: str) -> None:
    """Settings of Python, modules beside the program and its directory do not touch the kernel."""
    for name in ('papa.py', 'socket.py', 'json.py'):
        Path(folder, name).write_text('raise SystemExit("the wrong module")')
    code = f'import sys; from papa import Papa; sys.path.insert(0, "."); Papa({where!r}).set("a", "b")'
    environment = {**os.environ, 'PYTHONPATH': folder, 'PYTHONSTARTUP': 'x', 'PYTHONWARNINGS': 'ignore'}
    main = Path(folder, 'main')
    main.mkdir()
    subprocess.run(
        [sys.executable, '-I', '-c', code], cwd=folder, env=environment, check=True, timeout=PATIENCE,
    )
    with Papa(where, autostart=False) as papa:
        assert papa.get('a') == 'b'


def test_it_outlives_the_client_whatever_kills_that(where: str) -> None:
    code = (
        f'import os, papa; p = papa.Papa({where!r}); p.set("a", "b"); print(flush=True); '
        'os.killpg(0, 9)'
    )
    client = subprocess.run(
        [sys.executable, '-c', code], stdout=subprocess.PIPE, start_new_session=True, timeout=PATIENCE, check=False
    )
    assert client.returncode == -signal.SIGKILL
    with Papa(where, autostart=False) as papa:
        assert papa.get('a') == 'b'


def test_reconnecting_never_starts_one(where: str) -> None:
    with Papa(where) as papa:
        papa.set('a', 'b')
        end_process(kernel_pid(papa))
        with pytest.raises(ConnectionLost):
            papa.get('a')
        for _ in range(2):
            with pytest.raises(ConnectFailed, match='There is no kernel'):
                papa.get('a')
        assert not os.path.exists(where)
        with Papa(where) as other:  # somebody else may
            assert other.get('a') is None
        assert papa.get('a') is None


def test_a_stale_socket_is_replaced(where: str) -> None:
    with Papa(where) as papa:
        os.kill(kernel_pid(papa), signal.SIGKILL)
        with pytest.raises(ConnectionLost):
            papa.get('a')
    assert os.path.exists(where)
    with Papa(where) as papa:
        assert papa.list_values() == {}


def test_an_existing_kernel_is_used(daemon: Daemon) -> None:
    with Papa(daemon.where) as papa:
        assert kernel_pid(papa) == daemon.pid


def test_why_it_cannot_be_started(folder: str) -> None:
    path = f'{folder}/none/papa.sock'
    with pytest.raises(ConnectFailed) as caught:
        Papa(path)
    assert str(caught.value) == f'Cannot start a kernel at {path}: Cannot lock {path}.lock: No such file or directory'


def test_a_folder_that_is_a_file(folder: str) -> None:
    Path(folder, 'file').write_text('x')
    with pytest.raises(ConnectFailed) as caught:
        Papa(f'{folder}/file/papa.sock')
    assert '\n' not in str(caught.value)


@pytest.mark.blocking_only
def test_threads_that_start_at_once_get_one_kernel(where: str) -> None:
    count = 20
    barrier = threading.Barrier(count)
    pids: list[int] = []
    errors: list[Error] = []

    def client() -> None:
        try:
            barrier.wait(PATIENCE)
            with Papa(where) as papa:
                pids.append(kernel_pid(papa))
        except Error as error:
            errors.append(error)

    threads = [threading.Thread(target=client) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert errors == []
    assert len(pids) == count
    assert len(set(pids)) == 1


def test_programs_that_start_at_once_get_one_kernel(where: str) -> None:
    count = 20
    code = (
        'import os, sys, papa\n'
        'print("ready", flush=True); sys.stdin.readline()\n'
        'p = papa.Papa(sys.argv[1]); p.set(f"client.{os.getpid()}", "x"); print(p.list_values() != {})\n'
    )
    clients = [
        subprocess.Popen(
            [sys.executable, '-c', code, where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(count)
    ]
    for client in clients:
        assert client.stdout is not None
        assert client.stdout.readline() == b'ready\n'
    for client in clients:
        assert client.stdin is not None
        client.stdin.write(b'\n')
        client.stdin.flush()
    for client in clients:
        out, err = client.communicate(timeout=PATIENCE)
        assert (client.returncode, out, err) == (0, b'True\n', b'')
    with Papa(where, autostart=False) as papa:
        assert len(papa.list_values('client.*')) == count
        pid = kernel_pid(papa)
    running = [entry.name for entry in Path('/proc').iterdir() if entry.name.isdigit() and where in arguments(entry)]
    assert running == [str(pid)]


def arguments(entry: Path) -> list[str]:
    try:
        return (entry / 'cmdline').read_text().split('\0')
    except (OSError, UnicodeDecodeError):
        return []


def test_the_connection_timeout_bounds_the_start(where: str, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Path(folder, 'python3')  # an interpreter that takes its time
    slow.write_text(f'#!/bin/sh\nexec sleep {PATIENCE}\n')
    slow.chmod(0o755)
    monkeypatch.setattr(sys, 'executable', str(slow))
    before = time.monotonic()
    with pytest.raises(ConnectFailed, match='has not started in time'):
        Papa(where, connection_timeout=0.2)
    assert time.monotonic() - before < PATIENCE / 2


def test_an_interpreter_that_is_gone(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, 'executable', '/no/such/python3')
    with pytest.raises(ConnectFailed, match='Cannot run /no/such/python3 to start a kernel: No such file'):
        Papa(where)


def test_a_program_that_embeds_python(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, 'executable', '/usr/bin/editor')
    with Papa(where) as papa:
        assert papa.list_values() == {}


@pytest.mark.parametrize('spoil', [
    lambda folder: os.mkdir(folder, 0o777) or os.chmod(folder, 0o777),  # open to everybody
    lambda folder: os.symlink('/tmp', folder),
    lambda folder: Path(folder).write_text('a file'),
])
def test_a_lock_folder_that_is_not_ours_alone_is_not_used(
    spoil: Callable[[str], object], where: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(folder, 'root')
    root.mkdir()
    monkeypatch.setattr(launch, '_LOCK_ROOT', str(root))
    spoil(f'{root}/papa-{os.geteuid()}')
    before = set(os.listdir('/tmp'))
    with Papa(where) as papa:
        assert papa.list_values() == {}
    new = set(os.listdir('/tmp')) - before
    assert not [name for name in new if name.startswith('unix:')]


def test_it_ends_when_idle(where: str) -> None:
    with Papa(where) as papa:
        pid = kernel_pid(papa)
        assert papa.exit_if_idle()
    wait_until(lambda: not os.path.exists(f'/proc/{pid}') or not command_line(pid))
    assert not os.path.exists(where)
