"""A watcher that is killed at any moment and goes on with `since`: no byte twice, none missing."""

from __future__ import annotations

import hashlib
import random
import select
from typing import Any

import pytest
from conftest import Daemon

from papa.wire.client import ExitFrame

from .tools import python
from .viewers import Account, Caller

WRITER = r'''
import os, random, sys
chance = random.Random(int(sys.argv[1]))
left = int(sys.argv[2])
while left:
    data = chance.randbytes(min(left, chance.choice([1, 10, 100, 5000, 70000])))
    left -= len(data)
    while data:
        data = data[os.write(1, data):]
'''
SIZE = 3_000_000


class Logger:
    """Keeps what it gets, with the position up to which it has it, and dies now and then."""

    def __init__(self, daemon: Daemon, process_id: str, peek: bool) -> None:
        self._daemon = daemon
        self._words = ['peek=1'] if peek else []
        self._peek = peek
        self._id = process_id
        self.account = Account(0)
        self.hash = hashlib.sha256()
        self.lives = 0

    def live(self, frames: int, chance: random.Random) -> None:
        """Connect, take so many frames, and be killed in the middle of whatever comes."""
        self.lives += 1
        with Caller(self._daemon) as caller:
            position = self.account.position
            ((_, process_id, start, _, _),) = caller.watch(*self._words, f'since={self._id}:{position}', '--', 'job')
            assert (process_id, start) == (self._id, position)
            for _ in range(frames):
                frame = caller.frame()
                self.account.take(frame)
                self.hash.update(getattr(frame, 'data', b''))
                if isinstance(frame, ExitFrame):
                    return
                if not self._peek and chance.random() < 0.5:
                    caller.say(('ack', f'0:{chance.randint(start, self.account.position)}'))
                if not (self._peek or select.select([caller.socket], [], [], 0)[0]):
                    caller.say(('ack', f'0:{self.account.position}'))  # the process may wait for that
            if chance.random() < 0.5 and select.select([caller.socket], [], [], 0)[0]:
                caller.socket.recv(chance.choice([1, 50, 100_000]))


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('peek', [False, True], ids=['acknowledging', 'peeking'])
def test_it_goes_on_where_it_was_killed(daemon: Daemon, seed: int, peek: bool) -> None:
    """With a buffer for all of it, or a process that waits, nothing is lost whoever dies when."""
    chance = random.Random(seed)
    options = ['bufsize=4m'] if peek else ['overflow=block', 'bufsize=100k']
    with Caller(daemon) as manager:
        process: dict[str, Any] = python(WRITER, seed, SIZE)
        made = manager.make('job', *options, process['executable'], *process['args'])
        logger = Logger(daemon, made['id'], peek)
        while logger.account.exit_code is None:
            logger.live(chance.choice([0, 1, 3, 10, 40]), chance)
        assert logger.lives > 1
        assert logger.account.lost == []
        assert logger.account.delivered == SIZE
        assert logger.hash.digest() == hashlib.sha256(expected(seed)).digest()
        assert manager.details('job')['captured'] == SIZE


def expected(seed: int) -> bytes:
    chance = random.Random(seed)
    found = b''
    while len(found) < SIZE:
        found += chance.randbytes(min(SIZE - len(found), chance.choice([1, 10, 100, 5000, 70000])))
    return found


@pytest.mark.parametrize('seed', range(2))
def test_what_is_lost_meanwhile_is_told_once(daemon: Daemon, seed: int) -> None:
    """The process floods a small buffer: what was delivered stands where it belongs, all else is accounted for."""
    chance = random.Random(seed)
    content = expected(seed)
    with Caller(daemon) as manager:
        process: dict[str, Any] = python(WRITER, seed, SIZE)
        made = manager.make('job', 'bufsize=64k', process['executable'], *process['args'])
        logger = Logger(daemon, made['id'], False)
        logger.account = Account(0, lambda position, size: content[position : position + size])
        while logger.account.exit_code is None:
            logger.live(chance.choice([0, 1, 3, 10, 40]), chance)
        lost = sum(loss.end - loss.start for loss in logger.account.lost)
        assert logger.account.delivered + lost == SIZE
        assert {loss.reason for loss in logger.account.lost} <= {'overflow', 'acknowledged', 'slow'}
        assert logger.account.lost_to('acknowledged') == 0  # it never acknowledged what it did not have


def test_an_acknowledgement_on_the_way_counts_although_its_sender_has_died(daemon: Daemon) -> None:
    with Caller(daemon) as manager:
        manager.make('job', '/bin/sh', '-c', 'echo hello; exec sleep 60')
        with Caller(daemon) as watcher:
            watcher.watch('job')
            assert watcher.frame().data == b'hello\n'
            watcher.say(('ack', '0:6'))
        while manager.details('job')['watchers']:
            pass
        assert manager.details('job')['acknowledged'] == 6
