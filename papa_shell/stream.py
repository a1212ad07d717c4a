"""Streaming to a terminal. (This first form writes as to anything else.)"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from papa_shell.output import Writer


@contextmanager
def terminal(writer: Writer) -> Iterator[Writer]:
    """The sink for a stream to a terminal."""
    yield writer
