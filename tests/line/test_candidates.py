"""What may come next."""

from __future__ import annotations

import time
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from papa.events import Change
from papa.line.candidates import MOST, Candidates, Typed, candidates, matching
from papa.line.grammar import parse
from papa.line.snapshot import NameList, Names, note, process_note, socket_note, value_note
from papa.line.system import NoSystem, System
from papa.names import natural


class FakeSystem(NoSystem):
    def users(self) -> list[str]:
        return ['alice', 'root']

    def groups(self) -> list[str]:
        return ['staff']

    def limits(self) -> list[str]:
        return ['cpu', 'nofile']

    def interfaces(self) -> list[str]:
        return ['lo']

    def variables(self) -> list[str]:
        return ['PATH']

    def programs(self) -> list[str]:
        return ['sh', 'sleep', 'true']

    def entries(self, folder: str) -> list[tuple[str, bool]]:
        return {
            '/': [('.hidden', False), ('run', True), ('a b', False)], '/run/': [('x.sock', False)],
            '': [('here', False)],
        }.get(folder, [])


def held() -> Names:
    names = Names()
    names.processes.replace(
        {'web.1': '11 running', 'web.2': '12 running', 'job': '13 ended with 0'},
        {'web.1': '11', 'web.2': '12', 'job': '13'},
    )
    names.sockets.replace({'web': '127.0.0.1:80', 'web.two': '/run/two'}, {'web': '7', 'web.two': '8'})
    names.values.replace({'name with space': 'x', 'note': 'hello'})
    return names


def find(text: str) -> Candidates:
    return candidates(text, len(text), held(), FakeSystem())


def texts(text: str) -> list[str]:
    return [item.text for item in find(text).items]


def completed(text: str) -> list[str]:
    """The line that each candidate makes of this."""
    return [text[: item.start] + item.text for item in find(text).items]


@pytest.mark.parametrize(('text', 'lines'), [
    ('l', ['list processes', 'list sockets', 'list values']),
    ('l p', ['list processes']),
    ('L P', ['list processes']),
    ('  l p', ['  list processes']),
    ('-o json l p', ['-o json list processes']),
    ('list ', ['list processes', 'list sockets', 'list values']),
    ('list processes', ['list processes']),
    ('w', ['watch processes']),
    ('s', ['set']),
    ('p', ['peek processes']),
    ('exi', ['exit', 'exit-if-idle']),
    ('e', ['exit']),
    ('u', []),
    ('upg', ['upgrade']),
    ('zzz', []),
    ('l z', []),
    ('h l p', ['h list processes']),
    ('help make p', ['help make process']),
])
def test_command_words(text: str, lines: list[str]) -> None:
    assert completed(text) == lines


def test_the_beginning_shows_all_commands_but_those_that_must_be_written() -> None:
    found = texts('')
    assert 'list processes' in found
    assert not {'exit-if-idle', 'upgrade'} & set(found)


@pytest.mark.parametrize(('text', 'found'), [
    ('l p ', ['job', 'web.1', 'web.2']),
    ('list processes w', ['web.1', 'web.2', 'w*']),
    ('list processes job w', ['web.1', 'web.2', 'w*']),
    ('list processes web.1 w', ['web.2']),
    ('list processes web.*', ['web.*']),
    ('list processes -o json j', ['job']),
    ('list processes 1', ['11', '12', '13']),
    ('l s 8', ['8']),
    ('r v ', ["'name with space'", 'note']),
    ("get 'na", ["'name with space'"]),
    ('get n', ["'name with space'", 'note']),
    ('get note ', []),
    ('set n', ["'name with space'", 'note']),
    ('set note ', []),
    ('acknowledge w', ['web.1', 'web.2']),
    ('acknowledge web.1 ', []),
    ('w p --follow j', ['job']),
    ('w p follow=1 -- j', ['job']),
    ('peek processes last=1 -- j', ['job']),
    ('get x | ', []),
    ('get x | s', ['sh', 'sleep']),
    ('get x |s', []),
    ('get x | sh; sl', ['sleep']),
    ('get x | sh sl', []),
    ('get x | sh /run/', ['/run/x.sock']),
    ('get x | sh >/run/', ['/run/x.sock']),
    ('get x | /', ['/run/']),
    ("get x | sh 's", []),
    ('# l', []),
])
def test_names(text: str, found: list[str]) -> None:
    assert texts(text) == found


