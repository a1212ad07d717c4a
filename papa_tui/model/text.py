"""Words and numbers for people: sizes, spans of time, rates; and text that can do a terminal no harm.

`papa_shell` has the like of `size`, `age` and `harmless`; neither front end imports the other.
"""

from __future__ import annotations

import signal

_UNITS = ('B', 'KB', 'MB', 'GB', 'TB')
_STEP = 1024
_AGES = ((86400, 'd'), (3600, 'h'), (60, 'm'))
_SPARKS = '▁▂▃▄▅▆▇█'
_EIGHTHS = ' ▏▎▍▌▋▊▉█'

# What reorders text on the screen: a name could look like another.
BIDI = frozenset(map(chr, (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))))


def size(count: float) -> str:
    """A number of bytes: ``0 B``, ``1.5 KB``, ``312 KB``."""
    for unit in _UNITS[:-1]:
        if count < (1000 if unit == 'B' else _STEP):
            return f'{count:.0f} {unit}' if unit == 'B' or count >= 10 else f'{count:.1f} {unit}'
        count /= _STEP
    return f'{count:.1f} {_UNITS[-1]}'


def rate(bytes_per_second: float) -> str:
    """``1.5 KB/s``; nothing for nothing."""
    return f'{size(bytes_per_second)}/s' if bytes_per_second >= 0.5 else ''


def age(seconds: float) -> str:
    """A span of time: ``3d 4h``, ``5m 2s``."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for length, unit in _AGES:
        if left >= length or parts:
            parts.append(f'{left // length}{unit}')
            left %= length
    parts.append(f'{left}s')
    return ' '.join(parts[:2])


def count(number: int, noun: str, plural: str = '') -> str:
    """``1 process``, ``2 processes``."""
    return f'{number:,} {noun if number == 1 else plural or noun + "s"}'


def ending(exit_code: int | None) -> str:
    """How a process has ended: ``exit 3``, ``SIGKILL``."""
    if exit_code is None:
        return 'ended'
    if exit_code >= 0:
        return f'exit {exit_code}'
    try:
        return signal.Signals(-exit_code).name
    except ValueError:  # a real-time signal has no name
        return f'signal {-exit_code}'


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


def harmless(text: str) -> str:
    """One line for a terminal: whatever would act on it, or is no character, is written out."""
    if text.isascii() and text.isprintable():
        return text
    return ''.join(map(_shown, text))


def _shown(character: str) -> str:
    if character.isprintable() and character not in BIDI:
        return character
    code = ord(character)
    if 0xDC80 <= code < 0xDD00:  # a byte that was none of UTF-8
        return f'\\x{code - 0xDC00:02x}'
    escaped: str = repr(character)[1:-1] if not character.isprintable() else f'\\u{code:04x}'
    return ' ' if character in '\u00a0\u3000' else escaped
