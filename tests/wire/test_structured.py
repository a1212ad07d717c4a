"""The structured dialect: what is encoded is what is decoded, whatever the text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from papa.errors import BY_CODE, BadRequest, Error, NotFound
from papa.wire import structured
from papa.wire.client import (
    INCOMPLETE,
    AcknowledgementFrame,
    ChangeFrame,
    ClientProtocol,
    EndFrame,
    ExitFrame,
    IntroductionFrame,
    LossFrame,
    OutputFrame,
    ProtocolError,
)

FAST = settings(deadline=None, derandomize=True, database=None, max_examples=80)

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=30)  # lone surrogates included
AWKWARD = [
    '', ' ', '\t', '\n', '\r', '\r\n', '\0', '\\', '\\\\', '\\n', '\\t', '\\\n', '\\\\n', '\n\\', '\t\\t', '\\ ',
    '\ud800', '\udcff', '\ud83d\ude00', '\U0001f600', '\u2028', '\x85', 'Error: no', '\n> ', '] ', '"', '{"a": 1}',
    '=', '-', '!bad-request\tx', ' leading', 'trailing ', '$(socket.web.port)', '\x1b[31m',
]


def request_through(fields: list[str]) -> list[str]:
    line = structured.encode_request(fields)
    assert line.startswith(b'\t')
    assert line.endswith(b'\n')
    assert line.count(b'\n') == 1
    return structured.decode_request(line[:-1])


def reply_through(result: Any) -> Any:
    line = structured.encode_reply(result)
    assert line.endswith(b'\n')
    assert line.count(b'\n') == 1
    return structured.decode_reply(line[:-1])


@FAST
@given(st.lists(ANY_TEXT | st.sampled_from(AWKWARD), min_size=1, max_size=6))
@example(['\t'])
@example(['', ''])
@example(AWKWARD)
def test_any_fields_come_back_from_a_request(fields: list[str]) -> None:
    assert request_through(fields) == fields


@FAST
@given(ANY_TEXT | st.sampled_from(AWKWARD))
def test_any_text_comes_back_from_a_reply(text: str) -> None:
    assert reply_through(text) == text


@pytest.mark.parametrize('text', AWKWARD)
def test_awkward_text_comes_back_from_every_kind_of_message(text: str) -> None:
    assert request_through(['set', 'name', text]) == ['set', 'name', text]
    assert reply_through(text) == text
    assert reply_through({'name': text, 'x' + text: {'args': [text, text]}}) == {
        'name': text, 'x' + text: {'args': [text, text]},
    }


@FAST
@given(st.dictionaries(ANY_TEXT, ANY_TEXT | st.sampled_from(AWKWARD), max_size=4))
def test_any_values_come_back_from_a_listing(values: dict[str, str]) -> None:
    assert reply_through(values) == values


def test_two_lone_surrogates_stay_two() -> None:
    """JSON's own escapes would weld them together."""
    assert len(reply_through({'a': '\ud83d\ude00'})['a']) == 2


def test_records_keep_the_types_of_their_fields() -> None:
    record = {'web': {'pid': 7, 'running': True, 'started': 1447812161.53, 'args': ['a b', ''], 'exit_code': None}}
    assert reply_through(record) == record


def test_nothing_is_not_an_empty_text() -> None:
    assert reply_through(None) is None
    assert reply_through('') == ''
    assert reply_through({}) == {}


def test_the_first_byte_tells_the_kind_of_a_reply() -> None:
    assert structured.encode_reply('text') == b'=text\n'
    assert structured.encode_reply(None) == b'-\n'
    assert structured.encode_reply({'a': 1}) == b'{"a":1}\n'
    assert structured.encode_error(NotFound('gone')) == b'!not-found\tgone\n'


def test_ordinary_messages_are_readable_in_a_trace() -> None:
    assert structured.encode_request(['set', 'count', 'five of them']) == b'\tset\tcount\tfive of them\n'
    assert structured.encode_request(['set', 'a', 'two\nlines\\']) == b'\tset\ta\ttwo\\nlines\\\\\n'
    assert structured.encode_reply({'a': 'é'}) == '{"a":"é"}\n'.encode()


@pytest.mark.parametrize('kind', BY_CODE.values())
def test_an_error_keeps_its_class_and_its_text(kind: type[Error]) -> None:
    for text in ['', 'plain', *AWKWARD]:
        line = structured.encode_error(kind(text))
        assert line.count(b'\n') == 1
        error = structured.decode_reply(line[:-1])
        assert type(error) is kind
        assert str(error) == text


def test_an_unknown_code_is_an_error_still() -> None:
    error = structured.decode_reply(b'!from-the-future\tnot yet')
    assert type(error) is Error
    assert str(error) == 'not yet'


def test_a_request_that_is_not_utf8_is_a_bad_request() -> None:
    with pytest.raises(BadRequest, match='UTF-8'):
        structured.decode_request(b'\tset\ta\t\xff\xfe')


@FAST
@given(st.binary(max_size=40))
def test_any_bytes_after_the_tab_are_fields_or_a_bad_request(data: bytes) -> None:
    try:
        fields = structured.decode_request(b'\t' + data)
    except BadRequest:
        return
    assert len(fields) == data.count(b'\t') + 1


@pytest.mark.parametrize('line', [
    b'', b'?', b'HTTP/1.1 200 OK', b'{', b'{]', b'{"a":', b'{"a": 1} {}', b'=\xff', b'!code\t\xff', b'{"\xff": 1}',
    b'> ', b'Papa is home.',
])
def test_what_is_no_reply_is_a_protocol_error(line: bytes) -> None:
    assert_no_reply(line)


