"""Which kernel it is that answers."""

from __future__ import annotations

Identity = tuple[int, float]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def identity(info: Mapping[str, Any]) -> Identity:
    """What tells a kernel from others, of what it says of itself. A PID alone does not: every container has its own.
    It stays with an upgrade."""
    return int(info['pid']), float(info['started'])
