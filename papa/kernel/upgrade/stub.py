"""What becomes the kernel at an upgrade: it loads the new code, and waits and begins anew wherever that fails.

The old kernel hands over this text beside its state, and it is run from there: files that are being replaced at that
moment are no danger to it. It is run as ``python -I -S -c ... DIRECTORY --resume FD LOG``: where papa is, the state,
and the log. What it calls of the new code is part of the dialogue that has a version, see
`papa.kernel.upgrade.newcomer`.
"""

import os
import select
import signal
import sys
import time
from contextlib import suppress
from typing import NoReturn

_AGAIN = '--again'
_SOON = 10  # times that it is tried again soon
_PAUSE, _LONG_PAUSE = 0.5, 5.0  # seconds before that, and before each further time
_ENDING = (signal.SIGTERM, signal.SIGINT)


def main(directory: str, fd: int, log: int) -> int:
    """Go on where the kernel was that has become this program. Return the exit status."""
    sys.path.insert(0, os.path.dirname(directory))
    try:
        from papa.kernel.upgrade import resume

        upgraded = resume.restore(fd)
    except Exception as error:  # noqa: BLE001 - all that the kernel held would be lost, and it was tried before
        try_again(error, log)
    return resume.go_on(upgraded)


def try_again(error: Exception, log: int) -> NoReturn:
    """Begin anew, with all descriptors as they came, however often it takes.

    What lacks may come back; or somebody mends the code that is installed, or ends us.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, (*_ENDING, signal.SIGHUP))
    soon = sys.argv.count(_AGAIN) < _SOON
    pause = _PAUSE if soon else _LONG_PAUSE
    reason = f'{type(error).__name__}: {error}'.replace('\n', ' ')
    _say(log, f'CRITICAL Cannot go on yet ({reason}). Nothing is lost: trying again in {pause:g} s')
    ending = [number for number in _ENDING if signal.getsignal(number) != signal.SIG_IGN]
    for number in ending:
        signal.signal(number, lambda number, _frame: os._exit(128 + number))  # by default the first process ignores it
    while True:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ending)
        time.sleep(pause)
        whole = _python_is_whole()
        signal.pthread_sigmask(signal.SIG_BLOCK, ending)
        if whole:
            with suppress(OSError):
                os.execv(sys.orig_argv[0], [*sys.orig_argv, *[_AGAIN] * soon])  # noqa: S606 - no shell is meant


def _say(log: int, text: str) -> None:
    """Log a line, unless that would have to wait: a pipe may be full, and nobody may read it."""
    poller = select.poll()
    poller.register(log, select.POLLOUT)
    with suppress(OSError):  # a full disk
        if poller.poll(0):
            line = f'{time.strftime("%F %T")} papa[{os.getpid()}] {text}\n'
            os.write(log, line.encode('utf-8', 'backslashreplace'))


def _python_is_whole() -> bool:
    """Whether the interpreter starts: it may be replaced just now, and without it all is lost."""
    quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    try:
        child = os.posix_spawn(sys.executable, [sys.executable, '-I', '-S', '-c', ''], os.environ, file_actions=quiet)
    except OSError:
        return False
    return os.waitpid(child, 0)[1] == 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], int(sys.argv[3]), int(sys.argv[4])))
