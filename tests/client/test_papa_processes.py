"""`papa.Papa`: making, listing and removing processes, with all parameters."""

from __future__ import annotations

import os
import pathlib
import pwd
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Daemon, wait_until

import papa as library
from papa import DEVNULL, STDOUT, BadRequest, Conflict, Error, NotFound, Papa, Watcher

from .helpers import GREETING, FakeKernel, Make

pytestmark = pytest.mark.usefixtures('both')


@pytest.fixture
def papa(shared_papa: Papa) -> Papa:
    """The kernel is shared by the tests of this file."""
    return shared_papa


def output_of(papa: Papa, *command: Any, **options: Any) -> bytes:
    """Run a process to its end; its standard output."""
    with papa.make_process('p', *command, watch_immediately=True, **options) as watcher:
        collected = b''
        while results := watcher.read():
            collected += b''.join(item.data for item in results[0])
    return collected


def argv_of(papa: Papa, *command: Any, **options: Any) -> list[str]:
    """The arguments that a process gets."""
    code = 'import sys; print(ascii(sys.argv[1:]))'
    return eval(output_of(papa, sys.executable, ('-c', code, *command), **options))  # type: ignore[no-any-return]


class TestMakeProcess:
    def test_details(self, papa: Papa) -> None:
        before = time.time()
        made = papa.make_process('p', 'sleep', '60')
        assert before <= made['started'] <= time.time()
        assert made == {
            'pid': made['pid'], 'running': True, 'started': made['started'], 'uid': os.geteuid(), 'gid': os.getegid(),
            'id': made['id'], 'working_dir': os.getcwd(), 'bufsize': 1048576, 'overflow': 'drop', 'sockets': [],
            'captured': 0, 'acknowledged': 0, 'buffered': 0, 'dropped': 0, 'watchers': 0, 'peekers': 0,
            'recorded': True,
            'args': ['sleep', '60'],
        }
        assert papa.list_processes() == {'p': made}

    def test_details_after_the_end(self, papa: Papa) -> None:
        papa.make_process('p', 'sh', ('-c', 'echo hello; exit 3'))
        wait_until(lambda: not papa.list_processes()['p']['running'])
        details = papa.list_processes()['p']
        assert (details['exit_code'], details['captured'], details['buffered']) == (3, 6, 6)
        assert details['started'] <= details['ended'] <= time.time()

    def test_ids_are_unique(self, papa: Papa) -> None:
        assert papa.make_process('a', 'true')['id'] != papa.make_process('b', 'true')['id']

    @pytest.mark.parametrize('sequence', [tuple, list, iter, lambda items: (item for item in items)])
    def test_args_are_a_sequence(self, sequence: Callable[[Any], Any], papa: Papa) -> None:
        assert output_of(papa, 'printf', sequence(('%s|%s|', 'a', 'b c'))) == b'a|b c|'

    def test_one_text_is_one_argument(self, papa: Papa) -> None:
        assert output_of(papa, 'echo', 'two  words') == b'two  words\n'

    def test_the_first_of_args_can_be_the_executable(self, papa: Papa) -> None:
        assert output_of(papa, None, ('echo', 'hello')) == b'hello\n'
        assert papa.make_process('q', args='true')['args'] == ['true']

    def test_no_executable_at_all(self, papa: Papa) -> None:
        for command in ({}, {'args': ()}, {'executable': ''}, {'args': ''}):
            with pytest.raises(BadRequest, match='needs an executable'):
                papa.make_process('p', **command)

    @pytest.mark.parametrize('argument', [
        '', ' ', '\n', '\t', '\\', '"', "'", '$HOME', '*', 'a=b', '--', '-', 'é', '🙂', '\udcff', 'x' * 100000, '$(x)',
    ])
    def test_arguments_arrive_exactly(self, argument: str, papa: Papa) -> None:
        assert argv_of(papa, argument, 'after') == [argument, 'after']

    def test_bytes_paths_and_numbers_as_arguments(self, papa: Papa) -> None:
        assert argv_of(papa, b'\xff\x01', pathlib.Path('/x'), 5, 1.5) == ['\udcff\x01', '/x', '5', '1.5']

    @pytest.mark.parametrize('argument', ['a\0b', b'\0', None, (), object, '\ud83d'])
    def test_bad_arguments(self, argument: Any, papa: Papa) -> None:
        with pytest.raises(BadRequest):
            papa.make_process('p', 'echo', ('a', argument))
        assert papa.list_processes() == {}

    def test_env(self, papa: Papa) -> None:
        env = {'A': 'b', 'B': '', 'C': ' x\n=\t\\', b'D': b'\xff', 'E': 5, 'PATH': os.environ['PATH']}
        found = output_of(papa, 'env', '-0', env=env)
        assert sorted(found.split(b'\0')[:-1]) == sorted([
            b'A=b', b'B=', b'C= x\n=\t\\', b'D=\xff', b'E=5', b'PATH=' + os.fsencode(os.environ['PATH']),
        ])

    def test_the_environment_of_this_program(self, papa: Papa, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv('ONLY_HERE', 'x')
        assert b'ONLY_HERE=x' in output_of(papa, 'env', '-0', env=os.environ).split(b'\0')

    def test_without_env_it_is_the_kernels(self, start_daemon: Callable[..., Daemon]) -> None:
        daemon = start_daemon(env={'PATH': os.environ['PATH'], 'KERNEL': 'yes'})
        with daemon.connect() as papa:
            assert b'KERNEL=yes' in output_of(papa, 'env', '-0').split(b'\0')

    def test_an_empty_env_is_empty(self, papa: Papa) -> None:
        assert output_of(papa, '/usr/bin/env', '-0', env={}) == b''

    @pytest.mark.parametrize('env', [
        {'': 'x'}, {'A=B': 'x'}, {'A': None}, {'A': 'x\0'}, {'A\0': 'x'}, {5.5: []}, ['A'], 5,
    ])
    def test_bad_env(self, env: Any, papa: Papa) -> None:
        with pytest.raises(BadRequest):
            papa.make_process('p', 'true', env=env)
        assert papa.list_processes() == {}

    def test_working_dir(self, papa: Papa, folder: str) -> None:
        assert output_of(papa, 'pwd', working_dir=folder) == os.fsencode(folder) + b'\n'

    def test_a_path_object_as_working_dir(self, papa: Papa, folder: str) -> None:
        assert papa.make_process('p', 'pwd', working_dir=pathlib.Path(folder))['working_dir'] == folder

    def test_own_uid_and_gid_by_number_and_name(self, papa: Papa) -> None:
        entry = pwd.getpwuid(os.geteuid())
        assert papa.make_process('a', 'true', uid=os.geteuid(), gid=os.getegid())['uid'] == os.geteuid()
        assert papa.make_process('b', 'true', uid=entry.pw_name)['uid'] == os.geteuid()

    @pytest.mark.skipif(os.geteuid() != 0, reason='only root can become somebody else')
    def test_another_user(self, papa: Papa) -> None:
        entry = pwd.getpwnam('nobody')
        assert output_of(papa, 'id', '-un', uid='nobody') == b'nobody\n'
        details = papa.make_process('q', 'true', uid=entry.pw_uid, gid='daemon')
        assert details['uid'] == entry.pw_uid

    def test_rlimits(self, papa: Papa) -> None:
        assert output_of(papa, 'sh', ('-c', 'ulimit -n; ulimit -c'), rlimits={'nofile': 77, 'CORE': 0}) == b'77\n0\n'

    def test_an_unlimited_rlimit(self, papa: Papa) -> None:
        assert output_of(papa, 'sh', ('-c', 'ulimit -t'), rlimits={'cpu': resource.RLIM_INFINITY}) == b'unlimited\n'

    @pytest.mark.parametrize('rlimits', [{'none': 1}, {'cpu': 'x'}, {'cpu': 1.5}, {5: 1}, ['cpu'], 'cpu'])
    def test_bad_rlimits(self, rlimits: Any, papa: Papa) -> None:
        with pytest.raises(BadRequest, match=r'limit|cpu'):
            papa.make_process('p', 'true', rlimits=rlimits)
        assert papa.list_processes() == {}

    def test_streams(self, papa: Papa) -> None:
        both = ('-c', 'echo out; echo err >&2; echo out again')
        assert output_of(papa, 'sh', both, stderr=STDOUT) == b'out\nerr\nout again\n'
        assert output_of(papa, 'sh', both, stderr=DEVNULL) == b'out\nout again\n'
        assert output_of(papa, 'sh', both, stdout=DEVNULL) == b''
        assert output_of(papa, 'sh', both, stdout=library.PIPE, stderr=library.PIPE) == b'out\nout again\n'

    @pytest.mark.parametrize('streams', [
        {'stdout': STDOUT}, {'stdout': 1}, {'stderr': 'x'}, {'stdout': []}, {'stderr': 1.5},
    ])
    def test_bad_streams(self, streams: dict[str, Any], papa: Papa) -> None:
        with pytest.raises(BadRequest, match=r'must be papa\.PIPE or papa\.DEVNULL'):
            papa.make_process('p', 'true', **streams)

    @pytest.mark.parametrize(('bufsize', 'size'), [
        (0, 0), (1, 1), ('0', 0), ('100', 100), ('2k', 2048), ('2K', 2048), ('2m', 2097152), ('1g', 1073741824),
        (None, 1048576),
    ])
    def test_bufsize(self, bufsize: Any, size: int, papa: Papa) -> None:
        assert papa.make_process('p', 'true', bufsize=bufsize)['bufsize'] == size

    @pytest.mark.parametrize('bufsize', [-1, 'x', '', '1.5m', 1.5, True, 'k', '1t'])
    def test_bad_bufsize(self, bufsize: Any, papa: Papa) -> None:
        with pytest.raises(BadRequest, match='bufsize'):
            papa.make_process('p', 'true', bufsize=bufsize)

    def test_overflow(self, papa: Papa) -> None:
        assert papa.make_process('p', 'true', overflow='block')['overflow'] == 'block'
        assert papa.make_process('q', 'true', overflow='drop')['overflow'] == 'drop'
        for bad in ('x', '', 5, True):
            with pytest.raises(BadRequest, match='overflow'):
                papa.make_process('r', 'true', overflow=bad)  # type: ignore[arg-type]

    def test_umask(self, papa: Papa) -> None:
        assert output_of(papa, 'sh', ('-c', 'umask'), umask=0o27) == b'0027\n'
        assert output_of(papa, 'sh', ('-c', 'umask'), umask=0) == b'0000\n'
        for bad in (0o1000, -1, 'x', True):
            with pytest.raises(BadRequest, match='umask'):
                papa.make_process('p', 'true', umask=bad)  # type: ignore[arg-type]

    def test_watch_immediately_gives_a_watcher(self, papa: Papa) -> None:
        before = papa.fileno()
        with papa.make_process('p', 'true', watch_immediately=True) as watcher:
            assert isinstance(watcher, Watcher)
            assert watcher.fileno() == before
            assert papa.fileno() is None

    def test_watch_immediately_takes_one_request(self, make_fake: Make) -> None:
        def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
            connection.sendall(GREETING)
            fake.read_request(connection)
            connection.sendall(b'{"watching":[["p","id",0,1.5,0]],"made":null}\n')
            fake.read_request(connection)
            connection.sendall(b'.\n')

        fake = make_fake(serve)
        with Papa(fake.path) as papa, papa.make_process('p', 'true', watch_immediately=True):
            assert len(fake.requests) == 1

    def test_an_error_gives_no_watcher_and_keeps_the_connection(self, papa: Papa) -> None:
        before = papa.fileno()
        with pytest.raises(BadRequest):
            papa.make_process('p', '/no/such', watch_immediately=True)
        assert papa.fileno() == before

    def test_the_same_again_is_the_existing_one(self, papa: Papa) -> None:
        options: dict[str, Any] = {
            'env': {'A': 'b'}, 'working_dir': '/', 'rlimits': {'core': 0}, 'stderr': STDOUT, 'bufsize': '1k',
            'umask': 0o77,
        }
        made = papa.make_process('p', '/bin/sleep', '60', **options)
        assert papa.make_process('p', '/bin/sleep', '60', **options) == made
        assert papa.make_process('p', args=['/bin/sleep', 60], **options) == made
        with papa.make_process('p', '/bin/sleep', '60', watch_immediately=True, **options):
            assert papa.list_processes('p')['p']['pid'] == made['pid']

    @pytest.mark.parametrize(('other', 'words'), [
        ({'args': '61'}, 'sleep 60'), ({'env': {'A': 'b'}}, 'env.A'), ({'working_dir': '/'}, 'working_dir'),
        ({'rlimits': {'core': 0}}, 'rlimits'), ({'stderr': STDOUT}, 'stderr'), ({'stdout': DEVNULL}, 'stdout'),
        ({'bufsize': 5}, 'bufsize=1048576'), ({'overflow': 'block'}, 'overflow=drop'), ({'umask': 0}, 'umask'),
    ])
    def test_other_parameters_are_an_error_that_names_them(self, other: dict[str, Any], words: str, papa: Papa) -> None:
        made = papa.make_process('p', 'sleep', '60')
        with pytest.raises(Conflict, match=words):
            papa.make_process('p', **{'executable': 'sleep', 'args': '60', **other})
        assert papa.list_processes() == {'p': made}

    @pytest.mark.parametrize(('bad', 'words'), [
        ({'executable': '/no/such'}, '/no/such'), ({'executable': 'no-such-program'}, 'no-such-program'),
        ({'executable': '/etc/passwd'}, 'Permission denied'), ({'executable': 5}, '"5"'),
        ({'executable': [1]}, 'executable'), ({'working_dir': 5}, 'working_dir'),
        ({'working_dir': 'relative'}, 'working_dir'), ({'working_dir': '/no/such'}, '/no/such'),
        ({'uid': 'no-such-user'}, 'no-such-user'), ({'gid': 'no-such-group'}, 'no-such-group'), ({'uid': -1}, 'uid'),
        ({'uid': 1.5}, 'uid'), ({'args': ('$(socket.none.port)',)}, 'no socket "none"'),
        ({'args': '$(socket.none.fileno'}, 'parenthesis'),
    ])
    def test_bad_parameters_are_a_clear_error(self, bad: dict[str, Any], words: str, papa: Papa) -> None:
        with pytest.raises(Error, match=words) as caught:
            papa.make_process('p', **{'executable': 'true', **bad})
        assert isinstance(caught.value, (BadRequest, NotFound))
        assert '\n' not in str(caught.value)
        assert papa.list_processes() == {}

    def test_sockets_in_arguments(self, papa: Papa) -> None:
        made = papa.make_socket('web')
        given = argv_of(papa, '$(socket.web.fileno):$(socket.web.port):$(socket.web.fileno)')
        assert given == ['{fileno}:{port}:{fileno}'.format(**made)]
        assert papa.list_processes('p') == {}


def test_listing_processes(papa: Papa) -> None:
    made = {name: papa.make_process(name, 'sleep', '60') for name in ('nginx.1', 'nginx.2', 'other')}
    assert papa.list_processes() == made == papa.list_processes('*')
    assert papa.list_processes('nginx.*') == {name: made[name] for name in ('nginx.1', 'nginx.2')}
    assert papa.list_processes(made['other']['pid']) == {'other': made['other']}
    assert papa.list_processes(str(made['other']['pid'])) == {'other': made['other']}
    assert papa.list_processes('none', 'none.*') == {}


def test_removing_processes(papa: Papa) -> None:
    made = {name: papa.make_process(name, 'sleep', '60') for name in ('a.1', 'a.2', 'b', 'c')}
    assert papa.remove_processes('a.*', made['b']['pid'])
    with pytest.raises(NotFound):
        papa.remove_processes('none')
    assert papa.remove_processes('none*')
    for details in made.values():
        os.kill(details['pid'], signal.SIGKILL)
    wait_until(lambda: list(papa.list_processes()) == ['c'])
    assert papa.remove_processes()
    wait_until(lambda: not papa.list_processes())
