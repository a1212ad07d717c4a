"""What a filter means: words that all have to be there, ``!word`` that must not, ``re:pattern``, ``!re:pattern``.

Words in small letters find capitals, too; so do patterns. How long one may run is the business of `patience`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_RE = 're:'


class BadPattern(ValueError):
    """The text is no pattern. The words are for a person."""


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
    try:
        return re.compile(pattern, 0 if _has_capital(pattern) else re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadPattern(f'Not a regular expression: {error}') from None


def compile_search(text: str) -> re.Pattern[str]:
    """What to search for in output: a text, or after ``re:`` a pattern. Raises `BadPattern`."""
    return compile_pattern(text[len(_RE) :] if text.startswith(_RE) else re.escape(text))


def _has_capital(pattern: str) -> bool:
    return any(c.isupper() for c in re.sub(r'\\.', '', pattern))


