"""`papa.AsyncPapa`: cancellation at every await."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from contextlib import suppress
from typing import Any

import pytest
from conftest import PATIENCE, Daemon

from papa import AsyncPapa, ConnectFailed, ConnectionLost
from papa.client import launch

from .helpers import GREETING, FakeKernel, Make, Speak, details, end_process, kernel_pid, unacknowledged
from .tasks import WATCHING, cancel, run, turns, until


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
