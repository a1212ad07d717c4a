"""What signals mean to a kernel that is a program of its own."""

from __future__ import annotations

import logging
import os
import signal
from contextlib import suppress

from papa.errors import Error
from papa.kernel.kernel import Kernel
from papa.kernel.loop import READ

log = logging.getLogger('papa.kernel')

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def be_told_of_exits() -> None:
    """Whoever started us may have had exits ignored, which would take the exit codes away."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def handle(kernel: Kernel) -> None:
    """End in order at SIGTERM and SIGINT, and at SIGHUP when the terminal goes away; without one, SIGHUP upgrades.

    A signal that was ignored at the start stays so, here and in children. One that is blocked has its effect when it
    is let in.
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

    def upgrade(number: int, _frame: object) -> None:
        kernel.loop.call_soon(lambda: _upgrade(kernel))

    kernel.loop.register(reader, READ, woken)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    hang_up = end if _has_terminal() else upgrade
    for number, handler in zip(HANDLED, (end, end, hang_up), strict=True):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def let_in() -> None:
    """Whoever started us may have blocked those that are handled."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)


def _upgrade(kernel: Kernel) -> None:
    assert kernel.upgrader is not None
    log.info('SIGHUP: there is no terminal to lose; upgrading')
    try:
        kernel.upgrader.begin(None)
    except Error as error:
        log.warning('SIGHUP: %s', error)


def _has_terminal() -> bool:
    try:
        os.close(os.open('/dev/tty', os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
