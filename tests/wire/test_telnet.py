"""The telnet dialect: how a line is read, and that no name or value ever breaks a reply apart."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from papa.errors import BadRequest, Error
from papa.wire import telnet
from papa.wire.telnet import Prose

FAST = settings(deadline=None, derandomize=True, database=None, max_examples=80)

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
AWKWARD = [
    '\n> ', 'a\n> b', '\r\n', '\n', '\0', '\x1b[2J', '\x9b2J', '\x7f', '\x85', '\u2028', '\u2029', '\ud800', '\udcff',
    'Error: not really', 'Error:', '> ', '] ', 'a\n] ', 'a:b:c', '\x0b\x0c\x1c\x1d\x1e', '\ud83d\ude00', '\xff',
]


def read_reply(data: bytes) -> str:
    """Read a reply as the client of papa 1.0 does, byte by byte: up to the first prompt; it must be all."""
    for size in range(len(data) + 1):
        if data[:size].endswith(b'\n> '):
            assert size == len(data), f'there is a prompt in the middle of {data!r}'
            text = data[:-3].decode()
            assert not any((c < ' ' and c not in '\n\t') or '\x7f' <= c <= '\x9f' for c in text), text
            if text.startswith('Error:'):
                raise Error(text[7:])
            return text
    raise AssertionError(f'there is no prompt at the end of {data!r}')


# Words


@pytest.mark.parametrize(('line', 'words'), [
    ('', []),
    ('   ', []),
    ('set a b', ['set', 'a', 'b']),
    ('  set   a    b  ', ['set', 'a', 'b']),
    ('two\\ words', ['two words']),
    ('set a one\\ two\\ three four', ['set', 'a', 'one two three', 'four']),
    ('a\\ \\ b', ['a  b']),
    ('a\\  b', ['a b']),
    ('\\ a', [' a']),
    ('set a \\ ', ['set', 'a', ' ']),
    ('set a b\\ ', ['set', 'a', 'b ']),
    ('set a b\\   ', ['set', 'a', 'b ']),
    ('set a b\\', ['set', 'a', 'b\\']),
    ('set a \\', ['set', 'a', '\\']),
    ('c:\\dir d', ['c:\\dir', 'd']),
    ('\\n', ['\\n']),
    ('a\tb', ['a\tb']),
])
def test_the_words_of_a_line(line: str, words: list[str]) -> None:
    assert telnet.split(line) == words


@FAST
@given(st.lists(st.text(st.sampled_from('ab \n"=*'), min_size=1, max_size=6), min_size=1, max_size=5))
@example([' '])
@example(['a', 'b '])
@example(['a\n'])
def test_what_an_old_client_sends_arrives_with_its_spaces(arguments: list[str]) -> None:
    """It puts a backslash before each space, and sends a newline as a space.

    (A space at the end of an argument joins it to the next one; papa 1.0 did the same.)
    """
    arguments = [argument.rstrip(' \n') or 'x' for argument in arguments[:-1]] + arguments[-1:]
    line = ' '.join(argument.replace(' ', '\\ ').replace('\n', '\\ ') for argument in arguments)
    assert telnet.split(line) == [argument.replace('\n', ' ') for argument in arguments]


@FAST
@given(ANY_TEXT)
def test_any_line_splits_into_words_that_are_not_empty(line: str) -> None:
    assert all(telnet.split(line))


# Lines


@pytest.mark.parametrize(('line', 'text'), [
    (b'list values', 'list values'),
    (b'list values\r', 'list values'),
    (b'list values\r\r', 'list values\r'),
    (b'\xff\xfb\x1flist values', 'list values'),  # WILL NAWS
    (b'\xff\xfd\x01\xff\xfe\x03quit', 'quit'),  # DO ECHO, DONT SUPPRESS-GO-AHEAD
    (b'\xff\xfa\x18\x00xterm\xff\xf0quit\r', 'quit'),  # a sub-negotiation
    (b'\xff\xfa\x1f\x00P\r\x18\xff\xf0quit', 'quit'),
    (b'\xff\xf4\xff\xfd\x06quit', 'quit'),  # Control-C: interrupt process, DO TIMING-MARK
    (b'\xff\xf1quit', 'quit'),
    ('set é ü'.encode(), 'set é ü'),
    (b'set a \xc3', 'set a \udcc3'),
    (b'set a \xff', 'set a \udcff'),
])
def test_the_text_of_a_line(line: bytes, text: str) -> None:
    assert telnet.clean(line) == text
    assert telnet.clean(bytearray(line)) == text


@pytest.mark.parametrize('line', [
    b'GET / HTTP/1.1', b'POST /set HTTP/1.0', b'OPTIONS * HTTP/1.1', b'CONNECT localhost:20202 HTTP/1.1',
    b'GET http://localhost:20202/ HTTP/1.1', b'PRI * HTTP/2.0', b'get / http/1.1', b'SET /x%20y HTTP/1.1',
    b'Host: localhost', b'Content-Type: text/plain', b'x-any!#$%&\'*+.^_`|~9:', b'host:localhost',
    b'\x16\x03\x01\x02\x00\x01\x00', b'GET  /  HTTP/1.1',
])
def test_what_a_browser_sends_is_known(line: bytes) -> None:
    assert telnet.is_intruder(line)
    assert telnet.is_intruder(line + b'\r')
    assert telnet.is_intruder(bytearray(line))


@pytest.mark.parametrize('line', [
    b'', b'list processes', b'get count', b'set url http://localhost/', b'set a HTTP/1.1', b'get HTTP/1.1',
    b'make socket web path=/run/web.sock', b'make process p /bin/sh -c echo\\ a:b', b'set circus:web 1', b'quit\r',
    b'list values GET', b'set a: b', b'help', b'make process p env.A=b:c /usr/bin/env',
])
def test_what_people_send_is_not_taken_for_a_browser(line: bytes) -> None:
    assert not telnet.is_intruder(line)


# Requests


@pytest.mark.parametrize(('line', 'name', 'words'), [
    ('l p', 'list processes', []),
    ('L P Web*', 'list processes', ['Web*']),
    ('set a b c', 'set', ['a', 'b', 'c']),
    ('set a "b"', 'set', ['a', '"b"']),
    ('m s web port=80 host="::1"', 'make socket', ['web', 'port=80', 'host=::1']),
    ('m s web path="/a\\ b"', 'make socket', ['web', 'path=/a b']),
    ('m s web port=""', 'make socket', ['web', 'port=']),
    ('m s web host="', 'make socket', ['web', 'host="']),
    ('m p x env.A="1" /bin/echo b="2"', 'make process', ['x', 'env.A=1', '/bin/echo', 'b="2"']),
    ('m p x env.A= cmd', 'make process', ['x', 'env.A=', 'cmd']),
    ('m p x env.A="" cmd', 'make process', ['x', 'env.A=', 'cmd']),
    ('m p x env.A=b=c cmd', 'make process', ['x', 'env.A=b=c', 'cmd']),
    ('m p x -- a=b', 'make process', ['x', '--', 'a=b']),
    ('m p x uid=1 -- a="b" --', 'make process', ['x', 'uid=1', '--', 'a="b"', '--']),
    ('m p x env.A="C:\\" cmd', 'make process', ['x', 'env.A=C:\\', 'cmd']),
    ('m p x cmd -- --', 'make process', ['x', 'cmd', '--', '--']),
    ('m p x', 'make process', ['x']),
    ('m p', 'make process', []),
    ('m p --', 'make process', ['--']),
])
def test_a_request(line: str, name: str, words: list[str]) -> None:
    command, rest = telnet.parse(telnet.split(line))
    assert (command.name, rest) == (name, words)


@pytest.mark.parametrize('line', ['x', 'list', 'l x', 'make', 'm v a', 'exit', '\x1b[A', 'é', 'listen'])
def test_what_is_no_request_is_one_clear_line(line: str) -> None:
    with pytest.raises(BadRequest) as caught:
        telnet.parse(telnet.split(line))
    assert str(caught.value).isprintable()


# Replies


def test_replies_end_in_a_prompt() -> None:
    assert telnet.encode_reply(None) == b'\n> '
    assert telnet.encode_reply('') == b'\n> '
    assert telnet.encode_reply({}) == b'\n> '
    assert telnet.encode_reply('some text') == b'some text\n> '
    assert telnet.encode_reply({'b': '2', 'a': '1 1'}) == b'a 1 1\nb 2\n> '
    assert telnet.encode_reply(Prose('one\ntwo')) == b'one\ntwo\n> '
    assert telnet.encode_error(BadRequest('Nothing fits')) == b'Error: Nothing fits\n> '


def test_a_record_is_one_line_with_its_arguments_last() -> None:
    record = {
        'args': ['/bin/sh', '-c', 'a b'], 'pid': 12, 'running': True, 'started': 1447812161.53, 'sockets': ['a', 'b'],
        'working_dir': '/a b',
    }
    assert telnet.encode_reply({'web': record}) == (
        b'web pid=12 running=True started=1447812161.53 sockets=a,b working_dir=/a\\x20b args=/bin/sh -c a b\n> '
    )
    assert telnet.encode_line({'web': {'pid': 1, 'args': ['x']}}) == b'web pid=1 args=x\n'


def test_tabs_and_what_can_be_printed_are_shown_as_they_are() -> None:
    assert read_reply(telnet.encode_reply('a\tb é 日本 \\n "')) == 'a\tb é 日本 \\n "'


@FAST
@given(ANY_TEXT | st.sampled_from(AWKWARD))
@example('Error: not really')
@example('\n> ')
def test_no_value_breaks_its_reply(value: str) -> None:
    assert '\n' not in read_reply(telnet.encode_reply(value))


@pytest.mark.parametrize('value', AWKWARD)
def test_no_value_and_no_name_breaks_a_listing(value: str) -> None:
    name = value.replace(' ', '')
    assert len(read_reply(telnet.encode_reply({name: value, 'other': value})).split('\n')) == 2


def test_a_name_that_looks_like_an_error_is_not_one() -> None:
    for result in ({'Error:': 'x'}, {'Error:x': {'pid': 1, 'args': []}}):
        assert 'x45rror:' in read_reply(telnet.encode_reply(result))
        assert not telnet.encode_line(result).startswith(b'Error:')


@FAST
@given(st.dictionaries(ANY_TEXT, ANY_TEXT, min_size=1, max_size=4))
def test_a_listing_has_a_line_for_each_name(values: dict[str, str]) -> None:
    assert len(read_reply(telnet.encode_reply(values)).split('\n')) == len(values)


@FAST
@given(ANY_TEXT, ANY_TEXT, st.lists(ANY_TEXT, max_size=3))
def test_no_field_of_a_record_breaks_its_line(name: str, path: str, args: list[str]) -> None:
    record: dict[str, Any] = {'args': args, 'working_dir': path, 'sockets': [path, path]}
    text = read_reply(telnet.encode_reply({name.replace(' ', ''): record}))
    assert '\n' not in text
    keys = [field.partition('=')[0] for field in text.split(' ', 3)[1:]]
    assert keys == ['working_dir', 'sockets', 'args']


@FAST
@given(ANY_TEXT | st.sampled_from(AWKWARD))
def test_an_error_is_one_line(text: str) -> None:
    data = telnet.encode_error(Error(text))
    assert data.startswith(b'Error: ')
    with pytest.raises(Error):
        read_reply(data)
    assert data.count(b'\n') == 1


# Batches


@FAST
@given(ANY_TEXT | st.sampled_from(AWKWARD))
@example('circus:web:1')
def test_no_name_breaks_the_header_of_a_batch(name: str) -> None:
    """An old client divides a header at its colons, and fails if there are not exactly four parts."""
    for line, kind, number in (
        (telnet.output_header('o', name, 1447812161.53, 17), 'out', 17),
        (telnet.output_header('e', name, 1447812161.53, 0), 'err', 0),
        (telnet.exit_line(name, 1447812161.53, -15), 'closed', -15),
    ):
        assert line.endswith(b'\n')
        assert line.count(b'\n') == 1
        parts = line[:-1].decode().split(':')
        assert len(parts) == 4
        assert (parts[0], float(parts[2]), int(parts[3])) == (kind, 1447812161.53, number)


def test_ordinary_headers() -> None:
    assert telnet.output_header('o', 'web.1', 1447812161.53, 5) == b'out:web.1:1447812161.53:5\n'
    assert telnet.output_header('e', 'web.1', 1447812161.53, 5) == b'err:web.1:1447812161.53:5\n'
    assert telnet.exit_line('web.1', 1447812161.53, 0) == b'closed:web.1:1447812161.53:0\n'
