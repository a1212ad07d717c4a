"""What README.md shows is true: its programs run, its transcripts are what happens."""

from __future__ import annotations

import configparser
import http.client
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import PATIENCE, Daemon, wait_until

from papa import Papa, command_line
from papa_shell import formats

ROOT = Path(__file__).resolve().parent.parent
README = ROOT.joinpath('README.md').read_text()
FILES = dict(re.findall(r'^`([\w.]+)`:\n\n```python\n(.*?)^```', README, re.DOTALL | re.MULTILINE))

def python_in(text: str) -> list[str]:
    """The snippets that stand there."""
    return re.findall(r'^```python\n(.*?)^```', text, re.DOTALL | re.MULTILINE)


_before, _programmers, _after = re.split(r'^## (?=For programmers|By telnet)', README, flags=re.MULTILINE)
PROGRAMMERS = '\n'.join(python_in(_programmers))
PYTHON = [code for code in python_in(_before + _after) if code not in FILES.values()]


@pytest.fixture
def kernel(start_daemon: Callable[..., Daemon], folder: str) -> Iterator[Papa]:
    """A kernel whose processes find their home in the test's folder."""
    with start_daemon(env={**os.environ, 'HOME': folder}).connect() as papa:
        yield papa


def test_the_two_commands() -> None:
    for line in (
        "python3 -m venv .venv && .venv/bin/pip install -e '.[all]' && .venv/bin/papa-shell",
        "python3 -m venv .venv && .venv/bin/pip install -e '.[all,test]' && .venv/bin/pytest",
    ):
        assert f'```sh\n{line}\n```' in README


def test_the_pictures_are_there() -> None:
    for path in re.findall(r'^!\[.*\]\((.*)\)$', README, re.MULTILINE):
        assert ROOT.joinpath(path).read_text().startswith('<svg')


def test_the_first_example(kernel: Papa, folder: str, free_port: int) -> None:
    for name, text in FILES.items():
        Path(folder, name).write_text(text.replace('8080', str(free_port)))
    output: list[str] = []

    def start_manager() -> tuple[subprocess.Popen[str], threading.Thread]:
        manager = subprocess.Popen(
            [sys.executable, 'manager.py'], cwd=folder, env={**os.environ, 'PAPA_ENDPOINT': kernel.endpoint.uri},
            stdout=subprocess.PIPE, text=True,
        )
        assert manager.stdout is not None
        reader = threading.Thread(target=output.extend, args=(manager.stdout,))
        reader.start()
        return manager, reader

    def get(path: str) -> None:
        connection = http.client.HTTPConnection('127.0.0.1', free_port, timeout=PATIENCE)
        connection.request('GET', path)
        assert connection.getresponse().read() == b'Hello\n'
        connection.close()

    def was_logged(path: str) -> bool:
        return any(f'"GET {path} HTTP/1.1" 200' in line for line in output)

    manager, reader = start_manager()
    try:
        wait_until(lambda: sum('Booting worker' in line for line in output) == 2, 'two servers')
        get('/first')
        wait_until(lambda: was_logged('/first'), 'the log of the first request')
        manager.kill()
        manager.wait()
        reader.join(PATIENCE)
        get('/while-nobody-watches')
        assert not was_logged('/while-nobody-watches')
        wait_until(lambda: any(p['buffered'] for p in kernel.list_processes().values()), 'the log')
        output.clear()
    finally:
        manager.kill()
        reader.join(PATIENCE)
        manager.communicate()
    manager, reader = start_manager()
    try:
        wait_until(lambda: was_logged('/while-nobody-watches'), 'the log of before')
        assert not was_logged('/first')
        assert all(re.match(r'\d\d:\d\d:\d\d demo\.web\.[12] ', line) for line in output)
        for details in kernel.list_processes().values():
            os.killpg(details['pid'], signal.SIGTERM)
        assert manager.wait(PATIENCE) == 0
        reader.join(PATIENCE)
        assert sorted(line for line in output if 'ended with' in line) == [
            f'demo.web.{number} ended with {code}\n' for number, code in ((1, 0), (2, 0))
        ]
    finally:
        manager.kill()
        reader.join(PATIENCE)
        manager.communicate()
    assert kernel.list_processes() == {}


