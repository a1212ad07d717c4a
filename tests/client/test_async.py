"""`papa.AsyncPapa`: what only asyncio has. Tasks that share a client, and cancellation at every await."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from conftest import PATIENCE, Daemon, wait_until

from papa import AsyncPapa, ConnectFailed, ConnectionLost, NotFound
from papa.client import launch
from papa.client.aio_connection import AsyncConnection
from papa.events import Change

from .helpers import GREETING, FakeKernel, Make, Speak, details, end_process, kernel_pid, unacknowledged

Main = Callable[[], Coroutine[Any, Any, None]]


def run(main: Main) -> None:
    """Run a test's coroutine. Whatever asyncio complains of fails the test."""
    complaints: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        await asyncio.wait_for(main(), PATIENCE)
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(watched(), debug=False)
    gc.collect()
    assert complaints == []


async def cancel(awaitable: Awaitable[Any], after: Callable[[], Awaitable[Any]]) -> None:
    """Begin it, and cancel it at that moment."""
    task = asyncio.ensure_future(awaitable)
    await after()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


@asynccontextmanager
async def turns(number: int) -> AsyncIterator[None]:
    for _ in range(number):
        await asyncio.sleep(0)
    yield


# Tasks


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


# Cancellation


def in_pieces(reply: bytes, cut: int, gate: threading.Event, begun: threading.Event) -> Any:
    """A peer whose first reply stops in the middle, until the gate opens; the next say which they are."""
    def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
        connection.sendall(GREETING)
        fake.read_request(connection)
        connection.sendall(reply[:cut])
        begun.set()
        gate.wait(PATIENCE)
        with suppress(OSError):
            connection.sendall(reply[cut:])
        while fake.read_request(connection):
            connection.sendall(b'=reply %d\n' % len(fake.requests))

    return serve


@pytest.mark.parametrize('cut', [0, 1, 4, 6])
def test_a_cancelled_call_only_drops_its_reply(cut: int, make_fake: Make) -> None:
    gate, begun = threading.Event(), threading.Event()
    fake = make_fake(in_pieces(b'=first\n', cut, gate, begun))

    async def main() -> None:
        async with AsyncPapa(fake.path) as papa:
            before = papa.fileno()
            await cancel(papa.get('a'), lambda: until(begun.is_set))
            following = asyncio.ensure_future(papa.get('b'))
            await asyncio.sleep(0.01)
            gate.set()
            assert await following == 'reply 2'
            assert papa.fileno() == before

    run(main)
    assert len(fake.requests) == 2


@pytest.mark.parametrize('cut', [0, 3, 7])
def test_a_cancelled_pipeline_only_drops_its_replies(cut: int, make_fake: Make) -> None:
    gate, begun = threading.Event(), threading.Event()
    fake = make_fake(in_pieces(b'=first\n', cut, gate, begun))

    async def send(papa: AsyncPapa) -> None:
        async with papa.pipeline() as pipe:
            pipe.get('a')
            pipe.get('a')

    async def main() -> None:
        async with AsyncPapa(fake.path) as papa:
            await cancel(send(papa), lambda: until(begun.is_set))
            gate.set()
            assert await papa.get('b') == 'reply 3'

    run(main)


WATCHING = b'{"watching":[["p","id",0,1.5,0]],"made":null}\no 0 1.5 1 1\nx\n'


@pytest.mark.parametrize('cut', [0, 5, 45, 50, len(WATCHING)])
def test_a_cancelled_opening_of_a_watch_closes_its_connection(cut: int, make_fake: Make) -> None:
    gate, begun = threading.Event(), threading.Event()
    fake = make_fake(in_pieces(WATCHING, cut, gate, begun))

    async def main() -> None:
        async with AsyncPapa(fake.path) as papa:
            opening = asyncio.ensure_future(papa.watch_processes('p'))
            await until(begun.is_set)
            if cut <= 45:
                opening.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await opening
                assert papa.fileno() is None
                gate.set()
            else:
                gate.set()
                await (await opening)._abandon()

    run(main)


def test_a_cancelled_opening_behind_other_calls_leaves_them_their_replies(make_fake: Make) -> None:
    go, ended = threading.Event(), threading.Event()

    def serve(fake: FakeKernel, connection: socket.socket, _number: int) -> None:
        connection.sendall(GREETING)
        fake.read_request(connection)
        fake.read_request(connection)
        go.wait(PATIENCE)
        connection.sendall(b'=first\n' + WATCHING)
        fake.read_request(connection)
        ended.set()

    fake = make_fake(serve)

    async def main() -> None:
        async with AsyncPapa(fake.path) as papa:
            first = asyncio.ensure_future(papa.get('a'))
            await cancel(papa.watch_processes('p'), lambda: until(lambda: len(fake.requests) == 2))
            go.set()
            assert await first == 'first'
            await until(ended.is_set)

    run(main)


