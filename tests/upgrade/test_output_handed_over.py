"""The buffer of one process, handed over: the same pieces, and the same behaviour from then on."""

from __future__ import annotations

from array import array
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel.test_output_model import SIZES, STEPS, Model, assert_agrees
from kernel.tools import filled, pieces_of, text_of, written

from papa.kernel.output import OutputBuffer
from papa.kernel.segment import STDERR, STDOUT
from papa.kernel.state import OutputState
from papa.kernel.upgrade import codec
from papa.kernel.upgrade.image import Image, Reading

FAST = settings(deadline=None, derandomize=True, database=None, max_examples=60)
HAND_OVER = st.tuples(st.just('hand over'), st.sampled_from([0, 1, 10**9]), st.none())  # and so much is copied
TURNS = st.lists(st.one_of(STEPS.map(lambda steps: steps[:8]), HAND_OVER.map(lambda step: [step])), max_size=12)


def handed_over(buffer: OutputBuffer, image: Image | None = None) -> OutputBuffer:
    """What another kernel makes of it."""
    made = image or Image()
    try:
        made.finish(codec.encode(buffer.state(made.store, made.put), made.put))
        reading = Reading(made.fd)
        return OutputBuffer.restored(codec.decode(OutputState, reading.record(), reading.get))
    finally:
        if image is None:
            made.close()


def contents(buffer: OutputBuffer) -> dict[str, Any]:
    """All that can be seen of it from outside."""
    return {
        'pieces': [(piece.stream, piece.time, piece.end, bytes(piece.data)) for piece in pieces_of(buffer)],
        'losses': list(buffer.losses), 'gap': buffer.gap(0, buffer.end),
        **{name: getattr(buffer, name) for name in (
            'size', 'block', 'base', 'end', 'acknowledged', 'dropped', 'buffered', 'full', 'room',
        )},
    }


@FAST
@given(SIZES, TURNS)
def test_it_keeps_what_it_must_however_often_it_is_handed_over(size: int, turns: list[Any]) -> None:
    """Against the model of the buffer itself."""
    buffer, model = OutputBuffer(size), Model(size)
    clock = 1000.0
    for name, argument, amount in [step for steps in turns for step in steps]:
        if name == 'append':
            data = written(len(model.data), amount)
            model.append(argument, data)
            buffer.append(argument, clock, data)
            model.lose_through(buffer.base)
        elif name == 'acknowledge':
            position = int(argument * len(model.data))
            assert buffer.acknowledge(position) == model.acknowledge(position)
        elif name == 'release':
            buffer.release(int(argument * buffer.acknowledged))
        elif name == 'clock':
            clock += argument
        else:
            before = contents(buffer)
            buffer = handed_over(buffer)
            assert contents(buffer) == before
            buffer.copy_borrowed(argument)
            assert contents(buffer) == before
        assert_agrees(buffer, model)
        assert buffer.end - buffer.base <= size


@FAST
@given(SIZES, st.booleans(), STEPS, st.sets(st.integers(0, 40), max_size=5))
def test_it_goes_on_as_it_would_have(size: int, block: bool, steps: list[Any], hand_overs: set[int]) -> None:
    """Beside one that is not handed over. (Pieces far apart in time: whether others are joined is left open.)"""
    buffer, original = OutputBuffer(size, block), OutputBuffer(size, block)
    for number, (name, argument, amount) in enumerate(steps):
        if number in hand_overs:
            buffer = handed_over(buffer)
        for each in (buffer, original):
            if name == 'append' and not (block and each.full):
                data = written(each.end, min(amount, each.room) if block else amount)
                each.append(argument, float(number), data)
            elif name == 'acknowledge':
                each.acknowledge(int(argument * each.end))
            elif name == 'release':
                each.release(int(argument * each.acknowledged))
        assert contents(buffer) == contents(original)


