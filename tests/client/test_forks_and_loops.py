"""A client that finds itself elsewhere: in a child after a fork, in another event loop, without a descriptor left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from conftest import PATIENCE, Daemon

from papa import ConnectionLost, Papa

from .helpers import datas

pytestmark = pytest.mark.blocking_only


def in_child(check: Callable[[], bool]) -> int:
    """Fork; the exit code of the child, 0 if the check holds there."""
    child = os.fork()
    if not child:
        try:
            os._exit(0 if check() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_parent_and_child_get_their_own_replies(papa: Papa) -> None:
    papa.set('whose', 'parent')
    papa.set('other', 'child')
    assert in_child(lambda: all(papa.get('other') == 'child' for _ in range(200))) == 0
    assert [papa.get('whose') for _ in range(200)] == ['parent'] * 200


def test_a_child_does_not_acknowledge_for_its_parent(papa: Papa, daemon: Daemon) -> None:
    with papa.make_process('job', 'sh', ['-c', 'echo one; exec sleep 1000'], watch_immediately=True) as watcher:
        out, _, _ = watcher.read()
        assert datas(out) == b'one\n'

        def leaves() -> bool:
            try:
                watcher.close()
            except ConnectionLost:
                return papa.list_processes('job')['job']['acknowledged'] == 0
            return False

        assert in_child(leaves) == 0
        assert papa.list_processes('job')['job']['acknowledged'] == 0
        watcher.acknowledge()
    with daemon.connect() as other:
        assert other.list_processes('job')['job']['acknowledged'] == 4


# In programs of their own: a loop that is closed on an open connection rightly warns of that.
SECOND_LOOP = """
import asyncio, sys, papa
client = papa.AsyncPapa(sys.argv[1], autostart=False)
async def many():
    return await asyncio.gather(*(asyncio.wait_for(client.get('a'), 20) for _ in range(3)))
asyncio.run(client.set('a', '1'))
print(asyncio.run(many()), asyncio.run(many()))
asyncio.run(client.close())
"""
WATCHER_IN_A_SECOND_LOOP = """
import asyncio, sys, papa
client = papa.AsyncPapa(sys.argv[1], autostart=False)
async def begin():
    await client.make_process('job', 'sleep', '1000')
    return await client.watch_processes('job')
watcher = asyncio.run(begin())
try:
    asyncio.run(asyncio.wait_for(watcher.read(), 20))
except papa.ConnectionLost:
    print('lost')
asyncio.run(watcher.close())
"""


@pytest.mark.parametrize(('program', 'said'), [
    (SECOND_LOOP, "['1', '1', '1'] ['1', '1', '1']\n"), (WATCHER_IN_A_SECOND_LOOP, 'lost\n'),
])
def test_an_async_client_in_another_loop(daemon: Daemon, program: str, said: str) -> None:
    assert run_program(program, daemon) == said


EXHAUSTED = """
import resource, sys, papa
resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))
kept = []
try:
    while True:
        kept.append(papa.Papa(sys.argv[1], autostart=False))
except papa.ConnectFailed as error:
    print(error)
kept.pop().close()
kept.pop().close()
kept[0].changes()
print(kept[1].get('a'))
"""


def run_program(code: str, daemon: Daemon) -> str:
    ran = subprocess.run(
        [sys.executable, '-c', code, str(daemon.where)], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, '')
    return ran.stdout


def test_without_a_descriptor_left(daemon: Daemon) -> None:
    said = f'Cannot connect to the kernel at {daemon.where}: Too many open files\nNone\n'
    assert run_program(EXHAUSTED, daemon) == said
