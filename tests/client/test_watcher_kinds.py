"""`papa.Watcher` of watches that peek, follow, or go on after a position; and `acknowledge_output`."""

from __future__ import annotations

import pytest
from conftest import Daemon, wait_until

from papa import BadRequest, Conflict, NotFound, Papa

from .helpers import Speak, datas, details, read_until, unacknowledged, wait_for_capture, wait_for_end

pytestmark = pytest.mark.usefixtures('both')


# Peeking


def test_a_peek_takes_nothing(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    speaker.say(b'one')
    with papa.watch_processes('p', peek=True) as watcher:
        assert read_until(watcher, 3) == b'one'
        watcher.acknowledge()
        assert watcher
        assert (details(daemon)['watchers'], details(daemon)['peekers']) == (0, 1)
        speaker.say(b'two')
        assert read_until(watcher, 3) == b'two'
    assert details(daemon)['acknowledged'] == 0
    assert unacknowledged(daemon) == b'onetwo'


def test_a_peek_ends_when_everything_has_closed_and_gives_the_connection_back(daemon: Daemon, papa: Papa) -> None:
    before = papa.fileno()
    papa.make_process('p', 'sh', ('-c', 'echo x; exit 3'))
    wait_for_end(daemon)
    watcher = papa.watch_processes(peek=True)
    collected = b''
    while results := watcher.read():
        collected += datas(results[0])
    assert (collected, watcher.exit_code) == (b'x\n', {'p': 3})
    assert not watcher
    assert watcher.read() is None
    assert papa.fileno() == before
    assert papa.list_processes()['p']['buffered'] == 2


def test_the_loop_of_papa_1_over_a_peek(papa: Papa) -> None:
    papa.make_process('p', 'sh', ('-c', 'echo a; sleep 0.02; echo b'))
    collected = b''
    with papa.watch_processes('p', peek=True) as watcher:
        while watcher:
            out, _err, _closed = watcher.read()
            collected += datas(out)
            watcher.acknowledge()
    assert collected == b'a\nb\n'


@pytest.mark.parametrize('last', [4, '4'])
def test_only_the_last_so_many_bytes(last: int | str, daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    speaker.say(b'0123456789')
    wait_for_capture(daemon, 10)
    with papa.watch_processes('p', peek=True, last=last) as watcher:
        out, _, _ = watcher.read() or ([], [], [])
        assert [(item.data, item.position) for item in out] == [(b'6789', 10)]
        assert watcher.dropped == {}


def test_last_is_for_a_peek(speak: Speak, papa: Papa) -> None:
    speak()
    with pytest.raises(BadRequest, match='last is for'):
        papa.watch_processes('p', last=4)
    with pytest.raises(BadRequest):
        papa.watch_processes('p', peek=True, last='some')


# Following


def test_later_processes_are_followed(papa: Papa, daemon: Daemon) -> None:
    with papa.watch_processes('w.*', follow=True) as watcher, daemon.connect() as other:
        collected = []
        for name in ('w.1', 'other', 'w.2', 'w.1'):
            other.make_process(name, 'echo', name)
            if name == 'other':
                continue
            closed: list[object] = []
            while not closed:
                out, _, closed = watcher.read() or ([], [], [])
                collected += [item.data for item in out]
            watcher.acknowledge()
            assert watcher
        assert collected == [b'w.1\n', b'w.2\n', b'w.1\n']
        assert watcher.exit_code == {'w.1': 0, 'w.2': 0}
        wait_until(lambda: list(other.list_processes()) == ['other'])
    assert not watcher


# Going on


def test_going_on_after_a_position(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    speaker.say(b'0123456789')
    wait_for_capture(daemon, 10)
    place = (speaker.made['id'], 4)
    with papa.watch_processes('p', since={'p': place}) as watcher:
        (output,), _, _ = watcher.read() or ([], [], [])
        assert (output.data, output.position, output.id) == (b'456789', 10, place[0])
        assert watcher.replaced == {}


def test_going_on_after_what_others_took(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    speaker.say(b'0123456789')
    wait_for_capture(daemon, 10)
    with daemon.connect() as other:
        other.acknowledge_output('p', 7)
    with papa.watch_processes('p', peek=True, since={'p': (speaker.made['id'], 4)}) as watcher:
        assert read_until(watcher, 3) == b'789'
        assert watcher.dropped == {}


def test_going_on_with_another_process(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    speaker.say(b'0123')
    wait_for_capture(daemon, 4)
    with papa.watch_processes('p', since={'p': ('1-2-3', 2), 'gone': ('1-2-4', 3)}) as watcher:
        assert watcher.replaced == {'p': speaker.made['id']}
        assert read_until(watcher, 4) == b'0123'


# Acknowledging a position


def test_acknowledging_up_to_a_position(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    speaker.say(b'0123456789')
    wait_for_capture(daemon, 10)
    assert papa.acknowledge_output('p', 4) == 4
    assert papa.acknowledge_output('p', 3) == 0
    assert papa.acknowledge_output('p', 6, speaker.made['id']) == 2
    assert unacknowledged(daemon) == b'6789'
    with pytest.raises(Conflict):
        papa.acknowledge_output('p', 7, '1-2-3')
    with pytest.raises(NotFound):
        papa.acknowledge_output('none', 7)
    assert details(daemon)['acknowledged'] == 6


@pytest.mark.parametrize('peek', [False, True])
def test_acknowledging_as_a_watcher(peek: bool, daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    with papa.watch_processes('p', peek=peek) as watcher:
        speaker.say(b'0123456789')
        read_until(watcher, 10)
        watcher.acknowledge_output('p', 4)
        wait_until(lambda: details(daemon)['acknowledged'] == 4)
        watcher.acknowledge_output('p', 6, speaker.made['id'])
        wait_until(lambda: details(daemon)['acknowledged'] == 6)
        for bad in (('none', 5, None), ('p', 5, '1-2-3'), ('p', '5', None)):
            with pytest.raises((NotFound, Conflict, BadRequest)):
                watcher.acknowledge_output(*bad)
        speaker.say(b'x')
        assert read_until(watcher, 1) == b'x'
    assert details(daemon)['acknowledged'] == (6 if peek else 11)


# Values, and what the kernel says of itself


def test_a_value_is_set_only_if_it_is_as_expected(papa: Papa) -> None:
    papa.set('a', '1', expected=None)
    with pytest.raises(Conflict):
        papa.set('a', '2', expected=None)
    with pytest.raises(Conflict):
        papa.set('a', '2', expected='0')
    papa.set('a', '', expected='1')
    papa.set('a', 'x\n\t\\', expected='')
    papa.set('a', expected='x\n\t\\')
    assert papa.get('a') is None
    papa.set('a', expected=None)


def test_kernel_info(daemon: Daemon, papa: Papa) -> None:
    info = papa.kernel_info()
    assert info['pid'] == daemon.pid
    assert info['endpoint'] == f'unix:{daemon.where}'
    assert {'version', 'uptime', 'memory', 'python'} <= set(info)
