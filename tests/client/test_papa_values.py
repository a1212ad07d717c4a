"""`papa.Papa`: values, and the names of everything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from papa import BadRequest, NotFound, Papa

pytestmark = pytest.mark.usefixtures('both')


@pytest.fixture
def papa(shared_papa: Papa) -> Papa:
    """The kernel is shared by the tests of this file."""
    return shared_papa


TEXTS = {
    'empty': '', 'space': ' ', 'spaces around': '  a  ', 'newline': '\n', 'newlines': 'a\n\nb\n', 'return': 'a\r\n',
    'tab': '\ta\t\tb\t', 'quotes': '''"a" 'b' \\"''', 'backslash': '\\', 'backslashes': '\\\\n\\t\\', 'escape': '\\n',
    'space escape': '\\ a\\ ', 'error': 'Error: no', 'error line': '!bad\tno', 'prompt': '\n> ', 'prompts': '> \n> \n',
    'brace': '{"a":1}', 'dash': '-', 'equals': '=', 'nul': '\0', 'controls': ''.join(map(chr, range(33))),
    'delete': '\x7f\x80\x9f', 'lines': '\x85\u2028\u2029', 'accents': 'é ü ß', 'emoji': '🙂', 'lone high': '\ud83d',
    'lone low': 'a\ude00b', 'two lone': '\ud83d\ude00', 'lone beside emoji': '\ude00🙂\ud83d', 'byte': '\udcff',
    'mark': '\ufeffa', 'json': json.dumps({'a': ['\n', 'é']}), 'telnet': '\xff\xfb\x01', 'IAC': '\xff',
    'one MB': 'x\n\t\\' * 262144, 'one MB of é': 'é' * 524288, 'option': 'port=5', 'option end': '--', 'asterisk': '*',
}


@pytest.mark.parametrize('text', TEXTS.values(), ids=TEXTS.keys())
def test_every_text_comes_back_exactly(text: str, papa: Papa) -> None:
    papa.set('a', text)
    assert papa.get('a') == text
    assert papa.list_values() == {'a': text}


def test_many_values_are_listed_exactly(papa: Papa) -> None:
    values = {f'v.{number}': text for number, text in enumerate(TEXTS.values())}
    for name, text in values.items():
        papa.set(name, text)
    assert papa.list_values('v.*') == values


@pytest.mark.parametrize('name', ['a', 'Ü', '🙂', 'a"b', "a'b", 'a\\b', 'a(b', '*a', '-', '--', 'a=b', '1', '\ud83d'])
def test_names_of_values(name: str, papa: Papa) -> None:
    papa.set(name, 'x')
    assert papa.list_values() == {name: 'x'} == papa.list_values(name)
    assert papa.get(name) == 'x'
    papa.remove_values(name)
    assert papa.list_values() == {}


@pytest.mark.parametrize('name', [
    '', 'a b', 'a\tb', 'a\nb', 'a)', 'a*', '*', '\0', 'a\u2003b', '\x9f', None, b'a', 5, 1.5, (),
])
def test_bad_names_are_a_clear_error(name: Any, papa: Papa) -> None:
    for call in (  # a number is no name either
        lambda: papa.set(name, 'x'), lambda: papa.make_socket(name), lambda: papa.make_process(name, 'true'),
    ):
        with pytest.raises(BadRequest) as caught:
            call()
        assert '\n' not in str(caught.value)
    assert (papa.list_values(), papa.list_sockets(), papa.list_processes()) == ({}, {}, {})


def test_getting_by_a_name_that_is_none(papa: Papa) -> None:
    for name in (None, b'a', 5, 1.5, ['a']):
        with pytest.raises(BadRequest):
            papa.get(name)  # type: ignore[arg-type]
    assert papa.get('no such') is None


def test_a_name_wins_over_a_number(papa: Papa) -> None:
    pid = papa.make_process('first', 'sleep', '60')['pid']
    papa.make_process(str(pid), 'sleep', '60')
    assert list(papa.list_processes(pid)) == [str(pid)]
    fileno = papa.make_socket('first')['fileno']
    papa.make_socket(str(fileno))
    assert list(papa.list_sockets(fileno)) == [str(fileno)]


def test_none_clears_a_value(papa: Papa) -> None:
    papa.set('a', 'x')
    papa.set('a', None)
    assert papa.get('a') is None
    papa.set('a', 'x')
    papa.set('a')
    assert papa.get('a') is None
    papa.set('a')
    assert papa.list_values() == {}


@pytest.mark.parametrize('value', [b'x', 5, ['x'], {'a': 1}, True])
def test_other_values_than_text_suggest_json(value: Any, papa: Papa) -> None:
    with pytest.raises(BadRequest, match=r'A value is text, not .*json'):
        papa.set('a', value)


def test_listing_values(papa: Papa) -> None:
    for name in ('circus.a', 'circus.b', 'other'):
        papa.set(name, name.upper())
    assert papa.list_values('circus.*') == {'circus.a': 'CIRCUS.A', 'circus.b': 'CIRCUS.B'}
    assert papa.list_values('other', 'circus.a') == {'other': 'OTHER', 'circus.a': 'CIRCUS.A'}
    assert len(papa.list_values()) == len(papa.list_values('*')) == 3
    assert papa.list_values('none') == {} == papa.list_values('none*')


def test_removing_values(papa: Papa) -> None:
    for name in ('circus.a', 'circus.b', 'other', 'more'):
        papa.set(name, 'x')
    assert papa.remove_values('circus.*', 'other')
    assert papa.list_values() == {'more': 'x'}
    assert papa.remove_values('none*')
    with pytest.raises(NotFound):
        papa.remove_values('none')
    for everything in ((), ('*',), ('more', '*')):
        with pytest.raises(BadRequest, match='cannot remove all values'):
            papa.remove_values(*everything)
    assert papa.list_values() == {'more': 'x'}


def test_a_name_is_unique_within_its_class_only(papa: Papa) -> None:
    papa.set('aack', 'x')
    papa.make_socket('aack')
    papa.make_process('aack', 'true')
    assert [*papa.list_values(), *papa.list_sockets(), *papa.list_processes()] == ['aack'] * 3
