"""Receive buffers: one for lines alone, one for lines and blocks."""

from __future__ import annotations

from collections import deque

_NEWLINE = 10


class LineBuffer:
    """Bytes in, lines out.

    `lines` are those that have arrived whole, without their newlines; `rest` is what has arrived of the next one.
    Every byte is searched once, however small the parts are in which a line comes.
    """

    __slots__ = ('lines', 'rest')

    def __init__(self) -> None:
        self.lines: deque[bytes] = deque()
        self.rest = bytearray()

    def feed(self, lines: list[bytes]) -> None:
        """Append what was received, split at its newlines."""
        rest = lines.pop()
        if lines:
            if self.rest:
                lines[0] = bytes(self.rest) + lines[0]
                self.rest.clear()
            self.lines.extend(lines)
        if rest:
            self.rest += rest

    def clear(self) -> None:
        """Forget everything."""
        self.lines.clear()
        self.rest.clear()


class ReceiveBuffer:
    """Bytes in, lines and blocks out.

    It remembers how far it has searched for the end of a line, so that a long line that arrives in
    small parts is searched once. The usual case, one chunk that is consumed whole, copies nothing.
    """

    __slots__ = ('_data', '_searched', '_start')

    def __init__(self) -> None:
        self._data: bytes | bytearray = b''
        self._start = 0  # of what has not been taken out yet
        self._searched = 0  # no end of line between _start and here

    def __len__(self) -> int:
        return len(self._data) - self._start

    def feed(self, data: bytes) -> None:
        """Append what was received."""
        start = self._start
        kept = self._data
        if start == len(kept):
            self._data = data
            self._start = self._searched = 0
            return
        if isinstance(kept, bytearray):
            del kept[:start]  # cheap: a bytearray moves its start, not its bytes
        else:
            self._data = kept = bytearray(kept[start:])
        kept += data
        self._searched -= start
        self._start = 0

    def next_line(self) -> bytes | bytearray | None:
        """Take the next line, without its newline; None if there is no whole one."""
        end = self._data.find(b'\n', self._searched)
        if end < 0:
            self._searched = len(self._data)
            return None
        line = self._data[self._start : end]
        self._start = self._searched = end + 1
        return line

    def feed_line(self, data: bytes) -> bytes | bytearray | None:
        """`feed`, then `next_line`: in one go where `data` is just one line."""
        if self._start == len(self._data) and data.find(b'\n') == len(data) - 1 >= 0:
            return data[:-1]
        self.feed(data)
        return self.next_line()

    def take_lines(self) -> list[bytes]:
        """Take all lines that have arrived whole, without their newlines."""
        end = self._data.rfind(b'\n', self._searched)
        start = self._start
        self._searched = len(self._data)
        if end < 0:
            return []
        self._start = end + 1
        return bytes(self._data[start:end]).split(b'\n')

    def next_block(self, size: int) -> bytes | None:
        """Take exactly `size` bytes; None if there are fewer."""
        start = self._start
        end = start + size
        if end > len(self._data):
            return None
        self._start = self._searched = end
        data = self._data
        return data[start:end] if isinstance(data, bytes) else bytes(memoryview(data)[start:end])

    def next_block_and_newline(self, size: int) -> bytes | None:
        """Take `size` bytes and the newline that follows, without the newline; None if they have not all arrived.
        Raises `ValueError` if there is no newline."""
        end = self._start + size
        if end >= len(self._data):
            return None
        if size < 0 or self._data[end] != _NEWLINE:
            raise ValueError('an unterminated block')
        block = self.next_block(size)
        self._start = self._searched = end + 1
        return block

    def next_through(self, delimiter: bytes) -> bytes | None:
        """Take everything up to and including `delimiter`; None if it has not arrived."""
        end = self._data.find(delimiter, self._start)
        return None if end < 0 else self.next_block(end + len(delimiter) - self._start)

    def peek(self, size: int) -> bytes:
        """The next bytes, at most `size`, without taking them."""
        return bytes(self._data[self._start : self._start + size])

    def clear(self) -> None:
        """Forget everything that has not been taken."""
        self._data = b''
        self._start = self._searched = 0
