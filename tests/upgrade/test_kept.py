"""What a kernel holds, one by one: after an upgrade it is as it was before."""

from __future__ import annotations

import os
import signal
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Daemon, wait_until
from kernel.tools import Seen, children, needs_root, python, run, shell, written
from kernel.viewers import Caller, Tap

from papa import Conflict, Papa
from papa.wire.client import ExitFrame, LossFrame, OutputFrame

from .tools import between_kernels

ODD_TEXTS = [
    '', ' ', '\n', '\r\n', 'a\tb', '\\', '\\n', '"', "'", '\0', '\x7f\x80\x9f', '\n> ', 'Error: no', '] ', 'ö€😀',
    ' lead', '\ud800', '\udc00', '\ud83d\ude00', '\ude00\ud83d', '\uffff\ufeff', 'x' * 1_000_000, '😀' * 100_000,
    'trail ',
]


# Values and sockets


def test_values(papa: Papa) -> None:
    for number, text in enumerate(ODD_TEXTS):
        papa.set(f'odd.{number}', text)
        papa.set(f'ö\ud800.{number}', text)
    before = papa.list_values()
    papa.upgrade()
    assert papa.list_values() == before
    assert list(papa.list_values()) == list(before)
    assert [papa.get(f'odd.{number}') for number in range(len(ODD_TEXTS))] == ODD_TEXTS


def test_sockets_of_all_kinds(daemon: Daemon, papa: Papa, folder: str) -> None:
    wanted: dict[str, dict[str, Any]] = {
        'tcp': {}, 'long': {'backlog': 100}, 'udp': {'socket_type': socket.SOCK_DGRAM},
        'unix': {'path': f'{folder}/a b', 'umask': 0o27}, 'shared': {'reuseport': True}, 'name': {'host': 'localhost'},
        'packets': {'path': f'{folder}/q', 'socket_type': socket.SOCK_SEQPACKET},
    }
    made = {name: papa.make_socket(name, **options) for name, options in wanted.items()}
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    waiting = socket.create_connection(('127.0.0.1', made['tcp']['port']))
    with sender, waiting:
        sender.sendto(b'datagram', ('127.0.0.1', made['udp']['port']))
        waiting.sendall(b'stream')
        numbers = [each['fileno'] for each in made.values() if 'fileno' in each]
        files = {fd: os.readlink(f'/proc/{daemon.pid}/fd/{fd}') for fd in numbers}
        with between_kernels(daemon, folder):
            late = socket.create_connection(('127.0.0.1', made['tcp']['port']))
            late.sendall(b'between')
        assert papa.list_sockets() == made
        assert {fd: os.readlink(f'/proc/{daemon.pid}/fd/{fd}') for fd in files} == files
        for name, options in wanted.items():
            assert papa.make_socket(name, **options) == made[name]
        with pytest.raises(Conflict):
            papa.make_socket('tcp', backlog=17)
        receive = """
import socket, sys
tcp, udp = (socket.socket(fileno=int(word)) for word in sys.argv[1:])
for _ in range(2):
    print(tcp.accept()[0].recv(100))
print(udp.recv(100))
"""
        served = run(papa, 'server', **python(receive, '$(socket.tcp.fileno)', '$(socket.udp.fileno)'))
        assert served.out.split() == [b"b'stream'", b"b'between'", b"b'datagram'"], served.err
        late.close()
    assert stat.S_ISSOCK(os.stat(f'{folder}/a b').st_mode)
    papa.remove_sockets()
    assert not os.path.exists(f'{folder}/a b')
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(('127.0.0.1', made['tcp']['port']))


# Processes


def shown(daemon: Daemon, details: dict[str, Any]) -> list[Any]:
    """All that somebody who looks is told of a process, from its beginning."""
    with Caller(daemon) as caller:
        name = next(name for name, each in caller.call('list processes').items() if each['id'] == details['id'])
        caller.watch('peek=1', f'since={details["id"]}:0', '--', name)
        frames: list[Any] = []
        while not is_last(details, frames):
            frames.append(caller.frame())
        return frames


def is_last(details: dict[str, Any], frames: list[Any]) -> bool:
    if not details['running']:
        return bool(frames) and isinstance(frames[-1], ExitFrame)
    ends = [frame.end for frame in frames if isinstance(frame, (OutputFrame, LossFrame))]
    return max(ends, default=0) == int(details['captured'])


