"""What a handler may return beside a str, None, a dict and `Pending`: results that the session acts upon."""

from __future__ import annotations

from typing import Any, NamedTuple

from papa.kernel.processes import ProcessRecord


class Goodbye(NamedTuple):
    """Say `text` and close the connection. `prompt`: an old client waits for one."""

    text: str
    prompt: bool = False


class Watching(NamedTuple):
    """Begin a watch. `made` is the process that was made for it, by name, if it was."""

    records: list[ProcessRecord]
    made: dict[str, Any] | None = None
