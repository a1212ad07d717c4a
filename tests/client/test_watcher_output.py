"""`papa.Watcher`: what is read of which processes, and what is lost."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest
from conftest import Daemon

from papa import STDOUT, NotFound, Papa, ProcessOutput

from .helpers import Speak, datas, read_until, readable, wait_for_capture, wait_for_end

pytestmark = pytest.mark.usefixtures('both')

# What is read


def test_output_and_exit(papa: Papa) -> None:
    before = time.time()
    with papa.make_process('p', 'sh', ('-c', 'echo out; echo err >&2; exit 7'), watch_immediately=True) as watcher:
        out, err, closed = [], [], []
        while results := watcher.read():
            assert all(isinstance(part, list) for part in results)
            for target, part in zip((out, err, closed), results, strict=True):
                target += part
    assert (datas(out), datas(err)) == (b'out\n', b'err\n')
    (end,) = closed
    assert (end.name, end.data) == ('p', 7)
    for output in (*out, *err, *closed):
        assert isinstance(output, ProcessOutput)
        assert output.name == 'p'
        assert before <= output.timestamp <= time.time()


@pytest.mark.parametrize('data', [
    bytes(range(256)), b'\n> ] \n', b'Error: no\n', b'\0', b'.\n', b'o 0 1.0 5 5\n', b'x' * 60000,
])
def test_bytes_come_exactly(data: bytes, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    with papa.watch_processes('p') as watcher:
        speaker.say(data)
        assert read_until(watcher, len(data)) == data


def test_a_process_without_output(papa: Papa) -> None:
    with papa.make_process('p', 'true', watch_immediately=True) as watcher:
        out, err, closed = watcher.read() or ([], [], [])
        assert (out, err, [end.data for end in closed]) == ([], [], [0])
        assert watcher.read() is None


def test_merged_streams_come_as_standard_output(papa: Papa) -> None:
    command = ('-c', 'echo a; echo b >&2; echo c')
    with papa.make_process('p', 'sh', command, stderr=STDOUT, watch_immediately=True) as watcher:
        assert read_until(watcher, 6) == b'a\nb\nc\n'


def test_read_waits_for_something(speak: Speak, papa: Papa) -> None:
    speaker = speak()
    with papa.watch_processes('p') as watcher:
        threading.Timer(0.05, speaker.say, (b'at last\n',)).start()
        out, err, closed = watcher.read() or ([], [], [])
    assert (datas(out), err, closed) == (b'at last\n', [], [])


def test_read_returns_all_that_has_arrived(daemon: Daemon, papa: Papa) -> None:
    papa.make_process('p', 'sh', ('-c', 'for i in 1 2 3; do echo $i; echo $i >&2; sleep 0.02; done'))
    wait_for_end(daemon)
    with papa.watch_processes('p') as watcher:
        readable(watcher)
        out, err, closed = watcher.read() or ([], [], [])
    assert (datas(out), datas(err), len(closed)) == (b'1\n2\n3\n', b'1\n2\n3\n', 1)


def test_the_original_times(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    before = time.time()
    speaker.say(b'early\n')
    wait_for_capture(daemon, 6)
    after = time.time()
    time.sleep(0.05)
    for _ in range(2):  # nothing is acknowledged, so that it comes again
        with suppress(ZeroDivisionError), papa.watch_processes('p') as watcher:
            ((output,), _, _) = watcher.read() or ([], [], [])
            assert before <= output.timestamp <= after
            raise ZeroDivisionError


def test_several_processes_in_one_watcher(speak: Speak, papa: Papa) -> None:
    speakers = [speak(f'w.{number}') for number in range(3)]
    with papa.watch_processes('w.*') as watcher:
        for speaker in speakers:
            speaker.say(speaker.name.encode())
            out = (watcher.read() or ([], [], []))[0]
            assert [(item.name, item.data) for item in out] == [(speaker.name, speaker.name.encode())]
        for speaker in speakers:
            speaker.end()
        ended: set[str] = set()
        while results := watcher.read():
            ended.update(end.name for end in results[2])
    assert ended == {'w.0', 'w.1', 'w.2'}
    assert watcher.exit_code == dict.fromkeys(ended, 0)


@pytest.mark.parametrize('names', [(), ('*',), ('w.*', 'other'), ('w.1', 'w.2', 'other', 'w.*')])
def test_which_processes(names: tuple[str, ...], speak: Speak, papa: Papa) -> None:
    speakers = [speak(name) for name in ('w.1', 'w.2', 'other')]
    with papa.watch_processes(*names) as watcher:
        for speaker in speakers:
            speaker.end()
        while watcher.read():
            pass
    assert set(watcher.exit_code) == {'w.1', 'w.2', 'other'}


def test_by_pid(speak: Speak, papa: Papa) -> None:
    speaker = speak()
    with papa.watch_processes(speaker.made['pid']) as watcher:
        speaker.say(b'x')
        assert datas((watcher.read() or ([], [], []))[0]) == b'x'


@pytest.mark.parametrize('names', [(), ('*',), ('none',), ('none*',), ('p', 'none')])
def test_at_least_one_process_and_every_plain_name_must_match(names: tuple[str, ...], papa: Papa) -> None:
    if 'p' in names:
        papa.make_process('p', 'true')
    before = papa.fileno()
    with pytest.raises(NotFound):
        papa.watch_processes(*names)
    assert papa.fileno() == before


# Loss


def test_dropped_counts_what_was_lost_to_overflow(daemon: Daemon, papa: Papa) -> None:
    papa.make_process('p', 'sh', ('-c', 'head -c 100000 /dev/zero; echo end'), bufsize=1000)
    wait_for_end(daemon)
    with papa.watch_processes('p') as watcher:
        assert watcher.dropped == {}
        collected = b''
        while results := watcher.read():
            collected += datas(results[0])
    assert collected.endswith(b'end\n')
    assert len(collected) <= 1000
    assert watcher.dropped == {'p': 100004 - len(collected)}


def test_dropped_is_empty_where_nothing_was_lost(papa: Papa) -> None:
    with papa.make_process('p', 'echo', 'x', watch_immediately=True) as watcher:
        while watcher.read():
            pass
    assert watcher.dropped == {}


def test_overflow_block_loses_nothing(papa: Papa) -> None:
    count = 300000
    command = ('-c', f'seq 1 {count}')
    with papa.make_process('p', 'sh', command, bufsize='4k', overflow='block', watch_immediately=True) as watcher:
        collected = b''
        while results := watcher.read():
            collected += datas(results[0])
    assert collected == b''.join(b'%d\n' % number for number in range(1, count + 1))
    assert watcher.dropped == {}


def test_bufsize_0_records_nothing_but_the_exit(papa: Papa) -> None:
    with papa.make_process('p', 'sh', ('-c', 'echo x; exit 4'), bufsize=0, watch_immediately=True) as watcher:
        out, err, closed = watcher.read() or ([], [], [])
        assert (out, err, [end.data for end in closed]) == ([], [], [4])
        assert watcher.read() is None
