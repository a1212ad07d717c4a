"""Telling listeners what is made, changed and removed, and what exits, so that nobody has to poll."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from papa.kernel.state import ListenerState
from papa.kernel.stream import Outlet, Part, Stream
from papa.options import KINDS
from papa.wire import structured, telnet

if TYPE_CHECKING:
    from papa.kernel.kernel import Kernel
    from papa.kernel.loop import Timer
    from papa.kernel.processes import ProcessRecord
    from papa.kernel.results import Listening

KERNEL = 'kernel'  # what is told under this kind, everybody is told

_WHOLE_VALUE = 4096  # characters; of longer values only the beginning is told
_PREVIEW = 1024  # characters
_PART = 200  # things in one part of a snapshot
_MAX_NEWS = 1000  # changes that wait for a listener; beyond, it gets a new snapshot instead
_BUDGET = 64 * 1024  # bytes that are handed to the socket in one go

Counters = tuple[int, int, int, int]
_COUNTERS = ('captured', 'buffered', 'dropped', 'watchers')


class Changes:
    """Those who listen. Everything that changes something tells it here; without listeners that costs nothing."""

    def __init__(self) -> None:
        self.counting = False  # somebody listens to counters
        self._listeners: list[ChangeStream] = []

    def add(self, listener: ChangeStream) -> None:
        """Tell `listener`, too."""
        self._listeners.append(listener)
        self._recount()

    def remove(self, listener: ChangeStream) -> None:
        """Tell it no more."""
        self._listeners.remove(listener)
        self._recount()

    def _recount(self) -> None:
        self.counting = any(listener.every is not None for listener in self._listeners)

    def tell(self, change: str, kind: str, name: str, subject: Any) -> None:
        """Something was ``made``, ``changed`` or ``removed``, or has ``exited``."""
        if not self._listeners:
            return
        if isinstance(subject, str):  # a listener that does not read must not hold large texts
            subject = describe(subject)
        for listener in list(self._listeners):
            listener.hear(change, kind, name, subject)

    def count(self, record: ProcessRecord) -> None:
        """Counters of a process have moved."""
        if self.counting:
            for listener in list(self._listeners):
                listener.count(record)


def describe(subject: Any) -> dict[str, Any]:
    """The details that are told of a record, or of the text of a value; such details as they are."""
    if isinstance(subject, dict):
        return subject
    if not isinstance(subject, str):
        details: dict[str, Any] = subject.details()
        return details
    size = len(subject.encode('utf-8', 'surrogatepass'))
    if size > _WHOLE_VALUE:
        return {'size': size, 'preview': subject[:_PREVIEW]}
    return {'size': size, 'value': subject}


News = tuple[str, str, str, Any]  # change, kind, name, subject
Encode = Callable[[str, str, str, dict[str, Any]], bytes]


class ChangeStream(Stream):
    """One listener: a snapshot, then what happens.

    The snapshot is made in parts, as the listener takes them. What happens meanwhile is told after it, of each thing
    the last; with complete details, so that it does not matter whether the snapshot has it already.
    """

    def __init__(self, kernel: Kernel, listening: Listening, outlet: Outlet, encode: Encode) -> None:
        super().__init__(outlet)
        self.every = listening.every
        self._kernel = kernel
        self._kinds = listening.kinds
        self._encode = encode
        self._news: deque[News] = deque()
        self._meanwhile: dict[tuple[str, str], News] = {}  # by kind and name, what happened since the snapshot began
        self._snapshot: Iterator[bytes] | None = None
        self._begun = False  # something of the snapshot was taken: what happens now has to be told after it
        self._moved: dict[ProcessRecord, None] = {}  # whose counters may differ from those that were told
        self._told: dict[ProcessRecord, Counters] = {}
        self._pause: Timer | None = None  # runs while counters are not told

    def begin(self) -> None:
        self._kernel.changes.add(self)
        self._start_over()
        self.wake()

    def detach(self) -> None:
        self._kernel.changes.remove(self)
        if self._pause is not None:
            self._pause.cancel()

    @property
    def eager(self) -> bool:
        return self._snapshot is not None or bool(self._meanwhile or self._news) or self._counters_due

    @property
    def _counters_due(self) -> bool:
        return bool(self._moved) and self._pause is None

    def wake(self) -> None:
        if self._outlet.busy:
            return
        parts = self._next_parts(self._snapshot) if self._snapshot is not None else []
        if self._snapshot is None:
            parts += self._next_news()
            if self._counters_due and not (self._meanwhile or self._news):
                parts += self._counters()
        if parts:
            self._outlet.deliver(parts)

    def control(self, name: str, words: list[str]) -> None:
        if name != structured.STOP:
            super().control(name, words)
        self._outlet.end_stream(structured.END)

    def answer(self, stop: bool) -> None:
        if stop:
            self._outlet.end_stream(b'Stopped listening' + telnet.END_OF_REPLY)

    def hear(self, change: str, kind: str, name: str, subject: Any) -> None:
        """Something has happened."""
        if kind != KERNEL and (kind not in self._kinds or (self._snapshot is not None and not self._begun)):
            return
        if kind == 'process' and change == 'removed':  # its counters are of no interest, and its name may be another's
            self._told.pop(subject, None)
            self._moved.pop(subject, None)
        if self._snapshot is not None or self._meanwhile:
            self._meanwhile.pop((kind, name), None)
            self._meanwhile[kind, name] = (change, kind, name, subject)
            too_many = len(self._meanwhile) > _MAX_NEWS + 2 * self._held()
        else:
            self._news.append((change, kind, name, subject))
            too_many = len(self._news) > _MAX_NEWS
        if too_many and self._outlet.busy:
            self._start_over()
        self.wake()

    def _held(self) -> int:
        """How many things there are: so many may change while a snapshot is told."""
        kernel = self._kernel
        return len(kernel.sockets.by_name) + len(kernel.values.by_name) + len(kernel.processes.by_name)

    def count(self, record: ProcessRecord) -> None:
        """Counters of a process have moved."""
        if self.every is not None and 'process' in self._kinds and record in self._told:
            self._moved[record] = None
            if self._pause is None and self._snapshot is None:
                self.wake()

    # The snapshot

    def _start_over(self) -> None:
        """Tell all that there is once more, and not what has happened to it; only the kernel is not among it."""
        of_kernel = self._news_of_kernel()
        self._news.clear()
        self._meanwhile.clear()
        self._meanwhile.update({(news[1], news[2]): news for news in of_kernel})
        self._moved.clear()
        self._told.clear()
        self._begun = False
        self._snapshot = self._parts()

    def _news_of_kernel(self) -> list[News]:
        return [news for news in (*self._meanwhile.values(), *self._news) if news[1] == KERNEL]

    def _next_parts(self, snapshot: Iterator[bytes]) -> list[Part]:
        self._begun = True
        parts: list[Part] = []
        size = 0
        for part in snapshot:
            parts.append(part)
            size += len(part)
            if size > _BUDGET:
                return parts
        self._snapshot = None
        return parts

    def _parts(self) -> Iterator[bytes]:
        """The parts of a snapshot: of each what is there when it is made, of the names that were there at first."""
        holders: dict[str, dict[str, Any]] = {
            'sockets': self._kernel.sockets.by_name,
            'values': self._kernel.values.by_name,
            'processes': self._kernel.processes.by_name,
        }
        first = True
        waiting = [(kind, iter(list(holders[kind]))) for kind in holders if KINDS[kind] in self._kinds]
        while waiting:
            kind, left = waiting[0]
            some = list(islice(left, _PART))
            if len(some) < _PART:
                del waiting[0]
            part: dict[str, Any] = {}
            for name in some:
                subject = holders[kind].get(name)
                if subject is not None:
                    part[name] = describe(subject)
                    if kind == 'processes':
                        self._note_counters(subject, part[name])
            yield self._encode('snapshot', kind, '', {'first': first, 'more': bool(waiting), 'details': part})
            first = False

    def _next_news(self) -> list[Part]:
        parts: list[Part] = []
        size = 0
        while size < _BUDGET and (self._meanwhile or self._news):
            if self._meanwhile:
                change, kind, name, subject = self._meanwhile.pop(next(iter(self._meanwhile)))
            else:
                change, kind, name, subject = self._news.popleft()
            details = describe(subject)
            if kind == 'process':
                self._note_counters(self._record(name, subject), details, gone=change == 'removed')
            parts.append(self._encode(change, kind, name, details))
            size += len(parts[-1])
        return parts

    def _record(self, name: str, subject: ProcessRecord | dict[str, Any]) -> ProcessRecord | None:
        """The process that news are about, where an upgrade has left only details of it."""
        if not isinstance(subject, dict):
            return subject
        record = self._kernel.processes.by_name.get(name)
        return record if record is not None and record.id == subject.get('id') else None

    # Counters

    def _note_counters(self, record: ProcessRecord | None, details: dict[str, Any], *, gone: bool = False) -> None:
        if record is None:
            return
        self._moved.pop(record, None)
        if gone:
            self._told.pop(record, None)
        elif self.every is not None:
            self._told[record] = tuple(details[key] for key in _COUNTERS)

    def _counters(self) -> list[Part]:
        assert self.every is not None
        self._pause = self._kernel.loop.call_later(self.every, self._paused)
        moved: dict[str, dict[str, int]] = {}
        for record in self._moved:
            if not self._kernel.processes.has(record):
                continue
            before, now = self._told[record], record.counters()
            self._told[record] = now
            pairs = zip(_COUNTERS, before, now, strict=True)
            if found := {key: after for key, was, after in pairs if was != after}:
                moved[record.name] = found
        self._moved.clear()
        return [self._encode('counters', 'process', '', moved)] if moved else []

    def _paused(self) -> None:
        self._pause = None
        if self._moved:
            self.wake()

    # Handing over

    def records(self) -> list[ProcessRecord]:
        return [*self._told, *self._moved]

    def state(self) -> ListenerState:
        """All of it. A snapshot that is being told will be told from its beginning."""
        snapshot = self._snapshot is not None
        news = self._news_of_kernel() if snapshot else [*self._meanwhile.values(), *self._news]
        return ListenerState(
            kinds=sorted(self._kinds), every=self.every, snapshot=snapshot,
            news=[(change, kind, name, describe(subject)) for change, kind, name, subject in news],
            told={record.id: counters for record, counters in self._told.items()},
            moved=[record.id for record in self._moved],
        )

    def restore(self, state: ListenerState, records: dict[str, ProcessRecord]) -> None:
        """Go on where another was; `records` are all processes by their ids. Raises LookupError or ValueError."""
        self._kernel.changes.add(self)
        for change, kind, name, details in state.news:
            if kind == 'process' and not all(type(details.get(key)) is int for key in _COUNTERS):
                raise ValueError('news of a process make no sense')
            self._encode(change, kind, name, details)  # now is the time to find out
        self._news.extend(state.news)
        if state.snapshot:
            self._start_over()
            return
        self._told = {records[process_id]: counters for process_id, counters in state.told.items()}
        self._moved = {records[process_id]: None for process_id in state.moved}


def encode_frame(change: str, kind: str, name: str, details: dict[str, Any]) -> bytes:
    """A change in the structured dialect. A snapshot comes in parts: the ``first`` one says so, and those that have
    ``more`` after them."""
    if change == 'snapshot':
        return structured.change_frame({'change': change, **details, 'details': {kind: details['details']}})
    return structured.change_frame({'change': change, 'kind': kind, 'name': name, 'details': details})


def encode_lines(change: str, kind: str, name: str, details: dict[str, Any]) -> bytes:
    """A change in the telnet dialect: a line for each thing."""
    if change == 'snapshot':
        kind, details = KINDS[kind], details['details']
    if not name:
        return b''.join(telnet.change_line(change, kind, each, fields) for each, fields in details.items())
    return telnet.change_line(change, kind, name, details)
