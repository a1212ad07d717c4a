"""`papa.client.change_state`: frames in, changes out, without a socket."""

from __future__ import annotations

import pytest

from papa.client.change_state import ChangeState
from papa.events import Change
from papa.wire.client import ChangeFrame, EndFrame, Frame, ProtocolError


def snapshot(kind: str, details: dict[str, object], *, first: bool = False, more: bool = False) -> ChangeFrame:
    return ChangeFrame({'change': 'snapshot', 'details': {kind: details}, 'first': first, 'more': more})


def test_parts_of_a_snapshot_are_one_change() -> None:
    state = ChangeState(['sockets', 'values', 'processes'])
    state.take(snapshot('values', {'a': {'size': 1}}, first=True, more=True))
    assert not state.has_news
    state.take(snapshot('values', {'b': {'size': 2}}, more=True))
    state.take(snapshot('processes', {}))
    whole = {'sockets': {}, 'values': {'a': {'size': 1}, 'b': {'size': 2}}, 'processes': {}}
    assert state.next_change() == Change('snapshot', '', '', whole)
    assert state.next_change() is None
    state.take(snapshot('values', {}, first=True))
    assert state.next_change() == Change('snapshot', '', '', {'sockets': {}, 'values': {}, 'processes': {}})


def test_a_snapshot_that_was_given_up_leaves_nothing() -> None:
    state = ChangeState(['values'])
    state.take(snapshot('values', {'old': {}}, first=True, more=True))
    state.take(snapshot('values', {'new': {}}, first=True))
    assert state.next_change() == Change('snapshot', '', '', {'values': {'new': {}}})


@pytest.mark.parametrize('kinds', [['sockets'], ['values', 'processes']])
def test_an_upgrade_is_told_whatever_was_asked_for(kinds: list[str]) -> None:
    state = ChangeState(kinds)
    details = {'version': '2.1.0', 'previous_version': '2.0.0', 'upgrades': 1}
    state.take(snapshot(kinds[0], {'a': {}}, first=True, more=True))
    state.take(ChangeFrame({'change': 'upgraded', 'kind': 'kernel', 'name': 'papa', 'details': details}))
    state.take(snapshot(kinds[-1], {}))
    assert state.next_change() == Change('upgraded', 'kernel', 'papa', details)
    after = state.next_change()
    assert after is not None
    assert after.details[kinds[0]] == {'a': {}}


@pytest.mark.parametrize(('size', 'most'), [(10, 1100), (1 << 20, 8)])
def test_changes_fill_it_by_their_number_and_by_their_size(size: int, most: int) -> None:
    state = ChangeState(['values'])
    record = {'change': 'made', 'kind': 'value', 'name': 'a', 'details': {}}
    count = 0
    while not state.full:
        count += 1
        state.take(ChangeFrame(record, size))
    assert most * 0.8 < count <= most
    while state.has_news:
        state.next_change()
    assert (state.full, state._weight) == (False, 0)


@pytest.mark.parametrize('frame', [
    EndFrame(), ChangeFrame({}), ChangeFrame({'change': 'made'}), ChangeFrame({'change': 'snapshot', 'details': 5}),
    ChangeFrame({'change': 'snapshot', 'details': {'values': 5}}),
])
def test_what_is_no_change_is_out_of_step(frame: Frame) -> None:
    with pytest.raises(ProtocolError):
        ChangeState(['values']).take(frame)
