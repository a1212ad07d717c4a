"""Setting a value only if it still is what somebody expects, and what a kernel says of itself."""

from __future__ import annotations

import threading

import pytest
from conftest import Daemon

from papa import __version__
from papa.errors import BadRequest, Conflict
from papa.wire.client import EndFrame

from .inside import StillKernel
from .tools import assert_clear
from .viewers import Caller

AWKWARD = [
    '', ' ', '=', 'a=b', 'expected=x', '--', '\n', '\t', '\\', '\\n', '\0', '\ud800', '\ud83d\ude00', 'Error: no',
    '\n> ', '"quoted"', "'", 'é', ' leading', 'trailing ', 'x' * 1_000_000,
]


def test_from_unset_to_set_to_other_to_unset(still_kernel: StillKernel) -> None:
    assert still_kernel.run('compare-and-set', 'a', 'value=1') is None
    assert still_kernel.run('compare-and-set', 'a', 'expected=1', 'value=2') is None
    assert still_kernel.run('get', 'a') == '2'
    assert still_kernel.run('compare-and-set', 'a', 'value=', 'expected=2') is None  # in any order
    assert still_kernel.run('get', 'a') == ''
    assert still_kernel.run('compare-and-set', 'a', 'expected=') is None
    assert still_kernel.run('list values') == {}
    assert still_kernel.run('compare-and-set', 'a') is None  # not set, and not to be


@pytest.mark.parametrize(('held', 'words', 'says'), [
    (None, ['expected=1', 'value=2'], 'not set'), (None, ['expected='], 'not set'), ('1', ['value=2'], '"1"'),
    ('1', [], '"1"'), ('1', ['expected=2'], '"1"'), ('', ['value=2'], '""'), ('1', ['expected=', 'value=2'], '"1"'),
    ('1', ['expected=1 '], '"1"'), ('a\nb', ['expected=x'], r'"a\nb"'), ('x' * 10_000, [], '…'),
    ('\ud800', ['expected=x'], r'\ud800'),
])
def test_a_conflict_says_what_it_is_and_changes_nothing(
    still_kernel: StillKernel, held: str | None, words: list[str], says: str
) -> None:
    still_kernel.values.set('name', held)
    with pytest.raises(Conflict) as caught:
        still_kernel.run('compare-and-set', 'name', *words)
    text = str(caught.value).replace('expected', '')  # the word itself is meant here
    assert_clear(text, '"name"', says)
    assert len(text) < 300
    assert still_kernel.run('get', 'name') == held


@pytest.mark.parametrize('words', [
    (), ('',), ('a*', 'value=1'), ('a b', 'value=1'), ('a', '1'), ('a', 'value=1', '2'), ('a', 'other=1'),
    ('a', 'value=1', 'value=2'), ('a', 'expected=1', 'expected=1'), ('a', 'value'), ('a)', 'value=1'),
])
def test_bad_words_are_clear_errors(still_kernel: StillKernel, words: tuple[str, ...]) -> None:
    with pytest.raises(BadRequest) as caught:
        still_kernel.run('compare-and-set', *words)
    assert_clear(str(caught.value).replace('expected', ''))
    assert still_kernel.run('list values') == {}


def test_any_text_is_compared_and_set_exactly(daemon: Daemon) -> None:
    with Caller(daemon) as caller:
        before = None
        for text in AWKWARD:
            expected = [] if before is None else [f'expected={before}']
            assert caller.call('compare-and-set', 'a', *expected, f'value={text}') is None
            assert caller.call('get', 'a') == text
            assert isinstance(caller.call('compare-and-set', 'a', f'expected={text}x', 'value=y'), Conflict)
            before = text


def test_of_two_who_race_exactly_one_wins(daemon: Daemon) -> None:
    rounds = 300
    wins: dict[str, list[int]] = {'a': [], 'b': []}

    def race(who: str) -> None:
        with Caller(daemon) as caller:
            for number in range(rounds):
                caller.say(('compare-and-set', f'leader.{number}', f'value={who}'))
            wins[who] = [number for number in range(rounds) if caller.reply() is None]

    threads = [threading.Thread(target=race, args=(who,)) for who in wins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(wins['a'] + wins['b']) == list(range(rounds))
    with Caller(daemon) as caller:
        for who, numbers in wins.items():
            assert all(caller.call('get', f'leader.{number}') == who for number in numbers)


def test_info_says_what_the_kernel_is_and_how_much_it_holds(daemon: Daemon) -> None:
    with Caller(daemon) as caller, Caller(daemon) as other:
        first = caller.call('info')
        types = {
            'version': str, 'pid': int, 'endpoint': str, 'python': str, 'started': float, 'uptime': float,
            'upgrades': int, 'previous_version': type(None),
            'sockets': int, 'values': int, 'processes': int, 'running': int, 'connections': int, 'captured': int,
            'buffered': int, 'dropped': int, 'memory': int,
        }
        assert {key: type(value) for key, value in first.items()} == types
        assert (first['version'], first['pid']) == (__version__, daemon.pid)
        assert first['endpoint'] == f'unix:{daemon.where}'
        assert first['python'].startswith('3.')
        assert first['connections'] == 2
        assert 1e6 < first['memory'] < 1e9
        assert not any(first[key] for key in ('sockets', 'values', 'processes', 'running', 'captured', 'buffered'))
        caller.call('make socket', 'web')
        caller.call('set', 'a', '1')
        caller.make('sleeps', '/bin/sleep', '60')
        other.call('make process', 'job', 'bufsize=10', 'watch=1', '--', '/bin/sh', '-c', 'printf 0123456789abcde')
        other.frames_until(lambda frame: hasattr(frame, 'exit_code'))
        second = caller.call('info')
        assert [second[key] for key in ('sockets', 'values', 'processes', 'running')] == [1, 1, 2, 1]
        assert [second[key] for key in ('captured', 'buffered', 'dropped')] == [15, 10, 5]
        assert second['started'] == first['started']
        assert second['uptime'] > first['uptime'] > 0
        other.say(('stop', '0:15', '0:x'))
        other.frames_until(lambda frame: isinstance(frame, EndFrame))
        assert other.call('info')['processes'] == 1


def test_info_of_something_is_a_clear_error(daemon: Daemon) -> None:
    with Caller(daemon) as caller:
        assert_clear(caller.call('info', 'web'), '"info"', '"web"')
