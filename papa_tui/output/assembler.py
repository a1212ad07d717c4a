"""From events of a watch to chunks of whole lines in a store; the beginning of a line waits for its end."""

from __future__ import annotations

from papa.events import Acknowledged, Closed, Event, Lost, Output, Started
from papa_tui.model.text import ending, size
from papa_tui.output.colours import colour_after
from papa_tui.output.cutting import between_characters, boundary
from papa_tui.output.ranges import divided, joined
from papa_tui.output.sources import Source, Span
from papa_tui.output.store import LONGEST, NOTE, Chunk, Line, Store

_MOST_SOURCES = 400
_MOST_SPANS = 64  # of one line: where more of the other stream comes between, it is cut
_NEWLINE = 10
_OVERLAP = 1024  # bytes of a cut line that are remembered with its next piece, for a search
_REASONS = {
    'overflow': 'lost to overflow: the buffer was full', 'acknowledged': 'taken by another client',
    'slow': 'too fast for this view',
}


def _cut_of_line(data: bytes, begin: int, at: int) -> int:
    """Where to cut a line that is there as a whole. Its newline is not to be a line of its own."""
    found = boundary(data, begin, at)
    if found == begin:
        found = between_characters(data, at)
    return found + (data[found] == _NEWLINE)


class _Held:
    """The beginning of a line: when it came, and where its pieces stand."""

    __slots__ = ('parts', 'size', 'spans', 'time')

    def __init__(self, time: float) -> None:
        self.time = time
        self.parts: list[bytes] = []
        self.size = 0
        self.spans: tuple[Span, ...] = ()

    def add(self, data: bytes, end: int) -> None:
        self.parts.append(data)
        self.size += len(data)
        self.spans = joined(*self.spans, (end - len(data), end))

    @property
    def data(self) -> bytes:
        if len(self.parts) > 1:
            self.parts = [b''.join(self.parts)]
        return self.parts[0] if self.parts else b''


