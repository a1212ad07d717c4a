"""Numbers for people: sizes, spans of time, how many of something, the names of signals."""

from __future__ import annotations

_UNITS = ('B', 'KB', 'MB', 'GB', 'TB')
_STEP = 1024
_AGES = ((86400, 'd'), (3600, 'h'), (60, 'm'))


def size(count: float, *, bytes_below: int = _STEP) -> str:
    """A number of bytes for people: ``312 KB``. As bytes it stands only below `bytes_below`."""
    for unit in _UNITS[:-1]:
        if round(count) < (bytes_below if unit == 'B' else _STEP):
            return f'{count:.0f} {unit}' if unit == 'B' or round(count, 1) >= 10 else f'{count:.1f} {unit}'
        count /= _STEP
    return f'{count:.1f} {_UNITS[-1]}'


def age(seconds: float) -> str:
    """A span of time for people: ``3d 4h``, ``5m 2s``."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for length, unit in _AGES:
        if left >= length or parts:
            parts.append(f'{left // length}{unit}')
            left %= length
    parts.append(f'{left}s')
    return ' '.join(parts[:2])


def counted(count: int, noun: str, plural: str = '') -> str:
    """``1 process``, ``12 processes``."""
    if count != 1:
        noun = plural or noun + ('es' if noun.endswith('s') else 's')
    return f'{count:,} {noun}'


def signal_name(number: int) -> str:
    """``SIGKILL``, or what else there is to say of a signal."""
    from signal import Signals

    try:
        return Signals(number).name
    except ValueError:  # of real time, for example: most have no name
        return f'signal {number}'
