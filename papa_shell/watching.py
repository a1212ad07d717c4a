"""The commands that stream: ``watch``, ``peek``, ``changes``, and ``make process watch=1``."""

from __future__ import annotations

import gc
import os
import select
import time
from contextlib import contextmanager, suppress

from papa.errors import ConnectionLost, NotFound
from papa.line.errors import BadLine
from papa.names import natural, shortened
from papa_shell import statuses
from papa_shell.pump import Present, Pump, Stopped, StreamInterrupted
from papa_shell.records import Lines, Pieces, plain
from papa_shell.session import Deadline
from papa_shell.statuses import TimedOut, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import Any

    from papa.line.calls import Call
    from papa.line.grammar import Line
    from papa_shell.output import Writer
    from papa_shell.pump import Sink
    from papa_shell.session import Session

_SIGNALLED = 128
_LOOK = 0.05  # seconds between two looks whether a kernel that we leave still says something
_LOOKS = 3  # in vain, before it is not waited for


def stream(session: Session, line: Line, call: Call, flags: dict[str, Any], writer: Writer) -> int:
    """Run a command that streams, to its end; return the exit status. Raises an `Error`, `ReaderGone` or what
    interrupts it."""
    gc.enable()  # it may last for weeks
    how = flags['output']
    if how == 'json':
        raise BadLine(f'"{line.command.name}" is a stream: its formats are jsonl, plain and table')
    try:
        if line.command.name == 'changes':
            return _changes(session, line, call, flags, writer)
        return _watch(session, line, call, flags, writer)
    except Stopped as stop:
        if stop.interrupted:
            raise StreamInterrupted from None
        return statuses.OK


def _changes(session: Session, line: Line, call: Call, flags: dict[str, Any], writer: Writer) -> int:
    from papa_shell.changes import form, tell

    opened = session.call(line, call, flags)
    with _told_of_loss(session, flags), _left_soon(opened) as changes, _sink(writer, asks=False) as sink:
        tell(changes, form(flags['output'], writer), sink)
    return statuses.OK


def _watch(session: Session, line: Line, call: Call, flags: dict[str, Any], writer: Writer) -> int:
    peek = bool(call.keywords.get('peek'))
    listed = {} if line.command.makes else session.listed(line, flags, 'processes', line.operands)
    if not (listed or line.command.makes or 'follow' in flags) and _is_pattern(line):
        from papa_shell.runner import nothing

        raise NotFound(nothing(line))
    present = None if line.command.makes else _present(listed, flags)
    _tell_unrecorded(listed)
    if present is not None and present.told:
        return _status(flags, listed, {})
    opened = session.call(line, call, flags)
    with _told_of_loss(session, flags), _left_soon(opened) as watcher:
        if not peek and writer.is_terminal and os.isatty(statuses.STDERR):
            say('This takes the output that it shows; "peek processes" only looks')
        with _sink(writer, asks=not peek) as sink:
            Pump(watcher, _form(flags['output'], writer), sink, peek=peek, present=present).run()
    return _status(flags, listed or line.operands[:1], watcher.exit_code)


def _is_pattern(line: Line) -> bool:
    """Whether what is watched is named by wildcards alone."""
    return bool(line.operands) and all(name.endswith('*') for name in line.operands)


class _Farewell(Deadline):
    """Bounds how long a kernel may be silent that we take leave of; it may have much to say before."""

    def __init__(self, fd: int) -> None:
        super().__init__(_LOOK)
        self._poller = select.poll()
        if fd >= 0:
            self._poller.register(fd, select.POLLIN)
        self._left = _LOOKS

    def _over(self, *_: object) -> None:
        import signal

        self._left = _LOOKS if self._poller.poll(0) else self._left - 1
        if self._left <= 0:
            super()._over()
        signal.setitimer(signal.ITIMER_REAL, _LOOK)


@contextmanager
def _told_of_loss(session: Session, flags: dict[str, Any]) -> Iterator[None]:
    """Whatever was being done when the kernel has gone, that is said, and what it means."""
    try:
        yield
    except ConnectionLost as error:
        raise session.loss(flags, error) from None


@contextmanager
def _left_soon(stream: AbstractContextManager[Any]) -> Iterator[Any]:
    """Be inside a watch, or in changes. What makes us leave does not wait long for a kernel that may never answer:
    what it has not confirmed is not acknowledged."""
    made = stream.__enter__()
    try:
        yield made
    except BaseException as error:
        with suppress(TimedOut), _Farewell(made.fileno()):
            stream.__exit__(type(error), error, error.__traceback__)
        raise
    stream.__exit__(None, None, None)


@contextmanager
def _sink(writer: Writer, *, asks: bool) -> Iterator[Sink]:
    """What takes the stream: the writer or, if that is a terminal, the terminal; `asks` as there."""
    if not writer.is_terminal:
        yield writer
        return
    from papa_shell.stream import terminal

    with terminal(writer, asks=asks) as sink:
        yield sink


def _present(listed: Mapping[str, Mapping[str, Any]], flags: dict[str, Any]) -> Present | None:
    """What there is, if no more is wanted. Also sees to it that ``--exit-code`` has one process to be about."""
    if 'exit_code' in flags and len(listed) != 1:
        raise NotFound(f'--exit-code is about one process, and {len(listed)} match')
    if 'no_follow' not in flags:
        return None
    if not listed:
        raise NotFound('There is no process to watch')
    return Present(listed)


def _tell_unrecorded(listed: Mapping[str, Mapping[str, Any]]) -> None:
    """Say of which processes nothing will come but their exit."""
    names = [name for name, details in listed.items() if details['running'] and not details.get('recorded', True)]
    if names:
        are, they = ('is', 'it') if len(names) == 1 else ('are', 'them')
        say(f'{shortened(sorted(names, key=natural))} {are} not recorded: of {they}, only the exit will be told')


def _status(flags: dict[str, Any], names: Iterable[str], codes: Mapping[str, int]) -> int:
    """The exit status: if it is asked for, that which stands for the exit code of the one process, as a POSIX shell has
    it. Raises `NotFound` if that has none yet."""
    if 'exit_code' not in flags:
        return statuses.OK
    if not codes:
        raise NotFound(f'{shortened(list(names))} still runs: it has no exit code yet')
    code = next(iter(codes.values()))
    return _SIGNALLED - code if code < 0 else code


def _form(how: str, writer: Writer) -> Lines | Pieces:
    if how == 'jsonl':
        return Pieces()
    if how == 'plain':
        return Lines(plain, time.time)
    from papa_shell import paint
    from papa_shell.human import Human

    return Lines(Human(colour=writer.is_terminal and paint.wanted()).show, time.time)
