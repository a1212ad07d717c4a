"""The options: each value that is allowed, and one clear line for each that is not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from papa import options
from papa.errors import BadRequest
from papa.options import PROCESS_OPTIONS, SOCKET_OPTIONS, Option

FAST = settings(deadline=None, derandomize=True, database=None, max_examples=150)
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)

# What only a programmer understands.
PYTHON_WORDS = re.compile(
    r'\b(None|True|False|str|int|bool|tuple|dict|list index|Traceback|\w+Error|invalid literal|base 10|codec|class)\b'
)

GOOD: list[tuple[tuple[Option, ...], str, str, Any]] = [
    (SOCKET_OPTIONS, 'family', 'inet', 'inet'), (SOCKET_OPTIONS, 'family', 'INET6', 'inet6'),
    (SOCKET_OPTIONS, 'family', 'unix', 'unix'),
    (SOCKET_OPTIONS, 'type', 'stream', 'stream'), (SOCKET_OPTIONS, 'type', 'Dgram', 'dgram'),
    (SOCKET_OPTIONS, 'type', 'seqpacket', 'seqpacket'), (SOCKET_OPTIONS, 'type', 'raw', 'raw'),
    (SOCKET_OPTIONS, 'backlog', '0', 0), (SOCKET_OPTIONS, 'backlog', '2147483647', 2**31 - 1),
    (SOCKET_OPTIONS, 'path', '/run/web.sock', '/run/web.sock'), (SOCKET_OPTIONS, 'path', '/a b\nc', '/a b\nc'),
    (SOCKET_OPTIONS, 'umask', '0', 0), (SOCKET_OPTIONS, 'umask', '63', 0o77), (SOCKET_OPTIONS, 'umask', '077', 0o77),
    (SOCKET_OPTIONS, 'umask', '0o77', 0o77), (SOCKET_OPTIONS, 'umask', '0O77', 0o77),
    (SOCKET_OPTIONS, 'umask', '0777', 0o777), (SOCKET_OPTIONS, 'umask', '511', 0o777),
    (SOCKET_OPTIONS, 'umask', '00', 0),
    (SOCKET_OPTIONS, 'host', '127.0.0.1', '127.0.0.1'), (SOCKET_OPTIONS, 'host', '::1', '::1'),
    (SOCKET_OPTIONS, 'host', 'localhost', 'localhost'),
    (SOCKET_OPTIONS, 'port', '0', 0), (SOCKET_OPTIONS, 'port', '65535', 65535), (SOCKET_OPTIONS, 'port', '0080', 80),
    (SOCKET_OPTIONS, 'interface', 'lo', 'lo'),
    (SOCKET_OPTIONS, 'reuseport', '1', True), (SOCKET_OPTIONS, 'reuseport', 'True', True),
    (SOCKET_OPTIONS, 'reuseport', '0', False), (SOCKET_OPTIONS, 'reuseport', 'off', False),
    (PROCESS_OPTIONS, 'uid', 'nobody', 'nobody'), (PROCESS_OPTIONS, 'uid', '0', '0'),
    (PROCESS_OPTIONS, 'gid', 'users', 'users'),
    (PROCESS_OPTIONS, 'working_dir', '/', '/'), (PROCESS_OPTIONS, 'working_dir', '/a b', '/a b'),
    (PROCESS_OPTIONS, 'bufsize', '0', 0), (PROCESS_OPTIONS, 'bufsize', '65536', 65536),
    (PROCESS_OPTIONS, 'bufsize', '64k', 65536), (PROCESS_OPTIONS, 'bufsize', '2m', 2 * 1024**2),
    (PROCESS_OPTIONS, 'bufsize', '2M', 2 * 1024**2), (PROCESS_OPTIONS, 'bufsize', '1g', 1024**3),
    (PROCESS_OPTIONS, 'stdout', '0', 'devnull'), (PROCESS_OPTIONS, 'stdout', '1', 'pipe'),
    (PROCESS_OPTIONS, 'stdout', 'pipe', 'pipe'), (PROCESS_OPTIONS, 'stdout', 'DEVNULL', 'devnull'),
    (PROCESS_OPTIONS, 'stderr', '0', 'devnull'), (PROCESS_OPTIONS, 'stderr', '1', 'pipe'),
    (PROCESS_OPTIONS, 'stderr', 'stdout', 'stdout'), (PROCESS_OPTIONS, 'stderr', 'STDOUT', 'stdout'),
    (PROCESS_OPTIONS, 'overflow', 'drop', 'drop'), (PROCESS_OPTIONS, 'overflow', 'Block', 'block'),
    (PROCESS_OPTIONS, 'umask', '027', 0o27),
    (PROCESS_OPTIONS, 'watch', '1', True), (PROCESS_OPTIONS, 'watch', 'no', False),
    (PROCESS_OPTIONS, 'env', 'empty', True),
    (PROCESS_OPTIONS, 'env.PATH', '/bin:/usr/bin', '/bin:/usr/bin'), (PROCESS_OPTIONS, 'env.A', '', ''),
    (PROCESS_OPTIONS, 'env.a.b', ' x=\n"', ' x=\n"'), (PROCESS_OPTIONS, 'env.é', '\udcff', '\udcff'),
    (PROCESS_OPTIONS, 'rlimit.nofile', '1024', 1024), (PROCESS_OPTIONS, 'rlimit.cpu', 'unlimited', -1),
    (PROCESS_OPTIONS, 'rlimit.core', '-1', -1), (PROCESS_OPTIONS, 'rlimit.as', str(2**63 - 1), 2**63 - 1),
]

NOT_A_NUMBER = ['x', '-1', '1.5', '1e3', ' 1', '1 ', '+1', '0x10', '1_000', '٣', '²', '9' * 5000, '\n', '1\n']
BAD: dict[str, list[str]] = {
    'family': ['', 'inet4', '2', 'unix ', 'x' * 5000, '\n', '\0'],
    'type': ['', 'tcp', '1', 'stream,dgram', '\x1b[2J'],
    'backlog': ['', *NOT_A_NUMBER, '2147483648'],
    'path': ['', 'web.sock', './web.sock', '~/web.sock', '/a\0b', '\ud800'],
    'umask': ['', *NOT_A_NUMBER, '08', '09', '01000', '512', '0o', '0o8', '0o-1', '00o7', 'o77', '0b1'],
    'host': ['', 'a b', 'a\n', '\0', '\t'],
    'port': ['', *NOT_A_NUMBER, '65536', '99999999999999999999', 'http'],
    'interface': ['', 'e th', 'e\0', '\u2028'],
    'reuseport': ['', '2', 'y', 'maybe', 'None', '-1', '\n'],
    'uid': ['', 'two words', 'a\0'],
    'gid': ['', 'two\twords', 'a\0'],
    'working_dir': ['', 'srv', '../srv', '/srv\0'],
    'bufsize': [
        '', *NOT_A_NUMBER, 'k', 'mk', '1kb', '1.5m', '1t', '-1k', '1 m', str(2**40 + 1), '1025g', '9' * 5000 + 'g',
    ],
    'stdout': ['', '2', 'stdout', 'stderr', 'null', '-1', '/dev/null'],
    'stderr': ['', '2', 'stderr', 'null', '-1', '/dev/null'],
    'overflow': ['', 'lose', '0', 'drop block'],
    'watch': ['', '2', 'always'],
    'env': ['', '1', 'PATH', 'Empty '],
    'env.A': ['a\0b', '\0'],
    'env.': ['', 'x'],
    'rlimit.nofile': ['', 'x', '-2', '1.5', '1k', ' 1', '9' * 5000, str(2**63), 'infinity', '٣'],
}


def table_of(key: str) -> tuple[Option, ...]:
    return SOCKET_OPTIONS if any(option.key == key for option in SOCKET_OPTIONS) else PROCESS_OPTIONS


def complaint(table: tuple[Option, ...], *pairs: tuple[str, str]) -> str:
    """The one clear line that reading the pairs gives."""
    with pytest.raises(BadRequest) as caught:
        options.read(table, pairs)
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 600
    assert not PYTHON_WORDS.search(text.replace('"None"', '')), text
    return text


@pytest.mark.parametrize(('table', 'key', 'text', 'value'), GOOD)
def test_good_values(table: tuple[Option, ...], key: str, text: str, value: Any) -> None:
    (read,) = options.read(table, [(key, text)]).values()
    assert read == value
    assert type(read) is type(value)


BAD_PAIRS = [(key, text) for key, texts in BAD.items() for text in texts]


@pytest.mark.parametrize(('key', 'text'), BAD_PAIRS, ids=[f'{key}-{text[:12]!r}' for key, text in BAD_PAIRS])
def test_bad_values_say_which_option_and_what_is_allowed(key: str, text: str) -> None:
    said = complaint(table_of(key), (key, text))
    assert key in said
    if text and key != 'env.':
        assert ' must be ' in said


def test_every_option_has_good_and_bad_values_here() -> None:
    """A new option must come with its tests."""
    for table in (SOCKET_OPTIONS, PROCESS_OPTIONS):
        for option in table:
            assert any(option is options_of(t, key) for t, key, _, _ in GOOD if t is table), option.key
            assert any(key == option.key or (option.key.endswith('.') and key.startswith(option.key)) for key in BAD)


def options_of(table: tuple[Option, ...], key: str) -> Option | None:
    prefix, dot, _ = key.partition('.')
    return next((option for option in table if option.key == prefix + dot), None)


@pytest.mark.parametrize('table', [SOCKET_OPTIONS, PROCESS_OPTIONS])
@pytest.mark.parametrize('key', ['', 'x', 'Port', 'port.', '.', 'stdin', 'family.x', 'rlimits.cpu', 'a\nb', 'x' * 5000])
def test_an_unknown_option_is_told_with_those_that_there_are(table: tuple[Option, ...], key: str) -> None:
    said = complaint(table, (key, '1'))
    assert said.startswith('Unknown option "')
    assert 'umask' in said


def test_an_option_given_twice() -> None:
    assert 'port is given twice' in complaint(SOCKET_OPTIONS, ('port', '1'), ('port', '1'))
    assert 'env.A is given twice' in complaint(PROCESS_OPTIONS, ('env.A', ''), ('env.A', ''))
    assert 'twice' in complaint(PROCESS_OPTIONS, ('env.A\nB', '1'), ('env.A\nB', '2'))
    assert len(options.read(PROCESS_OPTIONS, [('env.A', '1'), ('env.a', '1'), ('rlimit.cpu', '1')])) == 3


def test_a_message_stays_one_line_whatever_the_name_of_a_variable() -> None:
    assert 'NUL' in complaint(PROCESS_OPTIONS, ('env.A\nB', '\0'))
    complaint(PROCESS_OPTIONS, ('env.' + 'A' * 10**6, '\0'))
    complaint(PROCESS_OPTIONS, ('rlimit.a\nb', ''))


@FAST
@given(st.sampled_from([*SOCKET_OPTIONS, *PROCESS_OPTIONS]), ANY_TEXT)
@example(SOCKET_OPTIONS[0], '\ud800')
def test_any_text_is_read_or_refused_in_one_line(option: Option, text: str) -> None:
    table = SOCKET_OPTIONS if option in SOCKET_OPTIONS else PROCESS_OPTIONS
    key = option.key + 'x' if option.key.endswith('.') else option.key
    refusal = ''
    try:
        options.read(table, [(key, text)])
    except BadRequest as error:
        refusal = str(error)
    assert refusal.isprintable()


def test_keys_and_choices_are_told_rightly() -> None:
    for option in (*SOCKET_OPTIONS, *PROCESS_OPTIONS):
        assert option.summary
        for word in option.choices:
            options.read(table_of(option.key), [(option.key, word)])


@pytest.mark.parametrize(('words', 'pairs', 'rest'), [
    ([], [], []),
    (['port=1', 'host=a'], [('port', '1'), ('host', 'a')], []),
    (['port=1', '/bin/x', 'a=b'], [('port', '1')], ['/bin/x', 'a=b']),
    (['--', 'a=b'], [], ['a=b']),
    (['port=1', '--'], [('port', '1')], []),
    (['a=1', '--', '--', 'x'], [('a', '1')], ['--', 'x']),
    (['a=b=c', '=', '=x'], [('a', 'b=c'), ('', ''), ('', 'x')], []),
    (['x', '--', 'a=b'], [], ['x', '--', 'a=b']),
    (['', 'a=b'], [], ['', 'a=b']),
    (['env.A= '], [('env.A', ' ')], []),
])
def test_where_the_options_end(words: list[str], pairs: list[tuple[str, str]], rest: list[str]) -> None:
    assert options.split(words) == (pairs, rest)
