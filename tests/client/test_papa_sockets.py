"""`papa.Papa`: making, listing and removing sockets, with all parameters."""

from __future__ import annotations

import os
import pathlib
import socket
from typing import Any

import pytest

from papa import BadRequest, Conflict, Error, NotFound, Papa, SystemFailure

pytestmark = pytest.mark.usefixtures('both')


@pytest.fixture
def papa(shared_papa: Papa) -> Papa:
    """The kernel is shared by the tests of this file."""
    return shared_papa


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
