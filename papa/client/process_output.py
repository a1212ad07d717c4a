"""`ProcessOutput`, what a `Watcher` hands out."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple

    class _Fields(NamedTuple):
        name: str
        timestamp: float
        data: Any
else:
    from collections import namedtuple

    _Fields = namedtuple('_Fields', 'name timestamp data')


class ProcessOutput(_Fields):
    """A piece of output, or an exit.

    `name` is the name of the process, `timestamp` when the kernel captured it (seconds since the
    epoch), `data` the bytes or, of an exit, the exit code (negative: the signal, as `subprocess.Popen`).

    Beside these three fields of the tuple: `position` is where it ends, a byte offset in all that the process
    has written (of an exit, where its output ends); `id` is that of the process, unique to this start of it.
    """

    position: int = 0
    id: str = ''

    def __new__(cls, name: str, timestamp: float, data: Any, position: int = 0, id: str = '') -> ProcessOutput:  # noqa: A002
        self = super().__new__(cls, name, timestamp, data)
        self.position = position
        self.id = id
        return self

    def _replace(self, **changed: Any) -> ProcessOutput:
        position, process_id = changed.pop('position', self.position), changed.pop('id', self.id)
        return type(self)(*super()._replace(**changed), position, process_id)

    __replace__ = _replace  # what `copy.replace` of Python 3.13 calls
