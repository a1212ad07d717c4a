"""``watch``, ``peek`` and ``changes``, against a real kernel."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from conftest import PATIENCE, Daemon, wait_until

from papa import Papa

from .conftest import Shell
from .programs import PROGRAM, environment


def texts(plain: str) -> list[tuple[str, ...]]:
    return [tuple(line.split('\t')[1:]) for line in plain.splitlines()]


def start(daemon: Daemon, *words: str, **more: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(daemon.where),
        **more,
    )


def test_until_all_have_closed(shell: Shell, papa: Papa) -> None:
    papa.make_process('a', 'sh', ['-c', 'echo one; echo two >&2; printf three; exit 3'])
    ran = shell('watch', 'processes')
    assert ran.returncode == 0
    assert sorted(texts(ran.stdout)) == [
        ('a', 'err', 'two'), ('a', 'exit', '3'), ('a', 'out', 'one'), ('a', 'out', 'three'),
    ]
    assert ran.stdout.splitlines()[-1].split('\t')[2] == 'exit'
    assert papa.list_processes() == {}


def test_a_peek_takes_nothing(shell: Shell, papa: Papa) -> None:
    papa.make_process('a', 'sh', ['-c', 'echo one; echo two'])
    wait_until(lambda: papa.list_processes()['a']['captured'] == 8)
    for words in (('peek', 'processes', 'a'), ('watch', 'processes', '--peek', 'a')):
        assert texts(shell(*words).stdout) == [('a', 'out', 'one'), ('a', 'out', 'two'), ('a', 'exit', '0')]
    assert texts(shell('peek', 'processes', '--last', '4').stdout) == [('a', 'out', 'two'), ('a', 'exit', '0')]
    assert papa.list_processes()['a']['buffered'] == 8


def test_only_what_there_is(shell: Shell, papa: Papa) -> None:
    papa.make_process('a', 'sh', ['-c', 'echo one; printf part; exec sleep 100'])
    papa.make_process('silent', 'sleep', '100')
    wait_until(lambda: papa.list_processes()['a']['buffered'] == 8)
    assert texts(shell('peek', 'processes', '--no-follow').stdout) == [('a', 'out', 'one'), ('a', 'out', 'part')]
    assert texts(shell('watch', 'processes', '--no-follow').stdout) == [('a', 'out', 'one'), ('a', 'out', 'part')]
    assert papa.list_processes()['a']['buffered'] == 0
    again = shell('watch', 'processes', '--no-follow')
    assert (again.returncode, again.stdout) == (0, '')
    papa.make_process('ended', 'sh', ['-c', 'echo x'])
    wait_until(lambda: not papa.list_processes()['ended']['running'])
    assert texts(shell('watch', 'processes', '--no-follow', 'ended').stdout) == [
        ('ended', 'out', 'x'), ('ended', 'exit', '0'),
    ]
    assert 'ended' not in papa.list_processes()


def test_follow_includes_what_starts_later(daemon: Daemon, papa: Papa) -> None:
    with start(daemon, 'watch', 'processes', '--follow', 'web.*') as run:
        assert run.stdout is not None
        wait_until(lambda: papa.kernel_info()['connections'] > 1)
        for number in (1, 2):
            papa.make_process(f'web.{number}', 'echo', f'hello {number}')
            assert run.stdout.readline().split('\t')[1:] == [f'web.{number}', 'out', f'hello {number}\n']
            assert run.stdout.readline().split('\t')[1:] == [f'web.{number}', 'exit', '0\n']
        wait_until(lambda: not papa.list_processes(), 'the acknowledgement of the exits')
        run.terminate()
        run.communicate(timeout=PATIENCE)


def test_the_exit_code_as_status(shell: Shell, papa: Papa) -> None:
    papa.make_process('a', 'sh', ['-c', 'exit 7'])
    papa.make_process('b', 'sh', ['-c', 'kill -9 $$'])
    assert shell('peek', 'processes', '--exit-code', 'a').returncode == 7
    assert shell('watch', 'processes', '--exit-code', 'b').returncode == 137
    assert shell('make', 'process', '--exit-code', 'c', 'watch=1', 'sh', '-c', 'echo x; exit 9').returncode == 9


def test_a_process_that_runs_has_no_exit_code(shell: Shell, papa: Papa) -> None:
    papa.make_process('p', 'sh', ['-c', 'echo hello; exec sleep 100'])
    wait_until(lambda: papa.list_processes()['p']['buffered'] == 6)
    for printed in ('hello', ''):
        ran = shell('watch', 'processes', '--no-follow', '--exit-code', 'p')
        says = 'papa-shell: p still runs: it has no exit code yet\n'
        assert (ran.returncode, ran.stdout.strip().rpartition('\t')[2], ran.stderr) == (1, printed, says)


def test_an_exit_code_that_nobody_waits_for_is_a_wrong_line(shell: Shell, papa: Papa) -> None:
    ran = shell('make', 'process', '--exit-code', 'p', 'true')
    assert (ran.returncode, ran.stderr) == (2, 'papa-shell: --exit-code needs watch=1: else nobody waits for the end\n')
    assert not papa.list_processes()


def test_jsonl(shell: Shell, papa: Papa) -> None:
    details = papa.make_process('a', 'printf', 'ab')
    records = [json.loads(line) for line in shell('watch', 'processes', '-o', 'jsonl').stdout.splitlines()]
    assert [(record['stream'], record['id']) for record in records] == [
        ('out', details['id']), ('exit', details['id']),
    ]
    assert (records[0]['text'], records[0]['position']) == ('ab', 2)
    assert records[1]['exit_code'] == 0


def test_a_loss_is_told(shell: Shell, papa: Papa) -> None:
    papa.make_process('a', 'sh', ['-c', 'for i in 1 2 3 4 5 6 7 8 9; do echo 1234567; sleep 0.03; done'], bufsize=16)
    wait_until(lambda: not papa.list_processes()['a']['running'])
    found = texts(shell('watch', 'processes').stdout)
    assert found[0] == ('a', 'lost', '56 overflow')
    assert found[1:] == [('a', 'out', '1234567')] * 2 + [('a', 'exit', '0')]


def test_a_reader_that_leaves_ends_it_quietly_and_the_rest_is_not_acknowledged(daemon: Daemon, papa: Papa) -> None:
    loop = 'i=0; while [ $i -lt 50000 ]; do echo line $i; i=$((i+1)); done; exec sleep 100'
    papa.make_process('a', 'sh', ['-c', loop], overflow='block', bufsize='4m')
    wait_until(lambda: papa.list_processes()['a']['captured'] >= 538_890, 'all of it')
    with start(daemon, 'watch', 'processes', 'a') as run:
        assert run.stdout is not None
        assert run.stdout.readline().endswith('\tline 0\n')
        run.stdout.close()
        assert run.wait(PATIENCE) == 0
        assert run.stderr is not None
        assert run.stderr.read() == ''
    assert papa.list_processes()['a']['acknowledged'] == 0


def test_a_reader_that_leaves_is_noticed_though_nothing_comes(daemon: Daemon, papa: Papa) -> None:
    papa.make_process('a', 'sh', ['-c', 'echo one; exec sleep 100'])
    for words in (('watch', 'processes', 'a'), ('changes', 'processes')):
        with start(daemon, *words) as run:
            assert run.stdout is not None
            assert run.stdout.readline()
            run.stdout.close()
            assert run.wait(PATIENCE) == 0


def test_a_slow_reader_bounds_what_is_acknowledged(daemon: Daemon, papa: Papa) -> None:
    """What has not been taken is not acknowledged: at most what the pipe and the reader hold is."""
    papa.make_process('a', 'sh', ['-c', 'yes 0123456789 | head -c 4000000; exec sleep 100'], bufsize='8m')
    wait_until(lambda: papa.list_processes()['a']['captured'] == 4_000_000, 'all of it')
    with start(daemon, 'watch', 'processes', 'a') as run:
        assert run.stdout is not None
        first = run.stdout.readline()
        assert first.endswith('0123456789\n')
        assert papa.list_processes()['a']['acknowledged'] < 1_000_000
        run.kill()
        taken = first + run.stdout.read()
    lines = taken.count('\n')
    assert papa.list_processes()['a']['acknowledged'] <= 11 * lines


def test_the_kernel_goes(daemon: Daemon, papa: Papa) -> None:
    """Whatever was being done meanwhile: the output may go on or not."""
    gone = f'papa-shell: The kernel at {daemon.where} has gone, and with it what nobody had acknowledged\n'
    papa.make_process('p', 'sh', ['-c', 'while echo one; do sleep 0.001; done'])
    commands = (('watch', 'processes'), ('peek', 'processes'), ('changes',))
    runs = [start(daemon, *words) for words in commands]
    for run in runs:
        assert run.stdout is not None
        assert run.stdout.readline()
    daemon.process.kill()
    for run in runs:
        _, said = run.communicate(timeout=PATIENCE)
        assert (run.returncode, said) == (3, gone)


def test_changes(daemon: Daemon, papa: Papa) -> None:
    papa.set('v', 'a\nb')
    with start(daemon, 'changes') as run, start(daemon, 'changes', 'values', '-o', 'jsonl') as other:
        assert run.stdout is not None
        assert other.stdout is not None
        assert run.stdout.readline() == "snapshot\tvalue\tv\tsize=3 $'value=a\\\\nb'\n"
        assert json.loads(other.stdout.readline())['details'] == {'values': {'v': {'size': 3, 'value': 'a\nb'}}}
        papa.make_process('p', 'true')
        assert run.stdout.readline().startswith('made\tprocess\tp\tpid=')
        assert run.stdout.readline().startswith('exited\tprocess\tp\tpid=')
        papa.remove_values('v')
        assert run.stdout.readline() == "removed\tvalue\tv\tsize=3 $'value=a\\\\nb'\n"
        assert json.loads(other.stdout.readline())['change'] == 'removed'
        for each in (run, other):
            each.terminate()
            each.communicate(timeout=PATIENCE)


def test_for_people_but_into_a_pipe_there_are_no_colours(shell: Shell, daemon: Daemon, papa: Papa) -> None:
    papa.make_process('p', 'sh', ['-c', 'printf "\\033[31mred\\n"'])
    ran = shell('watch', 'processes', '-o', 'table')
    assert ran.stdout.splitlines()[0].endswith(' p │ red')
    assert '\x1b' not in ran.stdout
    papa.set('x', 'y')
    with start(daemon, 'changes', '-o', 'table') as run:
        assert run.stdout is not None
        assert 'The kernel holds' in run.stdout.readline()
        assert run.stdout.readline().endswith(' value   x is y\n')
        run.terminate()
        run.communicate(timeout=PATIENCE)
