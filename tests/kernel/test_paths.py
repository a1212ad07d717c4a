"""What lies at the path of a kernel, of its lock or of a socket: only a stale socket is ever replaced."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from kernel.tools import assert_clear, assert_refuses, papa_command
from papa import Conflict, Papa


def make_file(path: str) -> None:
    Path(path).write_text('precious')


def make_link(path: str) -> None:
    Path(path + '.target').write_text('precious')
    os.symlink(path + '.target', path)


def make_dangling_link(path: str) -> None:
    os.symlink(path + '.nowhere', path)


def make_fifo(path: str) -> None:
    os.mkfifo(path)


OBSTACLES = [make_file, make_link, make_dangling_link, os.mkdir, make_fifo]


def snapshot(folder: str) -> dict[str, tuple[int, int, bytes]]:
    """Each name in a folder with its inode, mode and contents."""
    found = {}
    for name in sorted(os.listdir(folder)):
        status = os.lstat(f'{folder}/{name}')
        contents = Path(folder, name).read_bytes() if os.path.isfile(f'{folder}/{name}') else b''
        found[name] = (status.st_ino, status.st_mode, contents)
    return found


@pytest.mark.parametrize('suffix', ['', '.lock'])
@pytest.mark.parametrize('obstacle', OBSTACLES)
def test_what_is_no_socket_is_left_alone(folder: str, obstacle: Callable[[str], None], suffix: str) -> None:
    obstacle(f'{folder}/kernel{suffix}')
    before = snapshot(folder)
    for options in ((), ('--daemonize',)):
        ended = papa_command('-u', f'{folder}/kernel', *options)
        assert_refuses(ended, f'{folder}/kernel{suffix}')
        assert snapshot(folder) == before


@pytest.mark.parametrize('obstacle', OBSTACLES)
def test_what_is_no_socket_is_left_alone_by_make_socket(
    papa: Papa, folder: str, obstacle: Callable[[str], None]
) -> None:
    obstacle(f'{folder}/web')
    before = snapshot(folder)
    with pytest.raises(Conflict) as caught:
        papa.make_socket('web', path=f'{folder}/web')
    assert_clear(caught.value, f'{folder}/web')
    assert snapshot(folder) == before
    assert papa.list_sockets() == {}


@pytest.mark.parametrize('kind', [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
def test_a_live_socket_is_left_alone_and_a_stale_one_replaced(papa: Papa, folder: str, kind: int) -> None:
    path = f'{folder}/web'
    with socket.socket(socket.AF_UNIX, kind) as other:
        other.bind(path)
        if kind != socket.SOCK_DGRAM:
            other.listen()
        with pytest.raises(Conflict) as caught:
            papa.make_socket('web', path=path)
        assert_clear(caught.value, path, 'in use')
        assert papa_command('-u', path).returncode != 0
        assert os.path.exists(path)
    papa.make_socket('web', path=path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


def test_a_socket_that_another_has_replaced_is_not_removed(papa: Papa, folder: str) -> None:
    path = f'{folder}/web'
    papa.make_socket('web', path=path)
    os.unlink(path)
    make_file(path)
    papa.remove_sockets('web')
    assert Path(path).read_text() == 'precious'
