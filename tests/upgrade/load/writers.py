"""A program that writes at full rate what can be told beforehand, byte for byte, and what it writes.

``python -I -S writers.py SEED LIMIT CODE MERGED`` writes blocks of random sizes to its standard output and its standard
error until it has written LIMIT bytes or gets a SIGTERM, then a trailer to each, and ends with exit status CODE or, if
that is negative, by that signal. With MERGED, both are one stream; else each block goes to one of the two.

A block is a header with its number, its size, and random bytes. No two blocks are alike, so that what is lost, told
twice or swapped does not go unnoticed, and making one takes hardly longer than copying it.
"""

from __future__ import annotations

import os
import signal
import struct
import sys
from _random import Random  # what `random` is made of; that module takes longer to import than this program to start

POOL = 1 << 18  # bytes that blocks are cut from
LARGEST = 1 << 16
OUT, ERR = 1, 2

_header = struct.Struct('<cQI')
_trailer = struct.Struct('<cQQ')
TRAILER_SIZE = _trailer.size
_MASK = (1 << 64) - 1


class Source:
    """The blocks of one writer, by their numbers."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._pool = Random(seed).getrandbits(8 * (POOL + LARGEST)).to_bytes(POOL + LARGEST, 'little')

    def block(self, number: int) -> tuple[int, bytes]:
        """A block: the stream that it goes to, and its bytes."""
        dice = self._dice(number)
        low = 1 << (dice >> 1 & 15)
        size = low + (dice >> 5) % low  # from 1 to 65535: as many small ones as large ones
        start = (dice >> 24) % POOL
        return OUT + (dice & 1), _header.pack(b'B', number, size) + self._pool[start : start + size]

    def stream(self, number: int) -> int:
        """The stream that a block goes to."""
        return OUT + (self._dice(number) & 1)

    def trailer(self, blocks: int) -> bytes:
        """What follows the last of so many blocks, in each stream."""
        return _trailer.pack(b'E', self.seed, blocks)

    def blocks_before(self, trailer: bytes) -> int | None:
        """How many blocks there were before a trailer; None if it is not one of this writer."""
        mark, seed, blocks = _trailer.unpack(trailer)
        return int(blocks) if (mark, seed) == (b'E', self.seed) else None

    def _dice(self, number: int) -> int:
        """64 random bits of a number (splitmix64)."""
        mixed = (self.seed + (number + 1) * 0x9E3779B97F4A7C15) & _MASK
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _MASK
        return mixed ^ mixed >> 31


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def main() -> None:
    """Write, and end as told."""
    seed, limit, code, merged = map(int, sys.argv[1:])
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: told.append(number))
    source = Source(seed)
    number = written = 0
    while not told and written < limit:
        stream, data = source.block(number)
        _write(OUT if merged else stream, data)
        written += len(data)
        number += 1
    for stream in (OUT,) if merged else (OUT, ERR):
        _write(stream, source.trailer(number))
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == '__main__':
    main()