@pytest.fixture
def crowd(daemon: Daemon, papa: Papa, folder: str) -> list[tuple[str, dict[str, Any]]]:
    """Processes of all kinds, with what they were asked to be; they have come to rest."""
    mixed = 'for n in 1 2 3 4 5 6; do echo out $n; echo err $n >&2; done'
    large = 'import sys; [sys.stdout.buffer.write(bytes([n]) * n * 100) or sys.stdout.flush() for n in range(200)]'
    papa.make_socket('web')
    wanted: dict[str, dict[str, Any]] = {
        'mixed': shell(mixed), 'merged': {**shell(mixed), 'stderr': -2}, 'quiet': {**shell(mixed), 'stdout': -3},
        'fails': shell('echo last words; exit 7'), 'killed': shell('echo x; kill -9 $$'),
        'lives': shell(f'{mixed}; exec sleep 600'), 'small': {**python(large), 'bufsize': 5000},
        'large': {**python(large), 'bufsize': '4m'}, 'nothing': {**shell(mixed), 'bufsize': 0},
        'odd': {**shell('echo "$*" "$ODD"; exec sleep 600'), 'env': {'ODD': 'ö\udcff\n', 'PATH': os.environ['PATH']}},
        'limited': {**shell('ulimit -n; exec sleep 600'), 'rlimits': {'nofile': 123}},
        'umasked': {**shell('umask; pwd'), 'umask': 0o77, 'working_dir': folder},
        'server': shell('exec sleep 600 # $(socket.web.fileno) $(socket.web.port)'),
        'blocked': {**python('import os; os.write(1, bytes(100000))'), 'bufsize': 4096, 'overflow': 'block'},
    }
    for name, parameters in wanted.items():
        papa.make_process(name, **parameters)
    running = {'lives', 'odd', 'limited', 'server', 'blocked'}

    def at_rest() -> bool:
        details = papa.list_processes()
        if {name for name, each in details.items() if each['running']} != running:
            return False
        sizes = details['limited']['captured'], details['blocked']['captured'], details['lives']['captured']
        return sizes == (4, 4096, 72) and details['odd']['captured'] > 3

    wait_until(at_rest, 'the output')
    for name, position in (('lives', 10), ('large', 12345)):  # inside of a piece
        papa.acknowledge_output(name, position)
    return list(wanted.items())


def test_processes(daemon: Daemon, papa: Papa, crowd: list[tuple[str, dict[str, Any]]]) -> None:
    """Their records, and of each piece its bytes, its time, its stream and its position."""
    before = papa.list_processes()
    told = {name: shown(daemon, details) for name, details in before.items()}
    assert any(isinstance(frame, LossFrame) for frame in told['small'])
    for _ in range(2):
        papa.upgrade()
        assert papa.list_processes() == before
        assert list(papa.list_processes()) == list(before)
        assert {name: shown(daemon, details) for name, details in before.items()} == told
    for name, parameters in crowd:
        assert papa.make_process(name, **parameters) == before[name]
        with pytest.raises(Conflict):
            papa.make_process(name, **{**parameters, 'umask': 0o123})
    new = papa.make_process('new', '/bin/true')
    assert new['id'] not in {each['id'] for each in before.values()}
    with papa.watch_processes('blocked') as watcher:
        assert Seen(watcher).out == bytes(100000)


def test_exits_between_the_kernels(daemon: Daemon, papa: Papa, folder: str) -> None:
    """Nobody waits for them then, and still each exit code is exact, and so is what was written last."""
    cue = f'{folder}/cue'
    pids = {}
    for code in (0, 1, 7, 255):
        os.mkfifo(f'{cue}.{code}')
        details = papa.make_process(f'exits.{code}', **shell(f'read line < {cue}.{code}; echo $line; exit {code}'))  # type: ignore[arg-type]
        pids[f'exits.{code}'] = details['pid']
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
        pids[f'exits.{-number}'] = papa.make_process(f'exits.{-number}', '/bin/sleep', '600')['pid']
    with papa.watch_processes('exits.*') as watcher:
        with between_kernels(daemon, folder):
            for code in (0, 1, 7, 255):
                Path(f'{cue}.{code}').write_text(f'bye {code}\n', encoding='ascii')
            for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
                os.kill(pids[f'exits.{-number}'], number)
            wait_until(lambda: all(is_zombie(pid) for pid in pids.values()), 'the exits')
        seen = Seen(watcher)
    assert seen.exits == {name: int(name.partition('.')[2]) for name in pids}
    assert sorted(seen.out.splitlines()) == sorted(f'bye {code}'.encode() for code in (0, 1, 7, 255))
    assert not children(daemon.pid)


def is_zombie(pid: int) -> bool:
    return Path(f'/proc/{pid}/stat').read_text(encoding='ascii').rpartition(')')[2].split()[0] == 'Z'


def test_output_between_the_kernels(daemon: Daemon, papa: Papa, folder: str) -> None:
    with Caller(daemon) as caller:
        tap = Tap(caller, 'tap', folder)
        with papa.watch_processes('tap') as watcher:
            tap.write(written(0, 1000))
            with between_kernels(daemon, folder):
                tap.write(written(1000, 50000))  # less than the pipe takes
            tap.write(written(51000, 1000))
            tap.close()
            assert Seen(watcher).out == written(0, 52000)


