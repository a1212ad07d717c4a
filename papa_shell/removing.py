"""The commands that remove: asking before what cannot be undone, and saying what they leave."""

from __future__ import annotations

import os

from papa.errors import NotFound
from papa.line.calls import Call
from papa.line.units import counted
from papa.names import natural, shortened
from papa.options import KINDS
from papa_shell import statuses
from papa_shell.confirm import agreed, ask
from papa_shell.statuses import put, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from papa.line.grammar import Line
    from papa_shell.session import Session

_STDIN = 0
_MOST = 20  # PIDs


def remove(session: Session, line: Line, call: Call, flags: dict[str, Any]) -> int:
    """Remove; ask before that where one should. Returns the exit status. Raises an `Error`."""
    kinds = line.command.words[-1]
    if not (is_wide(line) or kinds == 'processes'):
        session.call(line, call, flags)
        return statuses.OK
    found = session.listed(line, flags, kinds, line.operands)
    names = sorted(found, key=natural)
    if not names or not needs_asking(line, flags):
        session.call(line, call, flags)  # which says what is wrong, if something is
        if not names:
            from papa_shell.runner import nothing

            say(nothing(line))
    elif agreed(ask(question(kinds, names))):
        _remove(session, line, call, flags, names)
    else:
        put('Nothing was removed\n')
        return statuses.FAILED
    running = {name: found[name]['pid'] for name in names if kinds == 'processes' and found[name]['running']}
    if running:
        say(goes_on(running))
    return statuses.OK


def is_wide(line: Line) -> bool:
    """Whether what is removed is not named one by one."""
    return not line.operands or any(word.endswith('*') for word in line.operands)


def needs_asking(line: Line, flags: dict[str, Any]) -> bool:
    """Whether a line removes what is not named one by one, and there is somebody to ask, whoever gets the errors."""
    return line.command.words[0] == 'remove' and 'yes' not in flags and is_wide(line) and os.isatty(_STDIN)


def question(kinds: str, names: Sequence[str]) -> str:
    """``Remove 2 processes: a, b?``"""
    return f'Remove {counted(len(names), KINDS[kinds])}: {shortened(names)}? [y/N] '


def goes_on(pids: Mapping[str, int]) -> str:
    """What becomes of processes that run, by name their PIDs: ``p goes on, and … to end it: kill 12``."""
    kill = ' '.join(map(str, pids.values())) if len(pids) <= _MOST else 'PID...'
    goes, it = ('goes', 'it') if len(pids) == 1 else ('go', 'them')
    return f'{shortened(list(pids))} {goes} on, and nothing of {it} is recorded any more; to end {it}: kill {kill}'


def _remove(session: Session, line: Line, call: Call, flags: dict[str, Any], names: list[str]) -> None:
    """Remove these names, without those that have gone by themselves meanwhile."""
    while names and not _removed(session, line, Call(call.method, *names), flags):
        names = list(session.listed(line, flags, line.command.words[-1], names))


def _removed(session: Session, line: Line, call: Call, flags: dict[str, Any]) -> bool:
    """Whether all were there and are removed: else nothing is."""
    try:
        session.call(line, call, flags)
    except NotFound:
        return False
    return True
