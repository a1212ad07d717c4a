"""`papa.Papa.changes` on both clients."""

from __future__ import annotations

import os
from typing import Any

import pytest
from conftest import Daemon, wait_until

from papa import BadRequest, ConnectionLost, Papa
from papa.events import Change

from .helpers import Make, Speak, serving

pytestmark = pytest.mark.usefixtures('both')


def test_it_begins_with_a_snapshot_of_all_kinds(papa: Papa) -> None:
    papa.set('a', 'x')
    with papa.changes() as changes:
        assert next(changes) == Change('snapshot', '', '', {
            'sockets': {}, 'values': {'a': {'size': 1, 'value': 'x'}}, 'processes': {},
        })


@pytest.mark.parametrize(('kinds', 'keys'), [
    (('values',), {'values'}), (('process', 'socket'), {'processes', 'sockets'}),
    ((), {'sockets', 'values', 'processes'}),
])
def test_kinds(kinds: tuple[str, ...], keys: set[str], papa: Papa) -> None:
    with papa.changes(*kinds) as changes:
        assert set(next(changes).details) == keys


def test_what_happens(daemon: Daemon, papa: Papa) -> None:
    with papa.changes('values', 'sockets') as changes, daemon.connect() as other:
        next(changes)
        other.set('a', 'x')
        other.set('a', 'y')
        made = other.make_socket('s')
        other.make_process('p', 'true')
        other.set('a')
        assert [next(changes) for _ in range(4)] == [
            Change('made', 'value', 'a', {'size': 1, 'value': 'x'}),
            Change('changed', 'value', 'a', {'size': 1, 'value': 'y'}), Change('made', 'socket', 's', made),
            Change('removed', 'value', 'a', {'size': 1, 'value': 'y'}),
        ]


def test_a_process_from_start_to_end(daemon: Daemon, papa: Papa) -> None:
    with papa.changes('process') as changes, daemon.connect() as other:
        next(changes)
        other.make_process('p', 'sh', ('-c', 'exit 3'))
        made, exited = next(changes), next(changes)
        assert (made.change, made.name, exited.change, exited.details['exit_code']) == ('made', 'p', 'exited', 3)
        other.remove_processes('p')
        assert next(changes).change == 'removed'


def test_counters(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    with papa.changes('processes', every=0.01) as changes:
        next(changes)
        speaker.say(b'hello')
        assert next(changes) == Change('counters', 'process', '', {'p': {'captured': 5, 'buffered': 5}})


def test_a_large_snapshot_is_one_change(papa: Papa) -> None:
    with papa.pipeline() as pipe:
        for number in range(5000):
            pipe.set(f'v.{number}', 'x' * 100)
    with papa.changes() as changes:
        assert len(next(changes).details['values']) == 5000


def test_it_takes_the_connection_over_and_gives_it_back(papa: Papa) -> None:
    before = papa.fileno()
    with papa.changes() as changes:
        next(changes)
        assert changes.fileno() == before
        assert papa.fileno() is None
        assert papa.get('a') is None  # by another connection
        papa.close()
    assert changes.fileno() == -1
    with papa.changes() as changes:
        next(changes)
        before = changes.fileno()
    assert papa.fileno() == before


def test_ready_tells_whether_there_is_one(daemon: Daemon, papa: Papa) -> None:
    with papa.changes('values') as changes, daemon.connect() as other:
        next(changes)
        assert not changes.ready
        other.set('a', 'x')
        wait_until(lambda: changes.ready)
        assert next(changes).name == 'a'
        assert not changes.ready


def test_a_loop_that_is_left_in_the_middle_leaves_nothing_behind(daemon: Daemon, papa: Papa) -> None:
    before = len(os.listdir('/proc/self/fd'))
    for _ in range(3):
        for change in papa.changes():
            assert change.change == 'snapshot'
            break
        assert papa.get('a') is None
    assert len(os.listdir('/proc/self/fd')) == before
    wait_until(lambda: papa.kernel_info()['connections'] == 1)


def test_after_its_end_there_is_none(papa: Papa) -> None:
    changes = papa.changes()
    next(changes)
    changes.close()
    changes.close()
    assert list(changes) == []
    assert not changes.ready


def test_losing_the_kernel(make_fake: Make) -> None:
    snapshot = b'c {"change":"snapshot","first":true,"more":false,"details":{"values":{}}}\n'
    with Papa(make_fake(serving(b'-\n' + snapshot)).path) as papa, papa.changes() as changes:
        next(changes)
        for _ in range(2):
            with pytest.raises(ConnectionLost, match='during "changes"'):
                next(changes)
        assert changes.ready


def test_bad_arguments(papa: Papa) -> None:
    bad: list[tuple[tuple[Any, ...], dict[str, Any]]] = [(('cats',), {}), ((), {'every': 0}), ((5,), {})]
    for kinds, options in bad:
        with pytest.raises(BadRequest):
            papa.changes(*kinds, **options)