def test_a_reply_that_is_beyond_python_is_a_protocol_error() -> None:
    assert_no_reply(b'{"a":' * 50_000)
    assert_no_reply(b'{"a":' + b'9' * 5000 + b'}')


def assert_no_reply(line: bytes) -> None:
    client = ClientProtocol()
    client.receive(line + b'\n')
    with pytest.raises(ProtocolError):
        client.next_reply()


FRAMES: list[tuple[bytes, object]] = [
    (structured.output_header('o', 0, 1447812161.5, 5, 5) + b'hello\n', OutputFrame('o', 0, 1447812161.5, 5, b'hello')),
    (structured.output_header('e', 12, 0.1, 2**40, 3) + b'\n\0\xff\n', OutputFrame('e', 12, 0.1, 2**40, b'\n\0\xff')),
    (structured.output_header('o', 1, 1e9, 7, 0) + b'\n', OutputFrame('o', 1, 1e9, 7, b'')),
    (structured.exit_frame(3, 1447812161.530001, -9), ExitFrame(3, 1447812161.530001, -9)),
    (structured.loss_frame(2, 10, 999, 'overflow'), LossFrame(2, 10, 999, 'overflow')),
    (structured.loss_frame(2, 0, 2**60, 'acknowledged'), LossFrame(2, 0, 2**60, 'acknowledged')),
    (structured.introduction_frame(7, 1447812161.5, 2**40, '18f-a-1', 'web.1'),
     IntroductionFrame(7, 1447812161.5, 2**40, '18f-a-1', 'web.1')),
    (structured.introduction_frame(0, 0.1, 0, 'i', 'é\ud800\\n='), IntroductionFrame(0, 0.1, 0, 'i', 'é\ud800\\n=')),
    (structured.acknowledgement_frame(3, 2**50, True), AcknowledgementFrame(3, 2**50, True)),
    (structured.acknowledgement_frame(0, 0, False), AcknowledgementFrame(0, 0, False)),
    (structured.change_frame({'change': 'made', 'details': {'args': [' ', '\n\t']}}),
     ChangeFrame({'change': 'made', 'details': {'args': [' ', '\n\t']}})),
    (structured.END, EndFrame()),
]


@pytest.mark.parametrize(('data', 'frame'), FRAMES)
def test_a_frame_comes_back(data: bytes, frame: object) -> None:
    client = ClientProtocol()
    client.receive(data)
    assert client.next_frame() == frame
    assert type(client.next_frame()) is type(INCOMPLETE)


@FAST
@given(st.binary(max_size=100), st.sampled_from('oe'), st.integers(0, 10**6), st.floats(0, 1e12), st.integers(0, 2**62))
def test_any_output_comes_back(data: bytes, stream: str, index: int, time: float, end: int) -> None:
    client = ClientProtocol()
    client.receive(structured.output_header(stream, index, time, end, len(data)) + data + b'\n')
    assert client.next_frame() == OutputFrame(stream, index, time, end, data)


@pytest.mark.parametrize('data', [
    b'\n', b'q\n', b'o\n', b'o 1 2 3\n', b'o 1 2 3 4 5\n', b'o a 1 2 0\n\n', b'o 1 x 2 0\n\n', b'o 1 1 x 0\n\n',
    b'o 1 1.0 2 -1\n', b'o 1 1.0 2 -7\n', b'o 1 1.0 2 3\nabcd', b'x 1 2\n', b'x 1 2 z\n', b'l 1 2\n', b'l 1 2 3\n',
    b'\xff\xfe\n', b'!bad-request\toops\n', b'{}\n', b'n 1 1.0 2 id\n', b'n 1 1.0 x id name\n', b'n\n', b'a 1 2\n',
    b'a 1 x 1\n', b'a x 1 1\n', b'c\n', b'c \n', b'c {\n', b'c []\n', b'c "text"\n', b'c {} {}\n', b'c null\n',
    b'c \xff\n',
])
def test_what_is_no_frame_is_a_protocol_error(data: bytes) -> None:
    client = ClientProtocol()
    client.receive(data)
    with pytest.raises(ProtocolError):
        client.next_frame()


@FAST
@given(st.text(st.characters(exclude_categories=('Z', 'Cc')), min_size=1, max_size=30), st.integers(0, 2**62))
def test_any_name_is_introduced_as_it_is(name: str, start: int) -> None:
    """A name has no white space; else it may be anything, lone surrogates too."""
    client = ClientProtocol()
    client.receive(structured.introduction_frame(1, 1e9, start, 'id', name))
    assert client.next_frame() == IntroductionFrame(1, 1e9, start, 'id', name)


@FAST
@given(ANY_TEXT | st.sampled_from(AWKWARD), ANY_TEXT)
def test_any_change_comes_back(name: str, value: str) -> None:
    change = {'change': 'made', 'kind': 'value', 'name': name, 'details': {'value': value, 'size': 3}}
    frame = structured.change_frame(change)
    assert frame.count(b'\n') == 1
    client = ClientProtocol()
    client.receive(frame)
    assert client.next_frame() == ChangeFrame(change)


def test_two_lone_surrogates_of_a_name_stay_two() -> None:
    client = ClientProtocol()
    client.receive(structured.change_frame({'name': '\ud83d\ude00'}))
    client.receive(structured.introduction_frame(0, 0.5, 0, 'id', '\ud83d\ude00'))
    assert len(client.next_frame().record['name']) == len(client.next_frame().name) == 2  # type: ignore[union-attr]


def test_records_are_json_that_others_can_read() -> None:
    line = structured.encode_reply({'a': {'b': ['\n', '\t', '"', '\\']}})
    assert json.loads(line) == {'a': {'b': ['\n', '\t', '"', '\\']}}
