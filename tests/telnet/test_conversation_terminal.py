"""People at the keyboard, by telnet and netcat: how soon a reply comes, and how telnet looks on a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import time

from .conftest import PATIENCE


def test_reply_in_two_parts_is_not_delayed(start_daemon, free_port):
    """Nagle's algorithm would hold the second part for the 40 ms after which the first is acknowledged."""
    connection = start_daemon(port_or_path=free_port).open()
    took = []
    with connection, connection.makefile('rwb', buffering=0) as stream:
        stream.readline()
        for number in range(5):
            start = time.monotonic()
            stream.write(b'make process %d watch=1 /bin/echo\n' % number)
            received = b''
            while not received.endswith(b'] '):
                received += connection.recv(1000)
            took.append(time.monotonic() - start)
            stream.write(b'q\n')
            while not received.endswith(b'\n> '):
                received += connection.recv(1000)
    assert min(took) < 0.03


def test_telnet_on_a_terminal(start_daemon, free_port):
    """As a person sees it: telnet in its line mode, left by its escape character."""
    start_daemon(port_or_path=free_port)
    pid, terminal = pty.fork()
    if not pid:
        os.execvp('telnet', ['telnet', '127.0.0.1', str(free_port)])
    seen = b''

    def hear(end):
        nonlocal seen
        while end not in seen:
            assert select.select([terminal], [], [], PATIENCE)[0], seen
            seen += os.read(terminal, 65536)
        found, _, seen = seen.partition(end)
        return found.decode().replace('\r', '')

    try:
        assert 'Escape character' in hear(b'\n> ')
        os.write(terminal, b'set greeting hello\n')
        hear(b'\n> ')
        os.write(terminal, b'get greeting\n')
        assert hear(b'\n> ').endswith('hello')
        os.write(terminal, b'make process watched watch=1 /bin/echo hello\n')
        assert 'hello' in hear(b'] ')
        os.write(terminal, b'\x1d')
        hear(b'telnet> ')
        os.write(terminal, b'quit\n')
        hear(b'Connection closed')
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
