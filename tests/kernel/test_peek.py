"""Looking without taking: what a peeker sees, and what it must not do to anybody."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Daemon, wait_until

from papa.errors import BadRequest, NotFound
from papa.kernel.segment import STDERR
from papa.wire.client import ExitFrame, LossFrame, OutputFrame

from .inside import StillKernel
from .tools import resident, written
from .viewers import Account, Caller, Tap

MB = 1024 * 1024


def text(frames: list[Any]) -> bytes:
    return b''.join(frame.data for frame in frames if isinstance(frame, OutputFrame))


def is_exit(frame: Any) -> bool:
    return isinstance(frame, ExitFrame)


# Against a kernel


def test_a_peeker_sees_what_is_buffered_and_then_what_is_written(daemon: Daemon, folder: str) -> None:
    with Caller(daemon) as manager, Caller(daemon) as peeker:
        tap = Tap(manager, 'job', folder)
        tap.write(b'before\n')
        wait_until(lambda: manager.details('job')['captured'] == 7)
        assert peeker.watch('peek=1', '--', 'job') == [['job', tap.id, 0, tap.details['started'], 0]]
        assert text([peeker.frame()]) == b'before\n'
        tap.write(b'live\n')
        assert text([peeker.frame()]) == b'live\n'
        details = manager.details('job')
        assert (details['watchers'], details['peekers']) == (0, 1)
        assert (details['acknowledged'], details['buffered']) == (0, 12)
        tap.close()
        assert peeker.frame().exit_code == 0
        assert peeker.stop() == []
        details = manager.details('job')  # the exit is not acknowledged: it is there still
        assert (details['buffered'], details['peekers'], details['running']) == (12, 0, False)
        assert peeker.call('get', 'nothing') is None  # the connection takes commands again


def test_a_peeker_who_does_not_read_blocks_no_process_and_costs_no_memory(daemon: Daemon) -> None:
    size = 30 * MB
    with Caller(daemon) as manager, Caller(daemon) as sleeper, Caller(daemon) as logger:
        logger.call('make process', 'job', 'overflow=block', 'bufsize=256k', 'watch=1', '/bin/sh', '-c',
                    f'sleep 0.2; yes | head -c {size}')
        sleeper.watch('peek=1', '--', 'job')
        before = resident(daemon.pid)
        account = Account(0)
        while account.exit_code is None:
            account.take(logger.frame())
            logger.say(('ack', f'0:{account.position}'))
        assert (account.delivered, account.lost) == (size, [])
        assert resident(daemon.pid) - before < 4 * MB
        wait_until(lambda: manager.details('job')['buffered'] == 0)
        late = Account(0).take_all(sleeper.frames_until(is_exit))
        assert late.position == size
        assert late.lost
        assert {loss.reason for loss in late.lost} == {'slow'}


def test_a_peeker_who_does_not_read_in_a_flood_that_nobody_takes(daemon: Daemon) -> None:
    """It is told of the overflow, and of each byte once."""
    size = 20 * MB
    with Caller(daemon) as manager, Caller(daemon) as sleeper:
        manager.make('job', 'bufsize=64k', '/bin/sh', '-c', f'sleep 0.2; yes | head -c {size}')
        sleeper.watch('peek=1', '--', 'job')
        wait_until(lambda: not manager.details('job')['running'])
        account = Account(0).take_all(sleeper.frames_until(is_exit))
        details = manager.details('job')
        assert account.position == size == details['captured']
        assert account.delivered + account.lost_to('overflow') == size
        assert account.lost_to('overflow') <= details['dropped']  # the socket itself has held some
        assert details['dropped'] + details['buffered'] == size


def test_peeking_at_all_that_there_is(daemon: Daemon) -> None:
    with Caller(daemon) as manager, Caller(daemon) as peeker:
        for number in range(5):
            manager.make(f'job.{number}', '/bin/sh', '-c', f'echo {number}; exit {number}')
        watching = peeker.watch('peek=1', '--')
        assert [each[0] for each in watching] == [f'job.{number}' for number in range(5)]
        codes: dict[int, int] = {}
        while len(codes) < 5:
            frame = peeker.frame()
            if is_exit(frame):
                codes[frame.number] = frame.exit_code
        assert codes == {number: number for number in range(5)}
        assert len(manager.call('list processes')) == 5


def test_peeking_at_a_process_that_is_removed(daemon: Daemon, folder: str) -> None:
    with Caller(daemon) as manager, Caller(daemon) as peeker:
        tap = Tap(manager, 'job', folder)
        tap.write(b'seen\n')
        peeker.watch('peek=1', '--', 'job')
        assert text([peeker.frame()]) == b'seen\n'
        assert manager.call('remove processes', 'job') is None
        tap.write(b'after\n')
        tap.close()
        assert is_exit(peeker.frame())
        wait_until(lambda: manager.call('list processes') == {})
        assert peeker.stop() == []


# Step by step


def test_every_peeker_hears_of_the_exit(still_kernel: StillKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each leaves when it is told, which must not take the next one's turn."""
    child = still_kernel.start('job')
    viewers = [still_kernel.watch('peek=1', '--', 'job') for _ in range(3)]
    viewers.append(still_kernel.watch('job'))
    child.write(b'bye')
    child.exit(monkeypatch, 7)
    for viewer in viewers:
        *_, last = viewer.taken()
        assert last == ExitFrame(0, last.time, 7)


