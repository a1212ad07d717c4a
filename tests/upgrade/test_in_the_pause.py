"""Requests that come while the kernel is between two programs, and nobody is served."""

from __future__ import annotations

import getpass

import pytest
from conftest import Daemon
from kernel.viewers import Caller

from .tools import between_kernels

USER = f'uid={getpass.getuser()}'  # which has to be looked up


@pytest.mark.parametrize('request_line', [
    ('make process', 'once', USER, '/bin/true'),
    ('make process', 'once', 'uid=no-such-user', '/bin/true'),
    ('make socket', 'once', 'host=localhost'),
    ('make process', 'once', '/bin/true'),
    ('set', 'once', 'yes'),
], ids=['user', 'no user', 'host', 'process', 'value'])
def test_a_request_that_comes_then_is_answered_once(
    daemon: Daemon, folder: str, request_line: tuple[str, ...]
) -> None:
    with Caller(daemon) as caller:
        with between_kernels(daemon, folder):
            caller.say(request_line)
        caller.reply()
        assert caller.call('get', 'nothing') is None
        assert list(caller.call('make process', 'later', USER, '/bin/true')) == ['later']  # that takes as long
        assert caller.call('get', 'nothing') is None


def test_who_comes_then_is_served(daemon: Daemon, folder: str) -> None:
    with between_kernels(daemon, folder):
        early = daemon.open()
        early.sendall(b'get nothing\nquit\n')
    heard = b''
    while part := early.recv(65536):
        heard += part
    early.close()
    assert heard.endswith(b'\n> \n> ok\n')
