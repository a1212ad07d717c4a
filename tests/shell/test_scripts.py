"""Scripts, against a real kernel."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from conftest import PATIENCE, Daemon

from papa import Papa
from papa_shell.scripts import Script

from .conftest import Shell
from .programs import PROGRAM, environment
from .terminals import Terminal


def test_a_script(shell: Shell, papa: Papa) -> None:
    script = """#!/usr/bin/env papa-shell
# a comment

set a 'first
second'
set b one \\
    two
set c "x # y"
get b | tr a-z A-Z
get c -o json
"""
    for ran in (shell(stdin=script), shell('-f', '-', stdin=script)):
        assert (ran.returncode, ran.stderr) == (0, '')
        assert ran.stdout == 'ONE TWO\n{"c": "x # y"}\n'
    assert papa.get('a') == 'first\nsecond'


def test_a_file(shell: Shell, folder: str, papa: Papa) -> None:
    path = Path(folder, 'script')
    path.write_bytes('\ufeffset x 1\r\nget x\r\nget x --raw'.encode())
    ran = shell('-f', str(path))
    assert (ran.returncode, ran.stdout) == (0, '1\n1')
    missing = shell('-f', f'{folder}/none')
    assert (missing.returncode, missing.stderr) == (
        1, f'papa-shell: Cannot read {folder}/none: No such file or directory\n'
    )


def test_it_stops_at_the_first_failure(shell: Shell, papa: Papa) -> None:
    script = 'set a 1\nremove sockets nope\nset b 1\nlst\n'
    ran = shell(stdin=script)
    assert ran.returncode == 1
    assert ran.stderr == 'papa-shell: standard input:2: There is no socket "nope"\n'
    assert papa.list_values() == {'a': '1'}
    ran = shell('--keep-going', stdin=script)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[1:] == ['papa-shell: standard input:4: Unknown command "lst"; did you mean "list"?']
    assert papa.list_values() == {'a': '1', 'b': '1'}
    assert shell('--keep-going', stdin='lst\nremove sockets nope\n').returncode == 2


def test_abbreviations_are_told_once_each(shell: Shell) -> None:
    ran = shell(stdin='l v\nl v\nl s\nlist values\n')
    assert ran.stderr.splitlines() == [
        'papa-shell: standard input:1: "l v" is short for "list values"',
        'papa-shell: standard input:3: "l s" is short for "list sockets"',
    ]
    strict = shell('--strict', stdin='set a 1\nl v\n')
    assert strict.returncode == 2
    assert 'standard input:2: --strict' in strict.stderr


def test_a_dry_run(shell: Shell, papa: Papa) -> None:
    script = "s x 'a b' | cat\nlst\n\n# no\nm s web port=x\nset --file /none y\nquit\nl p 'web.*' -o json\n"
    ran = shell('-n', stdin=script)
    assert ran.returncode == 2
    assert ran.stdout.splitlines() == [
        "set x 'a b' | cat", 'set --file /none y', 'quit', "list processes 'web.*' -o json",
    ]
    assert [line.split(':')[2] for line in ran.stderr.splitlines()] == ['2', '5']
    assert papa.list_values() == {}


def test_leaving(shell: Shell, papa: Papa) -> None:
    for word in ('exit', 'quit', 'q'):
        assert shell(stdin=f'set {word} 1\n{word}\nset never 1\n').returncode == 0
    assert papa.get('never') is None


def test_what_is_open_at_the_end(shell: Shell) -> None:
    ran = shell(stdin="set x 'a\n")
    assert ran.returncode == 2
    assert ran.stderr == "papa-shell: standard input:1: The quote ' is open at the end of the script\n"


def test_twice_as_long_takes_twice_the_time(folder: str) -> None:
    def seconds(count: int, value: str) -> float:
        path = Path(folder, 'long')
        path.write_text(f'set x {value[0]}{(value[1:-1] + chr(10)) * count}{value[-1]}\n')
        before = time.process_time()
        ((_, text),) = Script(str(path)).lines()
        taken = time.process_time() - before
        assert text.count('\n') == count
        return taken

    for value in ('"' + 'y' * 50 + '"', "'" + 'y' * 50 + "'", r'"yyy\"\\\"yyy"'):
        seconds(100, value)
        assert seconds(20_000, value) < 30 * seconds(2_000, value)


def test_lines_are_run_as_they_come(daemon: Daemon, papa: Papa) -> None:
    with subprocess.Popen(
        PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(daemon.where)
    ) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        run.stdin.write('set x 1\nget x\n')
        run.stdin.flush()
        assert run.stdout.readline() == '1\n'
        run.stdin.write('get x | cat -n\n')
        run.stdin.close()
        assert run.stdout.read().split() == ['1', '1']
        assert run.wait(PATIENCE) == 0


def test_one_connection_and_another_place(shell: Shell, daemon: Daemon, folder: str, papa: Papa) -> None:
    script = f"set x 1\ninfo -o json\n-u {folder}/other.sock set x 2\nget x -u {folder}/other.sock\n" \
             f'set x -u /never\nget x\nset -u {folder}/other.sock x\nexit-if-idle -u {folder}/other.sock\n'
    ran = shell(stdin=script)
    assert (ran.returncode, ran.stderr) == (
        0, f'papa-shell: The kernel at {folder}/other.sock has ended\n'
    )
    assert '"connections": 2' in ran.stdout
    assert ran.stdout.splitlines()[1:] == ['2', '-u /never']


def test_a_pipe(shell: Shell, papa: Papa) -> None:
    papa.set('x', 'line\n' * 100_000)
    assert shell(stdin="get x | head -1\nget x | grep -c line\n").stdout == 'line\n100001\n'.replace('100001', '100000')
    assert shell(stdin='get x | exit 5\n').returncode == 5
    assert shell(stdin='get none | cat\n').returncode == 1
    assert shell(stdin='get x | kill -9 $$\n').returncode == 137
    assert shell(stdin='info | sed -n 1p; echo $0 "quoted | text"\n').stdout.splitlines()[1] == 'sh quoted | text'


def left_by_its_reader(where: object, script: str, *words: str, close: bool = True) -> tuple[int, str]:
    """The status and the messages of a script whose reader leaves after the first line."""
    with subprocess.Popen(
        [*PROGRAM, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(where),
    ) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdin.write(script)
        run.stdin.flush()
        if close:
            run.stdin.close()
        assert run.stdout.readline() == 'line\n'
        run.stdout.close()
        return run.wait(PATIENCE), run.stderr.read()


def test_a_reader_that_leaves_ends_the_script(daemon: Daemon, papa: Papa) -> None:
    papa.set('x', 'line\n' * 100_000)
    for rest in ('', 'get x\nlist values | cat\n# set y 1\n', 'quit\nset y 1\n', 'get x\n' * 5000):
        assert left_by_its_reader(daemon.where, f'get x\n{rest}') == (0, '')
    assert left_by_its_reader(daemon.where, 'get x\n', close=False) == (0, '')
    says = 'papa-shell: standard input:3: Nobody reads the results any more: this and what follows was not run\n'
    assert left_by_its_reader(daemon.where, 'get x\nget x\nset y 1\nset z 1\n') == (1, says)
    assert left_by_its_reader(daemon.where, 'get x\nlst\nset y 1\n', '--keep-going') == (1, says)
    assert papa.list_values('y', 'z') == {}


def test_a_failure_before_the_reader_left_is_the_status(daemon: Daemon, papa: Papa) -> None:
    papa.set('x', 'line\n' * 100_000)
    assert left_by_its_reader(daemon.where, 'get nope\nget x\nget x\n', '--keep-going') == (1, '')
    status, says = left_by_its_reader(daemon.where, 'lst\nget x\nset y 1\n', '--keep-going')
    assert (status, says.count('\n'), 'not run' in says) == (2, 2, True)


def test_the_standard_input_is_the_script(shell: Shell) -> None:
    ran = shell(stdin='set x --file -\n')
    assert ran.returncode == 1
    assert 'that is the script' in ran.stderr


def test_only_what_makes_or_sets_starts_a_kernel(shell: Shell, folder: str) -> None:
    where = f'{folder}/new.sock'
    ran = shell('-u', where, '--keep-going', stdin='get x\nset x 1\nget x\nset x\nexit-if-idle\n')
    assert ran.returncode == 3
    assert ran.stdout == '1\n'


class Slowly:
    """A script that somebody types, who sees what became of each line."""

    def __init__(self, where: object, *words: str) -> None:
        self.run = subprocess.Popen(
            [*PROGRAM, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=environment(where),
        )

    def type(self, line: str) -> str:
        assert self.run.stdin is not None
        assert self.run.stdout is not None
        self.run.stdin.write(line + '\n')
        self.run.stdin.flush()
        return self.run.stdout.readline()

    def end(self) -> tuple[str, int]:
        said, _ = self.run.communicate(timeout=PATIENCE)
        return said, self.run.returncode


def test_a_prompt_that_may_start_no_kernel_ends_where_there_is_none(folder: str) -> None:
    where = f'{folder}/none.sock'
    run = Terminal(where, '--no-autostart')
    try:
        assert run.end() == 3
        assert run.said == f'papa-shell: There is no kernel at {where}: "papa --daemonize -u {where}" starts one\r\n'
    finally:
        run.kill()


def test_commands_from_the_terminal_are_asked_for(daemon: Daemon) -> None:
    """Where results do not go to the terminal, there is no prompt."""
    run = Terminal(daemon.where, command=['sh', '-c', f'{" ".join(PROGRAM)} | cat'])
    try:
        run.read_until('papa-shell: Reading commands from the terminal; Ctrl-D')
        run.type('set x hello\nget x\n')
        run.read_until('\r\nhello\r\n')
        run.type('\x04')
        assert run.end() == 0
    finally:
        run.kill()


def test_another_kernel_is_announced(start_daemon: Callable[..., Daemon], folder: str) -> None:
    where = f'{folder}/kernel.sock'
    first = start_daemon(port_or_path=where)
    script = Slowly(where, '--keep-going')
    assert script.type('set x 1\nget x') == '1\n'
    first.stop()
    absent = f'There is no kernel at {where}: "papa --daemonize -u {where}" starts one'
    assert script.type('get x') == f'papa-shell: standard input:3: {absent}\n'
    second = start_daemon(port_or_path=where)
    announced = f'Another kernel is at {where} (PID {second.pid}): what the old one held is gone'
    assert script.type('set x 2') == f'papa-shell: standard input:4: {announced}\n'
    with second.connect() as papa:
        assert papa.list_values() == {}
        papa.set('x', '3')
    assert script.type('get x') == '3\n'
    assert script.end() == ('', 3)


def test_a_script_goes_on_with_its_kernel(shell: Shell, daemon: Daemon, papa: Papa) -> None:
    script = Slowly(daemon.where)
    papa.make_process('p', 'true')
    assert script.type('set x 1\nwatch processes | wc -l').split() == ['1']
    assert script.type('get x') == '1\n'
    papa.upgrade()
    assert script.type('get x') == '1\n'
    assert script.type('upgrade | grep ^upgrades') == 'upgrades\t2\n'
    assert script.type('get x') == '1\n'
    assert script.end() == ('', 0)


def test_a_line_without_an_end(shell: Shell) -> None:
    ran = shell('-f', '/dev/zero')
    assert (ran.returncode, ran.stderr) == (1, 'papa-shell: A line of /dev/zero is longer than 16 MB\n')
