"""A part of what a process has written: consecutive bytes, and of which pieces they are."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import NamedTuple

STDOUT, STDERR = 0, 1

PIECE_OVERHEAD = 128  # bytes that handing out a piece counts beside its own: it takes as long
PIECE_COST = 17  # bytes: an end, a time and a stream in the index of a segment
MAX_SIZE = 65536  # bytes of data in a segment of several pieces
MAX_PIECES = 4096  # in such a segment: those that are gone cost memory until the last of them is
_JOIN_WITHIN = 0.010  # seconds: neighbours of one stream closer than this may become one piece


class Piece(NamedTuple):
    """Consecutive bytes of one stream. `end` is the position after the last one."""

    stream: int
    time: float
    end: int
    data: bytes | memoryview


class Segment:
    """Consecutive pieces: their bytes, and for each its end, its time and its stream."""

    __slots__ = ('data', 'ends', 'start', 'streams', 'times')

    def __init__(
        self, start: int, data: bytes | bytearray | memoryview, ends: array[int], times: array[float],
        streams: array[int],
    ) -> None:
        self.start = start
        self.data = data  # a bytearray may grow
        self.ends = ends
        self.times = times
        self.streams = streams

    def add(self, stream: int, time: float, data: bytes, join_up_to: int) -> bool:
        """Append a piece, or join it to the last one. Return whether there is a piece more."""
        assert isinstance(self.data, bytearray)
        self.data += data
        ends = self.ends
        end = ends[-1] + len(data)
        if self.streams[-1] == stream and 0 <= time - self.times[-1] < _JOIN_WITHIN:
            begin = ends[-2] if len(ends) > 1 else self.start
            if end - begin <= join_up_to:
                ends[-1] = end
                return False
        ends.append(end)
        self.times.append(time)
        self.streams.append(stream)
        return True

    @property
    def end(self) -> int:
        return self.ends[-1]

    def takes(self, size: int) -> bool:
        return (
            isinstance(self.data, bytearray)
            and len(self.data) + size <= MAX_SIZE
            and len(self.ends) < MAX_PIECES
        )

    def coarsen(self, first: int, join_up_to: int) -> None:
        """Join pairs of neighbours of one stream from piece number `first` on; each pair keeps its first time."""
        ends, times, streams = self.ends[:first], self.times[:first], self.streams[:first]
        begin = ends[-1] if ends else self.start
        last = len(self.ends) - 1
        index = first
        while index <= last:
            times.append(self.times[index])
            streams.append(self.streams[index])
            following = index + 1
            if (
                index < last
                and self.streams[following] == self.streams[index]
                and self.ends[following] - begin <= join_up_to
            ):
                index = following
            begin = self.ends[index]
            ends.append(begin)
            index += 1
        self.ends, self.times, self.streams = ends, times, streams

    def read(self, position: int, budget: int) -> list[Piece]:
        """The pieces from `position` on, the first one cut there, until `budget` bytes are reached."""
        pieces = []
        for index in range(bisect_right(self.ends, position), len(self.ends)):
            end = self.ends[index]
            pieces.append(Piece(self.streams[index], self.times[index], end, self._bytes(position, end)))
            budget -= end - position + PIECE_OVERHEAD
            position = end
            if budget <= 0:
                break
        return pieces

    def _bytes(self, position: int, end: int) -> bytes | memoryview:
        data = self.data
        start = self.start
        if not isinstance(data, bytes):  # a view would forbid one to grow, and keep the whole image of another
            return bytes(data[position - start : end - start])
        if position == start and end - start == len(data):
            return data
        return memoryview(data)[position - start : end - start]


def begin(start: int, stream: int, time: float, data: bytes, packed: bool) -> Segment:
    """A segment of one piece. A `packed` one takes others after it."""
    return Segment(
        start, bytearray(data) if packed else data, array('q', (start + len(data),)), array('d', (time,)),
        array('b', (stream,)),
    )
