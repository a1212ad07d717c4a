"""Changes as people read them on a terminal: a line for each thing, with the time, its name in a colour of its own, and
what happened in words. None is longer than the screen is wide, and nothing in it acts upon the terminal."""

from __future__ import annotations

from papa.line.quoting import join
from papa.line.snapshot import ending, socket_note
from papa.line.text import in_line
from papa.line.units import age, counted, size
from papa.names import natural
from papa.options import KINDS
from papa_shell.paint import BLUE, DIM, GREEN, PLAIN, RED, YELLOW, Clock, Painter
from papa_shell.screen import cells, cut

TYPE_CHECKING = False
if TYPE_CHECKING:
    import time
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from papa.events import Change

    Part = tuple[int, str]  # a colour, and a text in it

_PREVIEW = 500  # characters of a value; no screen is wider
_NOUN = max(map(len, KINDS.values()))


class Narrator:
    """Makes the lines. `width` says how wide the screen is now, `today` what day it is; by default the clock does."""

    def __init__(
        self, *, colour: bool, width: Callable[[], int], today: time.struct_time | None = None
    ) -> None:
        self._painter = Painter(colour=colour)
        self._width = width
        self._clock = Clock(today)
        self._begun = False

    def show(self, change: Change, now: float) -> bytes:
        """The lines of a change that was heard now."""
        width = self._width()
        return b''.join(self._line(parts, now, width) for parts in self._parts(change, now))

    def _line(self, parts: list[Part], now: float, width: int) -> bytes:
        """The parts, as far as they fit."""
        shown, left = [], width
        for colour, text in [(DIM, self._clock.show(now) + ' '), *parts]:
            fitting = cut(_harmless(text), left)
            shown.append(self._painter.paint(colour, fitting))
            left -= cells(fitting)
            if left <= 0:
                break
        return (''.join(shown).rstrip() + '\n').encode()

    def _parts(self, change: Change, now: float) -> Iterator[list[Part]]:
        if change.change == 'snapshot':
            known = {kinds: things for kinds, things in change.details.items() if kinds in KINDS}
            yield [(PLAIN, _summary(known, again=self._begun))]
            self._begun = True
            for kinds, things in known.items():
                for name in sorted(things, key=natural):
                    yield self._about(KINDS[kinds], name, _STATES[kinds](things[name], now))
        elif change.change == 'counters':
            for name in sorted(change.details, key=natural):
                yield self._about('process', name, _counters(change.details[name]))
        elif change.change == 'upgraded':
            yield [(GREEN, _upgraded(change.details))]
        else:
            yield self._about(change.kind, change.name, _happened(change, now))

    def _about(self, kind: str, name: str, words: list[Part]) -> list[Part]:
        return [(DIM, f'{kind:{_NOUN}} '), (self._painter.colour_of(name), name), (PLAIN, ' '), *words]


def _harmless(text: str) -> str:
    return in_line(text).replace('\t', '\\t')


def _summary(details: Mapping[str, Any], *, again: bool) -> str:
    """How much there is."""
    counts = [counted(len(things), KINDS[kinds]) for kinds, things in details.items()]
    *most, last = counts or ['nothing that is known here']
    all_of_it = f'{", ".join(most)} and {last}' if most else last
    return f'{"So much happened that it cannot be told. " if again else ""}The kernel holds {all_of_it}'


# What there is


def _socket(details: Mapping[str, Any], _now: float) -> list[Part]:
    return [(PLAIN, _address(details))]


def _address(details: Mapping[str, Any]) -> str:
    kind = details.get('type', 'stream')
    return socket_note(details) + ('' if kind == 'stream' else f' ({kind})')


def _value(details: Mapping[str, Any], _now: float) -> list[Part]:
    return [(PLAIN, f'is {_preview(details)}')]


def _process(details: Mapping[str, Any], now: float) -> list[Part]:
    if not details.get('running'):
        return [*_ended(details, now), (PLAIN, f': {_command(details)}')]
    since = age(now - details['started'])
    unrecorded = [] if details.get('recorded', True) else [(YELLOW, ', not recorded')]
    command = f', pid {details["pid"]}: {_command(details)}'
    return [(GREEN, 'runs'), (PLAIN, f' since {since}'), *unrecorded, (PLAIN, command)]


_STATES: dict[str, Callable[[Mapping[str, Any], float], list[Part]]] = {
    'sockets': _socket, 'values': _value, 'processes': _process,
}


# What happened


def _happened(change: Change, now: float) -> list[Part]:
    how = _HAPPENED.get((change.kind, change.change)) or _HAPPENED.get(('', change.change))
    return how(change.details, now) if how else [(PLAIN, change.change)]  # of a kernel that knows more than we do


def _made(details: Mapping[str, Any], _now: float) -> list[Part]:
    return [(GREEN, 'made'), (PLAIN, f', pid {details["pid"]}: {_command(details)}')]


def _made_socket(details: Mapping[str, Any], _now: float) -> list[Part]:
    return [(GREEN, 'made'), (PLAIN, f' at {_address(details)}')]


def _set(details: Mapping[str, Any], _now: float) -> list[Part]:
    return [(BLUE, 'set'), (PLAIN, f' to {_preview(details)}')]


def _ended(details: Mapping[str, Any], now: float) -> list[Part]:
    code = details.get('exit_code')
    lasted = age(details.get('ended', now) - details['started'])
    return [(YELLOW if code == 0 else RED, ending(code)), (PLAIN, f' after {lasted}')]


def _forgotten(_details: Mapping[str, Any], _now: float) -> list[Part]:
    return [(YELLOW, 'removed'), (PLAIN, ' while it runs: its output is not kept any more')]


def _removed(_details: Mapping[str, Any], _now: float) -> list[Part]:
    return [(YELLOW, 'removed')]


_HAPPENED: dict[tuple[str, str], Callable[[Mapping[str, Any], float], list[Part]]] = {
    ('process', 'made'): _made, ('socket', 'made'): _made_socket, ('value', 'made'): _set, ('value', 'changed'): _set,
    ('process', 'exited'): _ended, ('process', 'changed'): _forgotten, ('', 'removed'): _removed,
}


def _counters(moved: Mapping[str, int]) -> list[Part]:
    """Those counters of a process that moved."""
    words = [f'{size(moved[key])} {word}' for key, word in _SIZES.items() if key in moved]
    if 'watchers' in moved:
        words.append(counted(moved['watchers'], 'watcher'))
    lost = [(RED, f'{size(moved["dropped"])} lost{", " if words else ""}')] if moved.get('dropped') else []
    return [*lost, (PLAIN, ', '.join(words))]


_SIZES = {'captured': 'captured', 'buffered': 'unread'}


def _upgraded(details: Mapping[str, Any]) -> str:
    before, now = details.get('previous_version'), details.get('version')
    return f'papa upgraded: {now}, it was {before}' if before else f'papa upgraded: {now}'


def _command(details: Mapping[str, Any]) -> str:
    return join(details['args'])


def _preview(details: Mapping[str, Any]) -> str:
    """The beginning of a value; how large it is, where that is not all."""
    text = details.get('value')
    if text is None:
        return f'{size(details["size"])}: {details["preview"][:_PREVIEW]}…'
    return text[:_PREVIEW] or "''"
