"""``papa --upgrade``: what it asks for, what it says, and that it never starts a kernel. The kernel is a script."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pytest

from papa import Error, SystemFailure, Unsupported, command_line
from papa.wire import structured

from .helpers import GREETING, FakeKernel, Make, interrupts, serving

UPGRADED = structured.encode_reply({'version': '2.1.0', 'previous_version': '2.0.0', 'upgrades': 3})

Papa = Callable[..., tuple[int, str, str]]


@pytest.fixture
def papa(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Papa:
    """Run the command in this program: its status, and what it wrote to both streams."""
    monkeypatch.delenv('PAPA_ENDPOINT', raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            status = command_line.main(arguments)
        except SystemExit as end:  # of argparse
            status = end.code  # type: ignore[assignment]
        return (status, *capfd.readouterr())

    return run


def requests(fake: FakeKernel) -> list[list[str]]:
    return [structured.decode_request(request.rstrip(b'\n')) for request in fake.requests]


def test_it_tells_what_runs_there_now(papa: Papa, make_fake: Make) -> None:
    fake = make_fake(serving(UPGRADED))
    assert papa('--upgrade', '-u', fake.path) == (
        0, f'papa 2.1.0 runs at {fake.path} (upgrade 3, it was 2.0.0)\n', ''
    )
    assert requests(fake) == [['upgrade']]


def test_the_variable_says_where(papa: Papa, make_fake: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = make_fake(serving(UPGRADED))
    monkeypatch.setenv('PAPA_ENDPOINT', f'unix:{fake.path}')
    assert papa('--upgrade')[0] == 0
    assert len(fake.requests) == 1


@pytest.mark.parametrize('given', ['/opt/python', 'env/bin/python'])
def test_the_interpreter(given: str, papa: Papa, make_fake: Make, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.chdir(folder)
    fake = make_fake(serving(UPGRADED))
    assert papa('--python', given, '--upgrade', '--unix-socket', fake.path)[0] == 0
    assert requests(fake) == [['upgrade', f'python={os.path.join(os.getcwd(), given)}']]


@pytest.mark.parametrize('error', [Unsupported('An embedded kernel cannot'), SystemFailure('Not upgraded: no')])
def test_what_the_kernel_says_is_one_line(error: Error, papa: Papa, make_fake: Make) -> None:
    fake = make_fake(serving(structured.encode_error(error)))
    assert papa('--upgrade', '-u', fake.path) == (1, '', f'papa: {error}\n')


def test_a_lost_kernel(papa: Papa, make_fake: Make) -> None:
    status, out, err = papa('--upgrade', '-u', make_fake(serving(b'')).path)
    assert (status, out) == (1, '')
    assert err.startswith('papa: Lost the connection')
    assert err.count('\n') == 1


def test_without_a_kernel_none_is_started(papa: Papa, folder: str, free_port: int) -> None:
    path = f'{folder}/none.sock'
    assert papa('--upgrade', '-u', path) == (1, '', f'papa: There is no kernel at {path}\n')
    assert papa('--upgrade', '-p', str(free_port)) == (1, '', f'papa: There is no kernel at port {free_port}\n')
    assert os.listdir(folder) == []


def test_an_interrupt_is_no_traceback(papa: Papa, make_fake: Make) -> None:
    def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
        connection.sendall(GREETING)
        fake.read_request(connection)
        interrupt()
        fake.read_request(connection)  # the end

    with interrupts() as interrupt:
        status, out, err = papa('--upgrade', '-u', make_fake(serve).path)
    assert (status, out) == (1, '')
    assert err.startswith('papa: Interrupted')
    assert err.count('\n') == 1


@pytest.mark.parametrize(('arguments', 'words'), [
    (('-p', 'x'), 'A port must be'), (('-u', 'relative'), 'must be absolute'),
    (('--python', '', '-u', '{fake}'), 'python must be'),
])
def test_bad_values_are_one_line(arguments: tuple[str, ...], words: str, papa: Papa, make_fake: Make) -> None:
    fake = make_fake(serving(UPGRADED))
    status, out, err = papa('--upgrade', *(argument.format(fake=fake.path) for argument in arguments))
    assert (status, out) == (1, '')
    assert err.startswith('papa: ')
    assert words in err
    assert err.count('\n') == 1
    assert not fake.requests


@pytest.mark.parametrize(('arguments', 'words'), [
    (('--python', '/opt/python'), '--python is for --upgrade'),
    (('--python', '/opt/python', '--daemonize'), '--python is for --upgrade'),
    (('--upgrade', '--daemonize'), 'runs already: --daemonize is for starting one'),
    (('--upgrade', '-d'), 'runs already: --debug is for starting one'),
    (('--upgrade', '--debug'), 'runs already: --debug is for starting one'),
    (('--upgrade', '--log-file', 'x'), 'runs already: --log-file is for starting one'),
    (('--log-file', '', '--upgrade'), 'runs already: --log-file is for starting one'),
    (('--upgrade', '--allow-user', 'x'), 'runs already: --allow-user is for starting one'),
    (('--upgrade', '--allow-any-local-user'), 'runs already: --allow-any-local-user is for starting one'),
    (('--upgrade', '--python'), 'expected one argument'),
    (('--upgrade', '-p', '1', '-u', '/x'), 'not allowed with'),
    (('--upgrade', 'now'), 'unrecognized arguments: now'),
    (('--up',), 'unrecognized arguments: --up'),
    (('--upgrad',), 'unrecognized arguments: --upgrad'),
])
def test_what_does_not_go_together(arguments: tuple[str, ...], words: str, papa: Papa) -> None:
    status, out, err = papa(*arguments)
    assert (status, out) == (2, '')
    assert err.startswith('usage: papa ')
    last = err.splitlines()[-1]
    assert last.startswith('papa: error: ')
    assert words in last


def test_it_can_be_seen_in_the_help(papa: Papa) -> None:
    status, out, err = papa('--help')
    assert (status, err) == (0, '')
    assert '--upgrade' in out
    assert '--python PATH' in out
