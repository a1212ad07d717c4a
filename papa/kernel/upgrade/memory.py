"""How much memory may still be taken, by proc(5) and by the limits of control groups (cgroups(7), version 2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_GROUPS = Path('/sys/fs/cgroup')


def available() -> int | None:
    """Bytes that this process can take before the system begins to kill; None where nothing tells."""
    return min((*_of_machine(), *_of_groups()), default=None)


def _of_machine() -> Iterator[int]:
    with suppress(OSError, ValueError):
        fields = dict(line.split(':', 1) for line in Path('/proc/meminfo').read_text().splitlines())
        with suppress(KeyError):
            yield sum(int(fields[key].split()[0]) * 1024 for key in ('MemAvailable', 'SwapFree'))


def _of_groups() -> Iterator[int]:
    with suppress(OSError, ValueError):
        lines = Path('/proc/self/cgroup').read_text().splitlines()
        for own in [line[3:] for line in lines if line.startswith('0::')]:
            group = _GROUPS / own.lstrip('/')
            while group != _GROUPS and _GROUPS in group.parents:
                yield from _of_group(group)
                group = group.parent


def _of_group(group: Path) -> Iterator[int]:
    """What is left below the limit of one group; files that are cached give way."""
    with suppress(OSError, ValueError, KeyError):
        limit = (group / 'memory.max').read_text().strip()
        if limit != 'max':
            used = int((group / 'memory.current').read_text())
            parts = dict(line.split() for line in (group / 'memory.stat').read_text().splitlines())
            yield int(limit) - used + int(parts['active_file']) + int(parts['inactive_file'])
