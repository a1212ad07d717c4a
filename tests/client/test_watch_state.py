"""`papa.client.watch_state`: frames in, events out, without a socket."""

from __future__ import annotations

import pytest

from papa import BadRequest, Conflict, NotFound
from papa.client.watch_state import WatchState
from papa.events import Acknowledged, Closed, Event, Lost, Output, Started
from papa.wire.client import (
    AcknowledgementFrame,
    ChangeFrame,
    EndFrame,
    ExitFrame,
    Frame,
    IntroductionFrame,
    LossFrame,
    OutputFrame,
    ProtocolError,
)

ONE = [('p', 'id-1', 5, 1.5, 5)]
TWO = [*ONE, ('q', 'id-2', 0, 2.5, 0)]


def take(state: WatchState, *frames: Frame) -> WatchState:
    for frame in frames:
        state.take(frame)
    return state


def events(state: WatchState) -> list[Event]:
    found = []
    while (event := state.next_event()) is not None:
        found.append(event)
    return found


# Reading


def test_reading_is_a_fold_of_the_events() -> None:
    frames: list[Frame] = [
        OutputFrame('o', 0, 1.0, 8, b'abc'), OutputFrame('e', 1, 2.0, 2, b'xy'), LossFrame(0, 8, 10, 'overflow'),
        OutputFrame('o', 0, 3.0, 11, b'd'), ExitFrame(0, 4.0, -9),
    ]
    out, err, closed = take(WatchState(TWO), *frames).read()
    assert out == [('p', 1.0, b'abc'), ('p', 3.0, b'd')]
    assert [(item.position, item.id) for item in out] == [(8, 'id-1'), (11, 'id-1')]
    assert (err, err[0].position, err[0].id) == ([('q', 2.0, b'xy')], 2, 'id-2')
    assert (closed, closed[0].position, closed[0].id) == ([('p', 4.0, -9)], 11, 'id-1')
    state = WatchState(TWO)
    state.begin_events()
    assert events(take(state, *frames))[2:] == [
        Output('p', 'id-1', 'out', 1.0, b'abc', 8), Output('q', 'id-2', 'err', 2.0, b'xy', 2),
        Lost('p', 'id-1', 8, 10, 'overflow'), Output('p', 'id-1', 'out', 3.0, b'd', 11), Closed('p', 'id-1', 4.0, -9),
    ]
    assert state.dropped == {'p': 2}
    assert state.exit_code == {'p': -9}


def test_a_loss_alone_is_no_news_for_a_reader() -> None:
    state = take(WatchState(ONE), LossFrame(0, 5, 7, 'slow'))
    state.begin_reading()
    assert not state.has_news
    assert state.dropped == {}
    assert take(state, OutputFrame('o', 0, 1.0, 8, b'x')).has_news
    state.read()
    assert state.dropped == {'p': 2}
    assert not state.has_news


def test_what_others_took_is_not_dropped() -> None:
    state = take(WatchState(ONE), LossFrame(0, 5, 7, 'acknowledged'), ExitFrame(0, 1.0, 0))
    state.read()
    assert state.dropped == {}


@pytest.mark.parametrize('frame', [
    OutputFrame('o', 0, 1.0, 9, b'abc'), OutputFrame('o', 0, 1.0, 7, b'abc'), LossFrame(0, 6, 8, 'slow'),
    LossFrame(0, 5, 4, 'slow'), OutputFrame('o', 1, 1.0, 3, b'abc'), ExitFrame(1, 1.0, 0), ChangeFrame({}), EndFrame(),
])
def test_a_frame_that_does_not_follow_is_out_of_step(frame: Frame) -> None:
    with pytest.raises(ProtocolError):
        WatchState(ONE).take(frame)


# Acknowledging


def test_what_was_read_is_acknowledged_and_no_more() -> None:
    state = take(WatchState(TWO), OutputFrame('o', 0, 1.0, 8, b'abc'), OutputFrame('o', 1, 1.0, 1, b'x'))
    assert state.acknowledgement('ack') == ['ack']
    state.read()
    take(state, OutputFrame('o', 0, 1.0, 9, b'd'), ExitFrame(1, 1.0, 0))
    assert state.acknowledgement('ack') == ['ack', '0:8', '1:1']
    state.acknowledged()
    assert not state.unacknowledged
    state.read()
    assert state.acknowledgement('stop') == ['stop', '0:9', '1:x'] == state.farewell()


