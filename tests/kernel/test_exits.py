"""How the loop learns that a child has exited, also where the system has no descriptor or no room for that."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from papa.kernel.loop import Loop

LACKS = [errno.ENOSYS, errno.EMFILE, errno.EPERM]


def exits(loop: Loop, *codes: int) -> list[int]:
    """The exit codes of children that end with them, as the loop tells them."""
    told: list[int] = []

    def reap(child: subprocess.Popen[bytes]) -> Callable[[], None]:
        def reaped() -> None:
            told.append(child.wait(0))  # without waiting: it has exited
            if len(told) == len(codes):
                loop.stop()

        return reaped

    for code in codes:
        child = subprocess.Popen([sys.executable, '-I', '-S', '-c', f'raise SystemExit({code})'])
        loop.watch_exit(child.pid, reap(child))
    loop.run()
    loop.close()
    return sorted(told)


def test_exits() -> None:
    before = len(os.listdir('/proc/self/fd'))
    assert exits(Loop(), 0, 3, 7) == [0, 3, 7]
    assert len(os.listdir('/proc/self/fd')) == before


@pytest.mark.parametrize('number', LACKS)
def test_exits_without_a_descriptor(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_pid: int) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, 'pidfd_open', none)
    assert exits(Loop(), 0, 3) == [0, 3]


def test_exits_without_room_in_the_poller() -> None:
    """max_user_watches of epoll(7)."""
    loop = Loop()

    def full(_fd: int, _events: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    poller: Any = loop._poller
    loop._poller = SimpleNamespace(
        register=full, modify=poller.modify, unregister=poller.unregister, poll=poller.poll, close=poller.close,
        scale=poller.scale,
    )
    before = len(os.listdir('/proc/self/fd'))
    assert exits(loop, 0, 3) == [0, 3]
    assert len(os.listdir('/proc/self/fd')) == before - 1  # that of the poller
