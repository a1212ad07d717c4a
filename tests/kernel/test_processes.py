"""Processes: what exactly they are started with, and how they are named."""

from __future__ import annotations

import os
import random
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Daemon, wait_until

from kernel.tools import NOBODY, Seen, Talker, needs_root, python, run, shell
from papa import BadRequest, Conflict, NotFound, Papa

# Reports on itself in a form that eval reads.
REPORT = """
import os, resource, signal, sys
fds = []
for name in os.listdir('/proc/self/fd'):
    try:
        fds.append((int(name), os.readlink('/proc/self/fd/' + name)))
    except OSError:
        pass  # the one that lists them
mask = os.umask(0)
status = dict(line.split(':', 1) for line in open('/proc/self/status'))
print(ascii(dict(
    fds=sorted(fds), args=[os.fsencode(a) for a in sys.argv[1:]], env=dict(os.environb), cwd=os.getcwd(), umask=mask,
    sid=os.getsid(0), pid=os.getpid(), pgid=os.getpgid(0), uids=os.getresuid(), gids=os.getresgid(),
    groups=os.getgroups(), ignored=int(status['SigIgn'], 16) & 0x7fffffff, blocked=int(status['SigBlk'], 16),
    limits={name[7:].lower(): resource.getrlimit(getattr(resource, name)) for name in dir(resource)
            if name.startswith('RLIMIT_')},
)))
"""
PYTHON_IGNORES = 1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1)  # the reporter itself does

# Those of 32 and 33, which are glibc's own, depend on what started the kernel: Popen leaves them ignored from 3.13 on.


def report(papa: Papa, *arguments: Any, **options: Any) -> dict[str, Any]:
    """Start a process that says what it sees."""
    seen = run(papa, 'report', **{**python(REPORT, *arguments), **options})
    assert seen.err == b''
    return eval(seen.out)  # type: ignore[no-any-return]


def test_descriptors_are_the_streams_and_the_sockets_referred_to(papa: Papa, folder: str) -> None:
    for name in ('one', 'two', 'three'):
        papa.make_socket(name)
    papa.make_socket('unix', path=f'{folder}/unix')
    papa.make_process('other', **shell('exec sleep 60'))  # whose pipes must not leak
    one, two = (papa.list_sockets(name)[name]['fileno'] for name in ('one', 'two'))
    found = report(papa)
    assert [fd for fd, _ in found['fds']] == [0, 1, 2]
    assert found['fds'][0][1] == '/dev/null'
    found = report(papa, '$(socket.one.fileno)', 'x$(socket.two.fileno)y', '$(socket.three.port)')
    assert [fd for fd, _ in found['fds']] == sorted([0, 1, 2, one, two])
    assert {kind.partition(':')[0] for fd, kind in found['fds'] if fd > 2} == {'socket'}
    assert [fd for fd, _ in report(papa)['fds']] == [0, 1, 2]
    papa.make_socket('shared', reuseport=True)
    found = report(papa, '$(socket.shared.fileno)')
    assert [fd for fd, _ in found['fds']] == [0, 1, 2, int(found['args'][0])]


@pytest.mark.parametrize('options', [{'rlimits': {'core': 0}}, {'rlimits': {'nofile': 200}}, {'uid': os.geteuid()}])
def test_descriptors_with_limits_or_a_user(papa: Papa, options: dict[str, Any]) -> None:
    papa.make_socket('one')
    found = report(papa, '$(socket.one.fileno)', **options)
    assert [fd for fd, _ in found['fds']] == [0, 1, 2, int(found['args'][0])]
    assert found['ignored'] == PYTHON_IGNORES


def test_what_the_kernel_inherits_does_not_reach_the_children(start_daemon: Callable[..., Daemon]) -> None:
    reader, writer = os.pipe()
    daemon = start_daemon(pass_fds=(reader, writer))
    os.close(reader)
    os.close(writer)
    with daemon.connect() as papa:
        assert [fd for fd, _ in report(papa)['fds']] == [0, 1, 2]


def test_a_session_of_its_own_and_default_signals(papa: Papa) -> None:
    found = report(papa)
    assert found['sid'] == found['pid'] == found['pgid']
    assert found['ignored'] == PYTHON_IGNORES
    assert found['blocked'] == 0
    assert run(papa, **shell('kill -PIPE $$; echo alive')).exits == {'job': -signal.SIGPIPE}


