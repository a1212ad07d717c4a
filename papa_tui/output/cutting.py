"""Where output that is too long for one line may be cut."""

from __future__ import annotations

import re

MOST = 65536  # bytes of a sequence that is kept in one piece
_STRING = rb'[\]PX^_][^\x07\x1b\n]*'  # a title, a link, a picture
_WHOLE = re.compile(rb'\x1b(?:\[[0-?]*[ -/]*[@-~]|' + _STRING + rb'(?:\x07|\x1b\\)|[ -/]+[0-~]|[0-OQ-WYZ\\`-~])')
_OPEN = re.compile(rb'\x1b(?:\[[0-?]*[ -/]*|' + _STRING + rb'\x1b?|[ -/]*)\Z')


def boundary(data: bytes, begin: int, at: int) -> int:
    """Where to cut what begins at `begin`, at about `at`, so that neither a character of UTF-8 nor a sequence is in two
    parts. It is `begin` if a sequence begins there whose end may still come."""
    at = between_characters(data, at)
    start = _open_before(data, begin, at)
    if start != begin:
        return at if start is None else start
    found = _WHOLE.match(data, begin, begin + MOST)
    if found is not None:
        return found.end()
    waits = len(data) - begin < MOST and _OPEN.match(data, begin)
    return begin if waits else at


def between_characters(data: bytes, at: int) -> int:
    """Where to cut, so that no character of UTF-8 is in two parts."""
    for back in range(4):
        if data[at - back] & 0xC0 != 0x80:
            return at - back
    return at


def _open_before(data: bytes, begin: int, at: int) -> int | None:
    """Where a sequence begins that goes on there."""
    last = data.rfind(b'\x1b', begin, at)
    if last < 0:
        return None
    before = data.rfind(b'\x1b', begin, last) if last == at - 1 else -1  # this one may be the end of a string
    return next((start for start in (before, last) if start >= 0 and _OPEN.match(data, start, at)), None)