def test_the_snippets(kernel: Papa, folder: str, free_port: int) -> None:
    """All in one program, in their order."""
    code = '\n'.join(['from papa import Papa', *PYTHON])
    code = code.replace('8080', str(free_port)).replace('/run/demo', folder)
    ran = subprocess.run(
        [sys.executable, '-W', 'error', '-c', code], env={**os.environ, 'PAPA_ENDPOINT': kernel.endpoint.uri},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, '')
    error, details, job, ends = ran.stdout.splitlines()
    assert f'print(error)  # {error}' in README
    assert details.endswith(' True')
    assert re.fullmatch(r"demo\.job [\d.]+ b'working\\n'", job)
    assert f'# {ends}' in README


def test_what_is_said_to_programmers(kernel: Papa) -> None:
    """It is one program, and prints what stands beside each `print`."""
    ran = subprocess.run(
        [sys.executable, '-W', 'error', '-c', PROGRAMMERS], env={**os.environ, 'PAPA_ENDPOINT': kernel.endpoint.uri},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, '')
    assert ran.stdout.splitlines() == re.findall(r'print\(.*\)  # (.*)', PROGRAMMERS)


def test_the_session_by_telnet(kernel: Papa, free_port: int) -> None:
    (session,) = re.findall(r'^\$ telnet localhost 20202\n(.*?)^```', README, re.DOTALL | re.MULTILINE)
    said = ''
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(PATIENCE)
        raw.connect(str(kernel.endpoint.path))
        for command in re.findall(r'^[>\]] (.+)$', session, re.MULTILINE):
            while not said.endswith(('\n> ', '] ')):
                said += raw.recv(65536).decode()
            if command.startswith('list'):
                wait_until(lambda: not kernel.list_processes('demo.job')['demo.job']['running'], 'the end')
            raw.sendall(command.replace('8081', str(free_port)).encode() + b'\n')
            said += command + '\n'
        while part := raw.recv(65536):
            said += part.decode()
    pattern = re.sub(r'\d+(\\\.\d+)?', r'[\\d.]+', re.escape(session)).replace(r'\.\.\.', '.*')
    assert re.fullmatch(pattern, said), said


def test_the_session_of_the_shell(kernel: Papa) -> None:
    """Both streams in the order of the commands, as somebody sees them who lets the table be."""
    (session,) = re.findall(r'^```console\n(\$ papa-shell set .*?)^```', README, re.DOTALL | re.MULTILINE)
    script = f'shell() {{ {shlex.quote(sys.executable)} -m papa_shell "$@" 2>&1; }}\n'
    for command in re.findall(r'^\$ (.*)$', session, re.MULTILINE):
        script += f'printf "%s\\n" {shlex.quote("$ " + command)}\n{command.removeprefix("papa-")}\n'
    ran = subprocess.run(
        ['sh', '-c', script], capture_output=True, text=True, timeout=PATIENCE, check=False,
        env={**os.environ, 'PAPA_ENDPOINT': kernel.endpoint.uri, 'PYTHONPATH': str(ROOT)},
    )
    pattern = re.sub(r'\d+\\\.\d+', r'[\\d.]+', re.escape(session))
    assert re.fullmatch(pattern, ran.stdout), ran.stdout


def test_the_columns_of_the_shell() -> None:
    for kind, columns in formats.COLUMNS.items():
        (listed,) = re.findall(rf'^- {kind}: (.*?)[;.]$', README, re.DOTALL | re.MULTILINE)
        assert re.split(r',\s+', re.sub(r'\s*\(.*?\)', '', listed)) == list(columns)


def test_what_the_command_says_of_an_upgrade(kernel: Papa, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = re.findall(r'^\$ papa --upgrade .*\n(.*\n)```', README, re.MULTILINE)
    where = str(kernel.endpoint.path)
    assert command_line.main(['--upgrade', '-u', where]) == 0
    version = r'\\d+(?:\\.\\w+)+'
    pattern = re.sub(r'\d+\\\.\d+\\\.\d+', version, re.escape(line.replace('port 20202', where)))
    assert re.fullmatch(pattern, capsys.readouterr().out)


def test_the_commands_have_the_options_that_it_shows() -> None:
    blocks = re.findall(r'^```sh\n(.*?)^```', README, re.DOTALL | re.MULTILINE)
    lines = [line.partition('#')[0] for block in blocks for line in block.splitlines() if line.startswith('papa ')]
    unit = configparser.ConfigParser()
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(re.findall(r'^```ini\n(.*?)^```', README, re.DOTALL | re.MULTILINE)[0])
    lines += [unit['Service']['ExecStart'], unit['Service']['ExecReload']]
    assert len(lines) == 5
    for line in lines:
        command_line.parse(shlex.split(line)[1:])
