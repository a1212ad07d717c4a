"""The thread that watches output. It writes into the store by itself, so that a terminal that stalls stops nothing."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing

from papa import Papa
from papa.client.watcher import Watcher
from papa.errors import Error
from papa.events import Event, Output
from papa.line.kernels import identity
from papa.names import matches
from papa_tui.feeds.alarm import Alarm
from papa_tui.output.assembler import Assembler
from papa_tui.output.merging import CatchUp
from papa_tui.output.store import Store

RETRY = 1.0  # seconds
_BATCH = 512 << 10  # bytes of events that are taken in at once
_FASTEST = 64 << 20  # bytes a second that a peek takes in: the keys want to be heard, too
_START = 256 << 10  # bytes of what is held that a peek begins with, all processes together
_LEAST_START = 4096


class OutputFeed(threading.Thread):
    """Watches the processes that match `names`, and those that follow them, and keeps `store`.

    Everything that is read from `store` and `assembler` is read under `lock`. `bell` is called by this thread when
    there is more. It peeks; once `log` was called it holds output back, as a logger does, until another kernel answers:
    nobody has asked for that. `peeked` are the names that it only peeks at even so; `logs` has the rule.
    """

    def __init__(self, port_or_path: int | str | None, names: tuple[str, ...], bell: Callable[[], None]) -> None:
        super().__init__(name='output', daemon=True)
        self.names = names
        self.lock = threading.Lock()
        self.store = Store()
        self.assembler = Assembler(self.store)
        self.logging = False
        self.peeked: frozenset[str] = frozenset()
        self.live = False
        self.trouble = ''
        self.opened = ''  # 'peek' or 'watch': what the kernel has begun
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
        self.peeked = frozenset()
        self._again = True
        self._alarm.ring()

    def logs(self, name: str) -> bool:
        """Whether it holds back what the process of this name writes. A pattern means whoever matches it, also one that
        was started again; a name alone means the process that had it when a person agreed to this, no other."""
        return self.logging and name not in self.peeked

    def fail(self, text: str) -> None:
        """The thread has ended by a mistake of ours."""
        self._lost(text)

    # The thread

    def run(self) -> None:
        """What the thread does."""
        with self._alarm:
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
            with ExitStack() as opened:
                self._listen([opened.enter_context(closing(each)) for each in self._open(papa, since, len(held))],
                             catch_up)
            if self.at_end is not None and self._alarm.stopped:
                held = papa.list_processes(*self.names)
                self.at_end(sum(int(each['buffered']) for each in held.values()))

    def _recognize(self, info: Mapping[str, object]) -> None:
        """Whether this is the kernel that it was."""
        before, self._kernel = self._kernel, identity(info)
        while not self._asked.empty():  # whatever was to be acknowledged is asked for again, if it still is
            self._asked.get()
        if before not in (None, self._kernel):
            with self.lock:
                self.assembler.note(None, time.time(), 'another kernel: what the old one held is gone', 'bad')
                for source in self.assembler.sources.values():
                    source.gone()
                self._log_no_more('another kernel answers')

    def _log_no_more(self, why: str) -> None:
        """Whoever made this a logger did not mean what there is now."""
        if self.logging:
            self.logging = False
            self.peeked = frozenset()
            self._say(f'This pane is no logger any more: {why}. A makes it one again')

    def _succeeded(self, name: str) -> None:
        """Another process has come under the name of one."""
        if not self.logs(name) or matches(name, [each for each in self.names if each.endswith('*')]):
            return
        self.peeked |= {name}
        if self.peeked.issuperset(self.names):
            self._log_no_more('another process has the name')
        else:
            self._say(f'This pane only peeks at the new {name}, and logs the others. A twice: that one, too')

    def _say(self, text: str) -> None:
        self._again = True
        self.assembler.note(None, time.time(), text, 'bad')
        self.assembler.notices.append(text)

    def _open(self, papa: Papa, since: dict[str, tuple[str, int]], number: int) -> Iterator[Watcher]:
        """A watch that holds back what this is a logger of, and one that peeks at the rest."""
        last = max(_LEAST_START, _START // max(1, number))
        logged = [name for name in self.names if self.logs(name)]
        peeked = [name for name in self.names if not self.logs(name)]
        if logged:
            on = {name: place for name, place in since.items() if self.logs(name)}
            yield papa.watch_processes(*logged, follow=True, since=on)
        if peeked:
            on = {name: place for name, place in since.items() if not self.logs(name)}
            yield papa.watch_processes(*peeked, peek=True, follow=True, last=last, since=on)

    def _listen(self, watchers: list[Watcher], catch_up: CatchUp) -> None:
        self._connected(watchers)
        streams = [(watcher, watcher.events()) for watcher in watchers]
        while not self._alarm.stopped and not self._again:
            batch: list[Event] = []
            size = sum(_hear(watcher, events, batch) for watcher, events in streams)
            shown = catch_up.take(batch, time.monotonic())
            if shown:
                self._take(shown)
            self._acknowledge(watchers[0])
            if size > _BATCH // 2 and not self.logging:  # a logger has to keep up
                self._alarm.wait(seconds=size / _FASTEST)
            if not batch:
                files = [watcher.fileno() for watcher in watchers]
                self._alarm.wait(*files, seconds=None if catch_up.done else 0.05)

    def _connected(self, watchers: list[Watcher]) -> None:
        self.watcher = watchers[0]
        with self.lock:
            if self.trouble:
                self.assembler.note(None, time.time(), 'connected again', 'good')
            self.live = True
            self.opened = 'watch' if any(map(self.logs, self.names)) else 'peek'
            self.trouble = ''
        self._bell()

    def _take(self, events: list[Event]) -> None:
        with self.lock:
            for event in events:
                self.assembler.take(event)
            self.assembler.show_partial()
            while self.assembler.succeeded:
                self._succeeded(self.assembler.succeeded.pop())
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


def _hear(watcher: Watcher, events: Iterator[Event], batch: list[Event]) -> int:
    """Add to a batch what has come. Returns about how many bytes that is."""
    size = 0
    while size < _BATCH and watcher.ready:
        event = next(events, None)
        if event is None:
            break
        batch.append(event)
        size += len(event.data) if isinstance(event, Output) else 100
    return size
