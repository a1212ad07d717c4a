"""Everybody who can ask a real kernel to upgrade: both clients, pipelines, telnet users, the command."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import PACKAGE, PATIENCE, Daemon, wait_until
from kernel.tools import Talker

import papa as library
from papa import AsyncPapa, Conflict, Error, SystemFailure, Unsupported, __version__
from papa.events import Change


@pytest.fixture(params=['tcp', 'unix'])
def kernel(request: pytest.FixtureRequest, start_daemon: Callable[..., Daemon], free_port: int) -> Daemon:
    """A real kernel on each kind of endpoint."""
    return start_daemon(port_or_path=free_port if request.param == 'tcp' else None)


def done(upgrades: int) -> dict[str, Any]:
    """The answer to an upgrade that makes them so many."""
    return {'version': __version__, 'previous_version': __version__, 'upgrades': upgrades}


def program_of(pid: int) -> str:
    """The first word of the command line of a process."""
    return Path(f'/proc/{pid}/cmdline').read_bytes().partition(b'\0')[0].decode()


@pytest.fixture
def link_to_python(folder: str) -> str:
    """A link to this Python, as a virtual environment has one."""
    os.symlink(sys.executable, f'{folder}/python-of-old')
    return f'{folder}/python-of-old'


# Clients


def test_papa(kernel: Daemon) -> None:
    with kernel.connect() as papa, kernel.connect() as other:
        before = papa.kernel_info()
        assert (before['upgrades'], before['previous_version']) == (0, None)
        papa.set('a', 'x')
        for count in (1, 2):
            connections = papa.fileno(), other.fileno()
            assert papa.upgrade() == done(count)
            assert other.get('a') == 'x'
            assert (papa.fileno(), other.fileno()) == connections
        after = papa.kernel_info()
        assert (after['upgrades'], after['previous_version']) == (2, __version__)
        assert all(after[key] == before[key] for key in ('pid', 'started', 'endpoint'))


def test_async_papa(kernel: Daemon) -> None:
    async def run() -> None:
        async with AsyncPapa(kernel.where, autostart=False) as papa:
            await papa.set('a', 'x')
            upgraded, *values = await asyncio.gather(papa.upgrade(), *(papa.get('a') for _ in range(50)))
            assert upgraded == done(1)
            assert values == ['x'] * 50
            assert await papa.upgrade() == done(2)
            assert (await papa.kernel_info())['upgrades'] == 2

    asyncio.run(run())


def test_a_pipeline(daemon: Daemon) -> None:
    with daemon.connect() as papa:
        with papa.pipeline() as pipe:
            for number in range(100):
                pipe.set(f'a.{number}', str(number))
            pipe.upgrade()
            for number in range(100):
                pipe.get(f'a.{number}')
        assert pipe.results == [None] * 100 + [done(1)] + [str(number) for number in range(100)]


@pytest.mark.parametrize('kinds', [(), ('sockets',), ('values', 'processes')])
def test_changes_tell_of_it(kinds: tuple[str, ...], daemon: Daemon) -> None:
    with daemon.connect() as papa, daemon.connect() as other, other.changes(*kinds) as changes:
        assert next(changes).change == 'snapshot'
        papa.upgrade()
        assert next(changes) == Change('upgraded', 'kernel', 'papa', done(1))


def test_another_interpreter(daemon: Daemon, link_to_python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The link itself is what runs, also where the path is relative."""
    monkeypatch.chdir(os.path.dirname(link_to_python))
    with daemon.connect() as papa:
        assert papa.upgrade(os.path.basename(link_to_python)) == done(1)
        assert os.path.samefile(os.path.dirname(program_of(daemon.pid)), os.path.dirname(link_to_python))
        assert os.path.basename(program_of(daemon.pid)) == 'python-of-old'
        assert papa.upgrade() == done(2)
        assert os.path.basename(program_of(daemon.pid)) == 'python-of-old'
        assert papa.upgrade(Path(sys.executable)) == done(3)
        assert program_of(daemon.pid) == sys.executable


@pytest.mark.parametrize('python', ['no-such-python', '/bin/false', '/etc/passwd', '/'])
def test_what_is_no_interpreter_is_one_clear_line(python: str, daemon: Daemon) -> None:
    with daemon.connect() as papa:
        papa.set('a', 'x')
        with pytest.raises(SystemFailure) as caught:
            papa.upgrade(python)
        assert str(caught.value).isprintable()
        assert papa.get('a') == 'x'
        assert papa.kernel_info()['upgrades'] == 0
        assert papa.upgrade() == done(1)


def test_only_one_at_a_time(daemon: Daemon, folder: str) -> None:
    """The first one waits for an interpreter that says nothing until it is let."""
    gate, python = f'{folder}/gate', f'{folder}/python'
    os.mkfifo(gate)
    Path(python).write_text(f'#!/bin/sh\necho > {folder}/runs\nread line < {gate}\necho no such luck\n')
    os.chmod(python, 0o755)
    with Talker(daemon) as first, daemon.connect() as second:
        first.send(f'upgrade python={python}\n'.encode())
        wait_until(lambda: os.path.exists(f'{folder}/runs'), 'the interpreter')
        with pytest.raises(Conflict, match='under way already'):
            second.upgrade()
        Path(gate).write_text('\n')
        refusal = first.until_prompt().decode()
        assert refusal.startswith('Error: ')
        assert 'no such luck' in refusal
        assert second.upgrade() == done(1)


