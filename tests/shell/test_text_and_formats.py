"""The formats, which are a contract."""

from __future__ import annotations

import base64
import json
from typing import Any
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papa.events import Change
from papa.line.grammar import parse
from papa.line.text import encode, escape, escape_bytes, harmless, in_line
from papa_shell import formats
from papa_shell.changes import record
from papa_shell.formats import Result, render, result
from papa_shell.statuses import wrap

SOCKET = {'family': 'inet', 'type': 'stream', 'backlog': 5, 'host': '127.0.0.1', 'port': 80, 'fileno': 7}
PROCESS = {
    'pid': 5, 'running': False, 'started': 1.5, 'uid': 0, 'gid': 0, 'id': 'x-1', 'exit_code': -9, 'ended': 2.0,
    'working_dir': '/', 'bufsize': 10, 'overflow': 'drop', 'sockets': ['a', 'b'], 'captured': 3, 'acknowledged': 1,
    'buffered': 2, 'dropped': 0, 'watchers': 1, 'peekers': 0, 'args': ['sh', '-c', 'a b'],
}


def plain(found: Result, **how: Any) -> str:
    return render(found, 'plain', **how).decode()


def test_the_columns_are_these() -> None:
    """Only ever add to the end of each."""
    assert formats.COLUMNS == {
        'sockets': ('name', 'family', 'type', 'host', 'port', 'path', 'fileno', 'backlog', 'umask', 'interface',
                    'reuseport'),
        'processes': ('name', 'pid', 'state', 'exit_code', 'started', 'ended', 'captured', 'acknowledged', 'buffered',
                      'dropped', 'watchers', 'peekers', 'uid', 'gid', 'bufsize', 'overflow', 'working_dir', 'sockets',
                      'args', 'id', 'recorded'),
        'values': ('name', 'value'),
    }


def test_plain_listings() -> None:
    assert plain(Result('sockets', {'web': SOCKET})) == 'web\tinet\tstream\t127.0.0.1\t80\t\t7\t5\t\t\t\n'
    unix = {'family': 'unix', 'type': 'stream', 'path': '/run/a\tb', 'umask': 0o27, 'reuseport': True, 'fileno': 8}
    assert plain(Result('sockets', {'u': unix})) == 'u\tunix\tstream\t\t\t/run/a\\tb\t8\t\t027\t\t1\n'
    assert plain(Result('processes', {'p': PROCESS})) == (
        "p\t5\tended\t-9\t1.500000\t2.000000\t3\t1\t2\t0\t1\t0\t0\t0\t10\tdrop\t/\ta,b\tsh -c 'a b'\tx-1\t\n"
    )
    assert plain(Result('values', {'a': 'x\ny', 'b': '\\n'})) == 'a\tx\\ny\nb\t\\\\n\n'
    assert plain(Result('values', {})) == ''
    assert plain(Result('record', {'version': '2', 'previous_version': None})) == 'version\t2\nprevious_version\t\n'
    assert plain(Result('count', 5, 'p')) == '5\n'
    assert plain(Result('nothing')) == ''


def test_a_value_is_itself() -> None:
    assert render(Result('value', 'a\tb\n\x1b', 'x'), 'plain') == b'a\tb\n\x1b\n'
    assert render(Result('value', 'a', 'x'), 'plain', raw=True) == b'a'
    assert render(Result('value', '\udcff\xe9', 'x'), 'plain') == b'\xff\xc3\xa9\n'
    assert render(Result('value', '\ud83d', 'x'), 'plain') == b'\xed\xa0\xbd\n'
    assert render(Result('value', 'a\x1b[1m\nb', 'x'), 'plain', terminal=True) == b'a\\x1b[1m\nb\n'


def test_json() -> None:
    assert render(Result('values', {'a': 'é'}), 'json') == '{"a": "é"}\n'.encode()
    assert render(Result('value', '', 'x'), 'json') == b'{"x": ""}\n'
    assert json.loads(render(Result('processes', {'p': PROCESS}), 'json')) == {'p': PROCESS}
    assert render(Result('values', {}), 'json') == b'{}\n'
    assert render(Result('nothing'), 'json') == b''


