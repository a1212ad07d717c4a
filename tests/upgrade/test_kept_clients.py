"""Who is connected notices nothing of an upgrade, whatever he is in the middle of."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Daemon, wait_until
from kernel.tools import Talker, children, written
from kernel.viewers import Account, Caller, Tap

from papa import Error, Papa
from papa.wire.client import AcknowledgementFrame, ChangeFrame, ExitFrame, IntroductionFrame

from .tools import Package, between_kernels, drained


def hold(caller: Caller, tap: Tap, data: bytes) -> None:
    """Let it write, and wait until the kernel has that."""
    tap.write(data)
    wait_until(lambda: caller.details(tap.name)['captured'] == tap.written, 'the output')


# Requests


@pytest.mark.parametrize('cut', [1, 5, 11])
@pytest.mark.parametrize(
    'line', [b'set name a\\ b  c\\\\ d\r\n', b'\tset\tname\ta b c\\\\ d\n'], ids=['telnet', 'structured']
)
def test_a_line_in_two_parts(line: bytes, cut: int, daemon: Daemon, papa: Papa) -> None:
    """With an upgrade between them, or two, or the upgrade in the middle of a part."""
    with Talker(daemon) as talker, Talker(daemon) as other:
        talker.send(line)
        talker.until(b'\n> ' if line[:1] != b'\t' else b'\n')
        value = papa.get('name')
        papa.set('name')
        for _ in range(2):
            talker.send(line[:cut])
            other.ask('get name')  # so that the kernel has read it
            papa.upgrade()
            talker.send(line[cut:])
            talker.until(b'\n> ' if line[:1] != b'\t' else b'\n')
            assert papa.get('name') == value
            papa.set('name')


def test_many_requests_in_one_go(daemon: Daemon, papa: Papa) -> None:
    """More than are run in one turn: those that are left are run by the new kernel, each once, in order."""
    with Talker(daemon) as talker:
        talker.send(b''.join(b'set a.%d %d\nget a.%d\n' % (n, n, n) for n in range(3000)))
        papa.upgrade()
        for number in range(3000):
            assert talker.until_prompt() == b''
            assert talker.until_prompt() == b'%d' % number


def test_answers_that_are_not_read(daemon: Daemon, papa: Papa) -> None:
    """More than the socket takes are asked for and wait, in the old kernel and in the new one."""
    value = 'x' * 1_000_000
    papa.set('large', value)
    with Caller(daemon) as caller:
        caller.say(*[('get', 'large')] * 10, ('set', 'last', 'x'))
        with between_kernels(daemon, os.path.dirname(str(daemon.where))):
            caller.say(('get', 'last'))
        papa.upgrade()
        assert papa.get('last') is None  # its turn has not come
        assert [caller.reply() for _ in range(10)] == [value] * 10
        assert [caller.reply(), caller.reply()] == [None, 'x']


SLOW_HELPERS = """
from papa.kernel import lookups
lookups._PROGRAM = '''import os, time
while os.path.exists({path!r}): time.sleep(0.01)
''' + lookups._PROGRAM
"""


@pytest.mark.parametrize('request_line', [
    ('make process', 'job', 'uid=root', 'gid=root', '/bin/sleep', '600'),
    ('make socket', 'job', 'host=no.such.host.invalid'),
], ids=['user', 'host'])
def test_a_request_that_waits_for_a_lookup(
    request_line: tuple[str, ...], start_daemon: Callable[..., Daemon], folder: str
) -> None:
    """The new kernel looks it up again; the helper of the old one, which may hang for ever, is ended and reaped."""
    hold_it = Path(folder, 'hold')
    package = Package(folder)
    daemon = start_daemon(preexec=package.runner(SLOW_HELPERS.format(path=str(hold_it))))
    with Caller(daemon) as caller, Caller(daemon) as idle, daemon.connect() as papa:
        hold_it.touch()
        caller.say(request_line, ('get', 'x'))
        wait_until(lambda: children(daemon.pid), 'the helper')
        helpers = children(daemon.pid)
        papa.upgrade()
        reply = caller.reply()
        assert 'no.such.host.invalid' in str(reply) if isinstance(reply, Error) else set(reply) == {'job'}, reply
        assert caller.reply() is None
        wait_until(lambda: not set(helpers) & set(children(daemon.pid)), 'the end of the helper')
        assert hold_it.exists()  # it would not have ended by itself
        assert idle.call('get', 'x') is None


def test_a_listener_that_falls_behind_hears_of_the_upgrade(daemon: Daemon, papa: Papa) -> None:
    """All else is told again, but not that."""
    with Caller(daemon) as listener:
        assert listener.call('changes') is None
        papa.set('first', 'x')
        big = 'x' * 20_000
        for number in range(400):  # until the listener, which does not read, is not told any more
            papa.set(f'big.{number}', big)
        papa.upgrade()
        for number in range(1500):
            papa.set(f'small.{number % 3}', str(number))
        listener.frames_until(lambda frame: frame.record['change'] == 'upgraded')
        papa.set('last', 'x')
        rest = listener.frames_until(lambda frame: frame.record.get('name') == 'last')
    assert not any(frame.record['change'] == 'upgraded' for frame in rest)


# Watches


def test_a_watch_in_the_middle_of_a_frame(daemon: Daemon, papa: Papa, folder: str) -> None:
    """A client that has not read for long goes on where it was, byte for byte."""
    size = 4_000_000
    with Caller(daemon) as caller, Caller(daemon) as watcher:
        tap = Tap(caller, 'tap', folder, 'bufsize=8m')
        for start in range(0, size, 50_000):
            tap.write(written(start, 50_000))
        wait_until(lambda: caller.details('tap')['captured'] == size, 'the output')
        watcher.watch('tap')
        watcher.say(('ack', '0:0'))
        with between_kernels(daemon, folder):
            tap.write(written(size, 10_000))
        papa.upgrade()
        tap.write(written(size + 10_000, 10_000))
        tap.close()
        account = Account(0, written)
        account.take_all(watcher.frames_until(lambda frame: isinstance(frame, ExitFrame)))
        assert (account.position, account.lost, account.exit_code) == (size + 20_000, [], 0)
        watcher.say(('ack', '0:x'))
        wait_until(lambda: not papa.list_processes(), 'the acknowledgement')


def test_acknowledgements_that_are_under_way(daemon: Daemon, papa: Papa, folder: str) -> None:
    with Caller(daemon) as caller, Caller(daemon) as watcher:
        tap = Tap(caller, 'tap', folder)
        watcher.watch('tap')
        tap.write(b'x' * 1000)
        assert drained(watcher, 1000) == b'x' * 1000
        with between_kernels(daemon, folder):
            watcher.say(('ack', '0:300'), ('ack', '0:400'))
        wait_until(lambda: caller.details('tap')['acknowledged'] == 400, 'the acknowledgement')
        assert caller.details('tap')['buffered'] == 600
        watcher.socket.sendall(b'\tack\t0:7')
        papa.upgrade()
        watcher.socket.sendall(b'00\n')
        wait_until(lambda: caller.details('tap')['acknowledged'] == 700, 'the acknowledgement')
        watcher.close()
        with Caller(daemon) as next_one:  # nothing that was not acknowledged is lost
            next_one.watch('tap')
            assert drained(next_one, 300) == b'x' * 300
        tap.close()


def test_a_follower(daemon: Daemon, papa: Papa, folder: str) -> None:
    """It meets those that start after the upgrade, and has those whose names others have freed."""
    with Caller(daemon) as caller, Caller(daemon) as follower, Caller(daemon) as other:
        follower.watch('follow=1', '--', 'web.*')
        for number in range(2):
            tap = Tap(caller, f'web.{number}', folder)
            tap.write(b'x' * 10)
            assert isinstance(follower.frame(), IntroductionFrame)
            assert drained(follower, 10) == b'x' * 10
            tap.write(b'last words')
            tap.close()
            frames = follower.frames_until(lambda frame: isinstance(frame, ExitFrame))
            assert frames[0].data == b'last words'
            other.watch(f'web.{number}')
            other.frames_until(lambda frame: isinstance(frame, ExitFrame))
            other.say(('ack', '0:x'))
            other.frame()
            papa.upgrade()
        follower.say(('ack', '0:x'), ('ack', '1:x'))
        assert follower.stop() == []
        assert follower.call('get', 'x') is None


def test_a_peeker_who_is_told_of_acknowledgements(daemon: Daemon, papa: Papa, folder: str) -> None:
    with Caller(daemon) as caller, Caller(daemon) as peeker:
        tap = Tap(caller, 'tap', folder)
        hold(caller, tap, b'x' * 1000)
        peeker.watch('peek=1', '--', 'tap')
        peeker.say(('events',))
        assert drained(peeker, 1000) == b'x' * 1000
        for position in (100, 200, 300):  # the later ones are merged
            caller.call('acknowledge', 'tap', str(position))
        papa.upgrade()
        caller.call('acknowledge', 'tap', '400')
        frames = peeker.frames_until(lambda frame: isinstance(frame, AcknowledgementFrame) and frame.position == 400)
        positions = [frame.position for frame in frames]
        assert positions == sorted(set(positions))
        tap.close()
        assert isinstance(peeker.frame(), ExitFrame)
        papa.upgrade()
        caller.call('acknowledge', 'tap', '1000')  # after the exit, too
        assert peeker.frame() == AcknowledgementFrame(0, 1000, False)
        peeker.stop()


def test_a_slow_watcher_and_one_that_acknowledges(daemon: Daemon, papa: Papa, folder: str) -> None:
    """What others have acknowledged is kept for the slow one."""
    with Caller(daemon) as caller, Caller(daemon) as slow, Caller(daemon) as fast:
        tap = Tap(caller, 'tap', folder, 'bufsize=8m', 'overflow=block')
        slow.watch('tap')
        fast.watch('tap')
        account, other = Account(0, written), Account(0, written)
        for number in range(4):
            for start in range(number * 1_000_000, (number + 1) * 1_000_000, 50_000):
                tap.write(written(start, 50_000))
                while other.position < start + 50_000:
                    other.take(fast.frame())
            fast.say(('ack', f'0:{other.position}'))
            papa.upgrade()
        tap.close()
        account.take_all(slow.frames_until(lambda frame: isinstance(frame, ExitFrame)))
        assert (account.position, account.lost) == (4_000_000, [])


def test_a_batch_of_a_telnet_user(daemon: Daemon, papa: Papa, folder: str) -> None:
    """It is outstanding, and the line that acknowledges it is for the new kernel."""
    with Caller(daemon) as caller, Talker(daemon) as talker:
        tap = Tap(caller, 'tap', folder)
        hold(caller, tap, b'one\n')
        talker.send(b'watch processes tap\n')
        assert talker.until(b'] ').endswith(b':4\none\n\n] ')
        papa.upgrade()
        hold(caller, tap, b'two\n')
        assert caller.details('tap')['acknowledged'] == 0
        with between_kernels(daemon, folder):
            talker.send(b'\n')
        assert talker.until(b'] ').endswith(b':4\ntwo\n\n] ')
        assert caller.details('tap')['acknowledged'] == 4
        tap.close()
        talker.send(b'\n')
        assert talker.until(b'] ').startswith(b'closed:tap:')
        papa.upgrade()
        assert papa.list_processes('tap')['tap']['exit_code'] == 0
        talker.send(b'\n')
        assert talker.until(b'\n> ') == b'Nothing left to watch\n> '
        assert papa.list_processes() == {}


def test_a_telnet_user_who_stops(daemon: Daemon, papa: Papa, folder: str) -> None:
    with Caller(daemon) as caller, Talker(daemon) as talker:
        tap = Tap(caller, 'tap', folder)
        hold(caller, tap, b'one\n')
        talker.send(b'watch processes tap\n')
        talker.until(b'] ')
        papa.upgrade()
        talker.send(b'q\nget x\n')
        assert talker.until_prompt() == b'Stopped watching'
        assert talker.until_prompt() == b''
        assert caller.details('tap')['acknowledged'] == 4
        tap.close()


def test_a_telnet_user_who_peeks(daemon: Daemon, papa: Papa, folder: str) -> None:
    with Caller(daemon) as caller, Talker(daemon) as talker:
        tap = Tap(caller, 'tap', folder)
        hold(caller, tap, b'one\n')
        talker.send(b'peek processes tap\n')
        assert talker.until(b'one\n\n').startswith(b'Watching 1\nout:tap:')
        papa.upgrade()
        tap.write(b'two\n')
        assert talker.until(b'two\n\n').startswith(b'out:tap:')
        tap.close()
        assert talker.until(b'\n> ').endswith(b':0\nNothing left to watch\n> ')


# Changes


def fold(frames: list[Any]) -> dict[str, dict[str, Any]]:
    """What a listener knows by its frames."""
    known: dict[str, dict[str, Any]] = {}
    for frame in frames:
        assert isinstance(frame, ChangeFrame), frame
        record = frame.record
        if record['change'] == 'snapshot':
            known = {} if record['first'] else known
            for kind, things in record['details'].items():
                known.setdefault(kind, {}).update(things)
        elif record['kind'] == 'value':
            known['values'].pop(record['name'], None)
            if record['change'] != 'removed':
                known['values'][record['name']] = record['details']
    return known


def tells_of(frame: ChangeFrame, name: str) -> bool:
    """Whether it has this value, or news of it."""
    return name in (frame.record.get('name'), *frame.record['details'].get('values', ()))


def test_a_listener_in_the_middle_of_a_snapshot(daemon: Daemon, papa: Papa) -> None:
    """It may be told anew, but what it knows in the end is right."""
    for number in range(4000):
        papa.set(f'a.{number}', f'{number} ' * 200)
    with Caller(daemon) as listener:
        assert listener.call('changes', 'values') is None
        listener.frame()
        for change in range(2):
            papa.upgrade()
            papa.set('a.1', f'new {change}')
            papa.set(f'a.{change + 10}')
            papa.set(f'b.{change}', 'new')
        papa.set('last', 'x')
        frames = [ChangeFrame({'change': 'snapshot', 'first': True, 'details': {}})]
        frames += listener.frames_until(lambda frame: tells_of(frame, 'last'))
        papa.set('after', 'x')  # all of the snapshot has been taken
        frames += listener.frames_until(lambda frame: tells_of(frame, 'after'))
        told = {name: each['value'] for name, each in fold(frames)['values'].items()}
        first = {f'a.{number}' for number in range(200)}  # what was told before
        assert {name: value for name, value in papa.list_values().items() if name in told or name not in first} == told


def test_a_listener_to_counters(daemon: Daemon, papa: Papa, folder: str) -> None:
    with Caller(daemon) as caller, papa.changes('processes', every=0.01) as changes:
        tap = Tap(caller, 'tap', folder)
        assert next(changes).change == 'snapshot'
        assert next(changes).change == 'made'
        captured = 0
        for number in range(1, 4):
            tap.write(b'x' * 100)
            while captured < number * 100:
                change = next(changes)
                assert change.change in ('counters', 'upgraded')
                captured = change.details.get('tap', {}).get('captured', captured)
            with daemon.connect() as other:
                other.upgrade()
        tap.close()
        while (change := next(changes)).change != 'exited':
            assert change.change in ('counters', 'upgraded')
        assert change.details['captured'] == 300


def test_news_that_a_listener_has_not_taken(daemon: Daemon, papa: Papa) -> None:
    with Caller(daemon) as listener:
        assert listener.call('changes', 'values') is None
        listener.frame()
        for number in range(500):
            papa.set(f'a.{number % 300}', f'{number} ' * 800)
        papa.upgrade()
        papa.set('last', 'x')
        frames = [ChangeFrame({'change': 'snapshot', 'first': True, 'details': {'values': {}}})]
        frames += listener.frames_until(lambda frame: tells_of(frame, 'last'))
        told = {name: each['value'] for name, each in fold(frames)['values'].items()}
        assert told == papa.list_values()
