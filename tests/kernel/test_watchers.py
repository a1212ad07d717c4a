"""Several watchers of one process, and watchers that die: nobody loses what is his."""

from __future__ import annotations

import os
import random
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PATIENCE, Daemon, wait_until

from kernel.tools import Seen, end, resident, run, shell
from papa import Papa, Watcher

MB = 1024 * 1024


def lines(low: int, high: int) -> bytes:
    return b''.join(b'%d\n' % number for number in range(low, high))


def test_each_of_two_watchers_gets_everything(daemon: Daemon, folder: str) -> None:
    with daemon.connect() as first, daemon.connect() as second:
        first.make_process('job', **shell(f'while [ ! -e {folder}/go ]; do sleep 0.01; done; seq 50000; echo err >&2'))
        with first.watch_processes('job') as one, second.watch_processes('job') as two:
            Path(folder, 'go').touch()
            seen_by_one = Seen(one)
            seen_by_two = Seen(two)
        for seen in (seen_by_one, seen_by_two):
            assert seen.out == lines(1, 50001)
            assert seen.err == b'err\n'
            assert seen.exits == {'job': 0}


@pytest.mark.parametrize('overflow', ['drop', 'block'])
@pytest.mark.parametrize('script', [
    'yes | head -n 10000000', 'i=0; while [ $i -lt 20000 ]; do echo o; echo e >&2; i=$((i+1)); done',
], ids=['flood', 'alternating'])
def test_a_sleeping_watcher_hurts_neither_the_child_nor_the_other(
    daemon: Daemon, overflow: str, script: str
) -> None:
    """What somebody has acknowledged never blocks the child; only the sleeper is told of a loss."""
    with daemon.connect() as first, daemon.connect() as second:
        first.make_process('job', **shell(f'sleep 0.2; {script}'), overflow=overflow, bufsize='256k')
        before = resident(daemon.pid)
        with first.watch_processes('job') as awake, second.watch_processes('job') as asleep:
            seen = Seen(awake)
            assert resident(daemon.pid) - before < 6 * MB
            expected = 20_000_000 if 'yes' in script else 80_000
            if overflow == 'block':
                assert len(seen.out) + len(seen.err) == expected
                assert awake.dropped == {}
            else:
                assert len(seen.out) + len(seen.err) + awake.dropped.get('job', 0) == expected
            late = Seen(asleep)
            assert late.exits == {'job': 0}
            assert len(late.out) + len(late.err) + asleep.dropped.get('job', 0) == expected
            if 'yes' in script:
                assert asleep.dropped['job'] > 0
                assert len(late.out) >= 256 * 1024 - 65536


def test_a_sleeping_watcher_on_a_quiet_process_loses_nothing(daemon: Daemon) -> None:
    with daemon.connect() as first, daemon.connect() as second:
        first.make_process('job', **shell('seq 1000'))
        with first.watch_processes('job') as awake, second.watch_processes('job') as asleep:
            assert Seen(awake).out == lines(1, 1001)
            assert first.list_processes() == {}
            assert Seen(asleep).out == lines(1, 1001)
            assert asleep.exit_code == {'job': 0}


def test_the_first_acknowledgement_of_an_exit_frees_the_name(daemon: Daemon) -> None:
    with daemon.connect() as first, daemon.connect() as second:
        first.make_process('job', **shell('echo old'))
        with first.watch_processes('job') as one, second.watch_processes('job') as two:
            assert Seen(one).out == b'old\n'
            assert run(first, 'job', **shell('echo new')).out == b'new\n'
            assert Seen(two).out == b'old\n'


def test_what_is_not_acknowledged_comes_again_with_its_time(daemon: Daemon, papa: Papa) -> None:
    with daemon.connect() as other:
        other.make_process('job', **shell('echo one; sleep 0.05; echo two >&2'))
        wait_until(lambda: not papa.list_processes()['job']['running'])
        watcher = other.watch_processes('job')
        out, err, closed = watcher.read() or ([], [], [])
        os.close(os.dup(watcher.fileno()))
        with pytest.raises(ZeroDivisionError), watcher:
            raise ZeroDivisionError
    with papa.watch_processes('job') as again:
        assert again.read() == (out, err, closed)


