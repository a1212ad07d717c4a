"""Listening (and other) sockets that processes inherit."""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress
from typing import Any, NamedTuple

from papa import names
from papa.endpoint import MAX_PATH
from papa.errors import BadRequest, Conflict, Error, LimitReached, SystemFailure, Unsupported
from papa.kernel.changes import Changes
from papa.kernel.state import SocketState

DEFAULT_BACKLOG = 5
_FAMILIES = {'inet': socket.AF_INET, 'inet6': socket.AF_INET6, 'unix': socket.AF_UNIX}
_LISTENING = ('stream', 'seqpacket')
_INET_ONLY = ('host', 'port', 'interface', 'reuseport')


class SocketSpec(NamedTuple):
    """What a socket was asked to be. `port` 0 means any; keys that do not apply are None."""

    family: str
    type: str
    backlog: int | None
    path: str | None = None
    umask: int | None = None
    host: str | None = None
    port: int | None = None
    interface: str | None = None
    reuseport: bool = False

    def differences(self, wanted: SocketSpec) -> list[str]:
        """What `wanted` asks for otherwise, as ``key=value (not other)``; a port left out fits any."""
        return [
            f'{key}={_shown(key, mine)} (not {_shown(key, theirs)})'
            for key, mine in self._asdict().items()
            if (theirs := getattr(wanted, key)) != mine and not (key == 'port' and not theirs)
        ]


def _shown(key: str, value: Any) -> str:
    if value is None or value is False:
        return 'unset'
    return f'0{value:o}' if key == 'umask' else str(value)


class SocketRecord(NamedTuple):
    """A socket that is held: plain data and its descriptor."""

    name: str
    spec: SocketSpec
    address: str  # what `spec.host` stands for; of a Unix socket, which file it is
    holder: socket.socket

    @property
    def fileno(self) -> int:
        return self.holder.fileno()

    def details(self) -> dict[str, Any]:
        """What applies to this socket, in the order in which it is shown."""
        details = {key: value for key, value in self.spec._asdict().items() if value is not None and value is not False}
        if not self.spec.reuseport:  # each process gets a number of its own
            details['fileno'] = self.fileno
        return details

    def state(self) -> SocketState:
        """All of it."""
        return SocketState(self.name, self.fileno, self.address, **self.spec._asdict())


def read_spec(given: dict[str, Any]) -> SocketSpec:
    """The socket that options ask for, with its defaults. `BadRequest` for what does not go together."""
    path = given.get('path')
    family = given.get('family') or ('unix' if path else 'inet')
    kind = given.get('type', 'stream')
    backlog = given.get('backlog', DEFAULT_BACKLOG) if kind in _LISTENING else None
    if backlog is None and 'backlog' in given:
        raise BadRequest(f'backlog is for sockets that listen (stream, seqpacket), not for {kind}')
    if family == 'unix':
        return _unix_spec(given, kind, backlog)
    if path or 'umask' in given:
        raise BadRequest(f'path and umask are for family=unix, not for {family}')
    if given.get('reuseport') and kind != 'stream':
        raise BadRequest(f'reuseport is for stream sockets, not for {kind}: papa\'s own copy would take datagrams')
    interface = given.get('interface')
    if interface and not hasattr(socket, 'SO_BINDTODEVICE'):
        raise Unsupported('This system cannot bind a socket to an interface')
    any_host, loopback = ('::', '::1') if family == 'inet6' else ('0.0.0.0', '127.0.0.1')
    return SocketSpec(
        family, kind, backlog,
        host=given.get('host') or (any_host if interface else loopback),
        port=given.get('port', 0), interface=interface, reuseport=bool(given.get('reuseport')),
    )


def _unix_spec(given: dict[str, Any], kind: str, backlog: int | None) -> SocketSpec:
    path = given.get('path')
    if not path:
        raise BadRequest('A Unix socket needs a path, which must be absolute')
    if path.endswith('/'):
        raise BadRequest(f'path must name a file, not {names.show(path)}')
    extra = [key for key in _INET_ONLY if given.get(key)]
    if extra:
        raise BadRequest(f'{extra[0]} is not for Unix sockets')
    if kind not in ('stream', 'dgram', 'seqpacket'):
        raise BadRequest(f'A Unix socket is stream, dgram or seqpacket, not {kind}')
    return SocketSpec('unix', kind, backlog, path=path, umask=given.get('umask'))


def numeric_address(spec: SocketSpec) -> str | None:
    """The address of `spec.host` if that needs no look-up, else None."""
    host = spec.host or ''
    if host.lower() == 'localhost':  # RFC 6761: it is always this
        return '::1' if spec.family == 'inet6' else '127.0.0.1'
    flags = socket.AI_NUMERICHOST
    for family in (_FAMILIES[spec.family], socket.AF_UNSPEC):
        with suppress(OSError, UnicodeError):
            found = socket.getaddrinfo(host, None, family, socket.SOCK_STREAM, flags=flags)
            if found[0][0] != _FAMILIES[spec.family]:
                raise BadRequest(f'host {names.show(host)} is not an address of family {spec.family}')
            return host
    return None


