"""`papa.Papa.pipeline`: many commands in one go, on both clients."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Daemon

from papa import BadRequest, ConnectionLost, NotFound, Papa

from .helpers import GREETING, FakeKernel, Make, serving

pytestmark = pytest.mark.usefixtures('both')


@pytest.fixture
def papa(shared_papa: Papa) -> Papa:
    """The kernel is shared by the tests of this file."""
    return shared_papa


def send(pipe: Any, *queue: Callable[[Any], object]) -> None:
    """Queue each command, and send them."""
    with pipe:
        for each in queue:
            each(pipe)


def test_results_come_in_order(papa: Papa) -> None:
    with papa.pipeline() as pipe:
        pipe.set('a', '1')
        pipe.get('a')
        pipe.make_socket('s')
        pipe.list_values()
        pipe.get('none')
        assert pipe.results == []
    nothing, a, made, values, none = pipe
    assert (nothing, a, values, none) == (None, '1', {'a': '1'}, None)
    assert made == papa.list_sockets()['s']
    assert len(pipe) == len(pipe.results) == 5


def test_an_error_is_raised_after_all_have_run(papa: Papa) -> None:
    pipe = papa.pipeline()
    with pytest.raises(NotFound, match='nope'):
        send(
            pipe, lambda p: p.set('a', '1'), lambda p: p.remove_values('nope'), lambda p: p.remove_sockets('neither'),
            lambda p: p.get('a'),
        )
    first, second, third, last = pipe.results
    assert (first, last) == (None, '1')
    assert isinstance(second, NotFound)
    assert isinstance(third, NotFound)


def test_errors_can_stay_in_their_places(papa: Papa) -> None:
    with papa.pipeline(raise_errors=False) as pipe:
        pipe.remove_values('nope')
        pipe.get('a')
    assert isinstance(pipe.results[0], NotFound)
    assert pipe.results[1:] == [None]


def test_left_by_an_exception_it_sends_nothing(papa: Papa) -> None:
    pipe = papa.pipeline()
    with pytest.raises(ZeroDivisionError):
        send(pipe, lambda p: p.set('a', '1'), lambda _: 1 / 0)
    assert pipe.results == []
    assert papa.list_values() == {}


def test_a_bad_argument_sends_nothing(papa: Papa) -> None:
    with pytest.raises(BadRequest, match='json'):
        send(papa.pipeline(), lambda p: p.set('a', '1'), lambda p: p.set('b', 5))
    assert papa.list_values() == {}


def test_an_empty_one_and_one_that_was_sent(papa: Papa) -> None:
    with papa.pipeline() as pipe:
        pass
    assert pipe.results == []
    with pytest.raises(BadRequest, match='was sent'):
        pipe.get('a')


def test_big_values_both_ways(papa: Papa) -> None:
    big = 'x\n\t\\' * 250000
    with papa.pipeline() as pipe:
        for number in range(20):
            pipe.set(f'v.{number}', big)
            pipe.get(f'v.{number}')
    assert pipe.results == [None, big] * 20


def test_100000_commands_with_big_replies(papa: Papa) -> None:
    """The kernel stops reading those who leave too much unread: it has to be read while it is sent."""
    papa.set('a', 'x' * 500)
    with papa.pipeline() as pipe:
        for _ in range(100000):
            pipe.get('a')
    assert pipe.results == ['x' * 500] * 100000
    assert papa.get('a') == 'x' * 500


def test_100000_commands_against_a_slow_kernel(make_fake: Make) -> None:
    """One that reads little at a time, and nothing while its replies are not taken."""
    def serve(_fake: FakeKernel, connection: socket.socket, _number: int) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        connection.sendall(GREETING)
        count = 0
        while data := connection.recv(32768):
            lines = data.count(b'\n')
            connection.sendall(b''.join(b'=%d\n' % number for number in range(count, count + lines)))
            count += lines
            if count % 16 == 0:
                time.sleep(0.001)

    with Papa(make_fake(serve).path) as papa, papa.pipeline() as pipe:
        for number in range(100000):
            pipe.get(f'a.{number}')
    assert pipe.results == [str(number) for number in range(100000)]


@pytest.mark.parametrize('raise_errors', [True, False])
def test_a_loss_in_the_middle_says_how_many_were_answered(raise_errors: bool, make_fake: Make) -> None:
    fake = make_fake(serving(b'=one\n!not-found\tno\n=half'))
    with Papa(fake.path) as papa:
        pipe = papa.pipeline(raise_errors=raise_errors)
        with pytest.raises(ConnectionLost, match=r'during "pipeline": .*; 2 of 4 commands were answered'):
            send(pipe, *[lambda p: p.get('a')] * 4)
        one, two = pipe.results
        assert (one, type(two)) == ('one', NotFound)
    assert len(fake.requests) == 1


def test_a_peer_that_makes_no_sense(make_fake: Make) -> None:
    with Papa(make_fake(serving(b'nonsense\n')).path) as papa, pytest.raises(ConnectionLost, match='not a reply'):
        send(papa.pipeline(), lambda p: p.get('a'))


def test_ending_the_kernel(daemon: Daemon) -> None:
    with daemon.connect() as papa:
        with papa.pipeline() as pipe:
            pipe.get('a')
            pipe.exit_if_idle()
        assert pipe.results == [None, True]
        assert papa.fileno() is None
        assert daemon.process.wait(20) == 0
