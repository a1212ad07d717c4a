"""The events of a watch as text: lines for people and for `plain`, records for `jsonl`.

Whatever is written out has a `Mark`: how far the output of its process may be acknowledged once it has been taken.
"""

from __future__ import annotations

from papa.events import Closed, Lost, Output, Started
from papa.line.text import escape_bytes
from papa_shell.formats import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NamedTuple

    from papa.events import Event

    class Record(NamedTuple):
        """Lines of output, without the last end, or an exit or a loss."""

        time: float
        name: str
        stream: str
        data: bytes

    class Mark(NamedTuple):
        """Once so many bytes of a batch are taken, the process may be acknowledged up to the position."""

        end: int
        name: str
        id: str
        position: int
else:
    from collections import namedtuple

    Record = namedtuple('Record', 'time name stream data')
    Mark = namedtuple('Mark', 'end name id position')

LONGEST_LINE = 65536  # bytes; a longer one is written in parts
HOLD = 0.25  # seconds that the beginning of a line waits for its end


class Batch:
    """What is to be written in one go, and its marks, in order."""

    __slots__ = ('_parts', 'marks', 'size')

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0
        self.marks: list[Mark] = []

    def add(self, data: bytes, name: str, process_id: str, position: int) -> None:
        """Write this; when it is taken, output up to the position was written."""
        self._parts.append(data)
        self.size += len(data)
        self.marks.append(Mark(self.size, name, process_id, position))

    @property
    def data(self) -> bytes:
        """All of it."""
        return b''.join(self._parts)

    def taken(self, size: int) -> dict[tuple[str, str], int]:
        """How far each process, by name and id, may be acknowledged once so many bytes are taken."""
        found: dict[tuple[str, str], int] = {}
        for mark in self.marks:
            if mark.end <= size:
                key = mark.name, mark.id
                found[key] = max(mark.position, found.get(key, 0))
        return found


class _Held:
    """The beginning of a line: since when (by the clock of the caller), when captured, from which position on."""

    __slots__ = ('data', 'name', 'since', 'start', 'time')

    def __init__(self, name: str, time: float, start: int, since: float) -> None:
        self.name = name
        self.time = time
        self.start = start
        self.since = since
        self.data = b''


class Lines:
    """Output as whole lines, each written by `show`; the clock is an argument.

    The beginning of a line waits for its end, `HOLD` seconds at most. Meanwhile what follows it in its process may
    be written, but is not acknowledged.
    """

    def __init__(self, show: Callable[[Record], bytes], clock: Callable[[], float]) -> None:
        self._show = show
        self._clock = clock
        self._held: dict[tuple[str, str], _Held] = {}  # by id and stream

    @property
    def holds(self) -> bool:
        """Whether the beginning of a line waits."""
        return bool(self._held)

    def due(self, now: float) -> float | None:
        """In how many seconds the first of what waits has waited enough; None if nothing waits."""
        if not self._held:
            return None
        return max(0.0, min(held.since for held in self._held.values()) + HOLD - now)

    def feed(self, event: Event, batch: Batch, now: float) -> None:
        """Add to the batch what an event gives."""
        if isinstance(event, Output):
            self._output(event, batch, now)
        elif isinstance(event, Closed):
            self._flush_process(event.id, batch)
            self._put(batch, event.timestamp, event.name, 'exit', b'%d' % event.exit_code, event.id, 0)
        elif isinstance(event, Lost):
            self._flush_process(event.id, batch)
            text = f'{event.end - event.start} {event.reason}'.encode()
            self._put(batch, self._clock(), event.name, 'lost', text, event.id, event.end)

    def flush(self, batch: Batch, now: float | None = None) -> None:
        """Add the beginnings of lines, those that have waited enough by `now`, or all."""
        for key, held in list(self._held.items()):
            if now is None or held.since + HOLD <= now:
                self._emit(key, held, batch)

    def _output(self, event: Output, batch: Batch, now: float) -> None:
        key = event.id, event.stream
        held = self._held.pop(key, None)
        data, time = event.data, event.timestamp
        if held is not None:
            data, time = held.data + data, held.time
        if held is not None and time != event.timestamp:  # the line that it begins has its time
            first, end, data = data.partition(b'\n')
            if not end:
                self._hold(key, event, first, time, held.start, held.since, batch)
                return
            self._put(batch, time, event.name, event.stream, first, event.id, event.position - len(data))
            held, time = None, event.timestamp
        lines, end, rest = data.rpartition(b'\n')
        if end:
            self._put(batch, time, event.name, event.stream, lines, event.id, event.position - len(rest))
        if rest:
            joined = held is not None and not end
            start, since = (held.start, held.since) if held and joined else (event.position - len(rest), now)
            self._hold(key, event, rest, time, start, since, batch)

    def _hold(
        self, key: tuple[str, str], event: Output, rest: bytes, time: float, start: int, since: float, batch: Batch
    ) -> None:
        held = self._held[key] = _Held(event.name, time, start, since)
        held.data = rest
        if len(rest) >= LONGEST_LINE:
            self._emit(key, held, batch, event.position)

    def _flush_process(self, process_id: str, batch: Batch) -> None:
        for key, held in list(self._held.items()):
            if key[0] == process_id:
                self._emit(key, held, batch)

    def _emit(self, key: tuple[str, str], held: _Held, batch: Batch, position: int | None = None) -> None:
        del self._held[key]
        end = held.start + len(held.data) if position is None else position
        self._put(batch, held.time, held.name, key[1], held.data, key[0], end)

    def _put(
        self, batch: Batch, time: float, name: str, stream: str, data: bytes, process_id: str, position: int
    ) -> None:
        for other in ('out', 'err') if self._held else ():
            held = self._held.get((process_id, other))
            if held is not None:
                position = min(position, held.start)
        batch.add(self._show(Record(time, name, stream, data)), name, process_id, position)


