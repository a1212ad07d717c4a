"""Changes as people read them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from conftest import wait_until
from hypothesis import given
from hypothesis import strategies as st

from papa import Papa
from papa.events import Change
from papa_shell.changes import rows
from papa_shell.narrator import Narrator
from papa_shell.screen import cells

from .terminals import Terminal

NOW = 1_700_000_000.0
CLOCK = time.strftime('%H:%M:%S', time.localtime(NOW))
PROCESS = {'pid': 7, 'running': True, 'started': NOW - 65, 'args': ['sh', '-c', "echo 'a b'"]}
ENDED = {**PROCESS, 'running': False, 'exit_code': 3, 'ended': NOW - 60}
SOCKET = {'host': '127.0.0.1', 'port': 80, 'type': 'stream'}


def narrator(*, colour: bool = False, width: int = 200) -> Narrator:
    return Narrator(colour=colour, width=lambda: width, today=time.localtime(NOW))


def told(change: str, kind: str, name: str, details: dict[str, Any], **how: Any) -> list[str]:
    text = narrator(**how).show(Change(change, kind, name, details), NOW).decode()
    assert text.endswith('\n')
    return [line.removeprefix(CLOCK + ' ') for line in text.splitlines()]


@pytest.mark.parametrize(('change', 'kind', 'details', 'words'), [
    ('made', 'process', PROCESS, """made, pid 7: sh -c "echo 'a b'\""""),
    ('exited', 'process', ENDED, 'ended with 3 after 5s'),
    ('exited', 'process', {**ENDED, 'exit_code': -15}, 'ended by SIGTERM after 5s'),
    ('exited', 'process', {**ENDED, 'exit_code': -64}, 'ended by SIGRTMAX after 5s'),
    ('exited', 'process', {**ENDED, 'exit_code': -50}, 'ended by signal 50 after 5s'),
    ('changed', 'process', PROCESS, 'removed while it runs: its output is not kept any more'),
    ('removed', 'process', ENDED, 'removed'),
    ('made', 'socket', SOCKET, 'made at 127.0.0.1:80'),
    ('made', 'socket', {**SOCKET, 'type': 'dgram', 'host': '::1'}, 'made at [::1]:80 (dgram)'),
    ('removed', 'socket', SOCKET, 'removed'),
    ('made', 'value', {'size': 3, 'value': 'a b'}, 'set to a b'),
    ('changed', 'value', {'size': 3, 'value': 'a\n\tb\x1b[2J'}, 'set to a\\n\\tb\\x1b[2J'),
    ('changed', 'value', {'size': 0, 'value': ''}, "set to ''"),
    ('changed', 'value', {'size': 5120, 'preview': 'beginning'}, 'set to 5.0 KB: beginning…'),
    ('removed', 'value', {'size': 3, 'value': 'a b'}, 'removed'),
    ('painted', 'value', {}, 'painted'),
])
def test_what_happened(change: str, kind: str, details: dict[str, Any], words: str) -> None:
    assert told(change, kind, 'x.1', details) == [f'{kind:7} x.1 {words}']


def test_what_there_is() -> None:
    details = {
        'sockets': {'web': SOCKET}, 'values': {},
        'processes': {'web.10': PROCESS, 'web.2': {**ENDED, 'exit_code': 0}, 'web.11': {**PROCESS, 'recorded': False}},
    }
    people = narrator()
    lines = people.show(Change('snapshot', '', '', details), NOW).decode().splitlines()
    assert [line.removeprefix(CLOCK + ' ') for line in lines] == [
        'The kernel holds 1 socket, 0 values and 3 processes',
        'socket  web 127.0.0.1:80',
        """process web.2 ended with 0 after 5s: sh -c "echo 'a b'\"""",
        """process web.10 runs since 1m 5s, pid 7: sh -c "echo 'a b'\"""",
        """process web.11 runs since 1m 5s, not recorded, pid 7: sh -c "echo 'a b'\"""",
    ]
    again = people.show(Change('snapshot', '', '', {'values': {}}), NOW).decode()
    assert again == f'{CLOCK} So much happened that it cannot be told. The kernel holds 0 values\n'


def test_kinds_that_only_a_newer_kernel_knows_are_left_out() -> None:
    more = Change('snapshot', '', '', {'timers': {'t': {'every': 5}}, 'values': {'v': {'size': 1, 'value': '1'}}})
    assert told(*more) == ['The kernel holds 1 value', 'value   v is 1']
    assert list(rows(more)) == [['snapshot', 'value', 'v', 'size=1 value=1']]
    assert told('snapshot', '', '', {'timers': {}}) == ['The kernel holds nothing that is known here']
    assert told('made', 'timer', 't', {'every': 5}) == ['timer   t made']


def test_counters_and_an_upgrade() -> None:
    moved = {'b': {'captured': 2048, 'buffered': 5}, 'a': {'dropped': 10, 'watchers': 1}, 'c': {'dropped': 2}}
    assert told('counters', 'process', '', moved) == [
        'process a 10 B lost, 1 watcher', 'process b 2.0 KB captured, 5 B unread', 'process c 2 B lost',
    ]
    details = {'version': '2.1', 'previous_version': '2.0', 'upgrades': 1}
    assert told('upgraded', 'kernel', 'papa', details) == ['papa upgraded: 2.1, it was 2.0']


def test_colours() -> None:
    people = narrator(colour=True)
    first = people.show(Change('made', 'process', 'a', PROCESS), NOW).decode()
    assert '\x1b[36ma\x1b[0m \x1b[32mmade\x1b[0m, pid' in first
    assert '\x1b[31mended with 3\x1b[0m' in people.show(Change('exited', 'process', 'a', ENDED), NOW).decode()
    assert '\x1b[32mb\x1b[0m' in people.show(Change('removed', 'process', 'b', ENDED), NOW).decode()
    again = people.show(Change('removed', 'value', 'a', {}), NOW).decode()
    assert '\x1b[36ma\x1b[0m \x1b[33mremoved\x1b[0m\n' in again


@given(st.text(max_size=60), st.integers(1, 60), st.booleans())
def test_any_value_fits_and_is_harmless(text: str, width: int, colour: bool) -> None:
    change = Change('changed', 'value', 'name', {'size': 1, 'value': text})
    line = narrator(colour=colour, width=width).show(change, NOW).decode()
    assert line.count('\n') == 1
    bare = re.sub(r'\x1b\[\d+m', '', line[:-1])
    assert cells(bare) <= width
    assert not set(bare) & {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))}


def test_in_a_terminal(terminal: Callable[..., Terminal], papa: Papa) -> None:
    run = terminal('changes', NO_COLOR='1', COLUMNS='70')
    run.read_until('The kernel holds 0 sockets, 0 values and 0 processes\r\n')
    papa.set('x', 'a\x1b]0;title\x07' + 'long' * 50)
    run.read_until('…\r\n')
    papa.make_process('p', 'sh', ['-c', 'kill -9 $$'])
    run.read_until("process p made, pid ")
    run.read_until('process p ended by SIGKILL after 0s\r\n')
    assert '\x1b' not in run.said
    assert all(len(line) <= 70 for line in run.said.splitlines())
    run.type('\x03')
    wait_until(run.has_ended)
    assert run.status == 130
    assert '^C' not in run.said
    coloured = terminal('changes', 'values')
    coloured.read_until('\x1b[36mx\x1b[0m')
    coloured.type('\x04')
    assert coloured.end() == 0
