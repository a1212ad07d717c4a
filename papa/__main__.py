"""``python -m papa``, and ``python /path/to/papa`` for a start that needs no import path."""

import os
import sys
from contextlib import suppress
from typing import NoReturn

if not __package__:  # run by path: the folder that holds papa takes the place of papa's own
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

_AGAIN = '--again'
_SOON = 10  # times that it is tried again soon
_PAUSE, _LONG_PAUSE = 0.5, 5.0  # seconds before that, and before each further time


def main() -> int:
    """Run the command that was given. Returns the exit status."""
    option, numbers = sys.argv[1:2], sys.argv[2:4]  # by an upgrade: reading options is left out, it takes time
    if option == ['--check-resume']:
        from papa.kernel.upgrade import rehearsal

        return rehearsal.main(*map(int, numbers))
    if option == ['--resume']:
        return _resume(int(numbers[0]))

    from papa import command_line

    return command_line.main()


def _resume(fd: int) -> int:
    """Go on where the kernel was that has become this program; its state is in `fd`."""
    try:
        from papa.kernel.upgrade import resume

        upgraded = resume.restore(fd)
    except Exception as error:  # noqa: BLE001 - all that the kernel held would be lost, and it was tried before
        _try_again(error)
    return resume.go_on(upgraded)


def _try_again(error: Exception) -> NoReturn:
    """Begin anew, with all descriptors as they came, however often it takes.

    What lacks may come back; or somebody mends the code that is installed, or ends us.
    """
    import logging
    import signal
    import time

    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
    soon = sys.argv.count(_AGAIN) < _SOON
    pause = _PAUSE if soon else _LONG_PAUSE
    logging.getLogger('papa.kernel').critical(
        'Cannot go on yet (%s: %s). Nothing is lost: trying again in %g s', type(error).__name__, error, pause
    )
    ending = [number for number in (signal.SIGTERM, signal.SIGINT) if signal.getsignal(number) != signal.SIG_IGN]
    for number in ending:
        signal.signal(number, signal.SIG_DFL)
    while True:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ending)
        time.sleep(pause)
        signal.pthread_sigmask(signal.SIG_BLOCK, ending)
        with suppress(OSError):  # the interpreter may be missing for a moment, too
            os.execv(sys.orig_argv[0], [*sys.orig_argv, *[_AGAIN] * soon])  # noqa: S606 - no shell is meant


if __name__ == '__main__':
    sys.exit(main())
