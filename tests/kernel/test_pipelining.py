"""Many requests at once, and clients that take their time for the answers."""

from __future__ import annotations

import socket
import time

from conftest import PATIENCE, Daemon

from kernel.tools import resident
from papa import Papa


def structured(daemon: Daemon) -> socket.socket:
    raw = daemon.open()
    greeting = b''
    while not greeting.endswith(b'\n> '):
        greeting += raw.recv(4096)
    return raw


def lines(raw: socket.socket, count: int) -> list[bytes]:
    parts: list[bytes] = []
    while count > 0:
        part = raw.recv(65536)
        assert part, f'{sum(map(len, parts))} bytes and no more'
        parts.append(part)
        count -= part.count(b'\n')
    return b''.join(parts).splitlines()


def test_four_hundred_processes_in_one_go(daemon: Daemon, papa: Papa) -> None:
    with structured(daemon) as raw:
        raw.sendall(b''.join(b'\tmake process\tjob.%d\t/bin/true\n' % number for number in range(400)))
        assert all(line.startswith(b'{"job.') for line in lines(raw, 400))
        raw.sendall(b''.join(b'\tmake process\tbad.%d\t/no/such\n' % number for number in range(400)))
        assert all(line.startswith(b'!bad-request\t') for line in lines(raw, 400))
    assert len(papa.list_processes()) == 400
    papa.remove_processes()


def test_others_are_served_while_one_makes_processes(daemon: Daemon, papa: Papa) -> None:
    with structured(daemon) as raw:
        raw.sendall(b''.join(b'\tmake process\tjob.%d\trlimit.core=0\t/bin/true\n' % number for number in range(60)))
        papa.set('x', 'y')  # comes in between
        assert len(papa.list_processes()) < 60
        lines(raw, 60)
    papa.remove_processes()


def test_a_client_may_take_its_time_for_the_last_answer(daemon: Daemon, papa: Papa) -> None:
    papa.set('big', 'x' * 900_000)
    with daemon.open() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.sendall(b'get big\nquit\n')
        taken = 0
        deadline = time.monotonic() + PATIENCE
        pause = 2.5  # seconds in all, more than the kernel waits for a client that takes nothing
        while part := raw.recv(16384):
            assert time.monotonic() < deadline
            taken += len(part)
            if taken < 900_000 and pause > 0:
                time.sleep(0.1)
                pause -= 0.1
    assert taken > 900_000


def test_a_name_that_is_being_started_is_taken(daemon: Daemon, papa: Papa) -> None:
    with (
        structured(daemon) as first, structured(daemon) as same,
        structured(daemon) as other, structured(daemon) as bad,
    ):
        first.sendall(b'\tmake process\tjob\trlimit.core=0\t/bin/sleep\t60\n')
        same.sendall(b'\tmake process\tjob\trlimit.core=0\t/bin/sleep\t60\n')
        other.sendall(b'\tmake process\tjob\trlimit.core=0\t/bin/sleep\t61\n')
        (started,), (found,) = lines(first, 1), lines(same, 1)
        assert started.startswith(b'{"job":{"pid":')
        assert found == started
        assert lines(other, 1)[0].startswith(b'!conflict\t')
        bad.sendall(b'\tmake process\tbad\trlimit.core=0\t/no/such\n' * 2 + b'\tmake process\tbad\t/bin/true\n')
        answers = lines(bad, 3)
    assert [answer[:5] for answer in answers] == [b'!bad-', b'!bad-', b'{"bad']
    assert set(papa.list_processes()) == {'job', 'bad'}


def test_requests_one_by_one_of_a_client_that_reads_no_answer_are_not_read_for_ever(
    daemon: Daemon, papa: Papa
) -> None:
    papa.set('big', 'x' * 2_000_000)
    with structured(daemon) as raw:
        before = resident(daemon.pid)
        for _ in range(40):
            raw.sendall(b'\tget\tbig\n')
            papa.get('nothing')  # so that each comes alone
        assert resident(daemon.pid) - before < 20_000_000
        assert all(len(line) == 2_000_001 for line in lines(raw, 40))
