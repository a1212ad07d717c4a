"""Where a kernel lives: what is understood, and one clear line for what is not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papa import endpoint
from papa.endpoint import Endpoint
from papa.errors import BadRequest

FAST = settings(deadline=None, derandomize=True, database=None, max_examples=150)
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=130)

PATH = '/run/papa.sock'


@pytest.mark.parametrize(('text', 'expected'), [
    ('20202', Endpoint(port=20202)),
    ('tcp:20202', Endpoint(port=20202)),
    ('1', Endpoint(port=1)),
    ('65535', Endpoint(port=65535)),
    ('080', Endpoint(port=80)),
    (PATH, Endpoint(path=PATH)),
    ('unix:' + PATH, Endpoint(path=PATH)),
    ('/a b/ü', Endpoint(path='/a b/ü')),
    ('/tcp:1', Endpoint(path='/tcp:1')),
    ('/' + 'x' * 102, Endpoint(path='/' + 'x' * 102)),
])
def test_the_forms_of_the_environment_variable(text: str, expected: Endpoint) -> None:
    assert endpoint.parse(text) == expected
    assert endpoint.parse(expected.uri) == expected
    assert endpoint.from_argument(text) == expected
    assert endpoint.default({'PAPA_ENDPOINT': text}) == expected


BAD = [
    'x', '0', '65536', '-1', '1.5', ' 20202', '20202 ', '٣', '9' * 5000, 'tcp:', 'tcp:0', 'tcp:x', 'tcp:/a', 'TCP:1',
    'unix:', 'unix:papa.sock', 'unix:20202', 'papa.sock', './papa.sock', '~/papa.sock', '/', '/run/', 'unix:/',
    '/a\0b', '/\ud800', '/' + 'x' * 200, '/' + 'ü' * 54, 'localhost:20202', '127.0.0.1:20202', 'http://localhost',
    '\n', '/run/papa\n/', 'udp:1',
]


@pytest.mark.parametrize('text', BAD, ids=[repr(text[:20]) for text in BAD])
def test_what_is_no_endpoint_is_one_clear_line(text: str) -> None:
    for read in (endpoint.parse, endpoint.from_argument):
        with pytest.raises(BadRequest) as caught:
            read(text)
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize('value', [None, True, False, 1.5, b'/run/papa.sock', (), Path(PATH), 0, -1, 65536, ''])
def test_arguments_of_the_wrong_kind(value: object) -> None:
    with pytest.raises(BadRequest) as caught:
        endpoint.from_argument(value)  # type: ignore[arg-type]
    assert str(caught.value).isprintable()


def test_arguments() -> None:
    assert endpoint.from_argument(20203) == Endpoint(port=20203)
    assert endpoint.from_argument(PATH) == Endpoint(path=PATH)


@FAST
@given(ANY_TEXT | ANY_TEXT.map('/{}'.format) | ANY_TEXT.map('unix:/{}'.format))
def test_any_text_is_an_endpoint_or_refused_in_one_line(text: str) -> None:
    try:
        found = endpoint.parse(text)
    except BadRequest as error:
        refusal = str(error)
    else:
        refusal = ''
        assert (found.port is None) != (found.path is None)
        assert endpoint.parse(found.uri) == found
    assert refusal.isprintable()


def test_the_default() -> None:
    assert endpoint.default({}) == Endpoint(port=20202)
    assert endpoint.default({'PAPA_ENDPOINT': ''}) == Endpoint(port=20202)
    with pytest.raises(BadRequest):
        endpoint.default({'PAPA_ENDPOINT': 'nonsense'})


def test_what_it_says_of_itself() -> None:
    tcp, unix = Endpoint(port=20202), Endpoint(path=PATH)
    assert (str(tcp), str(unix)) == ('port 20202', PATH)
    assert (tcp.uri, unix.uri) == ('tcp:20202', 'unix:' + PATH)
    assert (repr(tcp), repr(unix)) == ("Endpoint('tcp:20202')", f"Endpoint('unix:{PATH}')")
    assert (tcp.arguments, unix.arguments) == (('-p', '20202'), ('-u', PATH))
    assert (tcp.family, unix.family) == (socket.AF_INET, socket.AF_UNIX)
    assert (tcp.address, unix.address) == (('127.0.0.1', 20202), PATH)


def test_equal_endpoints_are_one_key() -> None:
    assert {endpoint.parse('1'), endpoint.parse('tcp:1'), Endpoint(port=1)} == {Endpoint(port=1)}
    assert Endpoint(port=1) != Endpoint(port=2)
    assert Endpoint(port=1) != Endpoint(path='/1')
    assert Endpoint(port=1) != 1


def test_the_longest_path_is_one_that_the_system_takes(tmp_path: Path) -> None:
    for size in range(100, 112):
        path = '/' + 'x' * (size - 1)
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(path)
            except FileNotFoundError:
                assert endpoint.from_path(path).path == path
            except OSError:  # AF_UNIX path too long
                with pytest.raises(BadRequest, match='bytes'):
                    endpoint.from_path(path)
