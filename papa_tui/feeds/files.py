"""Files that a person names. One that is no regular file could keep whoever reads it waiting for ever."""

from __future__ import annotations

import os
import stat

from papa.errors import BadRequest
from papa.line.files import LONGEST, read_all
from papa_tui.model.text import size

MOST = LONGEST  # bytes: the UI reads it


def read_file(path: str) -> str:
    """The text of a regular file. Raises an `Error`."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            trouble = _trouble(os.fstat(fd))
            data = b'' if trouble else read_all(fd)
        finally:
            os.close(fd)
    except (OSError, ValueError) as error:
        trouble = getattr(error, 'strerror', None) or str(error)
    if trouble:
        raise BadRequest(f'Cannot read {path}: {trouble}')
    return data.decode('utf-8', 'surrogateescape')


def _trouble(found: os.stat_result) -> str:
    if not stat.S_ISREG(found.st_mode):
        return 'it is no regular file'
    if found.st_size > MOST:
        return f'it has {size(found.st_size)}, and at most {size(MOST)} are read here'
    return ''