def test_an_embedded_kernel_refuses(folder: str) -> None:
    library.set_debug_mode(quit_when_connection_closed=True)
    try:
        with library.Papa(f'{folder}/embedded.sock') as papa:
            with pytest.raises(Unsupported) as caught:
                papa.upgrade()
            assert str(caught.value).isprintable()
            assert (papa.kernel_info()['upgrades'], papa.kernel_info()['previous_version']) == (0, None)
    finally:
        library.set_debug_mode(False)


# Telnet


def test_a_telnet_user(kernel: Daemon) -> None:
    with Talker(kernel) as talker:
        talker.ask('set a some words')
        for count, word in enumerate(('upgrade', 'UPGRADE'), 1):
            said = dict(line.split(' ', 1) for line in talker.ask(word).splitlines())
            assert said == {key: str(value) for key, value in done(count).items()}
        assert talker.ask('get a') == 'some words'


@pytest.mark.parametrize('word', ['upgr', 'upgrad', 'u', 'U'])
def test_it_cannot_be_abbreviated(word: str, daemon: Daemon) -> None:
    with Talker(daemon) as talker:
        assert talker.ask(word) == 'Error: You cannot abbreviate "upgrade"'
        assert 'upgrades 0' in talker.ask('info').splitlines()


@pytest.mark.parametrize('line', ['x', 'updates', 'restart', 'list u', 'l u', 'remove', 'help x'])
def test_it_is_never_suggested(line: str, daemon: Daemon) -> None:
    """No line that means nothing is answered by the offer to replace the kernel."""
    with Talker(daemon) as talker:
        answer = talker.ask(line)
        assert answer.startswith('Error: ')
        assert 'upgrade' not in answer


@pytest.mark.parametrize(('words', 'reason'), [
    ('python=env/bin/python', 'must be an absolute path'), ('python=', 'needs a value'), ('now', 'not "now"'),
    ('speed=high', 'the options are python'), ('python=/a python=/b', 'given twice'),
    ('python=/no/such/python', 'No such file'),
])
def test_bad_words_of_a_telnet_user(words: str, reason: str, daemon: Daemon) -> None:
    with Talker(daemon) as talker:
        answer = talker.ask(f'upgrade {words}')
        assert answer.startswith('Error: ')
        assert reason in answer
        assert answer.isprintable()
        assert 'upgrades 0' in talker.ask('info').splitlines()


def test_changes_of_a_telnet_user(daemon: Daemon) -> None:
    with Talker(daemon) as listener, daemon.connect() as papa:
        listener.send(b'changes sockets\n')
        assert listener.until(b'\n') == b'Listening\n'
        papa.upgrade()
        line = f'upgraded kernel papa version={__version__} previous_version={__version__} upgrades=1\n'
        assert listener.until(b'\n') == line.encode()
        listener.send(b'q\n')
        assert listener.until(b'\n> ').endswith(b'Stopped listening\n> ')


# The command


def command(daemon: Daemon, *arguments: str) -> subprocess.CompletedProcess[str]:
    where = ('-p', str(daemon.where)) if isinstance(daemon.where, int) else ('-u', daemon.where)
    return subprocess.run(
        [sys.executable, str(PACKAGE), '--upgrade', *where, *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE * 2, check=False,
    )


def test_the_command(kernel: Daemon) -> None:
    at = f'port {kernel.where}' if isinstance(kernel.where, int) else kernel.where
    with kernel.connect() as papa:
        papa.set('a', 'x')
        for count in (1, 2):
            ended = command(kernel)
            said = f'papa {__version__} runs at {at} (upgrade {count}, it was {__version__})\n'
            assert (ended.returncode, ended.stdout, ended.stderr) == (0, said, '')
        assert papa.get('a') == 'x'
        assert papa.kernel_info()['pid'] == kernel.pid


def test_the_command_with_another_interpreter(daemon: Daemon, link_to_python: str) -> None:
    assert command(daemon, '--python', link_to_python).returncode == 0
    assert program_of(daemon.pid) == link_to_python
    ended = command(daemon, '--python', '/bin/false')
    assert (ended.returncode, ended.stdout) == (1, '')
    assert ended.stderr.startswith('papa: ')
    assert ended.stderr.count('\n') == 1
    with daemon.connect() as papa:
        assert papa.kernel_info()['upgrades'] == 1


def test_the_command_says_what_the_kernel_says(daemon: Daemon) -> None:
    with daemon.connect() as papa, pytest.raises(Error) as caught:
        papa.upgrade('/no/such/python')
    assert command(daemon, '--python', '/no/such/python').stderr == f'papa: {caught.value}\n'