def test_arguments_and_environment_are_byte_exact(papa: Papa) -> None:
    chance = random.Random(5)
    arguments = [b'', b' ', b'a b', b'\n', b'\t', b'\\', b'\\\\ ', b'"', b"'", b'=', b'a=b', b'--', b'-x', b'$HOME',
                 b'*', bytes(range(1, 256)), '\u00e9\u2028\U0001f600'.encode(), b'$(echo)', b'x' * 100_000,
                 *(bytes(chance.randrange(1, 256) for _ in range(50)) for _ in range(50))]
    environment = {b'A': b'', b'B': b' ', b'C D': b'\n\t\\"=', b'\xff': bytes(range(1, 256)), b'a.b': b'c=d'}
    found = report(papa, env=environment, args=['-I', '-S', '-c', REPORT, *arguments])
    assert found['args'] == arguments
    expected = {key: value for key, value in found['env'].items() if key != b'LC_CTYPE'}  # Python's own
    assert expected == environment


def test_one_string_is_one_argument(papa: Papa) -> None:
    assert run(papa, executable='/bin/echo', args='a  b c').out == b'a  b c\n'
    assert run(papa, args=['/bin/echo', 'x']).out == b'x\n'
    assert run(papa, executable='echo', args=(1, 2.5)).out == b'1 2.5\n'


def test_the_environment_by_default_is_that_of_the_kernel(start_daemon: Callable[..., Daemon]) -> None:
    environment = {'PATH': os.environ['PATH'], 'LANG': 'C', 'ODD': 'x=y\nz'}
    daemon = start_daemon(env=environment)
    with daemon.connect() as papa:
        assert run(papa, **shell('env -0')).out.split(b'\0') == _environ(papa, environment)
        with Talker(daemon) as talker:
            talker.ask('make process telnet /usr/bin/env')
        with papa.watch_processes('telnet') as watcher:
            assert b'LANG=C\n' in Seen(watcher).out
        assert run(papa, executable='/usr/bin/env', env={}).out == b''
        assert run(papa, executable='/usr/bin/env', env={'A': 'b'}).out == b'A=b\n'


def _environ(papa: Papa, environment: dict[str, str]) -> list[bytes]:
    """What `env` shows in a shell, which adds its own."""
    expected = [f'{key}={value}'.encode() for key, value in environment.items()]
    shown = run(papa, **shell('env -0')).out.split(b'\0')
    added = [entry for entry in shown if entry not in expected]
    assert all(entry.partition(b'=')[0] in (b'PWD', b'', b'_', b'SHLVL', b'OLDPWD') for entry in added), added
    assert all(entry in shown for entry in expected)
    return shown


def test_umask_directory_and_limits(start_daemon: Callable[..., Daemon], folder: str) -> None:
    daemon = start_daemon(umask=0o31, cwd=folder)
    mine = {name[7:].lower(): resource.getrlimit(getattr(resource, name)) for name in dir(resource)
            if name.startswith('RLIMIT_')}
    del mine['ofile']  # another name of nofile
    with daemon.connect() as papa:
        found = report(papa)
        assert found['umask'] == 0o31
        assert found['cwd'] == os.path.realpath(folder)
        assert {**found['limits'], **mine} == found['limits']
        assert report(papa, umask=0o77, working_dir='/usr')['umask'] == 0o77
        assert report(papa, umask=0)['umask'] == 0
        found = report(papa, working_dir='/usr', rlimits={'cpu': 100, 'nofile': 123, 'CORE': 0}, umask=0o22)
        assert (found['cwd'], found['umask']) == ('/usr', 0o22)
        expected = {**mine, 'cpu': (100, 100), 'nofile': (123, 123), 'core': (0, 0)}
        assert {**found['limits'], **expected} == found['limits']
        assert run(papa, **shell('while :; do :; done'), rlimits={'cpu': 1}).exits == {'job': -signal.SIGKILL}


