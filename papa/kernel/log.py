"""The kernel's log: to a file, to standard error, or nowhere. It never stops the kernel."""

from __future__ import annotations

import logging
import os
import select
from typing import TYPE_CHECKING, TextIO

from papa.errors import BadRequest
from papa.kernel.state import LogState

if TYPE_CHECKING:
    _StreamHandler = logging.StreamHandler[TextIO]
else:  # Python 3.10 has no such generic
    _StreamHandler = logging.StreamHandler


class _PatientHandler(_StreamHandler):
    """Logs to standard error, but drops a line rather than wait for whoever does not read it."""

    def emit(self, record: logging.LogRecord) -> None:
        if self.stream is None:  # closed by whoever started us
            return
        try:
            ready = select.select([], [self.stream], [], 0)[1]
        except (OSError, ValueError):
            return
        if ready:
            super().emit(record)


def set_up(state: LogState, *, may_make: bool = True) -> LogState:
    """Log there from now on; return where that is. Raises `BadRequest` if it cannot be. The file is made if it is
    missing, and `may_make` says so.

    A file is opened by its path, so that an upgrade also ends the use of one that was renamed (by logrotate, say).
    Where that fails, the descriptor serves, which else is the caller's to close.
    """
    handler: logging.Handler
    fd = None
    if state.path is not None:
        handler = stream_handler = _file(state.path, state.fd, 0 if may_make else os.O_CREAT)
        fd = stream_handler.stream.fileno()
    else:
        handler = logging.NullHandler() if state.quiet else _PatientHandler()
    handler.setFormatter(logging.Formatter('%(asctime)s papa[%(process)d] %(levelname)s %(message)s'))
    logging.raiseExceptions = False  # a full disk is no reason to die, or to print
    logger = logging.getLogger('papa')
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if state.debug else logging.INFO)
    logger.propagate = False
    return LogState(state.path, fd, state.debug, state.quiet)


def _file(path: str, fd: int | None, without: int) -> _StreamHandler:
    def opener(path: str, flags: int) -> int:
        return os.open(path, (flags | os.O_NONBLOCK) & ~without, 0o666)  # a FIFO may have no reader

    try:
        stream = open(path, 'a', encoding='utf-8', errors='backslashreplace', opener=opener)  # noqa: SIM115
    except OSError as error:
        if fd is None:
            raise BadRequest(f'Cannot log to {path}: {error.strerror}') from None
        stream = open(fd, 'a', encoding='utf-8', errors='backslashreplace')  # noqa: SIM115 - it stays open
    handler: _StreamHandler = logging.StreamHandler(stream)
    return handler
