"""From a line to a call of the client."""

from __future__ import annotations

import inspect
import socket
from typing import Any

import pytest

from papa import DEVNULL, STDOUT, Papa, commands
from papa.client import calls as client_calls
from papa.line.calls import Call, call
from papa.line.grammar import parse


def made(text: str, value: str | None = None) -> Call:
    line = parse(text)
    assert line is not None
    found = call(line, value)
    assert found is not None
    return found


@pytest.mark.parametrize(('text', 'method', 'arguments', 'keywords'), [
    ('list sockets 7 web.*', 'list_sockets', ('7', 'web.*'), {}),
    ('remove processes', 'remove_processes', (), {}),
    ('make socket x type=dgram family=inet6 port=1 reuseport=0', 'make_socket', ('x',),
     {'socket_type': 'dgram', 'family': 'inet6', 'port': 1, 'reuseport': False}),
    ('make process x stdout=0 stderr=stdout bufsize=64k umask=027 overflow=block uid=1 working_dir=/ sh -c x',
     'make_process', ('x', 'sh', ['-c', 'x']),
     {'stdout': DEVNULL, 'stderr': STDOUT, 'bufsize': 65536, 'umask': 0o27, 'overflow': 'block', 'uid': '1',
      'working_dir': '/'}),
    ('make process x env.A=b env.C= rlimit.NOFILE=5 rlimit.cpu=unlimited sh', 'make_process', ('x', 'sh', []),
     {'env': {'A': 'b', 'C': ''}, 'rlimits': {'nofile': 5, 'cpu': -1}}),
    ('make process x env=empty watch=1 sh', 'make_process', ('x', 'sh', []), {'env': {}, 'watch_immediately': True}),
    ('set x a b', 'set', ('x', 'a b'), {}),
    ("set x ''", 'set', ('x', ''), {}),
    ('set x', 'set', ('x', None), {}),
    ('compare-and-set x value=a=b', 'set', ('x', 'a=b'), {'expected': None}),
    ('compare-and-set x expected=', 'set', ('x', None), {'expected': ''}),
    ('watch processes', 'watch_processes', (), {}),
    ('watch processes --follow web.*', 'watch_processes', ('web.*',), {'follow': True}),
    ('watch processes --peek --last 1k', 'watch_processes', (), {'peek': True, 'last': 1024}),
    ('peek processes last=5 x', 'watch_processes', ('x',), {'peek': True, 'last': 5}),
    ('watch processes since=id-1:7 -- x', 'watch_processes', ('x',), {'since': {'id-1': ('id-1', 7)}}),
    ('acknowledge x 5 id', 'acknowledge_output', ('x', 5, 'id'), {}),
    ('changes every=0.5 values', 'changes', ('values',), {'every': 0.5}),
    ('info', 'kernel_info', (), {}),
    ('upgrade python=/p', 'upgrade', (), {'python': '/p'}),
    ('exit-if-idle', 'exit_if_idle', (), {}),
])
def test_calls(text: str, method: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    found = made(text)
    assert (found.method, found.arguments, found.keywords) == (method, arguments, keywords)
    inspect.signature(getattr(Papa, method)).bind(None, *arguments, **keywords)
    builder = getattr(client_calls, {'watch_processes': 'watch_processes'}.get(method, method))
    builder(*arguments, **keywords)  # the client takes them


def test_the_value_of_a_file() -> None:
    assert made('set --file - x', 'text\n').arguments == ('x', 'text\n')


def test_every_command_but_two_has_a_call() -> None:
    enough = {'make process': 'x sh', 'acknowledge': 'x 1', 'info': '', 'exit-if-idle': '', 'quit': '', 'upgrade': '',
              'help': '', 'changes': ''}
    for command in commands.COMMANDS:
        line = parse(f'{command.name} {enough.get(command.name, "x")}')
        assert line is not None
        assert (call(line) is None) == (command.name in ('help', 'quit'))


def test_what_may_be_sent_again() -> None:
    reading = {name for name in ('list values', 'get x', 'info', 'changes', 'peek processes', 'watch processes --peek',
                                 'watch processes', 'set x', 'remove sockets x', 'acknowledge x 1', 'upgrade',
                                 'exit-if-idle', 'make socket x') if made(name).reads}
    assert reading == {'list values', 'get x', 'info', 'changes', 'peek processes', 'watch processes --peek'}


def test_what_may_start_a_kernel() -> None:
    assert [made(text).makes for text in ('make socket x', 'make process x sh', 'set x 1', 'compare-and-set x')] == [
        True] * 4
    assert not any(made(text).makes for text in ('get x', 'list values', 'remove sockets', 'upgrade', 'exit-if-idle'))


def test_streams() -> None:
    assert all(made(text).streams for text in ('watch processes', 'peek processes', 'changes',
                                               'make process x watch=1 sh'))
    assert not made('make process x sh').streams
    assert socket.AF_INET  # the client takes the names of families as well as its constants
