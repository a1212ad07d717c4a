"""A watch, from the kernel to whoever reads it: written first, acknowledged then."""

from __future__ import annotations

import select
import time
from collections import deque
from contextlib import suppress

from papa.errors import BadRequest, Conflict, NotFound
from papa.events import Acknowledged, Closed, Lost, Output
from papa_shell.output import ReaderGone
from papa_shell.records import Batch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Protocol

    from papa.client.watcher import Watcher
    from papa.events import Event

    class Form(Protocol):
        """How events become text: `records.Lines` or `records.Pieces`."""

        @property
        def holds(self) -> bool: ...

        def due(self, now: float) -> float | None: ...

        def feed(self, event: Event, batch: Batch, now: float) -> None: ...

        def flush(self, batch: Batch, now: float | None = None) -> None: ...

    class Sink(Protocol):
        """What takes the text: an `output.Writer`, a `stream.Terminal`."""

        @property
        def fd(self) -> int: ...

        @property
        def attention(self) -> int | None: ...

        @property
        def seen(self) -> int: ...

        @property
        def is_blind(self) -> bool: ...

        def attend(self) -> None: ...

        def let_signals(self, through: bool) -> None: ...

        def write(self, data: bytes) -> None: ...

        def finish(self) -> bool: ...


BATCH = 256 * 1024  # bytes of output that are written in one go
QUIET = 1.0  # seconds without an event, after which nothing that there is can be still to come
_PATIENCE = 0.05  # seconds that the rest of a frame may take before we wait for nothing else
_RETRY = 0.0002
_SELDOM = 0.02


class Stopped(Exception):
    """The person has ended the stream. `interrupted`: by Ctrl-C."""

    def __init__(self, *, interrupted: bool) -> None:
        super().__init__()
        self.interrupted = interrupted


class StreamInterrupted(KeyboardInterrupt):
    """A stream was ended by Ctrl-C, read as a key: it shows nowhere, and the cursor is at the beginning of a line."""


class Present:
    """What there is of some processes when a watch begins: it ends when all that was told.

    `listed` are their details by name, from just before.
    """

    def __init__(self, listed: Mapping[str, Mapping[str, Any]]) -> None:
        self._ends: dict[str, int] = {}  # by id: the position up to which there is output
        self._exits: set[str] = set()  # ids of those whose end is still to be told
        for details in listed.values():
            if not details['running']:
                self._exits.add(details['id'])
            elif details['buffered']:
                self._ends[details['id']] = details['captured']

    @property
    def told(self) -> bool:
        """Whether nothing is left."""
        return not (self._ends or self._exits)

    def note(self, event: Event) -> None:
        """An event was handed out."""
        if isinstance(event, Closed):
            self._exits.discard(event.id)
            self._ends.pop(event.id, None)
        elif isinstance(event, (Output, Acknowledged, Lost)):
            position = event.end if isinstance(event, Lost) else event.position
            if position >= self._ends.get(event.id, position + 1):
                del self._ends[event.id]


