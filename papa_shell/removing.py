"""The commands that remove: asking before what cannot be undone, and saying what they leave."""

from __future__ import annotations

import os
from bisect import bisect_right

from papa.line import removal
from papa.line.units import counted
from papa.names import natural, shortened
from papa.options import KINDS
from papa_shell import statuses
from papa_shell.confirm import agreed, ask_to_remove
from papa_shell.statuses import put, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from papa.line.calls import Call
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
    if needs_asking(line, flags):
        return _remove_asking(session, line, call, flags)
    found = session.listed(line, flags, kinds, line.operands)
    session.call(line, call, flags)  # which says what is wrong, if something is
    if not found:
        _tell_nothing(line)
    _tell_what_goes_on(kinds, found)
    return statuses.OK


def _remove_asking(session: Session, line: Line, call: Call, flags: dict[str, Any]) -> int:
    kinds = line.command.words[-1]
    kernel = session.kernel(line, flags)
    asked = session.listed(line, flags, kinds, line.operands)
    if not asked:
        session.call(line, call, flags)  # which says what is wrong, if something is
        _tell_nothing(line)
        return statuses.OK
    if not agreed(ask_to_remove(lambda *size: question(kinds, sorted(asked, key=natural), *size))):
        put('Nothing was removed\n')
        return statuses.FAILED
    now = session.kernel(line, flags)
    if now != kernel:
        session.announce(flags, now)
        put('Nothing was removed\n')
        return statuses.FAILED
    removed, others = removal.remove(lambda each: session.call(line, each, flags), kinds, asked, spare=True)
    _tell_what_goes_on(kinds, removed)
    if others:
        say(removal.left_alone(others))
    return statuses.FAILED if others else statuses.OK


def is_wide(line: Line) -> bool:
    """Whether what is removed is not named one by one."""
    return not line.operands or any(word.endswith('*') for word in line.operands)


def needs_asking(line: Line, flags: dict[str, Any]) -> bool:
    """Whether a line removes what is not named one by one, and there is somebody to ask, whoever gets the errors."""
    return line.command.words[0] == 'remove' and 'yes' not in flags and is_wide(line) and os.isatty(_STDIN)


def question(kinds: str, names: Sequence[str], columns: int, rows: int) -> str:
    """``Remove 2 processes: a, b?``, in lines of a terminal; with as many names as it has room for."""

    def lines(most: int) -> list[str]:
        what = f'{counted(len(names), KINDS[kinds])}: {shortened(names, most)}'
        return statuses.wrap(f'Remove {what}? [y/N] ', columns)

    fitting = range(1, min(len(names), columns * rows) + 1)
    return '\n'.join(lines(max(1, bisect_right(fitting, rows - 1, key=lambda most: len(lines(most))))))


def goes_on(pids: Mapping[str, int]) -> str:
    """What becomes of processes that run, by name their PIDs: ``p goes on, and … to end it: kill 12``."""
    kill = ' '.join(map(str, pids.values())) if len(pids) <= _MOST else 'PID...'
    goes, it = ('goes', 'it') if len(pids) == 1 else ('go', 'them')
    return f'{shortened(list(pids))} {goes} on, and nothing of {it} is recorded any more; to end {it}: kill {kill}'


def _tell_nothing(line: Line) -> None:
    from papa_shell.runner import nothing

    say(nothing(line))


def _tell_what_goes_on(kinds: str, removed: Mapping[str, Any]) -> None:
    names = sorted(removed, key=natural) if kinds == 'processes' else []
    running = {name: removed[name]['pid'] for name in names if removed[name]['running']}
    if running:
        say(goes_on(running))
