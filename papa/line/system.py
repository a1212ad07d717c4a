"""What completion wants to know of the machine: `System` looks, `NoSystem` knows nothing."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MOST = 5000  # entries of a directory that are looked at


class NoSystem:
    """Answers nothing. The base of what does, and for tests; each method may be replaced by itself."""

    def users(self) -> list[str]:
        """The names of users."""
        return []

    def groups(self) -> list[str]:
        """The names of groups."""
        return []

    def limits(self) -> list[str]:
        """The names of resource limits, as ``rlimit.`` takes them."""
        return []

    def interfaces(self) -> list[str]:
        """The names of network devices."""
        return []

    def variables(self) -> list[str]:
        """The names of environment variables."""
        return []

    def programs(self) -> list[str]:
        """The names of the programs on PATH, sorted."""
        return []

    def entries(self, folder: str) -> list[tuple[str, bool]]:
        """What is in a folder, sorted: names, and whether each is a folder."""
        return []


class System(NoSystem):
    """This machine. What is slow to find out is kept; programs are looked for anew when their folders change."""

    def __init__(self) -> None:
        self._kept: dict[str, list[str]] = {}
        self._programs: list[str] = []
        self._folders: list[tuple[str, int]] = []  # where those were found, and when each had changed

    def users(self) -> list[str]:
        return self._keep('users', _users)

    def groups(self) -> list[str]:
        return self._keep('groups', _groups)

    def limits(self) -> list[str]:
        return self._keep('limits', _limits)

    def interfaces(self) -> list[str]:
        return self._keep('interfaces', _interfaces)

    def variables(self) -> list[str]:
        return sorted(os.environ)

    def programs(self) -> list[str]:
        folders = [(folder, _changed(folder)) for folder in dict.fromkeys(os.get_exec_path())]
        if folders != self._folders:
            self._folders = folders
            self._programs = sorted({name for folder, _ in folders for name in _programs_in(folder)})
        return self._programs

    def entries(self, folder: str) -> list[tuple[str, bool]]:
        found = []
        try:
            with os.scandir(folder or '.') as entries:
                for entry in entries:
                    found.append((entry.name, _is_folder(entry)))
                    if len(found) == _MOST:
                        break
        except OSError:
            return []
        return sorted(found)

    def _keep(self, key: str, look: Callable[[], Iterable[str]]) -> list[str]:
        if key not in self._kept:
            try:
                self._kept[key] = sorted(set(look()))
            except OSError:
                return []
        return self._kept[key]


def _users() -> Iterable[str]:
    import pwd

    return (user.pw_name for user in pwd.getpwall())


def _groups() -> Iterable[str]:
    import grp

    return (group.gr_name for group in grp.getgrall())


def _limits() -> Iterable[str]:
    import resource

    return (name.removeprefix('RLIMIT_').lower() for name in dir(resource) if name.startswith('RLIMIT_'))


def _interfaces() -> Iterable[str]:
    import socket

    return (name for _, name in socket.if_nameindex())


def _changed(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


def _programs_in(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if not _is_folder(entry) and os.access(entry.path, os.X_OK)]
    except OSError:
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
