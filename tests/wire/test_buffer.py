"""The receive buffer against the simplest model there is: one `bytes`."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from papa.wire.buffer import ReceiveBuffer

FAST = settings(deadline=None, derandomize=True, database=None, max_examples=80)


class Model:
    """What a `ReceiveBuffer` must do, without any cleverness."""

    def __init__(self) -> None:
        self.data = b''

    def __len__(self) -> int:
        return len(self.data)

    def feed(self, data: bytes) -> None:
        self.data += data

    def next_line(self) -> bytes | None:
        line, newline, rest = self.data.partition(b'\n')
        if not newline:
            return None
        self.data = rest
        return line

    def next_block(self, size: int) -> bytes | None:
        if size > len(self.data):
            return None
        block, self.data = self.data[:size], self.data[size:]
        return block

    def next_block_and_newline(self, size: int) -> bytes | None:
        if len(self.data) <= size:
            return None
        if size < 0 or self.data[size : size + 1] != b'\n':
            raise ValueError
        block, self.data = self.data[:size], self.data[size + 1 :]
        return block

    def feed_line(self, data: bytes) -> bytes | None:
        self.feed(data)
        return self.next_line()

    def take_lines(self) -> list[bytes]:
        *lines, self.data = self.data.split(b'\n')
        return lines

    def next_through(self, delimiter: bytes) -> bytes | None:
        end = self.data.find(delimiter)
        return None if end < 0 else self.next_block(end + len(delimiter))

    def peek(self, size: int) -> bytes:
        return self.data[:size]

    def clear(self) -> None:
        self.data = b''


def texts() -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from([b'\n', b'> ', b'a', b'\xff', b'long part']), max_size=8).map(b''.join)


def operations() -> st.SearchStrategy[tuple[str, object]]:
    return st.one_of(
        st.tuples(st.just('feed'), texts()),
        st.tuples(st.just('next_line'), st.none()),
        st.tuples(st.just('next_block'), st.integers(0, 12)),
        st.tuples(st.just('next_block_and_newline'), st.integers(-1, 12)),
        st.tuples(st.just('feed_line'), texts()),
        st.tuples(st.just('take_lines'), st.none()),
        st.tuples(st.just('next_through'), st.sampled_from([b'\n', b'\n> ', b'aa'])),
        st.tuples(st.just('peek'), st.integers(0, 12)),
        st.tuples(st.just('clear'), st.none()),
    )


def run(buffer: ReceiveBuffer | Model, name: str, argument: object) -> object:
    method: Callable[..., object] = getattr(buffer, name)
    try:
        result = method() if argument is None else method(argument)
    except ValueError:
        return ValueError
    return bytes(result) if isinstance(result, bytearray) else result


@FAST
@given(st.lists(operations(), max_size=40))
def test_any_sequence_of_operations_is_that_of_plain_bytes(steps: list[tuple[str, object]]) -> None:
    buffer, model = ReceiveBuffer(), Model()
    for name, argument in steps:
        assert run(buffer, name, argument) == run(model, name, argument)
        assert len(buffer) == len(model)


def test_a_line_that_arrives_byte_by_byte() -> None:
    buffer = ReceiveBuffer()
    for byte in b'one\n\ntwo':
        buffer.feed(bytes([byte]))
    assert [buffer.next_line(), buffer.next_line(), buffer.next_line()] == [b'one', b'', None]
    buffer.feed(b'\n')
    assert buffer.next_line() == b'two'
    assert len(buffer) == 0


def test_what_was_taken_does_not_change_when_more_arrives() -> None:
    buffer = ReceiveBuffer()
    buffer.feed(b'first')
    buffer.feed(b' line\nblock')
    line, block = buffer.next_line(), buffer.next_block(5)
    buffer.feed(b'XXXXXXXXXXXXXXXXXXXX\n')
    assert (line, block) == (b'first line', b'block')


def test_a_chunk_that_holds_one_line_is_not_kept() -> None:
    buffer = ReceiveBuffer()
    for _ in range(3):
        buffer.feed(b'line\n')
        assert buffer.next_line() == b'line'
        assert buffer.next_line() is None
        assert buffer.peek(10) == b''


def test_a_long_line_in_small_parts_is_searched_once() -> None:
    """Two megabytes in parts of forty bytes: searching from the start each time would take minutes."""
    buffer = ReceiveBuffer()
    for _ in range(50_000):
        buffer.feed(b'x' * 40)
        assert buffer.next_line() is None
    buffer.feed(b'\n')
    line = buffer.next_line()
    assert line is not None
    assert len(line) == 2_000_000


def test_a_delimiter_cut_apart_is_found() -> None:
    buffer = ReceiveBuffer()
    buffer.feed(b'greeting\n')
    assert buffer.next_through(b'\n> ') is None
    buffer.feed(b'>')
    assert buffer.next_through(b'\n> ') is None
    buffer.feed(b' rest')
    assert buffer.next_through(b'\n> ') == b'greeting\n> '
    assert buffer.peek(9) == b'rest'
