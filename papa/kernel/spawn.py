"""Starting a process: from what was asked for to a PID, or an error that says what was wrong."""

from __future__ import annotations

import errno
import marshal
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import BinaryIO, NamedTuple

from papa import interpreter, options
from papa.errors import BadRequest, Error, LimitReached, SystemFailure
from papa.kernel.lookups import Identity
from papa.kernel.origin import Origin
from papa.kernel.sockets import failure
from papa.names import show

_TRAMPOLINE = interpreter.source_of('trampoline.py')
_SIGN_OF_LIFE = b'!'
_NO_CHANGE = -1  # what Popen takes for "leave the umask"


class Launch(NamedTuple):
    """All that starting one process takes. Descriptors are the caller's to close."""

    argv: list[bytes]
    environment: dict[bytes, bytes]
    working_dir: str
    umask: int | None
    limits: dict[str, int]
    identity: Identity
    stdout: int
    stderr: int
    inherited: list[int]


class Started(NamedTuple):
    """A child. `status`: it is a trampoline yet; at the end of this pipe, `verdict` tells what became of it."""

    pid: int
    status: int | None = None


def start(origin: Origin, launch: Launch) -> Started:
    """Start a process. Raises an `Error` and leaves no process if it cannot be started."""
    try:
        if takes_a_trampoline(launch.limits, launch.identity):
            return _start_by_trampoline(origin, launch)
        return Started(_popen(origin, launch, launch.argv, launch.environment, launch.inherited))
    except (OSError, ValueError) as error:
        raise _explain(error, launch) from None


def takes_a_trampoline(limits: dict[str, int], identity: Identity) -> bool:
    """Whether such a process starts as a program of papa's that becomes it."""
    return bool(limits) or identity.groups is not None


class Pipes:
    """The pipes for the output of one process: the ends that it writes to, and those that the kernel reads.

    A context manager: at its end the writing ends are closed, and the reading ends unless detached.
    """

    def __init__(self, stdout: str, stderr: str) -> None:
        self._readers: dict[int, str] = {}
        self._writers: list[int] = []
        try:
            self.stdout = self._open('stdout') if stdout == 'pipe' else subprocess.DEVNULL
            self.stderr = subprocess.STDOUT if stderr == 'stdout' else subprocess.DEVNULL
            if stderr == 'pipe':
                self.stderr = self._open('stderr')
        except OSError as error:
            self.__exit__()
            raise failure('Cannot start a process', error) from None

    def _open(self, stream: str) -> int:
        reader, writer = os.pipe()
        self._readers[reader] = stream
        self._writers.append(writer)
        os.set_blocking(reader, False)
        return writer

    def __enter__(self) -> Pipes:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in [*self._writers, *self._readers]:
            os.close(fd)
        self._writers.clear()
        self._readers.clear()

    def detach(self) -> dict[int, str]:
        """The reading ends with the names of their streams; they are the caller's now."""
        readers = self._readers
        self._readers = {}
        return readers


def _popen(
    origin: Origin, launch: Launch, argv: list[bytes], environment: dict[bytes, bytes], inherited: list[int]
) -> int:
    with origin.original_limit(), _inheritable(origin, inherited):
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=launch.stdout, stderr=launch.stderr,
            cwd=launch.working_dir, env=environment, start_new_session=True,
            umask=_NO_CHANGE if launch.umask is None else launch.umask,
            close_fds=origin.guest, pass_fds=inherited if origin.guest else (),
        )
    child.returncode = 0  # the kernel reaps it, not Popen
    return child.pid


@contextmanager
def _inheritable(origin: Origin, fds: list[int]) -> Iterator[None]:
    """Let exactly these descriptors pass into a child that is started meanwhile.

    Everything else that the kernel has open closes on exec. That spares the child closing thousands
    of descriptors, which Popen's own way takes; as a guest there are others' descriptors to think of.
    """
    if origin.guest:
        yield
        return
    try:
        for fd in fds:
            os.set_inheritable(fd, True)
        yield
    finally:
        for fd in fds:
            os.set_inheritable(fd, False)


