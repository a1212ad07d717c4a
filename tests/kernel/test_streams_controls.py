"""What a client says to a stream, at the right time and at the wrong one."""

from __future__ import annotations

import pytest
from conftest import Daemon, wait_until

from papa.errors import BadRequest, Error
from papa.wire.client import EndFrame, ExitFrame, ProtocolError
from papa.wire.structured import encode_request

from .tools import assert_clear, assert_serves
from .viewers import Caller, Tap

STREAMS = [('watch processes', 'job'), ('watch processes', 'peek=1', '--', 'job'), ('changes',),
           ('watch processes', 'follow=1', '--')]
BAD_FOR_CHANGES = [('ack', '0:1'), ('events',), ('ack',)]
BAD_FOR_A_WATCH = [
    ('ack', '1:5'), ('ack', '-1:5'), ('ack', 'x:5'), ('ack', ''), ('ack', '0'), ('ack', '0:'), ('ack', '0:-1'),
    ('ack', '0:y'), ('ack', '0:' + '9' * 50), ('ack', '0:X'), ('ack', '0:1', '7:1'), ('stop', '9:1'), ('ack', ':'),
    ('ack', '0:x'),
]
GARBAGE = [
    b'\tnonsense\n', b'\t\xff\xfe\n', b'\t\n', b'nonsense\n', b'\xff\xfb\x01\n', b'\t' * 1000 + b'\n', b'\n\n\n',
]


def last_line(caller: Caller) -> str:
    """The last line before the kernel closes the connection."""
    data = b''
    while part := caller.socket.recv(65536):
        data += part
    assert data.endswith(b'\n')
    return data[:-1].rpartition(b'\n')[2].decode()


def last_words(daemon: Daemon, manager: Caller, *lines: tuple[str, ...]) -> str:
    """The text of the error that ends a connection after these lines."""
    with Caller(daemon) as caller:
        caller.say(*lines, ('stop',))
        code, _, text = last_line(caller).partition('\t')
        assert code == '!bad-request', lines
        wait_until(lambda: manager.details('job')['watchers'] + manager.details('job')['peekers'] == 0)
        return text


def test_controls_without_a_stream_do_no_harm(daemon: Daemon) -> None:
    with Caller(daemon) as caller:
        for words in (('ack', '0:5'), ('ack',), ('events',), ('ack', 'x')):  # the stream may just have ended
            caller.say(words)
        assert_clear(caller.call('stop'), 'No stream')
        assert_clear(caller.call('stop', '0:1'), 'No stream')
        assert caller.call('get', 'nothing') is None


@pytest.mark.parametrize('stream', STREAMS)
def test_a_command_while_a_stream_runs_ends_the_connection(daemon: Daemon, stream: tuple[str, ...]) -> None:
    with Caller(daemon) as manager:
        manager.make('job', '/bin/sleep', '60')
        for command in (('get', 'a'), ('watch processes', 'job'), ('changes',), ('quit',), ('info',)):
            assert_clear(last_words(daemon, manager, stream, command), 'stream', command[0])
    assert 'Traceback' not in daemon.stop()


@pytest.mark.parametrize('stream', STREAMS)
def test_a_control_that_makes_no_sense_is_said_to_be_so(daemon: Daemon, stream: tuple[str, ...]) -> None:
    bad = BAD_FOR_CHANGES if stream[0] == 'changes' else BAD_FOR_A_WATCH
    with Caller(daemon) as manager:
        manager.make('job', '/bin/sleep', '60')
        for control in bad:
            assert_clear(last_words(daemon, manager, stream, control))
            assert manager.details('job')['acknowledged'] == 0
    assert 'Traceback' not in daemon.stop()


def test_who_peeks_cannot_acknowledge_an_exit(daemon: Daemon) -> None:
    with Caller(daemon) as manager, Caller(daemon) as peeker:
        manager.make('job', '/bin/true')
        peeker.watch('peek=1', '--', 'job')
        assert isinstance(peeker.frame(), ExitFrame)
        peeker.say(('ack', '0:x'))
        assert_clear(last_line(peeker).partition('\t')[2], 'peeks', 'exit')
        assert set(manager.call('list processes')) == {'job'}


def test_what_was_acknowledged_before_the_mistake_is(daemon: Daemon, folder: str) -> None:
    with Caller(daemon) as manager, Caller(daemon) as watcher:
        tap = Tap(manager, 'job', folder)
        tap.write(b'hello')
        watcher.watch('job')
        watcher.frame()
        watcher.say(('ack', '0:3', '5:1', '0:5'))
        last_line(watcher)
        assert manager.details('job')['acknowledged'] == 3
        tap.close()


@pytest.mark.parametrize('stream', STREAMS)
def test_garbage_while_a_stream_runs_gets_its_answer_and_harms_nobody(daemon: Daemon, stream: tuple[str, ...]) -> None:
    with Caller(daemon) as manager:
        manager.make('job', '/bin/sleep', '60')
        for garbage in GARBAGE:
            with Caller(daemon) as caller:
                caller.socket.sendall(encode_request(stream) + garbage + encode_request(('stop',)))
                caller.reply()
                with pytest.raises((ProtocolError, BadRequest)):
                    caller.frames_until(lambda frame: isinstance(frame, EndFrame))
            wait_until(lambda: manager.details('job')['watchers'] + manager.details('job')['peekers'] == 0)
    assert_serves(daemon)
    assert 'Traceback' not in daemon.stop()


def test_a_watch_ends_with_the_last_exit_that_is_acknowledged(daemon: Daemon) -> None:
    with Caller(daemon) as manager, Caller(daemon) as watcher:
        for name in ('a', 'b'):
            manager.make(name, '/bin/true')
        watcher.watch('a', 'b')
        frames = [watcher.frame(), watcher.frame()]
        assert all(isinstance(frame, ExitFrame) for frame in frames)
        watcher.say(('ack', '0:x'), ('ack', '0:5'), ('ack', '0:x'))  # what has left already may be named again
        watcher.say(('ack', '1:x'), ('get', 'nothing'))  # sent before the end was read
        assert isinstance(watcher.frame(), EndFrame)
        assert watcher.reply() is None
        assert manager.call('list processes') == {}


def test_a_stop_may_be_sent_in_one_go_with_the_watch(daemon: Daemon) -> None:
    with Caller(daemon) as caller:
        caller.make('job', '/bin/sh', '-c', 'echo hello; exec sleep 60')
        wait_until(lambda: caller.details('job')['captured'] == 6)
        for stream in STREAMS:
            caller.say(stream, ('stop',), ('get', 'nothing'))
            assert not isinstance(caller.reply(), Error)
            frames = caller.frames_until(lambda frame: isinstance(frame, EndFrame))
            assert len(frames) > 1  # what was there comes before the end
            assert caller.reply() is None
        assert caller.details('job')['acknowledged'] == 0
