"""The buffer of one process: joining, reading and acknowledging pieces."""

from __future__ import annotations

from papa.kernel.output import OutputBuffer
from papa.kernel.segment import STDERR, STDOUT

from .tools import filled, pieces_of, text_of

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
    buffer = filled(10**6, b'a' * 1000, b'b' * 1000, b'c' * 1000)
    pieces, serial = buffer.read(0, 0, 1500)
    assert [piece.end for piece in pieces] == [1000, 2000]
    pieces, serial = buffer.read(2000, serial, 1500)
    assert [piece.end for piece in pieces] == [3000]
    assert buffer.read(3000, serial, 1500)[0] == []


def test_a_budget_is_used_up_by_many_small_pieces_too() -> None:
    buffer = filled(10**6, *[b'x'] * 1000)
    pieces, _ = buffer.read(0, 0, 12800)
    assert len(pieces) < 101


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
