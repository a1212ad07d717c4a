"""How much memory may still be taken: by the machine, by the control groups, by the limits of this process.

See proc(5), cgroups(7) (both versions) and getrlimit(2).
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import suppress

_GROUPS = '/sys/fs/cgroup'
_NO_LIMIT = 'max'
_STRICT = '2'  # the system grants no more than it has: proc(5), overcommit_memory


def available() -> int | None:
    """Bytes that can be taken before the system begins to kill; None where nothing tells."""
    return min((*_of_machine(), *_of_groups()), default=None)


def addressable() -> int | None:
    """Bytes that this process may allocate before its own limits forbid it; None where there are none, or nothing
    tells how much it has."""
    left = []
    with suppress(OSError, ValueError, IndexError):
        pages = [int(word) * resource.getpagesize() for word in _read('/proc/self/statm').split()]
        for limit, used in ((resource.RLIMIT_AS, pages[0]), (resource.RLIMIT_DATA, pages[5])):
            soft = resource.getrlimit(limit)[0]
            if soft != resource.RLIM_INFINITY:
                left.append(soft - used)
    return min(left, default=None)


def _of_machine() -> Iterator[int]:
    with suppress(OSError, ValueError, KeyError):
        fields = dict(line.split(':', 1) for line in _read('/proc/meminfo').splitlines())
        sizes = {key: int(field.split()[0]) * 1024 for key, field in fields.items()}
        yield sizes['MemAvailable'] + sizes['SwapFree']
        if _read('/proc/sys/vm/overcommit_memory').strip() == _STRICT:
            yield sizes['CommitLimit'] - sizes['Committed_AS']


def _of_groups() -> Iterator[int]:
    with suppress(OSError, ValueError):
        for line in _read('/proc/self/cgroup').splitlines():
            _, controllers, path = line.split(':', 2)
            if not controllers:
                files, root = ('memory.max', 'memory.current', ''), _GROUPS
            elif 'memory' in controllers.split(','):
                files, root = ('memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_'), f'{_GROUPS}/memory'
            else:
                continue
            for group in _upwards(path):
                yield from _of_group(root + group, *files)


def _upwards(path: str) -> Iterator[str]:
    """A group and those that it is in. In a container only the outermost may be there, and it is the container's."""
    while path.strip('/'):
        yield path
        path = os.path.dirname(path)
    yield ''


def _of_group(group: str, limit: str, usage: str, prefix: str) -> Iterator[int]:
    """What is left below the limit of one group; files that are cached give way."""
    with suppress(OSError, ValueError, KeyError):
        most = _read(f'{group}/{limit}').strip()
        if most != _NO_LIMIT:
            parts = dict(line.split() for line in _read(f'{group}/memory.stat').splitlines())
            cached = sum(int(parts[prefix + key]) for key in ('active_file', 'inactive_file'))
            yield int(most) - int(_read(f'{group}/{usage}')) + cached


def _read(path: str) -> str:
    with open(path, encoding='utf-8') as file:
        return file.read()
