"""Acknowledging up to a position from any connection, and going on after one."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Daemon, wait_until

from papa.errors import BadRequest, Conflict, Error, NotFound
from papa.wire.client import ExitFrame, LossFrame, OutputFrame

from .inside import StillKernel
from .tools import assert_clear, written
from .viewers import Account, Caller, Tap

# acknowledge


def test_it_returns_what_this_call_released(still_kernel: StillKernel) -> None:
    child = still_kernel.start('job')
    child.write(written(0, 100))
    assert still_kernel.run('acknowledge', 'job', '0') == '0'
    assert still_kernel.run('acknowledge', 'job', '30', child.id) == '30'
    assert still_kernel.run('acknowledge', 'job', '30') == '0'  # twice
    assert still_kernel.run('acknowledge', 'job', '10') == '0'  # below
    details = still_kernel.run('list processes')['job']
    assert (details['acknowledged'], details['buffered']) == (30, 70)
    assert still_kernel.run('acknowledge', str(child.record.pid), '100') == '70'


def test_it_counts_no_byte_that_was_lost_before(still_kernel: StillKernel) -> None:
    child = still_kernel.start('job', 100)
    child.write(written(0, 80), 0)
    child.write(written(80, 80), 1)  # the first 80 are lost
    assert still_kernel.run('acknowledge', 'job', '50') == '0'
    assert still_kernel.run('acknowledge', 'job', '100') == '20'
    assert still_kernel.run('list processes')['job']['dropped'] == 80


def test_the_rest_of_a_piece_stays_with_its_time(still_kernel: StillKernel) -> None:
    child = still_kernel.start('job')
    child.write(written(0, 100))
    (piece,) = still_kernel.watch('peek=1', '--', 'job').taken()
    still_kernel.run('acknowledge', 'job', '37')
    assert still_kernel.watch('job').taken() == [OutputFrame('o', 0, piece.time, 100, written(37, 63))]


@pytest.mark.parametrize('words', [
    (), ('job',), ('job', 'x'), ('job', '-1'), ('job', '1.5'), ('job', ''), ('job', '9' * 40), ('*', '1'), ('j*', '1'),
    ('job', '1', 'id', 'more'), ('job', '²'),
])
def test_bad_words_are_clear_errors(still_kernel: StillKernel, words: tuple[str, ...]) -> None:
    still_kernel.start('job').write(b'hello')
    with pytest.raises(BadRequest) as caught:
        still_kernel.run('acknowledge', *words)
    assert_clear(caught.value, 'acknowledge', 'position', 'bytes')
    assert still_kernel.processes.by_name['job'].output.acknowledged == 0


def test_the_future_cannot_be_acknowledged(still_kernel: StillKernel) -> None:
    still_kernel.start('job').write(b'hello')
    with pytest.raises(BadRequest) as caught:
        still_kernel.run('acknowledge', 'job', '6')
    assert_clear(caught.value, '"job"', 'written 5 bytes', '6')
    assert still_kernel.processes.by_name['job'].output.acknowledged == 0


def test_another_id_is_a_conflict_and_another_name_is_not_found(still_kernel: StillKernel) -> None:
    child = still_kernel.start('job')
    child.write(b'hello')
    with pytest.raises(Conflict) as caught:
        still_kernel.run('acknowledge', 'job', '5', 'another')
    assert_clear(caught.value, '"job"', child.id)
    with pytest.raises(NotFound):
        still_kernel.run('acknowledge', 'jobs', '5', child.id)
    with pytest.raises(Conflict):
        still_kernel.run('acknowledge', 'job', '5', '')
    assert child.output.acknowledged == 0


def test_an_exit_is_never_acknowledged_by_it(still_kernel: StillKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    child = still_kernel.start('job')
    child.write(b'hello')
    child.exit(monkeypatch, 3)
    assert still_kernel.run('acknowledge', 'job', '5') == '5'
    assert still_kernel.watch('job').taken() == [ExitFrame(0, child.record.ended or 0.0, 3)]
    assert still_kernel.run('list processes')['job']['exit_code'] == 3


def test_a_removed_process_that_still_runs(still_kernel: StillKernel) -> None:
    child = still_kernel.start('job')
    child.write(b'hello')
    still_kernel.run('remove processes', 'job')
    child.write(b'to nowhere')
    details = still_kernel.run('list processes')['job']
    assert (details['captured'], details['dropped'], details['buffered']) == (15, 10, 0)
    assert still_kernel.run('acknowledge', 'job', '15') == '0'
    with pytest.raises(BadRequest):
        still_kernel.run('acknowledge', 'job', '16')


def test_it_lets_a_blocked_process_go_on(daemon: Daemon) -> None:
    with Caller(daemon) as caller:
        made = caller.make('job', 'overflow=block', 'bufsize=64k', '/bin/sh', '-c', 'yes | head -c 300000')
        released = 0
        while caller.details('job')['running'] or caller.details('job')['buffered']:
            captured = caller.details('job')['captured']
            released += int(caller.call('acknowledge', 'job', str(captured), made['id']))
        assert released == 300_000
        assert caller.details('job')['dropped'] == 0


def test_it_acknowledges_under_a_watcher_who_still_gets_everything(daemon: Daemon, folder: str) -> None:
    with Caller(daemon) as manager, Caller(daemon) as watcher:
        tap = Tap(manager, 'job', folder)
        watcher.watch('job')
        tap.write(b'one\n')
        wait_until(lambda: manager.details('job')['captured'] == 4)
        assert manager.call('acknowledge', 'job', '4') == '4'
        tap.write(b'two\n')
        tap.close()
        account = Account(0, lambda position, size: b'one\ntwo\n'[position : position + size])
        account.take_all(watcher.frames_until(lambda frame: isinstance(frame, ExitFrame)))
        assert (account.delivered, account.lost) == (8, [])


# since


@pytest.mark.parametrize('position', [0, 1, 99, 100, 101, 250, 299, 300])
@pytest.mark.parametrize('kind', [(), ('peek=1',), ('peek=1', 'last=10'), ('follow=1',), ('peek=1', 'follow=1')])
def test_it_goes_on_exactly_after_the_position(still_kernel: StillKernel, position: int, kind: tuple[str]) -> None:
    child = still_kernel.start('job')
    for number in range(3):
        child.write(written(number * 100, 100), number % 2)
    words = (*kind, f'since=other:5,{child.id}:{position}', '--', 'job')
    assert still_kernel.run('watch processes', *words).starts == [(child.record, position)]
    viewer = still_kernel.watch(*words)
    account = Account(position, written).take_all(viewer.taken())
    child.write(written(300, 50))
    account.take_all(viewer.taken())
    assert (account.position, account.lost) == (350, [])


def test_what_is_gone_since_then_and_why(still_kernel: StillKernel) -> None:
    child = still_kernel.start('job', 100)
    child.write(written(0, 60))
    still_kernel.run('acknowledge', 'job', '50')
    child.write(written(60, 95), 1)  # the ten that were not acknowledged are lost
    for words in (['peek=1'], ['peek=1', 'last=1'], []):
        frames = still_kernel.watch(*words, f'since={child.id}:20', '--', 'job').taken()
        assert frames[:2] == [LossFrame(0, 20, 50, 'acknowledged'), LossFrame(0, 50, 60, 'overflow')]
        assert Account(20, written).take_all(frames).position == 155
    frames = still_kernel.watch('peek=1', f'since={child.id}:55', '--', 'job').taken()
    assert frames[0] == LossFrame(0, 55, 60, 'overflow')


def test_what_others_have_acknowledged_but_is_held_for_a_slow_one_is_still_there(still_kernel: StillKernel) -> None:
    child = still_kernel.start('job')
    still_kernel.watch('job').fall_asleep()
    child.write(written(0, 100))
    still_kernel.run('acknowledge', 'job', '100')
    viewer = still_kernel.watch('peek=1', f'since={child.id}:10', '--', 'job')
    assert Account(10, written).take_all(viewer.taken()).delivered == 90


def test_a_watcher_that_goes_on_holds_what_it_has_not_seen(still_kernel: StillKernel) -> None:
    child = still_kernel.start('job')
    holder = still_kernel.watch('job')
    holder.fall_asleep()
    child.write(written(0, 100))
    still_kernel.run('acknowledge', 'job', '100')
    resumed = still_kernel.watch(f'since={child.id}:40', '--', 'job')
    resumed.fall_asleep()
    holder.stream.detach()
    assert (child.output.base, child.output.buffered) == (100, 0)  # it had been handed over already
    assert Account(40, written).take_all(resumed.taken()).position == 100


def test_a_position_in_the_future_attaches_nothing(still_kernel: StillKernel) -> None:
    first, second = still_kernel.start('a'), still_kernel.start('b')
    first.write(b'hello')
    for words in (['peek=1'], [], ['follow=1']):
        with pytest.raises(BadRequest) as caught:
            still_kernel.run('watch processes', *words, f'since={first.id}:5,{second.id}:1', '--', 'a', 'b')
        assert_clear(caught.value, '"b"', 'written 0 bytes', 'not yet 1')
    for details in still_kernel.run('list processes').values():
        assert (details['watchers'], details['peekers']) == (0, 0)
    assert still_kernel.processes.followers == []


def test_another_process_of_that_name_is_told_from_its_own_beginning(
    still_kernel: StillKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = still_kernel.start('job')
    first.write(written(0, 200))
    watcher = still_kernel.watch('job')
    first.exit(monkeypatch)
    watcher.taken()
    watcher.say('ack', '0:200', '0:x')
    second = still_kernel.start('job')
    second.write(written(0, 50))
    starts = still_kernel.run('watch processes', f'since={first.id}:150', '--', 'job').starts
    assert starts == [(second.record, 0)]
    assert second.id != first.id


def test_the_scale_goes_on_through_what_a_grandchild_wrote_to_nowhere(daemon: Daemon, folder: str) -> None:
    """Its bytes count in `captured`: a position there is none of the future."""
    with Caller(daemon) as manager:
        script = f'echo child; (until [ -e {folder}/go ]; do sleep 0.01; done; echo grandchild) & exit 0'
        made = manager.make('job', '/bin/sh', '-c', script)
        wait_until(lambda: not manager.details('job')['running'])
        open(f'{folder}/go', 'w').close()
        wait_until(lambda: manager.details('job')['captured'] == 17)
        assert manager.details('job')['dropped'] == 11
        with Caller(daemon) as watcher:
            assert watcher.watch(f'since={made["id"]}:17', '--', 'job')[0][2] == 17
            assert isinstance(watcher.frame(), ExitFrame)
            watcher.stop()
            assert_clear(watcher.call('watch processes', f'since={made["id"]}:18', '--', 'job'), 'written 17')
            watcher.watch(f'since={made["id"]}:3', '--', 'job')
            account = Account(3).take_all(watcher.frames_until(lambda frame: isinstance(frame, ExitFrame)))
            assert account.position == 6
        assert manager.call('acknowledge', 'job', '17') == '6'
        assert manager.call('acknowledge', 'job', '17') == '0'


def test_a_reply_says_from_where_and_up_to_where_it_is_acknowledged(daemon: Daemon, folder: str) -> None:
    with Caller(daemon) as manager, Caller(daemon) as watcher:
        tap = Tap(manager, 'job', folder)
        tap.write(written(0, 100))
        wait_until(lambda: manager.details('job')['captured'] == 100)
        manager.call('acknowledge', 'job', '40')
        started: Any = tap.details['started']
        assert watcher.watch(f'since={tap.id}:70', '--', 'job') == [['job', tap.id, 70, started, 40]]
        assert watcher.frame().data == written(70, 30)
        watcher.say(('stop', '0:100'))
        tap.close()


@pytest.mark.parametrize('words', [('since=job:5', '--', 'job'), ('since=:5', '--', 'job'), ('since=5', '--', 'job')])
def test_an_id_that_nobody_has(still_kernel: StillKernel, words: tuple[str, ...]) -> None:
    """What is no id at all is a mistake; one of a process that has gone is none."""
    child = still_kernel.start('job')
    try:
        assert still_kernel.run('watch processes', *words).starts == [(child.record, 0)]
    except Error as error:
        assert_clear(error, 'since', 'ID:POSITION')
        assert words[0] != 'since=job:5'
