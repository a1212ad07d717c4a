"""What each writer was told to do, and whether what a watcher is handed is exactly that."""

from __future__ import annotations

import copy
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from papa import STDOUT, ProcessOutput

from . import writers

PROGRAM = str(Path(writers.__file__).resolve())
STREAMS = {'out': writers.OUT, 'err': writers.ERR}
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGALRM)
UNLIMITED = 1 << 62

Outputs = tuple[list[ProcessOutput], list[ProcessOutput], list[ProcessOutput]]


class DiscrepancyError(AssertionError):
    """Something is not as it would be without upgrades."""


class HangError(DiscrepancyError):
    """Something does not come that has to come."""


def check(condition: object, text: str) -> None:
    """Raise `DiscrepancyError` unless the condition holds."""
    if not condition:
        raise DiscrepancyError(text)


@dataclass(frozen=True)
class Plan:
    """What one writer does."""

    seed: int
    limit: int
    code: int
    merged: bool
    bufsize: str

    @classmethod
    def random(cls, dice: Random, *, endless: bool = False, merged: bool | None = None) -> Plan:
        """A writer of a random amount, or one that goes on until it is told to end."""
        limit = UNLIMITED if endless else int(2 ** dice.uniform(14, 25))
        bufsize = dice.choice(('64k', '300000', '1m', '4m', '8m'))
        merged = dice.random() < 0.3 if merged is None else merged
        return cls(dice.getrandbits(60), limit, random_exit(dice), merged, bufsize)

    @property
    def command(self) -> list[str]:
        """The command line."""
        numbers = map(str, (self.seed, self.limit, self.code, int(self.merged)))
        return [sys.executable, '-I', '-S', PROGRAM, *numbers]

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of `make_process`."""
        parameters: dict[str, Any] = {'args': self.command, 'bufsize': self.bufsize, 'overflow': 'block'}
        return parameters | ({'stderr': STDOUT} if self.merged else {})

    @property
    def telnet_words(self) -> str:
        """The same as options in the telnet dialect."""
        merged = ' stderr=stdout' if self.merged else ''
        command = ' '.join(word.replace(' ', '\\ ') for word in self.command)
        return f'bufsize={self.bufsize} overflow=block{merged} watch=1 {command}'


def random_exit(dice: Random) -> int:
    """An exit code: as often 0 as not, or minus a signal."""
    return dice.choice((0, 0, 0, dice.randrange(1, 256), -dice.choice(SIGNALS)))


class Expected:
    """One stream of a writer: compares what comes with what must come."""

    def __init__(self, source: writers.Source, stream: int | None) -> None:
        self._source = source
        self._stream = stream  # None: both in one
        self._number = self._last = -1  # of the block that comes next, and of the one before
        self._block = b''
        self._offset = 0
        self._passed = 0  # bytes that were lost to this viewer, and not yet looked for
        self._gap = False  # the place in this block was found after a loss
        self._tail: bytes | None = None  # what has come of the trailer
        self.size = 0
        self.blocks: int | None = None  # once the trailer has come
        self._next_block()

    def copy(self) -> Expected:
        """What is expected from here on."""
        return copy.copy(self)

    def skip(self, size: int) -> None:
        """So many bytes will not come."""
        self._passed += size
        self.size += size

    def take(self, data: bytes) -> None:
        """This comes next. Raises `DiscrepancyError` if it is something else."""
        self._find_place()
        at = 0
        while at < len(data) and self._tail is None:
            if self._offset == 0 and data.startswith(self._block, at):
                at += len(self._block)
                self._next_block()
                continue
            length = min(len(self._block) - self._offset, len(data) - at)
            if data[at : at + length] != self._block[self._offset : self._offset + length]:
                self._begin_tail(data, at)
                break
            at += length
            self._offset += length
            if self._offset == len(self._block):
                self._next_block()
        if self._tail is not None:
            self._tail += data[at:]
            self._read_tail()
        self.size += len(data)

    def finish(self) -> None:
        """Nothing more comes."""
        check(self.blocks is not None or self._passed, f'it ends in block {self._number}, at byte {self.size}')

    def _next_block(self) -> None:
        self._gap = False
        self._offset = 0
        self._last = self._number
        self._number += 1
        if self._stream is not None:
            while self._source.stream(self._number) != self._stream:
                self._number += 1
        self._block = self._source.block(self._number)[1]

    def _find_place(self) -> None:
        while self._passed:
            step = min(self._passed, len(self._block) - self._offset)
            self._passed -= step
            self._offset += step
            self._gap = True
            if self._offset == len(self._block):
                self._next_block()

    def _begin_tail(self, data: bytes, at: int) -> None:
        """It is not the block that comes next: then it must be the end."""
        if self._offset and not self._gap:
            raise DiscrepancyError(self._difference(data, at))
        self._tail = self._source.trailer(self._number)[: self._offset] if self._offset else b''
        check(data[at : at + 1] == b'E' or self._offset, self._difference(data, at))

    def _read_tail(self) -> None:
        assert self._tail is not None
        if len(self._tail) < writers.TRAILER_SIZE:
            return
        check(len(self._tail) == writers.TRAILER_SIZE, f'more than the end comes: {self._tail[:60]!r}')
        blocks = self._source.blocks_before(self._tail)
        check(blocks is not None, f'not the end that it should be, in block {self._number}: {self._tail!r}')
        assert blocks is not None
        check(self._last < blocks <= self._number, f'it ends after {blocks} blocks, not {self._number}')
        self.blocks = blocks

    def _difference(self, data: bytes, at: int) -> str:
        wanted = self._block[self._offset : self._offset + 24]
        return (
            f'byte {self.size + at} (block {self._number}, offset {self._offset} of {len(self._block)}): '
            f'{data[at : at + 24]!r} instead of {wanted!r}'
        )


class Transcript:
    """All that one watcher is handed of one writer: each byte once and in order, or told as a loss if it may be."""

    def __init__(self, plan: Plan, name: str, *, may_lose: bool = False) -> None:
        source = writers.Source(plan.seed)
        self.plan = plan
        self.name = name
        self.position = 0
        self.lost = 0
        self.closed = False
        self._may_lose = may_lose
        self._streams = (
            {'out': Expected(source, None)} if plan.merged
            else {stream: Expected(source, number) for stream, number in STREAMS.items()}
        )

    def copy(self) -> Transcript:
        """What is expected from here on."""
        twin = copy.copy(self)
        twin._streams = {stream: expected.copy() for stream, expected in self._streams.items()}
        return twin

    def take(self, stream: str, data: bytes, end: int | None = None) -> None:
        """A piece of output that ends at position `end`, where positions are told."""
        check(not self.closed, f'{self.name}: output after the exit')
        check(data, f'{self.name}: an empty piece of output')
        if end is not None:
            self._go_on_at(end - len(data))
        expected = self._streams.get(stream)
        if expected is None:
            raise DiscrepancyError(f'{self.name}: output of {stream}, which it does not write to')
        try:
            expected.take(data)
        except DiscrepancyError as error:
            raise DiscrepancyError(f'{self.name}: position {self.position}, {stream}: {error}') from None
        self.position += len(data)

    def lose(self, start: int, end: int, reason: str) -> None:
        """The watcher was told that these bytes do not come."""
        told = f'{self.name}: lost from {start} to {end} ({reason})'
        check(self._may_lose and reason == 'slow', told)
        check(start < end, told)
        self._go_on_at(start)
        self._streams['out'].skip(end - start)
        self.lost += end - start
        self.position = end

    def close(self, code: int, end: int | None = None) -> None:
        """It has ended."""
        check(not self.closed, f'{self.name}: two exits')
        check(code == self.plan.code, f'{self.name}: exit code {code}, not {self.plan.code}')
        if end is not None:
            self._go_on_at(end)
        try:
            for expected in self._streams.values():
                expected.finish()
        except DiscrepancyError as error:
            raise DiscrepancyError(f'{self.name}: {error}') from None
        blocks = {expected.blocks for expected in self._streams.values()}
        check(len(blocks) == 1, f'{self.name}: its streams end at different blocks: {blocks}')
        self.closed = True

    def _go_on_at(self, start: int) -> None:
        check(start == self.position, f'{self.name}: it goes on at {start}, not at {self.position}')


class Transcripts(dict[str, Transcript]):
    """What a watcher of several processes is handed, by the ids of the processes."""

    def take(self, outputs: Outputs) -> list[Transcript]:
        """What `read` has returned. Returns the transcripts that this closes, which are removed."""
        out, err, closed = outputs
        pieces = [(piece.position, 'out', piece) for piece in out] + [(piece.position, 'err', piece) for piece in err]
        for position, stream, piece in sorted(pieces, key=lambda each: each[0]):
            self._of(piece).take(stream, piece.data, position)
        ended = []
        for piece in closed:
            self._of(piece).close(piece.data, piece.position)
            ended.append(self.pop(piece.id))
        return ended

    def _of(self, piece: ProcessOutput) -> Transcript:
        found = self.get(piece.id)
        if found is None:
            raise DiscrepancyError(f'something of {piece.name} (id {piece.id}), which is unknown or has ended')
        check(piece.name == found.name, f'{found.name} is called {piece.name} now')
        return found
