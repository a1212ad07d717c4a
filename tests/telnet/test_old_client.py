"""The published client of papa 1.0.6 against our kernel, and against the one that came with it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = str(Path(__file__).with_name('old_client_script.py'))
PATIENCE = 30.0

# What the product asks to be otherwise than papa 1.0.6 has it
ASKED = {
    'listed by PID': ['running'],  # "Processes can also be named by PID"
}
OLD_PROCESS_KEYS = {'pid', 'running', 'started', 'args', '--b', 'd'}  # two of them are how it reads arguments with "="


@pytest.fixture(params=['tcp', 'unix'])
def kind(request):
    """The kind of endpoint."""
    return request.param


@pytest.fixture
def run_old_client(old_world, environment):
    """Run a script, or the one of this folder, with the old client; return what it printed as JSON."""

    def run(*arguments, script=SCRIPT, status=0):
        ended = subprocess.run(
            [old_world, '-W', 'ignore', script, *map(str, arguments)],
            capture_output=True, text=True, env=environment(), timeout=PATIENCE,
        )
        assert ended.returncode == status, ended.stderr
        return json.loads(ended.stdout)

    return run


@pytest.fixture
def write_script(folder):
    """Make a script of a few lines that has a client `p` of the kernel that is its first argument."""

    def write(lines):
        path = f'{folder}/script.py'
        Path(path).write_text(
            'import json, sys, papa\n'
            'where = int(sys.argv[1]) if sys.argv[1].isdigit() else sys.argv[1]\n'
            f'p = papa.Papa(where)\n{lines}\n'
        )
        return path

    return write


class OriginalKernel:
    """The kernel of papa 1.0.6."""

    def __init__(self, python, where, environment):
        self.where = where
        option = ['-p', str(where)] if isinstance(where, int) else ['-u', where]
        self.process = subprocess.Popen(
            [python, '-W', 'ignore', str(Path(python).with_name('papa')), *option],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, cwd='/',
        )

    def answers(self):
        assert self.process.poll() is None
        family = socket.AF_INET if isinstance(self.where, int) else socket.AF_UNIX
        with socket.socket(family) as connection:
            return connection.connect_ex(('127.0.0.1', self.where) if isinstance(self.where, int) else self.where) == 0

    def stop(self):
        children = subprocess.run(['ps', '-o', 'pid=', '--ppid', str(self.process.pid)], capture_output=True, text=True)
        self.process.kill()
        self.process.wait()
        for pid in children.stdout.split():
            os.killpg(int(pid), signal.SIGKILL)


@pytest.fixture
def original(kind, old_world, environment, folder, wait_until):
    """The address of an original kernel."""
    with socket.create_server(('127.0.0.1', 0)) as probe:
        port = probe.getsockname()[1]
    kernel = OriginalKernel(old_world, port if kind == 'tcp' else f'{folder}/original.sock', environment())
    try:
        wait_until(kernel.answers, 'the original kernel')
        yield kernel.where
    finally:
        kernel.stop()


@pytest.fixture
def ours(kind, start_daemon, free_port):
    """Our kernel."""
    return start_daemon(port_or_path=free_port if kind == 'tcp' else None, cwd='/')


def comparable(results, folder):
    """Results without what differs from one run to the next, and with errors told apart by nothing but their kind."""
    text = json.dumps(results).replace(folder, 'FOLDER')
    text = re.sub(r'"Error: (?:[^"\\]|\\.)*"', '"Error"', text)
    for key in ('pid', 'port', 'fileno', 'started', 'running'):
        text = re.sub(rf'("{key}"): (?!null)[\w.]+', r'\1: "…"', text)
    text = re.sub(r'listens on \d+', 'listens on …', text)
    text = text.replace('"reuseport": "True"', '"reuseport": "1"')  # it repeats what it was asked for
    return {key: only_old_keys(value) for key, value in json.loads(text).items()}


def only_old_keys(value):
    if isinstance(value, dict) and {'pid', 'started'} <= set(value):
        return {key: item for key, item in value.items() if key in OLD_PROCESS_KEYS}
    return value


def test_every_method(kind, ours, run_old_client, folder, original):
    """The same script, the same results."""
    folders = {name: f'{folder}/{name}' for name in ('ours', 'original')}
    for path in folders.values():
        os.mkdir(path)
    results = run_old_client(ours.where, folders['ours'])
    assert ours.process.wait(PATIENCE) == 0  # it ends with exit_if_idle
    found = comparable(results, folders['ours'])
    expected = comparable(run_old_client(original, folders['original']), folders['original']) | ASKED
    assert len(found) > 100
    assert found == expected
    check_details(results)


def check_details(results):
    made = results['process']
    assert isinstance(made['pid'], int)
    assert isinstance(made['started'], float)
    assert made['running'] is True
    assert made['args'] == '/bin/sh -c echo "two  words"; echo oops >&2; exit 3'
    assert made['working_dir'] == '/'
    assert results['unix socket mode'] == '0o140700'
    assert results['watch'] == {
        'out of one': 'two  words\n', 'err of one': 'oops\n', 'closed one': 3, 'exit_code': {'one': 3}, 'true': False
    }
    assert results['watch environment']['out of env'].splitlines() == ['A=1', 'B=two words', 'C=back\\']
    assert results['after q'] == 'four\n'


def test_environment_of_the_kernel(start_daemon, run_old_client, write_script, environment):
    """Without `env` the original gave an empty one."""
    daemon = start_daemon(env=environment(SOMETHING='of the kernel'))
    script = write_script('''
w = p.make_process('env', '/usr/bin/env', watch_immediately=True)
out = b''
while True:
    reply = w.read()
    if reply is None:
        break
    out += b''.join(o.data for o in reply[0])
print(json.dumps(out.decode()))
''')
    assert 'SOMETHING=of the kernel\n' in run_old_client(daemon.where, script=script)


def test_much_output(ours, run_old_client, write_script):
    """Nothing is lost or doubled while it is read, over many batches."""
    script = write_script(f'''
import hashlib
program = 'import hashlib; [print("%08d" % n, "x" * (n % 300)) for n in range(40000)]'
w = p.make_process('much', {sys.executable!r}, ['-c', program], bufsize='64m', watch_immediately=True)
digest = hashlib.sha256()
size = 0
while True:
    reply = w.read()
    if reply is None:
        break
    for piece in reply[0]:
        digest.update(piece.data)
        size += len(piece.data)
print(json.dumps([size, digest.hexdigest(), w.exit_code, p.list_processes()]))
''')
    expected = ''.join(f'{n:08d} {"x" * (n % 300)}\n' for n in range(40000)).encode()
    assert run_old_client(ours.where, script=script) == [
        len(expected), hashlib.sha256(expected).hexdigest(), {'much': 0}, {}
    ]


def test_killed_reader_loses_nothing(ours, run_old_client, write_script):
    """A reader that dies with a batch in its hands: the next one gets it again, with the same times."""
    script = write_script('''
import os
if 'keep' not in p.list_processes():
    p.make_process('keep', '/bin/sh', ['-c', 'echo one; echo two >&2'])
    while p.list_processes()['keep']['running']:
        pass
print(json.dumps(p.watch_processes('keep').read(), default=bytes.decode))
sys.stdout.flush()
os.kill(os.getpid(), 9)
''')
    first = run_old_client(ours.where, script=script, status=-signal.SIGKILL)
    assert [piece[2] for pieces in first for piece in pieces] == ['one\n', 'two\n', 0]
    assert run_old_client(ours.where, script=script, status=-signal.SIGKILL) == first
