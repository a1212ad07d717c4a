"""``python -m papa``, and ``python /path/to/papa`` for a start that needs no import path."""

import os
import sys
from contextlib import suppress
from typing import NoReturn

if not __package__:  # run by path: the folder that holds papa takes the place of papa's own
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# What an upgrade runs, as in `papa.kernel.upgrade.newcomer`, which takes its time to load.
_CHECK, _RESUME = '--check-resume', '--resume'
_AGAIN = '--again'
_SOON = 10  # times that it is tried again soon
_PAUSE, _LONG_PAUSE = 0.5, 5.0  # seconds before that, and before each further time


def main() -> int:
    """Run the command that was given. Returns the exit status."""
    option = sys.argv[1:2]  # reading them all is left out where everybody waits: it takes time
    if option == [_CHECK]:
        from papa.kernel.upgrade import rehearsal

        return rehearsal.main(*_numbers()) if len(sys.argv) > 2 else 0
    if option == [_RESUME]:
        return _resume(*_numbers())

    from papa import command_line

    return command_line.main()


def _numbers() -> tuple[int, int]:
    """What an upgrade says beside that; else somebody has tried this by hand."""
    try:
        first, second = map(int, sys.argv[2:4])
        os.fstat(first)
    except (ValueError, OSError):
        sys.exit(f'papa: {sys.argv[1]} is for the kernel itself: to upgrade it, say papa --upgrade')
    return first, second


def _resume(fd: int, log: int) -> int:
    """Go on where the kernel was that has become this program; its state is in `fd`, and in `log` its log."""
    try:
        from papa.kernel.upgrade import resume

        upgraded = resume.restore(fd)
    except Exception as error:  # noqa: BLE001 - all that the kernel held would be lost, and it was tried before
        _try_again(error, log)
    return resume.go_on(upgraded)


def _try_again(error: Exception, log: int) -> NoReturn:
    """Begin anew, with all descriptors as they came, however often it takes.

    What lacks may come back; or somebody mends the code that is installed, or ends us.
    """
    import signal
    import time

    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
    soon = sys.argv.count(_AGAIN) < _SOON
    pause = _PAUSE if soon else _LONG_PAUSE
    with suppress(OSError):  # the log may be full
        reason = f'{type(error).__name__}: {error}'.replace('\n', ' ')
        os.write(log, (
            f'{time.strftime("%F %T")} papa[{os.getpid()}] CRITICAL Cannot go on yet ({reason}). Nothing is lost: '
            f'trying again in {pause:g} s\n'
        ).encode('utf-8', 'backslashreplace'))
    ending = [number for number in (signal.SIGTERM, signal.SIGINT) if signal.getsignal(number) != signal.SIG_IGN]
    for number in ending:
        signal.signal(number, signal.SIG_DFL)
    while True:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ending)
        time.sleep(pause)
        whole = _is_whole()
        signal.pthread_sigmask(signal.SIG_BLOCK, ending)
        if whole:
            with suppress(OSError):
                os.execv(sys.orig_argv[0], [*sys.orig_argv, *[_AGAIN] * soon])  # noqa: S606 - no shell is meant


def _is_whole() -> bool:
    """Whether the interpreter and the code are there again, if they were missing: to begin anew without is the end."""
    before = sys.orig_argv[: sys.orig_argv.index(_RESUME)]
    quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    try:
        child = os.posix_spawn(before[0], [*before, _CHECK], os.environ, file_actions=quiet)
    except OSError:
        return False
    return os.waitpid(child, 0)[1] == 0


if __name__ == '__main__':
    sys.exit(main())
