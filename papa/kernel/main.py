"""Running a kernel as a program: what its options mean, its log, its signals, its announcement."""

from __future__ import annotations

import logging
import os
import pwd
import select
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from papa.endpoint import Endpoint
from papa.errors import BadRequest, Error
from papa.kernel.access import Access, can_tell_tcp_peers
from papa.kernel.daemon import Starter, detach, open_standard_streams
from papa.kernel.kernel import Kernel
from papa.kernel.listener import Listener
from papa.kernel.loop import READ
from papa.kernel.origin import Origin
from papa.kernel.server import Server
from papa.version import __version__

if TYPE_CHECKING:
    from argparse import Namespace

log = logging.getLogger('papa.kernel')

_FAILED = 1


def run(endpoint: Endpoint, options: Namespace, complain: Callable[[str], int]) -> int:
    """Run a kernel at this address until it is told to end. Returns the exit status.

    `options` are those of `papa.command_line`. Raises an `Error` if it cannot run; in a daemon it tells the process
    that has started it instead, which uses `complain` to show a line and to get its exit status.
    """
    starter: Starter | None = None
    open_standard_streams()
    try:
        allowed = frozenset(_uid(name) for name in options.allow_user)
        log_file = _absolute(options.log_file) if options.log_file else None
        _be_signalled()
        if options.daemonize:
            starter = detach(complain)
        _set_up_log(log_file, options.debug, quiet=options.daemonize)
        kernel = Kernel(Origin())
        server = _open(endpoint, kernel, Access(allowed, any_local_user=options.allow_any_local_user))
    except Error as error:
        if starter is None:
            raise
        starter.failed(str(error))
        return _FAILED
    _handle_signals(kernel)
    _announce(endpoint, starter)
    server.run()
    return 0


def _open(endpoint: Endpoint, kernel: Kernel, access: Access) -> Server:
    if endpoint.path is None and not can_tell_tcp_peers() and not access.shared:
        raise BadRequest(
            'This system does not tell which user makes a TCP connection: '
            'use a Unix socket (-u PATH), or serve every local user with --allow-any-local-user'
        )
    kernel.origin.take_over()
    return Server(kernel, Listener(endpoint, shared=access.shared), access)


def _uid(name: str) -> int:
    if name.isascii() and name.isdigit() and len(name) < 11:
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise BadRequest(f'--allow-user: there is no user "{name}"') from None


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


def _set_up_log(path: str | None, debug: bool, *, quiet: bool) -> None:
    handler: logging.Handler
    if path is not None:
        try:
            handler = logging.FileHandler(path)
        except OSError as error:
            raise BadRequest(f'Cannot log to {path}: {error.strerror}') from None
    else:
        handler = logging.NullHandler() if quiet else _PatientHandler()
    handler.setFormatter(logging.Formatter('%(asctime)s papa[%(process)d] %(levelname)s %(message)s'))
    logging.raiseExceptions = False  # a full disk is no reason to die, or to print
    logger = logging.getLogger('papa')
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    logger.propagate = False


def _be_signalled() -> None:
    """Whoever started us may have blocked or ignored what a kernel lives by."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it would take the exit codes away


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except OSError:
        raise BadRequest(f'--log-file {path}: the directory that it is relative to does not exist') from None


def _handle_signals(kernel: Kernel) -> None:
    """End in order at SIGTERM and SIGINT, and when the terminal goes away.

    A signal that was ignored at the start stays so, here and in children.
    """
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)

    def woken(_events: int) -> None:
        with suppress(BlockingIOError):
            os.read(reader, 512)

    def end(number: int, _frame: object) -> None:
        log.info('%s: ending', signal.Signals(number).name)
        kernel.loop.stop()

    def go_on(number: int, _frame: object) -> None:
        log.info('%s: there is no terminal to lose; going on', signal.Signals(number).name)

    kernel.loop.register(reader, READ, woken)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    hang_up = end if _has_terminal() else go_on
    for number, handler in ((signal.SIGTERM, end), (signal.SIGINT, end), (signal.SIGHUP, hang_up)):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _has_terminal() -> bool:
    try:
        os.close(os.open('/dev/tty', os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _announce(endpoint: Endpoint, starter: Starter | None) -> None:
    log.info('papa %s listens on %s, pid %d', __version__, endpoint, os.getpid())
    if starter is not None:
        starter.ready()
        return
    with suppress(OSError):  # nobody may be listening to that
        print(f'papa {__version__} listens on {endpoint}', flush=True)
