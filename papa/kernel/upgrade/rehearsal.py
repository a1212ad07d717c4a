"""The side of the new code: try whether it could take over.

Called by `papa.kernel.upgrade.stub` in a child of the kernel; `papa.kernel.upgrade.newcomer` is the kernel's side. All
code is loaded that will take over.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
from contextlib import suppress
from itertools import count

from papa import interpreter
from papa.kernel.state import Stored
from papa.kernel.upgrade import handover, memory, resume
from papa.kernel.upgrade.handover import Handover
from papa.kernel.upgrade.newcomer import BAD, DIALOGUE, GOOD, READY

_MAX_REASON = 200  # characters
_WENT_WELL, _WENT_WRONG = 0, 3
_FIRST = '1'
_SPARE = 16 * 1024 * 1024  # bytes of memory, for all else that is done until then

Stamps = dict[str, tuple[int, ...] | None]  # of files, by their paths


def main(fd: int, dialogue: int) -> int:
    """Try the state in `fd` whenever a line asks for it, each time in a process of its own. Return the exit status.

    What has been tried with success is not tried again: nobody is served while it tries for the last time.
    """
    if dialogue != DIALOGUE:
        _say(BAD, f'it speaks dialogue {DIALOGUE} of upgrades, and the kernel {dialogue}')
        return _WENT_WRONG
    try:
        for path, text in interpreter.sources.items():
            compile(text, path, 'exec')
    except SyntaxError as error:
        _say(BAD, f'SyntaxError: {error.msg} ({path}, line {error.lineno})')
        return _WENT_WRONG
    gc.disable()  # as where it takes over
    _offer_itself()
    code = _stamps()
    _say(READY, '')
    known: frozenset[Stored] = frozenset()
    while order := sys.stdin.buffer.readline():
        number = order.split()[1].decode()  # of the try
        try:
            pid = os.fork()
        except OSError as error:
            _say(BAD, error.strerror or 'it cannot fork')
            continue
        if not pid:
            _rehearse(fd, known, code)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status == _WENT_WELL:
            if number == _FIRST:  # while everybody is served
                known = Handover.places(fd)
            _say(GOOD, number)
        elif status != _WENT_WRONG:
            _say(BAD, f'it was killed by signal {-status}' if status < 0 else f'it ended with status {status}')
    return 0


def _offer_itself() -> None:
    """Where memory runs out all the same, this is to be killed, and nobody else (proc(5), oom_score_adj)."""
    with suppress(OSError), open('/proc/self/oom_score_adj', 'w', encoding='ascii') as file:
        file.write('1000')


def _stamps() -> Stamps:
    """Which files this program is, so that another can be told from it."""
    modules = (getattr(module, '__file__', None) for module in list(sys.modules.values()))
    paths = [sys.executable, *interpreter.sources, *modules]
    return {path: _stamp(path) for path in paths if path}


def _stamp(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except OSError:  # it is gone, or lies in an archive
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _rehearse(fd: int, known: frozenset[Stored], code: Stamps) -> None:
    """Do all that taking over does, with other descriptors under the same numbers. Nobody is served."""
    status = _WENT_WRONG
    try:
        handed = Handover(fd, trial=True, known=known)
        _stand_in(handed)
        kernel, server, *_ = resume.build(handed, fd, trial=True)
        kernel.origin.take_over()
        handover.settle(kernel, server)
        room = memory.addressable()
        if room is not None and handed.state.held + _SPARE > room:
            raise MemoryError
        if any(_stamp(path) != stamp for path, stamp in code.items()):
            raise ValueError('it has been replaced meanwhile; try again')
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


def _stand_in(handed: Handover) -> None:
    """Put a descriptor of the right kind under each number that will be there."""
    kinds = (handed.sockets, handed.pipes, handed.files)
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
    for fd in (here_again, reader, writer):  # the other end stays, else whoever writes would find it closed
        os.close(fd)


def _say(word: str, text: str) -> None:
    line = f'{word}\t{text}'.replace('\n', ' ').encode('utf-8', 'surrogateescape')
    os.write(1, b'\n' + line + b'\n')  # what went wrong before may have left half a line
