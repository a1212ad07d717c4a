"""The ``papa`` command: runs a kernel."""

from __future__ import annotations

import argparse
import logging
import os
import pwd
import select
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from papa import endpoint as endpoints
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

log = logging.getLogger('papa.kernel')

_FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a kernel until it is told to end. Returns the exit status."""
    options = _parser().parse_args(arguments)
    starter: Starter | None = None
    open_standard_streams()
    try:
        endpoint = _endpoint(options)
        allowed = frozenset(_uid(name) for name in options.allow_user)
        log_file = _absolute(options.log_file) if options.log_file else None
        _be_signalled()
        if options.daemonize:
            starter = detach(_complain)
        _set_up_log(log_file, options.debug, quiet=options.daemonize)
        kernel = Kernel(Origin())
        server = _open(endpoint, kernel, Access(allowed, any_local_user=options.allow_any_local_user))
    except Error as error:
        if starter is not None:
            starter.failed(str(error))
            return _FAILED
        return _complain(str(error))
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='papa', description='Run the process kernel: it holds sockets, values and processes for their managers.',
        epilog=f'Without -p and -u, {endpoints.ENVIRONMENT_VARIABLE} says where it listens, else port '
        f'{endpoints.DEFAULT_PORT} on {endpoints.LOOPBACK}.',
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument('-p', '--port', help='listen on this TCP port of 127.0.0.1')
    where.add_argument('-u', '--unix-socket', metavar='PATH', help='listen on this Unix socket (an absolute path)')
    parser.add_argument('--daemonize', action='store_true', help='run in the background; return when it answers')
    parser.add_argument('-d', '--debug', action='store_true', help='log more')
    parser.add_argument('--log-file', metavar='FILE', help='log to this file instead of standard error')
    parser.add_argument(
        '--allow-user', metavar='NAME', action='append', default=[],
        help='let this user in, too, beside root and the one who runs the kernel; may be repeated',
    )
    parser.add_argument('--allow-any-local-user', action='store_true', help='let everybody on this machine in')
    parser.add_argument('--version', action='version', version=f'papa {__version__}')
    return parser


def _endpoint(options: argparse.Namespace) -> Endpoint:
    if options.unix_socket is not None:
        return endpoints.from_path(options.unix_socket)
    if options.port is not None:
        return endpoints.from_port(options.port)
    return endpoints.default(os.environ)


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


def _complain(text: str) -> int:
    with suppress(OSError):
        print(f'papa: {text}', file=sys.stderr, flush=True)
    return _FAILED
