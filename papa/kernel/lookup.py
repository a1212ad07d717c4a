"""A program that the kernel starts to look up a host, a user or a group.

A look-up may wait for the network; the kernel has one thread and must not. The answer is written to
standard output with `marshal`: ``('ok', value)`` or ``('error', text)``.

Run by its text, isolated: it must not import anything of papa.
"""

import grp
import marshal
import os
import pwd
import socket
import sys
from collections.abc import Callable
from typing import Any


def host(name: str, family: str) -> str:
    """The first address of a host name in the family ('inet', 'inet6')."""
    wanted = socket.AF_INET6 if family == 'inet6' else socket.AF_INET
    try:
        return str(socket.getaddrinfo(name, None, wanted, socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError) as error:
        raise LookupError(f'Cannot find the host "{name}": {getattr(error, "strerror", None) or "bad name"}') from None


def identity(user: str, group: str) -> tuple[int | None, int | None, list[int] | None]:
    """The uid, gid and supplementary groups for a user and a group, numbers or names, '' for none."""
    gid = _gid(group) if group else None
    if not user:
        return None, gid, None
    entry = _user(user)
    if entry is None:
        if gid is None:
            raise LookupError(f'uid {user} has no entry in the user database, so a gid must be given too')
        return int(user), gid, [gid]
    gid = entry.pw_gid if gid is None else gid
    return entry.pw_uid, gid, os.getgrouplist(entry.pw_name, gid)


def _user(user: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    except KeyError:
        if user.isdigit():
            return None
        raise LookupError(f'There is no user "{user}"') from None


def _gid(group: str) -> int:
    if group.isdigit():
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise LookupError(f'There is no group "{group}"') from None


def main() -> None:
    answer: tuple[str, Any]
    question: Callable[..., Any] = {'host': host, 'identity': identity}[sys.argv[1]]
    try:
        answer = ('ok', question(sys.argv[2], sys.argv[3]))
    except LookupError as error:
        answer = ('error', error.args[0])
    except (OverflowError, ValueError, UnicodeError):
        answer = ('error', f'"{sys.argv[2]}" is not a valid name or number')
    sys.stdout.buffer.write(marshal.dumps(answer))


main()
