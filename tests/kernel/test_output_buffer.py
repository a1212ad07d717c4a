"""The buffer of one process against a model that keeps every byte with what became of it."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from papa.kernel.output import STDERR, STDOUT, OutputBuffer, Piece

FAST = settings(deadline=None, derandomize=True, database=None, max_examples=60)

APART = 1.0  # seconds: pieces that are never joined


def pieces_of(buffer: OutputBuffer, position: int | None = None, budget: int = 2**40) -> list[Piece]:
    """All that can be read from `position` on."""
    position = buffer.base if position is None else position
    found: list[Piece] = []
    serial = 0
    while True:
        pieces, serial = buffer.read(position, serial, budget)
        if not pieces:
            return found
        found += pieces
        position = pieces[-1].end


def text_of(buffer: OutputBuffer, position: int | None = None) -> bytes:
    return b''.join(bytes(piece.data) for piece in pieces_of(buffer, position))


def ends_of(buffer: OutputBuffer) -> list[int]:
    return [piece.end for piece in pieces_of(buffer)]


def filled(size: int, *texts: bytes, block: bool = False, stream: int = STDOUT) -> OutputBuffer:
    buffer = OutputBuffer(size, block)
    for number, text in enumerate(texts):
        buffer.append(stream, number * APART, text)
    return buffer


# Against a model


class Model:
    """Everything that was ever written, and what became of each byte: 'held', 'taken' or 'lost'."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.data = b''
        self.fate: list[str] = []
        self.streams: list[int] = []
        self.cuts = {0}  # where captured pieces begin and end, and what was acknowledged or released

    def append(self, stream: int, data: bytes) -> None:
        self.data += data
        self.fate += ['held'] * len(data)
        self.streams += [stream] * len(data)
        self.cuts.add(len(self.data))

    def lose_through(self, position: int) -> None:
        for index in range(position):
            if self.fate[index] == 'held':
                self.fate[index] = 'lost'

    def acknowledge(self, position: int) -> int:
        released = 0
        for index in range(min(position, len(self.data))):
            if self.fate[index] == 'held':
                self.fate[index] = 'taken'
                released += 1
        return released


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just('append'), st.sampled_from([STDOUT, STDERR]), st.integers(1, 40)),
        st.tuples(st.just('append'), st.just(STDOUT), st.sampled_from([1, 100, 4095, 4096, 5000])),
        st.tuples(st.just('acknowledge'), st.floats(0, 1.2), st.none()),
        st.tuples(st.just('release'), st.floats(0, 1), st.none()),
        st.tuples(st.just('clock'), st.sampled_from([0.0, 0.001, 0.004, 0.02, 5.0, -3.0, -0.001]), st.none()),
    ),
    max_size=40,
)
SIZES = st.sampled_from([1, 7, 50, 64, 100, 1000, 5000, 10_000, 100_000])