@pytest.mark.parametrize(('text', 'found'), [
    ('m s x fam', ['family=']),
    ('m s x family=', ['family=inet', 'family=inet6', 'family=unix']),
    ('m s x family=unix path=/r', ['path=/run/']),
    ('m s x path=/a', ["'path=/a b'"]),
    ('m s x path=/run/', ['path=/run/x.sock']),
    ('m s x interface=', ['interface=lo']),
    ('m s ', []),
    ('make process x uid=a', ['uid=alice']),
    ('make process x gid=', ['gid=staff']),
    ('make process x rlimit.', ['rlimit.cpu=', 'rlimit.nofile=']),
    ('make process x rlimit.n', ['rlimit.nofile=']),
    ('make process x env.', ['env.PATH=']),
    ('make process x working_dir=/', ['working_dir=/run/']),
    ('make process x sl', ['sleep']),
    ('make process x s', ['stdout=', 'stderr=', 'sh', 'sleep']),
    ('make process x uid=root -- s', ['sh', 'sleep']),
    ('make process x /', ['/run/', "'/a b'"]),
    ('make process x sh /run/', ['/run/x.sock']),
    ('make process x sh u', []),
    ('make process x -o ', []),
    ('make process -o j', ['json', 'jsonl']),
    ('changes v', ['values']),
    ('changes e', ['every=']),
    ('compare-and-set note e', ['expected=']),
    ('upgrade p', ['python=']),
    ('upgrade python=/run/', ['python=/run/x.sock']),
])
def test_options_programs_and_files(text: str, found: list[str]) -> None:
    assert texts(text) == found


@pytest.mark.parametrize(('text', 'found'), [
    ('make process x sh $', ['$(socket.']),
    ('make process x sh fd://$(so', ['fd://$(socket.']),
    ('make process x sh $(socket.web.t', ['$(socket.web.two.fileno)', '$(socket.web.two.port)']),
    ('make process x sh $(socket.web.f', ['$(socket.web.fileno)']),
    ('make process x sh $(socket.', ['$(socket.web.fileno)', '$(socket.web.port)', '$(socket.web.two.fileno)',
                                     '$(socket.web.two.port)']),
    ('make process x sh $(socket.web.port):$(socket.web.p', ['$(socket.web.port):$(socket.web.port)']),
    ('make process x $(socket.web.p', ['$(socket.web.port)']),
])
def test_placeholders(text: str, found: list[str]) -> None:
    assert texts(text) == found


@pytest.mark.parametrize(('text', 'found'), [
    ('-o ', ['table', 'plain', 'json', 'jsonl']),
    ('--output=js', ['--output=json', '--output=jsonl']),
    ('set --file h', ['here']),
    ('set note --fi', ['--file']),
    ('set note -', []),
    ('set note --file h', ['here']),
    ('set note --file=h', ['--file=here']),
    ('set note a --fi', []),
    ('set note --file here x', []),
    ('get --r', ['--raw']),
    ('list processes --r', []),
    ('watch processes --no', ['--no-autostart', '--no-pager', '--no-follow']),
    ('make process x --no', []),
    ('list processes -- -', []),
    ('watch processes --last ', []),
    ('make socket -- web fam', ['family=']),
    ('make socket -- web family=inet6 backl', ['backlog=']),
])
def test_options_of_the_shell(text: str, found: list[str]) -> None:
    assert texts(text) == found


def test_notes_and_kinds() -> None:
    first = find('l p web.1').items[0]
    assert (first.note, first.kind, first.final) == ('11 running', 'name', True)
    wildcard = find('l p web.').items[-1]
    assert (wildcard.text, wildcard.note, wildcard.kind) == ('web.*', '2 processes', 'wildcard')
    assert find('l p zzz*').items[0].note == '0 processes'
    assert find('r s web.t*').items[0].note == '1 socket'
    number = find('l p 11').items[0]
    assert (number.note, number.kind) == ('web.1: 11 running', 'number')
    assert not find('m s x fam').items[0].final
    assert [item.final for item in find('make process x /').items] == [False, True]


@pytest.mark.parametrize(('text', 'expected'), [
    ('l p w', ''), ('l p web.*', '2 processes'), ('w p follow=1 -- web.*', '2 processes'), ('l', ''),
    ('l p web.* ', '2 processes'), ('l p web.* w* job', '3 processes'), ('l p web.* web.1', '2 processes'),
    ('r v zzz*', '0 values'), ('l p *', '3 processes'), ('peek processes j* | head', '1 process'), ('get w*', ''),
    ('make process x w*', ''), ('# l p *', ''),
])
def test_how_many_the_wildcards_match(text: str, expected: str) -> None:
    assert matching(text, held()) == expected


