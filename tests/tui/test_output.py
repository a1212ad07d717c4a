"""Lines of output without a terminal: the store, the assembler, merging by time, the gutter, harmless text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papa.events import Acknowledged, Closed, Lost, Output, Started
from papa_tui.output.assembler import Assembler
from papa_tui.output.clean import plain_of, text_of
from papa_tui.output.finding import Finder, searching
from papa_tui.output.merging import CatchUp, by_time
from papa_tui.output.ranges import Ranges
from papa_tui.output.sources import ACKNOWLEDGED, BUFFERED, GONE, SEEN, Source, asks, plan
from papa_tui.output.store import LONGEST, Chunk, Store

from .lines import assembled, lines_of, out, texts

# Ranges


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20))), st.integers(0, 80), st.integers(0, 80))
def test_ranges_are_sets_of_positions(parts: list[tuple[int, int]], start: int, end: int) -> None:
    ranges, expected = Ranges(), set()
    for begin, length in parts:
        ranges.add(begin, begin + length)
        expected |= set(range(begin, begin + length))
    asked = set(range(start, end))
    assert ranges.count(start, end) == len(asked & expected)
    assert ranges.covers(start, end) == (asked <= expected)


# From pieces to lines


def test_lines_are_put_together_from_pieces_and_keep_their_times() -> None:
    made = assembled(out(b'one\ntw', 6, time=1.0), out(b'o\nthr', 11, time=2.0), out(b'ee', 13, time=3.0))
    assert texts(made) == ['one', 'two', 'three']
    times = [line.time for line in lines_of(made.store)] + [made.store.partial[0].time]
    assert times == [1.0, 1.0, 2.0]
    assert [(line.start, line.end) for line in lines_of(made.store)] == [(0, 4), (4, 8)]
    assert (made.store.partial[0].start, made.store.partial[0].end) == (8, 13)


def test_both_streams_are_lines_of_their_own() -> None:
    made = assembled(out(b'a1', 2), out(b'e1', 4, stream='err'), out(b'a2\n', 7), out(b'e2\n', 10, stream='err'))
    assert [(line.data, line.stream) for line in lines_of(made.store)] == [(b'a1a2', 'out'), (b'e1e2', 'err')]
    assert [(line.start, line.end) for line in lines_of(made.store)] == [(0, 7), (2, 10)]


@given(st.binary(max_size=400), st.lists(st.integers(1, 40), min_size=1, max_size=60))
def test_however_output_is_cut_it_comes_out_whole(data: bytes, sizes: list[int]) -> None:
    events, at = [], 0
    while at < len(data):
        size = sizes[len(events) % len(sizes)]
        events.append(out(data[at : at + size], min(len(data), at + size)))
        at += size
    made = assembled(*events)
    found = [line.data for line in [*lines_of(made.store), *made.store.partial]]
    assert b'\n'.join(found) == data.removesuffix(b'\n')
    ends = [line.end for line in lines_of(made.store)]
    assert ends == sorted(ends)


def test_no_newline_at_all_is_cut_into_lines_without_growing() -> None:
    made = Assembler(Store())
    for number in range(1, 200):
        made.take(out(b'x' * 1000, number * 1000))
    made.show_partial()
    found = [*lines_of(made.store), *made.store.partial]
    assert max(len(line.data) for line in found) <= LONGEST + 1000
    assert sum(len(line.data) for line in found) == 199_000


def test_one_huge_piece_is_cut_too() -> None:
    data = b'y' * 100_000 + b'\nshort\n'
    made = assembled(out(data, len(data)))
    assert b''.join(line.data for line in lines_of(made.store)) == data.replace(b'\n', b'')
    assert lines_of(made.store)[-1].data == b'short'
    assert max(len(line.data) for line in lines_of(made.store)) <= LONGEST


def test_what_comes_twice_is_shown_once() -> None:
    made = assembled(out(b'one\ntwo\n', 8), out(b'two\nthree\n', 14), out(b'one\n', 4))
    assert texts(made) == ['one', 'two', 'three']


def test_losses_stand_at_their_place_with_reason_and_size() -> None:
    made = assembled(
        out(b'begun', 5), Lost('a', 'a-1', 5, 2053, 'overflow'), out(b'x\n', 2055),
        Lost('a', 'a-1', 2055, 2060, 'slow'),
        Lost('a', 'a-1', 2060, 2070, 'acknowledged'),
    )
    assert texts(made) == [
        'begun', '2.0 KB lost to overflow: the buffer was full', 'x', '5 B too fast for this view',
        '10 B taken by another client',
    ]


def test_an_end_and_a_successor_are_told() -> None:
    made = assembled(
        out(b'x\n', 2), Closed('a', 'a-1', 5.0, -9), Started('a', 'a-2', 6.0),
        Output('a', 'a-2', 'out', 7.0, b'y\n', 2),
    )
    assert texts(made) == ['x', 'ended: SIGKILL', 'another process under the same name', 'y']
    assert len({source.number for source in made.sources.values()}) == 1, 'it keeps its colour'


def test_a_process_that_is_started_again_and_again_leaves_little() -> None:
    made = Assembler(Store(most_chunks=100))
    for number in range(3000):
        made.take(Started('a', f'a-{number}', 1.0))
        made.take(Output('a', f'a-{number}', 'out', 1.0, b'x\n', 2))
        made.take(Closed('a', f'a-{number}', 1.0, 1))
    assert len(made.sources) <= 400
    assert made.latest() == {'a': ('a-2999', 2)}


def test_where_to_go_on() -> None:
    made = assembled(out(b'x\n', 2), out(b'y', 1, name='b'), Lost('b', 'b-1', 1, 9, 'overflow'))
    assert made.latest() == {'a': ('a-1', 2), 'b': ('b-1', 9)}


def test_older_output_goes_before_what_there_is() -> None:
    made = assembled(out(b'three\nfour\n', 25))
    first = made.store.first
    source = made.source('a', 'a-1')
    assert source.start == 14
    made.put_before([out(b'one\ntwo\nx', 13), out(b'y\n', 15)])
    assert source.start == 4
    assert texts(made)[:2] == ['one', 'two']
    assert made.store.line(first).data == b'three'  # type: ignore[union-attr]
    assert lines_of(made.store)[0].source is source


def test_older_output_for_which_there_is_no_room_is_left_out_the_oldest_first() -> None:
    made = assembled(out(b'four\nfive\n', 25), store=Store(most_bytes=20))
    source = made.source('a', 'a-1')
    made.put_before([out(b'one\n', 5), out(b'two\n', 9), out(b'three\n', 15)])
    assert (texts(made), source.start) == (['two', 'three', 'four', 'five'], 5)
    assert source.more_above
    assert made.store.room == 0


def test_older_output_of_several_is_in_the_order_of_its_capture() -> None:
    made = assembled(out(b'a5\n', 6, time=5.0), out(b'b6\n', 6, name='b', time=6.0))
    made.put_before(by_time([out(b'a1\n', 3, time=1.0), out(b'b2\n', 3, name='b', time=2.0)]))
    assert texts(made) == ['a1', 'b2', 'a5', 'b6']
    assert [line.source.name for line in lines_of(made.store)] == ['a', 'b', 'a', 'b']  # type: ignore[union-attr]


def test_a_number_that_another_line_has_had_is_looked_at_again() -> None:
    made = assembled(out(b'one\ntwo\n', 8))
    finder = Finder(searching(re.compile('one')), made.store)
    finder.advance(lambda: 0.0)
    assert finder.numbers == [made.store.first]
    made.store.clear()
    made.take(out(b'six\n', 12))
    made.put_before([out(b'zero\nten\n', 8)])
    assert made.store.rewritten == 1
    assert not finder.done
    finder.advance(lambda: 0.0)
    assert finder.numbers == []


def test_what_was_cleared_can_be_fetched_again() -> None:
    made = assembled(out(b'one\ntwo\n', 8))
    source = made.source('a', 'a-1')
    assert not source.more_above
    made.store.clear()
    made.take(out(b'three\n', 14))
    assert (texts(made), source.start, source.more_above) == (['three'], 8, True)
    made.put_before([out(b'one\ntwo\n', 8)])
    assert (texts(made), source.start) == (['one', 'two', 'three'], 0)


def test_of_what_was_dropped_more_can_be_fetched() -> None:
    made = Assembler(Store(most_bytes=10))
    made.take(out(b'one\ntwo\n', 8))
    source = made.source('a', 'a-1')
    assert not source.more_above
    made.take(out(b'three\n', 14))
    assert (texts(made), source.start, source.more_above) == (['three'], 8, True)


# The store


def test_the_oldest_is_dropped_and_numbers_stay() -> None:
    store = Store(most_bytes=100)
    made = Assembler(store)
    numbers = {}
    for number in range(50):
        text = b'line %d\n' % number
        made.take(out(text, (number + 1) * 8))
        numbers[number] = store.next - 1
    assert store.bytes <= 100
    assert store.line(numbers[0]) is None
    assert store.line(numbers[49]).data == b'line 49'  # type: ignore[union-attr]
    assert store.line(store.next) is None


def test_many_small_chunks_are_bounded_too() -> None:
    store = Store(most_chunks=10)
    for number in range(10_000):
        store.append(Chunk(None, 'out', 0.0, b'x\n', number))
    assert len(store) == 10
    assert len(store._chunks) < 10_000


def test_clearing_keeps_the_numbers() -> None:
    made = assembled(out(b'a\nb\n', 4))
    after = made.store.next
    made.store.clear()
    assert len(made.store) == 0
    made.take(out(b'c\n', 6))
    assert made.store.line(after).data == b'c'  # type: ignore[union-attr]


# Merging


def test_events_are_merged_by_time_and_positions_decide_within_a_process() -> None:
    events = [
        out(b'a1', 2, 'a', 1.0), out(b'a2', 4, 'a', 5.0), out(b'a3', 6, 'a', 4.0),  # the clock stepped back
        out(b'b1', 2, 'b', 2.0), Lost('b', 'b-1', 2, 4, 'slow'), out(b'b2', 6, 'b', 6.0),
    ]
    merged = by_time(events)
    assert [getattr(event, 'data', b'lost') for event in merged] == [b'a1', b'b1', b'lost', b'a2', b'a3', b'b2']


def test_the_beginning_waits_for_all_that_was_held() -> None:
    catch_up = CatchUp({'a-1': 4, 'b-1': 2}, 0.0)
    assert catch_up.take([out(b'a1', 2, 'a', 1.0), out(b'a2', 4, 'a', 3.0)], 0.1) == []
    shown = catch_up.take([out(b'b1', 2, 'b', 2.0)], 0.2)
    assert [event.data for event in shown] == [b'a1', b'b1', b'a2']  # type: ignore[union-attr]
    assert catch_up.done


def test_the_beginning_does_not_wait_for_ever() -> None:
    catch_up = CatchUp({'a-1': 4, 'b-1': 2}, 0.0)
    assert catch_up.take([out(b'a1', 2)], 0.1) == []
    assert len(catch_up.take([], 0.6)) == 1


def test_a_single_process_waits_for_nothing() -> None:
    assert len(CatchUp({'a-1': 4}, 0.0).take([out(b'a1', 2)], 0.0)) == 1


# The gutter


def test_the_states_of_a_line() -> None:
    source = Source('a', 'a-1', 0)
    source.end = 100
    assert source.state([(0, 10)]) == BUFFERED
    source.paint([(0, 10)], 10)
    assert source.state([(0, 10)]) == BUFFERED, 'it has just come'
    assert source.settle()
    assert source.state([(0, 10)]) == SEEN
    source.acknowledge(5, mine=True)
    assert source.state([(0, 10)]) == SEEN
    assert source.state([(0, 5)]) == ACKNOWLEDGED
    source.count(20, 0)
    assert source.state([(0, 10)]) == GONE
    source.acknowledge(10, mine=True)
    assert source.state([(0, 10)]) == ACKNOWLEDGED


def test_what_acknowledging_would_take_that_was_never_seen() -> None:
    source = Source('a', 'a-1', 0)
    source.start, source.end = 50, 100
    source.paint([(80, 90)], 90)
    (planned,) = plan([source], {'a': 1})
    assert (planned.position, planned.size, planned.unseen, planned.only_copy) == (90, 90, 80, False)
    source.lost.add(50, 60)
    source.floor = 40
    assert plan([source], {'a': 1})[0].unseen == 30, 'neither what is lost nor what the kernel holds no more'
    source.paint([(60, 80)], 80)
    source.paint([(40, 50)], 50)
    assert plan([source], {'a': 1})[0].unseen == 0


def test_what_is_held_is_what_the_kernel_says() -> None:
    source = Source('a', 'a-1', 0)
    source.start, source.end = 0, 900
    source.paint([(0, 900)], 900)
    source.count(1000, 100)
    assert (source.held, source.unseen(1000), plan([source], {}), source.more_above) == (100, 100, [], False)
    source.count(990, 90)
    assert source.held == 100, 'an old word'
    source.unlisted()
    assert source.held == 0


def test_it_asks_where_that_could_hurt() -> None:
    source = Source('a', 'a-1', 0)
    source.end = 10
    source.paint([(0, 10)], 10)
    assert asks(plan([source], {'a': 1})) == ''
    assert 'only copy' in asks(plan([source], {}))
    source.end = 30
    source.paint([(20, 30)], 30)
    assert '10 bytes of it have never been on the screen' in asks(plan([source], {'a': 1}))
    source.acknowledge(30, mine=True)
    assert plan([source], {}) == []


def test_only_the_last_start_of_a_name_can_be_acknowledged() -> None:
    first, second = Source('a', 'a-1', 0), Source('a', 'a-2', 0)
    for source in (first, second):
        source.paint([(0, 10)], 10)
    assert [each.source for each in plan([first, second], {})] == [second]
    second.end = 10
    second.gone()
    assert plan([first, second], {}) == []


def test_another_client_that_acknowledges_first_is_told() -> None:
    made = assembled(
        Acknowledged('a', 'a-1', 0, False), out(b'x' * 10, 10), Acknowledged('a', 'a-1', 4, True),
        Acknowledged('a', 'a-1', 10, False),
    )
    assert made.notices == ['Another client has acknowledged 6 B of a']


# Harmless text


@pytest.mark.parametrize(('data', 'text'), [
    (b'plain', 'plain'),
    (b'\x1b[1;31mred\x1b[0m', '\x1b[1;31mred\x1b[0m'),
    (b'\x1b[38:2::1:2:3mx', '\x1b[38;2;;1;2;3mx'),
    (b'a\x1b[8mb\x1b[30;40mc\x1b[1234md', 'ab\x1b[40mcd'),
    (b'\x1b[2J\x1b[Hgone', 'gone'),
    (b'\x1bc\x1b7x', 'x'),
    (b'\x1b]0;title\x07x', 'x'),
    (b'\x1b]52;c;aGk=\x1b\\x', 'x'),
    (b'\x1b]8;;http://x\x07link\x1b]8;;\x07', 'link'),
    (b'\x1b]52;c;aGk=', '\\x1b]52;c;aGk='),
    (b'\x1b[12', '\\x1b[12'),
    (b'\xc2\x9b2Jx', 'x'),
    (b'a\x00b\x08c\x07', 'a\\x00b\\x08c\\x07'),
    (b'\xff\xfe', '\\xff\\xfe'),
    (b'10%\r20%\r', '20%'),
    (b'a\tb', 'a       b'),
    (b'\x1b[1ma\tb', '\x1b[1ma       b'),
    ('\u202eevil'.encode(), '\\u202eevil'),
    (b'\xed\xa0\x80', '\\xed\\xa0\\x80'),
])
def test_colours_stay_and_nothing_else_acts(data: bytes, text: str) -> None:
    assert text_of(data) == text


@given(st.binary(max_size=60))
def test_whatever_the_bytes_nothing_but_colours_acts(data: bytes) -> None:
    text = text_of(data.replace(b'\n', b''))
    plain = plain_of(data.replace(b'\n', b''))
    assert plain.isprintable()
    plain.encode()
    rest = text
    while '\x1b' in rest:
        before, _, rest = rest.partition('\x1b[')
        assert '\x1b' not in before
        codes, m, rest = rest.partition('m')
        assert m
        assert set(codes) <= set('0123456789;')
