"""papa, a process kernel: it holds sockets, values and processes while what manages them comes and goes."""

from __future__ import annotations

from papa.client.arguments import DEVNULL, PIPE, STDOUT
from papa.client.embedded import set_debug_mode
from papa.client.process_output import ProcessOutput
from papa.client.settings import set_default_connection_timeout, set_default_path, set_default_port
from papa.client.sync import Papa
from papa.client.watcher import Watcher
from papa.errors import (
    AccessDenied,
    BadRequest,
    Conflict,
    ConnectFailed,
    ConnectionLost,
    Error,
    LimitReached,
    NotFound,
    SystemFailure,
    Unsupported,
)
from papa.version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from papa.client.aio import AsyncPapa as AsyncPapa

__all__ = [
    'DEVNULL', 'PIPE', 'STDOUT', 'AccessDenied', 'AsyncPapa', 'BadRequest', 'Conflict', 'ConnectFailed',
    'ConnectionLost', 'Error', 'LimitReached', 'NotFound', 'Papa', 'ProcessOutput', 'SystemFailure', 'Unsupported',
    'Watcher', '__version__', 'set_debug_mode', 'set_default_connection_timeout', 'set_default_path',
    'set_default_port',
]


def __getattr__(name: str) -> object:
    if name == 'AsyncPapa':  # asyncio is slow to import, and most programs do without
        from papa.client.aio import AsyncPapa

        globals()[name] = AsyncPapa
        return AsyncPapa
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
