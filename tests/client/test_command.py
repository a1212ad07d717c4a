"""The `papa` command."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PACKAGE, PATIENCE, Daemon, wait_until

from papa import Papa, __version__

from .helpers import end_process, kernel_pid

COMMANDS = {
    'papa': [str(Path(sys.executable).with_name('papa'))],
    'module': [sys.executable, '-m', 'papa'],
    'path': [sys.executable, '-I', '-S', str(PACKAGE)],
}


def run(*arguments: str, command: str = 'module', **options: object) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    environment = {key: value for key, value in os.environ.items() if key != 'PAPA_ENDPOINT'}
    return subprocess.run(
        [*COMMANDS[command], *arguments],
        **{  # type: ignore[call-overload]
            'stdin': subprocess.DEVNULL, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, 'text': True,
            'timeout': PATIENCE, 'check': False, 'env': environment, **options,
        },
    )


def end_kernel(where: str | int) -> int:
    """End the kernel that listens there."""
    with Papa(where, autostart=False) as papa:
        if isinstance(where, str):
            pid = kernel_pid(papa)
        else:
            child = papa.make_process('child', 'sleep', '60')['pid']
            pid = int(Path(f'/proc/{child}/stat').read_text().rpartition(')')[2].split()[1])
            os.kill(child, signal.SIGKILL)
    end_process(pid)
    return pid


@pytest.mark.parametrize('command', COMMANDS)
def test_help(command: str) -> None:
    result = run('--help', command=command)
    assert (result.returncode, result.stderr) == (0, '')
    for option in ('-p', '--port', '-u', '--unix-socket', '--daemonize', '-d', '--debug', '--log-file', '--allow-user',
                   '--allow-any-local-user', '--upgrade', '--python', '--version', 'PAPA_ENDPOINT', '20202'):
        assert option in result.stdout
    assert result.stdout.startswith('usage: papa ')


@pytest.mark.parametrize('command', COMMANDS)
def test_version(command: str) -> None:
    result = run('--version', command=command)
    assert (result.returncode, result.stdout, result.stderr) == (0, f'papa {__version__}\n', '')


@pytest.mark.parametrize(('arguments', 'words'), [
    (('--no-such-option',), 'unrecognized arguments: --no-such-option'),
    (('extra',), 'unrecognized arguments: extra'),
    (('-p',), 'expected one argument'),
    (('-p', '1', '-u', '/x'), 'not allowed with'),
    (('-p', 'x'), 'A port must be a number from 1 to 65535, not "x"'),
    (('-p', '0'), 'A port must be a number'),
    (('-p', '65536'), 'A port must be a number'),
    (('-p', ''), 'A port must be a number'),
    (('-u', 'relative'), 'must be absolute'),
    (('-u', ''), 'must be absolute'),
    (('-u', '/' + 'x' * 120), 'may have 107 bytes'),
    (('-u', '/no/such/papa.sock'), 'No such file or directory'),
    (('-u', '/unused', '--allow-user', 'no-such-user'), 'there is no user "no-such-user"'),
    (('-u', '/unused', '--log-file', '/no/such/log'), 'Cannot log to /no/such/log: No such file or directory'),
])
@pytest.mark.parametrize('daemonize', [(), ('--daemonize',)])
def test_bad_options(arguments: tuple[str, ...], words: str, daemonize: tuple[str, ...]) -> None:
    result = run(*arguments, *daemonize)
    assert result.returncode not in (0, None)
    assert result.stdout == ''
    assert words in result.stderr.splitlines()[-1]
    assert result.stderr.splitlines()[-1].startswith('papa: ')
    assert 'Traceback' not in result.stderr


@pytest.mark.parametrize('text', ['nonsense', 'tcp:x', 'unix:relative', '0'])
def test_a_bad_variable(text: str) -> None:
    result = run(env={**os.environ, 'PAPA_ENDPOINT': text})
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith('papa: ')


class TestForeground:
    def test_it_announces_itself_in_one_line(self, start_daemon: Callable[..., Daemon], free_port: int) -> None:
        daemon = start_daemon()
        assert daemon.announcement == f'papa {__version__} listens on {daemon.where}\n'
        assert start_daemon(port_or_path=free_port).announcement == f'papa {__version__} listens on port {free_port}\n'

    def test_it_logs_to_stderr(self, start_daemon: Callable[..., Daemon]) -> None:
        daemon = start_daemon()
        log = daemon.stop().splitlines()
        line = re.compile(rf'\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d,\d{{3}} papa\[{daemon.pid}\] INFO .+')
        assert all(line.fullmatch(text) for text in log)
        assert f'listens on {daemon.where}, pid {daemon.pid}' in log[0]
        assert 'SIGTERM' in log[-2]

    def test_it_logs_to_a_file(self, start_daemon: Callable[..., Daemon], folder: str) -> None:
        daemon = start_daemon('--log-file', f'{folder}/log')
        assert daemon.stop() == ''
        assert 'listens on' in Path(folder, 'log').read_text()

    def test_a_log_file_is_continued(self, start_daemon: Callable[..., Daemon], folder: str) -> None:
        log = Path(folder, 'log')
        log.write_text('before\n')
        for _ in range(2):
            start_daemon('--log-file', str(log)).stop()
        assert log.read_text().startswith('before\n')
        assert log.read_text().count('listens on') == 2

    @pytest.mark.parametrize('text', ['{where}', 'unix:{where}'])
    def test_the_variable_says_where(self, text: str, folder: str) -> None:
        where = f'{folder}/papa.sock'
        with subprocess.Popen(
            COMMANDS['module'], env={**os.environ, 'PAPA_ENDPOINT': text.format(where=where)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as kernel:
            assert kernel.stdout is not None
            assert kernel.stdout.readline() == f'papa {__version__} listens on {where}\n'
            kernel.terminate()
            assert kernel.wait(PATIENCE) == 0

    def test_an_option_wins_over_the_variable(self, start_daemon: Callable[..., Daemon]) -> None:
        daemon = start_daemon(env={**os.environ, 'PAPA_ENDPOINT': '/no/such/papa.sock'})
        assert os.path.exists(daemon.where)

    @pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
    def test_signals_end_it_in_order(
        self, number: signal.Signals, start_daemon: Callable[..., Daemon], folder: str
    ) -> None:
        daemon = start_daemon()
        with daemon.connect() as papa:
            papa.make_socket('s', path=f'{folder}/s')
            pid = papa.make_process('p', 'sleep', '60')['pid']
            daemon.process.send_signal(number)
            assert daemon.process.wait(PATIENCE) == 0
        os.kill(pid, signal.SIGKILL)  # it was left running
        assert [name for name in os.listdir(folder) if not name.startswith('papa-')] == []
        log = daemon.stop()
        assert f'{number.name}: ending' in log
        assert 'Ended; 1 processes go on by themselves' in log or 'Ended; 1 process' in log

    def test_signals_that_were_ignored_stay_ignored(self, start_daemon: Callable[..., Daemon]) -> None:
        daemon = start_daemon(preexec=['sh', '-c', 'trap "" INT; exec "$@"', '-'])
        daemon.process.send_signal(signal.SIGINT)
        with daemon.connect() as papa:
            assert papa.list_values() == {}

    def test_closed_streams_do_not_matter(self, folder: str) -> None:
        where = f'{folder}/papa.sock'
        kernel = subprocess.Popen(['sh', '-c', 'exec "$@" >&- 2>&- <&-', '-', *COMMANDS['module'], '-u', where])
        wait_until(lambda: os.path.exists(where))
        command = ('-c', 'echo out; echo err >&2')
        out = err = b''
        with (
            Papa(where, autostart=False) as papa,
            papa.make_process('p', 'sh', command, watch_immediately=True) as watcher,
        ):
            while results := watcher.read():
                out += b''.join(item.data for item in results[0])
                err += b''.join(item.data for item in results[1])
        assert (out, err) == (b'out\n', b'err\n')
        kernel.terminate()
        assert kernel.wait(PATIENCE) == 0

    def test_debug_logs_more(self, start_daemon: Callable[..., Daemon]) -> None:
        for option in ('-d', '--debug'):
            daemon = start_daemon(option)
            assert 'listens on' in daemon.stop()


class TestSecond:
    def test_of_a_path(self, daemon: Daemon) -> None:
        result = run('-u', str(daemon.where))
        assert result.returncode == 1
        assert result.stderr == f'papa: A kernel runs at {daemon.where} already\n'
        with daemon.connect() as papa:
            assert papa.list_values() == {}

    def test_of_a_port(self, start_daemon: Callable[..., Daemon], free_port: int) -> None:
        daemon = start_daemon(port_or_path=free_port)
        for daemonize in ((), ('--daemonize',)):
            result = run('-p', str(free_port), *daemonize)
            assert result.returncode == 1
            assert result.stderr == f'papa: A kernel or another program listens on port {free_port} already\n'
        with daemon.connect() as papa:
            assert papa.list_values() == {}


class TestDaemonize:
    def test_it_returns_when_the_kernel_answers(self, folder: str) -> None:
        where = f'{folder}/papa.sock'
        result = run('-u', where, '--daemonize', cwd=folder)
        assert (result.returncode, result.stderr) == (0, '')
        with Papa(where, autostart=False) as papa:
            pid = kernel_pid(papa)
            assert os.readlink(f'/proc/{pid}/cwd') == '/'
            assert os.getsid(pid) != os.getsid(0)
            assert [os.readlink(f'/proc/{pid}/fd/{fd}') for fd in range(3)] == ['/dev/null'] * 3
        assert end_kernel(where) == pid
        assert os.listdir(folder) == []

    def test_on_a_port(self, free_port: int) -> None:
        assert run('-p', str(free_port), '--daemonize').returncode == 0
        end_kernel(free_port)

    def test_it_says_what_is_wrong(self, daemon: Daemon) -> None:
        result = run('-u', str(daemon.where), '--daemonize')
        assert (result.returncode, result.stdout) == (1, '')
        assert result.stderr == f'papa: A kernel runs at {daemon.where} already\n'

    def test_a_relative_log_file_is_where_it_was_started(self, folder: str) -> None:
        where = f'{folder}/papa.sock'
        assert run('-u', where, '--daemonize', '--log-file', 'log', cwd=folder).returncode == 0
        end_kernel(where)
        assert 'listens on' in Path(folder, 'log').read_text()
        assert 'SIGTERM: ending' in Path(folder, 'log').read_text()

    def test_whoever_reads_its_output_sees_the_end(self, folder: str) -> None:
        """As in `$(papa --daemonize)`: the daemon holds no stream of the shell."""
        where = f'{folder}/papa.sock'
        script = f'result=$("$@" -u {where} --daemonize 2>&1); echo "status $? [$result]"'
        result = subprocess.run(
            ['sh', '-c', script, '-', *COMMANDS['module']],
            stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=True,
        )
        end_kernel(where)
        assert result.stdout == 'status 0 []\n'

    def test_a_child_gets_the_directory_of_the_kernel(self, folder: str) -> None:
        where = f'{folder}/papa.sock'
        assert run('-u', where, '--daemonize', cwd=folder).returncode == 0
        with Papa(where, autostart=False) as papa:
            assert papa.make_process('p', 'true')['working_dir'] == '/'
        end_kernel(where)


def test_a_telnet_user_can_end_it(daemon: Daemon) -> None:
    with daemon.open() as raw:
        raw.sendall(b'exit-if-idle\n')
        raw.shutdown(socket.SHUT_WR)
        received = b''
        while part := raw.recv(4096):
            received += part
    assert b'Exiting papa!' in received
    assert daemon.process.wait(PATIENCE) == 0
