"""Whatever comes over a connection: the kernel answers in one line or closes, and goes on."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Daemon, wait_until

from kernel.tools import Talker, assert_clear, assert_serves, blocked_sender, children, cpu_seconds, resident
from papa import Papa

MB = 1024 * 1024
WORDS = (
    'list', 'l', 'make', 'm', 'remove', 'r', 'watch', 'w', 'set', 's', 'get', 'help', 'h', 'sockets', 's', 'processes',
    'p', 'values', 'v', 'x', '*', 'x*', '--', 'port=', 'port=x', 'path=/', 'uid=', 'bufsize=1', 'env.=', 'env.A=',
    'rlimit.x=1', '=', '==', '\\', 'a\\', '"', '$(socket.', '$(socket.x.fileno)', '-1', '0', '99999999999999999999',
    'family=unix', 'type=raw', 'watch=2', '\u00e9', '\u2028', '\x85', '\t', '\x00', '\x1b[2J', 'umask=09', 'quit2',
)
CLIENT_HELLO = b'\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03' + bytes(range(40, 80))


@pytest.mark.parametrize('start', [b'set x ', b'\tset\tx\t'], ids=['telnet', 'structured'])
def test_an_endless_line_gets_an_error_and_the_end(daemon: Daemon, start: bytes) -> None:
    with Talker(daemon) as talker:
        talker.send(start)
        try:
            for _ in range(40):
                talker.send(b'y' * MB)
        except (BrokenPipeError, ConnectionResetError):
            pass
        reply = talker.rest().decode()
    assert_clear(reply.partition('\n')[0], '16777216 bytes')
    assert 'rror' in reply if start[:1] != b'\t' else reply.startswith('!limit\t')
    with daemon.connect() as papa:
        assert papa.list_values() == {}
    assert resident(daemon.pid) < 90 * MB


def test_a_line_of_nearly_the_limit_is_fine(papa: Papa) -> None:
    text = 'é' * (8 * MB - 100)
    papa.set('long', text)
    assert papa.get('long') == text


def test_who_asks_and_never_reads_costs_no_memory_and_nobody_else_time(daemon: Daemon, papa: Papa) -> None:
    papa.set('big', 'x' * MB)
    before = resident(daemon.pid)
    with Talker(daemon) as glutton:
        sent = blocked_sender(glutton.socket, b'get big\n' * 1000, 64 * MB)
        assert sent < 16 * MB
        assert_serves(daemon)
        assert resident(daemon.pid) - before < 16 * MB
        spent = cpu_seconds(daemon.pid)
        time.sleep(0.3)
        assert cpu_seconds(daemon.pid) - spent < 0.1
        for _ in range(50):  # it is served as soon as it reads
            assert len(glutton.socket.recv(MB)) > 0
    assert_serves(daemon)


def test_pipelined_requests_are_all_answered_in_order(daemon: Daemon) -> None:
    with Talker(daemon) as talker:
        talker.send(b''.join(b'set n %d\nget n\n' % number for number in range(5000)))
        replies = talker.until(b'4999\n> ').decode().split('\n> ')
    assert replies[1:-1:2] == [str(number) for number in range(5000)]


def test_random_bytes(daemon: Daemon) -> None:
    chance = random.Random(1)
    for _ in range(60):
        with Talker(daemon) as talker:
            try:
                for _ in range(20):
                    talker.send(chance.randbytes(chance.randrange(1, 400)) + chance.choice([b'', b'\n', b'\r\n']))
            except (BrokenPipeError, ConnectionResetError):
                pass  # it took us for TLS, say
    _assert_unharmed(daemon)


@pytest.mark.parametrize('separator', [' ', '\t'])
def test_random_words(daemon: Daemon, separator: str) -> None:
    chance = random.Random(2)
    with Talker(daemon) as talker:
        for _ in range(1500):
            words = [chance.choice(WORDS) for _ in range(chance.randrange(1, 8))]
            line = separator.join(words) if separator == ' ' else '\t' + separator.join(words)
            if separator == ' ' and line.startswith('\t'):
                continue
            talker.send(line.encode('utf-8', 'surrogatepass') + b'\n')
            reply = talker.until(b'\n> ' if separator == ' ' else b'\n').decode()
            if 'rror: ' in reply or reply.startswith('!'):
                assert 'Traceback' not in reply
                assert 'inside papa' not in reply, line
                assert reply.count('\n') == 1
    _assert_unharmed(daemon)


def test_full_commands_with_random_words(daemon: Daemon) -> None:
    chance = random.Random(3)
    commands = ('list sockets', 'list processes', 'list values', 'make socket', 'make process', 'remove sockets',
                'remove processes', 'remove values', 'set', 'get', 'help', 'ack', 'stop')
    with Talker(daemon) as talker:
        for _ in range(1500):
            words = [chance.choice(commands), *(chance.choice(WORDS) for _ in range(chance.randrange(6)))]
            talker.send(('\t' + '\t'.join(words).replace('\t\t', '\t')).encode() + b'\n')
            if words[0] == 'ack':
                continue
            reply = talker.until(b'\n').decode()
            assert 'inside papa' not in reply, words
    _assert_unharmed(daemon)


def _assert_unharmed(daemon: Daemon) -> None:
    assert_serves(daemon)
    log = daemon.stop()
    assert 'Traceback' not in log
    assert 'failed' not in log


POST = (
    b'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: 30\r\n\r\n'
    b'set x y\nset x z\n\tset\tx\ty\n'
)


@pytest.mark.parametrize('data', [
    POST,
    POST.replace(b'POST /', b'GET /set?x'),
    b'OPTIONS * HTTP/1.1\r\n\r\nset x y\n',
    b'CONNECT localhost:80 HTTP/1.1\r\n\r\nset x y\n',
    b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nset x y\n',
    b'get http://localhost/ HTTP/1.0\nset x y\n',
    b'Host: localhost\r\nset x y\r\n',
    b'content-type: text/plain\nset x y\n',
    CLIENT_HELLO + b'\nset x y\n\tset\tx\ty\n',
    CLIENT_HELLO,
], ids=['post', 'get', 'options', 'connect', 'http2', 'absolute', 'host', 'header', 'tls-line', 'tls'])
@pytest.mark.parametrize('slowly', [False, True])
def test_http_and_tls_end_the_connection_and_nothing_of_it_runs(
    start_daemon: Callable[..., Daemon], free_port: int, data: bytes, slowly: bool
) -> None:
    daemon = start_daemon(port_or_path=free_port)
    with Talker(daemon) as talker:
        try:
            for piece in data.splitlines(keepends=True) if slowly else [data]:
                talker.send(piece)
        except (BrokenPipeError, ConnectionResetError):
            assert slowly
        reply = talker.rest()
    assert reply == b'Error: This is papa, not a web server\n' or (slowly and reply == b'')
    with daemon.connect() as papa:
        assert papa.list_values() == {}
    assert 'HTTP or TLS' in daemon.stop()


def test_lines_before_an_intrusion_have_run_and_lines_after_it_do_not(daemon: Daemon) -> None:
    with Talker(daemon) as talker:
        talker.send(b'set a 1\nHost: x\nset b 2\n')
        assert talker.rest() == b'\n> Error: This is papa, not a web server\n'
    with daemon.connect() as papa:
        assert papa.list_values() == {'a': '1'}


def test_a_client_that_leaves_in_the_middle_of_a_line(daemon: Daemon) -> None:
    for part in (b'set x', b'\tset\tx\ty', b'get', b'\t', b''):
        with Talker(daemon) as talker:
            talker.send(part)
    with daemon.connect() as papa:
        assert papa.list_values() == {}


def test_a_half_closed_connection_still_gets_its_answers(daemon: Daemon) -> None:
    with Talker(daemon) as talker:
        talker.send(b'set x 1\nget x\n')
        talker.socket.shutdown(1)
        assert talker.rest() == b'\n> 1\n> '


def test_a_hang_up_during_a_look_up_does_not_spin(daemon: Daemon) -> None:
    with Talker(daemon) as talker:
        talker.send(b'make socket s host=no.such.host.invalid\nset after 1\n')
        helpers: list[int] = []
        wait_until(lambda: helpers.extend(_look_ups(daemon)) or helpers, 'the look-up')
        os.kill(helpers[0], signal.SIGSTOP)
    try:
        assert_serves(daemon)
        spent = cpu_seconds(daemon.pid)
        time.sleep(0.3)
        assert cpu_seconds(daemon.pid) - spent < 0.1
    finally:
        os.kill(helpers[0], signal.SIGKILL)
    with daemon.connect() as papa:  # what it had asked for is done in order, though nobody hears of it
        wait_until(lambda: papa.list_values() == {'after': '1'})
        assert papa.list_sockets() == {}
    assert 'Traceback' not in daemon.stop()


def _look_ups(daemon: Daemon) -> list[int]:
    """Helpers of the kernel that have begun: before, they hold it up in vfork."""
    return [pid for pid in children(daemon.pid) if b'to look up a host' in Path(f'/proc/{pid}/cmdline').read_bytes()]
