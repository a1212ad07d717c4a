"""Completion in bash, zsh and fish: what they are answered, and what a person sees who presses Tab there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import PATIENCE, Daemon

from papa import Papa

from .conftest import Shell
from .programs import PROGRAM, environment
from .terminals import Terminal

SHELLS = ('bash', 'zsh', 'fish')


def script(shell: str) -> str:
    return subprocess.check_output(
        [*PROGRAM, '--print-completion', shell], text=True, timeout=PATIENCE, env=environment('/none')
    )


def answers(shell: Shell, kind: str, *words: str, **more: object) -> list[str]:
    ran = shell('--complete', kind, *words, **more)
    assert (ran.returncode, ran.stderr) == (0, '')
    return ran.stdout.splitlines()


# What they are answered


@pytest.mark.parametrize(('line', 'typed', 'found'), [
    ('papa-shell get x:', 'x:', ['x:y=z ']),
    ('papa-shell get x:', '', ['y=z ']),
    ('papa-shell get x:y=', '', ['z ']),
    ('papa-shell get "x:', 'x:', ['x:y=z']),
    ("papa-shell get 'it", 'it', ["it'\\''s\"$q"]),
    ('papa-shell get "it', 'it', ["it's\\\"\\$q"]),
    ('papa-shell get it', 'it', ["it\\'s\\\"\\$q "]),
    ("papa-shell get i't'\\'", '', ['s\\"\\$q ']),
    ("papa-shell get $'i", 'i', []),
    ('A=1 B= bin/papa-shell get x', 'x', ['x:y=z ']),
    ('papa-shell', 'papa-shell', []),
    ('papa-shell GET x', 'x', ['x:y=z ']),
    ('papa-shell L', 'L', ['list ']),
    ('papa-shell get x | gr', 'gr', []),
    ("papa-shell make process p sh '$", '$', ['$(socket.', '$(socket. ']),
    ("papa-shell make process p sh '$(socket.s.p", '$(socket.s.p', ['$(socket.s.port)']),
    ('papa-shell make socket s fam', 'fam', ['family=']),
    ('papa-shell make socket s family=un', 'un', ['unix ']),
])
def test_what_bash_puts_there(
    shell: Shell, papa: Papa, line: str, typed: str, found: list[str]
) -> None:
    for name in ('x:y=z', "it's\"$q"):
        papa.set(name, '1')
    papa.make_socket('s')
    assert answers(shell, 'bash', line, typed) == found


def test_what_zsh_and_fish_are_told(shell: Shell, papa: Papa) -> None:
    papa.make_process('web.10', 'sleep', '100')
    papa.make_process('web.2', 'sleep', '100')
    pids = {name: details['pid'] for name, details in papa.list_processes().items()}
    names = [f'{name}\t{pids[name]} running' for name in ('web.2', 'web.10')]
    assert answers(shell, 'fish', 'l', 'p', 'we') == names
    assert answers(shell, 'zsh', 'l', 'p', 'we') == [f'1\t{each}' for each in names]
    assert answers(shell, 'zsh', 'make', 'socket', 'x', 'fam')[0].startswith('0\tfamily=\t')
    papa.set('x', 'a\tb\n\x1b' + 'long' * 10_000)
    assert answers(shell, 'fish', 'get', "'x") == ['x\ta\\tb\\n\\x1blonglonglonglonglonglonglonglonglon…']


def test_where_the_kernel_is(shell: Shell, daemon: Daemon, papa: Papa, folder: str) -> None:
    papa.set('x', '1')
    elsewhere = {'PAPA_ENDPOINT': f'{folder}/none.sock', 'HOME': folder, 'WHERE': str(daemon.where)}
    name = Path(str(daemon.where)).name
    for where in (('-u', str(daemon.where)), (f'--unix-socket={daemon.where}',), ('-u', f'~/{name}'), ('-u', '$WHERE')):
        assert answers(shell, 'fish', *where, 'get', '', env=elsewhere) == ['x\t1']


def test_without_a_kernel_it_is_quiet_and_starts_none(shell: Shell, daemon: Daemon, folder: str) -> None:
    where = f'{folder}/none.sock'
    for words in (('get', ''), ('-u', where, 'list', 'processes', ''), ('-p', 'x', 'get', ''), ('-u', 'x', 'get', '')):
        assert answers(shell, 'fish', *words, env={'PAPA_ENDPOINT': where}) == []
    assert answers(shell, 'fish', 'get', '', env={'PAPA_ENDPOINT': 'nonsense'}) == []
    assert answers(shell, 'fish', 'li', env={'PAPA_ENDPOINT': where}) == ['list\tprocesses, sockets, values']
    assert not Path(where).exists()
    daemon.process.send_signal(signal.SIGSTOP)  # it hangs
    try:
        before = time.monotonic()
        assert answers(shell, 'fish', 'get', '') == []
        assert time.monotonic() - before < 5
    finally:
        daemon.process.send_signal(signal.SIGCONT)


def test_what_is_no_question(shell: Shell) -> None:
    for words in ((), ('csh', 'x')):
        ran = shell('--complete', *words)
        assert (ran.returncode, ran.stdout, ran.stderr.count('\n')) == (2, '', 1)


def test_the_scripts(shell: Shell) -> None:
    for kind in SHELLS:
        assert '--complete ' + kind in script(kind)
    wrong = shell('--print-completion', 'fsh')
    assert (wrong.returncode, wrong.stdout) == (2, '')
    assert wrong.stderr == (
        'papa-shell: --print-completion must be one of bash, zsh, fish, not "fsh"; did you mean "fish"?\n'
    )
    missing = subprocess.run(
        [sys.executable, '-S', *PROGRAM[1:], '--print-completion', 'bash'], capture_output=True, text=True,
        timeout=PATIENCE, check=False, env=environment('/none'),
    )
    assert missing.returncode == 1
    assert missing.stderr == "papa-shell: Completion scripts need the shell extra: pip install 'papa[shell]'\n"


# What a person sees

ARGS = {  # shows the words that a command line has become
    'bash': """args() { printf '<%s>' "$@"; echo; }""",
    'zsh': """args() { printf '<%s>' "$@"; echo }""",
    'fish': """function args; printf '<%s>' $argv; echo; end""",
}
SETUP = {
    'bash': "PS1='read''y$ '; source {script}",
    'zsh': "PS1='read''y$ '; autoload -U compinit; compinit -u -D; bindkey -e; eval \"$(cat {script})\"",
    'zsh by fpath': "PS1='read''y$ '; fpath=({folder} $fpath); autoload -U compinit; compinit -u -D; bindkey -e",
    'fish': "function fish_prompt; echo 'read''y$ '; end; source {script}",
}
START = {
    'bash': ['bash', '--norc', '--noprofile', '-i'], 'zsh': ['zsh', '-f', '-i'], 'fish': ['fish', '--no-config', '-i'],
}
TAB, HOME = '\t', '\x01'


class Typist:
    """Somebody who sits at one of the shells. `papa-shell` is on PATH there."""

    def __init__(self, kind: str, where: object, folder: str) -> None:
        self.shell = kind.partition(' ')[0]
        Path(folder, '_papa-shell').write_text(script(self.shell))
        program = Path(folder, 'papa-shell')
        program.write_text(f'#!/bin/sh\nexec {" ".join(PROGRAM)} "$@"\n')
        program.chmod(0o755)
        self.terminal = Terminal(
            where, command=START[self.shell], PATH=f'{folder}:/usr/local/bin:/usr/bin:/bin', HOME=folder,
            XDG_CONFIG_HOME=folder, XDG_DATA_HOME=folder,
        )
        setup = SETUP[kind].format(script=f'{folder}/_papa-shell', folder=folder)
        self.terminal.type(f'{ARGS[self.shell]}\n{setup}\n')
        self.terminal.read_until('ready$ ')

    def type(self, keys: str) -> None:
        self.terminal.said = ''
        self.terminal.type(keys)

    def words(self, keys: str) -> None:
        """Type this, go to the beginning, and have the words shown that it has become."""
        self.type(f'{keys}{HOME}args \r')


@pytest.fixture(params=SETUP)
def typist(request: pytest.FixtureRequest, daemon: Daemon, folder: str) -> Iterator[Typist]:
    shell = request.param.partition(' ')[0]
    if shutil.which(shell) is None and 'PAPA_CI' not in os.environ:
        pytest.skip(f'{shell} is not installed')
    made = Typist(request.param, daemon.where, folder)
    yield made
    made.terminal.kill()


def test_a_person_presses_tab(typist: Typist, papa: Papa, folder: str) -> None:
    for name in ('x:y=z', "it's\"$q"):
        papa.set(name, '1')
    papa.make_process('web.1', 'sleep', '100')
    papa.make_process('job', 'sleep', '100')
    papa.make_socket('s')
    Path(folder, 'a b$c').mkdir()
    Path(folder, 'a b$c', "d'").touch()
    for keys, words in (
        (f'li{TAB}p{TAB}w{TAB}j{TAB}', 'list processes web.1 job'),
        (f'l p w{TAB}', 'l p web.1'),
        (f'-o jsonl w{TAB}p{TAB}--fol{TAB}j{TAB}', '-o jsonl watch processes --follow job'),
        (f'get x{TAB}', 'get x:y=z'),
        (f'get x:{TAB}', 'get x:y=z'),
        (f'get x:y={TAB}', 'get x:y=z'),
        (f"get 'x:{TAB}", 'get x:y=z'),
        (f'get "x:y{TAB}', 'get x:y=z'),
        (f'get it{TAB}', "get it's\"$q"),
        (f'make socket n fam{TAB}un{TAB}', 'make socket n family=unix'),
        (f'make socket n path={folder}/a{TAB}d{TAB}', f"make socket n path={folder}/a~b$c/d'"),
        (f"make process n sh 'fd://$(so{TAB}s.f{TAB}", 'make process n sh fd://$(socket.s.fileno)'),
        (f'exi{TAB}', 'exit-if-idle'),
        (f'upg{TAB}py{TAB}', 'upgrade python='),
        (f'set x --f{TAB}', 'set x --f'),
        (f'get nothing-like-it{TAB}', 'get nothing-like-it'),
    ):
        typist.words(f'papa-shell {keys}')
        shown = ''.join(f'<{word.replace("~", " ")}>' for word in words.split(' '))
        typist.terminal.read_until(f'<papa-shell>{shown}\r\n')
    for program in (f'PAPA_X=1 {folder}/papa-shell', '~/papa-shell'):
        typist.words(f'{program} get x{TAB}')
        typist.terminal.read_until('<get><x:y=z>\r\n')


def test_a_person_sees_what_there_is(typist: Typist, papa: Papa) -> None:
    for number in (1, 2, 10):
        papa.make_process(f'web.{number}', 'sleep', '100')
    typist.type(f'papa-shell list processes w{TAB}{TAB}{TAB}')
    for number in (1, 2, 10):
        typist.terminal.read_until(f'web.{number}')
    if typist.shell != 'bash':
        typist.terminal.read_until('running')


def test_a_person_without_a_kernel_is_told_nothing(typist: Typist, daemon: Daemon, folder: str) -> None:
    typist.words(f'papa-shell -u {folder}/none get {TAB}x')
    typist.terminal.read_until('<get><x>\r\n')
    assert 'There is no kernel' not in typist.terminal.said
    assert not Path(folder, 'none').exists()


def test_files_after_a_redirection(typist: Typist, folder: str) -> None:
    Path(folder, 'target').touch()
    typist.type(f'papa-shell --version > {folder}/tar{TAB}; echo d""one\r')
    typist.terminal.read_until('done')
    assert Path(folder, 'target').read_text().startswith('papa-shell ')


def test_it_is_in_the_hands_of_shtab() -> None:
    """The frame is generated, and fits the shtab that is installed: what we call there is there."""
    for shell, marks in (
        ('bash', ('_shtab_papa_shell() {',)), ('zsh', ('_shtab_papa_shell() {', '#compdef papa-shell')),
        ('fish', ('complete -c papa-shell', '(_papa_shell_words)')),
    ):
        text = script(shell)
        assert 'shtab' in text
        assert all(mark in text for mark in marks)