class Assembler:
    """Takes events in order. `sources` are the processes that have been seen, by id; `notices` what a person should be
    told besides (another client has acknowledged)."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.sources: dict[str, Source] = {}
        self.notices: list[str] = []
        self.before: list[Chunk] | None = None  # where chunks go while what is older is fetched
        self.succeeded: list[str] = []  # names under which another process has come
        self._held: dict[tuple[str, str], _Held] = {}
        self._colours: dict[tuple[str, str], bytes] = {}  # that are on
        self._before: dict[tuple[str, str], bytes] = {}  # the end of what has come of a line that was cut
        self._told_taken = False
        self._numbers: dict[str, int] = {}  # of names

    def source(self, name: str, process_id: str) -> Source:
        """The process of this id."""
        found = self.sources.get(process_id)
        if found is None:
            self._forget_old()
            found = self.sources[process_id] = Source(name, process_id, self._number(name))
        return found

    def _forget_old(self) -> None:
        """A process that is started again and again leaves many behind."""
        if len(self.sources) >= _MOST_SOURCES:
            ended = [each.id for each in self.sources.values() if each.exit_code is not None]
            for process_id in ended[: _MOST_SOURCES // 2]:
                del self.sources[process_id]
                for kept in (self._colours, self._before):
                    for stream in ('out', 'err'):
                        kept.pop((process_id, stream), None)
            names = {each.name for each in self.sources.values()}
            self._numbers = {name: number for name, number in self._numbers.items() if name in names}

    def _number(self, name: str) -> int:
        """A start of the same name has the colour of the one before."""
        return self._numbers.setdefault(name, len(self._numbers))

    def latest(self) -> dict[str, tuple[str, int]]:
        """Where to go on: id and position of each process, by name."""
        return {source.name: (source.id, source.end) for source in self.sources.values() if source.end is not None}

    # Events

    def take(self, event: Event) -> None:
        """Take in an event."""
        source = self.source(event.name, event.id)
        if isinstance(event, Output):
            self._output(source, event)
        elif isinstance(event, Lost):
            self._lost(source, event)
        elif isinstance(event, Acknowledged):
            self._acknowledged(source, event)
        elif isinstance(event, Started):
            self._started(source, event)
        elif isinstance(event, Closed):
            self._closed(source, event)

    def _output(self, source: Source, event: Output) -> None:
        data, position = event.data, event.position
        start = position - len(data)
        if source.end is not None and start < source.end:  # told before
            data = data[source.end - start :]
            if not data:
                return
        if source.start is None:
            source.start = position - len(data)
        source.end = position
        self._lines(source, event.stream, event.timestamp, data, position)

    def _lines(self, source: Source, stream: str, time: float, data: bytes, position: int) -> None:
        key = source.id, stream
        held = self._held.get(key)
        whole, newline, rest = data.rpartition(b'\n')
        if newline:
            whole = data[: len(whole) + 1]
            if held is not None:
                at = whole.index(b'\n') + 1
                del self._held[key]
                self._put_held(source, stream, held, whole[:at], position - len(data) + at)
                whole = whole[at:]
            self._put_lines(source, stream, time, whole, position - len(rest))
            held = None
        if rest:
            if held is None:
                held = self._held[key] = _Held(time)
            held.add(rest, position)
            if held.size > LONGEST or len(held.spans) > _MOST_SPANS:
                self._cut(source, stream, held)
                held.time = time

    def _cut(self, source: Source, stream: str, held: _Held) -> None:
        """Put what is too long for one line, but for its last character: its newline is not to be a line of its own."""
        data, spans, at = held.data, held.spans, 0
        last = between_characters(data, len(data) - 1)
        while at < last:
            stop = boundary(data, at, min(at + LONGEST, last))
            if stop == at or stop > last:  # a long sequence, of which there is more to come
                break
            here, spans = divided(spans, stop - at)
            self._put_output(source, stream, held.time, data[at:stop], here[-1][1], here)
            at = stop
        held.parts, held.size, held.spans = [data[at:]], len(data) - at, spans

    def _put_held(
        self, source: Source, stream: str, held: _Held, data: bytes, end: int, *, cut: bool = True
    ) -> None:
        self._put_output(source, stream, held.time, held.data + data, end, held.spans, cut=cut)

    def _put_output(
        self, source: Source, stream: str, time: float, data: bytes, end: int, head: tuple[Span, ...] = (),
        *, cut: bool = True,
    ) -> None:
        """Put output. `cut`: if it has no end, it goes on in the next chunk."""
        key = source.id, stream
        colour, before = self._colours.get(key, b''), self._before.pop(key, b'')
        self._put(Chunk(source, stream, time, data, end, head, colour=colour, before=before))
        if colour or b'\x1b' in data:
            self._colours[key] = colour_after(colour, data)
        if cut and not data.endswith(b'\n'):
            self._before[key] = (before + data[-_OVERLAP:])[-_OVERLAP:]

    def _put_lines(self, source: Source, stream: str, time: float, data: bytes, end: int) -> None:
        """Put whole lines, in chunks of a sensible size; what is longer than a line may be is cut."""
        start = end - len(data)
        at, length = 0, len(data)
        while at < length:
            stop = length
            if length - at > LONGEST:
                stop = at + LONGEST
                stop = data.rfind(b'\n', at, stop) + 1 or _cut_of_line(data, at, stop)
            self._put_output(source, stream, time, data[at:stop] if at or stop < length else data, start + stop)
            at = stop

    def _put(self, chunk: Chunk) -> None:
        if self.before is not None:
            self.before.append(chunk)
        else:
            self.store.append(chunk)

    def note(self, source: Source | None, time: float, text: str, tone: str, end: int = 0) -> None:
        """Put a line of our own."""
        if source is not None:
            self._flush(source)
        self._put(Chunk(source, NOTE, time, text.encode('utf-8', 'replace'), end, tone=tone))
        self.show_partial()

    def _flush(self, source: Source) -> None:
        for key, held in list(self._held.items()):
            if key[0] == source.id:
                del self._held[key]
                self._put_held(source, key[1], held, b'', held.spans[-1][1], cut=False)
        for stream in ('out', 'err'):
            self._before.pop((source.id, stream), None)

    def _lost(self, source: Source, event: Lost) -> None:
        start = event.start if source.end is None else max(event.start, source.end)
        if event.end <= start:
            return
        if event.reason != 'slow':  # that was too fast for us, and the kernel may still hold it
            source.lost.add(start, event.end)
        source.end = event.end
        if source.start is None:
            source.start = event.end
        text = f'{size(event.end - start)} {_REASONS.get(event.reason, event.reason)}'
        self.note(source, 0.0, text, 'warn' if event.reason == 'acknowledged' else 'bad', event.end)

    def _acknowledged(self, source: Source, event: Acknowledged) -> None:
        taken = source.acknowledge(event.position, mine=event.mine)
        if taken and not self._told_taken:
            self._told_taken = True
            self.notices.append(f'Another client has acknowledged {size(taken)} of {source.name}')
        self.store.edition += 1

    @property
    def taken(self) -> int:
        """Bytes of the processes that have the names now which others have acknowledged while this was watched."""
        return sum(source.taken for source in {source.name: source for source in self.sources.values()}.values())

    def _started(self, source: Source, event: Started) -> None:
        if source.end is None:
            again = any(other.name == source.name for other in self.sources.values() if other is not source)
            if again:
                self.succeeded.append(source.name)
            text = 'another process under the same name' if again else 'started'
            self.note(source, event.timestamp, text, 'good')

    def _closed(self, source: Source, event: Closed) -> None:
        if source.exit_code is None:
            source.exit_code = event.exit_code
            tone = 'bad' if event.exit_code else 'dim'
            self.note(source, event.timestamp, f'ended: {ending(event.exit_code)}', tone, source.end or 0)

    def put_before(self, events: list[Event]) -> None:
        """Put output that is older than all that is shown of its processes. What there is no room for is left out, the
        oldest first."""
        older = Assembler(self.store)
        older.before = []
        sources = {event.id: self.sources[event.id] for event in events}
        for source in sources.values():
            older.sources[source.id] = Source(source.name, source.id, source.number)
        for event in events:
            older.take(event)
        for key, held in list(older._held.items()):
            if self._join(sources[key[0]], key[1], held):
                del older._held[key]
        for source in list(older.sources.values()):
            older._flush(source)
        for chunk in older.before:
            if chunk.source is not None:
                chunk.source = sources[chunk.source.id]
        left_out = self.store.prepend(older.before)
        for source in sources.values():
            source.start = older.sources[source.id].start
        for chunk in older.before[:left_out]:
            chunk.leave()
        self.show_partial()

    def _join(self, source: Source, stream: str, held: _Held) -> bool:
        """Put the beginning of a line before the rest of it, which has been there. Returns whether it was."""
        for chunk in self.store.chunks(self.store.first):
            if chunk.source is source and chunk.stream == NOTE:
                return False
            if chunk.source is source and chunk.stream == stream:
                self.store.extend(chunk, held.data, held.spans)
                return True
        rest = self._held.get((source.id, stream))
        if rest is not None:
            rest.parts.insert(0, held.data)
            rest.size += held.size
            rest.spans = joined(*held.spans, *rest.spans)
        return rest is not None

    def show_partial(self) -> None:
        """Let the store know the lines that have no end yet."""
        if self.before is not None:
            return
        store = self.store
        store.edition += bool(self._held or store.partial)
        store.partial = [
            Line(
                store.next + at, self.sources[key[0]], key[1], held.time, held.data, held.spans,
                colour=self._colours.get(key, b''),
            )
            for at, (key, held) in enumerate(self._held.items())
        ]
