"""What the kernel still has before the first line of a pane: fetched by a thread of its own, once at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from papa import Papa
from papa.errors import Error
from papa.events import Acknowledged, Event, Lost, Output
from papa_tui.feeds.output import OutputFeed
from papa_tui.output.merging import by_time
from papa_tui.output.sources import Source


class Older:
    """Fetches what is older for an `OutputFeed`, as far as there is room in its store.

    `bell` is called when some has come. `tell` is called with what a person should know, by the thread too.
    """

    def __init__(
        self, port_or_path: int | str | None, feed: OutputFeed, bell: Callable[[], None], tell: Callable[[str], None]
    ) -> None:
        self._where = port_or_path
        self._feed = feed
        self._bell = bell
        self._tell = tell
        self._busy = threading.Lock()  # held from the question to the end of the thread that it starts

    def fetch(self) -> None:
        """Get it, without stopping for that. Does nothing while it is being got."""
        if not self._busy.acquire(blocking=False):
            return
        with self._feed.lock:
            wanted = [source for source in self._feed.assembler.sources.values() if source.more_above]
            room = self._feed.store.room // max(1, len(wanted))
        if wanted and room:
            threading.Thread(target=self._run, args=(wanted, room), name='older', daemon=True).start()
            return
        self._busy.release()
        if wanted:
            names = ' '.join(dict.fromkeys(source.name for source in wanted))
            self._tell(f'No room for more lines here; "papa-shell peek processes {names}" shows what the kernel has')

    def _run(self, wanted: list[Source], room: int) -> None:
        try:
            self._put({source: source.start or 0 for source in wanted}, room)
        except Error as error:
            self._tell(str(error))
        finally:
            self._busy.release()
        self._bell()

    def _put(self, starts: dict[Source, int], room: int) -> None:
        """Get what is before these positions, as much of each as there is room for."""
        events: list[Event] = []
        for source, before in starts.items():
            events += fetch(self._where, source.name, source.id, max(0, before - room), before)
        with self._feed.lock:  # where lines were dropped meanwhile, these would not join
            kept = {source.id for source, before in starts.items() if source.start == before}
            self._feed.assembler.put_before(by_time(event for event in events if event.id in kept))


def fetch(port_or_path: int | str | None, name: str, process_id: str, after: int, before: int) -> list[Event]:
    """What the kernel still holds of a process between two positions. Raises an `Error`."""
    found: list[Event] = []
    with Papa(port_or_path, autostart=False) as papa:
        watcher = papa.watch_processes(name, peek=True, since={name: (process_id, after)})
        for event in watcher.events():
            if event.id == process_id and _reaches(event, before, found):
                break
        watcher.close()
    return found


def _reaches(event: Event, before: int, found: list[Event]) -> bool:
    """Add the part of an event that lies before a position; whether that is all that there is."""
    if isinstance(event, Output):
        start = event.position - len(event.data)
        keep = event.data[: max(0, before - start)]
        if keep:
            found.append(event._replace(data=keep, position=start + len(keep)))
        return event.position >= before
    if isinstance(event, Lost):
        if event.start < before:
            found.append(event._replace(end=min(event.end, before)))
        return event.end >= before
    return isinstance(event, Acknowledged) and event.position >= before
