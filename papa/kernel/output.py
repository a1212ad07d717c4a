"""The output of one process, held until it is acknowledged.

Positions are byte offsets in all that the process has written, both streams in the order of
capture. What is held is always one contiguous range, from `OutputBuffer.base` to `OutputBuffer.end`:
the oldest goes first, by acknowledgement or by loss.

Captured pieces are packed into segments. A small piece costs 17 bytes beside its data, so that the
memory for a million short lines stays near their own size.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from typing import NamedTuple

STDOUT, STDERR = 0, 1

_JOIN_WITHIN = 0.010  # seconds: neighbours of one stream closer than this may become one piece
_PACK_BELOW = 4096  # bytes: smaller pieces share a segment
_SEGMENT_SIZE = 65536  # bytes of data in a packed segment
_SEGMENT_PIECES = 4096  # in a packed segment: those that are gone cost memory until the last of them is
_WORTH_JOINING = 64  # pieces in a segment
PIECE_OVERHEAD = 128  # bytes that handing out a piece counts beside its own: it takes as long
_PIECE_COST = 17  # bytes: an end, a time and a stream in the index of a segment
_JOIN_SHARE = 64  # a joined piece has at most this part of the buffer: it is lost as a whole
_SPARE_PIECES = 1024  # that any buffer may have, however small it is
_KEPT_LOSSES = 32  # ranges lost to overflow that are remembered apart


class Piece(NamedTuple):
    """Consecutive bytes of one stream. `end` is the position after the last one."""

    stream: int
    time: float
    end: int
    data: bytes | memoryview


class _Segment:
    """Consecutive pieces: their bytes, and for each its end, its time and its stream."""

    __slots__ = ('data', 'ends', 'start', 'streams', 'times')

    def __init__(self, start: int, stream: int, time: float, data: bytes, packed: bool) -> None:
        self.start = start
        self.data: bytes | bytearray = bytearray(data) if packed else data
        self.ends = array('q', (start + len(data),))
        self.times = array('d', (time,))
        self.streams = array('b', (stream,))

    def add(self, stream: int, time: float, data: bytes, join_up_to: int) -> bool:
        """Append a piece, or join it to the last one. Return whether there is a piece more."""
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

    def takes(self, size: int) -> bool:
        return (
            isinstance(self.data, bytearray)
            and len(self.data) + size <= _SEGMENT_SIZE
            and len(self.ends) < _SEGMENT_PIECES
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
        if isinstance(data, bytearray):  # a view would forbid it to grow
            return bytes(data[position - start : end - start])
        if position == start and end - start == len(data):
            return data
        return memoryview(data)[position - start : end - start]


class OutputBuffer:
    """What a process has written and nobody has acknowledged, within a bound of bytes and of pieces.

    `size` is the bound in bytes. With `block`, `full` tells when to stop reading from the process;
    without, the oldest pieces make room and are counted in `dropped`.
    """

    __slots__ = ('_coarsen_at', '_first', '_forgotten', '_front', '_join_up_to', '_max_pieces', '_next_coarse',
                 '_pieces', '_segments', 'acknowledged', 'base', 'block', 'dropped', 'end', 'losses', 'size')

    def __init__(self, size: int, block: bool = False) -> None:
        self.size = size
        self.block = block
        self.base = 0  # position of the first byte held
        self.end = 0  # position after the last byte held
        self.acknowledged = 0  # position up to which somebody has acknowledged
        self.dropped = 0  # bytes lost to overflow
        self.losses: deque[tuple[int, int]] = deque()  # ranges lost to overflow, the newest last
        self._forgotten = 0  # before it there were losses that are not remembered any more
        self._segments: deque[_Segment] = deque()
        self._first = 0  # serial number of the first segment
        self._front = 0  # pieces at the start of the first segment that are gone
        self._pieces = 0
        self._next_coarse = 0  # serial number of the segment whose pieces are joined next
        self._coarsen_at = 0  # position before which that is not tried again
        self._join_up_to = size // _JOIN_SHARE
        self._max_pieces = _SPARE_PIECES + size // 4 // _PIECE_COST

    @property
    def buffered(self) -> int:
        """Bytes held that nobody has acknowledged."""
        return self.end - max(self.base, self.acknowledged)

    @property
    def full(self) -> bool:
        """Whether nothing more can be taken without losing something."""
        return self.buffered >= self.size or (self.block and self._crowded())

    @property
    def room(self) -> int:
        """Bytes that can be taken without losing something."""
        return self.size - self.buffered

    def append(self, stream: int, time: float, data: bytes) -> None:
        """Take a piece of output, captured at `time` (seconds since the epoch)."""
        excess = len(data) - self.size
        if excess > 0:  # only the newest bytes of such a piece can be kept
            self._lose_through(self.end)
            self._count_loss(self.end, self.end + excess)
            self.base = self.end = self.end + excess
            data = data[excess:]
        segments = self._segments
        size = len(data)
        if segments and size < _PACK_BELOW and segments[-1].takes(size):
            self._pieces += segments[-1].add(stream, time, data, self._join_up_to)
        else:
            segments.append(_Segment(self.end, stream, time, data, size < _PACK_BELOW))
            self._pieces += 1
        self.end += size
        if self.end - self.base > self.size or self._crowded():
            self._make_room()

    def read(self, position: int, serial: int, budget: int) -> tuple[list[Piece], int]:
        """Pieces from `position` on, about `budget` bytes, all of one segment.

        `serial` is a hint where to look, 0 at first; the second result is the next hint. An empty
        list means that there is nothing more. `position` must not lie before `base`.
        """
        index = max(serial - self._first, 0)
        segments = self._segments
        while index < len(segments) and segments[index].ends[-1] <= position:
            index += 1
        if index >= len(segments):
            return [], self._first + max(len(segments) - 1, 0)
        return segments[index].read(max(position, self.base), budget), self._first + index

    def acknowledge(self, position: int) -> int:
        """Note that everything before `position` is saved. Return the bytes that this released."""
        position = min(position, self.end)
        held_from = max(self.base, self.acknowledged)
        if position <= self.acknowledged:
            return 0
        self.acknowledged = position
        self._thin_out()
        return max(0, position - held_from)

    def release(self, position: int) -> None:
        """Forget what lies before `position`: it is acknowledged and nobody waits for it."""
        segments = self._segments
        while segments and segments[0].ends[-1] <= position:
            self._pop_segment()
        if position > self.base:
            self.base = min(position, self.end)
        if segments:
            self._front = bisect_right(segments[0].ends, self.base)

    def clear(self) -> None:
        """Forget everything, acknowledged or not."""
        while self._segments:
            self._pop_segment()
        self.base = self.end

    def _pop_segment(self) -> None:
        self._pieces -= len(self._segments.popleft().ends)
        self._first += 1
        self._front = 0

    def _crowded(self) -> bool:
        return self._pieces - self._front >= self._max_pieces

    def _make_room(self) -> None:
        if self.block:  # only what is acknowledged and kept for a slow watcher may go
            self.release(min(self.acknowledged, self.end - self.size))
        if self._crowded() and self.end >= self._coarsen_at:
            self._coarsen()
        if self.block:
            self._thin_out()
        else:
            while self.end - self.base > self.size or self._pieces - self._front > self._max_pieces:
                self._lose_first()

    def _thin_out(self) -> None:
        """Let acknowledged pieces go that are kept for a slow watcher, where there are too many to take another."""
        while self.block and self._crowded():
            end = self._segments[0].ends[self._front]
            if end > self.acknowledged:
                break
            self.release(end)

    def _coarsen(self) -> None:
        """Join pieces in the next segment in turn that has many; never in all at once, which would take long."""
        for _ in self._segments:
            index = self._next_coarse - self._first
            if not 0 <= index < len(self._segments):
                index = 0
            self._next_coarse = self._first + index + 1
            gone = self._front if index == 0 else 0
            segment = self._segments[index]
            before = len(segment.ends)
            if before - gone >= _WORTH_JOINING:
                segment.coarsen(gone, self._join_up_to)
                self._pieces += len(segment.ends) - before
                if len(segment.ends) <= before * 3 // 4:
                    return
                break
        self._coarsen_at = self.end + _SEGMENT_PIECES // 4  # the streams alternate, and will do so at the next piece

    def _lose_first(self) -> None:
        """Lose the oldest piece, or as much of it as is acknowledged already."""
        end = self._segments[0].ends[self._front]
        if self.base < self.acknowledged < end:
            end = self.acknowledged
        self._lose_through(end)

    def _lose_through(self, position: int) -> None:
        lost_from = max(self.base, self.acknowledged)
        if position > lost_from:
            self._count_loss(lost_from, position)
        self.release(position)

    def _count_loss(self, start: int, end: int) -> None:
        self.dropped += end - start
        losses = self.losses
        if losses and losses[-1][1] == start:
            losses[-1] = (losses[-1][0], end)
            return
        losses.append((start, end))
        if len(losses) > _KEPT_LOSSES:
            self._forgotten = losses.popleft()[1]

    def gap(self, start: int, end: int) -> list[tuple[int, int, bool]]:
        """Divide a range that is gone into parts, each lost to overflow (True) or not (False).

        What is not was acknowledged, or was cleared. Only the newest losses are remembered apart: what is older
        counts as lost, for nobody may take for saved what is not.
        """
        parts = []
        if start < (forgotten := min(self._forgotten, end)):
            parts.append((start, forgotten, True))
            start = forgotten
        for low, high in self.losses:
            low, high = max(low, start), min(high, end)
            if low < high:
                if start < low:
                    parts.append((start, low, False))
                parts.append((low, high, True))
                start = high
        if start < end:
            parts.append((start, end, False))
        return parts
