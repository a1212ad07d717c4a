"""The buffer of one process: what goes when there is no room, and how gaps are told."""

from __future__ import annotations

from itertools import pairwise

import pytest

from papa.kernel.output import OutputBuffer
from papa.kernel.segment import STDERR, STDOUT

from .tools import APART, filled, pieces_of, text_of, written

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
    assert whole[0] == (0, buffer.losses[0][0] - 10, True)  # what is not remembered is not taken for saved
    assert whole[-1][1] == buffer.base
    assert all(before[1] == after[0] for before, after in pairwise(whole))
