"""`papa.Watcher`: whose connection it uses, losing the kernel, and interrupts."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from contextlib import suppress
from functools import partial

import pytest
from conftest import PATIENCE, Daemon, wait_until

from papa import ConnectionLost, Papa, Watcher
from papa.wire.client import ClientProtocol

from .helpers import GREETING, FakeKernel, Make, Speak, details, interrupts, read_until, readable, serving

pytestmark = pytest.mark.usefixtures('both')

# The connection


def test_it_takes_the_connection_over_and_gives_it_back(speak: Speak, papa: Papa) -> None:
    speak()
    before = papa.fileno()
    watcher = papa.watch_processes('p')
    assert watcher.fileno() == before
    assert papa.fileno() is None
    watcher.close()
    assert watcher.fileno() == -1
    assert papa.fileno() == before


def test_launch_watch_and_set_need_one_connection(papa: Papa) -> None:
    before = papa.fileno()
    with papa.make_process('p', 'true', watch_immediately=True) as watcher:
        while watcher.read():
            pass
        assert papa.fileno() == before  # at once: there is nothing left to watch
    papa.set('done', 'yes')
    assert papa.fileno() == before


def test_another_command_opens_a_new_connection(speak: Speak, papa: Papa) -> None:
    speaker = speak()
    watcher = papa.watch_processes('p')
    watched = watcher.fileno()
    papa.set('a', 'b')
    assert papa.fileno() not in (None, watched)
    new = papa.fileno()
    speaker.say(b'x')
    assert read_until(watcher, 1) == b'x'
    watcher.close()
    assert papa.fileno() == new
    with pytest.raises(OSError):
        os.fstat(watched)
    assert papa.get('a') == 'b'


def test_two_watchers_of_one_client(speak: Speak, papa: Papa) -> None:
    one, two = speak('w.1'), speak('w.2')
    with papa.watch_processes('w.1') as first, papa.watch_processes('w.2') as second:
        for speaker, watcher in ((two, second), (one, first)):
            speaker.say(b'x')
            assert read_until(watcher, 1) == b'x'
    assert papa.list_values() == {}


def test_a_watcher_outlives_its_client(daemon: Daemon, speak: Speak) -> None:
    speaker = speak()
    with daemon.connect() as papa:
        watcher = papa.watch_processes('p')
    speaker.say(b'x')
    assert read_until(watcher, 1) == b'x'
    fd = watcher.fileno()
    watcher.close()
    assert papa.fileno() is None  # the client is closed, and stays so
    with pytest.raises(OSError):
        os.fstat(fd)


def test_no_descriptor_is_left_behind(daemon: Daemon, speak: Speak) -> None:
    speaker = speak()
    before = len(os.listdir('/proc/self/fd'))
    for number in range(20):
        with daemon.connect() as papa, papa.watch_processes('p') as watcher:
            speaker.say(b'x')
            watcher.read()
            if number % 2:
                papa.list_values()
    assert len(os.listdir('/proc/self/fd')) == before
    wait_until(lambda: details(daemon)['watchers'] == 0)


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('mode', ['nothing', 'read', 'events'])
def test_one_that_is_dropped_leaves_nothing_behind(mode: str, daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speak().say(b'x')
    before = len(os.listdir('/proc/self/fd'))
    for _ in range(3):
        watcher = papa.watch_processes('p')
        if mode == 'read':
            read_until(watcher, 1)
        elif mode == 'events':
            next(iter(watcher.events()))
        del watcher
        assert papa.get('a') is None
    wait_until(lambda: papa.kernel_info()['connections'] == 2)  # this one, and that of the speaker
    assert len(os.listdir('/proc/self/fd')) == before
    assert (details(daemon)['watchers'], details(daemon)['acknowledged']) == (0, 0)


def test_losing_the_kernel(daemon: Daemon, papa: Papa) -> None:
    papa.make_process('p', 'sleep', '60')
    pid = papa.list_processes()['p']['pid']
    watcher = papa.watch_processes('p')
    daemon.process.kill()
    daemon.process.wait()
    os.kill(pid, signal.SIGKILL)
    assert readable(watcher) == [watcher]
    assert watcher.ready
    for _ in range(2):
        with pytest.raises(ConnectionLost, match=f'{daemon.where} during "watch processes": (it was closed|Conn)'):
            watcher.read()
    assert not watcher.dropped
    watcher.close()
    assert not watcher


@pytest.mark.parametrize('reply', [
    b'{"x":1}\n', b'=text\n', b'-\n', b'{"watching":5}\n', b'{"watching":[["p","id"]]}\n', b'nonsense\n', b'',
])
def test_a_reply_that_begins_no_watch(reply: bytes, make_fake: Make) -> None:
    fake = make_fake(serving(reply, requests=2 if reply else 1))
    with Papa(fake.path) as papa:
        with pytest.raises(ConnectionLost, match='during "watch processes"'):
            papa.watch_processes('p')
        assert papa.fileno() in (None, -1)


def test_losing_the_kernel_during_a_block(daemon: Daemon, papa: Papa) -> None:
    pid = papa.make_process('p', 'sleep', '60')['pid']
    watcher = papa.watch_processes('p')

    def watch() -> None:
        with watcher:
            daemon.process.kill()
            daemon.process.wait()
            os.kill(pid, signal.SIGKILL)
            watcher.read()

    with pytest.raises(ConnectionLost):
        watch()
    assert not watcher


def test_losing_the_kernel_at_the_last_acknowledgement_is_told(make_fake: Make) -> None:
    def serve(fake: FakeKernel, connection: socket.socket, number: int) -> None:
        connection.sendall(GREETING)
        fake.read_request(connection)
        if number:
            connection.sendall(b'=fine\n')
        else:
            connection.sendall(b'{"watching":[["p","id",0,1.5,0]],"made":null}\no 0 1.5 1 1\nx\nx 0 2.5 0\n')
            fake.read_request(connection)

    with Papa(make_fake(serve).path) as papa:
        watcher = papa.watch_processes('p')
        while not watcher.exit_code:
            watcher.read()
        with pytest.raises(ConnectionLost, match='during "acknowledge"'):
            watcher.acknowledge()
        assert papa.get('x') == 'fine'


def test_events_whose_acknowledgement_has_failed(daemon: Daemon, papa: Papa) -> None:
    watcher = papa.make_process('p', 'true', watch_immediately=True)
    list(watcher.events())
    daemon.process.kill()
    daemon.process.wait()
    for step in (watcher.acknowledge, watcher.acknowledge, watcher.close):
        with pytest.raises(ConnectionLost):
            step()
    watcher.close()


@pytest.mark.parametrize('ending', ['read', 'acknowledge', 'close'])
def test_what_the_kernel_has_not_confirmed_is_never_said_to_be(ending: str, daemon: Daemon, papa: Papa) -> None:
    watcher = papa.make_process('p', 'true', watch_immediately=True)
    while not watcher.exit_code:
        watcher.read()
    daemon.process.kill()
    daemon.process.wait()
    for step in (ending, 'read', 'acknowledge', 'read'):
        with pytest.raises(ConnectionLost):
            getattr(watcher, step)()
    if ending != 'close':
        with pytest.raises(ConnectionLost):
            watcher.close()
    watcher.close()  # once is enough


def test_what_has_arrived_is_read_before_the_loss_of_the_kernel_is_told(daemon: Daemon, papa: Papa) -> None:
    watcher = papa.make_process('job', 'sh', ('-c', 'echo precious; exec sleep 60'), watch_immediately=True)
    wait_until(lambda: watcher.ready, 'output')
    pid = papa.list_processes('job')['job']['pid']
    daemon.process.kill()
    daemon.process.wait()
    os.kill(pid, signal.SIGKILL)
    outputs = watcher.read()
    assert outputs is not None
    assert [output.data for output in outputs[0]] == [b'precious\n']
    with pytest.raises(ConnectionLost):
        watcher.read()
    with pytest.raises(ConnectionLost):
        watcher.close()  # it was read, and the kernel never heard that
    assert not watcher


def test_an_acknowledgement_that_cannot_arrive_is_not_silent(daemon: Daemon, papa: Papa) -> None:
    watcher = papa.make_process('job', 'echo', 'x', watch_immediately=True)
    assert watcher.read() is not None
    daemon.process.kill()
    daemon.process.wait()
    assert watcher.ready
    with pytest.raises(ConnectionLost):
        watcher.close()
    watcher.close()  # there is nothing left to lose


# Interrupts


def read_to_the_end(watcher: Watcher) -> None:
    while watcher.read():
        pass


@pytest.mark.blocking_only
def test_an_interrupted_read_can_be_repeated(speak: Speak, papa: Papa) -> None:
    speaker = speak()
    with interrupts() as interrupt, papa.watch_processes('p') as watcher:
        speaker.say(b'one')
        assert read_until(watcher, 3) == b'one'
        threading.Timer(0.05, interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            watcher.read()
        speaker.say(b'two')
        assert read_until(watcher, 3) == b'two'


@pytest.mark.blocking_only
def test_an_interrupted_read_in_the_middle_of_a_piece_loses_nothing(make_fake: Make) -> None:
    with interrupts() as interrupt:
        def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
            connection.sendall(GREETING)
            fake.read_request(connection)
            connection.sendall(b'{"watching":[["p","id",0,1.5,0]],"made":null}\no 0 1.5 6 6\nfoo')
            while select.select([connection], [], [], 0.05)[0]:
                connection.recv(1)
            interrupt()
            go.wait(PATIENCE)
            connection.sendall(b'bar\nx 0 2.5 0\n')
            fake.read_request(connection)
            connection.sendall(b'.\n')

        go = threading.Event()
        with Papa(make_fake(serve).path) as papa, papa.watch_processes('p') as watcher:
            with pytest.raises(KeyboardInterrupt):
                watcher.read()
            go.set()
            assert read_until(watcher, 6) == b'foobar'


@pytest.mark.blocking_only
@pytest.mark.parametrize('ending', ['close', 'acknowledge', 'leave'])
def test_an_interrupted_end_leaves_the_client_usable(ending: str, make_fake: Make) -> None:
    with interrupts() as interrupt:
        def serve(fake: FakeKernel, connection: socket.socket, number: int) -> None:
            connection.sendall(GREETING)
            fake.read_request(connection)
            if number:
                connection.sendall(b'=fine\n')
                fake.read_request(connection)
                return
            connection.sendall(b'{"watching":[["p","id",0,1.5,0]],"made":null}\no 0 1.5 1 1\nx\nx 0 2.5 0\n')
            fake.read_request(connection)
            interrupt()
            fake.read_request(connection)

        with Papa(make_fake(serve).path) as papa:
            watcher = papa.watch_processes('p')
            while not watcher.exit_code:
                results = watcher.read()
                assert results is not None
            leave = partial(watcher.__exit__, ZeroDivisionError, ZeroDivisionError(), None)
            with pytest.raises(KeyboardInterrupt):
                (leave if ending == 'leave' else getattr(watcher, ending))()
            assert papa.get('x') == 'fine'
            if ending != 'leave':  # that acknowledges nothing
                for step in (watcher.read, watcher.acknowledge, watcher.close):
                    with pytest.raises(ConnectionLost, match='during "acknowledge"'):
                        step()


@pytest.mark.blocking_only
@pytest.mark.parametrize('method', ['receive', 'next_frame'])
def test_an_interrupt_between_the_socket_and_the_reader_closes_the_connection(
    method: str, daemon: Daemon, papa: Papa, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was taken from the socket may be lost by it, an exit for example: the next watcher gets it again."""
    papa.make_process('p', 'echo', 'x')
    watcher = papa.watch_processes('p')
    assert readable(watcher)
    original = getattr(ClientProtocol, method)

    def interrupted(self: ClientProtocol, *data: bytes) -> None:
        original(self, *data)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ClientProtocol, method, interrupted)
        with pytest.raises(KeyboardInterrupt):
            watcher.read()
    with pytest.raises(ConnectionLost):  # perhaps after what had come before
        read_to_the_end(watcher)
    with suppress(ConnectionLost):
        watcher.close()
    with papa.watch_processes('p') as second:
        read_to_the_end(second)
        assert second.exit_code == {'p': 0}
