"""How the kernel was started: what its children get unless their options say otherwise."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from papa.kernel.state import OriginState

_RESERVED = 8  # descriptors: those that Popen opens for itself, with some to spare


class Origin:
    """The environment, directory, user and limits that the kernel began with.

    `guest` is true for a kernel inside another program: it changes no limit, umask or directory.
    """

    def __init__(self, guest: bool = False) -> None:
        self.guest = guest
        self.environment = _environment_at_start()
        self.directory = _directory()
        self.uid = os.geteuid()
        self.gid = os.getegid()
        self.soft_limit, self.hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._reserve: list[int] = []

    @classmethod
    def restored(cls, state: OriginState, environment: dict[bytes, bytes]) -> Origin:
        """What was handed over: how the first kernel was started counts, not its successors.

        Raises ValueError if it makes no sense.
        """
        if not all(-1 <= limit < 2**63 for limit in (state.soft_limit, state.hard_limit)):
            raise ValueError('its limits make no sense')
        origin = cls()
        origin.environment, origin.directory = environment, state.directory
        origin.soft_limit, origin.hard_limit = state.soft_limit, state.hard_limit
        origin._fill_reserve()  # now: the low numbers, which it takes, are free again
        return origin

    def take_over(self, given: Iterable[int] = ()) -> None:
        """Make this process the kernel's own: raise its limit of descriptors, keep what it was given to itself.

        What is known to be `given` counts also where the system does not list what is open.
        """
        for fd in {*open_descriptors(), *given}:
            if fd > 2:
                with suppress(OSError):  # the one that listed them is closed
                    os.set_inheritable(fd, False)
        self._fill_reserve()
        with suppress(ValueError, OSError):  # macOS has a lower limit of its own than it tells
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.hard_limit, self.hard_limit))

    @contextmanager
    def original_limit(self) -> Iterator[None]:
        """Give a child that is started meanwhile the original limit, and room below it to start one.

        A limit lowered beneath the descriptors in use makes Popen fail with EMFILE (its own error
        pipe); setting the child's limit after the start is a race. So some low descriptors are kept.
        """
        if self.guest or self.soft_limit == self.hard_limit:
            yield
            return
        self.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.soft_limit, self.hard_limit))
        try:
            yield
        finally:
            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.hard_limit, self.hard_limit))
            self._fill_reserve()

    def _fill_reserve(self) -> None:
        if self.guest or self.soft_limit == self.hard_limit:
            return
        with suppress(OSError):
            while len(self._reserve) < _RESERVED:
                self._reserve.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))

    def close(self) -> None:
        """Give the reserved descriptors back."""
        while self._reserve:
            os.close(self._reserve.pop())


def _directory() -> str:
    with suppress(OSError):  # it may have been removed
        return os.getcwd()
    return '/'


def open_descriptors() -> list[int]:
    """The descriptors that are open, and perhaps a few that are not."""
    for folder in ('/proc/self/fd', '/dev/fd'):
        with suppress(OSError, ValueError):
            return [int(name) for name in os.listdir(folder)]
    return list(range(256))


def _environment_at_start() -> dict[bytes, bytes]:
    """The environment as it came, before Python's own locale coercion (PEP 538) added to it."""
    if sys.platform == 'linux':
        with suppress(OSError), open('/proc/self/environ', 'rb') as file:
            came = dict(entry.partition(b'=')[::2] for entry in file.read().split(b'\0') if b'=' in entry[1:])
            return {key: value for key, value in os.environb.items() if key != b'LC_CTYPE' or key in came}
    return dict(os.environb)
