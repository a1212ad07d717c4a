"""Says that a command waits for the kernel, where that takes long: who sits there would wonder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from papa_shell.statuses import say

LONG = 1.0  # seconds


@contextmanager
def told(where: object) -> Iterator[None]:
    """Say it once, if what happens inside takes so long."""
    text = f'The kernel at {where} has not answered for {LONG:g} s; Ctrl-C stops waiting'
    timer = threading.Timer(LONG, say, [text])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
