"""The old side: a whole kernel as a `State`, of which most is stored while it still serves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from sys import getsizeof
from typing import Any

from papa.kernel.kernel import Kernel
from papa.kernel.processes import ProcessRecord
from papa.kernel.server import Server
from papa.kernel.state import Data, LogState, OriginState, Place, State, Stored
from papa.kernel.upgrade import codec
from papa.kernel.upgrade.image import Image
from papa.version import __version__

_LARGE = 1024  # characters of a value that is stored by itself: JSON would take longer
_PAGE = 256  # values that are stored together, about


class Collector:
    """Collects all that a kernel holds, more than once: what has not changed meanwhile is not stored again."""

    def __init__(self, kernel: Kernel, server: Server, image: Image) -> None:
        self._kernel = kernel
        self._server = server
        self._image = image
        self._environments: list[Data] = []
        self._numbers: dict[int, int] = {}  # of environments, by their identity: many processes share one
        self._processes: dict[ProcessRecord, tuple[tuple[Any, ...], Place]] = {}
        self._ends: dict[ProcessRecord, int] = {}  # up to where their output is stored
        self._values = _Values(kernel.values.by_name, image)

    def missing(self) -> int:
        """About how many bytes there are that are not stored yet."""
        size = sum(session.unsent + session.unread for session in self._server.sessions)
        for record in self._server.records():
            size += record.output.weight(self._ends.get(record, 0))
        return size + self._values.missing()

    def prepare(self) -> Iterator[int]:
        """Store what is there already, in steps. Yields their sizes in bytes. Raises OSError."""
        before = self._image.size
        for _ in chain(map(self._process, self._server.records()), self._values.pages(), self._values.large()):
            yield self._image.size - before
            before = self._image.size

    def collect(self, log: LogState, newcomer: int) -> State:
        """All of it; `newcomer` is the PID of the new code. Data goes into the image. Raises OSError."""
        kernel, server = self._kernel, self._server
        origin = kernel.origin
        return State(
            version=__version__, upgrades=kernel.upgrades + 1, started=kernel.started,
            started_by_monotonic=kernel.started_by_monotonic, endpoint=server.listener.state(),
            origin=OriginState(
                self._number(origin.environment), origin.directory, origin.soft_limit, origin.hard_limit
            ),
            processes=[(record.id, *self._process(record)) for record in server.records()],
            environments=self._environments, allowed_users=sorted(server.access.allowed),
            allow_any_local_user=server.access.any_local_user, boot=kernel.processes.boot,
            starts=kernel.processes.starts, values=list(self._values.pages()),
            large_values=list(self._values.large()),
            sockets=[record.state() for record in kernel.sockets.by_name.values()],
            sessions=server.states(self._image.put), log=log, exit_when_unused=kernel.exit_when_unused,
            kept=self._descriptors(log), helpers=[*kernel.helpers, *kernel.lookups.helpers, newcomer],
            held=sum(record.output.weight(0) for record in server.records()) + self._values.held(),
        )

    def _descriptors(self, log: LogState) -> list[int]:
        """All that have to stay open."""
        kernel, server = self._kernel, self._server
        found = [] if log.fd is None else [log.fd]
        found += [*server.listener.descriptors, *(session.descriptor for session in server.sessions)]
        found += [record.fileno for record in kernel.sockets.by_name.values()]
        for process in kernel.capture.recorded:
            found += [*process.pipes, *process.draining]
        return found

    def _process(self, record: ProcessRecord) -> Place:
        named, environment = self._kernel.processes.has(record), self._number(record.spec.env)
        large_pipes = self._kernel.capture.large_pipes
        edition = record.edition(named, environment, large_pipes)
        known = self._processes.get(record)
        if known is not None and known[0] == edition:
            return known[1]
        output = record.output.state(self._image.store, self._image.put)
        self._ends[record] = output.end
        state = record.state(output, named, environment, large_pipes)
        place = self._image.put(codec.encode(state, self._image.put))
        self._processes[record] = edition, place
        return place

    def _number(self, environment: dict[bytes, bytes]) -> int:
        number = self._numbers.setdefault(id(environment), len(self._environments))
        if number == len(self._environments):
            variables = [key + b'=' + value for key, value in environment.items()]
            self._environments.append(self._image.put(b'\0'.join(variables)))
        return number


class _Values:
    """Stores the values, each again only if it has changed: large ones by themselves, others in pages."""

    def __init__(self, by_name: dict[str, str], image: Image) -> None:
        self._by_name = by_name
        self._image = image
        self._large: dict[str, tuple[str, Place]] = {}
        self._pages: dict[str, tuple[list[tuple[str, str]], Place]] = {}  # by the name that is first

    def missing(self) -> int:
        """At most how many bytes are not stored yet."""
        known = self._large
        return sum(
            len(value) if value.isascii() else 2 * getsizeof(value)  # its UTF-8 is not larger
            for name, value in self._by_name.items() if name not in known or known[name][0] is not value
        )

    def pages(self) -> Iterator[Stored]:
        """All in their order, without the texts of large ones."""
        for page in _pages(list(self._by_name.items())):
            first = page[0][0]
            known = self._pages.get(first)
            if known is None or known[0] != page:
                texts = {name: value if len(value) < _LARGE else None for name, value in page}
                known = self._pages[first] = page, self._image.put(codec.to_json(texts))
            yield first, *known[1]

    def large(self) -> Iterator[Stored]:
        """The large ones."""
        for name, value in self._large_ones():
            known = self._large.get(name)
            if known is None or known[0] is not value:
                known = self._large[name] = value, self._image.put(value.encode('utf-8', 'surrogatepass'))
            yield name, *known[1]

    def held(self) -> int:
        """Bytes of memory that the large ones take."""
        return sum(getsizeof(value) for _, value in self._large_ones())

    def _large_ones(self) -> list[tuple[str, str]]:
        return [item for item in self._by_name.items() if len(item[1]) >= _LARGE]


def _pages(items: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Divide them. Where a page ends depends on names, so that the others stay the same if one thing comes or goes."""
    start = 0
    for end, (name, _) in enumerate(items, 1):
        if not hash(name) % _PAGE or end - start == 4 * _PAGE:
            yield items[start:end]
            start = end
    if start < len(items):
        yield items[start:]
