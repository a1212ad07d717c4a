"""What processes write, and how they end: all of it, exactly, whoever holds the pipe."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PATIENCE, Daemon, wait_until

from kernel.tools import Seen, cpu_seconds, end, is_alive, python, resident, run, shell
from papa import DEVNULL, STDOUT, Papa

MB = 1024 * 1024
# Two writers of single bytes, one for each stream.
SINGLE_BYTES = """
import os, sys
for number in range(int(sys.argv[1])):
    os.write(1 + number % int(sys.argv[2]), b'x')
"""


@pytest.mark.parametrize('streams', [1, 2])
def test_a_million_writes_of_one_byte_take_bounded_memory(daemon: Daemon, papa: Papa, streams: int) -> None:
    run(papa, **python(SINGLE_BYTES, 1000, streams))
    before = resident(daemon.pid)
    papa.make_process('bytes', **python(SINGLE_BYTES, 1_000_000, streams), bufsize='1m')
    wait_until(lambda: not papa.list_processes('bytes')['bytes']['running'], 'the writer to end', PATIENCE * 3)
    assert resident(daemon.pid) - before < 4 * MB
    details = papa.list_processes('bytes')['bytes']
    assert details['captured'] == 1_000_000
    assert details['buffered'] + details['dropped'] == 1_000_000
    with papa.watch_processes('bytes') as watcher:
        seen = Seen(watcher)
    assert len(seen.out) + len(seen.err) == details['buffered']


def test_large_writes_take_bounded_memory(daemon: Daemon, papa: Papa) -> None:
    run(papa, **shell('head -c 10000 /dev/zero'))
    before = resident(daemon.pid)
    papa.make_process('flood', **shell('head -c 200000000 /dev/zero'), bufsize='2m')
    wait_until(lambda: not papa.list_processes('flood')['flood']['running'], 'the flood to end')
    assert resident(daemon.pid) - before < 5 * MB
    details = papa.list_processes('flood')['flood']
    assert details['captured'] == 200_000_000
    assert 2 * MB - 65536 <= details['buffered'] <= 2 * MB
    assert details['dropped'] == 200_000_000 - details['buffered']


@pytest.mark.parametrize(('closed', 'kept'), [(1, 2), (2, 1)])
def test_a_child_that_closes_one_stream_keeps_the_other(papa: Papa, closed: int, kept: int) -> None:
    script = f'echo one >&{closed}; exec {closed}>&-; sleep 0.1; echo two >&{kept}; exit 3'
    seen = run(papa, **shell(script))
    assert {1: seen.out, 2: seen.err} == {closed: b'one\n', kept: b'two\n'}
    assert seen.exits == {'job': 3}


def test_a_child_that_closes_both_streams_lives_on(papa: Papa) -> None:
    details = papa.make_process('quiet', **shell('exec >&- 2>&-; sleep 0.2; exit 5'))
    wait_until(lambda: os.readlink(f'/proc/{details["pid"]}/fd/0') and not os.path.exists(
        f'/proc/{details["pid"]}/fd/1'))
    assert papa.list_processes('quiet')['quiet']['running']
    with papa.watch_processes('quiet') as watcher:
        assert Seen(watcher).exits == {'quiet': 5}


@pytest.mark.parametrize('overflow', ['drop', 'block'])
def test_a_grandchild_that_keeps_the_pipe(papa: Papa, folder: str, overflow: str) -> None:
    """The close is told at once; the grandchild can write as much as it likes, and that is counted."""
    script = (
        f'(trap "" HUP; while [ -d {folder} ] && [ ! -e {folder}/go ]; do sleep 0.02; done; '
        f'head -c 3000000 /dev/zero; echo $? > {folder}/done; '
        f'while [ -d {folder} ] && [ ! -e {folder}/end ]; do sleep 0.02; done) & '
        'echo child; exit 7'
    )
    with papa.make_process('parent', **shell(script), overflow=overflow, watch_immediately=True) as watcher:
        out, _, closed = watcher.read() or ([], [], [])
        if not closed:
            _, _, closed = watcher.read() or ([], [], [])
        assert time.time() - closed[0].timestamp < 0.5
        assert (out[0].data, closed[0].data) == (b'child\n', 7)
        Path(folder, 'go').touch()
        done = Path(folder, 'done')
        wait_until(lambda: done.exists() and done.read_text(), 'the grandchild to write')
        assert done.read_text() == '0\n'
        wait_until(lambda: papa.list_processes('parent')['parent']['captured'] >= 3_000_006, 'the rest of the pipe')
        details = papa.list_processes('parent')['parent']
        assert (details['running'], details['exit_code']) == (False, 7)
        assert (details['captured'], details['dropped']) == (3_000_006, 3_000_000)
        Path(folder, 'end').touch()
        watcher.acknowledge()
        assert not watcher


def test_with_block_the_close_waits_until_all_has_been_taken(papa: Papa) -> None:
    """The pipe holds more than the buffer at the exit."""
    papa.make_process('late', **shell('head -c 50000 /dev/zero; exit 4'), bufsize=4096, overflow='block')
    wait_until(lambda: not papa.list_processes()['late']['running'], 'the exit')
    assert papa.list_processes()['late']['exit_code'] == 4
    assert papa.list_processes()['late']['captured'] == 4096
    with papa.watch_processes('late') as watcher:
        assert len(watcher.read()[0][0].data) == 4096  # type: ignore[index]
        assert watcher.exit_code == {}
        seen = Seen(watcher)
    assert len(seen.out) == 50000 - 4096
    assert seen.exits == {'late': 4}


@pytest.mark.parametrize('size', [4095, 4096, 4097])
def test_a_buffer_that_is_just_full_at_the_exit_leaves_no_descriptor(daemon: Daemon, papa: Papa, size: int) -> None:
    before = daemon.descriptors()
    papa.make_process('full', **shell(f'head -c {size} /dev/zero'), bufsize=4096, overflow='block')
    wait_until(lambda: not papa.list_processes()['full']['running'], 'the exit')
    with papa.watch_processes('full') as watcher:
        assert len(Seen(watcher).out) == size
    wait_until(lambda: daemon.descriptors() == before, 'the pipes to be closed')


def test_a_grandchild_of_a_process_whose_buffer_was_full_does_not_block(papa: Papa, folder: str) -> None:
    script = f'(sleep 0.3; head -c 300000 /dev/zero; touch {folder}/done) & head -c 4096 /dev/zero'
    papa.make_process('full', **shell(script), bufsize=4096, overflow='block')
    wait_until(lambda: os.path.exists(f'{folder}/done'), 'the grandchild')


def test_block_makes_the_child_wait_and_loses_nothing(daemon: Daemon, papa: Papa) -> None:
    papa.make_process('counter', **shell('seq 200000'), bufsize=10000, overflow='block')
    wait_until(lambda: papa.list_processes()['counter']['buffered'] == 10000)
    spent = cpu_seconds(daemon.pid)
    time.sleep(0.2)
    assert cpu_seconds(daemon.pid) - spent < 0.05
    assert papa.list_processes()['counter']['running']
    with papa.watch_processes('counter') as watcher:
        assert Seen(watcher).out == b''.join(b'%d\n' % number for number in range(1, 200001))


def test_nobody_who_watches_blocks_a_child_that_drops(papa: Papa) -> None:
    papa.make_process('counter', **shell('seq 500000; echo end >&2'), bufsize='64k')
    wait_until(lambda: not papa.list_processes()['counter']['running'])
    details = papa.list_processes()['counter']
    with papa.watch_processes('counter') as watcher:
        seen = Seen(watcher)
        assert watcher.dropped == {'counter': details['dropped']}
    everything = b''.join(b'%d\n' % number for number in range(1, 500001))
    assert everything.endswith(seen.out)
    assert len(seen.out) == len(everything) - details['dropped']
    assert seen.err == b'end\n'


@pytest.mark.parametrize(('script', 'code'), [
    ('exit 0', 0), ('exit 3', 3), ('exit 255', 255), ('exec /bin/true', 0), ('exec /bin/false', 1), ('kill -9 $$', -9),
    ('kill -15 $$', -15), ('kill -SEGV $$', -signal.SIGSEGV), ('exit 128', 128), ('exit 137', 137),
])
def test_exit_codes_are_exact(papa: Papa, script: str, code: int) -> None:
    seen = run(papa, **shell(script))
    assert seen.exits == {'job': code}


@pytest.mark.parametrize('streams', [{}, {'stdout': DEVNULL, 'stderr': DEVNULL}, {'bufsize': 0}])
def test_an_exit_is_told_whatever_is_captured(papa: Papa, streams: dict[str, int]) -> None:
    seen = run(papa, **shell('echo out; echo err >&2; exit 9'), **streams)
    assert seen.exits == {'job': 9}
    assert seen.out == (b'' if streams else b'out\n')


def test_merged_streams_keep_their_order(papa: Papa) -> None:
    seen = run(papa, **shell('for i in 1 2 3 4 5; do echo o$i; echo e$i >&2; done'), stderr=STDOUT)
    assert seen.out == b''.join(b'o%d\ne%d\n' % (n, n) for n in range(1, 6))
    assert seen.err == b''


def test_an_exit_is_reaped_at_once_without_any_watcher(daemon: Daemon, papa: Papa) -> None:
    pid = papa.make_process('short', **shell('sleep 60 & exit 1'))['pid']
    try:
        wait_until(lambda: not os.path.exists(f'/proc/{pid}'), 'the zombie to go')
        assert papa.list_processes()['short']['exit_code'] == 1
    finally:
        end([pid])  # its session, with the grandchild


def test_a_dead_client_does_not_hurt_the_child(daemon: Daemon, papa: Papa) -> None:
    with daemon.connect() as other:
        pid = other.make_process('job', **shell('while :; do echo line; sleep 0.01; done'))['pid']
    wait_until(lambda: papa.list_processes()['job']['captured'] > 20)
    assert is_alive(pid)


CLOCK = """
import time
real = time.time
def shifted():
    try:
        with open({path!r}) as file:
            return real() + float(file.read())
    except (OSError, ValueError):
        return real()