@pytest.mark.parametrize(('last', 'start'), [
    ('0', 300), ('1', 299), ('50', 250), ('100', 200), ('150', 150), ('299', 1), ('300', 0), ('301', 0), ('64k', 0),
])
def test_last_begins_with_so_many_bytes_of_what_is_held(still_kernel: StillKernel, last: str, start: int) -> None:
    child = still_kernel.start('job')
    for number in range(3):
        child.write(written(number * 100, 100), number % 2)
    viewer = still_kernel.watch('peek=1', f'last={last}', '--', 'job')
    account = Account(start, written).take_all(viewer.taken())
    assert account.position == 300
    assert account.lost == []
    child.write(written(300, 10))
    assert account.take_all(viewer.taken()).position == 310


def test_last_is_told_in_the_reply(still_kernel: StillKernel) -> None:
    child = still_kernel.start('job')
    child.write(written(0, 100))
    starts = still_kernel.run('watch processes', 'peek=1', 'last=30', '--', 'job').starts
    assert starts == [(child.record, 70)]


def test_last_never_shows_what_is_acknowledged(still_kernel: StillKernel) -> None:
    child = still_kernel.start('job')
    child.write(written(0, 100))
    still_kernel.run('acknowledge', 'job', '60')
    viewer = still_kernel.watch('peek=1', 'last=80', '--', 'job')
    assert Account(60, written).take_all(viewer.taken()).position == 100


def test_last_is_for_peekers_alone(still_kernel: StillKernel) -> None:
    still_kernel.start('job')
    for words in (['last=10', '--', 'job'], ['last=10', 'peek=0', '--', 'job'], ['last=0', 'follow=1', '--', 'job']):
        with pytest.raises(BadRequest, match='last is for peek'):
            still_kernel.run('watch processes', *words)
    assert still_kernel.processes.followers == []


@pytest.mark.parametrize('option', [
    'peek=maybe', 'last=', 'last=-1', 'last=much', 'peek=', 'lost=1', 'since=', 'since=x', 'since=:5', 'since=a:b',
    'since=a:-1', 'since=a:1,', 'follow=2', 'since=a:' + '9' * 30,
])
def test_bad_options_are_said_to_be_so(still_kernel: StillKernel, option: str) -> None:
    still_kernel.start('job')
    with pytest.raises(BadRequest, match=option.partition('=')[0]):
        still_kernel.run('watch processes', 'peek=1', option, '--', 'job')


def test_an_option_given_twice_is_an_error(still_kernel: StillKernel) -> None:
    with pytest.raises(BadRequest, match='twice'):
        still_kernel.run('watch processes', 'peek=1', 'peek=1', '--', 'job')


def test_peeking_at_nothing_is_an_error(still_kernel: StillKernel) -> None:
    with pytest.raises(NotFound):
        still_kernel.run('watch processes', 'peek=1', '--')
    with pytest.raises(NotFound, match='job'):
        still_kernel.run('watch processes', 'peek=1', '--', 'job')


def test_what_a_logger_acknowledges_is_released_under_a_sleeping_peeker(still_kernel: StillKernel) -> None:
    child = still_kernel.start('job')
    peeker, logger = still_kernel.watch('peek=1', '--', 'job'), still_kernel.watch('job')
    peeker.fall_asleep()
    child.write(written(0, 400))
    assert (child.output.base, child.output.end) == (0, 400)
    logger.say('ack', '0:300')
    assert (child.output.base, child.output.buffered) == (300, 100)
    peeker.wake_up()
    frames = peeker.taken()
    assert frames[0] == LossFrame(0, 0, 300, 'slow')
    assert Account(0, written).take_all(frames).position == 400


def test_the_reasons_of_what_a_sleeping_peeker_misses(still_kernel: StillKernel) -> None:
    child = still_kernel.start('job', 100)
    peeker = still_kernel.watch('peek=1', '--', 'job')
    peeker.fall_asleep()
    for number in range(3):
        child.write(written(number * 40, 40), number % 2)  # the first is lost to overflow
    still_kernel.run('acknowledge', 'job', '60')  # taken by another while this one slept
    peeker.wake_up()
    frames = peeker.taken()
    assert frames[:2] == [LossFrame(0, 0, 40, 'overflow'), LossFrame(0, 40, 60, 'slow')]
    assert Account(0, written).take_all(frames).position == 120


def test_a_loss_alone_is_told_to_a_reader_only_when_something_follows(still_kernel: StillKernel) -> None:
    child = still_kernel.start('job')
    reader, listener = still_kernel.watch('peek=1', '--', 'job'), still_kernel.watch('peek=1', '--', 'job')
    listener.say('events')
    listener.taken()
    for viewer in (reader, listener):
        viewer.fall_asleep()
    child.write(written(0, 50))
    still_kernel.run('acknowledge', 'job', '50')
    for viewer in (reader, listener):
        viewer.wake_up()
    assert reader.taken() == []
    assert LossFrame(0, 0, 50, 'slow') in listener.taken()
    child.write(written(50, 5), STDERR)
    assert [type(frame) for frame in reader.taken()] == [LossFrame, OutputFrame]


def test_a_peeker_changes_nothing_that_is_listed_but_its_own_number(still_kernel: StillKernel) -> None:
    child = still_kernel.start('job')
    child.write(b'hello')
    before = still_kernel.run('list processes')['job']
    viewer = still_kernel.watch('peek=1', '--', 'job')
    during = still_kernel.run('list processes')['job']
    assert {key for key in before if before[key] != during[key]} == {'peekers'}
    viewer.stream.detach()
    assert still_kernel.run('list processes')['job'] == before
