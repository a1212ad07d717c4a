"""Several viewers of one process that floods, and successors under a name that is still watched."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from conftest import PATIENCE, Daemon, wait_until

from papa.errors import LimitReached
from papa.wire.client import EndFrame, ExitFrame, OutputFrame

from .tools import assert_serves, python, resident, shell, written
from .viewers import Account, Caller, Tap

MB = 1024 * 1024
PERIOD = 251 * 256  # of `written`
BLOCK = written(0, PERIOD)

FLOOD = r'''
import os, sys
block = bytes((position * 7 + position // 256) % 251 for position in range(251 * 256))
sys.stdin.readline()
data = block * int(sys.argv[1])
at = 0
while at < len(data):
    at += os.write(1 if at % 3 else 2, data[at:at + 100_000])
'''


def content(position: int, size: int) -> bytes:
    at = position % PERIOD
    return (BLOCK * (2 + size // PERIOD))[at : at + size]


def make(caller: Caller, name: str, parameters: dict[str, Any], *options: str) -> dict[str, Any]:
    return caller.make(name, *options, '--', parameters['executable'], *parameters['args'])


def is_exit(frame: Any) -> bool:
    return isinstance(frame, ExitFrame)


@pytest.mark.parametrize('merged', [False, True], ids=['two streams', 'one stream'])
@pytest.mark.parametrize('overflow', ['drop', 'block'])
def test_one_acknowledges_one_peeks_one_sleeps(daemon: Daemon, folder: str, overflow: str, merged: bool) -> None:
    """The two who do not read hurt neither the process nor the one who does, and are told what they missed.

    Where both streams have their own pipe, the order of capture is the kernel's: only sizes can be compared.
    """
    check = content if merged else None
    with Caller(daemon) as logger, Caller(daemon) as sleeper, Caller(daemon) as peeker, Caller(daemon) as manager:
        code = FLOOD.replace('sys.stdin', f'open({folder + "/go"!r})')
        size = PERIOD * 400
        tap = open_gate(folder)
        options = [f'overflow={overflow}', 'bufsize=256k', *(['stderr=stdout'] if merged else [])]
        made = make(manager, 'job', python(code, 400), *options)
        logger.watch('job')
        sleeper.watch('job')
        peeker.watch('peek=1', '--', 'job')
        before = resident(daemon.pid)
        tap(b'\n')
        account = Account(0, check)
        most = 0
        while account.exit_code is None:
            account.take(logger.frame())
            logger.say(('ack', f'0:{account.position}'))
            most = max(most, resident(daemon.pid) - before)
        assert most < 6 * MB
        assert account.position == size
        details = manager.details('job')
        assert details['captured'] == size
        if overflow == 'block':
            assert (account.lost, details['dropped']) == ([], 0)
        else:
            assert account.delivered + account.lost_to('overflow') == size
            assert account.lost_to('overflow') <= details['dropped']  # some was delivered and not yet acknowledged
        for other in (peeker, sleeper):
            late = Account(0, check).take_all(other.frames_until(is_exit))
            assert late.position == size
            assert late.lost_to('overflow') + late.lost_to('slow') == size - late.delivered > 0
            assert late.lost_to('slow') <= account.delivered  # never said of what nobody got
        assert manager.details('job')['id'] == made['id']
        logger.say(('ack', '0:x'))
        assert isinstance(logger.frame(), EndFrame)
        assert manager.call('list processes') == {}
        for other in (peeker, sleeper):
            assert other.stop() == []


def open_gate(folder: str) -> Callable[[bytes], None]:
    """What a process waits for that reads a line of the file `go`."""
    os.mkfifo(f'{folder}/go')

    def write(data: bytes) -> None:
        with open(f'{folder}/go', 'wb', buffering=0) as fifo:
            fifo.write(data)

    return write


def test_who_only_acknowledges_by_command_keeps_a_blocked_process_going_under_sleepers(daemon: Daemon) -> None:
    with Caller(daemon) as manager, Caller(daemon) as sleeper, Caller(daemon) as peeker:
        size = 3_000_000
        make(manager, 'job', shell(f'sleep 0.2; yes | head -c {size}'), 'overflow=block', 'bufsize=100k')
        sleeper.watch('job')
        peeker.watch('peek=1', '--', 'job')
        released = 0
        while True:
            details = manager.details('job')
            if not (details['running'] or details['buffered']):
                break
            released += int(manager.call('acknowledge', 'job', str(details['captured'])))
        assert released == size
        for other in (sleeper, peeker):
            late = Account(0).take_all(other.frames_until(is_exit))
            assert (late.position, late.lost_to('overflow')) == (size, 0)


# circus's pattern


@pytest.mark.parametrize('events', [False, True])
@pytest.mark.parametrize('words', [('job',), ('peek=1', '--', 'job'), ('follow=1', '--', 'job')])
def test_a_successor_starts_under_a_name_that_is_still_watched(
    daemon: Daemon, folder: str, words: tuple[str, ...], events: bool
) -> None:
    """The manager takes the exit and starts the next one at once; the other is served from what it holds."""
    with Caller(daemon) as manager, Caller(daemon) as other, Caller(daemon) as logger:
        first = Tap(manager, 'job', folder)
        other.watch(*words)
        if events:
            other.say(('events',))
        logger.watch('job')
        first.write(b'x' * 300_000)
        first.close()
        account = Account(0).take_all(logger.frames_until(is_exit))
        logger.say(('ack', f'0:{account.position}', '0:x'))
        assert isinstance(logger.frame(), EndFrame)
        second = Tap(logger, 'job', folder)
        assert second.id != first.id
        assert logger.watch('job') == [['job', second.id, 0, second.details['started'], 0]]
        second.write(b'second')
        assert logger.frame().data == b'second'
        frames = other.frames_until(is_exit)
        late = Account(0).take_all(frame for frame in frames if frame.number == 0)
        assert (late.position, late.exit_code) == (300_000, 0)
        assert late.delivered == 300_000 or (late.lost_to('slow') and 'peek=1' in words)
        if 'follow=1' in words:
            while not any(isinstance(frame, OutputFrame) and frame.number == 1 for frame in frames):
                frames.append(other.frame())
            assert [f.data for f in frames if isinstance(f, OutputFrame) and f.number == 1] == [b'second']
        if 'peek=1' not in words:
            other.say(('ack', '0:x'))  # too late to free the name of the successor
        assert manager.details('job')['id'] == second.id
        second.close()


# Circumstances


def test_a_watch_behind_a_megabyte_of_answers(daemon: Daemon) -> None:
    with Caller(daemon) as caller:
        caller.call('set', 'big', 'x' * 700_000)
        make(caller, 'job', shell('echo hello; exec sleep 60'))
        wait_until(lambda: caller.details('job')['captured'] == 6)
        for stream in (('watch processes', 'job'), ('changes', 'values')):
            caller.say(('get', 'big'), ('get', 'big'), ('get', 'big'), stream, ('stop',), ('get', 'nothing'))
            assert_serves(daemon)
            assert [len(caller.reply()) for _ in range(3)] == [700_000] * 3
            caller.reply()
            assert len(caller.frames_until(lambda frame: isinstance(frame, EndFrame))) <= 2
            assert caller.reply() is None
        caller.say(('get', 'big'), ('get', 'big'), ('get', 'big'), ('watch processes', 'job'))
        assert [len(caller.reply()) for _ in range(3)] == [700_000] * 3
        assert caller.reply()['watching'][0][0] == 'job'
        assert caller.frame().data == b'hello\n'
        caller.stop()


def test_closing_at_the_very_beginning_of_a_stream_leaves_nothing_behind(daemon: Daemon) -> None:
    with Caller(daemon) as manager:
        make(manager, 'job', shell('yes | head -c 3000000; exec sleep 60'), 'bufsize=4m')
        wait_until(lambda: manager.details('job')['captured'] == 3_000_000)
        before = daemon.descriptors()
        for stream in (('watch processes', 'job'), ('watch processes', 'peek=1', 'follow=1', '--'), ('changes',),
                       ('make process', 'job', 'watch=1', 'bufsize=4m', '--', '/bin/sh', '-c',
                        'yes | head -c 3000000; exec sleep 60')):
            for read in (0, 1, 100_000):
                with Caller(daemon) as caller:
                    caller.say(stream)
                    if read:
                        caller.socket.recv(read)
        wait_until(lambda: daemon.descriptors() == before)
        details = manager.details('job')
        assert (details['watchers'], details['peekers'], details['acknowledged']) == (0, 0, 0)
    assert 'Traceback' not in daemon.stop()


def test_streams_begin_at_the_limit_of_descriptors(start_daemon: Callable[..., Daemon], folder: str) -> None:
    daemon = start_daemon(preexec=['prlimit', '--nofile=40:40'])
    with Caller(daemon) as manager, Caller(daemon) as watcher, Caller(daemon) as listener:
        tap = Tap(manager, 'job', folder)
        number = 0
        while isinstance(manager.call('make process', f'more.{number}', '/bin/sleep', '60'), dict):
            number += 1
        refused = manager.call('make process', 'more', '/bin/sleep', '60')
        assert isinstance(refused, LimitReached)
        watcher.watch('follow=1', '--')
        assert listener.call('changes', 'every=0.01') is None
        while listener.frame().record['more']:
            pass
        tap.write(b'hello')
        frame = watcher.frame()
        assert frame.data == b'hello'
        watcher.say(('ack', '0:5'))
        assert listener.frame().record['change'] == 'counters'
        tap.close()
        assert is_exit(watcher.frame())
        watcher.say(('ack', '0:x'))
        wait_until(lambda: 'job' not in manager.call('list processes'))
        assert isinstance(manager.call('make process', 'again', '/bin/sleep', '60'), dict)


def test_the_kernel_ends_in_order_under_streams(daemon: Daemon) -> None:
    callers = [Caller(daemon) for _ in range(4)]
    make(callers[0], 'job', shell('exec sleep 60'))
    pid = callers[0].details('job')['pid']
    callers[0].watch('follow=1', '--')
    callers[1].watch('peek=1', '--', 'job')
    callers[1].say(('events',))
    callers[2].call('changes', 'every=60')
    callers[3].socket.sendall(b'peek processes follow=1\n')
    callers[3].socket.recv(100)
    daemon.process.terminate()
    log = daemon.process.communicate(timeout=PATIENCE)[1]
    os.kill(pid, signal.SIGKILL)
    assert daemon.process.returncode == 0
    assert 'Traceback' not in log
    assert 'Ended' in log
    for caller in callers:
        caller.close()
