"""What a filter means: words that all have to be there, ``!word`` that must not, ``re:pattern``, ``!re:pattern``.

Words in small letters find capitals, too; so do patterns. A pattern that could run for ages is refused: Python's `re`
cannot be interrupted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

try:
    from re import _parser as sre_parse  # type: ignore[attr-defined]
except ImportError:  # Python 3.10
    import sre_parse

_RE = 're:'
_REPEATS = frozenset(('MAX_REPEAT', 'MIN_REPEAT'))
_ENDLESS = 100  # repeats from which one inside another takes too long
_MOST_REPEATS = 3  # one after the other, of things that may begin alike


class BadPattern(ValueError):
    """The text is no pattern, or a dangerous one. The words are for a person."""


class Filter:
    """A filter. Raises `BadPattern`. It is true if it filters anything."""

    def __init__(self, text: str = '') -> None:
        self.text = text.strip()
        self._tests: list[tuple[bool, Callable[[str], bool]]] = list(_tests(self.text))

    def __bool__(self) -> bool:
        return bool(self._tests)

    def __call__(self, text: str) -> bool:
        """Whether a text passes."""
        return all(test(text) is wanted for wanted, test in self._tests)


def _tests(text: str) -> list[tuple[bool, Callable[[str], bool]]]:
    wanted, rest = _sign(text)
    if rest.startswith(_RE):  # a pattern may have spaces: it is all of the text
        pattern = rest[len(_RE) :]
        return [(wanted, _searching(compile_pattern(pattern)))] if pattern else []
    found = []
    for word in text.split():
        wanted, rest = _sign(word)
        if rest:
            found.append((wanted, _containing(rest)))
    return found


def _sign(text: str) -> tuple[bool, str]:
    return (False, text[1:]) if text.startswith('!') else (True, text)


def _containing(word: str) -> Callable[[str], bool]:
    if word == word.lower():
        return lambda text: word in text.lower()
    return lambda text: word in text


def _searching(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.search(text) is not None


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern, blind to case if it is all small letters. Raises `BadPattern`."""
    check_pattern(pattern)
    return re.compile(pattern, 0 if _has_capital(pattern) else re.IGNORECASE)


def compile_search(text: str) -> re.Pattern[bytes]:
    """What to search for in output: a text, or after ``re:`` a pattern. Raises `BadPattern`."""
    pattern = text[len(_RE) :] if text.startswith(_RE) else re.escape(text)
    check_pattern(pattern)
    return re.compile(pattern.encode('utf-8', 'surrogateescape'), 0 if _has_capital(pattern) else re.IGNORECASE)


def _has_capital(pattern: str) -> bool:
    return any(c.isupper() for c in re.sub(r'\\.', '', pattern))


def check_pattern(pattern: str) -> None:
    """Raises `BadPattern` if this is none, or if it might go on for ages."""
    try:
        parsed = sre_parse.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadPattern(f'Not a regular expression: {error}') from None
    if _danger(parsed, 0) or _in_a_row(parsed) > _MOST_REPEATS:
        raise BadPattern('This pattern repeats what repeats: it could take forever')


def _danger(parsed: Any, depth: int) -> bool:
    """Whether something that repeats has something inside that repeats, or has a choice."""
    for operation, argument in parsed:
        name = str(operation)
        if name in _REPEATS:
            _, most, inner = argument
            endless = int(most) >= _ENDLESS
            if depth and endless:
                return True
            if _danger(inner, depth + endless):
                return True
        elif (name == 'BRANCH' and depth) or any(_danger(inner, depth) for inner in _inside(argument)):
            return True
    return False


def _in_a_row(parsed: Any) -> int:
    """How many repeats without an end there are, at most, one after the other."""
    number = 0
    for operation, argument in parsed:
        if str(operation) in _REPEATS:
            number += int(argument[1]) >= _ENDLESS
        else:
            number += max((_in_a_row(inner) for inner in _inside(argument)), default=0)
    return number


def _inside(argument: Any) -> list[Any]:
    """The patterns that stand in the argument of an operation."""
    if isinstance(argument, sre_parse.SubPattern):
        return [argument]
    if isinstance(argument, (list, tuple)):
        return [found for each in argument for found in _inside(each)]
    return []
