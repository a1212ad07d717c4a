"""People at the keyboard, by telnet and netcat: input that ends before the output, or is not for papa."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from .conftest import PATIENCE


def netcat(daemon, text):
    """``printf text | nc -N``: everything at once, then the end of the input. Returns what came after the greeting."""
    where = ('127.0.0.1', str(daemon.where)) if isinstance(daemon.where, int) else ('-U', daemon.where)
    ended = subprocess.run(['nc', '-N', *where], input=text.encode(), capture_output=True, timeout=PATIENCE)
    assert ended.returncode == 0, ended.stderr
    greeting, _, rest = ended.stdout.decode().partition('\n> ')
    assert 'is home' in greeting
    return rest


@pytest.fixture(params=['tcp', 'unix'])
def either(request, start_daemon, free_port):
    """A kernel on TCP and one on a Unix socket."""
    return start_daemon(port_or_path=free_port if request.param == 'tcp' else None)


def test_half_close(either):
    text = 'set a 1\nset b two words\nlist values\nget a\nnonsense\nget b\n'
    rest = netcat(either, text)
    assert re.fullmatch(
        r'\n> \n> a 1\nb two words\n> 1\n> Error: [^\n]*\n> two words\n> ', rest
    )


def test_last_line_without_its_end(either):
    """What is not a whole line is not a request."""
    assert netcat(either, 'set a 1\nset b 2') == '\n> '
    assert netcat(either, 'list values\n') == 'a 1\n> '


def test_nothing_after_quit_is_run(either):
    assert netcat(either, 'set a 1\nquit\nset a 2\n') == '\n> ok\n'
    assert netcat(either, 'get a\n') == '1\n> '


def test_half_close_while_the_kernel_looks_up_a_user(either):
    """A reply that takes a while still comes, and those after it."""
    rest = netcat(either, f'm p x uid={os.getuid()} gid={os.getgid()} /bin/sleep 600\nget a\nl v\n')
    assert re.fullmatch(r'x pid=\d+ [^\n]*\n> \n> \n> ', rest)


def test_half_close_in_a_watch(either):
    with either.connect() as papa:
        papa.make_process('x', '/bin/sh', ['-c', 'echo hi'])
        while papa.list_processes()['x']['running']:
            pass
    rest = netcat(either, 'watch processes x\nq\nlist processes\n')
    assert re.match(r'Watching 1\nout:x:[\d.]+:3\nhi\n\n', rest)
    assert re.search(r'\] (Nothing left to watch|Stopped watching)\n> ', rest)


def test_much_at_once(either):
    """More than the socket's buffers hold, in both directions."""
    value = 'v' * 200
    lines = ''.join(f'set key.{number} {value}\n' for number in range(5000))
    assert netcat(either, lines) == '\n> ' * 5000
    assert netcat(either, 'list values\n' * 3).count(value) == 15000


def test_http_is_sent_away(start_program, daemon):
    chat = start_program('nc', '-U', daemon.where)
    chat.hear()
    chat.say('POST / HTTP/1.1')
    chat.say('set a 1')
    assert re.fullmatch(r'Error: [^\n]+\n', chat.rest('\n'))
    assert netcat(daemon, 'get a\n') == '\n> '
