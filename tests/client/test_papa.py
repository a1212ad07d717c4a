"""`papa.Papa`: finding a kernel, losing it, and every command with all its parameters."""

from __future__ import annotations

import json
import os
import pathlib
import pwd
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from conftest import Daemon, wait_until

import papa as library
from papa import (
    DEVNULL,
    STDOUT,
    BadRequest,
    Conflict,
    ConnectFailed,
    ConnectionLost,
    Error,
    NotFound,
    Papa,
    ProcessOutput,
    SystemFailure,
    Unsupported,
    Watcher,
)
from papa.client import settings
from papa.endpoint import Endpoint

from .helpers import GREETING, FakeKernel, interrupts

Make = Callable[..., FakeKernel]


@pytest.fixture
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, '_endpoint', None)
    monkeypatch.setattr(settings, '_connection_timeout', settings._DEFAULT_TIMEOUT)
    monkeypatch.delenv('PAPA_ENDPOINT', raising=False)


@pytest.fixture(scope='module')
def _shared() -> Iterator[Daemon]:
    with tempfile.TemporaryDirectory(prefix='papa-') as folder:
        daemon = Daemon(port_or_path=f'{folder}/shared.sock')
        yield daemon
        daemon.stop()


@pytest.fixture
def papa(_shared: Daemon) -> Iterator[Papa]:
    """A client of a kernel that is empty, but not new for each test: there are many."""
    with _shared.connect() as client:
        yield client
    with _shared.connect() as client:
        for details in client.list_processes().values():
            if details['running']:
                with suppress(ProcessLookupError):  # it has just ended
                    os.killpg(details['pid'], signal.SIGKILL)
        client.remove_processes()
        client.remove_sockets()
        for name in client.list_values():
            client.set(name)
        wait_until(lambda: not client.list_processes())


# The public names


def test_the_constants_are_those_of_subprocess() -> None:
    assert (library.PIPE, library.STDOUT, library.DEVNULL) == (subprocess.PIPE, subprocess.STDOUT, subprocess.DEVNULL)


def test_every_error_is_an_error_and_a_runtime_error() -> None:
    assert issubclass(Error, RuntimeError)
    for name in ('BadRequest', 'NotFound', 'Conflict', 'LimitReached', 'SystemFailure', 'AccessDenied', 'Unsupported',
                 'ConnectFailed', 'ConnectionLost'):
        assert issubclass(getattr(library, name), Error)


def test_output_is_a_named_tuple_of_three() -> None:
    output = ProcessOutput('web', 1.5, b'data')
    name, timestamp, data = output
    assert (name, timestamp, data) == ('web', 1.5, b'data') == output
    assert (output.name, output.timestamp, output.data) == ('web', 1.5, b'data')


def test_everything_that_is_promised_is_there() -> None:
    for name in library.__all__:
        assert getattr(library, name) is not None


def test_importing_papa_loads_neither_the_kernel_nor_asyncio() -> None:
    code = 'import sys, papa; print([m for m in sys.modules if m.startswith("papa.kernel") or m == "asyncio"])'
    assert subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE, check=True).stdout == b'[]\n'


# Where the kernel is


