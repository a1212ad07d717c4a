"""A bound on how long a person's pattern may run. `re` looks for signals while it matches, in the main thread: a timer
of the CPU time that this program takes is what stops it, without a helper process. Other threads take such time, too:
what counts is that of the main thread."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

LIMIT = 0.25  # seconds of CPU time

_until: float | None = None  # CPU time of the main thread
_installed = False


class TooSlow(Exception):
    """A pattern has taken too long. Whatever was computed with it is to be thrown away."""


def install() -> bool:
    """From now on `limited` limits, in the main thread, which this has to be. Returns whether it does."""
    global _installed
    try:
        signal.signal(signal.SIGVTALRM, _stop)
    except ValueError:  # another thread: the tests of somebody, or a program that hosts this
        return False
    _installed = True
    return True


def _stop(_number: int, _frame: FrameType | None) -> None:
    if _until is None:
        return
    left = _until - time.thread_time()
    if left <= 0:
        raise TooSlow
    signal.setitimer(signal.ITIMER_VIRTUAL, left)  # what has passed is the time of others


@contextmanager
def limited(seconds: float = LIMIT) -> Iterator[None]:
    """Raises `TooSlow` in the middle of what takes longer. Not to be nested."""
    global _until
    if not _installed:
        yield
        return
    _until = time.thread_time() + seconds
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        _until = None
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