def test_it_is_finished_when_the_last_exit_is_acknowledged() -> None:
    state = take(WatchState(TWO), ExitFrame(0, 1.0, 0), ExitFrame(1, 1.0, 0))
    assert not state.closed
    state.read()
    assert (state.closed, state.finished) == (True, False)
    state.acknowledged()
    assert state.finished


def test_one_that_peeks_acknowledges_nothing_and_is_finished_with_the_last_exit() -> None:
    state = take(WatchState(ONE, peek=True), OutputFrame('o', 0, 1.0, 6, b'x'), ExitFrame(0, 1.0, 0))
    state.read()
    assert not state.unacknowledged
    assert state.farewell() == ['stop']
    assert state.finished


def test_one_that_follows_is_never_finished() -> None:
    state = take(WatchState(ONE, follow=True), ExitFrame(0, 1.0, 0))
    state.read()
    state.acknowledged()
    assert not state.closed
    assert not state.finished
    take(state, IntroductionFrame(7, 2.0, 3, 'id-9', 'r'), OutputFrame('o', 7, 1.0, 4, b'x'), ExitFrame(7, 1.0, 0))
    assert [item.name for item in state.read()[0]] == ['r']
    assert state.acknowledgement('ack') == ['ack', '7:4', '7:x']


def test_events_acknowledge_nothing_by_themselves() -> None:
    state = WatchState(ONE)
    assert state.begin_events()
    assert not state.begin_events()
    events(take(state, OutputFrame('o', 0, 1.0, 6, b'x'), ExitFrame(0, 1.0, 0)))
    assert state.farewell() == ['stop']
    assert not state.owes
    assert state.acknowledgement('ack') == ['ack', '0:6', '0:x']


def test_acknowledging_one_process_as_its_watcher() -> None:
    state = take(WatchState(TWO), OutputFrame('o', 0, 1.0, 8, b'abc'))
    state.read()
    assert state.acknowledgement_of('p', 7, None) == ['ack', '0:7']
    assert state.acknowledgement('ack') == ['ack', '0:8']
    assert state.acknowledgement_of('p', 8, 'id-1') == ['ack', '0:8']
    assert state.acknowledgement('ack') == ['ack']
    with pytest.raises(NotFound):
        state.acknowledgement_of('none', 8, None)
    with pytest.raises(Conflict, match='another id'):
        state.acknowledgement_of('p', 8, 'id-2')
    with pytest.raises(BadRequest):
        state.acknowledgement_of('p', -1, None)
    with pytest.raises(BadRequest, match='has come up to 8 here, not to 9'):
        state.acknowledgement_of('p', 9, None)


def test_a_successor_of_the_same_name_is_the_one_that_is_meant() -> None:
    state = take(WatchState(ONE, follow=True), IntroductionFrame(1, 2.0, 0, 'id-9', 'p'))
    take(state, OutputFrame('o', 1, 3.0, 3, b'abc'))
    assert state.acknowledgement_of('p', 3, None) == ['ack', '1:3']
    assert state.acknowledgement_of('p', 5, 'id-1') == ['ack', '0:5']


# Events


def test_events_begin_with_what_is_acknowledged() -> None:
    state = take(WatchState(TWO), OutputFrame('o', 0, 1.0, 6, b'x'))
    state.begin_events()
    take(state, AcknowledgementFrame(0, 5, False), AcknowledgementFrame(1, 0, False), AcknowledgementFrame(0, 6, True))
    assert events(state) == [
        Acknowledged('p', 'id-1', 5, False), Acknowledged('q', 'id-2', 0, False),
        Output('p', 'id-1', 'out', 1.0, b'x', 6), Acknowledged('p', 'id-1', 6, True),
    ]


def test_what_is_no_event_is_no_news() -> None:
    state = WatchState(ONE)
    state.begin_events()
    events(state)
    told = [AcknowledgementFrame(0, 5, False), AcknowledgementFrame(7, 5, False)]
    assert not state.would_tell([])
    assert not state.would_tell(told)
    assert events(take(state, *told)) == []
    for frame in (
        AcknowledgementFrame(0, 6, False), OutputFrame('o', 0, 1.0, 6, b'x'), ExitFrame(0, 1.0, 0),
        LossFrame(0, 5, 6, 'slow'), IntroductionFrame(1, 2.0, 0, 'id-9', 'p'),
    ):
        assert state.would_tell([*told, frame])