class Sockets:
    """The sockets by name. Here alone they come and go."""

    def __init__(self, changes: Changes) -> None:
        self.by_name: dict[str, SocketRecord] = {}
        self._changes = changes

    def select(self, patterns: list[str], *, required: bool = False) -> dict[str, SocketRecord]:
        """Those that names, wildcards or file numbers mean."""
        filenos = {record.fileno: name for name, record in self.by_name.items() if not record.spec.reuseport}
        return names.select(self.by_name, patterns, 'socket', required=required, by_number=filenos)

    def existing(self, name: str, spec: SocketSpec) -> SocketRecord | None:
        """The socket of this name, if there is one. `Conflict` if it is not as `spec` wants it."""
        record = self.by_name.get(name)
        if record is None:
            return None
        differences = record.spec.differences(spec)
        if differences:
            raise Conflict(f'The socket {names.show(name)} exists with {", ".join(differences)}')
        return record

    def make(self, name: str, spec: SocketSpec, address: str) -> SocketRecord:
        """Open, bind and listen. Raises an `Error` that says what failed, and leaves nothing behind."""
        if spec.path is not None:
            holder = _open_unix(spec, spec.path)
            address = _identity(spec.path)
        else:
            holder = open_inet(spec, address, spec.port or 0)
            port = (spec.port or None) if spec.type == 'raw' else holder.getsockname()[1]
            spec = spec._replace(port=port)
        record = SocketRecord(name, spec, address, holder)
        self.by_name[name] = record
        self._changes.tell('made', 'socket', name, record)
        return record

    def restore(self, states: list[SocketState]) -> None:
        """Take the sockets that were handed over. Raises OSError if one is none."""
        for state in states:
            spec = SocketSpec(**{key: getattr(state, key) for key in SocketSpec._fields})
            holder = socket.socket(fileno=state.fd)
            self.by_name[state.name] = SocketRecord(state.name, spec, state.address, holder)

    def remove(self, records: dict[str, SocketRecord]) -> None:
        """Close sockets, forget them and remove their files."""
        for name, record in records.items():
            del self.by_name[name]
            self._changes.tell('removed', 'socket', name, record)
            if record.spec.path is not None:
                _remove_file(record)
            record.holder.close()


def _remove_file(record: SocketRecord) -> None:
    """Remove the file of a Unix socket, unless another has taken its place."""
    assert record.spec.path is not None
    with suppress(OSError):
        if record.address == _identity(record.spec.path):
            os.unlink(record.spec.path)


def _identity(path: str) -> str:
    status = os.lstat(path)
    return f'{status.st_dev}:{status.st_ino}'


def open_inet(spec: SocketSpec, address: str, port: int, *, share: bool = False) -> socket.socket:
    """A bound socket. With `share` it is one process's own of a `reuseport` address, and listens."""
    where = f'{spec.host}:{port}'
    opened = _open(spec, where)
    try:
        if spec.type == 'stream':
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if spec.reuseport:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if spec.interface:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, spec.interface.encode() + b'\0')
        opened.bind((address, port))
        if spec.backlog is not None and (share or not spec.reuseport):
            opened.listen(spec.backlog)
    except (OSError, UnicodeError) as error:
        opened.close()
        raise failure(f'Cannot bind {where}' + (f' on {spec.interface}' if spec.interface else ''), error) from None
    return opened


def _open(spec: SocketSpec, where: str) -> socket.socket:
    # ip(7): the port of a raw socket is its protocol; there is none by default
    protocol = spec.port or socket.IPPROTO_RAW if spec.type == 'raw' else 0
    try:
        return socket.socket(_FAMILIES[spec.family], getattr(socket, f'SOCK_{spec.type.upper()}'), protocol)
    except OSError as error:
        raise failure(f'Cannot open a {spec.type} socket for {where}', error) from None


def _open_unix(spec: SocketSpec, path: str) -> socket.socket:
    clear_path(path)
    opened = _open(spec, path)
    bound = False
    try:
        if spec.umask is not None and os.uname().sysname == 'Linux':
            os.fchmod(opened.fileno(), 0o777 & ~spec.umask)  # the file never has more, not even for a moment
        opened.bind(path)
        bound = True
        if spec.umask is not None:
            set_mode(path, 0o777 & ~spec.umask)
        if spec.backlog is not None:
            opened.listen(spec.backlog)
    except OSError as error:
        opened.close()
        if bound:
            with suppress(OSError):
                os.unlink(path)
        if len(os.fsencode(path)) > MAX_PATH:
            raise BadRequest(f'Cannot bind {names.show(path)}: the path may have {MAX_PATH} bytes') from None
        raise failure(f'Cannot bind {path}', error) from None
    return opened


def set_mode(path: str, mode: int) -> None:
    """Set the mode of a socket's file, and never that of what somebody may have put in its place. Raises OSError."""
    if not hasattr(os, 'O_PATH'):
        os.chmod(path, mode, follow_symlinks=False)
        return
    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            raise OSError(errno.EEXIST, 'something has taken its place')
        os.chmod(f'/proc/self/fd/{fd}', mode)
    finally:
        os.close(fd)


def clear_path(path: str) -> None:
    """Remove a stale socket at `path`. `Conflict` if something else, or a live socket, is there."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise failure(f'Cannot use {path}', error) from None
    if not stat.S_ISSOCK(mode):
        raise Conflict(f'{path} exists and is not a socket; it is left alone')
    if _is_live(path):
        raise Conflict(f'{path} is in use: something listens there')
    try:
        os.unlink(path)
    except OSError as error:
        raise failure(f'Cannot replace the stale socket {path}', error) from None


def _is_live(path: str) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        try:
            probe = socket.socket(socket.AF_UNIX, kind)
        except OSError as error:
            raise failure(f'Cannot find out what {path} is', error) from None
        with probe:
            probe.setblocking(False)
            try:
                probe.connect(path)
            except OSError as error:
                if error.errno == errno.EPROTOTYPE:
                    continue
                return error.errno not in (errno.ECONNREFUSED, errno.ENOENT)
            return True
    return True


def failure(what: str, error: OSError | UnicodeError) -> Error:
    """The `Error` for what the operating system refused."""
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return LimitReached(f'{what}: no descriptor is left')
    reason = error.strerror if isinstance(error, OSError) and error.strerror else 'not a valid address'
    return SystemFailure(f'{what}: {reason}')
