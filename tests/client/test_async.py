"""`papa.AsyncPapa`: what only asyncio has. Tasks that share a client, and losses that several are told."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from conftest import PATIENCE, Daemon, wait_until

from papa import AsyncPapa, ConnectionLost, NotFound
from papa.client.aio_connection import AsyncConnection
from papa.events import Change

from .helpers import GREETING, FakeKernel, Make, Speak, end_process
from .tasks import WATCHING, run, until


def test_several_tasks_may_call_at_once(daemon: Daemon) -> None:
    async def main() -> None:
        async with AsyncPapa(daemon.where, autostart=False) as papa:
            async def work(number: int) -> None:
                for step in range(20):
                    await papa.set(f'v.{number}', str(step))
                    assert await papa.get(f'v.{number}') == str(step)

            await asyncio.gather(*(work(number) for number in range(20)))
            assert (await papa.kernel_info())['connections'] == 1

    run(main)


def test_the_first_await_connects_once_for_all_tasks(daemon: Daemon) -> None:
    async def main() -> None:
        papa = AsyncPapa(daemon.where, autostart=False)
        assert papa.fileno() is None
        assert await asyncio.gather(*(papa.get('a') for _ in range(10))) == [None] * 10
        assert (await papa.kernel_info())['connections'] == 1
        await papa.close()
        await papa.close()
        assert papa.fileno() is None

    run(main)


def test_commands_during_the_opening_of_a_watch_have_a_connection_of_their_own(daemon: Daemon, speak: Speak) -> None:
    speak()

    async def main() -> None:
        async with AsyncPapa(daemon.where, autostart=False) as papa:
            before = papa.get('a')
            opening = asyncio.ensure_future(papa.watch_processes('p'))
            assert await asyncio.gather(before, papa.get('b'), papa.get('c')) == [None] * 3
            watcher = await opening
            assert watcher
            await watcher.close()
            with pytest.raises(NotFound):
                await asyncio.gather(papa.get('a'), papa.watch_processes('none'), papa.get('b'))
            assert await papa.get('a') is None

    run(main)


def test_a_loop_over_a_watcher(daemon: Daemon) -> None:
    async def main() -> None:
        async with AsyncPapa(daemon.where, autostart=False) as papa:
            watcher = await papa.make_process('p', 'sh', ('-c', 'echo a; sleep 0.02; echo b; exit 4'),
                                              watch_immediately=True)
            collected = b''
            async with watcher:
                async for out, _err, _closed in watcher:
                    collected += b''.join(item.data for item in out)
            assert (collected, watcher.exit_code, bool(watcher)) == (b'a\nb\n', {'p': 4}, False)
            assert await papa.list_processes() == {}

    run(main)


def test_a_watcher_that_is_not_read_is_not_sent_everything(daemon: Daemon) -> None:
    size = 40 * 1024 * 1024

    async def main() -> None:
        async with AsyncPapa(daemon.where, autostart=False) as papa:
            await papa.make_process('p', 'head', ('-c', str(size), '/dev/zero'), bufsize='64m')
            while (await papa.list_processes('p'))['p']['running']:
                await asyncio.sleep(0.01)
            async with await papa.watch_processes('p') as watcher:
                await asyncio.sleep(0.3)
                assert watcher._state._size < size // 2
                assert await papa.get('a') is None
                found = 0
                async for out, _err, _closed in watcher:
                    found += sum(len(item.data) for item in out)
                assert found == size

    run(main)


def test_changes_begin_with_the_loop(daemon: Daemon) -> None:
    async def main() -> None:
        async with AsyncPapa(daemon.where, autostart=False) as papa:
            seen: list[Change] = []
            async for change in papa.changes('values'):
                seen.append(change)
                if len(seen) == 2:
                    break
                await papa.set('a', 'x')
            assert [change.change for change in seen] == ['snapshot', 'made']

    run(main)
    with daemon.connect() as papa:
        wait_until(lambda: papa.kernel_info()['connections'] == 1)


@pytest.mark.parametrize('how', ['read', 'events', 'changes'])
def test_a_task_that_waits_ends_when_another_closes(how: str, daemon: Daemon, speak: Speak) -> None:
    speak()

    async def main() -> None:
        async with AsyncPapa(daemon.where, autostart=False) as papa:
            stream: Any = papa.changes() if how == 'changes' else await papa.watch_processes('p')
            steps = stream.events() if how == 'events' else stream
            if how != 'read':
                await steps.__anext__()
            waiting = asyncio.ensure_future(steps.__anext__())
            await asyncio.sleep(0.01)
            await stream.close()
            with pytest.raises(StopAsyncIteration):
                await waiting
            assert await papa.get('a') is None

    run(main)


def test_two_tasks_that_read_share_what_comes(daemon: Daemon, speak: Speak) -> None:
    speaker = speak()

    async def main() -> None:
        async with AsyncPapa(daemon.where, autostart=False) as papa, await papa.watch_processes('p') as watcher:
            reading = [asyncio.ensure_future(watcher.read()) for _ in range(2)]
            for text in (b'one', b'two'):
                await asyncio.sleep(0.01)
                speaker.say(text)
                done, rest = await asyncio.wait(reading, return_when=asyncio.FIRST_COMPLETED)
                assert [outputs[0][0].data for task in done if (outputs := task.result())] == [text]
                reading = list(rest)

    run(main)


def test_all_tasks_wait_for_the_last_confirmation(make_fake: Make) -> None:
    confirm = threading.Event()

    def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
        connection.sendall(GREETING)
        fake.read_request(connection)
        connection.sendall(WATCHING + b'x 0 2.5 0\n')
        fake.read_request(connection)
        confirm.wait(PATIENCE)
        connection.sendall(b'.\n')

    fake = make_fake(serve)

    async def main() -> None:
        async with AsyncPapa(fake.path) as papa:
            watcher = await papa.watch_processes('p')
            while not watcher.exit_code:
                await watcher.read()
            steps = [asyncio.ensure_future(step()) for step in (watcher.read, watcher.acknowledge, watcher.read)]
            done, _ = await asyncio.wait(steps, timeout=0.05)
            assert not done
            confirm.set()
            assert await asyncio.gather(*steps) == [None] * 3

    run(main)


def test_changes_that_are_closed_while_they_begin(daemon: Daemon) -> None:
    async def main() -> None:
        async with AsyncPapa(daemon.where, autostart=False) as papa:
            changes = papa.changes()
            beginning = [asyncio.ensure_future(changes.__anext__()) for _ in range(2)]
            await asyncio.sleep(0)
            await changes.close()
            for step in beginning:
                with pytest.raises(StopAsyncIteration):
                    await step
            assert changes.fileno() == -1
            assert (await papa.kernel_info())['connections'] == 1

    run(main)


# Starting a kernel


def test_tasks_that_start_at_once_get_one_kernel(folder: str) -> None:
    where = f'{folder}/auto.sock'
    pids: set[int] = set()

    async def main() -> None:
        async def one() -> None:
            async with AsyncPapa(where) as papa:
                pids.add((await papa.kernel_info())['pid'])

        await asyncio.gather(*(one() for _ in range(8)))

    run(main)
    assert len(pids) == 1
    end_process(pids.pop())


# Losing the kernel


def test_a_loss_while_idle_is_told_to_one_call(start_daemon: Callable[..., Daemon]) -> None:
    first = start_daemon()

    async def main() -> None:
        async with AsyncPapa(first.where) as papa:
            first.process.kill()
            first.process.wait()
            connection: Any = papa._connection
            assert isinstance(connection, AsyncConnection)
            await until(lambda: connection.closed)
            start_daemon(port_or_path=first.where)
            with pytest.raises(ConnectionLost, match='during "get"'):
                await papa.get('a')
            assert await papa.get('a') is None

    run(main)


def test_a_loss_is_told_to_all_who_wait(make_fake: Make) -> None:
    def serve(fake: FakeKernel, connection: socket.socket, number: int) -> None:
        connection.sendall(GREETING)
        for _ in range(1 if number else 3):
            fake.read_request(connection)
        connection.sendall(b'=one\n')
        if number:
            fake.read_request(connection)

    fake = make_fake(serve)

    async def main() -> None:
        async with AsyncPapa(fake.path) as papa:
            one, two, three = await asyncio.gather(
                papa.get('a'), papa.set('b', 'x'), papa.list_values(), return_exceptions=True
            )
            assert one == 'one'
            assert '"set"' in str(two)
            assert '"list values"' in str(three)
            assert await papa.get('a') == 'one'

    run(main)
    assert len(fake.requests) == 4
