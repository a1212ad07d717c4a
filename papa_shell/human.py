"""Output as people read it on a terminal: the time, the name in a colour of its own, the stream, the text.

The colours of the program are kept; whatever else a terminal would act upon is made visible.
"""

from __future__ import annotations

import time

from papa_shell.records import Record, with_head
from papa_shell.text import escape, in_line

_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)
_RED, _DIM = 31, 2
_RESET = '\x1b[0m'
_MARKS = {'out': '│', 'err': '!'}
_COLOUR_CHARACTERS = frozenset('0123456789;:')


class Human:
    """Makes the lines. `today` says what day it is; by default the clock does."""

    def __init__(self, *, colour: bool, today: time.struct_time | None = None) -> None:
        self._colour = colour
        self._today = today
        self._names: dict[str, str] = {}
        self._second = -1
        self._clock = ''

    def show(self, record: Record) -> bytes:
        """One line."""
        head = f'{self._painted(_DIM, self._time(record.time))} {self._name(record.name)} '
        if record.stream in _MARKS:
            mark = _MARKS[record.stream]
            mark = self._painted(_RED, mark) if record.stream == 'err' else mark
            return with_head(f'{head}{mark} ', record.data, b'', self._text)
        return f'{head}{self._painted(_RED, _said(record))}\n'.encode()

    def _time(self, timestamp: float) -> str:
        """The time of day, with the date if it is another day's."""
        second = int(timestamp)
        if second != self._second:
            self._second = second
            moment = time.localtime(second)
            today = self._today or time.localtime()
            form = '%H:%M:%S' if moment[:3] == today[:3] else '%Y-%m-%d %H:%M:%S'
            self._clock = time.strftime(form, moment)
        return self._clock

    def _name(self, name: str) -> str:
        if name not in self._names:
            colour = _COLOURS[len(self._names) % len(_COLOURS)]
            self._names[name] = self._painted(colour, escape(name))
        return self._names[name]

    def _painted(self, colour: int, text: str) -> str:
        return f'\x1b[{colour}m{text}{_RESET}' if self._colour else text

    def _text(self, data: bytes) -> str:
        text = data.decode('utf-8', 'surrogateescape').removesuffix('\r')
        shown = harmless_line(text, colour=self._colour)
        return shown + _RESET if self._colour and '\x1b' in shown else shown


def harmless_line(text: str, *, colour: bool) -> str:
    """One line of a program: tabs stay, colours stay if they are wanted, everything else is shown, not done."""
    first, *rest = text.split('\x1b')
    parts = [_visible(first)]
    for part in rest:
        end = _end_of_colour(part)
        if end and colour:
            parts.append('\x1b' + part[:end])
        elif not end:
            parts.append('\\x1b')
        parts.append(_visible(part[end:]))
    return ''.join(parts)


def _end_of_colour(part: str) -> int:
    """Where a sequence that only sets colours ends, in what follows its escape; 0 if it is none."""
    if not part.startswith('['):
        return 0
    end = part.find('m', 1)
    return end + 1 if end > 0 and set(part[1:end]) <= _COLOUR_CHARACTERS else 0


def _visible(text: str) -> str:
    return text if text.isascii() and text.isprintable() else in_line(text)


def _said(record: Record) -> str:
    if record.stream == 'exit':
        code = int(record.data)
        return f'ended by signal {-code}' if code < 0 else f'ended with {code}'
    size, _, reason = record.data.decode().partition(' ')
    return f'{size} bytes lost: {reason}'
