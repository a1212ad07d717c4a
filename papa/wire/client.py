"""The client's end of the structured dialect, without I/O: bytes in, replies and frames out."""

from __future__ import annotations

import re

from papa.errors import AccessDenied, Error, LimitReached, Unsupported
from papa.wire import structured
from papa.wire.buffer import ReceiveBuffer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class ProtocolError(ValueError):
    """The peer does not speak this protocol, or the stream is out of step."""


class _Frame:
    """One frame: equal to another with the same fields. (A named tuple takes longer to make, and to import.)"""

    __slots__ = ()

    def _values(self) -> list[Any]:
        slots: tuple[str, ...] = self.__slots__
        return [getattr(self, field) for field in slots]

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._values() == self._values()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f'{type(self).__name__}({", ".join(map(repr, self._values()))})'


class OutputFrame(_Frame):
    """Bytes that process `number` of the watch wrote to `stream` ('o' or 'e')."""

    __slots__ = ('data', 'end', 'number', 'stream', 'time')

    def __init__(self, stream: str, number: int, time: float, end: int, data: bytes) -> None:
        self.stream = stream
        self.number = number
        self.time = time
        self.end = end
        self.data = data


class ExitFrame(_Frame):
    """The process of this number has ended and all its output was delivered."""

    __slots__ = ('exit_code', 'number', 'time')

    def __init__(self, number: int, time: float, exit_code: int) -> None:
        self.number = number
        self.time = time
        self.exit_code = exit_code


class LossFrame(_Frame):
    """The bytes from `start` to `end` are lost to this watch."""

    __slots__ = ('end', 'number', 'reason', 'start')

    def __init__(self, number: int, start: int, end: int, reason: str) -> None:
        self.number = number
        self.start = start
        self.end = end
        self.reason = reason


class IntroductionFrame(_Frame):
    """From now on `number` is process `name`, started at `time`; it is told from position `start` on."""

    __slots__ = ('id', 'name', 'number', 'start', 'time')

    def __init__(self, number: int, time: float, start: int, id: str, name: str) -> None:  # noqa: A002
        self.number = number
        self.time = time
        self.start = start
        self.id = id
        self.name = name


class AcknowledgementFrame(_Frame):
    """The output of this process is acknowledged up to `position`; `mine`: by this very watch."""

    __slots__ = ('mine', 'number', 'position')

    def __init__(self, number: int, position: int, mine: bool) -> None:
        self.number = number
        self.position = position
        self.mine = mine


class ChangeFrame(_Frame):
    """Something was made, changed or removed, or has exited; the record says what. `size` is that of its text."""

    __slots__ = ('record', 'size')

    def __init__(self, record: dict[str, Any], size: int = 0) -> None:
        self.record = record
        self.size = size

    def _values(self) -> list[Any]:
        return [self.record]  # the same may be written in other ways


class EndFrame(_Frame):
    """The stream has ended; the connection takes commands again."""

    __slots__ = ()


Frame = OutputFrame | ExitFrame | LossFrame | IntroductionFrame | AcknowledgementFrame | ChangeFrame | EndFrame


class _Incomplete:
    """The type of `INCOMPLETE`."""


INCOMPLETE = _Incomplete()
"""What `ClientProtocol` returns when more bytes are needed."""

_END = EndFrame()
_VERSION = re.compile(rb'papa (\d{1,4})\.([\w.+-]+)', re.IGNORECASE)
_MAX_GREETING = 65536
_OLDEST_MAJOR = 2


