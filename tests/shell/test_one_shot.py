"""One command in the arguments, against a real kernel."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import PATIENCE, Daemon, wait_until

from papa import Papa
from papa.line.files import LONGEST
from papa.line.grammar import parse
from papa.options import KINDS
from papa.version import __version__
from papa.wire.server import MAX_LINE
from papa_shell.runner import Runner
from papa_shell.session import Session

from .conftest import Shell
from .programs import PROGRAM, environment

MEMORY = 256 * 1024 * 1024  # bytes


def test_values(shell: Shell, papa: Papa) -> None:
    assert shell('set', 'x', 'hello', 'world').returncode == 0
    assert papa.get('x') == 'hello world'
    assert shell('get', 'x').stdout == 'hello world\n'
    assert shell('get', 'x', '--raw').stdout == 'hello world'
    assert shell('get', '-o', 'json', 'x').stdout == '{"x": "hello world"}\n'
    assert shell('list', 'values', '-o', 'jsonl').stdout == '{"name": "x", "value": "hello world"}\n'
    assert shell('set', 'x').returncode == 0
    gone = shell('get', 'x')
    assert (gone.returncode, gone.stdout, gone.stderr) == (1, '', '')
    assert shell('set', 'x', '').returncode == 0
    assert shell('get', 'x').stdout == '\n'


def test_arguments_are_never_parsed_again(shell: Shell, papa: Papa) -> None:
    words = ["it's", '|', '#', 'a\\b', 'c\nd', '"', '$(socket.', '']
    assert shell('set', 'x', *words).returncode == 0
    assert papa.get('x') == ' '.join(words)


def test_bytes_come_back_as_they_were_given(shell: Shell, daemon: Daemon) -> None:
    for locale in ('C', 'C.UTF-8', 'POSIX'):
        env = environment(daemon.where, LC_ALL=locale)
        subprocess.run([*PROGRAM, 'set', 'x', b'\xff\xc3\xa9'], env=env, check=True, timeout=PATIENCE)
        assert subprocess.check_output([*PROGRAM, 'get', 'x'], env=env, timeout=PATIENCE) == b'\xff\xc3\xa9\n'


def test_a_value_from_a_file(shell: Shell, papa: Papa, folder: str) -> None:
    text = 'line\n' * 100_000 + 'end'
    Path(folder, 'value').write_text(text)
    assert shell('set', 'x', '--file', f'{folder}/value').returncode == 0
    assert papa.get('x') == text
    assert shell('set', '--file', '-', 'y', stdin=text).returncode == 0
    assert papa.get('y') == text
    assert shell('get', '--raw', 'y').stdout == text
    missing = shell('set', 'x', '--file', f'{folder}/none')
    assert missing.returncode == 1
    assert missing.stderr == f'papa-shell: Cannot read {folder}/none: No such file or directory\n'
    assert papa.get('x') == text


def test_a_file_that_is_too_large_is_not_read_to_its_end(shell: Shell, papa: Papa, folder: str) -> None:
    assert LONGEST == MAX_LINE
    papa.set('x', 'before')
    large = Path(folder, 'large')
    with large.open('wb') as file:
        file.truncate(1 << 40)
    for path in (str(large), '/dev/zero'):
        ran = shell('set', 'x', '--file', path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, [MEMORY] * 2))
        says = f'papa-shell: Cannot set this: {path} has 16 MB or more, and a value has less\n'
        assert (ran.returncode, ran.stderr) == (1, says)
    assert papa.get('x') == 'before'


def test_a_file_is_never_a_value_by_mistake(shell: Shell, papa: Papa, folder: str) -> None:
    papa.set('x', 'before')
    Path(folder, 'value').write_text('new')
    for words in (('--file',), ('--file', ''), ('--file', '/a', 'b'), ('--file', f'{folder}/value', '--raw')):
        ran = shell('set', 'x', *words)
        assert (ran.returncode, ran.stderr.count('\n')) == (2, 1)
        assert ran.stderr.endswith('set -- x --file...\n')
    assert papa.get('x') == 'before'
    assert shell('set', 'x', f'--file={folder}/value').returncode == 0
    assert papa.get('x') == 'new'
    assert shell('set', '--', 'x', '--file').returncode == 0
    assert papa.get('x') == '--file'


def test_sockets_and_processes(shell: Shell, papa: Papa) -> None:
    made = shell('make', 'socket', 'web', 'host=127.0.0.1')
    assert made.returncode == 0
    assert made.stdout == shell('list', 'sockets').stdout
    assert made.stdout.split('\t')[:4] == ['web', 'inet', 'stream', '127.0.0.1']
    started = shell('make', 'process', '-o', 'json', 'a=b', 'env.X=y', '--', '/bin/echo', '-o', 'plain')
    details = json.loads(started.stdout)['a=b']
    assert details['args'] == ['/bin/echo', '-o', 'plain']
    listed = shell('list', 'processes', 'a=*').stdout.split('\t')
    assert listed[0] == 'a=b'
    assert json.loads(shell('list', 'processes', '-o', 'json').stdout).keys() == papa.list_processes().keys()
    assert shell('remove', 'sockets', 'web').stdout == ''
    assert papa.list_sockets() == {}
    wrong = shell('remove', 'sockets', 'web')
    assert (wrong.returncode, wrong.stderr) == (1, 'papa-shell: There is no socket "web"\n')


def test_removing_says_what_it_leaves(shell: Shell, papa: Papa) -> None:
    for words in (('processes', 'x*', '-y'), ('sockets', 'x*', '-y'), ('values', 'x*'), ('processes',)):
        ran = shell('remove', *words)
        what = 'There are no processes' if words == ('processes',) else f'No {KINDS[words[0]]} matches "x*"'
        assert (ran.returncode, ran.stderr) == (0, f'papa-shell: {what}\n')
    pid = papa.make_process('p', 'sleep', ['100'])['pid']
    papa.make_process('q', 'true')
    wait_until(lambda: not papa.list_processes()['q']['running'])
    ran = shell('remove', 'processes', 'p', 'q')
    goes_on = f'p goes on, and nothing of it is recorded any more; to end it: kill {pid}'
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, '', f'papa-shell: {goes_on}\n')
    assert shell('list', 'processes').stdout.endswith('\t0\n')
    assert json.loads(shell('list', 'processes', '-o', 'json').stdout)['p']['recorded'] is False
    for command in ('watch', 'peek'):
        ran = shell(command, 'processes', '--no-follow')
        assert ran.stderr == 'papa-shell: p is not recorded: of it, only the exit will be told\n'


def test_acknowledge_info_and_upgrade(shell: Shell, papa: Papa) -> None:
    papa.make_process('p', 'sh', ['-c', 'echo hello; exec sleep 100'])
    wait_until(lambda: papa.list_processes()['p']['buffered'] == 6)
    assert shell('acknowledge', 'p', '2').stdout == '2\n'
    info = dict(line.split('\t') for line in shell('info').stdout.splitlines())
    assert info['version'] == __version__
    assert shell('upgrade', '-o', 'json').returncode == 0
    assert papa.kernel_info()['upgrades'] == 1


def test_exit_if_idle_says_what_became_of_it(shell: Shell, daemon: Daemon, papa: Papa) -> None:
    papa.make_socket('s')
    for name in ('a', 'b'):
        papa.set(name, '1')
    papa.make_process('p', 'sleep', '100')
    busy = shell('exit-if-idle')
    where = f'papa-shell: The kernel at {daemon.where}'
    assert (busy.returncode, busy.stdout) == (1, '')
    assert busy.stderr == f'{where} goes on: it holds 1 socket, 2 values and 1 process\n'
    papa.remove_sockets()
    os.kill(papa.list_processes()['p']['pid'], signal.SIGKILL)
    papa.remove_processes()
    wait_until(lambda: not papa.list_processes())
    assert shell('exit-if-idle').stderr == f'{where} goes on: it holds 2 values\n'
    papa.remove_values('a', 'b')
    kept = shell('exit-if-idle')
    assert (kept.returncode, kept.stderr) == (0, f'{where} ends as soon as nobody is connected to it any more\n')
    assert daemon.process.poll() is None
    papa.close()
    daemon.process.wait(PATIENCE)
    ran = shell('exit-if-idle')
    assert (ran.returncode, ran.stderr) == (3, none_at(daemon.where))


def test_exit_if_idle_has_ended_it_when_it_says_so(shell: Shell, daemon: Daemon) -> None:
    ran = shell('exit-if-idle')
    assert (ran.returncode, ran.stdout) == (0, '')
    assert ran.stderr == f'papa-shell: The kernel at {daemon.where} has ended\n'
    assert daemon.process.wait(PATIENCE) == 0


def test_abbreviations(shell: Shell) -> None:
    short = shell('l', 'v')
    assert (short.returncode, short.stderr) == (0, 'papa-shell: "l v" is short for "list values"\n')
    assert shell('list', 'values').stderr == ''
    strict = shell('l', 'v', '--strict')
    assert strict.returncode == 2
    assert strict.stderr == 'papa-shell: --strict: write "list values" for "l v"\n'
    dry = shell('-n', 's', 'x', 'a b')
    assert (dry.returncode, dry.stdout) == (0, "set x 'a b'\n")
    assert shell('get', 'x').returncode == 1


@pytest.mark.parametrize(('words', 'status'), [
    (('lst',), 2), (('get',), 2), (('get', 'x', '--follow'), 2), (('--nope',), 2), (('list', 'values', '-o', 'x'), 2),
    (('make', 'socket', 'x', 'port=x'), 1), (('make', 'socket', 'x', 'prot=1'), 2), (('watch', 'processes'), 1),
    (('changes', '-o', 'json'), 2), (('--keep-going', 'info'), 2), (('make', 'process', 'x', 'no/such/program'), 1),
    (('remove', 'values', '*'), 1), (('watch', 'processes', '--exit-code', '*'), 1),
])
def test_statuses_of_what_is_wrong(shell: Shell, words: tuple[str, ...], status: int) -> None:
    ran = shell(*words)
    assert (ran.returncode, ran.stdout) == (status, '')
    assert ran.stderr.startswith('papa-shell: ')
    assert ran.stderr.count('\n') == 1


def none_at(where: object, more: str = ', and so does a command that makes or sets something') -> str:
    return f'papa-shell: There is no kernel at {where}: "papa --daemonize -u {where}" starts one{more}\n'


def test_a_place_where_no_kernel_can_be(shell: Shell, folder: str) -> None:
    Path(folder, 'file').touch()
    for where, what in (
        (folder, 'that is a directory, not a socket'), (f'{folder}/file', 'that is a file, not a socket'),
        (f'{folder}/none/x', f'there is no directory {folder}/none'),
    ):
        ran = shell('-u', where, 'get', 'x')
        assert (ran.returncode, ran.stderr) == (3, f'papa-shell: There is no kernel at {where}: {what}\n')


def test_a_bad_place_is_a_wrong_line(shell: Shell) -> None:
    for where in ('bogus', '/tmp/', '99999', f'/{"a" * 200}'):
        by_variable = shell('get', 'x', env={'PAPA_ENDPOINT': where})
        assert by_variable.stderr.startswith('papa-shell: PAPA_ENDPOINT: ')
        assert (by_variable.returncode, by_variable.stderr.count('\n')) == (2, 1)
        by_option = shell('-u', where, 'get', 'x')
        assert (by_option.returncode, by_option.stderr.count('\n')) == (2, 1)


def test_no_kernel(shell: Shell, folder: str) -> None:
    where = f'{folder}/none.sock'
    for words in (('get', 'x'), ('list', 'processes'), ('info',), ('watch', 'processes'), ('remove', 'sockets')):
        ran = shell('-u', where, *words)
        assert (ran.returncode, ran.stdout, ran.stderr) == (3, '', none_at(where))
    ran = shell('-u', where, '--no-autostart', 'set', 'x', '1')
    assert (ran.returncode, ran.stdout, ran.stderr) == (3, '', none_at(where, ''))
    assert not Path(where).exists()


def test_what_makes_or_sets_starts_a_kernel(shell: Shell, folder: str) -> None:
    where = f'{folder}/new.sock'
    assert shell('-u', where, 'set', 'x', '1').returncode == 0
    assert shell('-u', where, 'get', 'x').stdout == '1\n'
    assert shell('-u', where, 'set', 'x').returncode == 0
    assert shell('-u', where, 'exit-if-idle').returncode == 0
    wait_until(lambda: not Path(where).exists(), 'the end of the kernel')


def test_a_kernel_that_does_not_answer(shell: Shell, daemon: Daemon) -> None:
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        ran = shell('--timeout', '0.2', 'get', 'x')
    finally:
        daemon.process.send_signal(signal.SIGCONT)
    assert ran.returncode == 3
    assert '0.2 seconds' in ran.stderr


def test_the_time_does_not_bound_a_stream(shell: Shell, papa: Papa) -> None:
    papa.make_process('p', 'sh', ['-c', 'echo a; sleep 0.5; echo b'])
    ran = shell('--timeout', '0.2', 'watch', 'processes', 'p')
    assert ran.returncode == 0
    assert [line.split('\t')[3] for line in ran.stdout.splitlines()] == ['a', 'b', '0']


def test_standard_output_that_is_closed_or_full(shell: Shell, papa: Papa) -> None:
    papa.set('x', 'secret')
    closed = shell('get', 'x', preexec_fn=lambda: os.close(1), env={})
    assert closed.returncode == 1
    assert 'Cannot write the result' in closed.stderr
    with open('/dev/full', 'wb') as full:
        ran = subprocess.run(
            [*PROGRAM, 'get', 'x'], stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False,
            env=environment(papa.endpoint.path),
        )
    assert (ran.returncode, ran.stderr) == (1, 'papa-shell: Cannot write the result: No space left on device\n')


def test_help_and_version(shell: Shell) -> None:
    assert shell('--version').stdout == f'papa-shell {__version__}\n'
    assert 'usage: papa-shell' in shell('--help').stdout
    assert shell('help').stdout.startswith('The commands are:')
    told = shell('help', 'watch', 'processes')
    assert '--no-follow' in told.stdout
    assert told.stderr == ''
    assert shell('help', 'nonsense').returncode == 2


def test_what_would_be_ignored_is_refused_as_it_was_typed(shell: Shell) -> None:
    for words, says in (
        (('--vi', 'get', 'v'), '--vi is for the prompt: give it without a command'),
        (('-f', 'F', 'get', 'v'), '-f is for scripts: give it without a command'),
        (('get', '--script=F', 'v'), '--script is for scripts: give it without a command'),
    ):
        ran = shell(*words)
        assert (ran.returncode, ran.stdout, ran.stderr) == (2, '', f'papa-shell: {says}\n')
    helped = shell('--help', 'list')
    assert (helped.returncode, helped.stderr) == (0, '')
    assert 'usage: papa-shell' in helped.stdout


def test_an_interrupt(daemon: Daemon) -> None:
    with daemon.connect() as papa:
        papa.make_process('p', 'sh', ['-c', 'echo first; exec sleep 100'])
        with subprocess.Popen(
            [*PROGRAM, 'watch', 'processes', 'p'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment(daemon.where),
        ) as run:
            assert run.stdout is not None
            assert run.stdout.readline().endswith('first\n')
            wait_until(lambda: papa.list_processes()['p']['buffered'] == 0, 'the acknowledgement')
            before = time.monotonic()
            run.send_signal(signal.SIGINT)
            _, errors = run.communicate(timeout=PATIENCE)
            assert time.monotonic() - before < 5
        assert (run.returncode, errors) == (130, '')


_INTERRUPTED_WHILE_LOADING = """
import runpy, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
runpy.run_module('papa_shell', run_name='__main__')
"""


@pytest.mark.parametrize('name', ['papa_shell.main', 'papa.errors', 'papa.line.grammar', 'papa_shell.runner'])
def test_an_interrupt_while_it_is_being_loaded(daemon: Daemon, name: str) -> None:
    ran = subprocess.run(
        [sys.executable, '-c', _INTERRUPTED_WHILE_LOADING.format(name=name), 'get', 'x'], capture_output=True,
        text=True, timeout=PATIENCE, check=False, env=environment(daemon.where),
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, '', '')


class Newer(Session):
    """A kernel that answers in forms of its own."""

    def __init__(self, reply: object) -> None:
        super().__init__()
        self._reply = reply

    def call(self, *_: object) -> object:
        return self._reply


@pytest.mark.parametrize(('text', 'reply'), [
    ('list processes -o table', {'p': {'running': True}}),
    ('list processes -o table', {'p': 5}),
    ('list processes -o plain', 'processes'),
    ('list values -o plain', [['x', '1']]),
    ('watch processes --no-follow -o plain', {'p': {'buffered': 0}}),
    ('info -o plain', None),
])
def test_a_reply_of_a_form_that_is_not_known(text: str, reply: object, capfd: pytest.CaptureFixture[str]) -> None:
    line = parse(text)
    assert line is not None
    assert Runner(Newer(reply), {}).run(line) == 1
    said = capfd.readouterr()
    assert said.out == ''
    assert said.err.startswith('papa-shell: The kernel is of another version, or papa-shell has a fault: ')
    assert said.err.count('\n') == 1