def test_a_cancelled_read_loses_nothing(daemon: Daemon, speak: Speak) -> None:
    speaker = speak()

    async def main() -> None:
        async with AsyncPapa(daemon.where) as papa, await papa.watch_processes('p') as watcher:
            collected = b''
            for number in range(50):
                reading = asyncio.ensure_future(watcher.read())
                speaker.say(b'x')
                for _ in range(number % 7):
                    await asyncio.sleep(0)
                reading.cancel()
                with suppress(asyncio.CancelledError):
                    out, _, _ = await reading or ([], [], [])
                    collected += b''.join(item.data for item in out)
            while len(collected) < 50:
                out, _, _ = await watcher.read() or ([], [], [])
                collected += b''.join(item.data for item in out)
            assert collected == b'x' * 50

    run(main)
    assert details(daemon)['acknowledged'] == 50


def test_a_cancelled_event_loses_nothing(daemon: Daemon, speak: Speak) -> None:
    speaker = speak()

    async def main() -> None:
        async with AsyncPapa(daemon.where) as papa, await papa.watch_processes('p') as watcher:
            events = watcher.events()
            await events.__anext__()
            await cancel(events.__anext__(), lambda: asyncio.sleep(0.01))
            speaker.say(b'x')
            assert getattr(await events.__anext__(), 'data', None) == b'x'

    run(main)
    assert unacknowledged(daemon) == b'x'


@pytest.mark.parametrize('ending', ['close', 'acknowledge', 'read', 'leave'])
def test_a_cancelled_end_of_a_watch_closes_its_connection(ending: str, make_fake: Make) -> None:
    def serve(fake: FakeKernel, connection: socket.socket, number: int) -> None:
        connection.sendall(GREETING)
        fake.read_request(connection)
        connection.sendall(b'=fine\n' if number else WATCHING + b'x 0 2.5 0\n')
        fake.read_request(connection)
        fake.read_request(connection)

    fake = make_fake(serve)

    async def main() -> None:
        async with AsyncPapa(fake.path) as papa:
            watcher = await papa.watch_processes('p')
            while not watcher.exit_code:
                await watcher.read()
            leave = watcher.__aexit__(None, None, None) if ending == 'leave' else getattr(watcher, ending)()
            await cancel(leave, lambda: until(lambda: len(fake.requests) == 2))
            assert not watcher
            assert await papa.get('x') == 'fine'
            for step in (watcher.read, watcher.acknowledge, watcher.close):  # nobody knows whether the kernel has it
                with pytest.raises(ConnectionLost, match='during "acknowledge"'):
                    await step()

    run(main)


@pytest.mark.parametrize('number', range(12))
def test_a_cancelled_connecting_leaves_nothing_open(number: int, daemon: Daemon) -> None:
    before = len(os.listdir('/proc/self/fd'))

    async def main() -> None:
        papa = AsyncPapa(daemon.where, autostart=False)
        connecting = asyncio.ensure_future(papa.get('a'))
        async with turns(number):
            connecting.cancel()
        with suppress(asyncio.CancelledError):
            await connecting
        assert await papa.get('a') is None
        await papa.close()

    run(main)
    assert len(os.listdir('/proc/self/fd')) == before


def test_a_silent_peer_can_be_given_up(make_fake: Make) -> None:
    fake = make_fake(lambda fake, connection, _: fake.read_request(connection) and None)

    async def main() -> None:
        papa = AsyncPapa(fake.path, connection_timeout=0.05)
        with pytest.raises(ConnectFailed, match='has not greeted'):
            await papa.get('a')
        papa = AsyncPapa(fake.path)
        await cancel(papa.get('a'), lambda: asyncio.sleep(0.05))
        await papa.close()

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


def test_a_cancelled_start_leaves_no_connection_behind(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where = f'{folder}/auto.sock'
    starting, go = threading.Event(), threading.Event()
    start = launch._start

    def slow(*args: Any) -> Any:
        starting.set()
        go.wait(PATIENCE)
        return start(*args)

    monkeypatch.setattr(launch, '_start', slow)
    before = len(os.listdir('/proc/self/fd'))

    async def main() -> None:
        await cancel(AsyncPapa(where).get('a'), lambda: until(starting.is_set))
        go.set()

    run(main)
    assert len(os.listdir('/proc/self/fd')) == before
    async def find() -> None:
        async with AsyncPapa(where, autostart=False) as papa:
            assert (await papa.kernel_info())['connections'] == 1
            pid = kernel_pid(papa)  # type: ignore[arg-type]
        end_process(pid)

    run(find)


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