def written(start: int, size: int) -> bytes:
    """Bytes that are told apart by where they stand."""
    return bytes((position * 7 + position // 256) % 251 for position in range(start, start + size))


@FAST
@given(SIZES, STEPS)
@example(100, [('append', STDOUT, 100), ('append', STDOUT, 1)])
@example(100, [('append', STDOUT, 40), ('append', STDOUT, 40), ('append', STDOUT, 40)])
@example(50, [('append', STDOUT, 40), ('acknowledge', 0.5, None), ('append', STDOUT, 100)])
def test_dropping_the_oldest(size: int, steps: list[tuple[str, float, int | None]]) -> None:
    buffer, model = OutputBuffer(size), Model(size)
    clock = 1000.0
    for name, argument, amount in steps:
        if name == 'append':
            assert amount is not None
            data = written(len(model.data), amount)
            model.append(int(argument), data)
            dropped = buffer.dropped
            buffer.append(int(argument), clock, data)
            model.lose_through(buffer.base)
            assert_only_what_must_go_is_gone(buffer, model, amount, buffer.dropped > dropped)
        elif name == 'acknowledge':
            position = int(argument * len(model.data))
            assert buffer.acknowledge(position) == model.acknowledge(position)
            model.cuts.add(position)
        elif name == 'release':
            position = int(argument * buffer.acknowledged)
            buffer.release(position)
            model.cuts.add(position)
        else:
            clock += argument
        assert_agrees(buffer, model)
        assert buffer.end - buffer.base <= size


def assert_only_what_must_go_is_gone(buffer: OutputBuffer, model: Model, newest: int, lost: bool) -> None:
    size, base, end = buffer.size, buffer.base, buffer.end
    assert end - base >= min(newest, size), 'the newest piece is kept'
    if newest > size:
        assert base == end - size, 'a piece that is too large is cut'
    else:
        assert base in model.cuts, 'only whole pieces go'
    if lost:  # pieces that were joined have at most the 64th part of the buffer
        before = max(cut for cut in model.cuts if cut < base)
        assert end - before > size - size // 64, 'one piece more would have been too much'


def assert_agrees(buffer: OutputBuffer, model: Model) -> None:
    assert buffer.end == len(model.data)
    assert buffer.dropped == model.fate.count('lost')
    assert buffer.buffered == model.fate.count('held')
    assert 0 <= buffer.base <= buffer.end
    assert 0 <= buffer.acknowledged <= buffer.end
    assert text_of(buffer) == model.data[buffer.base :]
    assert buffer.room == buffer.size - buffer.buffered
    pieces = pieces_of(buffer)
    assert all(later.end > earlier.end for earlier, later in pairwise(pieces))
    position = buffer.base
    for piece in pieces:
        assert len(piece.data) == piece.end - position
        assert set(model.streams[position : piece.end]) == {piece.stream}
        position = piece.end
    lost = [index for index in range(buffer.base) if model.fate[index] == 'lost']
    if len(buffer.losses) < 32:
        told = buffer.gap(0, buffer.base)
        assert [index for start, end, overflow in told if overflow for index in range(start, end)] == lost
        assert b''.join(model.data[start:end] for start, end, _ in told) == model.data[: buffer.base]


@FAST
@given(SIZES, STEPS)
def test_blocking_loses_nothing(size: int, steps: list[tuple[str, float, int | None]]) -> None:
    """The kernel reads no more than there is room; a slow watcher keeps acknowledged bytes within the bound."""
    buffer, model = OutputBuffer(size, block=True), Model(size)
    clock = 1000.0
    for name, argument, amount in steps:
        if name == 'append' and not buffer.full:
            assert amount is not None
            data = written(len(model.data), min(amount, buffer.room))
            model.append(int(argument), data)
            buffer.append(int(argument), clock, data)
        elif name == 'acknowledge':
            position = int(argument * len(model.data))
            assert buffer.acknowledge(position) == model.acknowledge(position)
        elif name == 'release':
            buffer.release(int(argument * buffer.acknowledged))
        elif name == 'clock':
            clock += argument
        assert_agrees(buffer, model)
        assert buffer.dropped == 0
        assert buffer.base <= buffer.acknowledged
        assert buffer.end - buffer.base <= size
        assert buffer.full == (buffer.buffered >= size)


@FAST
@given(st.lists(st.integers(1, 6000), min_size=1, max_size=30), st.data())
def test_reading_from_any_position_gives_the_exact_bytes(sizes: list[int], data: st.DataObject) -> None:
    buffer = OutputBuffer(10**6)
    for number, size in enumerate(sizes):
        buffer.append(number % 3 == 0, number * 0.004, written(buffer.end, size))
    everything = written(0, buffer.end)
    position = data.draw(st.integers(0, buffer.end))
    budget = data.draw(st.sampled_from([1, 100, 5000, 10**9]))
    found = pieces_of(buffer, position, budget)
    assert b''.join(bytes(piece.data) for piece in found) == everything[position:]
    assert found == pieces_of(buffer, position) or budget < 10**9


# Loss


def test_the_oldest_whole_pieces_make_room() -> None:
    buffer = filled(100, b'a' * 40, b'b' * 40, b'c' * 40)
    assert text_of(buffer) == b'b' * 40 + b'c' * 40
    assert (buffer.dropped, buffer.base, buffer.end, buffer.buffered) == (40, 40, 120, 80)
    assert list(buffer.losses) == [(0, 40)]
    buffer.append(STDERR, 9.0, b'd' * 90)
    assert text_of(buffer) == b'd' * 90
    assert (buffer.dropped, list(buffer.losses)) == (120, [(0, 120)])


def test_a_buffer_that_is_exactly_full_has_lost_nothing() -> None:
    buffer = filled(80, b'a' * 40, b'b' * 40)
    assert (buffer.dropped, buffer.full, buffer.room) == (0, True, 0)


@pytest.mark.parametrize('size', [10, 5000])
def test_a_piece_larger_than_the_buffer_keeps_its_newest_bytes(size: int) -> None:
    buffer = filled(size, b'old', written(3, size * 3))
    assert text_of(buffer) == written(3, size * 3)[-size:]
    assert (buffer.dropped, buffer.buffered, buffer.end) == (3 + 2 * size, size, 3 + 3 * size)
    assert list(buffer.losses) == [(0, 3 + 2 * size)]
    assert [piece.time for piece in pieces_of(buffer)] == [1.0]


def test_a_piece_of_exactly_the_size_takes_all_the_room() -> None:
    buffer = filled(10, b'old', b'x' * 10)
    assert (text_of(buffer), buffer.dropped) == (b'x' * 10, 3)


@pytest.mark.parametrize('size', [100, 1000, 65536])
def test_joined_pieces_are_not_lost_together_with_the_newest_ones(size: int) -> None:
    """A burst within 10 ms: what is left is the end of it, nearly as much as there is room for."""
    buffer = OutputBuffer(size)
    step = max(1, size // 100)
    for number in range(1000):
        buffer.append(STDOUT, 5.0 + number * 1e-7, written(number * step, step))
        assert buffer.buffered >= min(buffer.end, size * 9 // 10)
    assert text_of(buffer) == written(buffer.base, buffer.end - buffer.base)


@pytest.mark.parametrize('size', [1000, 20_000])
def test_a_child_that_writes_single_bytes_keeps_nearly_all_the_room(size: int) -> None:
    buffer = OutputBuffer(size)
    least = size
    for number in range(size * 3):
        buffer.append(STDOUT, float(number), b'x')
        if number > size:
            least = min(least, buffer.buffered)
    assert least >= size * 9 // 10


def test_a_loss_counts_only_what_nobody_has_acknowledged() -> None:
    buffer = filled(100, b'a' * 40, b'b' * 40)
    assert buffer.acknowledge(60) == 60
    buffer.append(STDOUT, 9.0, b'c' * 90)  # the rest of b is not acknowledged, and c needs its room
    assert (buffer.dropped, text_of(buffer)) == (20, b'c' * 90)
    assert list(buffer.losses) == [(60, 80)]
    assert buffer.gap(0, 80) == [(0, 60, False), (60, 80, True)]


def test_what_is_acknowledged_inside_a_piece_goes_before_anything_is_lost() -> None:
    buffer = filled(100, b'a' * 40, b'b' * 40)
    buffer.acknowledge(30)
    buffer.append(STDOUT, 9.0, b'c' * 50)
    assert (buffer.base, buffer.dropped) == (30, 0)
    assert text_of(buffer) == b'a' * 10 + b'b' * 40 + b'c' * 50


def test_what_a_slow_watcher_misses_is_not_dropped() -> None:
    buffer = filled(100, b'a' * 60)
    buffer.acknowledge(60)  # by another: kept for the slow one
    assert (buffer.buffered, buffer.base) == (0, 0)
    buffer.append(STDOUT, 9.0, b'b' * 60)
    assert (buffer.base, buffer.dropped) == (60, 0)
    assert buffer.gap(0, 60) == [(0, 60, False)]


def test_a_blocking_buffer_gives_up_what_is_acknowledged_and_nothing_else() -> None:
    buffer = filled(100, b'a' * 60, b'b' * 40, block=True)
    assert (buffer.full, buffer.room) == (True, 0)
    assert buffer.acknowledge(30) == 30
    assert (buffer.full, buffer.room, buffer.base) == (False, 30, 0)
    buffer.append(STDOUT, 9.0, b'c' * 30)
    assert (buffer.full, buffer.base, buffer.dropped) == (True, 30, 0)
    assert text_of(buffer) == b'a' * 30 + b'b' * 40 + b'c' * 30


def test_a_blocking_buffer_stops_when_its_pieces_are_too_many() -> None:
    buffer = OutputBuffer(10**5, block=True)
    number = 0
    while not buffer.full:
        buffer.append(number % 2, float(number), b'x')  # alternating streams: nothing can be joined
        number += 1
    assert 1000 < number < 10**5
    assert text_of(buffer) == b'x' * number
    assert buffer.dropped == 0
    buffer.acknowledge(number)
    buffer.release(number)
    assert not buffer.full


# Joining


def joined(*written_pieces: tuple[int, float, bytes], size: int = 10**6) -> list[tuple[int, float, bytes]]:
    buffer = OutputBuffer(size)
    for piece in written_pieces:
        buffer.append(*piece)
    return [(piece.stream, piece.time, bytes(piece.data)) for piece in pieces_of(buffer)]


def test_neighbours_within_10_ms_become_one_with_the_first_time() -> None:
    assert joined((STDOUT, 1.0, b'a'), (STDOUT, 1.004, b'b'), (STDOUT, 1.0, b'c')) == [(STDOUT, 1.0, b'abc')]


def test_it_is_the_first_time_that_counts() -> None:
    """A trickle with short pauses does not become one endless piece."""
    assert joined(*((STDOUT, 1 + n * 0.004, b'x') for n in range(6))) == [
        (STDOUT, 1.0, b'xxx'), (STDOUT, 1.012, b'xxx'),
    ]


def test_pieces_further_apart_stay_apart() -> None:
    pieces = [(STDOUT, 1.0, b'a'), (STDOUT, 1.02, b'b'), (STDOUT, 7.0, b'c')]
    assert joined(*pieces) == pieces


def test_streams_are_never_joined() -> None:
    pieces = [(STDOUT, 1.0, b'a'), (STDERR, 1.0, b'b'), (STDOUT, 1.0, b'c')]
    assert joined(*pieces) == pieces


def test_a_clock_that_steps_back_joins_nothing_and_loses_nothing() -> None:
    pieces = [(STDOUT, 100.0, b'a'), (STDOUT, 99.999, b'b'), (STDOUT, 5.0, b'c'), (STDOUT, 100.001, b'd')]
    assert joined(*pieces) == pieces


def test_large_pieces_stay_as_they_were_captured() -> None:
    big = b'x' * 4096
    pieces = [(STDOUT, 1.0, big), (STDOUT, 1.0, big), (STDOUT, 1.0, b'small'), (STDOUT, 1.0, big)]
    assert joined(*pieces) == pieces


def test_a_piece_does_not_grow_under_one_who_has_read_it() -> None:
    buffer = OutputBuffer(10**6)
    buffer.append(STDOUT, 1.0, b'first')
    (piece,), serial = buffer.read(0, 0, 100)
    buffer.append(STDOUT, 1.001, b' second')
    assert bytes(piece.data) == b'first'
    (following,), _ = buffer.read(piece.end, serial, 100)
    assert (bytes(following.data), following.end) == (b' second', 12)


# Reading


def test_a_budget_stops_after_the_piece_that_reaches_it() -> None:
    buffer = filled(10**6, b'a' * 10, b'b' * 10, b'c' * 10)
    pieces, serial = buffer.read(0, 0, 15)
    assert [piece.end for piece in pieces] == [10, 20]
    pieces, serial = buffer.read(20, serial, 15)
    assert [piece.end for piece in pieces] == [30]
    assert buffer.read(30, serial, 15)[0] == []


def test_the_hint_of_an_earlier_read_stays_good_when_the_front_is_gone() -> None:
    buffer = filled(10**6, *(bytes([number]) * 5000 for number in range(10)))
    _, serial = buffer.read(15_000, 0, 1)
    buffer.acknowledge(25_000)
    buffer.release(25_000)
    pieces, _ = buffer.read(25_000, serial, 1)
    assert bytes(pieces[0].data) == b'\5' * 5000


def test_an_empty_buffer_has_nothing_to_read() -> None:
    buffer = OutputBuffer(100)
    assert buffer.read(0, 0, 100) == ([], 0)
    assert (buffer.buffered, buffer.full, buffer.room) == (0, False, 100)


# Acknowledging


def test_acknowledging_inside_a_piece_leaves_the_rest_with_its_time() -> None:
    buffer = filled(100, b'hello', b'world')
    assert buffer.acknowledge(3) == 3
    assert (buffer.acknowledged, buffer.buffered, buffer.base) == (3, 7, 0)
    buffer.release(3)
    assert [(piece.time, bytes(piece.data), piece.end) for piece in pieces_of(buffer)] == [
        (0.0, b'lo', 5), (1.0, b'world', 10),
    ]
    assert buffer.acknowledge(7) == 4
    buffer.release(7)
    assert text_of(buffer) == b'rld'


def test_acknowledging_again_or_less_or_too_much() -> None:
    buffer = filled(100, b'hello')
    assert [buffer.acknowledge(position) for position in (4, 4, 2, 0, 99, 99)] == [4, 0, 0, 0, 1, 0]
    assert (buffer.acknowledged, buffer.buffered) == (5, 0)


def test_acknowledging_what_is_lost_releases_only_what_was_held() -> None:
    buffer = filled(100, b'a' * 60, b'b' * 60)
    assert buffer.base == 60
    assert buffer.acknowledge(30) == 0
    assert buffer.acknowledge(80) == 20
    assert (buffer.buffered, buffer.dropped) == (40, 60)


def test_clearing_counts_as_no_loss() -> None:
    buffer = filled(100, b'a' * 60, b'b' * 60)
    buffer.clear()
    assert (buffer.buffered, buffer.dropped, buffer.base, buffer.end) == (0, 60, 120, 120)
    assert pieces_of(buffer) == []
    assert buffer.gap(0, 120) == [(0, 60, True), (60, 120, False)]
    buffer.append(STDOUT, 1.0, b'more')
    assert [piece.end for piece in pieces_of(buffer)] == [124]


# Gaps


def test_the_parts_of_a_gap() -> None:
    buffer = OutputBuffer(10)
    for _ in range(3):  # 10 acknowledged, 10 lost, three times
        buffer.append(STDOUT, buffer.end * APART, b'x' * 10)
        buffer.acknowledge(buffer.end)
        buffer.append(STDOUT, buffer.end * APART, b'x' * 10)
        buffer.append(STDOUT, buffer.end * APART, b'x' * 10)
        buffer.acknowledge(buffer.end)
    assert list(buffer.losses) == [(10, 20), (40, 50), (70, 80)]
    assert buffer.gap(0, 90) == [
        (0, 10, False), (10, 20, True), (20, 40, False), (40, 50, True), (50, 70, False), (70, 80, True),
        (80, 90, False),
    ]
    assert buffer.gap(15, 45) == [(15, 20, True), (20, 40, False), (40, 45, True)]
    assert buffer.gap(12, 18) == [(12, 18, True)]
    assert buffer.gap(20, 40) == [(20, 40, False)]
    assert buffer.gap(10, 20) == [(10, 20, True)]
    assert buffer.gap(90, 90) == []


def test_losses_that_touch_are_one_and_old_ones_are_forgotten() -> None:
    buffer = OutputBuffer(10)
    for _ in range(100):
        buffer.append(STDOUT, buffer.end * APART, b'x' * 10)
    assert list(buffer.losses) == [(0, 990)]
    for _ in range(100):
        buffer.acknowledge(buffer.end)
        buffer.append(STDOUT, buffer.end * APART, b'x' * 10)
        buffer.append(STDOUT, buffer.end * APART, b'x' * 10)
    assert len(buffer.losses) == 32
    assert buffer.dropped == 990 + 1000
    whole = buffer.gap(0, buffer.base)
    assert whole[0][0] == 0
    assert whole[-1][1] == buffer.base
    assert all(before[1] == after[0] for before, after in pairwise(whole))


# Memory


def footprint(buffer: OutputBuffer) -> int:
    """What all that a buffer holds takes, by `sys.getsizeof`."""
    segments = buffer._segments
    return sys.getsizeof(segments) + sum(
        sys.getsizeof(part) for segment in segments
        for part in (segment, segment.data, segment.ends, segment.times, segment.streams)
    )


def writes(kind: str) -> Iterator[tuple[int, float, bytes]]:
    number = 0
    while True:
        number += 1
        if kind == 'alternating streams':
            yield number % 2, number * 1e-6, b'x'
        elif kind == 'slowly':
            yield STDOUT, float(number), b'x'
        elif kind == 'backwards':
            yield STDOUT, -float(number), b'x'
        elif kind == 'large and small':
            yield STDOUT, float(number), b'x' * (4096 if number % 2 else 1)
        else:
            yield STDOUT, number * 1e-6, b'x'


@pytest.mark.parametrize('kind', ['at once', 'slowly', 'alternating streams', 'backwards', 'large and small'])
@pytest.mark.parametrize('block', [False, True])
@pytest.mark.parametrize('size', [100, 50_000])
def test_memory_is_bounded_by_the_size_and_a_constant(kind: str, block: bool, size: int) -> None:
    buffer = OutputBuffer(size, block)
    for number, (stream, time, data) in enumerate(writes(kind)):
        if number == 30_000:
            break
        if buffer.full and block:
            middle = buffer.base + buffer.buffered // 2 + 1
            buffer.acknowledge(middle)
            buffer.release(middle)
        buffer.append(stream, time, data[: buffer.room] if block else data)
        if number % 5000 == 0:
            assert footprint(buffer) < size * 1.5 + 200_000
            assert text_of(buffer).count(b'x') == buffer.end - buffer.base


def test_any_number_of_single_bytes_takes_no_more_than_the_buffer_and_a_little() -> None:
    tracemalloc.start()
    try:
        buffer = OutputBuffer(2**13)
        for number in range(15_000):
            buffer.append(STDOUT, number * 0.02, b'x')
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**13 * 1.5 + 200_000
    assert buffer.buffered > 2**13 * 0.9


def test_what_is_released_is_given_back() -> None:
    buffer = OutputBuffer(10**7)
    for number in range(2000):
        buffer.append(STDOUT, float(number), b'x' * 4000)
    buffer.acknowledge(buffer.end - 10)
    buffer.release(buffer.end - 10)
    assert text_of(buffer) == b'x' * 10
    assert footprint(buffer) < 200_000