def _start_by_trampoline(origin: Origin, launch: Launch) -> Started:
    identity = launch.identity
    switch = identity.groups is not None
    orders = {
        'argv': launch.argv,
        'env': launch.environment,
        'rlimits': [(f'rlimit.{name.lower()[7:]}', name, value) for name, value in launch.limits.items()],
        'groups': identity.groups,
        'gid': identity.gid if switch else None,
        'uid': identity.uid if switch else None,
    }
    with ExitStack() as stack:
        take_orders, give_orders = _open_pipe(stack)
        take_status, give_status = _open_pipe(stack)
        passed = [take_orders.fileno(), give_status.fileno()]
        argv = [os.fsencode(word) for word in interpreter.command('-c', _TRAMPOLINE, *map(str, passed))]
        pid = _popen(origin, launch, argv, {}, [*launch.inherited, *passed])
        take_orders.close()
        with suppress(BrokenPipeError), give_orders:
            give_orders.write(marshal.dumps(orders))
        status = os.dup(take_status.fileno())
        os.set_blocking(status, False)
        return Started(pid, status)


def _open_pipe(stack: ExitStack) -> tuple[BinaryIO, BinaryIO]:
    reader, writer = os.pipe()
    return stack.enter_context(open(reader, 'rb')), stack.enter_context(open(writer, 'wb'))


def verdict(said: bytes, launch: Launch) -> Error | None:
    """What went wrong by all that a trampoline has said; None if it has become the process."""
    if said == _SIGN_OF_LIFE:
        return None
    if not said:
        return SystemFailure(f'Cannot start {show(os.fsdecode(launch.argv[0]))}: it was killed, perhaps by its limits')
    stage, number, text = marshal.loads(said.removeprefix(_SIGN_OF_LIFE))  # noqa: S302 - by our own trampoline
    if stage == 'exec':
        return _explain(OSError(number, text), launch)
    reason = os.strerror(number) if number else text
    if stage == 'user':
        return SystemFailure(f'Cannot become uid {launch.identity.uid}, gid {launch.identity.gid}: {reason}')
    return SystemFailure(f'Cannot set {stage}: {reason}')


def _explain(error: OSError | ValueError, launch: Launch) -> Error:
    """One line for what Popen raises; its own words say neither which nor what."""
    executable = show(os.fsdecode(launch.argv[0]))
    if not isinstance(error, OSError):
        return BadRequest('An argument or a variable may not have a NUL character, nor a variable\'s name "="')
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return LimitReached('Cannot start a process: no descriptor is left')
    if error.errno in (errno.EAGAIN, errno.ENOMEM):
        return LimitReached(f'Cannot start {executable}: {os.strerror(error.errno)}')
    if error.errno == errno.E2BIG:
        return BadRequest('The arguments and the environment together are too long for the system')
    if error.filename == launch.working_dir and not _is_directory(launch.working_dir):
        return BadRequest(f'working_dir {show(launch.working_dir)}: {os.strerror(error.errno or 0)}')
    reason = os.strerror(error.errno or 0)
    if error.errno == errno.ENOENT:
        reason = 'there is no such program (or its interpreter is missing)'
    elif error.errno == errno.ENOEXEC:
        reason = 'it is not a program (a script must begin with #!)'
    return BadRequest(f'Cannot start {executable}: {reason}')


def _is_directory(path: str) -> bool:
    return os.path.isdir(path) and os.access(path, os.X_OK)


def reap(pid: int) -> int:
    """Wait for a child that has exited. Popen's convention: the exit status, or minus the signal."""
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:  # somebody else in this program has waited for it
        return 255
    return os.waitstatus_to_exitcode(status)


def limits_by_constant(limits: dict[str, int]) -> dict[str, int]:
    """Limits by the names of the `resource` module, from names as in options. `BadRequest` for an unknown one."""
    import resource

    known = {name: getattr(resource, name) for name in dir(resource) if name.startswith('RLIMIT_')}
    found = {}
    for name, value in limits.items():
        constant = f'RLIMIT_{name.upper()}'
        if constant not in known:
            allowed = ', '.join(sorted(key[7:].lower() for key in known))
            raise BadRequest(f'Unknown resource limit {show(name)}; the limits here are {allowed}')
        found[constant] = resource.RLIM_INFINITY if value == -1 else value
    return found


def read_environment(given: dict[str, str], empty: bool, origin: Origin) -> dict[bytes, bytes]:
    """The environment of a process: what was given, or the kernel's own if nothing was."""
    if not given and not empty:
        return origin.environment
    return {encode(name, f'env.{name}'): encode(value, f'env.{name}') for name, value in given.items()}


def encode(text: str, what: str) -> bytes:
    """The bytes that the operating system gets. `BadRequest` for what it cannot take."""
    try:
        data = os.fsencode(text)
    except UnicodeEncodeError:
        raise BadRequest(f'{what} has a character that no file system encoding knows: {show(text)}') from None
    if b'\0' in data:
        raise BadRequest(f'{what} may not have a NUL character')
    return data


DEFAULT_SIZE = options.size('bufsize', '1m')
