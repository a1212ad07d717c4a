"""`papa.Papa`: finding a kernel, and peers that are none."""

from __future__ import annotations

import pathlib
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Daemon

import papa as library
from papa import BadRequest, ConnectFailed, ConnectionLost, Error, Papa, Unsupported
from papa.client import settings
from papa.endpoint import Endpoint

from .helpers import GREETING, FakeKernel, Make

pytestmark = pytest.mark.usefixtures('both')


@pytest.fixture
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, '_endpoint', None)
    monkeypatch.setattr(settings, '_connection_timeout', settings._DEFAULT_TIMEOUT)
    monkeypatch.delenv('PAPA_ENDPOINT', raising=False)


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
