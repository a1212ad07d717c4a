"""The command ``exit-if-idle``: ends the kernel, and says what became of it."""

from __future__ import annotations

import os
import select

from papa.line.calls import Call
from papa.line.units import counted
from papa.options import KINDS
from papa_shell import statuses
from papa_shell.statuses import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from papa.line.grammar import Line
    from papa_shell.session import Session

_PATIENCE = 1.0  # seconds for an end that takes milliseconds, unless others are connected


def exit_if_idle(session: Session, line: Line, call: Call, flags: dict[str, Any]) -> int:
    """Ask it to end. Returns the exit status. Raises an `Error`."""
    info = _info(session, line, flags)
    where = session.papa(flags).endpoint
    if not session.call(line, call, flags):
        say(f'The kernel at {where} goes on: it holds {held(_info(session, line, flags))}')
        return statuses.FAILED
    if _has_ended(info['pid']):
        say(f'The kernel at {where} has ended')
    else:
        say(f'The kernel at {where} ends as soon as nobody is connected to it any more')
    return statuses.OK


def _info(session: Session, line: Line, flags: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = session.call(line, Call('kernel_info', reads=True), flags)
    return found


def held(info: Mapping[str, Any]) -> str:
    """What a kernel holds: ``1 socket and 2 processes``."""
    counts = [counted(info[kinds], kind) for kinds, kind in KINDS.items() if info[kinds]]
    return ' and '.join(filter(None, [', '.join(counts[:-1]), *counts[-1:]])) or 'something'


def _has_ended(pid: int) -> bool:
    """Wait for the end of a process, whoever's child it is. Whether it was seen to end."""
    if not hasattr(os, 'pidfd_open'):  # only Linux tells
        return False
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    try:
        return bool(select.select([fd], [], [], _PATIENCE)[0])
    finally:
        os.close(fd)
