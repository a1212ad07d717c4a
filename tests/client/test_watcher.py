"""`papa.Watcher`: reading output, acknowledging it, and what becomes of the connection."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from conftest import PATIENCE, Daemon, wait_until

from papa import STDOUT, ConnectionLost, NotFound, Papa, ProcessOutput, Watcher

from .helpers import GREETING, FakeKernel, Speaker, interrupts

Speak = Callable[..., Speaker]
Make = Callable[..., FakeKernel]


@pytest.fixture
def speak(daemon: Daemon, folder: str) -> Iterator[Speak]:
    """Start speakers by a client of their own, so that they take nobody's connection."""
    speakers: list[Speaker] = []
    with daemon.connect() as maker:
        def start(name: str = 'p', **options: Any) -> Speaker:
            speakers.append(Speaker(maker, folder, name, **options))
            return speakers[-1]

        yield start
    for speaker in speakers:
        speaker.end()


def details(daemon: Daemon, name: str = 'p') -> dict[str, Any]:
    with daemon.connect() as papa:
        return papa.list_processes()[name]


def wait_for_capture(daemon: Daemon, size: int, name: str = 'p') -> None:
    wait_until(lambda: details(daemon, name)['captured'] >= size, f'{size} bytes of {name}')


def wait_for_end(daemon: Daemon, name: str = 'p') -> None:
    wait_until(lambda: not details(daemon, name)['running'], f'the end of {name}')


def readable(*watchers: Watcher, seconds: float = PATIENCE) -> list[Watcher]:
    return select.select(watchers, [], [], seconds)[0]


def datas(outputs: list[ProcessOutput]) -> bytes:
    return b''.join(output.data for output in outputs)


def read_until(watcher: Watcher, size: int) -> bytes:
    """Standard output until there are so many bytes."""
    found = b''
    while len(found) < size:
        results = watcher.read()
        assert results is not None
        found += datas(results[0])
    return found


# What is read


def test_output_and_exit(papa: Papa) -> None:
    before = time.time()
    with papa.make_process('p', 'sh', ('-c', 'echo out; echo err >&2; exit 7'), watch_immediately=True) as watcher:
        out, err, closed = [], [], []
        while results := watcher.read():
            assert all(isinstance(part, list) for part in results)
            for target, part in zip((out, err, closed), results, strict=True):
                target += part
    assert (datas(out), datas(err)) == (b'out\n', b'err\n')
    (end,) = closed
    assert (end.name, end.data) == ('p', 7)
    for output in (*out, *err, *closed):
        assert isinstance(output, ProcessOutput)
        assert output.name == 'p'
        assert before <= output.timestamp <= time.time()


