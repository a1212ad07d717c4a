"""Sizes, ages, little bars; and text that does a terminal no harm."""

from __future__ import annotations

import json

import pytest

from papa.line.units import age
from papa_tui.actions import ACTIONS, BY_ID, available, clash, shown_keys
from papa_tui.model.details import details as details_of
from papa_tui.model.text import bar, ending, harmless, rate, size, sparkline
from papa_tui.model.things import Socket, Value
from papa_tui.model.tree import Group

from .made import NOW, process


@pytest.mark.parametrize(('count', 'text'), [
    (0, '0 B'), (999, '999 B'), (1023, '1.0 KB'), (1536, '1.5 KB'), (319488, '312 KB'), (5 << 30, '5.0 GB'),
])
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text
    assert len(size(count)) <= 7


@pytest.mark.parametrize(('seconds', 'text'), [(-1, '0s'), (59.9, '59s'), (302, '5m 2s'), (273600, '3d 4h')])
def test_ages(seconds: float, text: str) -> None:
    assert age(seconds) == text


def test_endings_and_rates() -> None:
    assert [ending(code) for code in (0, 3, -9, -15, -999, None)] == [
        'exit 0', 'exit 3', 'SIGKILL', 'SIGTERM', 'signal 999', 'ended',
    ]
    assert rate(0.0) == ''
    assert rate(2048) == '2.0 KB/s'


def test_little_bars() -> None:
    assert sparkline([0, 1, 8], 3) == ' ▁█'
    assert sparkline([0, 0], 3) == ''
    assert bar(0.0, 4) == '    '
    assert bar(1.0, 4) == '████'
    assert bar(0.001, 4) == '▏   '
    assert len(bar(0.55, 4)) == 4


@pytest.mark.parametrize('text', ['\x1b[2J', 'a\x9b2J', '\x00', 'a\nb\tc', '\u202eabc', '\ud800', 'x\udcff', '\x7f'])
def test_nothing_that_acts_is_left(text: str) -> None:
    shown = harmless(text)
    assert shown.isprintable()
    shown.encode()
    assert '\u202e' not in shown


def test_letters_stay() -> None:
    assert harmless('müsli 日本 🎉') == 'müsli 日本 🎉'


def lines(thing: object) -> list[str]:
    return [''.join(text for text, _ in line) for line in details_of(thing, NOW)]  # type: ignore[arg-type]


def test_details_have_every_field_and_arguments_one_a_line() -> None:
    made = process('a', args=['/bin/sh', '-c', 'echo \x1b[31m'], later='field')
    found = lines(made)
    for key in ('working_dir', 'uid', 'gid', 'id', 'later', 'pid', 'started', 'lost', 'held', 'buffer'):
        assert any(line.startswith(key) for line in found), key
    at = found.index('arguments')
    assert found[at + 1 :] == ['  /bin/sh', '  -c', '  echo \\x1b[31m']


def test_details_say_what_it_means_that_a_process_is_not_recorded() -> None:
    found = '\n'.join(lines(process('a', recorded=False, captured=500, dropped=500, buffered=0)))
    for said in ('running, not recorded', 'forgotten when it exits', '500 bytes so far', 'not kept'):
        assert said in found
    for wrong in ('lost', 'nobody', 'buffer', 'held'):
        assert wrong not in found
    assert 'made so' in '\n'.join(lines(process('a', recorded=False, bufsize=0)))


def test_details_of_a_group_begin_with_what_is_wrong() -> None:
    bad = process('w.2', running=False, exit_code=3, ended=NOW)
    found = lines(Group('w', True, [process('w.1'), bad]))
    assert found == ['✗ w.2  ended with exit 3', '  w.1']


def test_a_value_is_laid_out_if_it_is_json() -> None:
    value = {'copies': 2, 'list': [1]}
    text = json.dumps(value)
    found = lines(Value('v', {'size': len(text), 'value': text}))
    assert json.loads('\n'.join(found[2:])) == value
    assert len(found) > 4
    assert lines(Value('v', {'size': 5, 'value': '{oops'}))[2:] == ['{oops']
    assert 'only its beginning' in lines(Value('v', {'size': 50000, 'preview': '{"a"'}))[-1]


def test_details_of_a_socket() -> None:
    made = Socket('s', {'family': 'unix', 'path': '/x'})
    made.holders = ('a', 'b')
    assert lines(made)[-1].split() == ['held', 'by', 'a,', 'b']


def test_the_table_of_actions_has_no_two_meanings_for_one_key() -> None:
    for place in ('processes', 'sockets', 'values', 'pane'):
        keys = [key for action in available(place, read_only=False) for key in action.keys.split(',')]
        assert len(keys) == len(set(keys)), place
    assert len(BY_ID) == len(ACTIONS)
    taken = {'ctrl+b', 'ctrl+a', 'ctrl+s', 'ctrl+p'}  # by tmux, screen, the terminal, the palette
    assert not taken & {key for action in ACTIONS for key in action.keys.split(',')}


def test_read_only_takes_every_change_away() -> None:
    assert not [action.id for place in ('processes', 'sockets', 'values', 'pane')
                for action in available(place, read_only=True) if action.changes]


def test_keys_as_people_know_them() -> None:
    assert shown_keys('slash') == '/'
    assert shown_keys('S,shift+s') == 'S'
    assert shown_keys('pagedown,ctrl+d') == 'pgdn ^d'


@pytest.mark.parametrize(('keys', 'told'), [
    ({}, ''),
    ({'tree': 'y'}, ''),
    ({'clear': 'X'}, ''),
    ({'tree': 'x'}, 'tree = x: that is the key of "remove" there; give one of them another'),
    ({'quit': 'y,/'}, 'quit = /: that is the key of "search" there; give one of them another'),
    ({'tree': 'x', 'remove': 'delete'}, ''),
    ({'tree': '', 'sort': ''}, ''),
    ({'tree': 'y', 'sort': 'y'}, 'tree = y: that is the key of "sort" there; give one of them another'),
])
def test_keys_that_two_actions_would_have(keys: dict[str, str], told: str) -> None:
    assert clash(keys) == told
