"""At the limits of descriptors and connections, and after a thousand that came and went."""

from __future__ import annotations

import os
import resource
import select
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from conftest import PATIENCE, Daemon, wait_until

from kernel.tools import Seen, Talker, assert_clear, assert_serves, cpu_seconds, run, shell
from papa import AccessDenied, LimitReached, Papa

LIMITS = 'import resource; print(*resource.getrlimit(resource.RLIMIT_NOFILE))'


def limit(soft: int, hard: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def fill_up(papa: Papa) -> int:
    """Make sockets until the kernel has no descriptor left; return how many."""
    for number in range(1000):
        try:
            papa.make_socket(f'fill.{number}')
        except LimitReached as error:
            assert_clear(error, 'descriptor')
            return number
    raise AssertionError('it has no limit')


@pytest.fixture(params=['tcp', 'unix'])
def small(
    request: pytest.FixtureRequest, start_daemon: Callable[..., Daemon], folder: str, free_port: int
) -> Daemon:
    """A kernel with few descriptors."""
    where = free_port if request.param == 'tcp' else f'{folder}/small'
    return start_daemon(port_or_path=where, preexec_fn=limit(64, 64))


def test_a_full_table_refuses_with_an_error_and_serves_again(small: Daemon) -> None:
    with small.connect() as papa:
        before = small.descriptors()
        made = fill_up(papa)
        full = small.descriptors()
        with pytest.raises(LimitReached) as caught:
            papa.make_process('job', **shell('exit'))
        assert_clear(caught.value, 'descriptor')
        with pytest.raises(LimitReached) as caught:
            papa.make_process('job', **shell('exit'), rlimits={'core': 0}, stdout=-3, stderr=-3)
        assert_clear(caught.value, 'descriptor')
        with pytest.raises(LimitReached) as caught:
            papa.make_process('job', **shell('exit'), uid='nobody')
        assert_clear(caught.value, 'descriptor')
        with pytest.raises(LimitReached) as caught:
            papa.make_socket('unix', path='/tmp/never.sock')
        assert not os.path.exists('/tmp/never.sock')
        assert papa.list_processes() == {}
        assert small.descriptors() == full
        papa.set('x', 'y')  # what takes no descriptor goes on
        assert papa.get('x') == 'y'
        papa.remove_sockets('fill.*')
        assert small.descriptors() == before
        assert run(papa, **shell('echo hello')).out == b'hello\n'
        assert fill_up(papa) == made
    assert 'Traceback' not in small.stop()


def test_newcomers_at_a_full_table(small: Daemon) -> None:
    with small.connect() as papa:
        fill_up(papa)
        for _ in range(3):  # one gets the last descriptor, perhaps
            with pytest.raises((LimitReached, AccessDenied)) as caught:
                small.connect().close()
            assert_clear(caught.value)
        with small.open() as newcomer:
            text = newcomer.recv(4096)
            assert text.startswith(b'Error: ')
            assert text.endswith(b'\n')
            assert newcomer.recv(4096) == b''
        spent = cpu_seconds(small.pid)
        time.sleep(0.3)
        assert cpu_seconds(small.pid) - spent < 0.1
        papa.remove_sockets('fill.*')
        assert_serves(small)
    assert 'Traceback' not in small.stop()


def test_a_process_goes_on_at_a_full_table(small: Daemon, folder: str) -> None:
    os.mkfifo(f'{folder}/fifo')
    with small.connect() as papa, small.connect() as other:
        papa.make_process('job', **shell(f'cat {folder}/fifo; exit 3'))
        fill_up(papa)
        with open(f'{folder}/fifo', 'wb') as fifo:
            fifo.write(b'hello')
        with other.watch_processes('job') as watcher:
            seen = Seen(watcher)
        assert (seen.out, seen.exits) == (b'hello', {'job': 3})
        papa.remove_sockets()


def test_too_many_connections_are_refused_with_a_line(small: Daemon) -> None:
    with ExitStack() as stack:
        talkers = [stack.enter_context(Talker(small)) for _ in range(16)]
        for _ in range(3):
            with small.open() as newcomer:
                text = newcomer.makefile('rb').read()
            assert_clear(text.decode().rstrip('\n'), 'Error: ', 'connections')
        with pytest.raises(LimitReached):
            small.connect()
        assert talkers[0].ask('get x') == ''
    wait_until(lambda: small.descriptors() < 20)
    assert_serves(small)


@pytest.mark.parametrize(('soft', 'hard'), [(1024, 4096), (256, 4096), (1024, 1024)])
def test_the_limit_of_the_children_is_the_original_one(
    start_daemon: Callable[..., Daemon], soft: int, hard: int
) -> None:
    import sys

    daemon = start_daemon(preexec_fn=limit(soft, hard))
    arguments = {'executable': sys.executable, 'args': ['-I', '-S', '-c', LIMITS]}
    with open(f'/proc/{daemon.pid}/limits', encoding='ascii') as file:
        line = next(line for line in file if line.startswith('Max open files'))
    assert line.split()[3:5] == [str(hard), str(hard)]
    with daemon.connect() as papa:
        assert run(papa, **arguments).out == b'%d %d\n' % (soft, hard)
        if hard > soft:
            with Talker(daemon) as talker:  # many at once: each make_socket is a descriptor
                count = 1400
                talker.send(b''.join(b'make socket s.%d type=dgram\n' % number for number in range(count)))
                for _ in range(count):
                    talker.until_prompt()
            assert daemon.descriptors() > 1100
        for more in ({}, {'rlimits': {'core': 0}}, {'uid': 0, 'gid': 0}, {'uid': 65534, 'gid': 65534}):
            if 'rlimits' in more or os.geteuid() == 0:
                assert run(papa, **{**shell('ulimit -Sn; ulimit -Hn'), **more}).out == b'%d\n%d\n' % (soft, hard)
        seen = run(papa, **shell('ulimit -Sn; ulimit -Hn'), rlimits={'nofile': 77})
        assert seen.out == b'77\n77\n'
        assert sorted(run(papa, '-', **shell('ls /proc/self/fd')).out.split()) == [b'0', b'1', b'2', b'3']
        papa.remove_sockets()


def test_descriptors_after_a_thousand_connections_and_two_hundred_processes(daemon: Daemon, papa: Papa) -> None:
    papa.make_socket('web')
    run(papa, **shell('exit'))
    before = daemon.descriptors()
    for round_ in range(10):
        with ExitStack() as stack:
            clients = [stack.enter_context(daemon.open()) for _ in range(100)]
            for number, client in enumerate(clients):
                if number % 3:
                    client.sendall(b'list sockets\nset a' if number % 3 == 1 else b'\tlist values\n')
            for number in range(20):
                papa.make_process(
                    f'job.{round_}.{number}', **shell('echo $0; exit 1'), bufsize=(0, 1, '1m')[number % 3],
                    overflow=('drop', 'block')[number % 2], rlimits={'core': 0} if number < 4 else None,
                )
        if round_ % 2:
            with papa.watch_processes('job.*') as watcher:
                Seen(watcher)
        else:
            papa.remove_processes()
    wait_until(lambda: papa.list_processes() == {}, 'the processes to be forgotten')
    wait_until(lambda: daemon.descriptors() == before, 'the descriptors to be given back')
    assert 'Traceback' not in daemon.stop()


def test_hundreds_of_processes_at_once(daemon: Daemon, papa: Papa) -> None:
    """More descriptors than select() could take."""
    before = daemon.descriptors()
    count = 350
    for number in range(count):
        papa.make_process(f'job.{number}', **shell(f'echo {number}; read x < /dev/null; exit {number % 200}'))
    with papa.watch_processes('job.*') as watcher:
        seen = Seen(watcher)
    assert sorted(map(int, seen.out.split())) == list(range(count))
    assert seen.exits == {f'job.{number}': number % 200 for number in range(count)}
    wait_until(lambda: daemon.descriptors() == before)


def test_a_thousand_clients_at_once(daemon: Daemon) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(daemon.open()) for _ in range(1000)]
        for number, client in enumerate(clients):
            client.sendall(b'set client.%d x\nget client.%d\n' % (number, number))
        waiting = set(clients)
        got: dict[socket.socket, bytes] = dict.fromkeys(clients, b'')
        poll = select.poll()
        by_fileno = {client.fileno(): client for client in clients}
        for client in clients:
            poll.register(client, select.POLLIN)
        deadline = time.monotonic() + PATIENCE
        while waiting and time.monotonic() < deadline:
            for fd, _ in poll.poll(1000):
                client = by_fileno[fd]
                got[client] += client.recv(4096)
                if got[client].endswith(b'x\n> '):
                    waiting.discard(client)
        assert not waiting
