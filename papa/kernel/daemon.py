"""Leaving the terminal: the kernel in a session of its own, with its streams on /dev/null."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

from papa.kernel.origin import open_descriptors


class Starter:
    """The process that waits for a daemon to be ready. Made by `detach`, seen from the daemon's side."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def ready(self) -> None:
        """The kernel answers: let the starter return, and let go of its streams."""
        null = os.open(os.devnull, os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        if null > 2:
            os.close(null)
        self._tell(b'+')

    def failed(self, text: str) -> None:
        """The kernel cannot run: let the starter say why."""
        self._tell(b'-' + text.encode('utf-8', 'replace'))

    def _tell(self, message: bytes) -> None:
        os.write(self._pipe, message)
        os.close(self._pipe)


def open_standard_streams() -> None:
    """Put /dev/null where descriptors 0 to 2 came closed, so that nothing else gets these numbers."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)  # an upgrade would close it
    os.close(fd)


def detach(fail: Callable[[str], int]) -> Starter:
    """Continue in a new session; the process that called waits for news and exits. Returns in the daemon.

    `fail` shows a message and gives the exit status of the waiting process.
    """
    for fd in open_descriptors():
        if fd > 2:  # whoever waits for these to be closed must not wait for a daemon
            with suppress(OSError):
                os.close(fd)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # a daemon's processes owe nothing to whoever started it
    reader, writer = os.pipe()
    if os.fork():  # this program has one thread and has loaded nothing that minds
        os.close(writer)
        _wait(reader, fail)
    os.close(reader)
    os.setsid()
    if os.fork():  # the leader of the session leaves it, so that it can never get a terminal
        os._exit(0)
    os.chdir('/')
    return Starter(writer)


def _wait(reader: int, fail: Callable[[str], int]) -> None:
    os.wait()
    news = b''
    while part := os.read(reader, 65536):
        news += part
    status = 0 if news == b'+' else fail(news[1:].decode() or 'The kernel ended before it answered')
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # it is where the descriptor came closed
            stream.flush()
    os._exit(status)