@pytest.mark.parametrize('block', [False, True])
def test_many_small_pieces(block: bool) -> None:
    """As many as it may have: then neighbours are joined, and that goes on after it was handed over."""
    buffer = OutputBuffer(100_000, block)
    number = 0
    for _ in range(4):
        for _ in range(20_000):
            if not (block and buffer.full):
                buffer.append(number % 3 == 0, number * 1.0, written(buffer.end, 1))
                number += 1
        before = contents(buffer)
        buffer = handed_over(buffer)
        assert contents(buffer) == before
        if block:
            buffer.acknowledge(buffer.end)
            buffer.release(buffer.end)
    assert text_of(buffer) == written(buffer.base, buffer.end - buffer.base)
    assert block or buffer.end == number
    assert buffer.dropped == (0 if block else buffer.base)


def test_what_was_stored_is_not_stored_again() -> None:
    """Most is stored while everybody is served, and only what has come since while nobody is."""
    image = Image()
    buffer = OutputBuffer(10_000_000)
    for number in range(20):
        buffer.append(STDOUT, float(number), written(buffer.end, 100_000))
    assert contents(handed_over(buffer, image)) == contents(buffer)
    size = image.size
    buffer.append(STDOUT, 30.0, written(buffer.end, 100))
    buffer.acknowledge(150_000)
    buffer.release(150_000)
    assert contents(handed_over(buffer, image)) == contents(buffer)
    assert image.size - size < 2000
    for _ in range(3):
        buffer.append(STDERR, 40.0, written(buffer.end, 100))  # what may grow is stored anew
        assert contents(handed_over(buffer, image)) == contents(buffer)
    image.close()


def test_memory_of_the_image_is_given_back() -> None:
    """After all was copied nothing refers to it any more."""
    buffer = handed_over(filled(1000, b'abc', b'def', b'x' * 500))
    copied = [buffer.copy_borrowed(1) for _ in range(10)]
    assert sum(copied) == buffer.end
    assert copied[-1] == 0
    assert not any(isinstance(segment.data, memoryview) for segment in buffer._segments)


def test_a_reader_does_not_keep_the_image() -> None:
    """However long it takes what it was given."""
    buffer = handed_over(filled(1000, b'abc', b'def', b'x' * 500))
    assert all(isinstance(piece.data, bytes) for piece in pieces_of(buffer))


WRONG: dict[str, Any] = {
    'size': [-1], 'base': [-1, 10**6, 2**64], 'end': [-1, 0, 10**6], 'acknowledged': [-1, 10**6], 'dropped': [-1],
    'losses': [[(5, 3)], [(-1, 3)], [(0, 10**6)], [(4, 6), (1, 2)]], 'forgotten': [-1, 10**6],
    'segments': [[], [(0, b'', 1)], [(0, b'abcdefghij', 0)], [(1, b'abcdefghij', 2)], [(0, b'abcdefghi', 2)],
                 [(0, b'abcde', 1), (6, b'fghij', 1)], [(0, b'abcdefghij', 3)], [(0, b'abcdefghij', -1)]],
    'ends': [b'', b'x', array('q', [5]).tobytes(), array('q', [10, 5]).tobytes(), array('q', [5, 5]).tobytes(),
             array('q', [0, 10]).tobytes(), array('q', [5, 11]).tobytes(), array('q', [-5, 10]).tobytes()],
    'times': [b'', b'1234567'], 'streams': [b'', b'\0', b'\0\2', b'\0\xff', b'\0\1\1'],
}


@pytest.mark.parametrize('field', WRONG)
def test_what_makes_no_sense_is_refused(field: str) -> None:
    good = OutputState(
        size=100, block=False, base=0, end=10, acknowledged=2, dropped=0, segments=[(0, b'abcdefghij', 2)],
        ends=array('q', [5, 10]).tobytes(), times=array('d', [1.0, 2.0]).tobytes(), streams=b'\0\1',
    )
    assert text_of(OutputBuffer.restored(good)) == b'abcdefghij'
    for value in WRONG[field]:
        with pytest.raises(ValueError):
            OutputBuffer.restored(good._replace(**{field: value}))
