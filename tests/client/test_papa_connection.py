"""`papa.Papa`: losing, opening and closing the connection, and ending the kernel."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pytest
from conftest import Daemon

from papa import ConnectFailed, ConnectionLost, NotFound, Papa

from .helpers import GREETING, FakeKernel, Make, interrupts

pytestmark = pytest.mark.usefixtures('both')


@pytest.fixture
def papa(shared_papa: Papa) -> Papa:
    """The kernel is shared by the tests of this file."""
    return shared_papa


# Losing the connection


class TestLoss:
    def test_it_says_what_was_being_done_and_where(self, daemon: Daemon) -> None:
        with daemon.connect() as papa:
            daemon.process.kill()
            daemon.process.wait()
            with pytest.raises(ConnectionLost, match=f'to the kernel at {daemon.where} during "list processes"'):
                papa.list_processes()

    def test_the_next_call_connects_again(self, start_daemon: Callable[..., Daemon]) -> None:
        first = start_daemon()
        with first.connect() as papa:
            first.process.terminate()
            first.process.wait()
            start_daemon(port_or_path=first.where)
            with pytest.raises(ConnectionLost):
                papa.set('a', 'b')
            assert papa.get('a') is None
            papa.set('a', 'b')
            assert papa.get('a') == 'b'

    def test_connecting_again_never_starts_a_kernel(self, start_daemon: Callable[..., Daemon]) -> None:
        daemon = start_daemon()
        with Papa(daemon.where) as papa:  # this one may start a kernel
            daemon.process.terminate()
            daemon.process.wait()
            with pytest.raises(ConnectionLost):
                papa.get('a')
            for _ in range(2):
                with pytest.raises(ConnectFailed, match='There is no kernel'):
                    papa.get('a')
        assert not os.path.exists(daemon.where)

    def test_a_closed_client_connects_again_but_starts_no_kernel(self, start_daemon: Callable[..., Daemon]) -> None:
        daemon = start_daemon()
        papa = Papa(daemon.where)
        papa.close()
        assert papa.get('a') is None
        papa.close()
        daemon.process.terminate()
        daemon.process.wait()
        with pytest.raises(ConnectFailed, match='There is no kernel'):
            papa.get('a')
        assert not os.path.exists(daemon.where)

    @pytest.mark.parametrize('call', [
        lambda p: p.set('a', 'b'), lambda p: p.set('a'), lambda p: p.remove_values('a'), lambda p: p.make_socket('s'),
        lambda p: p.remove_sockets('s'), lambda p: p.make_process('p', 'true'), lambda p: p.remove_processes('p'),
        lambda p: p.make_process('p', 'true', watch_immediately=True), lambda p: p.exit_if_idle(),
    ])
    def test_a_command_is_never_sent_twice(self, call: Callable[[Papa], object], make_fake: Make) -> None:
        def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
            connection.sendall(GREETING)
            fake.read_request(connection)

        fake = make_fake(serve)
        with Papa(fake.path) as papa:
            with pytest.raises(ConnectionLost):
                call(papa)
            assert len(fake.requests) == 1
            with pytest.raises(ConnectionLost):
                papa.get('other')
            assert [line.split(b'\t')[1] for line in fake.requests[1:]] == [b'get']

    def test_a_reply_that_breaks_off_is_none(self, make_fake: Make) -> None:
        def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
            connection.sendall(GREETING)
            fake.read_request(connection)
            connection.sendall(b'=half of it')

        with Papa(make_fake(serve).path) as papa, pytest.raises(ConnectionLost, match='"get": it was closed'):
            papa.get('x')


@pytest.mark.blocking_only
def test_an_interrupted_call_leaves_the_client_usable(make_fake: Make) -> None:
    with interrupts() as interrupt:
        def serve(fake: FakeKernel, connection: socket.socket, number: int) -> None:
            connection.sendall(GREETING)
            while fake.read_request(connection):
                if number == 0:
                    interrupt()
                    connection.recv(1)  # until the client hangs up
                    connection.sendall(b'=answer to the first\n')
                connection.sendall(b'=answer to the second\n')

        with Papa(make_fake(serve).path) as papa:
            with pytest.raises(KeyboardInterrupt):
                papa.get('first')
            assert papa.get('second') == 'answer to the second'


def test_an_error_of_the_kernel_leaves_the_connection_as_it_is(papa: Papa) -> None:
    before = papa.fileno()
    for _ in range(3):
        with pytest.raises(NotFound):
            papa.remove_sockets('none')
    assert papa.fileno() == before
    assert papa.list_sockets() == {}


# Opening and closing


def test_a_with_block_closes(daemon: Daemon) -> None:
    with daemon.connect() as papa:
        fd = papa.fileno()
        assert fd is not None
        os.fstat(fd)
    assert papa.fileno() is None
    with pytest.raises(OSError):
        os.fstat(fd)


def test_closing_twice_is_closing_once(daemon: Daemon) -> None:
    papa = daemon.connect()
    papa.close()
    papa.close()
    assert papa.fileno() is None


def test_an_exception_passes_through_a_with_block(daemon: Daemon) -> None:
    with pytest.raises(ZeroDivisionError), daemon.connect():
        raise ZeroDivisionError


def test_no_descriptor_leaks_into_programs_that_the_client_starts(papa: Papa) -> None:
    assert not os.get_inheritable(papa.fileno() or -1)


# Ending


class TestExitIfIdle:
    @pytest.mark.parametrize('hold', [
        lambda p: p.set('a', 'b'), lambda p: p.make_socket('a'), lambda p: p.make_process('a', 'true'),
    ])
    def test_not_while_something_is_held(self, hold: Callable[[Papa], object], papa: Papa) -> None:
        hold(papa)
        before = papa.fileno()
        assert papa.exit_if_idle() is False
        assert papa.fileno() == before

    def test_an_idle_kernel_ends_when_the_connection_closes(self, daemon: Daemon) -> None:
        with daemon.connect() as papa:
            assert papa.exit_if_idle() is True
            assert papa.fileno() is None
            assert daemon.process.wait(20) == 0
        assert not os.path.exists(daemon.where)

    def test_it_waits_for_other_connections(self, daemon: Daemon) -> None:
        other = daemon.connect()
        with daemon.connect() as papa:
            assert papa.exit_if_idle()
        assert other.get('a') is None
        other.close()
        assert daemon.process.wait(20) == 0

    def test_whoever_connects_meanwhile_keeps_it(self, daemon: Daemon) -> None:
        with daemon.connect(), daemon.connect() as papa:
            assert papa.exit_if_idle()
            daemon.connect().close()
        with daemon.connect() as papa:
            assert papa.get('a') is None

    def test_it_stays_if_it_is_not_idle_any_more(self, daemon: Daemon) -> None:
        with daemon.connect() as other, daemon.connect() as papa:
            assert papa.exit_if_idle()
            other.set('a', 'b')
        with daemon.connect() as papa:
            assert papa.get('a') == 'b'
