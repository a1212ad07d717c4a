"""`papa.Papa.upgrade` on both clients: what is sent, and what the answers become. The peer is a script."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from papa import BadRequest, Conflict, ConnectionLost, Error, LimitReached, Papa, SystemFailure, Unsupported
from papa.client import calls
from papa.events import Change
from papa.wire import structured

from .helpers import GREETING, FakeKernel, Make, serving

on_both = pytest.mark.usefixtures('both')

DONE = {'version': '2.1.0', 'previous_version': '2.0.0', 'upgrades': 3}


def answering(*replies: bytes) -> Callable[[FakeKernel, socket.socket, int], None]:
    """A peer that answers each request of a connection in its turn."""

    def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
        connection.sendall(GREETING)
        for reply in replies:
            fake.read_request(connection)
            connection.sendall(reply)
        fake.read_request(connection)  # the end

    return serve


def fields(request: bytes) -> list[str]:
    return structured.decode_request(request.rstrip(b'\n'))


@on_both
def test_it_says_what_has_become_of_the_kernel_and_the_connection_goes_on(make_fake: Make) -> None:
    fake = make_fake(answering(structured.encode_reply(DONE), b'=value\n'))
    with Papa(fake.path, autostart=False) as papa:
        before = papa.fileno()
        assert papa.upgrade() == DONE
        assert papa.get('a') == 'value'
        assert papa.fileno() == before
    assert [fields(request) for request in fake.requests[:2]] == [['upgrade'], ['get', 'a']]


@on_both
@pytest.mark.parametrize('kind', [Unsupported, Conflict, SystemFailure, LimitReached])
def test_an_error_leaves_the_connection_as_it_was(kind: type[Error], make_fake: Make) -> None:
    fake = make_fake(answering(structured.encode_error(kind('so it is')), b'=value\n'))
    with Papa(fake.path, autostart=False) as papa:
        with pytest.raises(kind, match=r'^so it is$'):
            papa.upgrade()
        assert papa.get('a') == 'value'


@on_both
def test_a_loss_is_told_and_nothing_is_sent_again(make_fake: Make) -> None:
    fake = make_fake(serving(b''))
    with (
        Papa(fake.path, autostart=False) as papa,
        pytest.raises(ConnectionLost, match='during "upgrade"'),
    ):
        papa.upgrade()
    assert len(fake.requests) == 1


@on_both
def test_in_a_pipeline(make_fake: Make) -> None:
    fake = make_fake(answering(b'-\n' + structured.encode_reply(DONE) + b'=b\n'))
    with Papa(fake.path, autostart=False) as papa, papa.pipeline() as pipe:
        pipe.set('a', 'b')
        pipe.upgrade(Path('/opt/python'))
        pipe.get('a')
    assert pipe.results == [None, DONE, 'b']


@on_both
def test_changes_tell_of_it_whatever_was_asked_for(make_fake: Make) -> None:
    snapshot = {'change': 'snapshot', 'first': True, 'more': False, 'details': {'values': {}}}
    upgraded = {'change': 'upgraded', 'kind': 'kernel', 'name': 'papa', 'details': DONE}
    frames = structured.change_frame(snapshot) + structured.change_frame(upgraded)
    fake = make_fake(answering(b'-\n' + frames, structured.END))
    with Papa(fake.path, autostart=False) as papa, papa.changes('values') as changes:
        assert next(changes).change == 'snapshot'
        assert next(changes) == Change('upgraded', 'kernel', 'papa', DONE)


# The path of the interpreter


def sent(python: Any) -> list[str]:
    return calls.upgrade(python)[0]


@pytest.fixture
def in_folder(folder: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The folder as `os.getcwd` tells it, which is where the test is."""
    monkeypatch.chdir(folder)
    return os.getcwd()


@pytest.mark.parametrize('path', ['/opt/python', '/a b/\udcffü=1', '/link/../python'])
def test_an_absolute_path_is_sent_as_it_is(path: str) -> None:
    for python in (path, Path(path), os.fsencode(path)):
        assert sent(python) == ['upgrade', f'python={path}']


def test_no_path_is_sent_if_there_is_none() -> None:
    assert sent(None) == calls.upgrade()[0] == ['upgrade']


@pytest.mark.parametrize('relative', ['env/bin/python', './env/bin/python', 'x/../env/bin/python'])
def test_a_relative_path_is_made_absolute_and_links_stay(relative: str, in_folder: str) -> None:
    os.makedirs('env/bin')
    os.symlink('/usr/bin/env', 'env/bin/python')  # as in a virtual environment
    for python in (relative, Path(relative)):
        assert sent(python) == ['upgrade', f'python={in_folder}/env/bin/python']


@pytest.mark.parametrize('python', ['', 5, True, ['python'], 'a\0b', b''])
def test_what_is_no_path_is_a_clear_error(python: Any) -> None:
    with pytest.raises(BadRequest, match=r'^python must be ') as caught:
        sent(python)
    assert str(caught.value).isprintable()


def test_a_relative_path_in_a_directory_that_is_gone_is_a_clear_error(in_folder: str) -> None:
    os.mkdir('gone')
    os.chdir('gone')
    os.rmdir('../gone')
    with pytest.raises(BadRequest, match=r'the directory that .* does not exist'):
        sent('python')
    assert sent('/opt/python') == ['upgrade', 'python=/opt/python']
