"""`ProcessOutput`, what a `Watcher` hands out."""

from __future__ import annotations

from typing import Any, NamedTuple


class _Fields(NamedTuple):
    name: str
    timestamp: float
    data: Any


class ProcessOutput(_Fields):
    """A piece of output, or an exit.

    `name` is the name of the process, `timestamp` when the kernel captured it (seconds since the
    epoch), `data` the bytes or, of an exit, the exit code (negative: the signal, as `subprocess.Popen`).
    """
