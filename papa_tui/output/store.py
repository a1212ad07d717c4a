"""Lines of output, kept up to a bound. Chunks stay as they came; lines are cut from them when they are drawn.

Lines have numbers that never change: those that are dropped at the start, or fetched before it, move nobody.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from papa_tui.output.colours import colour_after
from papa_tui.output.ranges import joined
from papa_tui.output.sources import Source, Span

MOST_BYTES = 32 << 20
MOST_CHUNKS = 200_000
LONGEST = 16384  # bytes of a line; what is longer goes on in the next one
NOTE = 'note'
_BEGIN = 1 << 32  # the number of the first line; older ones that are fetched have room below it
_SPARE = 4096  # dropped chunks at the beginning of the list before it is made shorter


class Line(NamedTuple):
    """A line: `data` without its end, and where it stands in the output of its source: `spans`, of which there are
    several if the other stream has come between. `colour` are the colours that it begins with. A note (of a loss, an
    exit) has a tone, and its source is None if it is about all."""

    number: int
    source: Source | None
    stream: str
    time: float
    data: bytes
    spans: tuple[Span, ...]
    tone: str = ''
    colour: bytes = b''

    @property
    def start(self) -> int:
        """Where it begins."""
        return self.spans[0][0]

    @property
    def end(self) -> int:
        """Where it ends, its newline included."""
        return self.spans[-1][1]

    def part(self, first: int, last: int) -> list[Span]:
        """Where the bytes from `first` to before `last` of its data stand."""
        found, at = [], 0
        for start, end in self.spans:
            begin, stop = max(first, at), min(last, at + end - start)
            if begin < stop:
                found.append((start + begin - at, start + stop - at))
            at += end - start
        return found


class Chunk:
    """Whole lines of one stream, or one that was cut because of its length. `head` tells where the bytes at the
    beginning stand that came earlier. `before` is what came before in the same line, the end of that; `colour` are the
    colours that the first line begins with."""

    __slots__ = (
        'before', 'colour', 'count', 'cuts', 'data', 'end', 'first', 'head', 'source', 'stream', 'time', 'tone',
    )

    def __init__(
        self, source: Source | None, stream: str, time: float, data: bytes, end: int, head: tuple[Span, ...] = (),
        tone: str = '', colour: bytes = b'', before: bytes = b'',
    ) -> None:
        self.source = source
        self.stream = stream
        self.time = time
        self.data = data
        self.end = end
        self.head = head
        self.tone = tone
        self.colour = colour
        self.before = before
        self.first = 0
        self.count = data.count(b'\n') + (not data.endswith(b'\n'))
        self.cuts: list[int] | None = None

    def line(self, index: int) -> Line:
        """The line at an index."""
        cuts = self._cut()
        begin, stop = cuts[index], cuts[index + 1]
        end = self.end - (len(self.data) - stop)
        spans: tuple[Span, ...] = ((end - (stop - begin), end),)
        if self.head and begin == 0:
            start = end - stop + sum(last - first for first, last in self.head)
            spans = joined(*self.head, (start, end))
        data = self.data[begin:stop].removesuffix(b'\n')
        colour = self.colour if begin == 0 else colour_after(self.colour, self.data[:begin])
        return Line(self.first + index, self.source, self.stream, self.time, data, spans, self.tone, colour)

    def leave(self) -> None:
        """It is shown no more: of its process, what is shown begins after it."""
        if self.source is not None and self.stream != NOTE:
            self.source.start = max(self.source.start or 0, self.end)

    def _cut(self) -> list[int]:
        """Where lines begin, and the end of the last."""
        if self.cuts is None:
            cuts, at, data = [0], 0, self.data
            while (at := data.find(b'\n', at) + 1) > 0:
                cuts.append(at)
            if cuts[-1] != len(data) or len(cuts) == 1:
                cuts.append(len(data))
            self.cuts = cuts
        return self.cuts


_NOTHING = Chunk(None, NOTE, 0.0, b'', 0)  # in the place of one that was dropped


class Store:
    """Chunks in order, the oldest dropped where there are too many. `first` and `next` are the numbers of the first
    line and of the one after the last. `edition` is another after every change."""

    def __init__(self, most_bytes: int = MOST_BYTES, most_chunks: int = MOST_CHUNKS) -> None:
        self._chunks: list[Chunk] = []
        self._dropped = 0  # chunks at the beginning of the list that are there no more
        self._firsts: list[int] = []
        self._most_bytes = most_bytes
        self._most_chunks = most_chunks
        self.bytes = 0
        self.first = _BEGIN
        self.next = _BEGIN
        self.edition = 0
        self.rewritten = 0  # how often a line got another text, or a number another line
        self._lowest = _BEGIN  # number that a line has had
        self.partial: list[Line] = []  # see `unended`

    def __len__(self) -> int:
        return self.next - self.first

    def append(self, chunk: Chunk) -> None:
        """Add a chunk at the end."""
        chunk.first = self.next
        self._chunks.append(chunk)
        self._firsts.append(chunk.first)
        self.next += chunk.count
        self.bytes += len(chunk.data)
        self.edition += 1
        while self.bytes > self._most_bytes or len(self._chunks) - self._dropped > self._most_chunks:
            self._drop()

    @property
    def room(self) -> int:
        """How many bytes can be added before something is dropped."""
        return max(0, self._most_bytes - self.bytes)

    def prepend(self, chunks: list[Chunk]) -> int:
        """Add chunks before the first, as far as there is room. Returns how many at the beginning were left out."""
        left_out = len(chunks)
        self.rewritten += self.first > self._lowest
        for chunk in reversed(chunks):
            if self.bytes + len(chunk.data) > self._most_bytes:
                break
            left_out -= 1
            self.first -= chunk.count
            chunk.first = self.first
            self.bytes += len(chunk.data)
        added = chunks[left_out:]
        self._chunks[: self._dropped] = added
        self._firsts[: self._dropped] = [chunk.first for chunk in added]
        self._dropped = 0
        self._lowest = min(self._lowest, self.first)
        self.edition += 1
        return left_out

    def extend(self, chunk: Chunk, data: bytes, head: tuple[Span, ...]) -> None:
        """Put the beginning of its first line before a chunk, which has the rest."""
        chunk.head = joined(*head, *chunk.line(0).spans)
        chunk.data, chunk.cuts = data + chunk.data, None
        self.bytes += len(data)
        self.rewritten += 1
        self.edition += 1

    def _drop(self) -> None:
        chunk = self._chunks[self._dropped]
        self._chunks[self._dropped] = _NOTHING
        self._dropped += 1
        self.bytes -= len(chunk.data)
        self.first = chunk.first + chunk.count
        chunk.leave()
        if self._dropped >= _SPARE:
            del self._chunks[: self._dropped], self._firsts[: self._dropped]
            self._dropped = 0

    def line(self, number: int) -> Line | None:
        """A line by its number; None if it is there no more, or not yet."""
        if not self.first <= number < self.next:
            return None
        at = bisect_right(self._firsts, number) - 1
        chunk = self._chunks[at]
        return chunk.line(number - chunk.first)

    def unended(self) -> list[Line]:
        """The lines whose end has not come, with the numbers after the last: they have another with each that comes."""
        return [line._replace(number=self.next + at) for at, line in enumerate(self.partial)]

    def chunks(self, start: int) -> Iterator[Chunk]:
        """Those with lines from this number on."""
        at = max(self._dropped, bisect_right(self._firsts, start) - 1)
        while at < len(self._chunks):
            yield self._chunks[at]
            at += 1

    def snapshot(self) -> Store:
        """What is there now, which does not change."""
        made = Store()
        made._chunks, made._firsts = self._chunks[self._dropped :], self._firsts[self._dropped :]
        made.first, made.next, made.bytes, made.partial = self.first, self.next, self.bytes, self.partial
        made.rewritten = self.rewritten
        return made

    def clear(self) -> None:
        """Drop all lines; numbers go on."""
        for chunk in self._chunks[self._dropped :]:
            chunk.leave()
        self._chunks, self._firsts, self._dropped = [], [], 0
        self.bytes = 0
        self.first = self.next
        self.edition += 1
