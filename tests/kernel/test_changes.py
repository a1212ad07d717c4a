"""`changes`: a snapshot, then what is made, changed and removed, and what exits."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Daemon, wait_until

from papa.errors import BadRequest
from papa.wire.client import ChangeFrame, EndFrame

from .inside import StillKernel, Viewer
from .mirror import listen
from .tools import assert_clear
from .viewers import Caller, Tap


def told(caller: Caller) -> tuple[str, str, str, dict[str, Any]]:
    """The next change."""
    record = caller.frame().record
    assert set(record) == {'change', 'kind', 'name', 'details'}
    return record['change'], record['kind'], record['name'], record['details']


# Against a kernel


def test_the_life_of_each_kind(daemon: Daemon, folder: str) -> None:
    with Caller(daemon) as manager, Caller(daemon) as listener:
        assert listen(listener).held == {'sockets': {}, 'values': {}, 'processes': {}}
        web = manager.call('make socket', 'web')['web']
        assert told(listener) == ('made', 'socket', 'web', web)
        manager.call('make socket', 'web', f'port={web["port"]}')  # it is there already
        manager.call('set', 'a', 'é')
        assert told(listener) == ('made', 'value', 'a', {'size': 2, 'value': 'é'})
        manager.call('set', 'a', 'é')  # nothing new
        manager.call('set', 'a', '')
        assert told(listener) == ('changed', 'value', 'a', {'size': 0, 'value': ''})
        manager.call('compare-and-set', 'a', 'expected=', 'value=b')
        assert told(listener) == ('changed', 'value', 'a', {'size': 1, 'value': 'b'})
        tap = Tap(manager, 'job', folder)
        change, kind, name, details = told(listener)
        assert (change, kind, name) == ('made', 'process', 'job')
        assert details == tap.details
        tap.close()
        change, kind, name, details = told(listener)
        assert (change, kind, name, details['exit_code'], details['running']) == ('exited', 'process', 'job', 0, False)
        assert details == manager.details('job')
        assert manager.call('remove processes') is None
        change, kind, name, last = told(listener)
        assert (change, kind, name, last['id']) == ('removed', 'process', 'job', tap.id)
        assert manager.call('remove sockets', 'web') is None
        assert told(listener) == ('removed', 'socket', 'web', web)
        assert manager.call('remove values', 'a*') is None
        assert told(listener) == ('removed', 'value', 'a', {'size': 1, 'value': 'b'})
        manager.call('set', 'a')
        assert manager.call('get', 'a') is None
        assert listener.is_silent()
        assert listener.stop() == []
        assert listener.call('info')['values'] == 0  # the connection takes commands again


def test_the_snapshot_is_what_is_listed(daemon: Daemon) -> None:
    with Caller(daemon) as manager, Caller(daemon) as listener:
        for number in range(450):  # more than one part
            manager.call('set', f'value.{number}', str(number))
        for number in range(3):
            manager.call('make socket', f'socket.{number}')
            manager.make(f'job.{number}', '/bin/sleep', '60')
        snapshot = listen(listener).held
        assert snapshot['sockets'] == manager.call('list sockets')
        assert snapshot['processes'] == manager.call('list processes')
        assert {name: each['value'] for name, each in snapshot['values'].items()} == manager.call('list values')


@pytest.mark.parametrize(('words', 'kinds'), [
    (['values'], {'value'}), (['sockets'], {'socket'}), (['processes'], {'process'}),
    (['values', 'sockets'], {'value', 'socket'}), (['values', 'values'], {'value'}),
    (['sockets', 'values', 'processes'], {'socket', 'value', 'process'}), ([], {'socket', 'value', 'process'}),
    (['every=1', 'values'], {'value'}), (['every=1', '--', 'values'], {'value'}),
])
def test_only_the_kinds_that_were_asked_for(still_kernel: StillKernel, words: list[str], kinds: set[str]) -> None:
    still_kernel.values.set('a', '1')
    still_kernel.start('job')
    viewer = still_kernel.listen(*words)
    plural = {'socket': 'sockets', 'value': 'values', 'process': 'processes'}
    assert {kind for frame in viewer.taken() for kind in frame.record['details']} == {plural[kind] for kind in kinds}
    still_kernel.values.set('b', '1')
    still_kernel.start('jobs')
    still_kernel.changes.tell('made', 'socket', 'web', still_kernel.values.by_name['a'])
    assert {frame.record['kind'] for frame in viewer.taken()} == kinds


@pytest.mark.parametrize('words', [
    ('nonsense',), ('value',), ('process',), ('values', '*'), ('',), ('every=0',), ('every=',), ('every=-1',),
    ('every=x',), ('every=1', 'every=1'), ('always=1',), ('every=1e3',), ('every=nan',), ('every=inf',),
    ('every=86401',), ('every=.',), ('values', 'every=1'),
])
def test_bad_words_are_clear_errors_and_nobody_listens(still_kernel: StillKernel, words: tuple[str, ...]) -> None:
    with pytest.raises(BadRequest) as caught:
        still_kernel.run('changes', *words)
    assert_clear(caught.value)
    assert not vars(still_kernel.changes)['_listeners']


def test_long_values_are_told_by_their_beginning_and_size(still_kernel: StillKernel) -> None:
    still_kernel.values.set('there', 'é' * 3000)
    viewer = still_kernel.listen('values')
    assert viewer.taken()[0].record['details'] == {'values': {'there': {'size': 6000, 'preview': 'é' * 1024}}}
    still_kernel.values.set('whole', 'x' * 4096)
    still_kernel.values.set('long', '\ud800' * 4096)
    still_kernel.values.set('long', None)
    assert [frame.record['details'] for frame in viewer.taken()] == [
        {'size': 4096, 'value': 'x' * 4096},
        {'size': 4096 * 3, 'preview': '\ud800' * 1024},
        {'size': 4096 * 3, 'preview': '\ud800' * 1024},
    ]


def changes(viewer: Viewer) -> list[tuple[str, str]]:
    frames = viewer.taken()
    assert all(isinstance(frame, ChangeFrame) for frame in frames)
    return [(frame.record['change'], frame.record.get('name', '')) for frame in frames]


def test_a_process_that_is_removed_while_it_runs(still_kernel: StillKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    child = still_kernel.start('job')
    child.write(b'hello')
    viewer = still_kernel.listen('processes')
    viewer.taken()
    still_kernel.run('remove processes', 'job')
    (frame,) = viewer.taken()
    details = frame.record['details']
    assert (frame.record['change'], details['buffered'], details['recorded']) == ('changed', 0, False)
    child.exit(monkeypatch, 3)
    assert changes(viewer) == [('exited', 'job'), ('removed', 'job')]


def test_a_successor_is_told_from_the_one_before(still_kernel: StillKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = still_kernel.listen('processes')
    viewer.taken()
    ids = []
    for _ in range(3):
        child = still_kernel.start('job')
        ids.append(child.id)
        watcher = still_kernel.watch('job')
        child.exit(monkeypatch)
        watcher.taken()
        watcher.say('ack', '0:x')
    frames = viewer.taken()
    assert [frame.record['change'] for frame in frames] == ['made', 'exited', 'removed'] * 3
    assert [frame.record['details']['id'] for frame in frames] == [each for each in ids for _ in range(3)]


def test_without_listeners_nothing_is_described(still_kernel: StillKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = still_kernel.listen()
    viewer.say('stop')
    assert viewer.ended
    monkeypatch.setattr('papa.kernel.changes.describe', None)
    still_kernel.values.set('a', '1')
    still_kernel.start('job').write(b'hello')
    assert not still_kernel.changes.counting


def test_many_listeners_hear_the_same(daemon: Daemon) -> None:
    with Caller(daemon) as manager:
        listeners = [Caller(daemon) for _ in range(50)]
        for listener in listeners:
            listen(listener)
        expected = []
        for number in range(20):
            manager.call('set', f'value.{number}', 'x' * number)
            expected.append(('made', 'value', f'value.{number}', {'size': number, 'value': 'x' * number}))
        for listener in listeners[::2]:
            listener.close()
        manager.call('set', 'last', '')
        for listener in listeners[1::2]:
            assert [told(listener) for _ in expected] == expected
            assert told(listener)[2] == 'last'
            listener.say(('stop',))
            assert isinstance(listener.frame(), EndFrame)
            listener.close()
        wait_until(lambda: manager.call('info')['connections'] == 1)


def test_closing_in_the_middle_leaves_nothing_behind(daemon: Daemon) -> None:
    with Caller(daemon) as manager:
        for number in range(5000):
            manager.say(('set', f'value.{number}', 'x' * 1000))
        assert [manager.reply() for _ in range(5000)] == [None] * 5000
        before = daemon.descriptors()
        for read in (1, 10, 50_000, 200_000):
            with Caller(daemon) as listener:
                listener.say(('changes', 'every=0.01'))
                listener.socket.recv(read)
        wait_until(lambda: daemon.descriptors() == before)
        for number in range(5000):
            manager.say(('set', f'value.{number}'))
        assert [manager.reply() for _ in range(5000)] == [None] * 5000
    assert 'Traceback' not in daemon.stop()
