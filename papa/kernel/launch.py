"""From what was asked for to a process that runs, is recorded and has its name."""

from __future__ import annotations

import os
import time
from typing import Any

from papa.errors import Error
from papa.kernel import spawn
from papa.kernel.kernel import Kernel
from papa.kernel.lookups import Identity
from papa.kernel.loop import READ, Loop
from papa.kernel.output import OutputBuffer
from papa.kernel.pending import Pending
from papa.kernel.placeholders import Placeholders
from papa.kernel.processes import ProcessRecord, ProcessSpec
from papa.kernel.segment import STDERR, STDOUT
from papa.kernel.spawn import Launch, Started


def read_spec(kernel: Kernel, given: dict[str, Any], argv: list[str], identity: Identity) -> ProcessSpec:
    """What options and words ask for, with its defaults. Raises `BadRequest`."""
    environment = {key[4:]: value for key, value in given.items() if key.startswith('env.')}
    limits = {key[7:]: value for key, value in given.items() if key.startswith('rlimit.')}
    bufsize = given.get('bufsize', spawn.DEFAULT_SIZE)
    return ProcessSpec(
        args=tuple(argv),
        env=spawn.read_environment(environment, 'env' in given, kernel.origin),
        working_dir=given.get('working_dir') or kernel.origin.directory,
        uid=identity.uid, gid=identity.gid, groups=None if identity.groups is None else tuple(identity.groups),
        rlimits=spawn.limits_by_constant(limits) if limits else limits,
        stdout=given.get('stdout', 'pipe') if bufsize else 'devnull',
        stderr=given.get('stderr', 'pipe') if bufsize else 'devnull',
        bufsize=bufsize, overflow=given.get('overflow', 'drop'), umask=given.get('umask'),
    )


def find_or_start(kernel: Kernel, name: str, spec: ProcessSpec, identity: Identity) -> ProcessRecord | Pending:
    """The process of this name, started if there is none. Nothing is left behind if it cannot be.

    Pending while one of this name is being started by a trampoline, which takes as long as a Python does.
    """
    under_way = kernel.processes.starting.get(name)
    if under_way is not None:
        return under_way.afterwards(lambda: find_or_start(kernel, name, spec, identity))
    found = kernel.processes.existing(name, spec)
    if found is None and kernel.starts_held is not None and spawn.takes_a_trampoline(spec.rlimits, identity):
        return kernel.starts_held.afterwards(lambda: find_or_start(kernel, name, spec, identity))
    return found or _start(kernel, name, spec, identity)


def _start(kernel: Kernel, name: str, spec: ProcessSpec, identity: Identity) -> ProcessRecord | Pending:
    with Placeholders(kernel.sockets) as placeholders:
        argv = [spawn.encode(placeholders.replace(text), 'An argument') for text in spec.args]
        with spawn.Pipes(spec.stdout, spec.stderr) as pipes:
            launch = Launch(
                argv, spec.env, spec.working_dir, spec.umask, spec.rlimits, identity,
                pipes.stdout, pipes.stderr, placeholders.filenos,
            )
            now = time.time()
            started = spawn.start(kernel.origin, launch)
            readers = pipes.detach()
    record = ProcessRecord(
        name, kernel.processes.next_id(), spec, started.pid, now, placeholders.names,
        OutputBuffer(spec.bufsize, spec.overflow == 'block'),
        pipes={fd: STDOUT if stream == 'stdout' else STDERR for fd, stream in readers.items()},
    )
    if started.status is None:
        return _record(kernel, record)
    verdict = _Verdict(kernel.loop, started, launch).pending
    under_way = verdict.afterwards(lambda: _conclude(kernel, record, verdict.result))
    kernel.processes.starting[name] = under_way
    return under_way


def _record(kernel: Kernel, record: ProcessRecord) -> ProcessRecord:
    kernel.processes.add(record)
    kernel.capture.begin(record)
    return record


def _conclude(kernel: Kernel, record: ProcessRecord, trouble: Error | None) -> ProcessRecord | Pending:
    """The trampoline has become the process, or has said why not: then it is waited for before that is told."""
    if trouble is None:
        del kernel.processes.starting[record.name]
        return _record(kernel, record)
    for fd in record.pipes:
        os.close(fd)
    gone = Pending()

    def reap() -> None:
        del kernel.processes.starting[record.name]
        gone.resolve(spawn.reap(record.pid))

    kernel.loop.watch_exit(record.pid, reap)
    return gone.then(lambda _exit_code: trouble)


class _Verdict:
    """Reads what a trampoline says, until it closes its status pipe."""

    def __init__(self, loop: Loop, started: Started, launch: Launch) -> None:
        assert started.status is not None
        self.pending = Pending()
        self._loop = loop
        self._launch = launch
        self._fd = started.status
        self._said = b''
        loop.register(self._fd, READ, self._readable)

    def _readable(self, _events: int) -> None:
        try:
            part = os.read(self._fd, 65536)
        except BlockingIOError:
            return
        self._said += part
        if not part:
            self._loop.unregister(self._fd)
            os.close(self._fd)
            self.pending.resolve(spawn.verdict(self._said, self._launch))
