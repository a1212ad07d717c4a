"""Who may talk to the kernel: its own user, root, and whoever was let in."""

from __future__ import annotations

import errno
import logging
import os
import socket
import struct
import sys
import time
from contextlib import suppress

log = logging.getLogger('papa.kernel')

_UCRED = struct.Struct('iII')  # pid, uid, gid: unix(7), SO_PEERCRED
_ATTEMPTS = 3
_LOG_EVERY = 1.0  # seconds

# sock_diag(7): struct nlmsghdr, inet_diag_req_v2 and inet_diag_msg
_HEADER = struct.Struct('=IHHII')
_REQUEST = struct.Struct('=BBBxI')
_SOCKET_ID = struct.Struct('!HH16s16s')
_COOKIE = struct.Struct('=III')
_SOCK_DIAG_BY_FAMILY = 20
_NLMSG_ERROR = 2
_ERROR = struct.Struct('=i')
_NOBODY = (0, 0)  # uid and inode of a socket that is gone
_NLM_F_REQUEST = 1
_ALL_STATES = 0xFFFFFFFF
_NO_COOKIE = 0xFFFFFFFF
_MESSAGE_TAIL = struct.Struct('=IIIII')  # expires, rqueue, wqueue, uid, inode
_MESSAGE_TAIL_AT = 16 + 4 + 48


class Access:
    """Decides about a connection when it is accepted, before anything of it is read."""

    def __init__(self, allowed: frozenset[int] = frozenset(), *, any_local_user: bool = False) -> None:
        self.allowed = {0, os.geteuid()} | allowed
        self.any_local_user = any_local_user
        self._noted: dict[int | None, tuple[float, int]] = {}  # uid -> when a refusal was logged, how many since

    @property
    def shared(self) -> bool:
        """Whether others than the kernel's own user and root may come in."""
        return self.any_local_user or len(self.allowed - {0, os.geteuid()}) > 0

    def refusal(self, connection: socket.socket, address: object) -> str | None:
        """Why the peer may not come in, or None if it may."""
        if self.any_local_user:
            return None
        uid = self._peer(connection, address)
        if uid is None:
            self._note(None)
            return 'This kernel cannot tell which user connects, so it does not serve you'
        if uid in self.allowed:
            return None
        self._note(uid)
        return f'This kernel does not serve uid {uid}; its own user can let you in with --allow-user'

    def _note(self, uid: int | None) -> None:
        """Log a refusal, but at most one a second for a user: others must not be able to fill our disk."""
        now = time.monotonic()
        last, unsaid = self._noted.get(uid, (now - _LOG_EVERY, 0))
        if now - last < _LOG_EVERY:
            self._noted[uid] = (last, unsaid + 1)
            return
        self._noted[uid] = (now, 0)
        whose = 'whose user cannot be told' if uid is None else f'of uid {uid}'
        log.warning('Refused a connection %s%s', whose, f', and {unsaid} before it' if unsaid else '')

    @staticmethod
    def _peer(connection: socket.socket, address: object) -> int | None:
        if connection.family == socket.AF_UNIX:
            return unix_peer(connection)
        assert isinstance(address, tuple)
        if address[0] != '127.0.0.1':
            return None
        uid = tcp_peer(address, connection.getsockname())
        try:
            connection.getpeername()  # gone meanwhile, its port may have been somebody else's when we looked
        except OSError:
            return None
        return uid


def can_tell_tcp_peers() -> bool:
    """Whether this system says whose a TCP connection is."""
    return sys.platform == 'linux'


def unix_peer(connection: socket.socket) -> int | None:
    """The uid at the other end of a Unix socket."""
    with suppress(OSError):
        if hasattr(socket, 'SO_PEERCRED'):
            data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
            return int(_UCRED.unpack(data)[1])
        # macOS and FreeBSD: struct xucred by LOCAL_PEERCRED (1) at level SOL_LOCAL (0); version, uid, ...
        return int(struct.unpack('II', connection.getsockopt(0, 1, 76)[:8])[1])
    return None


def tcp_peer(peer: tuple[str, int], here: tuple[str, int]) -> int | None:
    """The uid that owns the socket at `peer`, connected to `here`; None if that cannot be told.

    A peer that has closed already is shown by Linux with inode 0, and uid 0 whoever it was: that is nobody.
    """
    for _ in range(_ATTEMPTS):
        for look_up in (_ask_netlink, _ask_proc):
            with suppress(OSError, ValueError, struct.error):
                uid, inode = look_up(peer, here)
                return uid if inode else None
    return None


def _ask_netlink(peer: tuple[str, int], here: tuple[str, int]) -> tuple[int, int]:
    """The uid and inode of exactly this socket, by sock_diag; nobody's if there is none any more."""
    body = _REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, _ALL_STATES)
    body += _SOCKET_ID.pack(peer[1], here[1], socket.inet_aton(peer[0]).ljust(16, b'\0'),
                            socket.inet_aton(here[0]).ljust(16, b'\0'))
    body += _COOKIE.pack(0, _NO_COOKIE, _NO_COOKIE)
    message = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as netlink:  # NETLINK_SOCK_DIAG
        netlink.settimeout(1)
        netlink.send(message)
        answer = netlink.recv(8192)
    kind = _HEADER.unpack_from(answer)[1]
    if kind == _NLMSG_ERROR and -_ERROR.unpack_from(answer, _HEADER.size)[0] == errno.ENOENT:
        return _NOBODY  # final: a search of all connections, which is slow, would find it no more
    if kind != _SOCK_DIAG_BY_FAMILY:
        raise OSError(errno.EPROTO, 'netlink does not answer')
    _, _, _, uid, inode = _MESSAGE_TAIL.unpack_from(answer, _MESSAGE_TAIL_AT)
    return uid, inode


def _ask_proc(peer: tuple[str, int], here: tuple[str, int]) -> tuple[int, int]:
    """The same from /proc/net/tcp, where netlink is closed to us."""
    wanted = [_hex_address(peer), _hex_address(here)]
    with open('/proc/net/tcp', encoding='ascii') as table:
        for line in table:
            fields = line.split()
            if fields[1:3] == wanted:
                return int(fields[7]), int(fields[9])
    return _NOBODY


def _hex_address(address: tuple[str, int]) -> str:
    number = struct.unpack('=I', socket.inet_aton(address[0]))[0]
    return f'{number:08X}:{address[1]:04X}'
