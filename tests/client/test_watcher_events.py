"""`papa.Watcher.events` on both clients."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from conftest import Daemon, wait_until

from papa import BadRequest, ConnectionLost, Papa
from papa.events import Acknowledged, Closed, Lost, Output, Started

from .helpers import Make, Speak, details, read_until, serving, unacknowledged, wait_for_capture, wait_for_end

pytestmark = pytest.mark.usefixtures('both')


def next_of(events: Any, kind: type) -> Any:
    """The next event of this kind."""
    return next(event for event in events if isinstance(event, kind))


def test_from_the_beginning_to_the_end(daemon: Daemon, papa: Papa) -> None:
    made = papa.make_process('p', 'sh', ('-c', 'echo out; sleep 0.05; echo err >&2; exit 7'))
    with papa.watch_processes('p') as watcher:
        events = list(watcher.events())
        acknowledged, out, err, closed = events
        assert acknowledged == Acknowledged('p', made['id'], 0, False)
        assert (out.stream, out.data, out.position) == ('out', b'out\n', 4)
        assert (err.stream, err.data, err.position) == ('err', b'err\n', 8)
        assert (closed.name, closed.id, closed.exit_code) == ('p', made['id'], 7)
        assert watcher.exit_code == {'p': 7}
        assert list(watcher.events()) == []
        assert watcher
    assert details(daemon)['buffered'] == 8  # nothing is acknowledged by itself


def test_what_was_told_can_be_acknowledged_and_the_exit_with_it(papa: Papa) -> None:
    papa.make_process('p', 'echo', 'x')
    with papa.watch_processes('p') as watcher:
        list(watcher.events())
        watcher.acknowledge()
        assert not watcher
        assert papa.list_processes() == {}


def test_acknowledge_covers_only_what_was_told(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    speaker.say(b'one')
    with papa.watch_processes('p') as watcher:
        events = watcher.events()
        next_of(events, Output)
        speaker.say(b'two')
        wait_for_capture(daemon, 6)
        wait_until(lambda: watcher.ready)
        watcher.acknowledge()
        assert next_of(events, Output).data == b'two'
    assert unacknowledged(daemon) == b'two'


def test_acknowledgements_of_others_and_of_oneself(daemon: Daemon, speak: Speak, papa: Papa) -> None:
    speaker = speak()
    speaker.say(b'0123456789')
    wait_for_capture(daemon, 10)
    with papa.watch_processes('p', peek=True) as watcher, daemon.connect() as other:
        events = watcher.events()
        next_of(events, Output)
        other.acknowledge_output('p', 4)
        assert next_of(events, Acknowledged) == Acknowledged('p', speaker.made['id'], 4, False)
        watcher.acknowledge_output('p', 6)
        assert next_of(events, Acknowledged) == Acknowledged('p', speaker.made['id'], 6, True)


def test_losses(daemon: Daemon, papa: Papa) -> None:
    made = papa.make_process('p', 'sh', ('-c', 'head -c 5000 /dev/zero; exit'), bufsize=100)
    wait_for_end(daemon)
    with papa.watch_processes('p') as watcher:
        _, lost, output, closed = watcher.events()
    assert lost == Lost('p', made['id'], 0, 4900, 'overflow')
    assert (len(output.data), output.position) == (100, 5000)
    assert isinstance(closed, Closed)
    assert watcher.dropped == {'p': 4900}


def test_those_that_start_later(daemon: Daemon, papa: Papa) -> None:
    with papa.watch_processes('w.*', follow=True) as watcher, daemon.connect() as other:
        events = watcher.events()
        for name in ('w.1', 'w.2'):
            made = other.make_process(name, 'echo', name)
            assert next_of(events, Started) == Started(name, made['id'], made['started'])
            assert next_of(events, Output).data == name.encode() + b'\n'
            assert next_of(events, Closed).exit_code == 0


def test_one_that_is_another_than_expected(speak: Speak, papa: Papa) -> None:
    made = speak().made
    with papa.watch_processes('p', since={'p': ('1-2-3', 5)}) as watcher:
        assert list(islice(watcher.events(), 2)) == [
            Acknowledged('p', made['id'], 0, False), Started('p', made['id'], made['started']),
        ]


def test_reading_and_events_do_not_mix(speak: Speak, papa: Papa) -> None:
    speaker = speak()
    speaker.say(b'x')
    with papa.watch_processes('p') as watcher:
        read_until(watcher, 1)
        with pytest.raises(BadRequest, match='was read'):
            watcher.events()
    with papa.watch_processes('p') as watcher:
        next(iter(watcher.events()))
        with pytest.raises(BadRequest, match='cannot read'):
            watcher.read()


def test_left_in_the_middle_it_gives_the_connection_back(speak: Speak, papa: Papa) -> None:
    speak().say(b'x')
    before = papa.fileno()
    with papa.watch_processes('p') as watcher:
        for event in watcher.events():
            if isinstance(event, Output):
                break
    assert papa.fileno() == before
    assert papa.get('a') is None


def test_losing_the_kernel(make_fake: Make) -> None:
    fake = make_fake(serving(b'{"watching":[["p","id",0,1.5,0]],"made":null}\no 0 1.5 1 1\nx\n', requests=2))
    with Papa(fake.path) as papa, papa.watch_processes('p') as watcher:
        events = watcher.events()
        assert [type(next(events)) for _ in range(2)] == [Acknowledged, Output]
        with pytest.raises(ConnectionLost, match='during "watch processes"'):
            next(events)
    assert [line.split(b'\t')[1] for line in fake.requests] == [b'watch processes', b'events\n']
