"""papa, a process kernel: it holds sockets, values and processes while what manages them comes and goes."""

from __future__ import annotations

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
    from papa.client.arguments import DEVNULL, PIPE, STDOUT
    from papa.client.embedded import set_debug_mode
    from papa.client.process_output import ProcessOutput
    from papa.client.settings import set_default_connection_timeout, set_default_path, set_default_port
    from papa.client.sync import Papa
    from papa.client.watcher import Watcher

__all__ = [
    'DEVNULL', 'PIPE', 'STDOUT', 'AccessDenied', 'AsyncPapa', 'BadRequest', 'Conflict', 'ConnectFailed',
    'ConnectionLost', 'Error', 'LimitReached', 'NotFound', 'Papa', 'ProcessOutput', 'SystemFailure', 'Unsupported',
    'Watcher', '__version__', 'set_debug_mode', 'set_default_connection_timeout', 'set_default_path',
    'set_default_port',
]


# Loaded when they are asked for: few programs need asyncio, and a kernel, which must start fast, needs no client.
_HOMES = {
    'AsyncPapa': 'aio', 'DEVNULL': 'arguments', 'PIPE': 'arguments', 'Papa': 'sync', 'ProcessOutput': 'process_output',
    'STDOUT': 'arguments', 'Watcher': 'watcher', 'set_debug_mode': 'embedded',
    'set_default_connection_timeout': 'settings', 'set_default_path': 'settings', 'set_default_port': 'settings',
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from importlib import import_module

    found: object = getattr(import_module(f'papa.client.{_HOMES[name]}'), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