def test_the_cursor_may_stand_anywhere() -> None:
    found = candidates('l p web.2', 3, held(), FakeSystem())
    assert [(item.start, item.text) for item in found.items] == [(0, 'list processes')]


def test_a_chosen_candidate_can_be_parsed() -> None:
    for text in ('l p ', 'get n', 'make process x uid=root -- s', 'm s x path=/a'):
        for line in completed(text):
            assert parse(line) is not None


@example('| s', 5)
@given(st.text('lp ws-o=.*$(\'"|#1/', max_size=20), st.integers(0, 20))
def test_whatever_is_typed_there_is_an_answer(text: str, cursor: int) -> None:
    for item in candidates(text, cursor, held(), FakeSystem()).items:
        assert 0 <= item.start <= min(cursor, len(text))


def typed(*words: str) -> list[str]:
    return [item.text for item in Typed(words[:-1], words[-1]).candidates(held(), FakeSystem())]


@pytest.mark.parametrize(('words', 'found'), [
    (('l',), ['list']),
    (('l', 'p'), ['processes']),
    (('LIST', 'P'), ['processes']),
    (('-o', 'json', 'l', ''), ['processes', 'sockets', 'values']),
    (('l', '-o', 'json', 'p'), ['processes']),
    (('help', 'm'), ['make']),
    (('help', 'm', 'p'), ['process']),
    (('h', 'l', 'p', ''), []),
    (('ex',), []),
    (('exi',), ['exit-if-idle']),
    (('l', 'p', 'w'), ['web.1', 'web.2']),
    (('l', 'p', '--', 'w'), ['web.1', 'web.2']),
    (('l', 'p', '1'), ['11', '12', '13']),
    (('get', 'na'), ['name with space']),
    (('get', "'na"), []),
    (('set', '|', ''), []),
    (('get', '#'), []),
    (('make', 'socket', 'x', 'path=/a'), ['path=/a b']),
    (('make', 'process', 'x', 'sh', '$(socket.web.f'), ['$(socket.web.fileno)']),
    (('-o', 'js'), ['json', 'jsonl']),
    (('--output=js',), ['--output=json', '--output=jsonl']),
    (('--print-completion', 'f'), ['fish']),
    (('--k',), ['--keep-going']),
    (('get', '--k'), []),
    (('get', '--r'), ['--raw']),
    (('set', 'x', '--f'), []),
])
def test_words_of_another_shell(words: tuple[str, ...], found: list[str]) -> None:
    assert typed(*words) == found


def test_notes_and_options_for_another_shell() -> None:
    found = Typed(['-p', '80', '--unix-socket=/x', '--timeout', '5'], '')
    assert found.given == {'port': '80', 'unix_socket': '/x', 'timeout': '5'}
    notes = {item.text: item.note for item in found.candidates(held(), FakeSystem())}
    assert notes['list'] == 'processes, sockets, values'
    assert notes['get'] == 'show a value'
    assert Typed(['set', 'x', '-p'], '80').given == {}
    names = Names()
    names.processes.replace({f'web.{n}': '' for n in range(1, 200)})
    items = Typed(['list', 'processes'], 'web').candidates(names, FakeSystem())
    assert [item.text for item in items] == [f'web.{n}' for n in range(1, 200)]


@given(st.lists(st.text('lp ws-o=.*$(\'"|#1/', max_size=6), min_size=1, max_size=4))
def test_whatever_words_there_are_there_is_an_answer(words: list[str]) -> None:
    for item in Typed(words[:-1], words[-1]).candidates(held(), FakeSystem()):
        assert item.text