@pytest.mark.parametrize('data', [
    bytes(range(256)), b'\n> ] \n', b'Error: no\n', b'\0', b'.\n', b'o 0 1.0 5 5\n', b'x' * 60000,
])
def test_bytes_come_exactly(data: bytes, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    with papa.watch_processes('p') as watcher:
        speaker.say(data)
        assert read_until(watcher, len(data)) == data


def test_a_process_without_output(papa: Papa) -> None:
    with papa.make_process('p', 'true', watch_immediately=True) as watcher:
        out, err, closed = watcher.read() or ([], [], [])
        assert (out, err, [end.data for end in closed]) == ([], [], [0])
        assert watcher.read() is None


def test_merged_streams_come_as_standard_output(papa: Papa) -> None:
    command = ('-c', 'echo a; echo b >&2; echo c')
    with papa.make_process('p', 'sh', command, stderr=STDOUT, watch_immediately=True) as watcher:
        assert read_until(watcher, 6) == b'a\nb\nc\n'


def test_read_waits_for_something(speak: Speak, papa: Papa) -> None:
    speaker = speak()
    with papa.watch_processes('p') as watcher:
        threading.Timer(0.05, speaker.say, (b'at last\n',)).start()
        out, err, closed = watcher.read() or ([], [], [])
    assert (datas(out), err, closed) == (b'at last\n', [], [])


def test_read_returns_all_that_has_arrived(daemon: Daemon, papa: Papa) -> None:
    papa.make_process('p', 'sh', ('-c', 'for i in 1 2 3; do echo $i; echo $i >&2; sleep 0.02; done'))
    wait_for_end(daemon)
    with papa.watch_processes('p') as watcher:
        readable(watcher)
        out, err, closed = watcher.read() or ([], [], [])
    assert (datas(out), datas(err), len(closed)) == (b'1\n2\n3\n', b'1\n2\n3\n', 1)


def test_the_original_times(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    before = time.time()
    speaker.say(b'early\n')
    wait_for_capture(daemon, 6)
    after = time.time()
    time.sleep(0.05)
    for _ in range(2):  # nothing is acknowledged, so that it comes again
        with suppress(ZeroDivisionError), papa.watch_processes('p') as watcher:
            ((output,), _, _) = watcher.read() or ([], [], [])
            assert before <= output.timestamp <= after
            raise ZeroDivisionError


def test_several_processes_in_one_watcher(speak: Speak, papa: Papa) -> None:
    speakers = [speak(f'w.{number}') for number in range(3)]
    with papa.watch_processes('w.*') as watcher:
        for speaker in speakers:
            speaker.say(speaker.name.encode())
            out = (watcher.read() or ([], [], []))[0]
            assert [(item.name, item.data) for item in out] == [(speaker.name, speaker.name.encode())]
        for speaker in speakers:
            speaker.end()
        ended: set[str] = set()
        while results := watcher.read():
            ended.update(end.name for end in results[2])
    assert ended == {'w.0', 'w.1', 'w.2'}
    assert watcher.exit_code == dict.fromkeys(ended, 0)


@pytest.mark.parametrize('names', [(), ('*',), ('w.*', 'other'), ('w.1', 'w.2', 'other', 'w.*')])
def test_which_processes(names: tuple[str, ...], speak: Speak, papa: Papa) -> None:
    speakers = [speak(name) for name in ('w.1', 'w.2', 'other')]
    with papa.watch_processes(*names) as watcher:
        for speaker in speakers:
            speaker.end()
        while watcher.read():
            pass
    assert set(watcher.exit_code) == {'w.1', 'w.2', 'other'}


def test_by_pid(speak: Speak, papa: Papa) -> None:
    speaker = speak()
    with papa.watch_processes(speaker.made['pid']) as watcher:
        speaker.say(b'x')
        assert datas((watcher.read() or ([], [], []))[0]) == b'x'


@pytest.mark.parametrize('names', [(), ('*',), ('none',), ('none*',), ('p', 'none')])
def test_at_least_one_process_and_every_plain_name_must_match(names: tuple[str, ...], papa: Papa) -> None:
    if 'p' in names:
        papa.make_process('p', 'true')
    before = papa.fileno()
    with pytest.raises(NotFound):
        papa.watch_processes(*names)
    assert papa.fileno() == before


# Acknowledging


def unacknowledged(daemon: Daemon) -> bytes:
    """What a watcher that acknowledges nothing sees."""
    with daemon.connect() as papa:
        found = b''
        if papa.list_processes()['p']['buffered']:
            watcher = papa.watch_processes('p')
            found = datas((watcher.read() or ([], [], []))[0])
            watcher._abandon()
    return found


def test_read_acknowledges_what_the_previous_read_returned(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    with papa.watch_processes('p') as watcher:
        speaker.say(b'one')
        assert read_until(watcher, 3) == b'one'
        assert unacknowledged(daemon) == b'one'
        speaker.say(b'two')
        assert read_until(watcher, 3) == b'two'
        assert unacknowledged(daemon) == b'two'


def test_acknowledge(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    with papa.watch_processes('p') as watcher:
        watcher.acknowledge()  # nothing yet
        speaker.say(b'one')
        watcher.read()
        watcher.acknowledge()
        watcher.acknowledge()
        wait_until(lambda: details(daemon)['acknowledged'] == 3)
        assert unacknowledged(daemon) == b''
        speaker.say(b'two')
        assert read_until(watcher, 3) == b'two'


def test_acknowledge_covers_only_what_was_read(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    watcher = papa.watch_processes('p')
    speaker.say(b'one')
    watcher.read()
    speaker.say(b'two')
    wait_for_capture(daemon, 6)
    readable(watcher)
    assert watcher.ready  # it has arrived in the client, but nobody has read it
    watcher.close()
    assert unacknowledged(daemon) == b'two'


def test_close_acknowledges_and_waits_until_the_kernel_has_it(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    for text in (b'one', b'two', b'three'):
        watcher = papa.watch_processes('p')
        speaker.say(text)
        assert read_until(watcher, len(text)) == text
        watcher.close()
        assert details(daemon)['buffered'] == 0
        assert not watcher


def test_leaving_a_block_acknowledges(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    speaker.say(b'one')
    with papa.watch_processes('p') as watcher:
        assert read_until(watcher, 3) == b'one'
    assert details(daemon)['buffered'] == 0


def test_leaving_a_block_by_an_exception_acknowledges_nothing(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    speaker.say(b'one')
    with suppress(ZeroDivisionError), papa.watch_processes('p') as watcher:
        assert read_until(watcher, 3) == b'one'
        raise ZeroDivisionError
    assert not watcher
    assert unacknowledged(daemon) == b'one'
    papa.set('a', 'b')  # and the client has its connection back
    assert papa.get('a') == 'b'


def test_leaving_the_block_of_the_client_by_an_exception_acknowledges_nothing(daemon: Daemon, speak: Speak) -> None:
    speaker = speak()
    speaker.say(b'one')
    with suppress(ZeroDivisionError), daemon.connect() as papa, papa.watch_processes('p') as watcher:
        assert read_until(watcher, 3) == b'one'
        raise ZeroDivisionError
    assert unacknowledged(daemon) == b'one'


def test_a_reader_that_dies_loses_nothing(daemon: Daemon, speak: Speak) -> None:
    speaker = speak()
    speaker.say(b'one')
    dead = daemon.connect().watch_processes('p')
    assert read_until(dead, 3) == b'one'
    os.close(os.dup(dead.fileno()))
    assert dead._connection is not None
    dead._connection.close()
    assert unacknowledged(daemon) == b'one'


def test_what_was_acknowledged_before_a_death_stays_acknowledged(daemon: Daemon, speak: Speak) -> None:
    """Also when the kernel notices first that it cannot send any more."""
    speaker = speak()
    watcher = daemon.connect().watch_processes('p')
    speaker.say(b'one')
    assert read_until(watcher, 3) == b'one'
    daemon.process.send_signal(signal.SIGSTOP)
    speaker.say(b'two')
    wait_until(lambda: speaker.is_waiting)
    watcher.acknowledge()
    assert watcher._connection is not None
    watcher._connection.close()
    daemon.process.send_signal(signal.SIGCONT)
    wait_until(lambda: details(daemon)['watchers'] == 0)
    assert details(daemon)['acknowledged'] == 3
    assert unacknowledged(daemon) == b'two'


def test_the_name_is_free_once_the_exit_is_acknowledged(papa: Papa) -> None:
    watcher = papa.make_process('p', 'false', watch_immediately=True)
    watcher.read()
    assert list(papa.list_processes()) == ['p']
    watcher.acknowledge()
    assert papa.list_processes() == {}
    with papa.make_process('p', 'true', watch_immediately=True) as successor:
        successor.read()
        assert successor.exit_code == {'p': 0}


def test_an_exit_that_is_not_acknowledged_comes_again(papa: Papa) -> None:
    papa.make_process('p', 'sh', ('-c', 'exit 3'))
    for _ in range(3):
        watcher = papa.watch_processes('p')
        (end,) = (watcher.read() or ([], [], []))[2]
        assert end.data == 3
        watcher._abandon()


# Being done


def test_read_returns_none_once_the_kernel_has_confirmed(papa: Papa) -> None:
    with papa.make_process('p', 'true', watch_immediately=True) as watcher:
        while watcher.read():
            assert watcher
        assert not watcher
        assert papa.list_processes() == {}
        assert watcher.read() is None
        assert watcher.read() is None


def test_the_truth_value(speak: Speak, papa: Papa) -> None:
    one, two = speak('w.1'), speak('w.2')
    watcher = papa.watch_processes('w.*')
    assert watcher
    one.end()
    watcher.read()
    watcher.acknowledge()
    assert watcher
    two.end()
    watcher.read()
    assert watcher
    watcher.acknowledge()
    assert not watcher


def test_the_loop_of_papa_1(papa: Papa) -> None:
    collected = b''
    with papa.make_process('p', 'sh', ('-c', 'echo a; sleep 0.02; echo b'), watch_immediately=True) as watcher:
        while watcher:
            out, _err, _closed = watcher.read()
            collected += datas(out)
            watcher.acknowledge()
    assert collected == b'a\nb\n'
    assert papa.list_processes() == {}


def test_closing_twice(speak: Speak, papa: Papa) -> None:
    speak()
    watcher = papa.watch_processes('p')
    watcher.close()
    watcher.close()
    watcher.acknowledge()
    assert watcher.fileno() == -1
    assert watcher.ready is False
    assert watcher.read() is None


@pytest.mark.parametrize(('command', 'code'), [
    ('exit 0', 0), ('exit 255', 255), ('kill -9 $$', -9), ('kill -15 $$', -15),
])
def test_exit_codes(command: str, code: int, papa: Papa) -> None:
    with papa.make_process('p', 'sh', ('-c', command), watch_immediately=True) as watcher:
        assert watcher.exit_code == {}
        closed = []
        while results := watcher.read():
            closed += results[2]
    assert [end.data for end in closed] == [code]
    assert watcher.exit_code == {'p': code}


def test_an_exit_that_was_acknowledged_by_another(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    with papa.watch_processes('p') as mine, daemon.connect() as other_papa, other_papa.watch_processes('p') as other:
        speaker.say(b'x')
        speaker.end()
        for watcher in (other, mine):
            collected = b''
            while results := watcher.read():
                collected += datas(results[0])
            assert (collected, watcher.exit_code) == (b'x', {'p': 0})


def test_removed_processes_close_without_more_output(speak: Speak, papa: Papa, daemon: Daemon) -> None:
    speaker = speak()
    with papa.watch_processes('p') as watcher:
        speaker.say(b'seen')
        assert read_until(watcher, 4) == b'seen'
        papa.remove_processes('p')
        speaker.say(b'unseen')
        speaker.end()
        out, _, closed = watcher.read() or ([], [], [])
        assert (out, len(closed)) == ([], 1)
        assert watcher.read() is None
    assert watcher.dropped.get('p', 0) == 0  # it was given up on purpose


# Loss


def test_dropped_counts_what_was_lost_to_overflow(daemon: Daemon, papa: Papa) -> None:
    papa.make_process('p', 'sh', ('-c', 'head -c 100000 /dev/zero; echo end'), bufsize=1000)
    wait_for_end(daemon)
    with papa.watch_processes('p') as watcher:
        assert watcher.dropped == {}
        collected = b''
        while results := watcher.read():
            collected += datas(results[0])
    assert collected.endswith(b'end\n')
    assert len(collected) <= 1000
    assert watcher.dropped == {'p': 100004 - len(collected)}


def test_dropped_is_empty_where_nothing_was_lost(papa: Papa) -> None:
    with papa.make_process('p', 'echo', 'x', watch_immediately=True) as watcher:
        while watcher.read():
            pass
    assert watcher.dropped == {}


def test_overflow_block_loses_nothing(papa: Papa) -> None:
    count = 300000
    command = ('-c', f'seq 1 {count}')
    with papa.make_process('p', 'sh', command, bufsize='4k', overflow='block', watch_immediately=True) as watcher:
        collected = b''
        while results := watcher.read():
            collected += datas(results[0])
    assert collected == b''.join(b'%d\n' % number for number in range(1, count + 1))
    assert watcher.dropped == {}


def test_bufsize_0_records_nothing_but_the_exit(papa: Papa) -> None:
    with papa.make_process('p', 'sh', ('-c', 'echo x; exit 4'), bufsize=0, watch_immediately=True) as watcher:
        out, err, closed = watcher.read() or ([], [], [])
        assert (out, err, [end.data for end in closed]) == ([], [], [4])
        assert watcher.read() is None


# select


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
        connection.sendall(b'{"watching":[["p","id",0]],"made":null}\n')
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
        connection.sendall(b'{"watching":[["p","id",0]],"made":null}\n' + frames + b'x 0 1.5 0\n')
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
        with pytest.raises(ConnectionLost, match=f'{daemon.where} during "watch processes"'):
            watcher.read()
    assert not watcher.dropped
    watcher.close()
    assert not watcher


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
            connection.sendall(b'{"watching":[["p","id",0]],"made":null}\no 0 1.5 1 1\nx\nx 0 2.5 0\n')
            fake.read_request(connection)

    with Papa(make_fake(serve).path) as papa:
        watcher = papa.watch_processes('p')
        while not watcher.exit_code:
            watcher.read()
        with pytest.raises(ConnectionLost, match='during "acknowledge"'):
            watcher.acknowledge()
        assert papa.get('x') == 'fine'


# Interrupts


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


def test_an_interrupted_read_in_the_middle_of_a_piece_loses_nothing(make_fake: Make) -> None:
    with interrupts() as interrupt:
        def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
            connection.sendall(GREETING)
            fake.read_request(connection)
            connection.sendall(b'{"watching":[["p","id",0]],"made":null}\no 0 1.5 6 6\nfoo')
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
            connection.sendall(b'{"watching":[["p","id",0]],"made":null}\no 0 1.5 1 1\nx\nx 0 2.5 0\n')
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


def test_ready_leaves_what_has_arrived_where_select_sees_it(papa: Papa) -> None:
    with papa.make_process('job', '/bin/echo', args='hello', watch_immediately=True) as watcher:
        wait_until(lambda: watcher.ready, 'output')
        assert select.select([watcher], [], [], 0)[0] == [watcher]
        assert watcher.ready
        outputs = watcher.read()
        assert outputs is not None
        assert outputs[0][0].data == b'hello\n'


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
