"""Scripts: a command a line, from a file or standard input."""

from __future__ import annotations

import os
import select
from itertools import islice

from papa.errors import Error, LimitReached, SystemFailure
from papa.line import calls
from papa.line.errors import BadLine, Unfinished
from papa.line.files import LONGEST
from papa.line.grammar import Line, parse
from papa.line.quoting import carry
from papa_shell import statuses
from papa_shell.output import ReaderGone, Writer
from papa_shell.statuses import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from papa.line.calls import Call
    from papa_shell.runner import Runner

STANDARD_INPUT = '-'
_READ_SIZE = 65536
_LOOK_AHEAD = 1000  # commands, where the script is left: it may have no end
_BYTE_ORDER_MARK = '\ufeff'


class Abbreviations:
    """Tells what each abbreviation means, once; with `strict`, refuses all."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._told: set[str] = set()

    def check(self, line: Line, where: str = '') -> None:
        """Raises `BadLine` if the line has one and that is refused."""
        if not line.short:
            return
        if self._strict:
            raise BadLine(f'--strict: write "{line.command.name}" for "{line.short}"')
        if line.short not in self._told:
            self._told.add(line.short)
            say(f'"{line.short}" is short for "{line.command.name}"', where)


class Script:
    """The lines of a script, with their numbers. `name` is what to call it; `waits`: for what is still to be written
    of it."""

    def __init__(self, path: str) -> None:
        """Open it. Raises `SystemFailure`."""
        self.is_stdin = path == STANDARD_INPUT
        self.waits = True
        self.name = 'standard input' if self.is_stdin else path
        try:
            self._fd = 0 if self.is_stdin else os.open(os.fsencode(path), os.O_RDONLY | os.O_CLOEXEC)
        except (OSError, ValueError) as error:
            raise SystemFailure(self._trouble(error)) from None

    def _trouble(self, error: Exception) -> str:
        return f'Cannot read {self.name}: {getattr(error, "strerror", None) or error}'

    def lines(self) -> Iterator[tuple[str, str]]:
        """Where each command begins and its text: several lines where a quote or a backslash joins them.

        They are read as they come: whoever writes a script bit by bit sees each line done. Raises `SystemFailure`,
        or `LimitReached` for a line without an end.
        """
        held: list[str] = []
        first, carried = 0, ''
        for number, text in enumerate(self._physical(), 1):
            first = first if held else number
            held.append(text)
            carried = carry(carried + text)
            if not carried:
                yield f'{self.name}:{first}', '\n'.join(held)
                held = []
        if held:
            yield f'{self.name}:{first}', '\n'.join(held)

    def _physical(self) -> Iterator[str]:
        start = True
        for line in self._raw():
            text = line.decode('utf-8', 'surrogateescape')
            yield text.removeprefix(_BYTE_ORDER_MARK) if start else text
            start = False

    def _raw(self) -> Iterator[bytes]:
        begun: list[bytes] = []  # the parts of a line that has no end yet
        size = 0  # of these
        while part := self._read():
            first, *lines = part.split(b'\n')
            begun.append(first)
            size += len(first)
            if size > LONGEST:
                raise LimitReached(f'A line of {self.name} is longer than {LONGEST >> 20} MB')
            if lines:
                yield b''.join(begun)
                yield from lines[:-1]
                begun = lines[-1:]
                size = len(begun[0])
        if rest := b''.join(begun):
            yield rest

    def _read(self) -> bytes:
        if not self.waits and not self._is_at_hand():
            return b''
        try:
            return os.read(self._fd, _READ_SIZE)
        except OSError as error:
            raise SystemFailure(self._trouble(error)) from None

    def _is_at_hand(self) -> bool:
        poller = select.poll()
        poller.register(self._fd, select.POLLIN)
        return bool(poller.poll(0))


def run(script: Script, runner: Runner, flags: dict[str, Any]) -> int:
    """Run a script. Returns the status of its first failure, at which it stops unless ``--keep-going``.

    With ``-n`` nothing is run, and all of it is read: the full form of each line goes to standard output. If whoever
    reads the results leaves, that is its end, which is a failure if something would still have been changed.
    """
    abbreviations = Abbreviations(strict='strict' in flags)
    dry = 'dry_run' in flags
    first = statuses.OK
    lines = script.lines()
    for where, text in lines:
        try:
            line = parse(text)
            if line is None:
                continue
            if not dry or 'strict' in flags:
                abbreviations.check(line, where)
            status = show(line) if dry else runner.run(line, where)
        except Error as error:
            say(_explained(error), where)
            status = statuses.of(error)
        except ReaderGone:
            left = _leave(script, lines)
            return first or left
        else:
            if line.leaves and not dry:
                break
        first = first or status
        if status and not dry and 'keep_going' not in flags:
            break
    return first


def _leave(script: Script, lines: Iterator[tuple[str, str]]) -> int:
    """Nobody reads the results any more. Say so if a command that is not run now would have changed something; returns
    the exit status."""
    script.waits = False
    for where, text in islice(lines, _LOOK_AHEAD):
        try:
            line = parse(text)
            call = None if line is None else _call(line)
        except Error:
            continue
        if line is not None and line.leaves:
            break
        if call is not None and not call.reads:
            say('Nobody reads the results any more: this and what follows was not run', where)
            return statuses.FAILED
    return statuses.OK


def _call(line: Line) -> Call | None:
    return calls.call(line, '' if 'file' in line.flags else None)


def show(line: Line) -> int:
    """Write the full form of a line, after looking whether its values can be right. Returns the exit status."""
    _call(line)
    Writer().write(f'{line.full}\n'.encode('utf-8', 'surrogateescape'))
    return statuses.OK


def _explained(error: Error) -> str:
    return f'{error} at the end of the script' if isinstance(error, Unfinished) else str(error)
