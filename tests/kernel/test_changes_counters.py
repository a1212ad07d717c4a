"""`changes` with `every`: the counters that moved, not more often than asked, and nothing when nothing moved."""

from __future__ import annotations

import time
from typing import Any

import pytest
from conftest import Daemon, wait_until

from .inside import StillKernel, Viewer
from .viewers import Caller, Tap


def counters(viewer: Viewer) -> list[dict[str, Any]]:
    found = []
    for frame in viewer.taken():
        assert (frame.record['change'], frame.record['kind'], frame.record['name']) == ('counters', 'process', '')
        found.append(frame.record['details'])
    return found


@pytest.fixture
def viewer(still_kernel: StillKernel) -> Viewer:
    found = still_kernel.listen('every=1')
    found.taken()
    return found


def start(still_kernel: StillKernel, viewer: Viewer, name: str = 'job') -> Any:
    child = still_kernel.start(name, 100)
    viewer.taken()
    return child


def test_only_those_that_moved(still_kernel: StillKernel, viewer: Viewer) -> None:
    child = start(still_kernel, viewer)
    start(still_kernel, viewer, 'quiet')
    steps: list[tuple[Any, dict[str, int]]] = [
        (lambda: child.write(b'x' * 60), {'captured': 60, 'buffered': 60}),
        (lambda: child.write(b'x' * 60, 1), {'captured': 120, 'dropped': 60}),
        (lambda: still_kernel.run('acknowledge', 'job', '100'), {'buffered': 20}),
        (lambda: still_kernel.watch('job'), {'watchers': 1}),
        (lambda: still_kernel.watch('job'), {'watchers': 2}),
        (lambda: child.record.cursors[0].watch.detach(), {'watchers': 1}),
    ]
    for step, moved in steps:
        step()
        assert counters(viewer) == [{'job': moved}]
        still_kernel.loop.pass_time()
    still_kernel.watch('peek=1', '--', 'job')  # holds nothing: no counter
    still_kernel.loop.pass_time()
    assert counters(viewer) == []


def test_not_more_often_than_asked(still_kernel: StillKernel, viewer: Viewer) -> None:
    child = start(still_kernel, viewer)
    for _ in range(10):
        child.write(b'x')
    assert counters(viewer) == [{'job': {'captured': 1, 'buffered': 1}}]
    still_kernel.loop.pass_time()
    assert counters(viewer) == [{'job': {'captured': 10, 'buffered': 10}}]
    still_kernel.loop.pass_time()
    assert (counters(viewer), still_kernel.loop.timers) == ([], [])  # nothing keeps the kernel awake


def test_what_moved_back_has_not_moved(still_kernel: StillKernel, viewer: Viewer) -> None:
    start(still_kernel, viewer).write(b'x')
    counters(viewer)
    still_kernel.watch('job').stream.detach()
    still_kernel.loop.pass_time()
    assert counters(viewer) == []


def test_several_go_together(still_kernel: StillKernel, viewer: Viewer) -> None:
    children = [start(still_kernel, viewer, f'job.{number}') for number in range(3)]
    children[0].write(b'x')
    counters(viewer)
    for child in children:
        child.write(b'xy')
    still_kernel.loop.pass_time()
    assert counters(viewer) == [{
        'job.0': {'captured': 3, 'buffered': 3}, 'job.1': {'captured': 2, 'buffered': 2},
        'job.2': {'captured': 2, 'buffered': 2},
    }]


def test_what_a_grandchild_writes_to_nowhere(still_kernel: StillKernel, viewer: Viewer) -> None:
    child = start(still_kernel, viewer)
    child.write(b'12345')
    still_kernel.loop.pass_time()
    still_kernel.run('remove processes', 'job')
    child.write(b'678')
    frames = viewer.taken()
    assert frames[-1].record['details'] == {'job': {'captured': 8, 'dropped': 3}}


def test_a_removed_process_has_no_counters(
    still_kernel: StillKernel, viewer: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = start(still_kernel, viewer)
    watcher = still_kernel.watch('job')
    child.write(b'x')
    child.exit(monkeypatch)
    watcher.taken()
    watcher.say('ack', '0:1', '0:x')
    successor = still_kernel.start('job')
    frames = viewer.taken()
    assert frames[-1].record['details']['id'] == successor.id
    still_kernel.loop.pass_time()
    assert counters(viewer) == []
    assert len(vars(viewer.stream)['_told']) == 1


def test_without_every_no_counters(still_kernel: StillKernel) -> None:
    viewer = still_kernel.listen()
    viewer.taken()
    child = start(still_kernel, viewer)
    child.write(b'x')
    assert viewer.taken() == []
    assert not still_kernel.changes.counting


def test_a_sleeper_gets_the_newest(still_kernel: StillKernel, viewer: Viewer) -> None:
    child = start(still_kernel, viewer)
    viewer.fall_asleep()
    for _ in range(50):
        child.write(b'x')
        still_kernel.loop.pass_time()
    viewer.wake_up()
    assert counters(viewer) == [{'job': {'captured': 50, 'buffered': 50}}]


def test_leaving_stops_the_clock(still_kernel: StillKernel, viewer: Viewer) -> None:
    start(still_kernel, viewer).write(b'x')
    viewer.say('stop')
    assert still_kernel.loop.pass_time() == 0
    assert not still_kernel.changes.counting


# Against a kernel


def test_counters_come_as_asked_and_stop_when_nothing_moves(daemon: Daemon, folder: str) -> None:
    with Caller(daemon) as manager, Caller(daemon) as listener:
        tap = Tap(manager, 'job', folder)
        assert listener.call('changes', 'every=0.05', 'processes') is None
        assert 'job' in listener.frame().record['details']['processes']
        begun = time.monotonic()
        for _ in range(300):
            tap.write(b'0123456789')
        frames = listener.frames_until(lambda frame: frame.record['details']['job'].get('captured') == 3000)
        assert len(frames) <= 2 + (time.monotonic() - begun) / 0.05
        wait_until(lambda: sleeps(daemon.pid), 'the kernel to be idle')
        assert listener.is_silent()
        tap.write(b'more')
        assert listener.frame().record['details'] == {'job': {'captured': 3004, 'buffered': 3004}}
        with Caller(daemon) as watcher:
            watcher.watch('job')
            assert listener.frame().record['details'] == {'job': {'watchers': 1}}
        assert listener.frame().record['details'] == {'job': {'watchers': 0}}
        tap.close()


def sleeps(pid: int) -> bool:
    """Whether it wakes up not once in a while, with the clock of `every` run out."""
    before = wake_ups(pid)
    time.sleep(0.2)
    return wake_ups(pid) == before


def wake_ups(pid: int) -> int:
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('voluntary_ctxt'))
