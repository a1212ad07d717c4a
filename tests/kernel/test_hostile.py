"""What a hostile neighbour or an odd starter tries; each was once a way to harm the kernel."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PACKAGE, PATIENCE, Daemon

from kernel.tools import needs_root, run
from papa import Papa
from papa.kernel.access import tcp_peer
from papa.kernel.sockets import set_mode

Start = Callable[..., Daemon]


def test_an_absurd_acknowledgement_is_one_line(daemon: Daemon, papa: Papa) -> None:
    papa.make_process('job', '/bin/sleep', ['60'])
    for words in ('0:' + '9' * 5000, '9' * 5000 + ':0'):
        with daemon.open() as raw:
            raw.sendall(f'\twatch processes\tjob\n\tack\t{words}\n'.encode())
            said = b''
            while part := raw.recv(65536):
                said += part
            assert said.splitlines()[-1].startswith(b'!bad-request\t')
    assert 'Traceback' not in daemon.stop()


@pytest.mark.parametrize('options', [{}, {'rlimits': {'core': 0}}])
def test_exit_codes_are_exact_though_the_starter_ignored_sigchld(
    start_daemon: Start, options: dict[str, object]
) -> None:
    daemon = start_daemon(preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    with daemon.connect() as papa:
        assert run(papa, executable='/bin/sh', args=('-c', 'exit 7'), **options).exits == {'job': 7}


def test_a_starter_that_blocks_signals_gets_a_kernel_that_ends_at_them(start_daemon: Start) -> None:
    daemon = start_daemon(preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT]))
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(PATIENCE) == 0


def test_a_peer_that_has_vanished_is_nobody() -> None:
    with socket.socket() as listening:
        listening.bind(('127.0.0.1', 0))
        listening.listen()
        with socket.create_connection(listening.getsockname()) as peer:
            accepted, address = listening.accept()
            assert tcp_peer(address, accepted.getsockname()) == os.geteuid()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')  # reset, not closed in order
        with accepted:
            assert tcp_peer(address, listening.getsockname()) is None


def test_a_mode_is_never_set_through_a_link(folder: str) -> None:
    victim = Path(folder, 'victim')
    victim.touch(mode=0o600)
    link = Path(folder, 'link')
    link.symlink_to(victim)
    for path in (link, victim):
        with pytest.raises(OSError, match='place'):
            set_mode(str(path), 0o777)
    assert victim.stat().st_mode & 0o777 == 0o600


@needs_root
def test_many_look_ups_at_once_are_all_answered(daemon: Daemon) -> None:
    codes: list[object] = []

    def make(number: int) -> None:
        with daemon.connect() as papa:
            codes.append(run(papa, f'job.{number}', executable='/bin/true', uid='nobody').exits[f'job.{number}'])

    threads = [threading.Thread(target=make, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE * 3)
    assert codes == [0] * 40


def test_a_log_file_beside_a_directory_that_is_gone(folder: str) -> None:
    script = (
        'import os, sys; os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone"); os.execv(sys.argv[1], sys.argv[1:])'
    )
    command = [sys.executable, '-c', script, sys.executable, str(PACKAGE), '-u', f'{folder}/s', '--log-file', 'x.log']
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith('papa: --log-file x.log: ')
    assert len(ended.stderr.splitlines()) == 1


def test_a_log_that_nobody_reads_stops_nothing(start_daemon: Start) -> None:
    daemon = start_daemon()
    for _ in range(1000):  # each is a line of the log, and the pipe takes 64 KB
        with daemon.open() as raw:
            raw.sendall(b'GET / HTTP/1.1\r\n')
            raw.recv(4096)
    with daemon.connect() as papa:
        papa.set('still', 'here')
        assert papa.get('still') == 'here'


def test_thousands_of_wildcards_take_no_time(daemon: Daemon, papa: Papa) -> None:
    for number in range(500):
        papa.set(f'value.{number}', 'x')
    assert len(papa.list_values(*['v*'] * 20_000, *[f'none{number}*' for number in range(200)])) == 500
