"""The thread that watches output. It writes into the store by itself, so that a terminal that stalls stops nothing."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping

from papa import Papa
from papa.client.watcher import Watcher
from papa.errors import Error
from papa.events import Acknowledged, Event, Lost, Output
from papa_tui.feeds.alarm import Alarm
from papa_tui.output.assembler import Assembler
from papa_tui.output.merging import CatchUp, by_time
from papa_tui.output.store import Store

RETRY = 1.0  # seconds
_BATCH = 512 << 10  # bytes of events that are taken in at once
_FASTEST = 64 << 20  # bytes a second that a peek takes in: the keys want to be heard, too
_START = 256 << 10  # bytes of what is held that a peek begins with, all processes together
_LEAST_START = 4096


class OutputFeed(threading.Thread):
    """Watches the processes that match `names`, and those that follow them, and keeps `store`.

    Everything that is read from `store` and `assembler` is read under `lock`. `bell` is called by this thread when
    there is more. It peeks; once `log` was called it holds output back, as a logger does, until another process comes
    under the same name, or another kernel answers: nobody has asked for that.
    """

    def __init__(self, port_or_path: int | str | None, names: tuple[str, ...], bell: Callable[[], None]) -> None:
        super().__init__(name='output', daemon=True)
        self.names = names
        self.lock = threading.Lock()
        self.store = Store()
        self.assembler = Assembler(self.store)
        self.logging = False
        self.live = False
        self.trouble = ''
        self.watcher: Watcher | None = None
        self.at_end: Callable[[int], None] | None = None  # is told how many bytes the kernel holds then
        self._where = port_or_path
        self._bell = bell
        self._alarm = Alarm()
        self._asked: queue.SimpleQueue[tuple[str, int, str]] = queue.SimpleQueue()
        self._again = False
        self._kernel: object = None  # which one it was

    # Called by the UI

    def stop(self) -> None:
        """End it. Does not wait for that."""
        self._alarm.stop()

    def acknowledge(self, name: str, position: int, process_id: str) -> None:
        """Acknowledge output up to a position."""
        self._asked.put((name, position, process_id))
        self._alarm.ring()

    def log(self, on: bool) -> None:
        """Hold output back from now on, or no more. It goes on at the same place."""
        self.logging = on
        self._again = True
        self._alarm.ring()

    # The thread

    def run(self) -> None:
        """What the thread does."""
        while not self._alarm.stopped:
            try:
                self._watch()
            except Error as error:
                self._lost(str(error))
            if not self._alarm.stopped and not self._again:
                self._alarm.wait(seconds=RETRY)

    def _lost(self, trouble: str) -> None:
        with self.lock:
            if self.live:
                self.assembler.note(None, time.time(), 'the connection was lost', 'bad')
            self.live = False
            self.trouble = trouble
        self._bell()

    def _watch(self) -> None:
        self._again = False
        with Papa(self._where, autostart=False) as papa:
            self._recognize(papa.kernel_info())
            held = papa.list_processes(*self.names)
            since = self.assembler.latest()
            catch_up = CatchUp(
                {str(each['id']): int(each['captured']) for name, each in held.items()
                 if each['buffered'] and name not in since},
                time.monotonic(),
            )
            self.watcher = self._open(papa, since, len(held))
            try:
                self._listen(self.watcher, catch_up)
            finally:
                self.watcher.close()
            if self.at_end is not None and self._alarm.stopped:
                held = papa.list_processes(*self.names)
                self.at_end(sum(int(each['buffered']) for each in held.values()))

    def _recognize(self, info: Mapping[str, object]) -> None:
        """Whether this is the kernel that it was."""
        before, self._kernel = self._kernel, (info['pid'], info['started'])
        while not self._asked.empty():  # whatever was to be acknowledged is asked for again, if it still is
            self._asked.get()
        if before not in (None, self._kernel):
            with self.lock:
                self.assembler.note(None, time.time(), 'another kernel: what the old one held is gone', 'bad')
                self._log_no_more('another kernel answers')

    def _log_no_more(self, why: str) -> None:
        """Whoever made this a logger did not mean what there is now."""
        if self.logging:
            self.logging = False
            self._again = True
            text = f'This pane is no logger any more: {why}. A makes it one again'
            self.assembler.note(None, time.time(), text, 'bad')
            self.assembler.notices.append(text)

    def _open(self, papa: Papa, since: dict[str, tuple[str, int]], number: int) -> Watcher:
        if self.logging:
            watcher = papa.watch_processes(*self.names, follow=True, since=since)
        else:
            last = max(_LEAST_START, _START // max(1, number))
            watcher = papa.watch_processes(*self.names, peek=True, follow=True, last=last, since=since)
        with self.lock:
            if self.trouble:
                self.assembler.note(None, time.time(), 'connected again', 'good')
            self.live = True
            self.trouble = ''
        self._bell()
        return watcher

    def _listen(self, watcher: Watcher, catch_up: CatchUp) -> None:
        events = watcher.events()
        while not self._alarm.stopped and not self._again:
            batch: list[Event] = []
            size = 0
            while size < _BATCH and watcher.ready:
                event = next(events, None)
                if event is None:
                    break
                batch.append(event)
                size += len(event.data) if isinstance(event, Output) else 100
            shown = catch_up.take(batch, time.monotonic())
            if shown:
                self._take(shown)
            self._acknowledge(watcher)
            if size > _BATCH // 2 and not self.logging:  # a logger has to keep up
                self._alarm.wait(seconds=size / _FASTEST)
            if not batch:
                self._alarm.wait(watcher.fileno(), None if catch_up.done else 0.05)

    def _take(self, events: list[Event]) -> None:
        with self.lock:
            for event in events:
                self.assembler.take(event)
            self.assembler.show_partial()
            if self.assembler.replaced:
                self.assembler.replaced = False
                self._log_no_more('another process has the name')
        self._bell()

    def _acknowledge(self, watcher: Watcher) -> None:
        while True:
            try:
                name, position, process_id = self._asked.get_nowait()
            except queue.Empty:
                return
            try:
                watcher.acknowledge_output(name, position, process_id)
            except Error as error:
                with self.lock:
                    self.assembler.notices.append(str(error))
                self._bell()


def fetch(port_or_path: int | str | None, name: str, process_id: str, before: int) -> list[Event]:
    """What the kernel still holds of a process before a position. Raises an `Error`."""
    found: list[Event] = []
    with Papa(port_or_path, autostart=False) as papa:
        watcher = papa.watch_processes(name, peek=True, since={name: (process_id, 0)})
        for event in watcher.events():
            if event.id == process_id and _reaches(event, before, found):
                break
        watcher.close()
    return by_time(found)


def _reaches(event: Event, before: int, found: list[Event]) -> bool:
    """Add the part of an event that lies before a position; whether that is all that there is."""
    if isinstance(event, Output):
        start = event.position - len(event.data)
        keep = event.data[: max(0, before - start)]
        if keep:
            found.append(event._replace(data=keep, position=start + len(keep)))
        return event.position >= before
    if isinstance(event, Acknowledged):
        return event.position >= before
    return isinstance(event, Lost) and event.end >= before
