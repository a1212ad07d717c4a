"""The kernel's end of a connection, without I/O: bytes in, requests out, in both dialects."""

from __future__ import annotations

from papa import commands
from papa.errors import BadRequest, Error, LimitReached
from papa.names import show
from papa.wire import structured, telnet
from papa.wire.buffer import LineBuffer

MAX_LINE = 16 * 1024 * 1024


class Request:
    """A command to run, and whether it came in the structured dialect, in which its reply goes."""

    __slots__ = ('command', 'structured', 'words')

    def __init__(self, command: commands.Command, words: list[str], structured: bool) -> None:
        self.command = command
        self.words = words
        self.structured = structured


class Malformed:
    """A line that is no request; `error` is the answer. A `fatal` one ends the connection."""

    __slots__ = ('error', 'fatal', 'structured')

    def __init__(self, error: Error, structured: bool, fatal: bool = False) -> None:
        self.error = error
        self.structured = structured
        self.fatal = fatal


class Control:
    """What a client of the structured dialect says while a stream runs: ``ack``, ``events`` or ``stop``."""

    __slots__ = ('name', 'words')

    def __init__(self, name: str, words: list[str]) -> None:
        self.name = name
        self.words = words


class Answer:
    """A line of the telnet dialect while a stream runs; `stop` if it asks for the end."""

    __slots__ = ('stop',)

    def __init__(self, stop: bool) -> None:
        self.stop = stop


class Blank:
    """An empty line: the telnet dialect answers with another prompt."""

    __slots__ = ()


class Intruder:
    """A line of HTTP or TLS: the connection must end at once."""

    __slots__ = ()


Event = Request | Malformed | Control | Answer | Blank | Intruder

_BLANK = Blank()
_INTRUDER = Intruder()
_find = commands.BY_NAME.get


class ServerProtocol:
    """Turns the bytes of one connection into events.

    Set `answering` while a stream of the telnet dialect runs: lines are then `Answer` events. `kept` tells whether
    `next_event` may have something.
    """

    __slots__ = ('_buffer', '_lines', '_max_line', '_over', '_rest', 'answering', 'kept')

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self.answering = False
        self._buffer = LineBuffer()
        self._lines = self._buffer.lines
        self._rest = self._buffer.rest
        self._max_line = max_line
        self.kept = False  # there may be something in the buffer
        self._over = False  # a fatal event was given: nothing follows

    def receive(self, data: bytes) -> None:
        """Take what the connection delivered."""
        if not self._over:
            self.kept = True
            self._buffer.feed(data.split(b'\n'))

    @property
    def received(self) -> bytes:
        """What was received and not given as an event yet."""
        return b''.join(line + b'\n' for line in self._lines) + self._rest

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return sum(map(len, self._lines)) + len(self._lines) + len(self._rest)

    @property
    def over(self) -> bool:
        """Whether nothing that is received counts any more."""
        return self._over

    def restore(self, received: bytes, *, over: bool) -> None:
        """Become what another was."""
        if over:
            self._over = self.kept = True
        elif received:
            self.receive(received)

    def take(self, data: bytes) -> Event | None:
        """Take what the connection delivered and return the next event."""
        lines = data.split(b'\n')
        if len(lines) == 2 and not (lines[1] or self.kept):  # by far the most frequent: one line, whole
            return self._event(lines[0])
        self.receive(data)
        return self.next_event()

    def next_event(self) -> Event | None:
        """The next event, or None if more bytes are needed."""
        if self._lines:
            return self._event(self._lines.popleft())
        if self._rest:
            return self._partial(self._rest)
        self.kept = self._over
        return None

    def _event(self, line: bytes) -> Event:
        if len(line) > self._max_line:
            return self._too_long(line[:1])
        if line[:1] == b'\t':
            return _structured(line)
        if self.answering:
            return Answer(telnet.clean(line).strip().lower() == 'q')
        if telnet.is_intruder(line):
            return self._finish(_INTRUDER)
        return _telnet(line)

    def _partial(self, rest: bytearray) -> Event | None:
        """What can be said of a line before its end: that it is too long, or TLS, which has no lines."""
        if rest.startswith(b'\x16\x03') and not self.answering:
            return self._finish(_INTRUDER)
        return self._too_long(bytes(rest[:1])) if len(rest) > self._max_line else None

    def _too_long(self, start: bytes) -> Event:
        error = LimitReached(f'A line may have {self._max_line} bytes')
        return self._finish(Malformed(error, start == b'\t', fatal=True))

    def _finish(self, event: Event) -> Event:
        self._over = self.kept = True
        self._buffer.clear()
        return event


def _structured(line: bytes) -> Event:
    try:
        words = structured.decode_request(line)
    except BadRequest as error:
        return Malformed(error, structured=True)
    name = words.pop(0)
    command = _find(name)
    if command is not None:
        return Request(command, words, True)
    if name in structured.CONTROLS:
        return Control(name, words)
    return Malformed(BadRequest(f'Unknown command {show(name, 40)}'), structured=True)


def _telnet(line: bytes) -> Event:
    words = telnet.split(telnet.clean(line))
    if not words:
        return _BLANK
    try:
        command, rest = telnet.parse(words)
    except BadRequest as error:
        return Malformed(error, structured=False)
    return Request(command, rest, False)
