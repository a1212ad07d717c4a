"""`papa.Watcher`: acknowledging what was read, and being done."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import pytest
from conftest import Daemon, wait_until

from papa import BadRequest, Papa

from .helpers import Speak, datas, details, read_until, readable, unacknowledged, wait_for_capture

pytestmark = pytest.mark.usefixtures('both')

# Acknowledging


def test_read_acknowledges_what_the_previous_read_returned(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    with papa.watch_processes('p') as watcher:
        speaker.say(b'one')
        assert read_until(watcher, 3) == b'one'
        assert unacknowledged(daemon) == b'one'
        speaker.say(b'two')
        assert read_until(watcher, 3) == b'two'
        assert unacknowledged(daemon) == b'two'


def test_acknowledge(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    with papa.watch_processes('p') as watcher:
        watcher.acknowledge()  # nothing yet
        speaker.say(b'one')
        watcher.read()
        watcher.acknowledge()
        watcher.acknowledge()
        wait_until(lambda: details(daemon)['acknowledged'] == 3)
        assert unacknowledged(daemon) == b''
        speaker.say(b'two')
        assert read_until(watcher, 3) == b'two'


def test_acknowledge_covers_only_what_was_read(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    watcher = papa.watch_processes('p')
    speaker.say(b'one')
    watcher.read()
    speaker.say(b'two')
    wait_for_capture(daemon, 6)
    readable(watcher)
    assert watcher.ready  # it has arrived in the client, but nobody has read it
    watcher.close()
    assert unacknowledged(daemon) == b'two'


def test_close_acknowledges_and_waits_until_the_kernel_has_it(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    for text in (b'one', b'two', b'three'):
        watcher = papa.watch_processes('p')
        speaker.say(text)
        assert read_until(watcher, len(text)) == text
        watcher.close()
        assert details(daemon)['buffered'] == 0
        assert not watcher


def test_leaving_a_block_acknowledges(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    speaker.say(b'one')
    with papa.watch_processes('p') as watcher:
        assert read_until(watcher, 3) == b'one'
    assert details(daemon)['buffered'] == 0


def test_leaving_a_block_by_an_exception_acknowledges_nothing(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    speaker.say(b'one')
    with suppress(ZeroDivisionError), papa.watch_processes('p') as watcher:
        assert read_until(watcher, 3) == b'one'
        raise ZeroDivisionError
    assert not watcher
    assert unacknowledged(daemon) == b'one'
    papa.set('a', 'b')  # and the client has its connection back
    assert papa.get('a') == 'b'


def test_leaving_the_block_of_the_client_by_an_exception_acknowledges_nothing(daemon: Daemon, speak: Speak) -> None:
    speaker = speak()
    speaker.say(b'one')
    with suppress(ZeroDivisionError), daemon.connect() as papa, papa.watch_processes('p') as watcher:
        assert read_until(watcher, 3) == b'one'
        raise ZeroDivisionError
    assert unacknowledged(daemon) == b'one'


def test_a_reader_that_dies_loses_nothing(daemon: Daemon, speak: Speak) -> None:
    speaker = speak()
    speaker.say(b'one')
    dead = daemon.connect().watch_processes('p')
    assert read_until(dead, 3) == b'one'
    os.close(os.dup(dead.fileno()))
    assert dead._connection is not None
    dead._connection.close()
    assert unacknowledged(daemon) == b'one'


def test_what_was_acknowledged_before_a_death_stays_acknowledged(daemon: Daemon, speak: Speak) -> None:
    """Also when the kernel notices first that it cannot send any more."""
    speaker = speak()
    watcher = daemon.connect().watch_processes('p')
    speaker.say(b'one')
    assert read_until(watcher, 3) == b'one'
    daemon.process.send_signal(signal.SIGSTOP)
    speaker.say(b'two')
    wait_until(lambda: speaker.is_waiting)
    watcher.acknowledge()
    assert watcher._connection is not None
    watcher._connection.close()
    daemon.process.send_signal(signal.SIGCONT)
    wait_until(lambda: details(daemon)['watchers'] == 0)
    assert details(daemon)['acknowledged'] == 3
    assert unacknowledged(daemon) == b'two'


def test_the_name_is_free_once_the_exit_is_acknowledged(papa: Papa) -> None:
    watcher = papa.make_process('p', 'false', watch_immediately=True)
    watcher.read()
    assert list(papa.list_processes()) == ['p']
    watcher.acknowledge()
    assert papa.list_processes() == {}
    with papa.make_process('p', 'true', watch_immediately=True) as successor:
        successor.read()
        assert successor.exit_code == {'p': 0}


@pytest.mark.parametrize('peek', [False, True])
def test_acknowledging_by_a_watcher_only_what_it_has_told(
    peek: bool, daemon: Daemon, speak: Speak, papa: Papa
) -> None:
    speak().say(b'12345')
    watcher = papa.watch_processes('p', peek=peek)
    assert read_until(watcher, 5) == b'12345'
    with pytest.raises(BadRequest, match='up to 5'):
        watcher.acknowledge_output('p', 10**9)
    watcher.acknowledge_output('p', 2)
    watcher._abandon()
    assert details(daemon)['acknowledged'] == 2
    with pytest.raises(BadRequest, match='This watcher is closed'):
        watcher.acknowledge_output('p', 3)
    assert details(daemon)['acknowledged'] == 2


def test_an_exit_that_is_not_acknowledged_comes_again(papa: Papa) -> None:
    papa.make_process('p', 'sh', ('-c', 'exit 3'))
    for _ in range(3):
        watcher = papa.watch_processes('p')
        (end,) = (watcher.read() or ([], [], []))[2]
        assert end.data == 3
        watcher._abandon()


# Being done


def test_read_returns_none_once_the_kernel_has_confirmed(papa: Papa) -> None:
    with papa.make_process('p', 'true', watch_immediately=True) as watcher:
        while watcher.read():
            assert watcher
        assert not watcher
        assert papa.list_processes() == {}
        assert watcher.read() is None
        assert watcher.read() is None


def test_the_truth_value(speak: Speak, papa: Papa) -> None:
    one, two = speak('w.1'), speak('w.2')
    watcher = papa.watch_processes('w.*')
    assert watcher
    one.end()
    watcher.read()
    watcher.acknowledge()
    assert watcher
    two.end()
    watcher.read()
    assert watcher
    watcher.acknowledge()
    assert not watcher


def test_the_loop_of_papa_1(papa: Papa) -> None:
    collected = b''
    with papa.make_process('p', 'sh', ('-c', 'echo a; sleep 0.02; echo b'), watch_immediately=True) as watcher:
        while watcher:
            out, _err, _closed = watcher.read()
            collected += datas(out)
            watcher.acknowledge()
    assert collected == b'a\nb\n'
    assert papa.list_processes() == {}


def test_closing_twice(speak: Speak, papa: Papa) -> None:
    speak()
    watcher = papa.watch_processes('p')
    watcher.close()
    watcher.close()
    watcher.acknowledge()
    assert watcher.fileno() == -1
    assert watcher.ready is False
    assert watcher.read() is None


@pytest.mark.parametrize(('command', 'code'), [
    ('exit 0', 0), ('exit 255', 255), ('kill -9 $$', -9), ('kill -15 $$', -15),
])
def test_exit_codes(command: str, code: int, papa: Papa) -> None:
    with papa.make_process('p', 'sh', ('-c', command), watch_immediately=True) as watcher:
        assert watcher.exit_code == {}
        closed = []
        while results := watcher.read():
            closed += results[2]
    assert [end.data for end in closed] == [code]
    assert watcher.exit_code == {'p': code}


def test_an_exit_that_was_acknowledged_by_another(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    with papa.watch_processes('p') as mine, daemon.connect() as other_papa, other_papa.watch_processes('p') as other:
        speaker.say(b'x')
        speaker.end()
        for watcher in (other, mine):
            collected = b''
            while results := watcher.read():
                collected += datas(results[0])
            assert (collected, watcher.exit_code) == (b'x', {'p': 0})


def test_removed_processes_close_without_more_output(speak: Speak, papa: Papa, daemon: Daemon) -> None:
    speaker = speak()
    with papa.watch_processes('p') as watcher:
        speaker.say(b'seen')
        assert read_until(watcher, 4) == b'seen'
        papa.remove_processes('p')
        speaker.say(b'unseen')
        speaker.end()
        out, _, closed = watcher.read() or ([], [], [])
        assert (out, len(closed)) == ([], 1)
        assert watcher.read() is None
    assert watcher.dropped.get('p', 0) == 0  # it was given up on purpose
