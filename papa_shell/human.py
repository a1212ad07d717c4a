"""Output as people read it on a terminal: the time, the name in a colour of its own, the stream, the text.

The colours of the program are kept; whatever else a terminal would act upon is made visible.
"""

from __future__ import annotations

from papa.line.snapshot import ending
from papa.line.text import colours, in_line
from papa_shell.paint import DIM, RED, RESET, YELLOW, Clock, Painter
from papa_shell.records import Record, with_head

TYPE_CHECKING = False
if TYPE_CHECKING:
    import time

_MARKS = {'out': '│', 'err': '!'}
_COLOUR_CHARACTERS = frozenset('0123456789;:')
_LONGEST = 200  # characters of a sequence that is looked at


class Human:
    """Makes the lines. `today` says what day it is; by default the clock does."""

    def __init__(self, *, colour: bool, today: time.struct_time | None = None) -> None:
        self._painter = Painter(colour=colour)
        self._clock = Clock(today)

    def show(self, record: Record) -> bytes:
        """One line."""
        paint = self._painter.paint
        head = f'{paint(DIM, self._clock.show(record.time))} {self._painter.name(record.name)} '
        if record.stream in _MARKS:
            mark = _MARKS[record.stream]
            mark = paint(RED, mark) if record.stream == 'err' else mark
            return with_head(f'{head}{mark} ', record.data, b'', self._text)
        colour = YELLOW if (record.stream, record.data) == ('exit', b'0') else RED
        return f'{head}{paint(colour, _said(record))}\n'.encode()

    def _text(self, data: bytes) -> str:
        text = data.decode('utf-8', 'surrogateescape').removesuffix('\r')
        shown = harmless_line(text, colour=self._painter.colour)
        return shown + RESET if self._painter.colour and '\x1b' in shown else shown


def harmless_line(text: str, *, colour: bool) -> str:
    """One line of a program: tabs stay, colours stay if they are wanted, everything else is shown, not done."""
    first, *rest = text.split('\x1b')
    parts = [_visible(first)]
    for part in rest:
        end, shown = _colours(part)
        if not end:
            parts.append('\\x1b')
        elif colour:
            parts.append(shown)
        parts.append(_visible(part[end:]))
    return ''.join(parts)


def _colours(part: str) -> tuple[int, str]:
    """Where a sequence that only sets colours ends, in what follows its escape, and what of it is done; 0 if it is
    none."""
    end = part.find('m', 1, _LONGEST) if part.startswith('[') else -1
    if end < 0 or not set(part[1:end]) <= _COLOUR_CHARACTERS:
        return 0, ''
    shown = colours(part[1:end])
    return (0, '') if shown is None else (end + 1, shown)


def _visible(text: str) -> str:
    return text if text.isascii() and text.isprintable() else in_line(text)


def _said(record: Record) -> str:
    if record.stream == 'exit':
        return ending(int(record.data))
    size, _, reason = record.data.decode().partition(' ')
    return f'{size} bytes lost: {reason}'