def test_introductions_are_started() -> None:
    state = WatchState([], follow=True)
    state.begin_events()
    take(state, IntroductionFrame(0, 2.0, 0, 'id-9', 'p'))
    assert events(state) == [Started('p', 'id-9', 2.0), Acknowledged('p', 'id-9', 0, False)]


def test_a_process_that_is_another_than_expected() -> None:
    state = WatchState(TWO, expected={'p': 'id-0', 'q': 'id-2', 'r': 'id-3'})
    assert state.replaced == {'p': 'id-1'}
    state.begin_events()
    assert events(state)[2:] == [Started('p', 'id-1', 1.5)]


def test_acknowledgements_of_a_closed_process_that_is_peeked_at() -> None:
    state = WatchState(ONE, peek=True)
    state.begin_events()
    take(state, OutputFrame('o', 0, 1.0, 7, b'xy'), ExitFrame(0, 1.0, 0), AcknowledgementFrame(0, 6, False))
    assert events(state)[-1] == Acknowledged('p', 'id-1', 6, False)
    assert events(take(state, AcknowledgementFrame(0, 7, False))) == [Acknowledged('p', 'id-1', 7, False)]
    assert events(take(state, AcknowledgementFrame(0, 8, False))) == []  # it is forgotten


def ended(state: WatchState, index: int, output: bytes, *acknowledged: int) -> None:
    """A process that starts, writes this and ends, and up to where it is acknowledged meanwhile."""
    take(state, IntroductionFrame(index, 1.0, 0, f'id-{index}', 'p'))
    if output:
        take(state, OutputFrame('o', index, 1.0, len(output), output))
    take(state, *(AcknowledgementFrame(index, position, False) for position in acknowledged), ExitFrame(index, 1.0, 0))
    events(state)


def is_known(state: WatchState) -> bool:
    try:
        return bool(state.acknowledgement_of('p', 0, None))
    except NotFound:
        return False


def test_one_that_peeks_forgets_those_of_which_nothing_can_be_told() -> None:
    state = WatchState([], peek=True, follow=True)
    state.begin_events()
    ended(state, 0, b'')
    ended(state, 1, b'', 0)
    ended(state, 2, b'xy', 2)
    assert not is_known(state)
    ended(state, 3, b'xy', 1)
    assert is_known(state)
    assert events(take(state, AcknowledgementFrame(3, 2, False))) == [Acknowledged('p', 'id-3', 2, False)]
    assert not is_known(state)


def test_one_that_peeks_does_not_wait_for_ever_for_the_acknowledgement_of_each() -> None:
    state = WatchState([], peek=True, follow=True)
    state.begin_events()
    for index in range(1100):
        ended(state, index, b'x')
    assert events(take(state, AcknowledgementFrame(99, 1, False))) == []
    assert len(events(take(state, AcknowledgementFrame(100, 1, False), AcknowledgementFrame(1099, 1, False)))) == 2


def test_reading_and_events_do_not_mix() -> None:
    reading, telling = WatchState(ONE), WatchState(ONE)
    reading.begin_reading()
    with pytest.raises(BadRequest, match='was read'):
        reading.begin_events()
    telling.begin_events()
    with pytest.raises(BadRequest, match=r'tells events\(\)'):
        telling.begin_reading()


def test_it_is_full_of_what_nobody_reads() -> None:
    state = WatchState([('p', 'id', 0, 1.0, 0)])
    for number in range(1, 9):
        assert not state.full
        take(state, OutputFrame('o', 0, 1.0, number << 20, bytes(1 << 20)))
    assert state.full
    state.read()
    assert not state.full


def test_small_pieces_fill_it_too() -> None:
    state, count = WatchState([('p', 'id', 0, 1.0, 0)]), 0
    while not state.full:
        count += 1
        take(state, OutputFrame('o', 0, 1.0, count, b'x'), ExitFrame(0, 1.0, 0))
    assert 10_000 < count < 50_000
    state.read()
    assert (state.full, state._size) == (False, 0)


def test_events_fill_it_but_what_is_no_news_does_not() -> None:
    telling, reading = WatchState(ONE), WatchState(ONE)
    telling.begin_events()
    reading.begin_reading()
    for position in range(5, 50_000):
        for state in (telling, reading):
            take(state, LossFrame(0, position, position + 1, 'slow'))
    assert telling.full
    assert not reading.full  # whoever reads waits for what is to come
    events(telling)
    assert (telling.full, telling._size) == (False, 0)
