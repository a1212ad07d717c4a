"""Sizes and spans of time for people."""

from __future__ import annotations

_UNITS = ('B', 'KB', 'MB', 'GB', 'TB')
_STEP = 1024
_AGES = ((86400, 'd'), (3600, 'h'), (60, 'm'))


def size(count: float) -> str:
    """A number of bytes for people: ``312 KB``."""
    for unit in _UNITS[:-1]:
        if count < _STEP:
            return f'{count:.0f} {unit}' if unit == 'B' or count >= 10 else f'{count:.1f} {unit}'
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
