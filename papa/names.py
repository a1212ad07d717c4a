"""Names of sockets, values and processes: what is allowed, and what a pattern selects."""

from __future__ import annotations

from papa.errors import BadRequest, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypeVar

    T = TypeVar('T')

_MANY = 16  # wildcards
_DIGITS = frozenset('0123456789')
_LONGEST_NUMBER = 18  # digits
_ESCAPE = 0xDC00  # added to bytes that are not UTF-8, in Python's texts: PEP 383
_NO_UTF8 = range(0x80, 0x100)


def check(name: str, what: str) -> str:
    """Return `name` if it may name a `what` ('socket', 'value', 'process'), else raise `BadRequest`."""
    if not name:
        raise BadRequest(f'A {what} needs a name')
    if name.endswith('*'):
        raise BadRequest(f'The name of a {what} may not end in an asterisk: {show(name)}')
    if ')' in name or any(c.isspace() or c < ' ' or '\x7f' <= c <= '\x9f' for c in name):
        raise BadRequest(
            f'The name of a {what} may not have white space, control characters or ")": {show(name)}'
        )
    return name


def is_number(text: str) -> bool:
    """Whether `text` is a whole number, not negative, of a sane length."""
    return text.isascii() and text.isdigit() and len(text) < 20


def show(text: str, limit: int = 100) -> str:
    """`text` as it may stand in a message: quoted, without control characters, not too long."""
    return f'"{plain(text, limit)}"'


def plain(text: str, limit: int = 100) -> str:
    """`text` without control characters and not too long."""
    if len(text) > limit:
        text = text[:limit] + '…'
    return text if text.isprintable() else ''.join(c if c.isprintable() else _visible(c) for c in text)


def shortened(names: Sequence[str], most: int = 20) -> str:
    """Names as they may stand in a message, and how many more there are: ``a, b and 3 more``."""
    more = f' and {len(names) - most} more' if len(names) > most else ''
    return f'{", ".join(map(plain, names[:most]))}{more}'


def _visible(character: str) -> str:
    """Control characters as Python writes them, and a byte that is not UTF-8 as such a byte: ``\\xff``."""
    byte = ord(character) - _ESCAPE
    return f'\\x{byte:02x}' if byte in _NO_UTF8 else repr(character)[1:-1]


def select(
    items: Mapping[str, T],
    patterns: Sequence[str],
    what: str,
    *,
    required: bool = False,
    by_number: Mapping[int, str] | None = None,
) -> dict[str, T]:
    """The items that `patterns` name.

    Without patterns all are meant. A final asterisk is a wildcard. A name wins over a number
    (a PID or a file number, looked up in `by_number`). With `required`, a plain name that
    matches nothing raises `NotFound`, and nothing is selected.
    """
    if not patterns:
        return dict(items)
    selected: dict[str, T] = {}
    patterns = list(dict.fromkeys(patterns))
    prefixes = [pattern[:-1] for pattern in patterns if pattern.endswith('*')]
    pool = items
    if len(prefixes) > _MANY:  # one search for all of them
        starts = tuple(prefixes)
        patterns = ['*', *(pattern for pattern in patterns if not pattern.endswith('*'))]
        pool = {name: item for name, item in items.items() if name.startswith(starts)}
    for pattern in patterns:
        if pattern.endswith('*'):
            selected.update((name, item) for name, item in pool.items() if name.startswith(pattern[:-1]))
            continue
        found = _named(items, pattern, by_number)
        if found is not None:
            selected[found] = items[found]
        elif required:
            raise NotFound(f'There is no {what} {show(pattern)}')
    return selected


def natural(name: str) -> tuple[list[tuple[str, int]], str]:
    """A key to sort names by as people count: ``web.2`` before ``web.10``."""
    parts: list[tuple[str, int]] = []
    text, digits = '', ''
    for character in name + '\0':
        if character in _DIGITS and len(digits) < _LONGEST_NUMBER:
            digits += character
            continue
        if digits:
            parts.append((text, int(digits)))
            text, digits = '', ''
        text += character
    return [*parts, (text[:-1], 0)], name


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns (names, or prefixes with a final asterisk) fits the name."""
    return any(name == p or (p.endswith('*') and name.startswith(p[:-1])) for p in patterns)


def _named(items: Mapping[str, T], pattern: str, by_number: Mapping[int, str] | None) -> str | None:
    if pattern in items:
        return pattern
    if by_number and is_number(pattern):
        return by_number.get(int(pattern))
    return None
