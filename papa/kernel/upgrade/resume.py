"""The side of the new code: try whether it could take over, and take over.

Run as ``papa --check-resume FD`` in a child of the kernel, then as ``papa --resume FD`` in its place. It must start
fast: nobody is served meanwhile.
"""

from __future__ import annotations

import gc
import logging
import os
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import count

from papa.kernel import log as logs
from papa.kernel import signals
from papa.kernel.state import State
from papa.kernel.upgrade.attempt import RESUME, Upgrader
from papa.kernel.upgrade.handover import Handover, go_on, restore
from papa.kernel.upgrade.newcomer import BAD, CHECK, GOOD, READY
from papa.version import __version__

log = logging.getLogger('papa.kernel')

_ATTEMPTS = 10
_PAUSE = 0.5  # seconds between them
_AGAIN = '--again'
_MAX_REASON = 200  # characters
_WENT_WELL, _WENT_WRONG = 0, 3


def main(arguments: Sequence[str]) -> int:
    """Run what ``--check-resume FD`` or ``--resume FD`` asks for. Return the exit status."""
    option, fd = arguments[0], int(arguments[1])
    gc.disable()  # everything is made, nothing is dropped: looking for garbage would take as long again
    if option == CHECK:
        return _check(fd)
    assert option == RESUME
    try:
        handover, upgrader = _restore(fd)
    except (OSError, MemoryError) as error:  # it was tried before: what lacks may come back
        _try_again(arguments.count(_AGAIN), error)
        raise
    _take_over(fd, handover.state, upgrader)
    del handover  # it keeps the image
    go_on(upgrader.kernel, upgrader.server)  # before anything that has arrived meanwhile
    gc.enable()
    upgrader.server.run()
    return 0


def _try_again(times: int, error: BaseException) -> None:
    """Begin anew with all descriptors as they came; returns when that was done often enough."""
    log.critical('Cannot go on: %s', error)
    if times < _ATTEMPTS:
        time.sleep(_PAUSE)
        os.execv(sys.orig_argv[0], [*sys.orig_argv, _AGAIN])  # noqa: S606 - no shell is meant


# Taking over


def _restore(fd: int) -> tuple[Handover, Upgrader]:
    """What was handed over, and the kernel made of it. Nothing is lost if that fails: it can be tried again."""
    handover = Handover(fd)
    log_state = logs.set_up(handover.state.log)
    kernel, server = restore(handover)
    kernel.upgrader = upgrader = Upgrader(kernel, server, log_state)
    signals.be_told_of_exits()
    signals.handle(kernel)
    return handover, upgrader


def _take_over(fd: int, state: State, upgrader: Upgrader) -> None:
    """Make it this program's own: from here on it can only go on."""
    upgrader.kernel.origin.take_over()
    for unused in {fd, state.log.fd} - {None, upgrader.log_state.fd}:
        os.close(unused)  # type: ignore[arg-type]
    log.info('Upgraded to papa %s from %s, pid %d', __version__, state.version, os.getpid())


# Trying


def _check(fd: int) -> int:
    """Try whenever a line asks for it, each time in a process of its own.

    What has been tried with success is not tried again: nobody is served while it tries for the last time.
    """
    _say(READY, '')
    known: frozenset[tuple[str, int, int]] = frozenset()
    while sys.stdin.buffer.readline():
        places = _places(fd)  # now: the kernel goes on writing as soon as it has its answer
        pid = os.fork()
        if not pid:
            _rehearse(fd, known)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status == _WENT_WELL:
            known = places
        elif status != _WENT_WRONG:
            _say(BAD, f'it was killed by signal {-status}' if status < 0 else f'it ended with status {status}')
    return 0


def _places(fd: int) -> frozenset[tuple[str, int, int]]:
    """What is to be tried, or nothing if that cannot be told, which the try will tell."""
    with suppress(OSError, ValueError):
        return frozenset(Handover.places(fd))
    return frozenset()


def _rehearse(fd: int, known: frozenset[tuple[str, int, int]]) -> None:
    """Do all that taking over does, with other descriptors under the same numbers. Nobody is served."""
    status = _WENT_WRONG
    try:
        handover = Handover(fd, known)
        _stand_in(handover)
        kernel, _server = restore(handover)
        logs.set_up(handover.state.log)
        signals.handle(kernel)
        kernel.origin.take_over()
        _say(GOOD, '')
        status = _WENT_WELL
    except BaseException as error:  # noqa: BLE001 - it is told
        _say(BAD, _reason(error))
    finally:
        os._exit(status)


def _reason(error: BaseException) -> str:
    """Why it does not go, in one line; of a bug also where."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, MemoryError):
        return 'no memory is left'
    if isinstance(error, ValueError) and error.args:
        return str(error)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = '' if trace is None else f' ({trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno})'
    return f'{type(error).__name__}: {str(error)[:_MAX_REASON]}{place}'


def _stand_in(handover: Handover) -> None:
    """Put a descriptor of the right kind under each number that will be there."""
    kinds = (handover.sockets, handover.pipes, handover.files)
    wanted = {number for numbers in kinds for number in numbers}
    here, there = socket.socketpair()
    own = [here.detach(), there.detach(), *os.pipe()]
    free = (number for number in count(3) if number not in wanted and number not in own)
    for index, fd in enumerate(own):
        if fd in wanted:
            own[index] = os.dup2(fd, next(free))
    here_again, _, reader, writer = own
    for kind, numbers in zip((here_again, reader, writer), kinds, strict=True):
        for number in numbers:
            os.dup2(kind, number)
    for fd in own:
        os.close(fd)


def _say(word: str, text: str) -> None:
    line = f'{word}\t{text}'.replace('\n', ' ').encode('utf-8', 'surrogateescape')
    os.write(1, b'\n' + line + b'\n')  # what went wrong before may have left half a line
