"""Watching what starts later, too."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Daemon, wait_until

from papa.errors import NotFound
from papa.wire.client import (
    AcknowledgementFrame,
    EndFrame,
    ExitFrame,
    IntroductionFrame,
    LossFrame,
    OutputFrame,
)

from .inside import StillKernel
from .tools import written
from .viewers import Account, Caller, Tap


def kinds(frames: list[Any]) -> list[str]:
    return [type(frame).__name__.removesuffix('Frame').lower() for frame in frames]


# Against a kernel


def test_those_that_start_later_are_included_and_a_reader_is_not_woken_for_nothing(daemon: Daemon, folder: str) -> None:
    with Caller(daemon) as manager, Caller(daemon) as watcher:
        first = Tap(manager, 'web.1', folder)
        assert [each[0] for each in watcher.watch('follow=1', '--', 'web.*')] == ['web.1']
        second = Tap(manager, 'web.2', folder)
        other = Tap(manager, 'job', folder)
        other.write(b'not for us')
        wait_until(lambda: manager.details('job')['captured'] == 10)
        assert watcher.is_silent()  # the kernel has served others since
        second.write(b'hello')
        introduction, output = watcher.frame(), watcher.frame()
        assert introduction == IntroductionFrame(1, second.details['started'], 0, second.id, 'web.2')
        assert isinstance(output, OutputFrame)
        assert (output.stream, output.number, output.end, output.data) == ('o', 1, 5, b'hello')
        first.close()
        assert isinstance(watcher.frame(), ExitFrame)
        watcher.say(('ack', '0:x', '1:5'))
        wait_until(lambda: set(manager.call('list processes')) == {'web.2', 'job'})
        second.close()
        assert watcher.frame().number == 1
        watcher.say(('ack', '1:x'))
        wait_until(lambda: set(manager.call('list processes')) == {'job'})
        assert watcher.is_silent()  # it does not end when all have ended
        successor = Tap(manager, 'web.1', folder)
        successor.write(b'again')
        assert watcher.frame() == IntroductionFrame(2, successor.details['started'], 0, successor.id, 'web.1')
        assert watcher.frame().data == b'again'
        assert watcher.stop() == []
        assert manager.details('web.1')['watchers'] == 0
        for tap in (successor, other):
            tap.close()


def test_after_events_they_are_introduced_at_once(daemon: Daemon) -> None:
    with Caller(daemon) as manager, Caller(daemon) as watcher:
        assert watcher.watch('peek=1', 'follow=1', '--') == []
        watcher.say(('events',))
        for name in ('a', 'b'):
            made = manager.make(name, '/bin/sleep', '60')
            frame = watcher.frame()
            assert (frame.name, frame.id, frame.start) == (name, made['id'], 0)
        assert watcher.stop() == []


def test_following_nothing_yet(daemon: Daemon) -> None:
    with Caller(daemon) as manager, Caller(daemon) as watcher:
        assert watcher.watch('follow=1', '--', 'later') == []
        manager.make('late', '/bin/echo', 'not this one')
        manager.make('later', '/bin/echo', 'this one')
        frames = watcher.frames_until(lambda frame: isinstance(frame, ExitFrame))
        assert kinds(frames) == ['introduction', 'output', 'exit']
        assert frames[1].data == b'this one\n'
        watcher.say(('stop', '0:x'))
        assert isinstance(watcher.frame(), EndFrame)
        assert set(manager.call('list processes')) == {'late'}


def test_without_follow_the_name_must_exist(still_kernel: StillKernel) -> None:
    for words in (['follow=0', '--', 'later'], ['--', 'later'], ['later'], []):
        with pytest.raises(NotFound):
            still_kernel.run('watch processes', *words)


# Step by step


@pytest.mark.parametrize(('patterns', 'included'), [
    ([], ['web.1', 'web', 'job', 'web.1.x']),
    (['*'], ['web.1', 'web', 'job', 'web.1.x']),
    (['web.*'], ['web.1', 'web.1.x']),
    (['web'], ['web']),
    (['web', 'job'], ['web', 'job']),
    (['nothing', 'web.1*'], ['web.1', 'web.1.x']),
])
@pytest.mark.parametrize('kind', [(), ('peek=1',)])
def test_names_and_wildcards(
    still_kernel: StillKernel, kind: tuple[str, ...], patterns: list[str], included: list[str]
) -> None:
    viewer = still_kernel.watch(*kind, 'follow=1', '--', *patterns)
    for name in ('web.1', 'web', 'job', 'web.1.x'):
        still_kernel.start(name).write(name.encode())
    frames = viewer.taken()
    assert [frame.name for frame in frames if isinstance(frame, IntroductionFrame)] == included
    assert [frame.data.decode() for frame in frames if isinstance(frame, OutputFrame)] == included


def test_nothing_is_pushed_before_there_is_something_to_read(
    still_kernel: StillKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = still_kernel.watch('follow=1', '--', '*')
    quiet, loud = still_kernel.start('quiet'), still_kernel.start('loud')
    assert viewer.deliveries == 0
    loud.write(b'x')
    assert kinds(viewer.taken()) == ['introduction', 'output']
    quiet.exit(monkeypatch, 4)
    frames = viewer.taken()
    assert kinds(frames) == ['introduction', 'exit']
    assert (frames[0].number, frames[0].name, frames[1].exit_code) == (0, 'quiet', 4)


def test_what_was_written_while_the_follower_slept(still_kernel: StillKernel) -> None:
    viewer = still_kernel.watch('peek=1', 'follow=1', '--', '*')
    viewer.fall_asleep()
    child = still_kernel.start('job', 100)
    for number in range(4):
        child.write(written(number * 50, 50), number % 2)
    viewer.wake_up()
    frames = viewer.taken()
    assert kinds(frames) == ['introduction', 'loss', 'output', 'output']
    assert frames[1] == LossFrame(0, 0, 100, 'overflow')
    assert Account(0, written).take_all(frames[1:]).position == 200


def test_events_introduce_those_who_wait(still_kernel: StillKernel) -> None:
    viewer = still_kernel.watch('follow=1', '--', '*')
    still_kernel.start('quiet')
    viewer.say('events')
    assert kinds(viewer.taken()) == ['introduction']


@pytest.mark.parametrize('events', [False, True])
@pytest.mark.parametrize('kind', [(), ('peek=1',)])
def test_thousands_that_come_and_go_leave_nothing_behind(
    still_kernel: StillKernel, monkeypatch: pytest.MonkeyPatch, kind: tuple[str, ...], events: bool
) -> None:
    viewer = still_kernel.watch(*kind, 'follow=1', '--', '*')
    if events:
        viewer.say('events')
    logger = still_kernel.watch('follow=1', '--', '*')
    for number in range(2000):
        child = still_kernel.start('job')
        if number % 3:
            child.write(b'hello')
        child.exit(monkeypatch)
        for watcher in (logger, *([] if kind else [viewer])):
            for frame in watcher.taken():
                if isinstance(frame, ExitFrame):
                    watcher.say('ack', f'{frame.number}:x')
        still_kernel.loop.pass_time()
        assert still_kernel.processes.by_name == {}
    still_kernel.loop.pass_time()
    for watcher in (viewer, logger):
        assert vars(watcher.stream)['cursors'] == {}
        assert not watcher.stream.eager
        assert not vars(watcher.stream)['_noted']
    assert kinds(viewer.taken()).count('exit') == (2000 if kind else 0)


def test_a_follower_that_leaves_is_forgotten(still_kernel: StillKernel) -> None:
    viewers = [still_kernel.watch('follow=1', '--'), still_kernel.watch('peek=1', 'follow=1', '--')]
    viewers[0].say('stop')
    viewers[1].stream.detach()
    child = still_kernel.start('job')
    child.write(b'x')
    assert (viewers[0].ended, viewers[0].taken(), viewers[1].taken()) == (True, [], [])
    assert (child.record.cursors, still_kernel.processes.followers) == ([], [])


def test_it_ends_neither_by_itself_nor_by_the_last_acknowledgement(
    still_kernel: StillKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower, plain = still_kernel.watch('follow=1', '--', 'job'), None
    child = still_kernel.start('job')
    plain = still_kernel.watch('job')
    child.exit(monkeypatch)
    for viewer in (plain, follower):
        viewer.taken()
        viewer.say('ack', '0:x')
    assert (plain.ended, follower.ended) == (True, False)


def test_a_follower_is_told_of_acknowledgements_of_the_newcomer(still_kernel: StillKernel) -> None:
    viewer = still_kernel.watch('peek=1', 'follow=1', '--', '*')
    viewer.say('events')
    still_kernel.loop.pass_time()
    still_kernel.start('job').write(b'hello')
    still_kernel.run('acknowledge', 'job', '3')
    still_kernel.loop.pass_time()
    assert viewer.taken()[-1] == AcknowledgementFrame(0, 3, False)


def come_and_go(still_kernel: StillKernel, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Processes that somebody else is done with."""
    logger = still_kernel.watch('follow=1', '--', '*')
    for _ in range(number):
        child = still_kernel.start('job')
        child.write(b'output')
        child.exit(monkeypatch)
        for frame in logger.taken():
            if isinstance(frame, ExitFrame):
                logger.say('ack', f'{frame.number}:x')
    logger.say('stop')