class ClientProtocol:
    """Turns the bytes of one connection into its greeting, its replies and the frames of a watch.

    Every ``next_`` method returns `INCOMPLETE` when more bytes are needed, and raises
    `ProtocolError` when the stream makes no sense; the connection is then of no more use.
    """

    __slots__ = ('_buffer', '_header')

    def __init__(self) -> None:
        self._buffer = ReceiveBuffer()
        self._header: list[str] | None = None  # of an output frame whose bytes have not all arrived

    def receive(self, data: bytes) -> None:
        """Take what the connection delivered."""
        self._buffer.feed(data)

    def next_greeting(self) -> str | _Incomplete:
        """The version of papa that greets. Raises the `Error` that a refusal says,
        `Unsupported` for a kernel older than the structured dialect."""
        refusal = self._refusal()
        if refusal is not None:
            raise refusal
        greeting = self._buffer.next_through(b'\n> ')
        if greeting is None:
            if len(self._buffer) > _MAX_GREETING:
                raise ProtocolError('it does not greet as papa does')
            return INCOMPLETE
        version = _VERSION.search(greeting)
        if version and int(version[1]) >= _OLDEST_MAJOR:
            return f'{version[1].decode()}.{version[2].decode()}'
        if b'Papa is home' in greeting:
            raise Unsupported('it is papa 1.x, without the structured dialect that this client needs')
        raise ProtocolError('it does not greet as papa does')

    def _refusal(self) -> Error | None:
        if self._buffer.peek(7) != b'Error: ':
            return None
        line = self._buffer.next_line()
        if line is None:
            return None
        text = line[7:].decode('utf-8', 'replace')
        return LimitReached(text) if 'connections' in text else AccessDenied(text)

    def next_reply(self) -> Any:
        """What the next reply says: a str, None, a dict, or an `Error` (returned, not raised)."""
        line = self._buffer.next_line()
        return INCOMPLETE if line is None else _reply(line)

    def reply_in(self, data: bytes) -> Any:
        """`receive`, then `next_reply`. Raises EOFError if there is no data: the connection has ended."""
        line = self._buffer.feed_line(data)
        if line is None:
            if not data:
                raise EOFError
            return INCOMPLETE
        try:
            return structured.decode_reply(line)
        except ValueError as error:
            raise ProtocolError(str(error)) from None

    def next_replies(self) -> list[Any]:
        """All replies that have arrived whole."""
        return [_reply(line) for line in self._buffer.take_lines()]

    def next_frame(self) -> Frame | _Incomplete:
        """The next frame of the watch."""
        header = self._header
        if header is None:
            line = self._buffer.next_line()
            if line is None:
                return INCOMPLETE
            header = _text(line).split(' ')
        try:
            return self._frame(header)
        except ProtocolError:
            raise
        except (ValueError, IndexError):
            raise ProtocolError(f'not a frame: {" ".join(header)[:80]!r}') from None

    def frames_with(self, data: bytes) -> list[Frame]:
        """The frames that would be whole if `data` were received now; nothing is taken."""
        probe = ClientProtocol()
        probe._header = self._header
        probe._buffer.feed(self._buffer.peek(len(self._buffer)) + data)
        frames = []
        while not isinstance(frame := probe.next_frame(), _Incomplete):
            frames.append(frame)
        return frames

    def _frame(self, header: list[str]) -> Frame | _Incomplete:
        kind = header[0]
        if kind in ('o', 'e'):
            return self._output(header)
        if kind in _FRAMES:
            return _FRAMES[kind](header)
        if kind.startswith('!'):  # the kernel could not make sense of what this client said
            raise ProtocolError(str(structured.decode_reply(' '.join(header).encode('utf-8', 'surrogatepass'))))
        raise ValueError(kind)

    def _output(self, header: list[str]) -> OutputFrame | _Incomplete:
        stream, index, time, end, size = header
        block = self._buffer.next_block_and_newline(int(size))
        if block is None:
            self._header = header
            return INCOMPLETE
        self._header = None
        return OutputFrame(stream, int(index), float(time), int(end), block)


def _reply(line: bytes | bytearray) -> Any:
    try:
        return structured.decode_reply(line)
    except ValueError as error:
        raise ProtocolError(str(error)) from None


def _text(line: bytes | bytearray) -> str:
    try:
        return line.decode('utf-8', 'surrogatepass')
    except UnicodeDecodeError:
        raise ProtocolError(f'not a frame: {bytes(line[:40])!r}') from None


def _change(header: list[str]) -> ChangeFrame:
    text = ' '.join(header[1:])
    record = structured.decode_change(text)
    if not isinstance(record, dict):
        raise ValueError('a change is a record')
    return ChangeFrame(record, len(text))


_FRAMES: dict[str, Callable[[list[str]], Frame]] = {
    'x': lambda h: ExitFrame(int(h[1]), float(h[2]), int(h[3])),
    'l': lambda h: LossFrame(int(h[1]), int(h[2]), int(h[3]), h[4]),
    'n': lambda h: IntroductionFrame(int(h[1]), float(h[2]), int(h[3]), h[4], h[5]),
    'a': lambda h: AcknowledgementFrame(int(h[1]), int(h[2]), h[3] == '1'),
    'c': _change,
    '.': lambda _: _END,
}