@pytest.mark.parametrize(('value', 'data'), [('a\udcff', b'a\xff'), ('\ud83d', b'\xed\xa0\xbd')])
def test_json_of_what_is_not_utf8(value: str, data: bytes) -> None:
    text = base64.b64encode(data).decode()
    for how, found in (
        (render(Result('value', value, 'x'), 'json'), {'x': {'base64': text}}),
        (render(Result('values', {'x': value}), 'json'), {'x': {'base64': text}}),
        (render(Result('value', value, 'x'), 'jsonl'), {'name': 'x', 'base64': text}),
        (render(Result('values', {'x': value}), 'jsonl'), {'name': 'x', 'base64': text}),
    ):
        assert json.loads(how) == found
    for details, told in (({'size': 2, 'value': value}, {'size': 2, 'base64': text}), ({'size': 2}, {'size': 2})):
        assert record(Change('made', 'value', 'x', details))['details'] == told
        snapshot = Change('snapshot', '', '', {'values': {'x': details}, 'sockets': {}})
        assert record(snapshot)['details'] == {'values': {'x': told}, 'sockets': {}}


def test_json_is_always_utf8() -> None:
    written = render(Result('processes', {'p\udcff': {**PROCESS, 'args': ['\udcfe', 'é']}}), 'json')
    assert json.loads(written) == {'p\\xff': {**PROCESS, 'args': ['\\xfe', 'é']}}


def test_json_has_nothing_that_acts_on_a_terminal() -> None:
    text = 'é\x7f\x9b\u2028\u2029\u202e\u200b\U000e0041'
    for how in ('json', 'jsonl'):
        written = render(Result('values', {text: text}), how)
        assert not set(written.decode()) & set(text[1:])
        assert json.loads(written) in ({text: text}, {'name': text, 'value': text})
    assert render(Result('value', 'é\x9b', 'x'), 'json') == '{"x": "é\\u009b"}\n'.encode()


def test_jsonl() -> None:
    assert render(Result('values', {'a': '1', 'b': '2'}), 'jsonl') == (
        b'{"name": "a", "value": "1"}\n{"name": "b", "value": "2"}\n'
    )
    (line,) = render(Result('processes', {'p': PROCESS}), 'jsonl').splitlines()
    assert json.loads(line) == {'name': 'p', **PROCESS}
    assert render(Result('count', 5, 'p'), 'jsonl') == b'{"name": "p", "released": 5}\n'


@given(st.text(st.characters(exclude_categories=())))
def test_a_field_is_one_field_of_one_line_and_can_be_read_back(text: str) -> None:
    shown = escape(text)
    assert not set(shown) & {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)}
    assert not any(category(character) == 'Cf' for character in shown)
    assert shown.encode().decode() == shown
    if not any(0xD800 <= ord(c) < 0xE000 for c in text):
        parts = shown.split('\\\\')
        back = [part.encode('latin-1', 'backslashreplace').decode('unicode_escape') for part in parts]
        assert '\\'.join(back) == text


@given(st.binary())
def test_any_output_is_one_line(data: bytes) -> None:
    assert '\n' not in escape_bytes(data)
    assert encode(data.decode('utf-8', 'surrogateescape')) == data


def test_what_is_invisible_or_turns_the_direction_is_shown() -> None:
    format_characters = [chr(code) for code in range(0x110000) if category(chr(code)) == 'Cf']
    for show in (escape, harmless, in_line):
        assert show('a\u202eb\u2066c\u200bd\ufeff') == 'a\\u202eb\\u2066c\\u200bd\\ufeff'
        assert show('\U000e0041') == '\\U000e0041'
        assert not set(show(''.join(format_characters))) & set(format_characters)
        assert show('שלום é 日本　❤️') == 'שלום é 日本　❤️'
    assert plain(Result('value', '\u202e', 'x')) == '\u202e\n'
    assert plain(Result('value', '\u202e', 'x'), terminal=True) == '\\u202e\n'


def test_harmless() -> None:
    assert harmless('a\tb\nc\x1b]0;x\x07\x9b') == 'a\tb\nc\\x1b]0;x\\x07\\x9b'


@pytest.mark.parametrize(('text', 'kind'), [
    ('list sockets', 'sockets'), ('list values', 'values'), ('get x', 'value'), ('info', 'record'),
    ('acknowledge x 1', 'count'), ('set x 1', 'nothing'), ('remove sockets x', 'nothing'),
])
def test_kinds_of_results(text: str, kind: str) -> None:
    line = parse(text)
    assert line is not None
    assert result(line, {}).kind == kind


def test_what_was_made_is_listed() -> None:
    line = parse('make socket web')
    assert line is not None
    assert result(line, SOCKET).data == {'web': SOCKET}


def test_lines_break_between_words() -> None:
    assert wrap('one two three', 7) == ['one two', 'three']
    assert wrap('one two three', 6) == ['one', 'two', 'three']
    assert wrap('a \u8a9e\u8a9e b', 6) == ['a \u8a9e\u8a9e', 'b']
    assert wrap('toolong a', 3) == ['toolong', 'a']
    assert wrap('', 5) == ['']