def test_ten_thousand_names() -> None:
    """At most so many, how many more, and fast: what is measured is the work, not the machine."""
    names = Names()
    names.processes.replace({f'web.{n}': f'{n} running' for n in range(10_000)})

    def best(text: str) -> float:
        times = []
        for _ in range(20):
            start = time.perf_counter()
            candidates(text, len(text), names, FakeSystem())
            times.append(time.perf_counter() - start)
        return min(times)

    found = candidates('l p w', 5, names, FakeSystem())
    assert len(found.items) == MOST
    assert found.more == 10_001 - MOST
    assert (found.items[0].text, found.items[0].note) == ('w*', '10,000 processes')  # where it is seen
    assert [each.text for each in found.items[1:]] == [f'web.{n}' for n in range(MOST - 1)]
    found = candidates('l p web.99', 10, names, FakeSystem())
    assert [each.text for each in found.items[1:14]] == ['web.99', *(f'web.{n}' for n in range(990, 1000)), 'web.9900',
                                                         'web.9901']
    assert candidates('l p ', 4, names, FakeSystem()).more == 10_000 - MOST
    assert best('l p web.') < 0.005


def test_names_follow_changes() -> None:
    names = Names()
    names.apply(Change('snapshot', '', '', {
        'sockets': {'s': {'host': '::1', 'port': 5, 'fileno': 7}}, 'values': {'v': {'size': 1, 'value': 'a\x1b'}},
        'processes': {'p': {'pid': 4, 'running': True}},
    }))
    assert names.sockets.notes == {'s': '[::1]:5'}
    assert names.sockets.by_number == {'7': 's'}
    assert names.values.notes == {'v': 'a\\x1b'}
    assert names.processes.notes == {'p': '4 running'}
    names.apply(Change('made', 'process', 'a', {'pid': 5, 'running': True}))
    names.apply(Change('exited', 'process', 'p', {'pid': 4, 'running': False, 'exit_code': -9}))
    assert list(names.processes.starting('')) == ['a', 'p']
    assert names.processes.notes['p'] == '4 ended by SIGKILL'
    names.apply(Change('counters', 'process', '', {'p': {'captured': 1}}))
    names.apply(Change('upgraded', 'kernel', 'papa', {'upgrades': 1}))
    names.apply(Change('removed', 'process', 'p', {}))
    names.apply(Change('removed', 'process', 'p', {}))
    assert list(names.processes.starting('')) == ['a']
    assert names.processes.by_number == {'5': 'a'}
    names.apply(Change('made', 'process', 'a', {'pid': 6, 'running': True}))
    assert names.processes.by_number == {'6': 'a'}
    names.apply(Change('snapshot', '', '', {'values': {}}))
    assert len(names.values) == 0
    assert len(names.processes) == 1
    names.apply(Change('snapshot', '', '', {'timers': {'t': {'every': 5}}, 'values': {'v': {'value': '1'}}}))
    names.apply(Change('made', 'timer', 't', {'every': 5}))
    assert len(names.values) == 1
    assert note('timers', {'every': 5}) == ''


def test_the_notes() -> None:
    assert socket_note({'path': '/run/x'}) == '/run/x'
    assert socket_note({'host': '127.0.0.1', 'port': 80}) == '127.0.0.1:80'
    assert value_note('x' * 100) == 'x' * 40 + '…'
    assert value_note({'size': 9999, 'preview': 'begin'}) == 'begin'
    assert process_note({'pid': 1, 'running': False, 'exit_code': 2}) == '1 ended with 2'


def test_this_machine() -> None:
    system = System()
    assert 'root' in system.users()
    assert 'nofile' in system.limits()
    assert 'sh' in system.programs()
    assert system.programs() is system.programs()
    assert ('sh', False) in system.entries('/bin/')
    assert system.entries('/no/such/folder/') == []
    assert system.groups()
    assert system.interfaces()


def test_few_names_come_as_people_count() -> None:
    names = Names()
    names.processes.replace(dict.fromkeys(['w.10', 'w.2', 'w.1'], ''))
    found = candidates('l p w', 5, names, NoSystem())
    assert [each.text for each in found.items] == ['w.1', 'w.2', 'w.10', 'w*']
    assert found.common == 'w.'


@given(st.lists(st.text('ab.019', min_size=1, max_size=6), unique=True, max_size=80), st.text('ab.019', max_size=3))
def test_many_names_come_as_people_count(names: list[str], prefix: str) -> None:
    held = NameList()
    held.replace(dict.fromkeys(names[::2], ''))
    for name in names[1::2]:
        held.put(name, '')
    for name in names[::3]:
        held.remove(name)
    wanted = sorted((name for at, name in enumerate(names) if at % 3 and name.startswith(prefix)), key=natural)
    assert list(held.in_order(prefix)) == wanted
    with mock.patch('papa.line.snapshot._FEW', -1):
        assert list(held.in_order(prefix)) == wanted