def test_output_of_processes_that_are_gone_is_held_for_a_follower_that_sleeps_up_to_a_bound(
    still_kernel: StillKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('papa.kernel.watch._MAX_NAMELESS', 10)
    sleeper = still_kernel.watch('follow=1', '--', '*')
    sleeper.fall_asleep()
    come_and_go(still_kernel, monkeypatch, 15)
    assert sum(cursor.record.output.end > cursor.record.output.base
               for cursor in vars(sleeper.stream)['cursors'].values()) == 10
    sleeper.wake_up()
    frames = sleeper.taken()
    assert kinds(frames).count('exit') == 15
    losses = [frame for frame in frames if isinstance(frame, LossFrame)]
    assert losses == [LossFrame(number, 0, 6, 'slow') for number in range(5)]
    assert kinds(frames).count('output') == 10


@pytest.mark.parametrize('kind', [(), ('peek=1',)])
def test_a_follower_that_sleeps_much_too_long_is_told_so(
    still_kernel: StillKernel, monkeypatch: pytest.MonkeyPatch, kind: tuple[str, ...]
) -> None:
    monkeypatch.setattr('papa.kernel.watch._MAX_NAMELESS', 10)
    monkeypatch.setattr('papa.kernel.watch._MAX_GIVEN_UP', 20)
    sleeper = still_kernel.watch(*kind, 'follow=1', '--', '*')
    sleeper.fall_asleep()
    come_and_go(still_kernel, monkeypatch, 29)
    assert sleeper.broken is None
    come_and_go(still_kernel, monkeypatch, 5)
    still_kernel.loop.pass_time()
    assert 'behind by more than 20 processes' in str(sleeper.broken)
    assert vars(sleeper.stream)['cursors'] == {}
    assert vars(sleeper.stream)['queue'] == {}
    assert still_kernel.processes.followers == []


def test_a_follower_that_reads_but_acknowledges_no_exit_is_not_behind(
    still_kernel: StillKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('papa.kernel.watch._MAX_NAMELESS', 10)
    monkeypatch.setattr('papa.kernel.watch._MAX_GIVEN_UP', 20)
    reader = still_kernel.watch('follow=1', '--', '*')
    come_and_go(still_kernel, monkeypatch, 50)
    still_kernel.loop.pass_time()
    assert reader.broken is None
    assert kinds(reader.taken()).count('exit') == 50
    assert len(vars(reader.stream)['cursors']) == 10
