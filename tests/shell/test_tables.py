"""Tables for people, and asking before removing; some of it in a real terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest
from conftest import Daemon, wait_until

from papa import Papa
from papa.errors import BadRequest
from papa.line import units
from papa.line.calls import call
from papa.line.grammar import parse
from papa_shell import confirm, removing, tables
from papa_shell.confirm import agreed
from papa_shell.formats import Result
from papa_shell.removing import goes_on, needs_asking, question
from papa_shell.screen import cells
from papa_shell.session import Session

from .conftest import Shell
from .terminals import Terminal

RUNNING = {'pid': 5, 'running': True, 'started': 100.0, 'buffered': 0, 'dropped': 0, 'args': ['sh', '-c', 'a b']}
ENDED = {'pid': 6, 'running': False, 'started': 100.0, 'ended': 162.0, 'exit_code': 3, 'buffered': 2048, 'dropped': 5,
         'args': ['x\x1b[1m']}


def drawn(kind: str, data: object, **how: object) -> list[str]:
    text = tables.table(Result(kind, data), terminal=False, now=100 + 3600 * 25.0, width=100, **how)  # type: ignore
    return [line.rstrip() for line in text.decode().splitlines()]


def test_processes() -> None:
    assert drawn('processes', {'web.1': RUNNING}) == [
        'NAME   PID  STATE    UP     COMMAND', "web.1    5  running  1d 1h  sh -c 'a b'",
    ]
    table = drawn('processes', {'web.1': RUNNING, 'job': ENDED})
    assert table[0].split() == ['NAME', 'PID', 'STATE', 'UP', 'UNREAD', 'LOST', 'COMMAND']
    assert table[1].split()[:8] == ['job', '6', 'ended', 'with', '3', '1m', '2s', '2.0']
    assert "$'x\\\\e[1m'" in table[1]


def test_sockets_values_and_records() -> None:
    sockets = {'a': {'family': 'inet', 'type': 'stream', 'host': '::1', 'port': 5, 'backlog': 5, 'fileno': 7}}
    assert drawn('sockets', sockets)[1].split() == ['a', '[::1]:5', 'inet', 'stream', '5', '7']
    assert drawn('values', {'b': '2\n\x1b]0;x\x07', 'a': '[red]'})[1:] == ['a     [red]', 'b     2\\n\\x1b]0;x\\x07']
    assert drawn('values', {'x\u202e': 'a\u200b'})[1:] == ['x\\u202e  a\\u200b']
    assert drawn('record', {'uptime': 61.0, 'memory': 3 * 1024**2, 'previous_version': None}) == [
        'uptime            1m 1s', 'memory            3.0 MB', 'previous_version',
    ]


LONG_PATH = '/run/' + 'deep/' * 20 + 'socket'
WIDTHS = (40, 60, 80, 100, 160, 200)


def at_width(kind: str, data: object, width: int) -> list[str]:
    lines = tables.table(Result(kind, data), terminal=False, now=1000.0, width=width).decode().splitlines()
    assert max(map(cells, lines)) <= width
    return lines


@pytest.mark.parametrize('width', WIDTHS)
def test_names_pids_and_states_are_whole_at_any_width(width: int) -> None:
    command = ['/usr/bin/python3', '-m', 'gunicorn', 'x' * 150]
    data = {
        f'application.web.server.{number}': {**ENDED, 'pid': 4000000 + number, 'exit_code': -15, 'args': command}
        for number in (10, 2)
    }
    header, *lines = at_width('processes', data, width)
    starts = [line for line in lines if '40000' in line]
    assert ['4000002' in starts[0], '4000010' in starts[1]] == [True, True]
    assert all('ended by SIGTERM' in line for line in starts)
    names = ''.join(line.split(' ')[0] for line in lines)
    assert names == 'application.web.server.2application.web.server.10'
    assert ('COMMAND' in header) == (width >= 100)
    assert [line.endswith('…') for line in starts] == [width >= 100] * 2
    assert ('UNREAD' in header, 'LOST' in header) == (width >= 80, width >= 60)


@pytest.mark.parametrize('width', WIDTHS)
def test_addresses_are_whole_at_any_width(width: int) -> None:
    port = {'family': 'inet', 'type': 'stream', 'host': '::1', 'port': 5, 'backlog': 5, 'fileno': 7}
    path = {'family': 'unix', 'type': 'stream', 'path': LONG_PATH, 'backlog': 5, 'fileno': 17}
    header, *lines = at_width('sockets', {'web.admin': path, 'web.1': port}, width)
    assert lines[0].startswith('web.1')
    assert '[::1]:5' in lines[0]
    address = header.index('ADDRESS')
    end = address + max(len(line[address:].split(' ')[0]) for line in lines)
    assert ''.join(line[address:end].strip() for line in lines[1:]) == LONG_PATH


@pytest.mark.parametrize('width', WIDTHS)
def test_what_is_cut_of_a_value_is_seen(width: int) -> None:
    values = {'a': 'b', 'long.name.of.a.value': 'x ' * 150, 'wide': '日本' * 60}
    _, short, long, wide = at_width('values', values, width)
    assert short.split() == ['a', 'b']
    assert long.startswith('long.name.of.a.value  x x')
    assert (long[-1], wide[-1]) == ('…', '…')


def test_sizes_and_ages() -> None:
    assert [units.size(count) for count in (0, 1023, 1536, 10239, 20480, 1024**2 - 1, 5 * 1024**4)] == [
        '0 B', '1023 B', '1.5 KB', '10 KB', '20 KB', '1.0 MB', '5.0 TB',
    ]
    assert [units.age(seconds) for seconds in (-1, 0.5, 59, 3600, 90061)] == ['0s', '0s', '59s', '1h 0m', '1d 1h']


def test_a_table_where_no_terminal_is(shell: Shell, papa: Papa) -> None:
    papa.set('x', '1')
    assert shell('list', 'values', '-o', 'table').stdout.split() == ['NAME', 'VALUE', 'x', '1']


def test_the_question() -> None:
    assert question('processes', ['a'], 80, 24) == 'Remove 1 process: a? [y/N] '
    assert question('sockets', ['a', 'b\x1b'], 80, 24) == 'Remove 2 sockets: a, b\\x1b? [y/N] '
    assert question('values', [str(n) for n in range(30)], 200, 2).endswith(' 28, 29? [y/N] ')
    assert question('values', [str(n) for n in range(30)], 40, 1).endswith(' more? [y/N] ')
    text = question('values', [f'name.{n}' for n in range(10_000)], 80, 24)
    assert text.endswith(' more? [y/N] ')
    assert len(text.splitlines()) == 23
    assert all(len(line) <= 80 for line in text.splitlines())
    assert [agreed(text) for text in ('y\n', 'YES\n', '', 'n', 'yeah')] == [True, True, False, False, False]


def test_what_goes_on() -> None:
    assert goes_on({'p': 12}) == 'p goes on, and nothing of it is recorded any more; to end it: kill 12'
    assert goes_on({'a': 1, 'b': 2}) == 'a, b go on, and nothing of them is recorded any more; to end them: kill 1 2'
    assert goes_on({str(n): n for n in range(30)}).endswith('; to end them: kill PID...')


def test_a_process_that_is_not_recorded() -> None:
    result = Result('processes', {'p': {**RUNNING, 'recorded': False}})
    shown = tables.table(result, terminal=False, now=160.0, width=80)
    assert 'running, not recorded  1m' in shown.decode()


def test_who_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}
    for text in ('remove sockets', 'remove processes a*', 'remove processes a', 'remove sockets -y', 'list sockets'):
        line = parse(text)
        assert line is not None
        for terminal in (True, False):
            monkeypatch.setattr(os, 'isatty', lambda _fd, terminal=terminal: terminal)
            asked[text, terminal] = needs_asking(line, line.flags)
    assert [key for key, value in asked.items() if value] == [('remove sockets', True), ('remove processes a*', True)]


def test_removing_asks_and_removes_what_it_showed(terminal: Callable[..., Terminal], papa: Papa) -> None:
    for name in ('a.1', 'a.2', 'b'):
        papa.make_process(name, 'sleep', '100')
    run = terminal('remove', 'processes', 'a.*')
    run.read_until('Remove 2 processes: a.1, a.2? [y/N] ')
    papa.set('x', 'something meanwhile')
    run.type('n\n')
    assert run.end() == 1
    assert 'Nothing was removed' in run.said
    papa.make_socket('a.1')
    papa.make_socket('a.2')
    run = terminal('remove', 'sockets', 'a.*')
    run.read_until('[y/N] ')
    papa.make_socket('a.3')
    papa.remove_sockets('a.1')
    run.type('y\n')
    assert run.end() == 0
    assert list(papa.list_sockets()) == ['a.3']
    run = terminal('remove', 'sockets', '-y')
    assert run.end() == 0
    assert papa.list_sockets() == {}


@pytest.mark.parametrize('kind', ['processes', 'sockets', 'values'])
def test_what_took_a_name_during_the_question_is_left_alone(
    terminal: Callable[..., Terminal], papa: Papa, kind: str
) -> None:
    def make(name: str, text: str) -> None:
        if kind == 'processes':
            papa.make_process(name, 'sleep', text)
        elif kind == 'sockets':
            papa.make_socket(name, path=f'{papa.endpoint}.{name}', backlog=int(text))
        else:
            papa.set(name, text)

    make('a.1', '100')
    make('a.2', '100')
    run = terminal('remove', kind, 'a.*')
    run.read_until('[y/N] ')
    if kind == 'processes':
        os.kill(papa.list_processes('a.1')['a.1']['pid'], 9)
        with papa.watch_processes('a.1') as watcher:
            while watcher:
                watcher.read()
    elif kind == 'sockets':
        papa.remove_sockets('a.1')
    make('a.1', '101')
    run.type('y\n')
    assert run.end() == 1
    assert 'a.1 is not what it was when this was asked: it is left alone' in run.said
    left = getattr(papa, f'list_{kind}')('a.1')
    if kind == 'processes':
        assert left['a.1']['recorded']
        pid = papa.list_processes()['a.2']['pid']
        assert f'to end it: kill {pid}\r\n' in run.said
    else:
        assert left
        assert not getattr(papa, f'list_{kind}')('a.2')


def test_another_kernel_since_the_question(
    start_daemon: Callable[..., Daemon], terminal: Callable[..., Terminal], daemon: Daemon, papa: Papa
) -> None:
    path = f'{daemon.where}.a'
    papa.make_socket('a', path=path)
    run = terminal('remove', 'sockets')
    run.read_until('[y/N] ')
    daemon.stop()
    second = start_daemon(port_or_path=daemon.where)
    with second.connect() as other:
        other.make_socket('a', path=path)  # the same in all that is seen of it
        run.type('y\n')
        assert run.end() == 1
        assert f'Another kernel is at {daemon.where} (PID {second.pid})' in run.said
        assert run.said.endswith('Nothing was removed\r\n')
        assert list(other.list_sockets()) == ['a']


def test_a_long_question_breaks_between_words(terminal: Callable[..., Terminal], papa: Papa) -> None:
    for number in range(30):
        papa.set(f'name.of.a.value.{number}', 'x')
    run = terminal('remove', 'values', 'name*')
    run.read_until('[y/N] ')
    run.type('n\n')
    run.end()
    lines = run.said.replace('\r', '').splitlines()
    assert lines[0].startswith('Remove 30 values: name.of.a.value.0, ')
    assert len(lines) > 3
    assert all(len(line) <= 80 for line in lines)


def test_who_does_not_see_errors_is_asked_all_the_same(daemon: Daemon, papa: Papa) -> None:
    papa.set('x.1', '1')
    script = f'{sys.executable} -m papa_shell remove values "x.*" 2>/dev/null'
    run = Terminal(daemon.where, command=['sh', '-c', script])
    try:
        run.read_until('Remove 1 value: x.1? [y/N] ')
        assert papa.get('x.1') == '1'
        run.type('n\n')
        assert run.end() == 1
        assert papa.get('x.1') == '1'
    finally:
        run.kill()


def test_who_cannot_be_asked_has_to_say_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirm, '_TERMINAL', '/nowhere')
    monkeypatch.setattr(os, 'isatty', lambda fd: fd == 0)
    line = parse('remove values x.*')
    assert line is not None

    class Holder(Session):
        def listed(self, *_: object) -> dict[str, str]:
            return {'x.1': '1'}

        def kernel(self, *_: object) -> tuple[int, float]:
            return 1, 1.0

    made = call(line)
    assert made is not None
    with pytest.raises(BadRequest, match='-y'):
        removing.remove(Holder(), line, made, {})


def test_what_a_terminal_shows(terminal: Callable[..., Terminal], papa: Papa) -> None:
    papa.set('x', 'a\x1b[2Jb')
    run = terminal('list', 'values')
    assert run.end() == 0
    assert '\x1b[1m' in run.said
    assert 'NAME' in run.said
    assert '\x1b[2J' not in run.said
    run = terminal('list', 'values', NO_COLOR='1')
    run.end()
    assert '\x1b[3' not in run.said
    run = terminal('get', 'x')
    assert run.end() == 0
    assert run.said == 'a\\x1b[2Jb\r\n'


def test_watching_in_a_terminal(terminal: Callable[..., Terminal], papa: Papa) -> None:
    papa.make_process('web', 'sh', ['-c', 'printf "\\033[2Jhello\\n"; exit 3'])
    run = terminal('watch', 'processes', NO_COLOR='1')
    assert run.end() == 0
    assert 'This takes the output' in run.said
    assert ' web │ \\x1b[2Jhello\r\n' in run.said
    assert ' web ended with 3\r\n' in run.said
    wait_until(lambda: not papa.list_processes())


def test_the_prompt_says_what_it_needs(daemon: Daemon) -> None:
    run = Terminal(daemon.where, command=[sys.executable, '-S', '-m', 'papa_shell'])
    assert run.end() == 1
    assert run.said.startswith('papa-shell: ')
    assert "pip install 'papa[shell]'" in run.said
    assert run.said.count('\n') == 1