def test_a_writer_that_waits(daemon: Daemon, papa: Papa, folder: str) -> None:
    """With overflow=block: its buffer and its pipe, which is a large one, are full, and stay so."""
    size = 8 * 1024 * 1024
    code = f'import os, sys\nfor n in range({size // 65536}): os.write(1, bytes([n]) * 65536)\nsys.exit(3)'
    details = papa.make_process('writer', **python(code), bufsize='5m', overflow='block')  # type: ignore[arg-type]
    wait_until(lambda: papa.list_processes('writer')['writer']['buffered'] == 5 * 1024 * 1024, 'the output')
    with between_kernels(daemon, folder):
        assert not is_zombie(details['pid'])
    papa.upgrade()
    assert papa.list_processes('writer')['writer']['buffered'] == 5 * 1024 * 1024
    with papa.watch_processes('writer') as watcher:
        seen = Seen(watcher)
    assert seen.out == b''.join(bytes([number]) * 65536 for number in range(size // 65536))
    assert (seen.exits, watcher.dropped) == ({'writer': 3}, {})


def test_one_that_was_removed_and_runs(daemon: Daemon, papa: Papa, folder: str) -> None:
    """It is read to nowhere, and forgotten as soon as it has ended."""
    with Caller(daemon) as caller:
        tap = Tap(caller, 'tap', folder)
        tap.write(b'x' * 1000)
        papa.remove_processes('tap')
        papa.upgrade()
        for _ in range(20):
            tap.write(b'x' * 50000)
        wait_until(lambda: papa.list_processes('tap')['tap']['dropped'] > 900_000, 'the output')
        assert papa.list_processes('tap')['tap']['buffered'] == 0
        tap.close()
        wait_until(lambda: not papa.list_processes('tap'), 'the exit')
        assert not children(daemon.pid)


def test_a_grandchild_that_writes(daemon: Daemon, papa: Papa, folder: str) -> None:
    """Its pipe is read to nowhere, before and after."""
    os.mkfifo(f'{folder}/cue')
    papa.make_process('parent', **shell(f'cat {folder}/cue & echo parent; exit 5'))  # type: ignore[arg-type]
    with open(f'{folder}/cue', 'wb', buffering=0) as cue:
        wait_until(lambda: papa.list_processes('parent')['parent'].get('exit_code') == 5, 'the exit')
        cue.write(b'x' * 100)
        wait_until(lambda: papa.list_processes('parent')['parent']['dropped'] == 100, 'the drain')
        with between_kernels(daemon, folder):
            cue.write(b'x' * 50000)
        for _ in range(20):
            cue.write(b'x' * 50000)
        wait_until(lambda: papa.list_processes('parent')['parent']['dropped'] == 100 + 21 * 50000, 'the drain')
        with papa.watch_processes('parent') as watcher:
            seen = Seen(watcher)
        assert (seen.out, seen.exits) == (b'parent\n', {'parent': 5})


CONFESSION = """
tr '\\0' '\\n' < /proc/$$/environ; pwd; umask; id; nice; ulimit -aS; ulimit -aH; grep -E '^Sig[BIC]' /proc/self/status
ls /proc/$$/fd; [ "$(cut -d' ' -f6 /proc/$$/stat)" = $$ ] && echo a session of its own
"""


@pytest.mark.parametrize('options', [
    {}, {'rlimits': {'core': 0}}, pytest.param({'uid': 65534, 'gid': 0, 'working_dir': '/'}, marks=needs_root),
], ids=['plain', 'rlimits', 'uid'])
def test_what_children_get(start_daemon: Callable[..., Daemon], options: dict[str, Any], folder: str) -> None:
    """The same as ever: what the first kernel was started with."""
    os.mkdir(f'{folder}/home')
    strange = "ulimit -Sn 222; umask 027; trap '' USR1 HUP; exec \"$@\""
    daemon = start_daemon(
        preexec=['/bin/sh', '-c', strange, 'sh'], cwd=f'{folder}/home',
        env={**os.environ, 'ODD': 'ö\udcff\n', 'PYTHONHASHSEED': '1', 'LC_ALL': 'C'},
    )
    with daemon.connect() as papa:
        before = run(papa, 'before', **shell(CONFESSION), **options)
        assert before.exits == {'before': 0}, before.err
        for _ in range(2):
            papa.upgrade()
            after = run(papa, 'after', **shell(CONFESSION), **options)
            assert after.out.splitlines() == before.out.splitlines()
        assert b' 222\n' in before.out
        assert b'a session of its own' in before.out