@pytest.mark.usefixtures('_no_settings')
class TestEndpoint:
    def tried(self, *arguments: Any) -> str:
        """The address that a client tries."""
        with pytest.raises(ConnectFailed, match=r'^There is no kernel at ') as caught:
            Papa(*arguments, autostart=False)
        return str(caught.value).removeprefix('There is no kernel at ')

    def test_without_anything_it_is_port_20202(self) -> None:
        assert settings.endpoint(None) == Endpoint(port=20202)  # not tried: somebody's kernel may be there

    def test_the_environment_says_where(self, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv('PAPA_ENDPOINT', f'{folder}/environment')
        assert self.tried() == f'{folder}/environment'

    def test_an_empty_variable_says_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv('PAPA_ENDPOINT', '')
        assert settings.endpoint(None) == Endpoint(port=20202)

    def test_a_default_wins_over_the_environment(self, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv('PAPA_ENDPOINT', f'{folder}/environment')
        library.set_default_path(f'{folder}/default')
        assert self.tried() == f'{folder}/default'

    def test_the_argument_wins_over_all(self, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv('PAPA_ENDPOINT', f'{folder}/environment')
        library.set_default_path(f'{folder}/default')
        assert self.tried(f'{folder}/argument') == f'{folder}/argument'

    def test_the_last_default_counts(self, folder: str, free_port: int) -> None:
        library.set_default_path(f'{folder}/default')
        library.set_default_port(free_port)
        assert self.tried() == f'port {free_port}'

    def test_a_bad_environment_does_not_matter_when_something_else_says_where(
        self, folder: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv('PAPA_ENDPOINT', 'nonsense')
        assert self.tried(f'{folder}/argument') == f'{folder}/argument'

    @pytest.mark.parametrize(('text', 'endpoint'), [
        ('20203', Endpoint(port=20203)), ('tcp:20203', Endpoint(port=20203)),
        ('/run/papa.sock', Endpoint(path='/run/papa.sock')), ('unix:/run/papa.sock', Endpoint(path='/run/papa.sock')),
    ])
    def test_the_forms_of_the_variable(self, text: str, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv('PAPA_ENDPOINT', text)
        assert settings.endpoint(None) == endpoint

    @pytest.mark.parametrize('text', ['papa.sock', 'unix:papa.sock', 'tcp:', 'tcp:x', '0', '65536', '-1', '/', 'unix:'])
    def test_a_bad_variable_is_a_clear_error(self, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv('PAPA_ENDPOINT', text)
        with pytest.raises(BadRequest, match=r'must be|is a port'):
            Papa(autostart=False)

    @pytest.mark.parametrize('where', [0, 65536, -1, True, 1.5, b'/run/papa', 'relative', '', '/a\0b', '/' + 'x' * 120])
    def test_a_bad_argument_is_a_clear_error(self, where: Any) -> None:
        with pytest.raises(BadRequest) as caught:
            Papa(where, autostart=False)
        assert '\n' not in str(caught.value)

    @pytest.mark.parametrize('port', [0, 65536, 'x', None, True])
    def test_a_bad_default_port_is_a_clear_error(self, port: Any) -> None:
        with pytest.raises(BadRequest):
            library.set_default_port(port)

    @pytest.mark.parametrize('path', ['papa.sock', '', '/run/', None, 5])
    def test_a_bad_default_path_is_a_clear_error(self, path: Any) -> None:
        with pytest.raises(BadRequest):
            library.set_default_path(path)

    def test_a_port_serves_as_well_as_a_path(self, start_daemon: Callable[..., Daemon], free_port: int) -> None:
        start_daemon(port_or_path=free_port)
        with Papa(free_port, autostart=False) as papa:
            papa.set('a', 'b')
        with Papa(f'tcp:{free_port}', autostart=False) as papa:
            assert papa.get('a') == 'b'


@pytest.mark.usefixtures('_no_settings')
class TestConnectionTimeout:
    def silent(self, make_fake: Make) -> FakeKernel:
        return make_fake(lambda _fake, connection, _number: connection.recv(1))

    def test_the_default_is_ten_seconds(self) -> None:
        assert settings.connection_timeout(None) == 10.0

    def test_the_argument_bounds_the_wait(self, make_fake: Make) -> None:
        fake = self.silent(make_fake)
        with pytest.raises(ConnectFailed, match=r'has not greeted in 0\.05 seconds'):
            Papa(fake.path, 0.05)

    def test_a_default_can_be_set(self, make_fake: Make) -> None:
        fake = self.silent(make_fake)
        library.set_default_connection_timeout(0.05)
        with pytest.raises(ConnectFailed, match=r'has not greeted in 0\.05 seconds'):
            Papa(fake.path)

    @pytest.mark.parametrize('seconds', [0, -1, 'x', float('nan'), True])
    def test_it_is_a_positive_number(self, seconds: Any, folder: str) -> None:
        with pytest.raises(BadRequest, match='positive number'):
            Papa(f'{folder}/none', connection_timeout=seconds)
        with pytest.raises(BadRequest, match='positive number'):
            library.set_default_connection_timeout(seconds)

    def test_it_does_not_bound_later_calls(self, make_fake: Make) -> None:
        def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
            connection.sendall(GREETING)
            fake.read_request(connection)
            time.sleep(0.15)  # three times as long as a connection may take
            connection.sendall(b'=late\n')

        with Papa(make_fake(serve).path, 0.05) as papa:
            assert papa.get('x') == 'late'


# Peers that are no kernel of ours


class TestStrangers:
    @pytest.mark.parametrize(('greeting', 'kind', 'text'), [
        (b'Papa is home. Type "help" for commands.\n> ', Unsupported, 'it is papa 1.x, without the structured dialect'),
        (b'Papa 1.0.6 is home\n> ', ConnectFailed, 'is not papa'),
        (b'220 mail ESMTP\n> ', ConnectFailed, 'is not papa'),
        (b'x' * 70000, ConnectFailed, 'is not papa'),
        (b'\x80\xff\0\n> ', ConnectFailed, 'is not papa'),
        (b'Error: This kernel does not serve uid 7\n', library.AccessDenied, 'does not serve uid 7'),
        (b'Error: Too many connections: this kernel serves 16\n', library.LimitReached, 'Too many connections'),
    ])
    def test_one_clear_line(self, greeting: bytes, kind: type[Error], text: str, make_fake: Make) -> None:
        def serve(_fake: FakeKernel, connection: socket.socket, _number: int) -> None:
            connection.sendall(greeting)
            connection.recv(1)

        fake = make_fake(serve)
        with pytest.raises(kind) as caught:
            Papa(fake.path, 5)
        assert text in str(caught.value)
        assert fake.path in str(caught.value)
        assert '\n' not in str(caught.value)

    def test_one_that_hangs_up_is_replaced_by_no_kernel(self, make_fake: Make) -> None:
        fake = make_fake(lambda *_: None)
        with pytest.raises(ConnectFailed, match=f'Cannot start a kernel at {fake.path}: .*in use') as caught:
            Papa(fake.path)
        assert '\n' not in str(caught.value)
        with pytest.raises(ConnectFailed, match='There is no kernel'):
            Papa(fake.path, autostart=False)

    def test_what_is_no_socket_is_left_alone(self, folder: str) -> None:
        path = pathlib.Path(folder, 'file')
        path.write_text('precious')
        with pytest.raises(ConnectFailed, match='is not a socket; it is left alone'):
            Papa(str(path))
        assert path.read_text() == 'precious'

    def test_replies_that_make_no_sense_lose_the_connection(self, make_fake: Make) -> None:
        def serve(fake: FakeKernel, connection: socket.socket, number: int) -> None:
            connection.sendall(GREETING)
            fake.read_request(connection)
            connection.sendall(b'nonsense\n' if number == 0 else b'=sense\n')

        with Papa(make_fake(serve).path) as papa:
            with pytest.raises(ConnectionLost, match='during "get"'):
                papa.get('x')
            assert papa.get('x') == 'sense'

    def test_an_unknown_code_is_an_error(self, make_fake: Make) -> None:
        def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
            connection.sendall(GREETING)
            fake.read_request(connection)
            connection.sendall(b'!brand-new\tSomething unheard of\n')

        with Papa(make_fake(serve).path) as papa, pytest.raises(Error, match=r'^Something unheard of$') as caught:
            papa.get('x')
        assert type(caught.value) is Error


# Losing the connection


class TestLoss:
    def test_it_says_what_was_being_done_and_where(self, daemon: Daemon) -> None:
        with daemon.connect() as papa:
            daemon.process.kill()
            daemon.process.wait()
            with pytest.raises(ConnectionLost, match=f'to the kernel at {daemon.where} during "list processes"'):
                papa.list_processes()

    def test_the_next_call_connects_again(self, start_daemon: Callable[..., Daemon]) -> None:
        first = start_daemon()
        with first.connect() as papa:
            first.process.terminate()
            first.process.wait()
            start_daemon(port_or_path=first.where)
            with pytest.raises(ConnectionLost):
                papa.set('a', 'b')
            assert papa.get('a') is None
            papa.set('a', 'b')
            assert papa.get('a') == 'b'

    def test_connecting_again_never_starts_a_kernel(self, start_daemon: Callable[..., Daemon]) -> None:
        daemon = start_daemon()
        with Papa(daemon.where) as papa:  # this one may start a kernel
            daemon.process.terminate()
            daemon.process.wait()
            with pytest.raises(ConnectionLost):
                papa.get('a')
            for _ in range(2):
                with pytest.raises(ConnectFailed, match='There is no kernel'):
                    papa.get('a')
        assert not os.path.exists(daemon.where)

    def test_a_closed_client_connects_again_but_starts_no_kernel(self, start_daemon: Callable[..., Daemon]) -> None:
        daemon = start_daemon()
        papa = Papa(daemon.where)
        papa.close()
        assert papa.get('a') is None
        papa.close()
        daemon.process.terminate()
        daemon.process.wait()
        with pytest.raises(ConnectFailed, match='There is no kernel'):
            papa.get('a')
        assert not os.path.exists(daemon.where)

    @pytest.mark.parametrize('call', [
        lambda p: p.set('a', 'b'), lambda p: p.set('a'), lambda p: p.remove_values('a'), lambda p: p.make_socket('s'),
        lambda p: p.remove_sockets('s'), lambda p: p.make_process('p', 'true'), lambda p: p.remove_processes('p'),
        lambda p: p.make_process('p', 'true', watch_immediately=True), lambda p: p.exit_if_idle(),
    ])
    def test_a_command_is_never_sent_twice(self, call: Callable[[Papa], object], make_fake: Make) -> None:
        def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
            connection.sendall(GREETING)
            fake.read_request(connection)

        fake = make_fake(serve)
        with Papa(fake.path) as papa:
            with pytest.raises(ConnectionLost):
                call(papa)
            assert len(fake.requests) == 1
            with pytest.raises(ConnectionLost):
                papa.get('other')
            assert [line.split(b'\t')[1] for line in fake.requests[1:]] == [b'get']

    def test_a_reply_that_breaks_off_is_none(self, make_fake: Make) -> None:
        def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
            connection.sendall(GREETING)
            fake.read_request(connection)
            connection.sendall(b'=half of it')

        with Papa(make_fake(serve).path) as papa, pytest.raises(ConnectionLost, match='"get": it was closed'):
            papa.get('x')


def test_an_interrupted_call_leaves_the_client_usable(make_fake: Make) -> None:
    with interrupts() as interrupt:
        def serve(fake: FakeKernel, connection: socket.socket, number: int) -> None:
            connection.sendall(GREETING)
            while fake.read_request(connection):
                if number == 0:
                    interrupt()
                    connection.recv(1)  # until the client hangs up
                    connection.sendall(b'=answer to the first\n')
                connection.sendall(b'=answer to the second\n')

        with Papa(make_fake(serve).path) as papa:
            with pytest.raises(KeyboardInterrupt):
                papa.get('first')
            assert papa.get('second') == 'answer to the second'


def test_an_error_of_the_kernel_leaves_the_connection_as_it_is(papa: Papa) -> None:
    before = papa.fileno()
    for _ in range(3):
        with pytest.raises(NotFound):
            papa.remove_sockets('none')
    assert papa.fileno() == before
    assert papa.list_sockets() == {}


# Opening and closing


def test_a_with_block_closes(daemon: Daemon) -> None:
    with daemon.connect() as papa:
        fd = papa.fileno()
        assert fd is not None
        os.fstat(fd)
    assert papa.fileno() is None
    with pytest.raises(OSError):
        os.fstat(fd)


def test_closing_twice_is_closing_once(daemon: Daemon) -> None:
    papa = daemon.connect()
    papa.close()
    papa.close()
    assert papa.fileno() is None


def test_an_exception_passes_through_a_with_block(daemon: Daemon) -> None:
    with pytest.raises(ZeroDivisionError), daemon.connect():
        raise ZeroDivisionError


def test_no_descriptor_leaks_into_programs_that_the_client_starts(papa: Papa) -> None:
    assert not os.get_inheritable(papa.fileno() or -1)


# Values

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


# Sockets


class TestMakeSocket:
    def test_without_parameters(self, papa: Papa) -> None:
        made = papa.make_socket('s')
        assert made == {'family': 'inet', 'type': 'stream', 'backlog': 5, 'host': '127.0.0.1', 'port': made['port'],
                        'fileno': made['fileno']}
        assert papa.list_sockets() == {'s': made}
        socket.create_connection(('127.0.0.1', made['port'])).close()

    def test_port_and_host(self, papa: Papa, free_port: int) -> None:
        made = papa.make_socket('s', '0.0.0.0', free_port)
        assert (made['host'], made['port']) == ('0.0.0.0', free_port)

    @pytest.mark.parametrize(('family', 'host'), [(socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')])
    def test_family(self, family: int, host: str, papa: Papa) -> None:
        assert papa.make_socket('s', family=family)['host'] == host

    @pytest.mark.parametrize('kind', [socket.SOCK_STREAM, socket.SOCK_DGRAM])
    def test_socket_type(self, kind: socket.SocketKind, papa: Papa) -> None:
        made = papa.make_socket('s', socket_type=kind)
        assert made['type'] == kind.name[5:].lower()
        assert ('backlog' in made) == (kind is socket.SOCK_STREAM)

    def test_backlog(self, papa: Papa) -> None:
        assert papa.make_socket('s', backlog=77)['backlog'] == 77

    def test_path_and_umask(self, papa: Papa, folder: str) -> None:
        made = papa.make_socket('s', path=f'{folder}/s', umask=0o27)
        assert made == {'family': 'unix', 'type': 'stream', 'backlog': 5, 'path': f'{folder}/s', 'umask': 0o27,
                        'fileno': made['fileno']}
        assert os.stat(f'{folder}/s').st_mode & 0o777 == 0o750

    def test_a_path_object(self, papa: Papa, folder: str) -> None:
        assert papa.make_socket('s', path=pathlib.Path(folder, 's'))['path'] == f'{folder}/s'

    def test_a_unix_family_with_type(self, papa: Papa, folder: str) -> None:
        made = papa.make_socket('s', family=socket.AF_UNIX, socket_type=socket.SOCK_SEQPACKET, path=f'{folder}/s')
        assert made['type'] == 'seqpacket'

    def test_reuseport(self, papa: Papa) -> None:
        made = papa.make_socket('s', reuseport=True)
        assert made['reuseport'] is True
        assert 'fileno' not in made
        assert papa.make_socket('s', reuseport=True) == made

    def test_reuseport_false_is_none(self, papa: Papa) -> None:
        assert 'reuseport' not in papa.make_socket('s', reuseport=False)

    @pytest.mark.skipif(os.geteuid() != 0, reason='older systems let only root bind to a device')
    def test_interface(self, papa: Papa) -> None:
        made = papa.make_socket('s', interface='lo')
        assert (made['interface'], made['host']) == ('lo', '0.0.0.0')
        assert papa.make_socket('t', interface='lo', family=socket.AF_INET6)['host'] == '::'

    def test_the_same_again_is_the_original(self, papa: Papa, free_port: int) -> None:
        made = papa.make_socket('s', port=free_port)
        assert papa.make_socket('s', port=free_port) == made
        assert papa.make_socket('s') == made  # a port left out fits any

    def test_other_parameters_are_an_error_that_names_them(self, papa: Papa, free_port: int) -> None:
        made = papa.make_socket('s', backlog=7)
        with pytest.raises(Conflict, match=f'port={made["port"]}.*{free_port}'):
            papa.make_socket('s', port=free_port, backlog=7)
        with pytest.raises(Conflict, match=r'backlog=7 \(not 5\)'):
            papa.make_socket('s')
        assert papa.list_sockets() == {'s': made}

    @pytest.mark.parametrize(('parameters', 'words'), [
        ({'port': 'x'}, 'port'), ({'port': 65536}, 'port'), ({'port': 1.5}, 'port'), ({'port': True}, 'port'),
        ({'family': 999}, 'family'), ({'family': 'x'}, 'family'), ({'family': []}, 'family'),
        ({'socket_type': 999}, 'socket_type'), ({'backlog': -1}, 'backlog'), ({'path': '/tmp/s', 'umask': -1}, 'umask'),
        ({'path': 'relative'}, 'path'), ({'path': 5}, 'path'), ({'path': '/none/s'}, '/none/s'),
        ({'host': 5.5}, 'host'),
        ({'path': '/tmp/s', 'port': 5}, 'port'), ({'path': '/tmp/s', 'umask': 0o1000}, 'umask'), ({'host': ''}, 'host'),
        ({'reuseport': True, 'socket_type': socket.SOCK_DGRAM}, 'reuseport'), ({'host': 'no such host'}, 'host'),
        ({'family': socket.AF_INET6, 'host': '127.0.0.1'}, '127.0.0.1'), ({'interface': 'no-such-device'}, 'no-such'),
    ])
    def test_bad_parameters_are_a_clear_error(self, parameters: dict[str, Any], words: str, papa: Papa) -> None:
        with pytest.raises(Error, match=words) as caught:
            papa.make_socket('s', **parameters)
        assert isinstance(caught.value, (BadRequest, SystemFailure))
        assert '\n' not in str(caught.value)
        assert papa.list_sockets() == {}
        assert not os.path.exists('/tmp/s')


def test_listing_sockets(papa: Papa) -> None:
    made = {name: papa.make_socket(name) for name in ('uwsgi.a', 'uwsgi.b', 'other')}
    assert papa.list_sockets() == made == papa.list_sockets('*')
    assert papa.list_sockets('uwsgi*') == {name: made[name] for name in ('uwsgi.a', 'uwsgi.b')}
    assert papa.list_sockets(made['other']['fileno']) == {'other': made['other']}
    assert papa.list_sockets('none', 'none*') == {}


def test_removing_sockets(papa: Papa, folder: str) -> None:
    made = {name: papa.make_socket(name) for name in ('uwsgi.a', 'uwsgi.b', 'other', 'more')}
    papa.make_socket('unix', path=f'{folder}/s')
    assert papa.remove_sockets('uwsgi*', made['other']['fileno'])
    assert list(papa.list_sockets()) == ['more', 'unix']
    with pytest.raises(NotFound, match='"none"'):
        papa.remove_sockets('more', 'none')
    assert papa.remove_sockets('none*')
    assert list(papa.list_sockets()) == ['more', 'unix']
    assert papa.remove_sockets()
    assert papa.list_sockets() == {}
    assert not os.path.exists(f'{folder}/s')


# Processes


def output_of(papa: Papa, *command: Any, **options: Any) -> bytes:
    """Run a process to its end; its standard output."""
    with papa.make_process('p', *command, watch_immediately=True, **options) as watcher:
        collected = b''
        while results := watcher.read():
            collected += b''.join(item.data for item in results[0])
    return collected


def argv_of(papa: Papa, *command: Any, **options: Any) -> list[str]:
    """The arguments that a process gets."""
    code = 'import sys; print(ascii(sys.argv[1:]))'
    return eval(output_of(papa, sys.executable, ('-c', code, *command), **options))  # type: ignore[no-any-return]


class TestMakeProcess:
    def test_details(self, papa: Papa) -> None:
        before = time.time()
        made = papa.make_process('p', 'sleep', '60')
        assert before <= made['started'] <= time.time()
        assert made == {
            'pid': made['pid'], 'running': True, 'started': made['started'], 'uid': os.geteuid(), 'gid': os.getegid(),
            'id': made['id'], 'working_dir': os.getcwd(), 'bufsize': 1048576, 'overflow': 'drop', 'sockets': [],
            'captured': 0, 'acknowledged': 0, 'buffered': 0, 'dropped': 0, 'watchers': 0, 'peekers': 0,
            'args': ['sleep', '60'],
        }
        assert papa.list_processes() == {'p': made}

    def test_details_after_the_end(self, papa: Papa) -> None:
        papa.make_process('p', 'sh', ('-c', 'echo hello; exit 3'))
        wait_until(lambda: not papa.list_processes()['p']['running'])
        details = papa.list_processes()['p']
        assert (details['exit_code'], details['captured'], details['buffered']) == (3, 6, 6)
        assert details['started'] <= details['ended'] <= time.time()

    def test_ids_are_unique(self, papa: Papa) -> None:
        assert papa.make_process('a', 'true')['id'] != papa.make_process('b', 'true')['id']

    @pytest.mark.parametrize('args', [('a', 'b c'), ['a', 'b c'], iter(['a', 'b c']), (item for item in ('a', 'b c'))])
    def test_args_are_a_sequence(self, args: Any, papa: Papa) -> None:
        assert output_of(papa, 'printf', ('%s|%s|', *args)) == b'a|b c|'

    def test_one_text_is_one_argument(self, papa: Papa) -> None:
        assert output_of(papa, 'echo', 'two  words') == b'two  words\n'

    def test_the_first_of_args_can_be_the_executable(self, papa: Papa) -> None:
        assert output_of(papa, None, ('echo', 'hello')) == b'hello\n'
        assert papa.make_process('q', args='true')['args'] == ['true']

    def test_no_executable_at_all(self, papa: Papa) -> None:
        for command in ({}, {'args': ()}, {'executable': ''}, {'args': ''}):
            with pytest.raises(BadRequest, match='needs an executable'):
                papa.make_process('p', **command)

    @pytest.mark.parametrize('argument', [
        '', ' ', '\n', '\t', '\\', '"', "'", '$HOME', '*', 'a=b', '--', '-', 'é', '🙂', '\udcff', 'x' * 100000, '$(x)',
    ])
    def test_arguments_arrive_exactly(self, argument: str, papa: Papa) -> None:
        assert argv_of(papa, argument, 'after') == [argument, 'after']

    def test_bytes_paths_and_numbers_as_arguments(self, papa: Papa) -> None:
        assert argv_of(papa, b'\xff\x01', pathlib.Path('/x'), 5, 1.5) == ['\udcff\x01', '/x', '5', '1.5']

    @pytest.mark.parametrize('argument', ['a\0b', b'\0', None, (), object, '\ud83d'])
    def test_bad_arguments(self, argument: Any, papa: Papa) -> None:
        with pytest.raises(BadRequest):
            papa.make_process('p', 'echo', ('a', argument))
        assert papa.list_processes() == {}

    def test_env(self, papa: Papa) -> None:
        env = {'A': 'b', 'B': '', 'C': ' x\n=\t\\', b'D': b'\xff', 'E': 5, 'PATH': os.environ['PATH']}
        found = output_of(papa, 'env', '-0', env=env)
        assert sorted(found.split(b'\0')[:-1]) == sorted([
            b'A=b', b'B=', b'C= x\n=\t\\', b'D=\xff', b'E=5', b'PATH=' + os.fsencode(os.environ['PATH']),
        ])

    def test_the_environment_of_this_program(self, papa: Papa, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv('ONLY_HERE', 'x')
        assert b'ONLY_HERE=x' in output_of(papa, 'env', '-0', env=os.environ).split(b'\0')

    def test_without_env_it_is_the_kernels(self, start_daemon: Callable[..., Daemon]) -> None:
        daemon = start_daemon(env={'PATH': os.environ['PATH'], 'KERNEL': 'yes'})
        with daemon.connect() as papa:
            assert b'KERNEL=yes' in output_of(papa, 'env', '-0').split(b'\0')

    def test_an_empty_env_is_empty(self, papa: Papa) -> None:
        assert output_of(papa, '/usr/bin/env', '-0', env={}) == b''

    @pytest.mark.parametrize('env', [
        {'': 'x'}, {'A=B': 'x'}, {'A': None}, {'A': 'x\0'}, {'A\0': 'x'}, {5.5: []}, ['A'], 5,
    ])
    def test_bad_env(self, env: Any, papa: Papa) -> None:
        with pytest.raises(BadRequest):
            papa.make_process('p', 'true', env=env)
        assert papa.list_processes() == {}

    def test_working_dir(self, papa: Papa, folder: str) -> None:
        assert output_of(papa, 'pwd', working_dir=folder) == os.fsencode(folder) + b'\n'

    def test_a_path_object_as_working_dir(self, papa: Papa, folder: str) -> None:
        assert papa.make_process('p', 'pwd', working_dir=pathlib.Path(folder))['working_dir'] == folder

    def test_own_uid_and_gid_by_number_and_name(self, papa: Papa) -> None:
        entry = pwd.getpwuid(os.geteuid())
        assert papa.make_process('a', 'true', uid=os.geteuid(), gid=os.getegid())['uid'] == os.geteuid()
        assert papa.make_process('b', 'true', uid=entry.pw_name)['uid'] == os.geteuid()

    @pytest.mark.skipif(os.geteuid() != 0, reason='only root can become somebody else')
    def test_another_user(self, papa: Papa) -> None:
        entry = pwd.getpwnam('nobody')
        assert output_of(papa, 'id', '-un', uid='nobody') == b'nobody\n'
        details = papa.make_process('q', 'true', uid=entry.pw_uid, gid='daemon')
        assert details['uid'] == entry.pw_uid

    def test_rlimits(self, papa: Papa) -> None:
        assert output_of(papa, 'sh', ('-c', 'ulimit -n; ulimit -c'), rlimits={'nofile': 77, 'CORE': 0}) == b'77\n0\n'

    def test_an_unlimited_rlimit(self, papa: Papa) -> None:
        assert output_of(papa, 'sh', ('-c', 'ulimit -t'), rlimits={'cpu': resource.RLIM_INFINITY}) == b'unlimited\n'

    @pytest.mark.parametrize('rlimits', [{'none': 1}, {'cpu': 'x'}, {'cpu': 1.5}, {5: 1}, ['cpu'], 'cpu'])
    def test_bad_rlimits(self, rlimits: Any, papa: Papa) -> None:
        with pytest.raises(BadRequest, match=r'limit|cpu'):
            papa.make_process('p', 'true', rlimits=rlimits)
        assert papa.list_processes() == {}

    def test_streams(self, papa: Papa) -> None:
        both = ('-c', 'echo out; echo err >&2; echo out again')
        assert output_of(papa, 'sh', both, stderr=STDOUT) == b'out\nerr\nout again\n'
        assert output_of(papa, 'sh', both, stderr=DEVNULL) == b'out\nout again\n'
        assert output_of(papa, 'sh', both, stdout=DEVNULL) == b''
        assert output_of(papa, 'sh', both, stdout=library.PIPE, stderr=library.PIPE) == b'out\nout again\n'

    @pytest.mark.parametrize('streams', [
        {'stdout': STDOUT}, {'stdout': 1}, {'stderr': 'x'}, {'stdout': []}, {'stderr': 1.5},
    ])
    def test_bad_streams(self, streams: dict[str, Any], papa: Papa) -> None:
        with pytest.raises(BadRequest, match=r'must be papa\.PIPE or papa\.DEVNULL'):
            papa.make_process('p', 'true', **streams)

    @pytest.mark.parametrize(('bufsize', 'size'), [
        (0, 0), (1, 1), ('0', 0), ('100', 100), ('2k', 2048), ('2K', 2048), ('2m', 2097152), ('1g', 1073741824),
        (None, 1048576),
    ])
    def test_bufsize(self, bufsize: Any, size: int, papa: Papa) -> None:
        assert papa.make_process('p', 'true', bufsize=bufsize)['bufsize'] == size

    @pytest.mark.parametrize('bufsize', [-1, 'x', '', '1.5m', 1.5, True, 'k', '1t'])
    def test_bad_bufsize(self, bufsize: Any, papa: Papa) -> None:
        with pytest.raises(BadRequest, match='bufsize'):
            papa.make_process('p', 'true', bufsize=bufsize)

    def test_overflow(self, papa: Papa) -> None:
        assert papa.make_process('p', 'true', overflow='block')['overflow'] == 'block'
        assert papa.make_process('q', 'true', overflow='drop')['overflow'] == 'drop'
        for bad in ('x', '', 5, True):
            with pytest.raises(BadRequest, match='overflow'):
                papa.make_process('r', 'true', overflow=bad)  # type: ignore[arg-type]

    def test_umask(self, papa: Papa) -> None:
        assert output_of(papa, 'sh', ('-c', 'umask'), umask=0o27) == b'0027\n'
        assert output_of(papa, 'sh', ('-c', 'umask'), umask=0) == b'0000\n'
        for bad in (0o1000, -1, 'x', True):
            with pytest.raises(BadRequest, match='umask'):
                papa.make_process('p', 'true', umask=bad)  # type: ignore[arg-type]

    def test_watch_immediately_gives_a_watcher(self, papa: Papa) -> None:
        before = papa.fileno()
        with papa.make_process('p', 'true', watch_immediately=True) as watcher:
            assert isinstance(watcher, Watcher)
            assert watcher.fileno() == before
            assert papa.fileno() is None

    def test_watch_immediately_takes_one_request(self, make_fake: Make) -> None:
        def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
            connection.sendall(GREETING)
            fake.read_request(connection)
            connection.sendall(b'{"watching":[["p","id",0]],"made":null}\n')
            fake.read_request(connection)
            connection.sendall(b'.\n')

        fake = make_fake(serve)
        with Papa(fake.path) as papa, papa.make_process('p', 'true', watch_immediately=True):
            assert len(fake.requests) == 1

    def test_an_error_gives_no_watcher_and_keeps_the_connection(self, papa: Papa) -> None:
        before = papa.fileno()
        with pytest.raises(BadRequest):
            papa.make_process('p', '/no/such', watch_immediately=True)
        assert papa.fileno() == before

    def test_the_same_again_is_the_existing_one(self, papa: Papa) -> None:
        options: dict[str, Any] = {
            'env': {'A': 'b'}, 'working_dir': '/', 'rlimits': {'core': 0}, 'stderr': STDOUT, 'bufsize': '1k',
            'umask': 0o77,
        }
        made = papa.make_process('p', '/bin/sleep', '60', **options)
        assert papa.make_process('p', '/bin/sleep', '60', **options) == made
        assert papa.make_process('p', args=['/bin/sleep', 60], **options) == made
        with papa.make_process('p', '/bin/sleep', '60', watch_immediately=True, **options):
            assert papa.list_processes('p')['p']['pid'] == made['pid']

    @pytest.mark.parametrize(('other', 'words'), [
        ({'args': '61'}, 'sleep 60'), ({'env': {'A': 'b'}}, 'env.A'), ({'working_dir': '/'}, 'working_dir'),
        ({'rlimits': {'core': 0}}, 'rlimits'), ({'stderr': STDOUT}, 'stderr'), ({'stdout': DEVNULL}, 'stdout'),
        ({'bufsize': 5}, 'bufsize=1048576'), ({'overflow': 'block'}, 'overflow=drop'), ({'umask': 0}, 'umask'),
    ])
    def test_other_parameters_are_an_error_that_names_them(self, other: dict[str, Any], words: str, papa: Papa) -> None:
        made = papa.make_process('p', 'sleep', '60')
        with pytest.raises(Conflict, match=words):
            papa.make_process('p', **{'executable': 'sleep', 'args': '60', **other})
        assert papa.list_processes() == {'p': made}

    @pytest.mark.parametrize(('bad', 'words'), [
        ({'executable': '/no/such'}, '/no/such'), ({'executable': 'no-such-program'}, 'no-such-program'),
        ({'executable': '/etc/passwd'}, 'Permission denied'), ({'executable': 5}, '"5"'),
        ({'executable': [1]}, 'executable'), ({'working_dir': 5}, 'working_dir'),
        ({'working_dir': 'relative'}, 'working_dir'), ({'working_dir': '/no/such'}, '/no/such'),
        ({'uid': 'no-such-user'}, 'no-such-user'), ({'gid': 'no-such-group'}, 'no-such-group'), ({'uid': -1}, 'uid'),
        ({'uid': 1.5}, 'uid'), ({'args': ('$(socket.none.port)',)}, 'no socket "none"'),
        ({'args': '$(socket.none.fileno'}, 'parenthesis'),
    ])
    def test_bad_parameters_are_a_clear_error(self, bad: dict[str, Any], words: str, papa: Papa) -> None:
        with pytest.raises(Error, match=words) as caught:
            papa.make_process('p', **{'executable': 'true', **bad})
        assert isinstance(caught.value, (BadRequest, NotFound))
        assert '\n' not in str(caught.value)
        assert papa.list_processes() == {}

    def test_sockets_in_arguments(self, papa: Papa) -> None:
        made = papa.make_socket('web')
        given = argv_of(papa, '$(socket.web.fileno):$(socket.web.port):$(socket.web.fileno)')
        assert given == ['{fileno}:{port}:{fileno}'.format(**made)]
        assert papa.list_processes('p') == {}


def test_listing_processes(papa: Papa) -> None:
    made = {name: papa.make_process(name, 'sleep', '60') for name in ('nginx.1', 'nginx.2', 'other')}
    assert papa.list_processes() == made == papa.list_processes('*')
    assert papa.list_processes('nginx.*') == {name: made[name] for name in ('nginx.1', 'nginx.2')}
    assert papa.list_processes(made['other']['pid']) == {'other': made['other']}
    assert papa.list_processes(str(made['other']['pid'])) == {'other': made['other']}
    assert papa.list_processes('none', 'none.*') == {}


def test_removing_processes(papa: Papa) -> None:
    made = {name: papa.make_process(name, 'sleep', '60') for name in ('a.1', 'a.2', 'b', 'c')}
    assert papa.remove_processes('a.*', made['b']['pid'])
    with pytest.raises(NotFound):
        papa.remove_processes('none')
    assert papa.remove_processes('none*')
    for details in made.values():
        os.kill(details['pid'], signal.SIGKILL)
    wait_until(lambda: list(papa.list_processes()) == ['c'])
    assert papa.remove_processes()
    wait_until(lambda: not papa.list_processes())


# Ending


class TestExitIfIdle:
    @pytest.mark.parametrize('hold', [
        lambda p: p.set('a', 'b'), lambda p: p.make_socket('a'), lambda p: p.make_process('a', 'true'),
    ])
    def test_not_while_something_is_held(self, hold: Callable[[Papa], object], papa: Papa) -> None:
        hold(papa)
        before = papa.fileno()
        assert papa.exit_if_idle() is False
        assert papa.fileno() == before

    def test_an_idle_kernel_ends_when_the_connection_closes(self, daemon: Daemon) -> None:
        with daemon.connect() as papa:
            assert papa.exit_if_idle() is True
            assert papa.fileno() is None
            assert daemon.process.wait(20) == 0
        assert not os.path.exists(daemon.where)

    def test_it_waits_for_other_connections(self, daemon: Daemon) -> None:
        other = daemon.connect()
        with daemon.connect() as papa:
            assert papa.exit_if_idle()
        assert other.get('a') is None
        other.close()
        assert daemon.process.wait(20) == 0

    def test_whoever_connects_meanwhile_keeps_it(self, daemon: Daemon) -> None:
        with daemon.connect(), daemon.connect() as papa:
            assert papa.exit_if_idle()
            daemon.connect().close()
        with daemon.connect() as papa:
            assert papa.get('a') is None

    def test_it_stays_if_it_is_not_idle_any_more(self, daemon: Daemon) -> None:
        with daemon.connect() as other, daemon.connect() as papa:
            assert papa.exit_if_idle()
            other.set('a', 'b')
        with daemon.connect() as papa:
            assert papa.get('a') == 'b'
