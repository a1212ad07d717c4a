"""Removing exactly what a person was asked about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conftest import wait_until

from papa import Papa
from papa.errors import Conflict
from papa.line.calls import Call
from papa.line.kernels import identity
from papa.line.removal import is_same, remove


def doing(papa: Papa, meanwhile: Callable[[], object] = bool) -> Callable[[Call], Any]:
    """What makes calls; `meanwhile` happens before the first that changes something."""
    waiting = [meanwhile]

    def do(call: Call) -> Any:
        if not call.reads and waiting:
            waiting.pop()()
        return getattr(papa, call.method)(*call.arguments, **call.keywords)

    return do


def test_only_what_was_asked_about_is_removed(papa: Papa) -> None:
    for name in ('w.1', 'w.2', 'w.new'):
        papa.make_process(name, 'true')
    wait_until(lambda: not any(each['running'] for each in papa.list_processes().values()))
    asked = papa.list_processes('w.1', 'w.2')
    removed, others = remove(doing(papa), 'processes', asked)
    assert (list(removed), others) == (['w.1', 'w.2'], [])
    assert list(papa.list_processes()) == ['w.new']


def test_another_under_the_same_name_is_left_alone(papa: Papa) -> None:
    papa.make_process('w.1', 'true')
    papa.make_process('w.2', 'sleep', '1000')
    papa.make_socket('s')
    wait_until(lambda: not papa.list_processes('w.1')['w.1']['running'])
    asked, sockets = papa.list_processes(), papa.list_sockets()
    papa.remove_processes('w.1')
    papa.make_process('w.1', 'sleep', '1000')
    with pytest.raises(Conflict, match=r'"w\.1" is another process now; nothing was done'):
        remove(doing(papa), 'processes', asked)
    assert all(each['recorded'] for each in papa.list_processes().values())
    papa.remove_sockets('s')
    papa.make_socket('s', backlog=7)
    with pytest.raises(Conflict, match='"s" is another socket now'):
        remove(doing(papa), 'sockets', sockets)
    papa.set('v', 'one')
    papa.set('v', 'two')
    with pytest.raises(Conflict, match='"v" is another value now'):
        remove(doing(papa), 'values', {'v': {'size': 3, 'value': 'one'}})
    assert papa.get('v') == 'two'


def test_what_has_gone_by_itself_is_no_obstacle(papa: Papa) -> None:
    for name in ('a', 'b', 'c'):
        papa.set(name, 'x')
    asked = papa.list_values()
    papa.set('a')
    removed, _ = remove(doing(papa, lambda: papa.set('b')), 'values', asked)
    assert list(removed) == ['c']
    assert papa.list_values() == {}
    assert remove(doing(papa), 'values', asked) == ({}, [])


def test_what_changes_tells_is_the_same_as_what_a_list_does(papa: Papa) -> None:
    papa.make_process('p', 'sleep', '1000')
    papa.make_socket('s')
    papa.set('v', 'x')
    papa.set('long', 'é' * 100_000)
    with papa.changes() as changes:
        told = next(changes).details
        for kinds in ('processes', 'sockets', 'values'):
            other = Papa(papa.endpoint.path, autostart=False)
            listed = getattr(other, f'list_{kinds}')()
            other.close()
            assert all(is_same(kinds, told[kinds][name], listed[name]) for name in listed)
    assert not is_same('values', told['values']['long'], 'é' * 99_999)


def test_a_kernel_in_another_container_may_have_the_same_pid() -> None:
    assert identity({'pid': 7, 'started': 1.0, 'uptime': 5.0}) != identity({'pid': 7, 'started': 2.0, 'uptime': 9.0})