time.time = shifted
"""


@pytest.mark.parametrize('overflow', ['drop', 'block'])
def test_a_clock_that_steps_back_loses_nothing(
    start_daemon: Callable[..., Daemon], folder: str, overflow: str
) -> None:
    """The kernel runs with a clock that the test sets."""
    Path(folder, 'sitecustomize.py').write_text(CLOCK.format(path=f'{folder}/shift'))
    daemon = start_daemon(env={**os.environ, 'PYTHONPATH': folder})
    script = 'while read line; do echo $line; done < ' + f'{folder}/fifo'
    os.mkfifo(f'{folder}/fifo')
    with daemon.connect() as papa, papa.make_process(
        'clock', **shell(script), overflow=overflow, watch_immediately=True
    ) as watcher:
        with open(f'{folder}/fifo', 'wb', buffering=0) as fifo:
            times = []
            for number, shift in enumerate((0, 3600, -3600, -7200, -7200, 0)):
                Path(folder, 'shift').write_text(str(shift))
                fifo.write(b'%d\n' % number)
                out, _, _ = watcher.read() or ([], [], [])
                assert b''.join(piece.data for piece in out) == b'%d\n' % number
                times.append(out[0].timestamp)
        assert times[1] - times[0] > 3500
        assert times[2] < times[0] < times[5]
        assert times[3] < times[2]
        watcher.acknowledge()
        assert papa.list_processes()['clock']['buffered'] == 0
        assert Seen(watcher).exits == {'clock': 0}


def test_a_process_that_fills_its_pipe_and_has_to_wait_is_recorded_exactly(daemon: Daemon, papa: Papa) -> None:
    """With a large buffer its pipe is made larger; it waits all the same, and no byte is lost or out of order."""
    blocks = 200
    script = f'import os\nfor number in range({blocks}): os.write(1, bytes([number]) * 65536)'
    papa.make_process('job', **python(script), overflow='block', bufsize='4m')
    wait_until(lambda: papa.list_processes('job')['job']['buffered'] == 4 * MB, 'a full buffer')
    with daemon.connect() as other, other.watch_processes('job') as watcher:
        assert Seen(watcher).out == b''.join(bytes([number]) * 65536 for number in range(blocks))
        assert watcher.exit_code == {'job': 0}
