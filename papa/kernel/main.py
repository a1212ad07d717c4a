"""Running a kernel as a program: what its options mean, its log, its signals, its announcement."""

from __future__ import annotations

import logging
import os
import pwd
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from papa.endpoint import Endpoint
from papa.errors import BadRequest, Error
from papa.kernel import log as logs
from papa.kernel import signals
from papa.kernel.access import Access, can_tell_tcp_peers
from papa.kernel.daemon import Starter, detach, open_standard_streams
from papa.kernel.kernel import Kernel
from papa.kernel.listener import Listener
from papa.kernel.origin import Origin
from papa.kernel.server import Server
from papa.kernel.state import LogState
from papa.kernel.upgrade.attempt import Upgrader
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
        signals.be_told_of_exits()
        if options.daemonize:
            starter = detach(complain)
        log_state = logs.set_up(LogState(log_file, None, options.debug, options.daemonize))
        kernel = Kernel(Origin())
        server = _open(endpoint, kernel, Access(allowed, any_local_user=options.allow_any_local_user))
    except Error as error:
        if starter is None:
            raise
        starter.failed(str(error))
        return _FAILED
    kernel.upgrader = Upgrader(kernel, server, log_state)
    signals.handle(kernel)
    signals.let_in()
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


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except OSError:
        raise BadRequest(f'--log-file {path}: the directory that it is relative to does not exist') from None


def _announce(endpoint: Endpoint, starter: Starter | None) -> None:
    log.info('papa %s listens on %s, pid %d', __version__, endpoint, os.getpid())
    if starter is not None:
        starter.ready()
        return
    with suppress(OSError):  # nobody may be listening to that
        print(f'papa {__version__} listens on {endpoint}', flush=True)
