"""What a handler may return beside a str, None, a dict and `Pending`: results that the session acts upon."""

from __future__ import annotations

from typing import Any, NamedTuple

from papa.kernel.processes import ProcessRecord


class Goodbye(NamedTuple):
    """Say `text` and close the connection. `prompt`: an old client waits for one."""

    text: str
    prompt: bool = False


class Watching(NamedTuple):
    """Begin a watch of processes, of each from a position on. `made` is the process that was made for it, by name,
    if it was. `follow`: names of others that are watched once they start; an empty list means all, None none."""

    starts: list[tuple[ProcessRecord, int]]
    made: dict[str, Any] | None = None
    peek: bool = False
    follow: list[str] | None = None


class Listening(NamedTuple):
    """Tell of changes of these kinds; `every` so many seconds also of counters."""

    kinds: frozenset[str]
    every: float | None
