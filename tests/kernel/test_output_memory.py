"""The buffer of one process: how much memory it takes."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterator

import pytest

from papa.kernel.output import OutputBuffer
from papa.kernel.segment import STDOUT

from .tools import text_of


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