def test_output_is_kept_in_pieces_up_to_the_acknowledged_read(daemon: Daemon, papa: Papa, folder: str) -> None:
    os.mkfifo(f'{folder}/one')
    os.mkfifo(f'{folder}/two')
    papa.make_process('job', **shell(f'cat {folder}/one {folder}/two'))
    with daemon.connect() as other:
        watcher = other.watch_processes('job')
        Path(folder, 'one').write_text('first\n')
        assert watcher.read()[0][0].data == b'first\n'  # type: ignore[index]
        watcher.acknowledge()
        wait_until(lambda: papa.list_processes()['job']['buffered'] == 0)
        Path(folder, 'two').write_text('second\n')
        out, _, closed = watcher.read() or ([], [], [])
        assert (out[0].data, closed and closed[0].data) in ((b'second\n', []), (b'second\n', 0))
        with pytest.raises(ZeroDivisionError), watcher:
            raise ZeroDivisionError
    with papa.watch_processes('job') as again:
        assert Seen(again).out == b'second\n'


LOGGER = """
import sys
from papa import Papa
with Papa(sys.argv[1], autostart=False) as papa, papa.watch_processes('job') as watcher, \\
     open(sys.argv[2], 'ab', buffering=0) as log:
    while (result := watcher.read()) is not None:
        for piece in result[0]:
            log.write(piece.data)
        if result[2]:
            log.write(b'closed\\n')
"""


def test_loggers_that_are_killed_at_random_moments_lose_nothing(daemon: Daemon, papa: Papa, folder: str) -> None:
    """Each goes on where the acknowledged output of those before it ends, or earlier: nothing is missing."""
    chance = random.Random(4)
    papa.make_process('job', **shell('seq 1000000; echo end'), bufsize='64k', overflow='block')
    whole = lines(1, 1_000_001) + b'end\nclosed\n'
    reached = 0
    for number in range(100):
        log = Path(folder, f'log.{number}')
        logger = subprocess.Popen([sys.executable, '-c', LOGGER, str(daemon.where), str(log)])
        if number < 12:
            wait_until(lambda: (log.exists() and log.stat().st_size) or logger.poll() is not None, 'output')  # noqa: B023
            time.sleep(chance.random() * 0.03)
            logger.kill()
        logger.wait()
        text = log.read_bytes()
        start = whole.rfind(text, 0, reached + len(text))
        assert 0 <= start <= reached, f'something is missing before {text[:40]!r}'
        reached = max(reached, start + len(text))
        if not papa.list_processes('job'):
            break
    assert reached == len(whole)


def test_a_connection_cut_in_the_middle_of_the_stream_acknowledges_nothing(daemon: Daemon, papa: Papa) -> None:
    papa.make_process('job', **shell('seq 20000'))
    wait_until(lambda: not papa.list_processes()['job']['running'])
    captured = papa.list_processes()['job']['captured']
    for size in (1, 30, 1000, 70000):
        with daemon.open() as peer:
            peer.sendall(b'\twatch processes\tjob\n')
            received = 0
            while received < size:
                received += len(peer.recv(size - received))
        wait_until(lambda: papa.list_processes()['job']['watchers'] == 0)
        assert papa.list_processes()['job']['buffered'] == captured
    with papa.watch_processes('job') as watcher:
        assert Seen(watcher).out == lines(1, 20001)


@pytest.mark.parametrize('acknowledgement', [
    'ack', 'ack\t', 'ack\t0', 'ack\t0:', 'ack\t0:-1', 'ack\t1:5', 'ack\t0:x', 'ack\tx', 'ack\t²:1', 'ack\t0:²',
    'ack\t0:5:6', 'set\tx\ty', 'nonsense', 'list processes', 'stop\t0:y',
])
def test_a_bad_word_during_a_watch_hurts_only_its_sender(
    daemon: Daemon, papa: Papa, acknowledgement: str
) -> None:
    papa.make_process('job', **shell('echo hello; exec sleep 60'))
    with daemon.open() as peer:
        peer.sendall(b'\twatch processes\tjob\n' + f'\t{acknowledgement}\n\tstop\n'.encode())
        data = b''
        while not re.search(rb'^(!.*|\.)\n', data, re.MULTILINE):
            part = peer.recv(65536)
            assert part
            data += part
        assert b'inside papa' not in data
    assert papa.list_values() == {}
    wait_until(lambda: papa.list_processes()['job']['watchers'] == 0)
    details = papa.list_processes()['job']
    assert details['acknowledged'] in (0, 6)
    assert 'Traceback' not in daemon.stop()


