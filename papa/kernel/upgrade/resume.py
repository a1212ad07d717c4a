"""The side of the new code: try whether it could take over, and take over.

Run as ``papa --check-resume FD`` in a child of the kernel, then as ``papa --resume FD`` in its place. It must start
fast: nobody is served meanwhile.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from collections.abc import Sequence

from papa import interpreter
from papa.kernel import log as logs
from papa.kernel import signals
from papa.kernel.state import State
from papa.kernel.upgrade import codec
from papa.kernel.upgrade.attempt import RESUME, Upgrader
from papa.kernel.upgrade.handover import go_on, pipes_of, restore, sockets_of
from papa.kernel.upgrade.image import Reading
from papa.kernel.upgrade.newcomer import BAD, CHECK, GOOD, READY
from papa.version import __version__

log = logging.getLogger('papa.kernel')

_ATTEMPTS = 10
_PAUSE = 0.5  # seconds between them
_AGAIN = '--again'


def main(arguments: Sequence[str]) -> int:
    """Run what ``--check-resume FD`` or ``--resume FD`` asks for. Return the exit status."""
    option, fd = arguments[0], int(arguments[1])
    if option == CHECK:
        return _check(fd)
    assert option == RESUME
    try:
        return _resume(fd)
    except (OSError, MemoryError) as error:  # it was tried before: what lacks may come back
        _try_again(arguments.count(_AGAIN), error)
        raise


def _try_again(times: int, error: BaseException) -> None:
    """Begin anew with all descriptors as they came; returns when that was done often enough."""
    log.critical('Cannot go on: %s', error)
    if times < _ATTEMPTS:
        time.sleep(_PAUSE)
        os.execv(sys.orig_argv[0], [*sys.orig_argv, _AGAIN])  # noqa: S606 - no shell is meant


def read(fd: int) -> State:
    """The state in an image. Raises ValueError or OSError if there is none."""
    reading = Reading(fd)
    return codec.decode(State, reading.record(), reading.get)


# Taking over


def _resume(fd: int) -> int:
    state = read(fd)
    log_state = logs.set_up(state.log)
    kernel, server = restore(state)
    kernel.upgrader = Upgrader(kernel, server, log_state)
    signals.be_told_of_exits()
    signals.handle(kernel)
    kernel.origin.take_over()  # from here on it can only go on
    for unused in {fd, state.log.fd} - {None, log_state.fd}:
        os.close(unused)  # type: ignore[arg-type]
    log.info('Upgraded to papa %s from %s, pid %d', __version__, state.version, os.getpid())
    kernel.loop.call_soon(lambda: go_on(kernel, server))
    del state  # it keeps the image
    server.run()
    return 0


# Trying


def _check(fd: int) -> int:
    """Try whenever a line asks for it, each time in a process of its own."""
    _say(READY, interpreter.PACKAGE_DIRECTORY)
    while sys.stdin.buffer.readline():
        pid = os.fork()
        if not pid:
            _rehearse(fd)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status < 0:
            _say(BAD, f'it was killed by signal {-status}')
        elif status:
            _say(BAD, f'it ended with status {status}')
    return 0


def _rehearse(fd: int) -> None:
    """Do all that taking over does, with other descriptors under the same numbers. Nobody is served."""
    try:
        state = read(fd)
        _stand_in(state)
        kernel, server = restore(state)
        logs.set_up(state.log)
        kernel.origin.take_over()
        signals.handle(kernel)
        _say(GOOD, '')
        del server
    except (OSError, ValueError, LookupError, MemoryError) as error:
        _say(BAD, f'{error}' or type(error).__name__)
    finally:
        sys.stdout.flush()
        os._exit(0)


def _stand_in(state: State) -> None:
    """Put a descriptor of the right kind under each number that will be there."""
    sockets = [*sockets_of(state), state.endpoint.fd]
    pipes = list(pipes_of(state))
    files = [fd for fd in (state.endpoint.lock, state.log.fd) if fd is not None]
    here, there = socket.socketpair()
    reader, writer = os.pipe()
    own = [here.detach(), there.detach(), reader, writer]
    free = iter(sorted(set(range(3, 3 + 2 * len(own) + sum(map(len, (sockets, pipes, files)))))
                       - {*sockets, *pipes, *files, *own}))
    for index, fd in enumerate(own):
        if fd in (*sockets, *pipes, *files):
            own[index] = os.dup2(fd, next(free))
    for kind, numbers in zip((own[0], own[2], own[3]), (sockets, pipes, files), strict=True):
        for number in numbers:
            os.dup2(kind, number)
    for fd in own:
        os.close(fd)


def _say(word: str, text: str) -> None:
    line = f'{word}\t{text}'.replace('\n', ' ')
    os.write(1, line.encode('utf-8', 'surrogateescape') + b'\n')
