"""What a watch tells after ``events``: acknowledgements merged, losses and introductions at once."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Daemon, wait_until

from papa.wire.client import AcknowledgementFrame, ExitFrame, LossFrame, OutputFrame

from .inside import StillKernel, Viewer
from .tools import written
from .viewers import Account, Caller, Tap


def acknowledgements(frames: list[Any]) -> list[AcknowledgementFrame]:
    return [frame for frame in frames if isinstance(frame, AcknowledgementFrame)]


# Against a kernel


def test_the_reply_tells_the_present_acknowledgements_and_frames_tell_what_changes(
    daemon: Daemon, folder: str
) -> None:
    with Caller(daemon) as manager, Caller(daemon) as viewer:
        taps = [Tap(manager, f'job.{number}', folder) for number in range(3)]
        for tap in taps:
            tap.write(b'0123456789')
        wait_until(lambda: all(manager.details(tap.name)['captured'] == 10 for tap in taps))
        manager.call('acknowledge', 'job.1', '4')
        watching = viewer.watch('peek=1', '--')
        assert [acknowledged for _, _, _, _, acknowledged in watching] == [0, 4, 0]
        viewer.say(('events',))
        frames = [viewer.frame() for _ in range(3)]
        assert acknowledgements(frames) == []
        assert viewer.is_silent()
        manager.call('acknowledge', 'job.1', '5')
        assert viewer.frame() == AcknowledgementFrame(1, 5, False)
        assert sum(len(frame.data) for frame in frames if isinstance(frame, OutputFrame)) == 26
        for tap in taps:
            tap.close()


def test_many_acknowledgements_are_few_frames_and_the_last_one_comes(daemon: Daemon, folder: str) -> None:
    with Caller(daemon) as manager, Caller(daemon) as viewer:
        tap = Tap(manager, 'job', folder, 'bufsize=1m')
        viewer.watch('peek=1', '--', 'job')
        viewer.say(('events',))
        tap.write(b'x' * 50_000)
        wait_until(lambda: manager.details('job')['captured'] == 50_000)
        manager.say(*[('acknowledge', 'job', str(position)) for position in range(10, 50_001, 10)])
        assert [manager.reply() for _ in range(5000)] == ['10'] * 5000
        frames = acknowledgements(viewer.frames_until(
            lambda frame: isinstance(frame, AcknowledgementFrame) and frame.position == 50_000
        ))
        assert len(frames) < 500
        assert [frame.position for frame in frames] == sorted({frame.position for frame in frames})
        assert not any(frame.mine for frame in frames)
        tap.close()


def test_a_reader_is_told_of_no_acknowledgement(daemon: Daemon, folder: str) -> None:
    with Caller(daemon) as manager, Caller(daemon) as peeker, Caller(daemon) as watcher:
        tap = Tap(manager, 'job', folder)
        peeker.watch('peek=1', '--', 'job')
        watcher.watch('job')
        tap.write(b'hello')
        for viewer in (peeker, watcher):
            assert viewer.frame().data == b'hello'
        watcher.say(('ack', '0:3'))
        wait_until(lambda: manager.details('job')['acknowledged'] == 3)
        assert manager.call('acknowledge', 'job', '5') == '2'
        assert manager.call('get', 'nothing') is None
        assert peeker.is_silent()
        assert watcher.is_silent()
        assert peeker.stop() == []
        assert watcher.stop() == []
        tap.close()


# Step by step


@pytest.fixture
def viewer(still_kernel: StillKernel) -> Viewer:
    still_kernel.start('job').write(written(0, 100))
    found = still_kernel.watch('job')
    found.say('events')
    assert acknowledgements(found.taken()) == []  # the reply has told it
    still_kernel.loop.pass_time()
    return found


def test_whose_acknowledgement_it_is(still_kernel: StillKernel, viewer: Viewer) -> None:
    viewer.say('ack', '0:10')
    assert viewer.taken() == [AcknowledgementFrame(0, 10, True)]
    still_kernel.loop.pass_time()
    still_kernel.run('acknowledge', 'job', '20')
    assert viewer.taken() == [AcknowledgementFrame(0, 20, False)]
    still_kernel.loop.pass_time()
    still_kernel.watch('job').say('ack', '0:30')
    assert viewer.taken() == [AcknowledgementFrame(0, 30, False)]
    still_kernel.loop.pass_time()
    assert viewer.taken() == []
    for nothing_new in ('20', '30'):
        assert still_kernel.run('acknowledge', 'job', nothing_new) == '0'
        viewer.say('ack', f'0:{nothing_new}')
    assert viewer.taken() == []


def test_those_within_the_time_are_merged(still_kernel: StillKernel, viewer: Viewer) -> None:
    for position in range(1, 90):
        still_kernel.run('acknowledge', 'job', str(position))
    viewer.say('ack', '0:90')
    assert viewer.taken() == [AcknowledgementFrame(0, 1, False)]
    still_kernel.loop.pass_time()
    assert viewer.taken() == [AcknowledgementFrame(0, 90, True)]
    still_kernel.loop.pass_time()
    still_kernel.loop.pass_time()
    assert viewer.taken() == []
    assert still_kernel.loop.timers == []  # nothing keeps the kernel awake


def test_one_who_sleeps_gets_the_newest_only(still_kernel: StillKernel, viewer: Viewer) -> None:
    viewer.fall_asleep()
    for position in range(1, 90):
        still_kernel.run('acknowledge', 'job', str(position))
        still_kernel.loop.pass_time()
    viewer.wake_up()
    assert viewer.taken() == [AcknowledgementFrame(0, 89, False)]


def test_events_twice_are_events_once(still_kernel: StillKernel, viewer: Viewer) -> None:
    viewer.say('events')
    still_kernel.loop.pass_time()
    assert viewer.taken() == []


def test_those_of_several_processes_go_together(still_kernel: StillKernel) -> None:
    for name in ('a', 'b', 'c'):
        still_kernel.start(name).write(b'hello')
    viewer = still_kernel.watch('peek=1', '--')
    viewer.say('events')
    still_kernel.run('acknowledge', 'c', '1')
    viewer.taken()
    for name in ('a', 'b', 'c', 'a'):
        still_kernel.run('acknowledge', name, '2')
    still_kernel.run('acknowledge', 'b', '5')
    still_kernel.loop.pass_time()
    assert viewer.taken() == [
        AcknowledgementFrame(0, 2, False), AcknowledgementFrame(1, 5, False), AcknowledgementFrame(2, 2, False),
    ]


def test_a_loss_is_told_at_once(still_kernel: StillKernel) -> None:
    child = still_kernel.start('job', 100)
    child.write(written(0, 100))
    still_kernel.run('acknowledge', 'job', '100')
    viewer = still_kernel.watch('peek=1', f'since={child.id}:40', '--', 'job')
    assert viewer.taken() == []  # there is nothing to read
    viewer.say('events')
    assert viewer.taken() == [LossFrame(0, 40, 100, 'acknowledged')]


def test_a_peeker_hears_of_acknowledgements_after_the_exit_as_long_as_there_are_any(
    still_kernel: StillKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = still_kernel.start('job')
    child.write(b'hello')
    viewer, logger = still_kernel.watch('peek=1', '--', 'job'), still_kernel.watch('job')
    viewer.say('events')
    child.exit(monkeypatch)
    assert isinstance(viewer.taken()[-1], ExitFrame)
    still_kernel.loop.pass_time()
    still_kernel.run('acknowledge', 'job', '3')
    assert viewer.taken() == [AcknowledgementFrame(0, 3, False)]
    logger.taken()
    logger.say('ack', '0:5', '0:x')
    still_kernel.loop.pass_time()
    assert viewer.taken() == [AcknowledgementFrame(0, 5, False)]
    assert child.record.cursors == []  # nobody will acknowledge anything more


def test_a_peeker_hears_of_acknowledgements_although_the_exit_was_told_before_it_asked_for_events(
    still_kernel: StillKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that ended long ago is told whole before the client can say anything."""
    child = still_kernel.start('job')
    child.write(b'hello')
    child.exit(monkeypatch)
    viewer, reader = still_kernel.watch('peek=1', '--', 'job'), still_kernel.watch('peek=1', '--', 'job')
    assert isinstance(viewer.taken()[-1], ExitFrame)
    still_kernel.run('acknowledge', 'job', '2')
    viewer.say('events')
    assert viewer.taken() == [AcknowledgementFrame(0, 2, False)]
    still_kernel.loop.pass_time()
    still_kernel.run('acknowledge', 'job', '5')
    assert viewer.taken() == [AcknowledgementFrame(0, 5, False)]
    still_kernel.run('remove processes', 'job')
    assert child.record.cursors == []
    reader.taken()
    assert not reader.stream.eager
    assert (viewer.ended, reader.ended) == (False, False)


def test_a_peeker_may_acknowledge_what_a_person_has_seen(still_kernel: StillKernel) -> None:
    """That is no exit, and its own, and it holds nothing back nevertheless."""
    child = still_kernel.start('job')
    child.write(written(0, 100))
    viewer = still_kernel.watch('peek=1', '--', 'job')
    viewer.say('events')
    account = Account(0, written).take_all(viewer.taken())
    assert account.position == 100
    still_kernel.loop.pass_time()
    viewer.say('ack', '0:60')
    assert viewer.taken() == [AcknowledgementFrame(0, 60, True)]
    assert (child.output.buffered, child.output.base) == (40, 60)


def test_leaving_stops_the_merging(still_kernel: StillKernel, viewer: Viewer) -> None:
    still_kernel.run('acknowledge', 'job', '1')
    still_kernel.run('acknowledge', 'job', '2')
    viewer.taken()
    viewer.say('stop')
    assert viewer.ended
    assert still_kernel.loop.pass_time() == 0
    assert viewer.taken() == []
