"""Both ends of a connection against each other in memory, and each against bytes that make no sense."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from papa.errors import AccessDenied, BadRequest, Conflict, Error, LimitReached, NotFound, Unsupported
from papa.wire import structured, telnet
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
from papa.wire.server import (
    Answer,
    Blank,
    Control,
    Event,
    Intruder,
    Malformed,
    Request,
    ServerProtocol,
)

FAST = settings(deadline=None, derandomize=True, database=None, max_examples=80)

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)


# The two ends as functions from chunks of bytes to what they make of them


def describe(event: Event) -> tuple[Any, ...]:
    match event:
        case Request():
            return ('structured' if event.structured else 'telnet', event.command.name, *event.words)
        case Malformed():
            return 'malformed', event.structured, event.fatal, type(event.error), str(event.error)
        case Control():
            return 'control', event.name, *event.words
        case Answer():
            return 'answer', event.stop
    return (type(event).__name__.lower(),)


def events_of(chunks: Iterable[bytes], server: ServerProtocol) -> list[tuple[Any, ...]]:
    found = []
    for chunk in chunks:
        server.receive(chunk)
        while (event := server.next_event()) is not None:
            found.append(describe(event))
    return found


def results_of(chunks: Iterable[bytes], next_result: Callable[[ClientProtocol], Any]) -> list[Any]:
    client = ClientProtocol()
    found = []
    for chunk in chunks:
        client.receive(chunk)
        while (result := next_result(client)) is not INCOMPLETE:
            found.append((type(result), str(result)) if isinstance(result, Error) else result)
    return found


def splits(data: bytes) -> Iterator[list[bytes]]:
    """Whole, byte by byte, and in two parts at every byte."""
    yield [data]
    yield [data[index : index + 1] for index in range(len(data))]
    for index in range(1, len(data)):
        yield [data[:index], data[index:]]


# Every message, split at every byte

REQUESTS = b''.join([
    structured.encode_request(['list processes']),
    structured.encode_request(['set', 'a', 'tab\tnew\nline\\ é \ud800']),
    structured.encode_request(['make process', 'x', 'env.A=1', '--', '/bin/true']),
    structured.encode_request(['get', '']),
    b'list sockets\r\n',
    b'\r\n',
    b'\n',
    b'set a two\\ words\n',
    b'\xff\xfb\x1fl v web*\n',
    b'm p x uid=1 "q" a=b\n',
    b'nonsense\n',
    structured.encode_request(['nonsense']),
    b'\tset\t\xff\n',
    structured.encode_request(['ack', '0:17', '1:x']),
    structured.encode_request(['events']),
    structured.encode_request(['stop', '1:x']),
    b'\t\n',
    'set é ü\n'.encode(),
    b'quit\n',
])


def test_requests_split_anywhere_give_the_same_events() -> None:
    expected = events_of([REQUESTS], ServerProtocol())
    assert expected == [
        ('structured', 'list processes'),
        ('structured', 'set', 'a', 'tab\tnew\nline\\ é \ud800'),
        ('structured', 'make process', 'x', 'env.A=1', '--', '/bin/true'),
        ('structured', 'get', ''),
        ('telnet', 'list sockets'),
        ('blank',),
        ('blank',),
        ('telnet', 'set', 'a', 'two words'),
        ('telnet', 'list values', 'web*'),
        ('telnet', 'make process', 'x', 'uid=1', '"q"', 'a=b'),
        ('malformed', False, False, BadRequest, 'Unknown command "nonsense"; "help" lists the commands'),
        ('malformed', True, False, BadRequest, 'Unknown command "nonsense"'),
        ('malformed', True, False, BadRequest, 'A structured request must be UTF-8'),
        ('control', 'ack', '0:17', '1:x'),
        ('control', 'events'),
        ('control', 'stop', '1:x'),
        ('malformed', True, False, BadRequest, 'Unknown command ""'),
        ('telnet', 'set', 'é', 'ü'),
        ('telnet', 'quit'),
    ]
    for chunks in splits(REQUESTS):
        assert events_of(chunks, ServerProtocol()) == expected


def test_lines_of_a_telnet_watch_split_anywhere_give_the_same_answers() -> None:
    data = b'\nq\n-\r\nQ\r\n q \nquit\n\xff\xf1q\nGET / HTTP/1.1\n'
    for chunks in splits(data):
        server = ServerProtocol()
        server.answering = True
        stops = [event[1] for event in events_of(chunks, server)]
        assert stops == [False, True, False, True, True, False, True, False]


REPLIES: list[Any] = [
    'text', '', None, 'tab\tnew\nline\\ \ud800 é', {}, {'a': {'pid': 1, 'args': ['x', '\n']}}, {'a': 'b\n> '}, 'last',
]
ERRORS = [NotFound('There is no process "x"'), Conflict('two\nlines'), Error('')]


def test_replies_split_anywhere_are_the_same() -> None:
    data = b''.join(map(structured.encode_reply, REPLIES)) + b''.join(map(structured.encode_error, ERRORS))
    expected = REPLIES + [(type(error), str(error)) for error in ERRORS]
    for chunks in splits(data):
        assert results_of(chunks, ClientProtocol.next_reply) == expected


def test_frames_split_anywhere_are_the_same() -> None:
    data = b''.join([
        structured.output_header('o', 0, 1.5, 6, 6), b'one\ntw', b'\n',
        structured.loss_frame(1, 6, 60, 'slow'),
        structured.output_header('e', 1, 2.5, 61, 0), b'', b'\n',
        structured.output_header('e', 1, 2.5, 64, 3), b'.\n.', b'\n',
        structured.exit_frame(0, 3.25, -15),
        structured.introduction_frame(2, 1.5, 7, 'id-1', 'é\ud800'),
        structured.acknowledgement_frame(2, 12, True),
        structured.change_frame({'change': 'made', 'name': 'a b\n', 'details': {'x': [1, '\ud800 é']}}),
        structured.change_frame({'change': 'snapshot', 'details': {}, 'more': False}),
        structured.END,
    ])
    expected = [
        OutputFrame('o', 0, 1.5, 6, b'one\ntw'), LossFrame(1, 6, 60, 'slow'), OutputFrame('e', 1, 2.5, 61, b''),
        OutputFrame('e', 1, 2.5, 64, b'.\n.'), ExitFrame(0, 3.25, -15),
        IntroductionFrame(2, 1.5, 7, 'id-1', 'é\ud800'), AcknowledgementFrame(2, 12, True),
        ChangeFrame({'change': 'made', 'name': 'a b\n', 'details': {'x': [1, '\ud800 é']}}),
        ChangeFrame({'change': 'snapshot', 'details': {}, 'more': False}), EndFrame(),
    ]
    for chunks in splits(data):
        assert results_of(chunks, ClientProtocol.next_frame) == expected


@FAST
@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
@example(b'\tlist values\nlist\n\xff\xfb\x01\n', [3])
def test_even_nonsense_gives_the_same_events_however_it_is_split(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(data)]
    chunks = [data[start:end] for start, end in pairwise(edges)]
    assert events_of(chunks, ServerProtocol()) == events_of([data], ServerProtocol())


# Against each other


@FAST
@given(st.lists(st.lists(ANY_TEXT, max_size=4), min_size=1, max_size=5), st.integers(1, 40))
def test_pipelined_requests_of_any_text_arrive_in_order(requests: list[list[str]], step: int) -> None:
    data = b''.join(structured.encode_request(['set', *words]) for words in requests)
    chunks = [data[index : index + step] for index in range(0, len(data), step)]
    assert events_of(chunks, ServerProtocol()) == [('structured', 'set', *words) for words in requests]


def test_a_conversation() -> None:
    """Greeting, commands, a watch, and commands again, on one connection."""
    server, client = ServerProtocol(), ClientProtocol()

    client.receive(b'Papa 2.0.0 is home. Type "help" for commands.\n')
    assert client.next_greeting() is INCOMPLETE
    client.receive(b'> ')
    assert client.next_greeting() == '2.0.0'

    def ask(*fields: str) -> list[tuple[Any, ...]]:
        return events_of([structured.encode_request(fields)], server)

    assert ask('set', 'a', '1') == [('structured', 'set', 'a', '1')]
    client.receive(structured.encode_reply(None))
    assert client.next_reply() is None

    assert ask('watch processes', 'web') == [('structured', 'watch processes', 'web')]
    client.receive(structured.encode_reply({'watching': [['web', 'id', 0]], 'made': None}))
    client.receive(structured.output_header('o', 0, 1.0, 3, 3) + b'hey\n' + structured.exit_frame(0, 2.0, 0))
    assert client.next_reply()['watching'] == [['web', 'id', 0]]
    assert client.next_frame() == OutputFrame('o', 0, 1.0, 3, b'hey')
    assert client.next_frame() == ExitFrame(0, 2.0, 0)
    assert client.next_frame() is INCOMPLETE

    assert ask('ack', '0:3', '0:x') == [('control', 'ack', '0:3', '0:x')]
    client.receive(structured.END)
    assert client.next_frame() == EndFrame()
    assert ask('get', 'a') == [('structured', 'get', 'a')]
    client.receive(structured.encode_reply('1'))
    assert client.next_reply() == '1'
    assert client.next_reply() is INCOMPLETE


# The greeting


def greet(data: bytes) -> Any:
    client = ClientProtocol()
    client.receive(data)
    return client.next_greeting()


def test_a_greeting_split_anywhere() -> None:
    for chunks in splits(b'Papa 2.10.1.dev0 is home.\nMore.\n> '):
        client = ClientProtocol()
        greetings = []
        for chunk in chunks:
            client.receive(chunk)
            greetings.append(client.next_greeting())
        assert greetings[-1] == '2.10.1.dev0'
        assert all(greeting is INCOMPLETE for greeting in greetings[:-1])


def test_a_kernel_without_the_structured_dialect_is_said_to_be_one() -> None:
    with pytest.raises(Unsupported, match='papa 1'):
        greet(b'Papa is home. Type "help" for commands.\n> ')


@pytest.mark.parametrize('data', [
    b'hello\n> ', b'\n> ', b'papa 2.\xff\n> ', b'papa ' + b'9' * 5000 + b'.0\n> ', b'papa 1.0\n> ', b'x' * 70_000,
    b'220 mail ESMTP\r\n' * 5000,
], ids=range(7))
def test_what_is_not_papa_is_a_protocol_error(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        greet(data)


def test_a_refusal_is_the_error_that_it_says() -> None:
    with pytest.raises(AccessDenied, match='User 7 may not'):
        greet(b'Error: User 7 may not use this kernel\n')
    with pytest.raises(LimitReached, match='connections'):
        greet(b'Error: There are too many connections\n')
    assert greet(b'Error: half a li') is INCOMPLETE


# What makes no sense


def any_bytes() -> st.SearchStrategy[bytes]:
    """Bytes, and pieces of both dialects in any order."""
    pieces = st.sampled_from([
        b'\t', b'\n', b'\r\n', b' ', b'\\', b'list', b'processes', b'make process', b'x', b'port=', b'--', b'"',
        b'help', b'ack', b'stop', b'set', b'q', b'\xff', b'\xff\xfb', b'\xff\xfa', b'\xff\xf0', b'\x16\x03', b'Host:',
        b'GET / HTTP/1.1', b'\xed\xa0\x80', b'\0', b'o 0 1 2 3\n', b'abc\n', b'x 0 1 2\n', b'.\n', b'={', b'!',
        b'{"a":[', b'Papa 2.', b'> ', b'Error: ', b'l 0 1 2 x\n', b'e 0 1 1 -1\n', b'n 0 1 2 id x\n', b'a 0 1 1\n',
        b'c {"a":1}\n', b'c ', b'n ', b'events', b'peek=1',
    ])
    return st.one_of(st.binary(max_size=60), st.lists(pieces, max_size=12).map(b''.join))


@FAST
@given(any_bytes(), st.booleans())
def test_no_bytes_crash_the_server(data: bytes, answering: bool) -> None:
    server = ServerProtocol(max_line=50)
    server.answering = answering
    for event in events_of([data, b'\n', data, b'\n'], server):
        assert event[0] in {'structured', 'telnet', 'malformed', 'control', 'answer', 'blank', 'intruder'}
    assert server.next_event() is None


@FAST
@given(any_bytes())
def test_no_bytes_crash_the_client(data: bytes) -> None:
    for method in (ClientProtocol.next_greeting, ClientProtocol.next_reply, ClientProtocol.next_frame):
        client = ClientProtocol()
        client.receive(data)
        try:
            while method(client) is not INCOMPLETE:
                if method is ClientProtocol.next_greeting:
                    break
        except (ProtocolError, Error):
            pass


# Bounds


@pytest.mark.parametrize('is_structured', [False, True])
def test_a_line_of_the_greatest_length_passes_and_a_longer_one_ends_the_connection(is_structured: bool) -> None:
    start = b'\tset\ta\t' if is_structured else b'set a '
    line = start + b'x' * (100 - len(start))
    quit_line = b'\tquit\n' if is_structured else b'quit\n'
    assert len(events_of([line + b'\n', quit_line], ServerProtocol(max_line=100))) == 2
    text = 'A line may have 100 bytes'
    for too_long in (line + b'x\n' + quit_line, line + b'x'):
        for chunks in splits(too_long):
            server = ServerProtocol(max_line=100)
            assert events_of(chunks, server) == [('malformed', is_structured, True, LimitReached, text)]
            assert events_of([b'\n', quit_line], server) == []


def test_a_line_that_is_too_long_is_not_kept() -> None:
    server = ServerProtocol(max_line=1000)
    assert len(events_of([b'x' * 100] * 1000, server)) == 1
    assert events_of([b'\nquit\n'], server) == []


def test_the_bound_holds_during_a_telnet_watch() -> None:
    server = ServerProtocol(max_line=10)
    server.answering = True
    assert events_of([b'x' * 11 + b'\n\n'], server) == [
        ('malformed', False, True, LimitReached, 'A line may have 10 bytes')
    ]


# Browsers


@pytest.mark.parametrize('first', [
    b'POST / HTTP/1.1', b'GET /set HTTP/1.0', b'Host: localhost', b'OPTIONS * HTTP/1.1',
    b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
])
def test_a_browser_runs_nothing(first: bytes) -> None:
    data = first + b'\r\nContent-Length: 99\r\n\r\nset a 1\n\tset\ta\t1\nexit-if-idle\n'
    for chunks in splits(data):
        server = ServerProtocol()
        assert events_of(chunks, server) == [('intruder',)]
        assert events_of([b'quit\n'], server) == []


def test_a_tls_hello_is_known_before_its_line_ends() -> None:
    server = ServerProtocol()
    assert events_of([b'\x16'], server) == []
    assert events_of([b'\x03'], server) == [('intruder',)]


def test_requests_before_the_browser_s_line_are_still_run() -> None:
    assert events_of([b'list values\nHost: x\nquit\n'], ServerProtocol()) == [('telnet', 'list values'), ('intruder',)]


def test_every_kind_of_event_is_told_apart() -> None:
    """The session chooses by the class of an event: none may stand for another."""
    kinds = (Request, Malformed, Control, Answer, Blank, Intruder)
    assert not any(issubclass(a, b) for a in kinds for b in kinds if a is not b)


# Old clients


def test_what_the_client_of_papa_1_sends_is_understood() -> None:
    lines = [
        b'm p web working_dir=/srv uid=1000 umask=63 env.PATH=/bin:/usr/bin env.A="x\\" bufsize=1048576 '
        b'rlimit.nofile=64 /bin/sh -c exec\\ cat\\ "$0" a=b\n',
        b'l p web 123\n', b'w p web\n', b'm s web family=inet type=stream backlog=5 host=127.0.0.1 port=80 umask=63\n',
        b's count 5\n', b'g count\n', b'r v a b*\n', b'exit-if-idle\n', b'q\n',
    ]
    assert [event[:2] for event in events_of(lines, ServerProtocol())] == [
        ('telnet', 'make process'), ('telnet', 'list processes'), ('telnet', 'watch processes'),
        ('telnet', 'make socket'), ('telnet', 'set'), ('telnet', 'get'), ('telnet', 'remove values'),
        ('telnet', 'exit-if-idle'), ('telnet', 'quit'),
    ]
    words = events_of(lines[:1], ServerProtocol())[0]
    assert words[-4:] == ('/bin/sh', '-c', 'exec cat "$0"', 'a=b')
    assert 'env.A=x\\' in words


def test_the_dialects_answer_in_their_own_way() -> None:
    error = NotFound('There is no value "a"')
    assert telnet.encode_error(error) == b'Error: There is no value "a"\n> '
    assert structured.encode_error(error) == b'!not-found\tThere is no value "a"\n'
