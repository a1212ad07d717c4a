"""What the terminal can, how large it is, and how much of it a text takes."""

from __future__ import annotations

import os

_COLUMNS, _LINES = 80, 24  # where nobody knows


def is_dumb() -> bool:
    """Whether the terminal knows no escape sequences, such as one inside an editor."""
    return os.environ.get('TERM', '').lower() in ('', 'dumb', 'unknown')


def columns(fd: int = 1) -> int:
    """How wide lines may be. ``COLUMNS`` wins; without it and without a terminal: 80."""
    return size(fd)[0]


def size(fd: int = 1) -> tuple[int, int]:
    """Columns and lines of the terminal at a descriptor. ``COLUMNS`` and ``LINES`` win."""
    wide, high = _number('COLUMNS'), _number('LINES')
    if not (wide and high):
        found = _terminal(fd)
        wide, high = wide or found[0] or _COLUMNS, high or found[1] or _LINES
    return wide, high


def _number(variable: str) -> int:
    text = os.environ.get(variable, '')
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _terminal(fd: int) -> tuple[int, int]:
    try:
        found = os.get_terminal_size(fd)
    except OSError:
        return 0, 0
    return found.columns, found.lines


def cells(text: str) -> int:
    """How many columns a text without escape sequences takes."""
    return len(text) if text.isascii() else sum(map(_cell, text))


def _cell(character: str) -> int:
    from unicodedata import category, east_asian_width

    if east_asian_width(character) in ('W', 'F'):
        return 2
    return 0 if category(character) in ('Mn', 'Me', 'Cf') else 1


def cut(text: str, most: int) -> str:
    """As much of a text as fits into so many columns; an ellipsis stands for the rest."""
    if len(text) * 2 <= most or cells(text) <= most:
        return text
    if most < 1:
        return ''
    used, end = 1, 0
    for end, character in enumerate(text):  # noqa: B007
        used += cells(character)
        if used > most:
            break
    return text[:end] + '…'
