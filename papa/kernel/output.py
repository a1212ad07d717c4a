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
from collections.abc import Iterator
from itertools import islice
from operator import ge

from papa.kernel.segment import MAX_PIECES, MAX_SIZE, PIECE_COST, STDERR, STDOUT, Piece, Segment, begin
from papa.kernel.state import Data, OutputState, Place, Put, view

_PACK_BELOW = 4096  # bytes: smaller pieces share a segment
_WORTH_JOINING = 64  # pieces in a segment
_JOIN_SHARE = 64  # a joined piece has at most this part of the buffer: it is lost as a whole
_SPARE_PIECES = 1024  # that any buffer may have, however small it is
_KEPT_LOSSES = 32  # ranges lost to overflow that are remembered apart


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
        self._segments: deque[Segment] = deque()
        self._first = 0  # serial number of the first segment
        self._front = 0  # pieces at the start of the first segment that are gone
        self._pieces = 0
        self._next_coarse = 0  # serial number of the segment whose pieces are joined next
        self._coarsen_at = 0  # position before which that is not tried again
        self._join_up_to = size // _JOIN_SHARE
        self._max_pieces = _SPARE_PIECES + size // 4 // PIECE_COST

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
            segments.append(begin(self.end, stream, time, data, size < _PACK_BELOW))
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
        self._coarsen_at = self.end + MAX_PIECES // 4  # the streams alternate, and will do so at the next piece

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

    # Handing over

    @property
    def edition(self) -> tuple[int, ...]:
        """What differs whenever its `state` does."""
        return self.base, self.end, self.acknowledged, self.dropped

    def weight(self, since: int) -> int:
        """About how many bytes its `state` takes where everything before position `since` is stored already."""
        return 0 if since == self.end else self.end - max(self.base, since) + self._pieces * PIECE_COST

    def state(self, store: Put, put: Put) -> OutputState:
        """What makes the same buffer elsewhere. `store` takes what it may be given again."""
        segments: list[tuple[int, Data, int]] = []
        ends, times, streams = array('q'), array('d'), array('b')
        start = offset = size = pieces = 0
        for segment in self._segments:  # those that are stored side by side become one, unless it is too large
            place, count = store(segment.data), len(segment.ends)
            ends += segment.ends
            times += segment.times
            streams += segment.streams
            if offset + size == place[0] and size + place[1] <= MAX_SIZE and pieces + count <= MAX_PIECES:
                size += place[1]
                pieces += count
                continue
            if pieces:
                segments.append((start, Place(offset, size), pieces))
            start, (offset, size), pieces = segment.start, place, count
        if pieces:
            segments.append((start, Place(offset, size), pieces))
        return OutputState(
            size=self.size, block=self.block, base=self.base, end=self.end, acknowledged=self.acknowledged,
            dropped=self.dropped, losses=list(self.losses), forgotten=self._forgotten, segments=segments,
            ends=put(ends.tobytes()), times=put(times.tobytes()), streams=put(streams.tobytes()),
        )

    @classmethod
    def restored(cls, state: OutputState) -> OutputBuffer:
        """The buffer that was handed over. Raises ValueError if it makes no sense."""
        buffer = cls(state.size, state.block)
        buffer._segments.extend(_segments(state))
        buffer._pieces = sum(len(segment.ends) for segment in buffer._segments)
        buffer.base, buffer.end, buffer.acknowledged = state.base, state.end, state.acknowledged
        buffer.dropped, buffer._forgotten = state.dropped, state.forgotten
        buffer.losses.extend(state.losses)
        buffer._check()
        if buffer._segments:
            buffer._front = bisect_right(buffer._segments[0].ends, buffer.base)
        return buffer

    def _check(self) -> None:
        first = self._segments[0].start if self._segments else self.end
        last = self._segments[-1].end if self._segments else self.base
        edges = [edge for loss in self.losses for edge in loss]
        if not (
            0 <= first <= self.base <= self.end == last and 0 <= self.acknowledged <= self.end
            and self.size >= 0 and self.dropped >= 0 and edges == sorted(edges)
            and all(0 <= edge <= self.end for edge in [*edges, self._forgotten])
        ):
            raise ValueError('the positions of an output make no sense')

    def copy_borrowed(self, budget: int) -> int:
        """Make data that was handed over one's own, about `budget` bytes of it. Return how much it was."""
        copied = 0
        for segment in self._segments:
            if isinstance(segment.data, memoryview):
                segment.data = bytes(segment.data)
                copied += len(segment.data)
                if copied >= budget:
                    break
        return copied


def _segments(state: OutputState) -> Iterator[Segment]:
    """The segments that were handed over. Raises ValueError where they do not join."""
    ends, times, streams = array('q', bytes(view(state.ends))), array('d', bytes(view(state.times))), array('b')
    streams.frombytes(view(state.streams))
    if not (len(ends) == len(times) == len(streams) == sum(count for _, _, count in state.segments)):
        raise ValueError('pieces of an output are missing')
    if view(state.streams).tobytes().strip(bytes((STDOUT, STDERR))) or any(map(ge, ends, islice(ends, 1, None))):
        raise ValueError('the pieces of an output make no sense')
    position, index = None, 0
    for start, data, count in state.segments:
        last = index + count
        segment = Segment(start, view(data), ends[index:last], times[index:last], streams[index:last])
        if count < 1 or position not in (None, start) or not (
            start < segment.ends[0] and segment.end - start == len(segment.data)
        ):
            raise ValueError('the segments of an output do not join')
        yield segment
        position, index = segment.end, last
