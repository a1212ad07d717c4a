"""A bad value for every option: one clear line, and nothing is left behind."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Daemon

from kernel.tools import Talker, assert_clear, children, shell
from papa import DEVNULL, STDOUT, BadRequest, Error, NotFound, SystemFailure

SOCKET_CLIENT: list[tuple[dict[str, Any], str]] = [
    ({'port': 65536}, '65535'), ({'port': -1}, 'port'), ({'port': 'http'}, 'port'), ({'port': True}, 'port'),
    ({'port': 1.5}, 'port'), ({'port': [1]}, 'port'),
    ({'host': ''}, 'host'), ({'host': 'a b'}, 'host'), ({'host': 5.5}, 'host'), ({'host': '1.2.3.4'}, '1.2.3.4'),
    ({'host': '::1'}, '::1'), ({'host': '127.0.0.1', 'family': socket.AF_INET6}, '127.0.0.1'),
    ({'host': 'no.such.host.invalid'}, 'no.such.host.invalid'), ({'host': 'a..b'}, 'a..b'), ({'host': '\0'}, 'host'),
    ({'host': 'x' * 300}, 'xxx'), ({'host': '-n'}, '-n'),
    ({'family': 'ipx'}, 'inet, inet6, unix'), ({'family': 999}, 'family'), ({'family': []}, 'family'),
    ({'family': True}, 'family'), ({'socket_type': 'strean'}, 'stream'), ({'socket_type': 999}, 'socket_type'),
    ({'socket_type': {}}, 'socket_type'), ({'socket_type': socket.SOCK_RDM}, 'rdm'),
    ({'socket_type': socket.SOCK_SEQPACKET}, 'seqpacket'),
    ({'backlog': -1}, 'backlog'), ({'backlog': 'x'}, 'backlog'), ({'backlog': 2**31}, 'backlog'),
    ({'backlog': 5, 'socket_type': socket.SOCK_DGRAM}, 'backlog'),
    ({'path': 'relative'}, 'absolute'), ({'path': ''}, 'path'), ({'path': '/no/such/folder/x'}, '/no/such/folder'),
    ({'path': '/tmp/'}, '/tmp/'), ({'path': '/tmp'}, '/tmp'), ({'path': '/' + 'x' * 200}, 'xxx'),
    ({'path': '/a\0b'}, 'path'), ({'path': 5}, 'path'), ({'path': '/tmp/x', 'port': 5}, 'port'),
    ({'path': '/tmp/x', 'host': '127.0.0.1'}, 'host'), ({'path': '/tmp/x', 'family': socket.AF_INET}, 'path'),
    ({'path': '/tmp/x', 'interface': 'lo'}, 'interface'), ({'path': '/tmp/x', 'reuseport': True}, 'reuseport'),
    ({'path': '/tmp/x', 'socket_type': socket.SOCK_RAW}, 'raw'), ({'path': '/\ud800'}, 'path'),
    ({'family': socket.AF_UNIX}, 'path'),
    ({'path': '/tmp/x', 'umask': 0o1000}, 'umask'), ({'path': '/tmp/x', 'umask': -1}, 'umask'),
    ({'path': '/tmp/x', 'umask': 'rwx'}, 'umask'),
    ({'interface': 'no-such-dev'}, 'no-such-dev'), ({'interface': 'x' * 100}, 'xxx'), ({'interface': ''}, 'interface'),
    ({'interface': 'a b'}, 'interface'), ({'interface': 5.5}, 'interface'), ({'interface': '\ud800'}, 'interface'),
    ({'reuseport': True, 'socket_type': socket.SOCK_DGRAM}, 'datagrams'),
]

PROCESS_CLIENT: list[tuple[dict[str, Any], str]] = [
    ({'uid': -1}, 'uid'), ({'uid': 'no_such_user'}, 'no_such_user'), ({'uid': 2**32}, 'uid'), ({'uid': 1.5}, 'uid'),
    ({'uid': ''}, 'uid'), ({'uid': 'a b'}, 'uid'), ({'uid': '\0'}, 'uid'), ({'uid': 2**32 - 1}, 'uid'),
    ({'uid': 54321}, 'gid'), ({'uid': '\ud800'}, ''), ({'uid': '²'}, '²'),
    ({'gid': -1}, 'gid'), ({'gid': 'no_such_group'}, 'no_such_group'), ({'gid': 2**32}, 'gid'), ({'gid': []}, 'gid'),
    ({'working_dir': 'relative'}, 'working_dir'), ({'working_dir': '/no/such'}, '/no/such'),
    ({'working_dir': '/etc/passwd'}, '/etc/passwd'), ({'working_dir': ''}, 'working_dir'),
    ({'working_dir': 5}, 'working_dir'), ({'working_dir': '/\0'}, 'working_dir'), ({'working_dir': '/\ud800'}, ''),
    ({'working_dir': '/' + 'x' * 5000}, 'working_dir'),
    ({'bufsize': -1}, 'bufsize'), ({'bufsize': '2x'}, 'bufsize'), ({'bufsize': 'm'}, 'bufsize'),
    ({'bufsize': '1.5m'}, 'bufsize'), ({'bufsize': 2**50}, 'bufsize'), ({'bufsize': True}, 'bufsize'),
    ({'bufsize': ''}, 'bufsize'),
    ({'stdout': STDOUT}, 'stdout'), ({'stdout': 7}, 'stdout'), ({'stdout': []}, 'stdout'), ({'stderr': 1.5}, 'stderr'),
    ({'stderr': 'file'}, 'stderr'),
    ({'overflow': 'wait'}, 'drop, block'), ({'overflow': 1}, 'overflow'), ({'overflow': ''}, 'overflow'),
    ({'umask': 0o1000}, 'umask'), ({'umask': '09'}, 'umask'), ({'umask': 1.0}, 'umask'),
    ({'rlimits': {'nofiles': 5}}, 'nofiles'), ({'rlimits': {'nofile': -2}}, 'nofile'), ({'rlimits': {'': 5}}, ''),
    ({'rlimits': {'nofile': 'many'}}, 'nofile'), ({'rlimits': {'nofile': 2**40}}, 'nofile'),
    ({'rlimits': {'nofile': 2**64}}, 'nofile'), ({'rlimits': 5}, 'rlimits'), ({'rlimits': {1: 2}}, 'rlimits'),
    ({'rlimits': {'cpu': 1.5}}, 'cpu'), ({'rlimits': {'a b': 5}}, 'a b'),
    ({'env': 5}, 'env'), ({'env': {'': 'x'}}, 'empty'), ({'env': {'A=B': 'x'}}, '='), ({'env': {'A': None}}, 'A'),
    ({'env': {'A': 'x\0y'}}, 'NUL'), ({'env': {'A\0': 'x'}}, 'env.'), ({'env': {'A': '\ud800'}}, 'env.A'),
    ({'env': ['A=B']}, 'env'), ({'env': {None: 'x'}}, ''),
    ({'executable': '/no/such/program'}, '/no/such/program'), ({'executable': '/tmp'}, '/tmp'),
    ({'executable': '/etc/passwd'}, '/etc/passwd'), ({'executable': ''}, 'executable'),
    ({'executable': 'no-such-program-at-all'}, 'no-such-program-at-all'), ({'executable': None, 'args': None}, 'exec'),
    ({'executable': None, 'args': []}, 'executable'), ({'executable': ['sh']}, 'executable'),
    ({'args': [None]}, 'argument'), ({'args': ['a\0b']}, 'NUL'), ({'args': ['\ud800']}, 'argument'),
    ({'args': [['x']]}, 'argument'), ({'args': ['x' * 3_000_000]}, 'long'),
    ({'args': ['$(socket.none.fileno)']}, 'none'), ({'args': ['$(socket.none.fileno']}, 'parenthesis'),
    ({'args': ['$(socket.web)']}, '.fileno'), ({'args': ['$(socket.web.sort)']}, '.port'),
    ({'args': ['$(socket.)']}, '.fileno'), ({'args': ['$(socket.unix.port)']}, 'unix'),
    ({'args': ['$(socket.web.fileno) $(socket.none.port)']}, 'none'),
    ({'executable': '$(socket.none.fileno)'}, 'none'),
]

SOCKET_TELNET = [
    'port=', 'port=x', 'port=-1', 'port=65536', 'family=', 'family=ipx', 'type=x', 'backlog=x', 'backlog=', 'path=x',
    'path=', 'umask=9999', 'umask=099', 'umask=rw', 'host=', 'interface=', 'interface=nope0', 'reuseport=maybe',
    'reuseport=1 type=dgram', 'port=1 port=2', 'colour=red', 'port = 5', 'word', '=5', 'path=/tmp', 'umask=022',
    'family=unix', 'path="relative"', 'host=no.such.host.invalid', 'type=raw family=unix path=/tmp/x', 'env.A=5',
]
PROCESS_TELNET = [
    '', 'uid=', 'uid=no_such_user sh', 'gid=no_such_group sh', 'uid=-1 sh', 'working_dir=x sh', 'working_dir= sh',
    'working_dir=/no/such sh', 'bufsize=x sh', 'bufsize= sh', 'bufsize=-5 sh', 'stdout=2 sh', 'stdout=stdout sh',
    'stderr=x sh', 'watch=x sh', 'watch= sh', 'overflow=x sh', 'umask=8888 sh', 'env=x sh', 'env= sh', 'env.=x sh',
    'rlimit.=5 sh', 'rlimit.nofile=x sh', 'rlimit.nofile= sh', 'rlimit.x=5 sh', 'colour=red sh', 'uid=0 uid=0 sh',
    'env=empty env.A=5 sh', '/no/such/program', 'no-such-program', 'sh $(socket.none.port)', 'sh $(socket.', '--',
    'port=5 sh', 'rlimit=5 sh', 'watch=1 /no/such/program', 'watch=1',
]
BAD_NAMES = ['', 'a b', 'a\tb', 'a\nb', 'a)', 'a*', '*', '\x00', '\x7f', '\u2028', '\x85']


@pytest.fixture(autouse=True)
def _nothing_is_left(daemon: Daemon, folder: str) -> Iterator[None]:
    """After each test the kernel holds what it held before it, and has not logged a bug."""
    with daemon.connect() as papa:
        papa.make_socket('web')
        papa.make_socket('unix', path=f'{folder}/unix')
        descriptors, files = daemon.descriptors(), sorted(os.listdir(folder))
        yield
        assert set(papa.list_sockets()) == {'web', 'unix'}
        assert papa.list_processes() == {}
        assert papa.list_values() == {}
        assert children(daemon.pid) == []
        assert daemon.descriptors() == descriptors
    assert sorted(os.listdir(folder)) == files
    assert not os.path.exists('/tmp/x')
    assert 'Traceback' not in daemon.stop()


def test_options_of_make_socket(daemon: Daemon) -> None:
    papa = daemon.connect()
    for options, word in SOCKET_CLIENT:
        with papa, _an_error(options, word):
            papa.make_socket('bad', **options)


def test_options_of_make_process(daemon: Daemon) -> None:
    papa = daemon.connect()
    for options, word in PROCESS_CLIENT:
        with papa, _an_error(options, word):
            papa.make_process('bad', **{**shell('exit 0'), **options})


class _an_error:  # noqa: N801 - reads as a function
    """The block must raise a clear `papa.Error` that has `word`."""

    def __init__(self, case: object, word: str) -> None:
        self.case = case
        self.word = word

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, _trace: object) -> bool:
        assert isinstance(error, Error), f'{self.case!a}: {error!a}'
        assert_clear(str(error).encode("utf-8", "backslashreplace").decode(), self.word)
        assert 'inside papa' not in str(error), ascii(self.case)
        return True


@pytest.mark.parametrize(('command', 'cases'), [('make socket', SOCKET_TELNET), ('make process', PROCESS_TELNET)])
def test_options_over_telnet(daemon: Daemon, command: str, cases: list[str]) -> None:
    with Talker(daemon) as talker:
        for case in cases:
            reply = talker.ask(f'{command} bad {case}')
            assert reply.startswith('Error: '), f'{case}: {reply}'
            assert_clear(reply)
            assert 'inside papa' not in reply, case


@pytest.mark.parametrize('name', BAD_NAMES)
def test_bad_names(daemon: Daemon, name: str) -> None:
    with daemon.connect() as papa:
        for make in (
            lambda: papa.make_socket(name), lambda: papa.make_process(name, **shell('exit')),
            lambda: papa.set(name, 'x'), lambda: papa.set(name),
        ):
            with pytest.raises(BadRequest) as caught:
                make()
            assert_clear(caught.value)


@pytest.mark.parametrize('name', [None, 1.5, b'x', ['x'], True])
def test_names_that_are_no_text(daemon: Daemon, name: Any) -> None:
    with daemon.connect() as papa:
        for call in (
            lambda: papa.make_socket(name), lambda: papa.make_process(name, **shell('exit')), lambda: papa.get(name),
            lambda: papa.set(name, 'x'), lambda: papa.list_sockets(name), lambda: papa.remove_values(name),
            lambda: papa.watch_processes(name),
        ):
            with pytest.raises(BadRequest) as caught:
                call()
            assert_clear(caught.value)


def test_what_is_not_there(daemon: Daemon) -> None:
    with daemon.connect() as papa:
        assert papa.list_sockets('no') == papa.list_processes('no') == papa.list_values('no') == {}
        assert papa.get('no') is None
        for call in (
            papa.remove_sockets, papa.remove_processes, papa.remove_values, papa.watch_processes,
        ):
            with pytest.raises(NotFound) as caught:
                call('no')
            assert_clear(caught.value, 'no')
        with pytest.raises(NotFound):
            papa.watch_processes()
        with pytest.raises(NotFound):
            papa.watch_processes('no*')
        papa.remove_sockets('no*')
        papa.remove_processes('no*')
        for names in ((), ('*',), ('a', '*')):
            with pytest.raises(BadRequest):
                papa.remove_values(*names)


def test_a_removal_with_one_bad_name_removes_nothing(daemon: Daemon) -> None:
    with daemon.connect() as papa:
        with pytest.raises(NotFound):
            papa.remove_sockets('web', 'no')
        assert 'web' in papa.list_sockets()


def test_a_port_that_is_taken(daemon: Daemon) -> None:
    with socket.create_server(('127.0.0.1', 0)) as other, daemon.connect() as papa:
        with pytest.raises(SystemFailure) as caught:
            papa.make_socket('bad', port=other.getsockname()[1])
        assert_clear(caught.value, 'Address already in use')


@pytest.mark.parametrize('discarded', [{'stdout': DEVNULL}, {'stderr': DEVNULL}, {'bufsize': 0}])
def test_a_program_that_cannot_start_with_any_streams(daemon: Daemon, discarded: dict[str, Any]) -> None:
    with daemon.connect() as papa, pytest.raises(BadRequest) as caught:
        papa.make_process('bad', '/no/such/program', rlimits={'nofile': 100}, **discarded)
    assert_clear(caught.value, '/no/such/program')