def test_a_signal_that_the_kernel_was_started_to_ignore_stays_so(start_daemon: Callable[..., Daemon]) -> None:
    daemon = start_daemon(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    with daemon.connect() as papa:
        for options in ({}, {'rlimits': {'core': 0}}):
            assert report(papa, **options)['ignored'] == PYTHON_IGNORES | 1 << (signal.SIGHUP - 1)


@needs_root
@pytest.mark.parametrize(('options', 'uid', 'gid'), [
    ({'uid': 'nobody'}, NOBODY, NOBODY), ({'uid': NOBODY}, NOBODY, NOBODY), ({'uid': str(NOBODY), 'gid': 12345}, NOBODY,
                                                                             12345),
    ({'uid': 54321, 'gid': 12345}, 54321, 12345), ({'gid': 12345}, 0, 12345), ({'uid': 0}, 0, 0), ({'gid': 0}, 0, 0),
    ({'uid': 'nobody', 'gid': 'daemon'}, NOBODY, 1),
])
def test_user_and_groups(papa: Papa, options: dict[str, Any], uid: int, gid: int) -> None:
    script = r'grep -E "^(Uid|Gid|Groups|CapEff):" /proc/self/status'
    seen = run(papa, **shell(script), **options)
    status = dict(line.split(':\t') for line in seen.out.decode().splitlines())
    assert status['Uid'].split() == [str(uid)] * 4
    assert status['Gid'].split() == [str(gid)] * 4
    if uid:
        assert int(status['CapEff'], 16) == 0
        assert set(status['Groups'].split()) == {str(gid)}
    details = papa.make_process('again', '/bin/true', **options)
    assert (details['uid'], details['gid']) == (uid, gid)


@pytest.mark.parametrize(('text', 'expected'), [
    ('$(socket.a.port)', '{a}'), ('$(socket.a.port)$(socket.b.port)', '{a}{b}'),
    ('x$(socket.a.port)y$(socket.a.port)z', 'x{a}y{a}z'), ('$(socket.a.b.port)', '{ab}'), ('$(a)', '$(a)'),
    ('$(socket', '$(socket'), ('$$(socket.a.port))', '${a})'), ('$(SOCKET.a.port)', '$(SOCKET.a.port)'),
])
def test_placeholders(papa: Papa, text: str, expected: str) -> None:
    ports = {key: papa.make_socket(name)['port'] for key, name in (('a', 'a'), ('b', 'b'), ('ab', 'a.b'))}
    assert run(papa, executable='/bin/echo', args=[text]).out.decode() == expected.format(**ports) + '\n'


def test_a_placeholder_in_the_executable(papa: Papa, folder: str) -> None:
    port = papa.make_socket('web')['port']
    os.symlink('/bin/echo', f'{folder}/run-{port}')
    assert run(papa, executable=f'{folder}/run-$(socket.web.port)', args=['x']).out == b'x\n'


def test_details(papa: Papa) -> None:
    port = papa.make_socket('web')['port']
    made = papa.make_process('job', **shell('echo hello; echo $1; exit 3'), bufsize='64k', overflow='block')
    assert made['running'] is True
    assert 'exit_code' not in made
    wait_until(lambda: not papa.list_processes()['job']['running'])
    details = papa.list_processes()['job']
    assert details['id'] == made['id']
    assert details['started'] <= details['ended']
    for key, value in {
        'exit_code': 3, 'args': ['/bin/sh', '-c', 'echo hello; echo $1; exit 3'], 'bufsize': 65536, 'captured': 7,
        'overflow': 'block', 'buffered': 7, 'acknowledged': 0, 'dropped': 0, 'watchers': 0, 'peekers': 0, 'sockets': [],
        'uid': os.geteuid(), 'gid': os.getegid(), 'working_dir': os.getcwd(),
    }.items():
        assert details[key] == value, key
    other = papa.make_process('other', '/bin/echo', ['$(socket.web.port)', '$(socket.web.fileno)'])
    assert other['sockets'] == ['web']
    assert other['args'] == ['/bin/echo', '$(socket.web.port)', '$(socket.web.fileno)']
    assert port
    assert other['id'] != made['id']


@pytest.mark.parametrize(('given', 'recorded'), [
    ({}, True), ({'stdout': subprocess.DEVNULL}, True), ({'bufsize': 0}, False),
    ({'stdout': subprocess.DEVNULL, 'stderr': subprocess.DEVNULL}, False),
])
def test_whether_it_is_recorded(papa: Papa, given: dict[str, Any], recorded: bool) -> None:
    made = papa.make_process('job', '/bin/sleep', ['60'], **given)
    assert made['recorded'] is papa.list_processes()['job']['recorded'] is recorded
    papa.remove_processes('job')
    details = papa.list_processes()['job']
    assert (details['running'], details['recorded']) == (True, False)
    os.kill(made['pid'], signal.SIGKILL)


SAME: dict[str, Any] = {
    'executable': '/bin/sleep', 'args': ['60'], 'env': {'A': '1'}, 'working_dir': '/', 'rlimits': {'core': 0},
    'bufsize': '1m', 'umask': 0o22,
}


def test_a_name_with_the_same_parameters_is_the_same_process(papa: Papa, daemon: Daemon) -> None:
    made = papa.make_process('job', **SAME)
    assert papa.make_process('job', **SAME) == made
    with daemon.connect() as other:
        same = {**SAME, 'args': '60', 'bufsize': 1 << 20, 'rlimits': {'CORE': 0}, 'uid': os.geteuid()}
        assert other.make_process('job', **same)['pid'] == made['pid']


@pytest.mark.parametrize(('other', 'word'), [
    ({'args': ['61']}, 'args'), ({'env': {'A': '2'}}, 'env.A'), ({'env': None}, 'env.'), ({'gid': 12345}, 'gid'),
    ({'rlimits': None}, 'rlimits'), ({'bufsize': 5}, 'bufsize'), ({'umask': None}, 'umask'), ({'stdout': -3}, 'stdout'),
    ({'stderr': -2}, 'stderr'), ({'overflow': 'block'}, 'overflow'), ({'working_dir': '/usr'}, 'dir'),
])
def test_a_name_with_other_parameters_is_a_conflict(papa: Papa, other: dict[str, Any], word: str) -> None:
    if 'gid' in other and os.geteuid():
        pytest.skip('it takes root')
    made = papa.make_process('job', **SAME)
    with pytest.raises(Conflict, match=word) as caught:
        papa.make_process('job', **{**SAME, **other})
    assert '\n' not in str(caught.value)
    assert papa.list_processes()['job']['pid'] == made['pid']


def test_an_ended_process_holds_its_name(papa: Papa) -> None:
    made = papa.make_process('job', '/bin/true')
    wait_until(lambda: not papa.list_processes()['job']['running'])
    again = papa.make_process('job', '/bin/true')
    assert (again['pid'], again['running']) == (made['pid'], False)
    with pytest.raises(Conflict):
        papa.make_process('job', '/bin/false')
    papa.remove_processes('job')
    assert papa.make_process('job', '/bin/false')['id'] != made['id']


def test_names_wildcards_and_pids(papa: Papa) -> None:
    pids = {name: papa.make_process(name, '/bin/sleep', ['60'])['pid'] for name in ('web.1', 'web.2', 'other')}
    assert set(papa.list_processes('web.*')) == {'web.1', 'web.2'}
    assert set(papa.list_processes(pids['other'], 'web.1', 'nothing')) == {'other', 'web.1'}
    watcher = papa.watch_processes(pids['web.1'], 'other')
    os.kill(pids['web.1'], signal.SIGTERM)
    os.kill(pids['other'], signal.SIGKILL)
    assert Seen(watcher).exits == {'web.1': -15, 'other': -9}
    with pytest.raises(NotFound):
        papa.remove_processes(pids['web.1'])
    named = papa.make_process(str(pids['web.2']), '/bin/true')  # a name wins over a number
    assert papa.list_processes(pids['web.2'])[str(pids['web.2'])]['pid'] == named['pid']


def test_several_watched_at_once_from_their_start(papa: Papa, daemon: Daemon) -> None:
    with papa.make_process('a', **shell('echo a'), watch_immediately=True) as watcher:
        assert Seen(watcher).out == b'a\n'
        with daemon.connect() as other, other.make_process(
            'b', **shell('echo b'), watch_immediately=True
        ) as second:
            assert Seen(second).out == b'b\n'
    assert papa.list_processes() == {}


def test_a_script_without_an_interpreter_line(papa: Papa, folder: str) -> None:
    script = Path(folder, 'script')
    script.write_text('echo hello\n')
    script.chmod(0o755)
    with pytest.raises(BadRequest, match='#!'):
        papa.make_process('job', str(script))
    script.write_text('#!/no/such/interpreter\n')
    with pytest.raises(BadRequest, match='interpreter'):
        papa.make_process('job', str(script))
    script.write_text(f'#!{sys.executable}\nprint("hello")\n')
    assert run(papa, executable=str(script)).out == b'hello\n'


def test_a_socket_works_in_the_child_as_in_the_kernel(papa: Papa) -> None:
    """It is the same socket: blocking, listening, close-on-exec off."""
    papa.make_socket('web')
    code = 'import socket, sys; s = socket.socket(fileno=int(sys.argv[1])); print(s.getblocking(), s.getsockopt(1, 30))'
    assert run(papa, **python(code, '$(socket.web.fileno)')).out == b'True 1\n'
    assert socket.SO_ACCEPTCONN == 30
