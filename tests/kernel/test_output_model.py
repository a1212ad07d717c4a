"""The buffer of one process against a model that keeps every byte with what became of it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from papa.kernel.output import OutputBuffer
from papa.kernel.segment import STDERR, STDOUT

from .tools import pieces_of, text_of, written

FAST = settings(deadline=None, derandomize=True, database=None, max_examples=60)


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
