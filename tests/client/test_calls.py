"""`papa.client.calls`: one surface for all clients, and what each call sends."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from papa import AsyncPapa, BadRequest, Papa
from papa.client import calls
from papa.client.aio import AsyncPipeline
from papa.client.pipeline import Commands, Pipeline

CALLS = {
    name: call for name, call in vars(calls).items()
    if inspect.isfunction(call) and call.__module__ == calls.__name__ and hasattr(Papa, name)
}


def parameters(function: Any) -> list[inspect.Parameter]:
    found = list(inspect.signature(function).parameters.values())
    return [each for each in found if each.name != 'self']


def public(owner: type) -> set[str]:
    return {name for name in dir(owner) if not name.startswith('_') and callable(getattr(owner, name))}


def test_there_is_a_call_for_every_command() -> None:
    assert len(CALLS) == 16
    assert set(CALLS) <= public(Papa)


@pytest.mark.parametrize('name', CALLS)
@pytest.mark.parametrize('client', [Papa, AsyncPapa, Pipeline, AsyncPipeline])
def test_signatures_are_the_same_everywhere(name: str, client: type) -> None:
    assert parameters(getattr(client, name)) == parameters(CALLS[name])
    assert getattr(client, name).__doc__


def test_both_clients_have_the_same_surface() -> None:
    assert public(Papa) == public(AsyncPapa) - {'open_stream'}
    assert parameters(Papa) == parameters(AsyncPapa)
    assert parameters(Papa.pipeline) == parameters(AsyncPapa.pipeline)


@pytest.mark.parametrize('name', [name for name in CALLS if name != 'changes'])
def test_every_command_of_the_async_client_is_awaited(name: str) -> None:
    assert inspect.iscoroutinefunction(getattr(AsyncPapa, name))


@pytest.mark.parametrize(('call', 'fields'), [
    (calls.watch_processes(), ['watch processes']),
    (calls.watch_processes('a', 5), ['watch processes', 'a', '5']),
    (calls.watch_processes('--'), ['watch processes', '--', '--']),
    (calls.watch_processes('a', peek=True, last='64k'), ['watch processes', 'peek=1', 'last=64k', '--', 'a']),
    (calls.watch_processes(follow=True), ['watch processes', 'follow=1', '--']),
    (
        calls.watch_processes('a', 'b', since={'a': ('i-1', 5), 'b': ('i-2', 0)}),
        ['watch processes', 'since=i-1:5,i-2:0', '--', 'a', 'b'],
    ),
    (calls.acknowledge_output('a', 5), ['acknowledge', 'a', '5']),
    (calls.acknowledge_output('a', 5, 'i-1'), ['acknowledge', 'a', '5', 'i-1']),
    (calls.set('a'), ['set', 'a']),
    (calls.set('a', 'b'), ['set', 'a', 'b']),
    (calls.set('a', 'b', expected=None), ['compare-and-set', 'a', 'value=b']),
    (calls.set('a', None, expected='b'), ['compare-and-set', 'a', 'expected=b']),
    (calls.set('a', '', expected=''), ['compare-and-set', 'a', 'expected=', 'value=']),
    (calls.changes(), ['changes']),
    (calls.changes('value', 'processes', every=0.5), ['changes', 'every=0.5', 'values', 'processes']),
    (calls.kernel_info(), ['info']),
])
def test_what_is_sent(call: calls.Call[Any], fields: list[str]) -> None:
    assert call[0] == fields


@pytest.mark.parametrize(('call', 'reason'), [
    (lambda: calls.watch_processes(since={'a': 5}), 'since maps'),  # type: ignore[dict-item]
    (lambda: calls.watch_processes(since={'a': ('i', -1)}), 'A position is'),
    (lambda: calls.watch_processes(since={'a': ('i', True)}), 'A position is'),
    (lambda: calls.watch_processes(since={'a': ('', 1)}), 'The id of a process'),
    (lambda: calls.watch_processes(since={'a': ('i:1,j', 1)}), 'The id of a process'),
    (lambda: calls.watch_processes(since=[('a', 1)]), 'since must be a mapping'),  # type: ignore[arg-type]
    (lambda: calls.watch_processes(peek=True, last=1.5), 'last must be'),  # type: ignore[arg-type]
    (lambda: calls.watch_processes(None), 'A name is'),  # type: ignore[arg-type]
    (lambda: calls.acknowledge_output('a', '5'), 'A position is'),  # type: ignore[arg-type]
    (lambda: calls.acknowledge_output('a', 5, 6), 'The id of a process'),  # type: ignore[arg-type]
    (lambda: calls.set('a', 'b', expected=5), 'A value is text'),  # type: ignore[arg-type]
    (lambda: calls.changes('cats'), 'There are changes of sockets, values, processes'),
    (lambda: calls.changes(every=0), 'every must be'),
    (lambda: calls.changes(every=float('nan')), 'every must be'),
    (lambda: calls.changes(every='1'), 'every must be'),  # type: ignore[arg-type]
])
def test_bad_arguments_are_a_clear_error(call: Any, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason):
        call()


def test_commands_hold_no_stream() -> None:
    commands = Commands(raise_errors=True)
    for queue in (commands.watch_processes, commands.changes):
        with pytest.raises(BadRequest, match='no place for a stream'):
            queue()
    with pytest.raises(BadRequest, match='no place for a stream'):
        commands.make_process('p', 'true', watch_immediately=True)
    assert len(commands) == 0