def test_an_acknowledgement_of_more_than_was_sent_is_refused(daemon: Daemon, papa: Papa, folder: str) -> None:
    os.mkfifo(f'{folder}/fifo')
    papa.make_process('job', **shell(f'cat {folder}/fifo; sleep 60'))
    with daemon.open() as peer:
        peer.sendall(b'\twatch processes\tjob\n\tack\t0:1000000\n')
        said = b''
        while part := peer.recv(65536):
            said += part
        assert said.endswith(b'!bad-request\tOutput was acknowledged that was never told\n')
    wait_until(lambda: papa.list_processes()['job']['watchers'] == 0)
    Path(folder, 'fifo').write_text('kept\n')
    wait_until(lambda: papa.list_processes()['job']['captured'] == 5)
    assert papa.list_processes()['job']['buffered'] == 5


def test_select_and_ready_tell_the_truth(papa: Papa, folder: str) -> None:
    os.mkfifo(f'{folder}/fifo')
    with papa.make_process('job', **shell(f'cat {folder}/fifo'), watch_immediately=True) as watcher:
        assert select.select([watcher], [], [], 0.05)[0] == []
        assert not watcher.ready
        with open(f'{folder}/fifo', 'wb', buffering=0) as fifo:
            for number in range(50):
                fifo.write(b'%d\n' % number)
                assert select.select([watcher], [], [], PATIENCE)[0] == [watcher]
                assert watcher.ready
                assert watcher.read()[0][0].data == b'%d\n' % number  # type: ignore[index]
                assert select.select([watcher], [], [], 0)[0] == []
        assert Seen(watcher).exits == {'job': 0}
        assert not watcher


def test_removal_under_a_watcher_tells_the_exit_and_no_more_output(papa: Papa, daemon: Daemon, folder: str) -> None:
    os.mkfifo(f'{folder}/fifo')
    with daemon.connect() as other:
        pid = papa.make_process('job', **shell(f'echo before; cat {folder}/fifo; exit 6'))['pid']
        watcher = papa.watch_processes('job')
        assert watcher.read()[0][0].data == b'before\n'  # type: ignore[index]
        other.remove_processes('job')
        assert set(other.list_processes()) == {'job'}  # until it has exited
        Path(folder, 'fifo').write_bytes(b'after' * 50000)
        seen = Seen(watcher)
        assert (seen.out, seen.exits) == (b'', {'job': 6})
        assert other.list_processes() == {}
        assert not os.path.exists(f'/proc/{pid}')


@pytest.mark.parametrize('overflow', ['drop', 'block'])
def test_removal_without_a_watcher(papa: Papa, overflow: str) -> None:
    pid = papa.make_process('job', **shell('yes'), overflow=overflow, bufsize='8k')['pid']
    papa.make_process('gone', '/bin/true')
    wait_until(lambda: papa.list_processes()['job']['captured'] >= 8192)
    wait_until(lambda: not papa.list_processes()['gone']['running'])
    papa.remove_processes()
    assert set(papa.list_processes()) == {'job'}  # the other had exited: it is gone at once
    assert papa.list_processes()['job']['buffered'] == 0
    papa.remove_processes('job')  # once more does no harm
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: papa.list_processes() == {}, 'the name to be free')


def test_one_watcher_of_many_processes(papa: Papa) -> None:
    for number in range(30):
        papa.make_process(f'many.{number}', **shell(f'echo {number}; exit {number}'))
    with papa.watch_processes('many.*') as watcher:
        seen = Seen(watcher)
    assert seen.exits == {f'many.{number}': number for number in range(30)}
    assert sorted(seen.out.split()) == sorted(b'%d' % number for number in range(30))
    assert papa.list_processes() == {}


def test_an_idle_kernel_does_not_wake_up(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon()
    with daemon.connect() as papa:
        pid = papa.make_process('idle', '/bin/sleep', ['60'])['pid']
        watcher: Watcher = papa.watch_processes('idle')
        with watcher:
            wait_until(lambda: _stays_asleep(daemon.pid), 'the kernel to be idle')
        end([pid])


def _stays_asleep(pid: int) -> bool:
    before = _wake_ups(pid)
    time.sleep(0.4)
    return _wake_ups(pid) == before


def _wake_ups(pid: int) -> int:
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('voluntary_ctxt'))
