"""Words and numbers for people, beside those of `papa.line.units`; and text that can do a terminal no harm."""

from __future__ import annotations

from papa.line import units
from papa.line.text import inert

harmless = inert  # the name that the dashboard has for it

_SPARKS = '▁▂▃▄▅▆▇█'
_EIGHTHS = ' ▏▎▍▌▋▊▉█'

# What reorders text on the screen: a name could look like another.
BIDI = frozenset(map(chr, (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))))


def size(count: float) -> str:
    """A number of bytes, in at most seven characters: ``0 B``, ``1.5 KB``, ``312 KB``."""
    return units.size(count, bytes_below=1000)


def rate(bytes_per_second: float) -> str:
    """``1.5 KB/s``; nothing for nothing."""
    return f'{size(bytes_per_second)}/s' if bytes_per_second >= 0.5 else ''


def ending(exit_code: int | None) -> str:
    """How a process has ended: ``exit 3``, ``SIGKILL``."""
    if exit_code is None:
        return 'ended'
    if exit_code >= 0:
        return f'exit {exit_code}'
    return units.signal_name(-exit_code)


def sparkline(history: list[float], width: int) -> str:
    """The last values as little bars, each a share of the highest; blank where nothing was."""
    values = history[-width:]
    top = max(values, default=0.0)
    if top <= 0:
        return ''
    return ''.join(' ' if value <= 0 else _SPARKS[min(7, int(value / top * 7.999))] for value in values)


def bar(share: float, width: int) -> str:
    """A bar that is filled to a share (0 to 1) of its width, in eighths of a character."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    if share > 0 and eighths == 0:
        eighths = 1
    full, rest = divmod(eighths, 8)
    return ('█' * full + (_EIGHTHS[rest] if rest else '')).ljust(width)
