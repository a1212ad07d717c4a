"""How many rows of the terminal the prompt takes for itself: for its menu, and for the line at the bottom."""

from __future__ import annotations

_MENU = 8  # rows, the line that is typed included, where there are enough
_SMALLEST = 9  # rows of a terminal that has a menu and a line at the bottom


def menu_rows(lines: int) -> int:
    """How many are kept free for the menu, in a terminal of so many: less than half of them, and none in a small
    one, which is for the line that is typed and for results."""
    return min(_MENU, (lines - 1) // 2) if lines >= _SMALLEST else 0


def has_toolbar(lines: int) -> bool:
    """Whether there is the line at the bottom."""
    return lines >= _SMALLEST


def beside_line(lines: int) -> int:
    """How many rows a prompt takes beside the line that is typed: a result that leaves fewer is pushed off."""
    return max(0, menu_rows(lines) - 1) + has_toolbar(lines)