class Pieces:
    """Output as it comes, a record a piece: nothing ever waits."""

    holds = False

    def due(self, now: float) -> float | None:
        """Never."""
        return None

    def feed(self, event: Event, batch: Batch, now: float) -> None:
        """Add to the batch what an event gives."""
        record = to_record(event)
        if record is not None:
            batch.add(to_json(record) + b'\n', event.name, event.id, record.get('position', 0))

    def flush(self, batch: Batch, now: float | None = None) -> None:
        """There is nothing to add."""


def to_record(event: Event) -> dict[str, Any] | None:
    """The record of the ``jsonl`` format; None for what is not told."""
    if isinstance(event, Output):
        return {
            'time': event.timestamp, 'name': event.name, 'id': event.id, 'stream': event.stream,
            'position': event.position, **text_or_base64(event.data),
        }
    if isinstance(event, Lost):
        return {
            'name': event.name, 'id': event.id, 'stream': 'lost', 'position': event.end, 'start': event.start,
            'reason': event.reason,
        }
    if isinstance(event, Closed):
        return {
            'time': event.timestamp, 'name': event.name, 'id': event.id, 'stream': 'exit',
            'exit_code': event.exit_code,
        }
    if isinstance(event, Started):
        return {'time': event.timestamp, 'name': event.name, 'id': event.id, 'stream': 'started'}
    return None


def text_or_base64(data: bytes) -> dict[str, str]:
    """``text`` if the bytes are UTF-8, else ``base64``."""
    try:
        return {'text': data.decode()}
    except UnicodeDecodeError:
        import binascii

        return {'base64': binascii.b2a_base64(data, newline=False).decode()}


def plain(record: Record) -> bytes:
    """Lines of the ``plain`` format: time, name, stream, text."""
    head = f'{record.time:.6f}\t{record.name}\t{record.stream}\t'
    return with_head(head, record.data, b'\\', escape_bytes)


def with_head(head: str, data: bytes, special: bytes, show: Callable[[bytes], str]) -> bytes:
    """Lines, each after `head` and as `show` has it. What is ASCII, acts nowhere and has nothing `special`, as most
    has, is not looked at line by line."""
    if data.isascii() and (not special or special not in data) and data.replace(b'\n', b'').decode().isprintable():
        start = head.encode()
        return start + data.replace(b'\n', b'\n' + start) + b'\n'
    return ''.join(f'{head}{show(line)}\n' for line in data.split(b'\n')).encode()

