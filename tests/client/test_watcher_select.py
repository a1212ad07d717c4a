"""`papa.Watcher`: what `select` and `ready` tell."""

from __future__ import annotations

import select
import socket
import threading

import pytest
from conftest import Daemon, wait_until

from papa import Papa

from .helpers import GREETING, FakeKernel, Make, Speak, datas, read_until, readable, wait_for_end

pytestmark = pytest.mark.usefixtures('both')


def test_select_and_ready_tell_the_truth(speak: Speak, papa: Papa) -> None:
    speaker = speak()
    with papa.watch_processes('p') as watcher:
        assert watcher.ready is False
        assert readable(watcher, seconds=0) == []
        for text in (b'one', b'two'):
            speaker.say(text)
            assert readable(watcher) == [watcher]
            assert watcher.ready is True
            assert watcher.ready is True
            assert read_until(watcher, 3) == text
            assert watcher.ready is False
            assert readable(watcher, seconds=0) == []
        speaker.end()
        assert readable(watcher) == [watcher]
        assert len((watcher.read() or ([], [], []))[2]) == 1
        assert watcher.ready is False


def test_the_end_of_a_watch_that_peeks_is_ready(papa: Papa) -> None:
    papa.make_process('p', 'true')
    watcher = papa.watch_processes('p', peek=True)
    while not watcher.exit_code:
        assert readable(watcher) == [watcher]
        watcher.read()
    assert watcher
    assert watcher.ready is True
    assert watcher.read() is None
    assert (bool(watcher), watcher.ready) == (False, False)


def test_whatever_makes_it_readable_gives_a_result(speak: Speak, papa: Papa, daemon: Daemon) -> None:
    """Also where others acknowledge, list, remove and watch at the same time."""
    speakers = [speak(f'w.{number}') for number in range(3)]
    with papa.watch_processes('w.*') as watcher, daemon.connect() as other:
        with other.watch_processes('w.*') as rival:
            speakers[0].say(b'x')
            for each in (rival, watcher):
                readable(each)
                assert datas((each.read() or ([], [], []))[0]) == b'x'
            rival.acknowledge()
        other.remove_processes('w.1')
        other.list_processes()
        assert readable(watcher, seconds=0.05) == []
        assert watcher.ready is False
        speakers[1].end()
        assert readable(watcher) == [watcher]
        assert [end.name for end in (watcher.read() or ([], [], []))[2]] == ['w.1']


def test_nothing_stays_behind_in_the_client(daemon: Daemon, papa: Papa) -> None:
    """However much has arrived, whoever waits with `select` before each `read` gets all of it, and the exit."""
    size = 20 * 1024 * 1024
    papa.make_process('p', 'sh', ('-c', f'head -c {size} /dev/zero; echo; echo err >&2'), bufsize='32m')
    wait_for_end(daemon)
    found = 0
    with papa.watch_processes('p') as watcher:
        while not watcher.exit_code:
            assert readable(watcher, seconds=5), f'nothing to read, and no exit after {found} bytes'
            found += sum(len(item.data) for item in (watcher.read() or ([], [], []))[0])
    assert found == size + 1


@pytest.mark.parametrize('extra', [-64, -1, 0, 1])
def test_the_exit_behind_much_output_does_not_stay_behind(extra: int, make_fake: Make) -> None:
    size = 8 * 1024 * 1024 + extra
    sent = threading.Event()

    def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
        connection.sendall(GREETING)
        fake.read_request(connection)
        connection.sendall(b'{"watching":[["p","id",0,1.5,0]],"made":null}\n')
        connection.sendall(b'o 0 1.5 %d %d\n' % (size, size) + bytes(size) + b'\nx 0 2.5 0\n')
        sent.set()
        while fake.read_request(connection):
            connection.sendall(b'.\n')

    with Papa(make_fake(serve).path) as papa, papa.watch_processes('p') as watcher:
        while not watcher.exit_code:
            assert readable(watcher, seconds=5)
            watcher.read()
    assert sent.is_set()


def test_many_small_pieces_behind_each_other(make_fake: Make) -> None:
    """What arrives in one go is returned in one go."""
    def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
        connection.sendall(GREETING)
        fake.read_request(connection)
        frames = b''.join(b'%c 0 %d.5 %d 1\nx\n' % (b'oe'[n % 2], n, n + 1) for n in range(2000))
        connection.sendall(b'{"watching":[["p","id",0,1.5,0]],"made":null}\n' + frames + b'x 0 1.5 0\n')
        while fake.read_request(connection):
            connection.sendall(b'.\n')

    with Papa(make_fake(serve).path) as papa, papa.watch_processes('p') as watcher:
        results = []
        while not watcher.exit_code:
            assert readable(watcher)
            results.append(watcher.read())
    assert sum(len(out) + len(err) for out, err, _ in results) == 2000


def test_many_watchers_in_one_select(daemon: Daemon, speak: Speak) -> None:
    speakers = {f'w.{number}': speak(f'w.{number}') for number in range(5)}
    clients = [daemon.connect() for _ in speakers]
    watchers = [client.watch_processes(name) for client, name in zip(clients, speakers, strict=True)]
    collected: dict[str, bytes] = dict.fromkeys(speakers, b'')
    for speaker in speakers.values():
        speaker.say(speaker.name.encode())
        speaker.end()
    while watchers:
        for watcher in readable(*watchers):
            results = watcher.read()
            if results is not None:
                for item in results[0]:
                    collected[item.name] += item.data
                watcher.acknowledge()
            if not watcher:
                watchers.remove(watcher)
    assert collected == {name: name.encode() for name in speakers}
    assert clients[0].list_processes() == {}
    for client in clients:
        client.close()


@pytest.mark.blocking_only
def test_ready_leaves_what_has_arrived_where_select_sees_it(papa: Papa) -> None:
    with papa.make_process('job', '/bin/echo', args='hello', watch_immediately=True) as watcher:
        wait_until(lambda: watcher.ready, 'output')
        assert select.select([watcher], [], [], 0)[0] == [watcher]
        assert watcher.ready
        outputs = watcher.read()
        assert outputs is not None
        assert outputs[0][0].data == b'hello\n'
