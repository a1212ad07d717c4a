"""The text of a file, for ``set NAME --file PATH``."""

from __future__ import annotations

import os

from papa.errors import LimitReached, SystemFailure
from papa.names import plain

STANDARD_INPUT = '-'
LONGEST = 16 * 1024 * 1024  # bytes: the kernel takes no longer line
_STDIN = 0
_READ_SIZE = 65536


def read_text(path: str) -> str:
    """The text of a file, or of standard input for ``-``. Of one that never ends, no more is read than a value
    may have. Raises `SystemFailure`, or `LimitReached` if it is too large.
    """
    shown = 'standard input' if path == STANDARD_INPUT else plain(path, 1000)
    try:
        fd = _STDIN if path == STANDARD_INPUT else os.open(os.fsencode(path), os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = read_all(fd)
        finally:
            if fd != _STDIN:
                os.close(fd)
    except (OSError, ValueError) as error:
        raise SystemFailure(f'Cannot read {shown}: {getattr(error, "strerror", None) or error}') from None
    if len(data) >= LONGEST:
        raise LimitReached(f'Cannot set this: {shown} has {LONGEST >> 20} MB or more, and a value has less')
    return data.decode('utf-8', 'surrogateescape')


def read_all(fd: int) -> bytes:
    """What a descriptor has, but no more than `LONGEST` bytes or a little more. Raises `OSError`."""
    parts, size = [], 0
    while size < LONGEST and (part := os.read(fd, _READ_SIZE)):
        parts.append(part)
        size += len(part)
    return b''.join(parts)
