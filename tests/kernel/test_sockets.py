"""Sockets: made as asked, handed to processes, shared, removed."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections import Counter
from typing import Any

import pytest
from conftest import Daemon, wait_until

from kernel.tools import Seen, Talker, end, needs_root, python, run, shell
from papa import BadRequest, Conflict, NotFound, Papa, SystemFailure

HAS_IPV6 = os.path.exists('/proc/net/if_inet6') and os.path.getsize('/proc/net/if_inet6') > 0
# Answers each connection with its own PID.
SERVER = """
import os, socket, sys
listening = socket.socket(fileno=int(sys.argv[1]))
print(listening.getsockname(), flush=True)
while True:
    peer, _ = listening.accept()
    peer.sendall(b'%d' % os.getpid())
    peer.close()
"""
# Sends each datagram back.
ECHO = """
import socket, sys
own = socket.socket(fileno=int(sys.argv[1]))
print('ready', flush=True)
while True:
    data, peer = own.recvfrom(65536)
    own.sendto(data.upper(), peer)
"""


def test_the_defaults(papa: Papa) -> None:
    details = papa.make_socket('web')
    assert details.pop('port') > 0
    assert details.pop('fileno') > 2
    assert details == {'family': 'inet', 'type': 'stream', 'backlog': 5, 'host': '127.0.0.1'}
    details = papa.make_socket('log', socket_type=socket.SOCK_DGRAM)
    assert set(details) == {'family', 'type', 'host', 'port', 'fileno'}
    assert papa.list_sockets('log') == {'log': details}


@pytest.mark.skipif(not HAS_IPV6, reason='no IPv6 here')
def test_ipv6(papa: Papa) -> None:
    details = papa.make_socket('six', family=socket.AF_INET6)
    assert (details['family'], details['host']) == ('inet6', '::1')
    with socket.create_connection(('::1', details['port'])):
        pass
    assert papa.make_socket('all', family=socket.AF_INET6, host='::', port=0)['host'] == '::'


def test_all_parameters_of_tcp(papa: Papa, free_port: int) -> None:
    details = papa.make_socket('web', host='localhost', port=free_port, backlog=77, family=socket.AF_INET)
    del details['fileno']
    assert details == {'family': 'inet', 'type': 'stream', 'backlog': 77, 'host': 'localhost', 'port': free_port}
    with socket.create_connection(('127.0.0.1', free_port)):
        pass


def test_all_parameters_of_unix(papa: Papa, folder: str) -> None:
    details = papa.make_socket('web', path=f'{folder}/web', umask=0o27, backlog=7)
    del details['fileno']
    assert details == {'family': 'unix', 'type': 'stream', 'backlog': 7, 'path': f'{folder}/web', 'umask': 0o27}
    assert stat.S_IMODE(os.lstat(f'{folder}/web').st_mode) == 0o750


@pytest.mark.parametrize('kind', [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
def test_every_type_of_unix_socket(papa: Papa, folder: str, kind: int) -> None:
    details = papa.make_socket('one', path=f'{folder}/one', socket_type=kind, umask=0)
    assert ('backlog' in details) == (kind != socket.SOCK_DGRAM)
    assert stat.S_IMODE(os.lstat(f'{folder}/one').st_mode) == 0o777
    with socket.socket(socket.AF_UNIX, kind) as client:
        client.connect(f'{folder}/one')
    papa.remove_sockets('one')
    assert os.listdir(folder) == ['kernel0.sock', 'kernel0.sock.lock'] or not os.path.exists(f'{folder}/one')


def test_a_name_with_the_same_parameters_is_the_same_socket(papa: Papa, daemon: Daemon, folder: str) -> None:
    first = papa.make_socket('web', backlog=9)
    before = daemon.descriptors()
    assert papa.make_socket('web', backlog=9) == first
    assert papa.make_socket('web', backlog=9, port=first['port']) == first
    assert papa.make_socket('web', '127.0.0.1', family=socket.AF_INET, backlog=9, reuseport=False) == first
    with daemon.connect() as other:
        assert other.make_socket('web', backlog=9) == first
    unix = papa.make_socket('unix', path=f'{folder}/unix')
    assert papa.make_socket('unix', path=f'{folder}/unix') == unix
    assert daemon.descriptors() == before + 1


@pytest.mark.parametrize(('other', 'word'), [
    ({'backlog': 10}, 'backlog'), ({'port': 1}, 'port'), ({'host': '0.0.0.0'}, 'host'), ({'reuseport': True}, 'reuse'),
    ({'socket_type': socket.SOCK_DGRAM}, 'type'), ({'path': '/tmp/papa-never'}, 'path'),
    ({'family': socket.AF_INET6}, 'family'), ({'interface': 'lo'}, 'interface'),
])
def test_a_name_with_other_parameters_is_a_conflict(papa: Papa, other: dict[str, Any], word: str) -> None:
    details = papa.make_socket('web')
    with pytest.raises(Conflict, match=word):
        papa.make_socket('web', **other)
    assert papa.list_sockets() == {'web': details}
    assert not os.path.exists('/tmp/papa-never')


def test_one_name_for_one_of_each_class(papa: Papa) -> None:
    papa.make_socket('aack')
    papa.set('aack', 'value')
    papa.make_process('aack', **shell('exit'))
    assert set(papa.list_sockets()) == set(papa.list_values()) == set(papa.list_processes()) == {'aack'}
    papa.remove_values('aack')
    assert set(papa.list_sockets()) == {'aack'}


@needs_root
def test_an_interface(papa: Papa) -> None:
    details = papa.make_socket('lo', interface='lo')
    assert (details['interface'], details['host']) == ('lo', '0.0.0.0')
    with socket.create_connection(('127.0.0.1', details['port'])):
        pass
    probe = python(
        'import socket, sys; s = socket.socket(fileno=int(sys.argv[1])); print(s.getsockopt(1, 25, 16))',
        '$(socket.lo.fileno)',
    )
    assert run(papa, **probe).out == b"b'lo\\x00'\n"


def test_names_wildcards_and_file_numbers(papa: Papa) -> None:
    made = {name: papa.make_socket(name) for name in ('web.1', 'web.2', 'other')}
    assert papa.list_sockets('web.*') == {name: made[name] for name in ('web.1', 'web.2')}
    assert papa.list_sockets('*') == papa.list_sockets() == made
    assert papa.list_sockets(made['other']['fileno']) == {'other': made['other']}
    assert papa.list_sockets('other', 'web.1', 'nothing', 'web.1') == {
        name: made[name] for name in ('other', 'web.1')
    }
    number = made['web.1']['fileno']
    named = papa.make_socket(str(number))  # a name wins over a number
    assert papa.list_sockets(number) == {str(number): named}
    papa.remove_sockets(number)
    assert set(papa.list_sockets()) == set(made)
    papa.remove_sockets(number)
    assert set(papa.list_sockets()) == {'web.2', 'other'}
    with pytest.raises(NotFound):
        papa.remove_sockets(number)
    papa.remove_sockets('web.*')
    papa.remove_sockets()
    assert papa.list_sockets() == {}


def test_a_process_serves_a_socket_that_outlives_it(papa: Papa) -> None:
    port = papa.make_socket('web')['port']
    pids = []
    for _ in range(2):  # the second takes over from the first, and a client in between just waits
        with papa.make_process('web', **python(SERVER, '$(socket.web.fileno)'), watch_immediately=True) as watcher:
            watcher.read()
            with socket.create_connection(('127.0.0.1', port)) as client:
                pids.append(int(client.recv(100)))
            end(pids)
            while watcher.read() is not None:
                pass
    assert pids[0] != pids[1]


def test_a_removed_socket_stays_with_those_who_have_it(papa: Papa, folder: str) -> None:
    papa.make_socket('tcp')
    port = papa.list_sockets()['tcp']['port']
    with papa.make_process('tcp', **python(SERVER, '$(socket.tcp.fileno)'), watch_immediately=True) as watcher:
        watcher.read()
        papa.remove_sockets('tcp')
        with socket.create_connection(('127.0.0.1', port)) as client:
            end([int(client.recv(100))])
        assert Seen(watcher).exits == {'tcp': -9}
    with pytest.raises(NotFound):
        papa.make_process('next', **shell('echo $(socket.tcp.fileno)'))
    with socket.socket() as probe:
        assert probe.connect_ex(('127.0.0.1', port)) == errno.ECONNREFUSED


def test_udp(papa: Papa) -> None:
    port = papa.make_socket('udp', socket_type=socket.SOCK_DGRAM)['port']
    with papa.make_process('echo', **python(ECHO, '$(socket.udp.fileno)'), watch_immediately=True) as watcher:
        watcher.read()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(10)
            for number in range(100):
                client.sendto(b'hello %d' % number, ('127.0.0.1', port))
                assert client.recv(100) == b'HELLO %d' % number
        end(details['pid'] for details in papa.list_processes().values())


def test_datagrams_and_packets_over_unix_sockets(papa: Papa, folder: str) -> None:
    papa.make_socket('dgram', path=f'{folder}/dgram', socket_type=socket.SOCK_DGRAM)
    papa.make_socket('packets', path=f'{folder}/packets', socket_type=socket.SOCK_SEQPACKET)
    with papa.make_process('echo', **python(ECHO, '$(socket.dgram.fileno)'), watch_immediately=True) as watcher:
        watcher.read()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.settimeout(10)
            client.bind(f'{folder}/client')
            client.sendto(b'hello', f'{folder}/dgram')
            assert client.recv(100) == b'HELLO'
        end(details['pid'] for details in papa.list_processes().values())
    with papa.make_process('server', **python(SERVER, '$(socket.packets.fileno)'), watch_immediately=True) as watcher:
        watcher.read()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
            client.settimeout(10)
            client.connect(f'{folder}/packets')
            end([int(client.recv(100))])


def test_reuseport_gives_each_process_a_socket_of_its_own(papa: Papa) -> None:
    details = papa.make_socket('web', reuseport=True)
    assert details['reuseport'] is True
    assert 'fileno' not in details
    port = details['port']
    with socket.socket() as probe:  # papa holds the address, but does not listen
        assert probe.connect_ex(('127.0.0.1', port)) == errno.ECONNREFUSED
    pids = []
    watchers = []
    for number in range(3):
        papa.make_process(f'web.{number}', **python(SERVER, '$(socket.web.fileno)'))
        pids.append(papa.list_processes(f'web.{number}')[f'web.{number}']['pid'])
        watchers.append(papa.watch_processes(f'web.{number}'))
        watchers[-1].read()
    answers: Counter[int] = Counter()
    for _ in range(120):
        with socket.create_connection(('127.0.0.1', port)) as client:
            answers[int(client.recv(100))] += 1
    assert set(answers) == set(pids)
    assert min(answers.values()) > 10
    end(pids)
    for watcher in watchers:
        Seen(watcher)
    papa.remove_sockets('web')
    with socket.create_server(('127.0.0.1', port)):
        pass


def test_reuseport_leaves_no_descriptor(papa: Papa, daemon: Daemon) -> None:
    papa.make_socket('web', reuseport=True)
    before = daemon.descriptors()
    run(papa, **shell('echo $(socket.web.fileno)'))
    with pytest.raises(BadRequest):
        papa.make_process('bad', '/no/such/program', ['$(socket.web.fileno)'])
    with pytest.raises(NotFound):
        papa.make_process('bad', '/bin/true', ['$(socket.web.fileno) $(socket.none.port)'])
    wait_until(lambda: daemon.descriptors() == before)  # a pipe of the one that ran may end after its exit


def test_a_unix_socket_made_again_after_its_removal(papa: Papa, folder: str) -> None:
    for _ in range(3):
        papa.make_socket('web', path=f'{folder}/web')
        papa.remove_sockets('web')
        assert not os.path.exists(f'{folder}/web')


def test_a_raw_socket(papa: Papa) -> None:
    if os.geteuid() == 0:
        details = papa.make_socket('raw', socket_type=socket.SOCK_RAW)
        assert details['type'] == 'raw'
        assert 'backlog' not in details
        papa.make_socket('icmp', socket_type=socket.SOCK_RAW, port=socket.IPPROTO_ICMP)
        code = 'import socket, sys; s = socket.socket(fileno=int(sys.argv[1])); print(int(s.type), s.proto)'
        assert run(papa, **python(code, '$(socket.icmp.fileno)')).out == b'3 1\n'
    else:
        with pytest.raises(SystemFailure, match='not permitted'):
            papa.make_socket('raw', socket_type=socket.SOCK_RAW)


def test_over_telnet(daemon: Daemon, papa: Papa, folder: str) -> None:
    with Talker(daemon) as talker:
        line = talker.ask(f'm s web path={folder}/web umask=022')
        assert line == f'web family=unix type=stream backlog=5 path={folder}/web umask=18 ' + line.split()[-1]
        assert talker.ask('l s') == line
        assert talker.ask('make socket tcp reuseport=1').endswith('reuseport=True')
        assert talker.ask('r s') == ''
        assert talker.ask('l s') == ''


def test_what_is_nought_is_shown(papa: Papa, folder: str) -> None:
    details = papa.make_socket('s', path=f'{folder}/s', umask=0, backlog=0)
    assert (details['umask'], details['backlog']) == (0, 0)
    with pytest.raises(Conflict, match='umask=00 \\(not 077\\)'):
        papa.make_socket('s', path=f'{folder}/s', umask=0o77, backlog=0)