class Pump:
    """Carries one watch to its reader. `peek`: nothing is acknowledged. `present`: end with what there is."""

    def __init__(self, watcher: Watcher, form: Form, sink: Sink, *, peek: bool, present: Present | None) -> None:
        self._watcher = watcher
        self._form = form
        self._sink = sink
        self._peek = peek
        self._present = present
        self._events = watcher.events()
        self._poller = select.poll()
        self._poller.register(watcher.fileno(), select.POLLIN)
        self._poller.register(sink.fd, 0)
        self._stuck = 0.0  # since when something has arrived that is not a whole frame
        self._written = sink.seen  # where the sink is, in bytes
        self._unseen: deque[tuple[int, Batch]] = deque()  # with where they begin

    def run(self) -> None:
        """Carry all. Raises `ReaderGone`, `Stopped`, an `Error` or whatever interrupts it; then nothing that was not
        seen is acknowledged."""
        quiet_since = time.monotonic()
        while not self._watcher.closed and not (self._present is not None and self._present.told):
            arrived = self._watcher.ready or self._wait(quiet_since)
            events = list(self._drain()) if arrived else []
            self._deliver(self._batch(events))
            if events:
                quiet_since = time.monotonic()
            elif self._present is not None and time.monotonic() >= quiet_since + QUIET:
                break
        last = Batch()
        self._form.flush(last)
        self._deliver(last)
        if self._watcher and not self._peek:
            self._finish()

    def _finish(self) -> None:
        """All is written: acknowledge the last of it once that is seen, exits included."""
        try:
            is_seen = self._sink.finish()
        except Stopped:
            self._acknowledge()
            raise
        if is_seen:
            self._sink.let_signals(True)
            self._watcher.acknowledge()
            self._sink.let_signals(False)

    def _batch(self, events: list[Event]) -> Batch:
        batch, now = Batch(), time.monotonic()
        for event in events:
            self._form.feed(event, batch, now)
        exits = any(isinstance(event, Closed) for event in events)
        self._form.flush(batch, None if exits else now)  # an exit is acknowledged with all before it, and at once
        return batch

    def _wait(self, quiet_since: float) -> bool:
        """Wait for output, or until something else has to be done. Whether the next event may be asked for."""
        now = time.monotonic()
        limits = [self._form.due(now), None if self._present is None else max(0.0, quiet_since + QUIET - now)]
        timeout = min((limit for limit in limits if limit is not None), default=None)
        arrived = False
        # Without keys to wait for, errors are told even so: that the reader has gone.
        self._poller.modify(self._sink.fd, 0 if self._sink.attention is None else select.POLLIN)
        for fd, events in self._poller.poll(None if timeout is None else timeout * 1000):
            if fd != self._sink.fd:
                arrived = True
            elif events & select.POLLIN:
                self._attend()
            elif events:
                raise ReaderGone
        if not arrived or self._watcher.ready:
            self._stuck = 0.0
            return arrived
        return self._is_stuck(now)

    def _is_stuck(self, now: float) -> bool:
        """A part of a frame has arrived, or one that tells nothing. After a moment, ask for the next event and wait for
        nothing else: looking again and again would be busy."""
        self._stuck = self._stuck or now
        patient = now - self._stuck <= _PATIENCE
        if not patient and not self._form.holds and self._present is None and self._sink.attention is None:
            self._stuck = 0.0
            return True
        time.sleep(_RETRY if patient else _SELDOM)
        return False

    def _drain(self) -> Iterator[Event]:
        """The events that have come, up to a good portion."""
        size = 0
        for event in self._events:
            if self._present is not None:
                self._present.note(event)
            yield event
            size += len(event.data) if isinstance(event, Output) else 0
            if size >= BATCH or not self._watcher.ready or (self._present is not None and self._present.told):
                return

    def _attend(self) -> None:
        """Something was typed, perhaps the answer of a terminal that has seen more."""
        seen = self._sink.seen
        try:
            self._sink.attend()
        except Stopped:
            self._acknowledge()
            raise
        if self._sink.seen > seen:
            self._settle()

    def _deliver(self, batch: Batch) -> None:
        """Write a batch, and acknowledge what was seen."""
        if batch.size:
            self._unseen.append((self._written, batch))
            self._written += batch.size
            try:
                self._sink.write(batch.data)
            except Stopped:
                self._acknowledge()
                raise
        self._settle()

    def _settle(self) -> None:
        """Acknowledge what was seen; exits only with all that is written."""
        self._sink.let_signals(True)  # the kernel may let us wait
        if not self._peek and (self._form.holds or self._sink.seen < self._written):
            self._acknowledge()
        elif self._watcher:
            self._unseen.clear()
            self._watcher.acknowledge()  # of a peek, this only ends it when it is over
        self._sink.let_signals(False)

    def _acknowledge(self) -> None:
        """Acknowledge the output that was seen; no exits."""
        found: dict[tuple[str, str], int] = {}
        seen = self._sink.seen
        while self._unseen and self._unseen[0][0] < seen:
            start, batch = self._unseen[0]
            found |= batch.taken(seen - start)
            if start + batch.size > seen:
                break
            self._unseen.popleft()
        if self._sink.is_blind:
            self._unseen.clear()  # it will see no more
        if self._peek or not self._watcher:
            return
        for (name, process_id), position in found.items():
            if position:
                with suppress(NotFound, Conflict, BadRequest):  # it was let go of otherwise
                    self._watcher.acknowledge_output(name, position, process_id)
