"""Fixtures of the tests of the client."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import conftest as kernels
import pytest
from conftest import Daemon, wait_until

from papa import Papa
from papa.client import launch

from .blocking import BlockingPapa, BlockingWatcher, Loop
from .helpers import FakeKernel, Speak, Speaker


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line('markers', 'blocking_only: of a file that runs on both clients, but not this test')


@pytest.fixture(params=['sync', 'async'])
def both(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run the test twice: on `Papa` and, behind the same surface, on `AsyncPapa`."""
    if request.param == 'sync':
        yield
        return
    if request.node.get_closest_marker('blocking_only'):
        pytest.skip('it is about the blocking client')
    Loop.open()
    for module in (kernels, request.module):
        monkeypatch.setattr(module, 'Papa', BlockingPapa, raising=False)
    monkeypatch.setattr(request.module, 'Watcher', BlockingWatcher, raising=False)
    yield
    Loop.close()


@pytest.fixture(autouse=True)
def _own_locks(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The locks of those who start kernels vanish with the test."""
    monkeypatch.setattr(launch, '_LOCK_ROOT', folder)


@pytest.fixture
def make_fake(folder: str) -> Iterator[Callable[..., FakeKernel]]:
    """Make scripted peers that end with the test."""
    fakes: list[FakeKernel] = []

    def make(serve: Callable[[FakeKernel, socket.socket, int], None]) -> FakeKernel:
        fakes.append(FakeKernel(f'{folder}/fake{len(fakes)}.sock', serve))
        return fakes[-1]

    yield make
    for fake in fakes:
        fake.close()


@pytest.fixture
def speak(daemon: Daemon, folder: str) -> Iterator[Speak]:
    """Start speakers by a client of their own, so that they take nobody's connection."""
    speakers: list[Speaker] = []
    with daemon.connect() as maker:
        def start(name: str = 'p', **options: Any) -> Speaker:
            speakers.append(Speaker(maker, folder, name, **options))
            return speakers[-1]

        yield start
    for speaker in speakers:
        speaker.end()


@pytest.fixture(scope='module')
def _shared() -> Iterator[Daemon]:
    with tempfile.TemporaryDirectory(prefix='papa-') as folder:
        daemon = Daemon(port_or_path=f'{folder}/shared.sock')
        yield daemon
        daemon.stop()


@pytest.fixture
def shared_papa(_shared: Daemon) -> Iterator[Papa]:
    """A client of a kernel that is empty, but not new for each test: there are many."""
    with _shared.connect() as client:
        yield client
    with _shared.connect() as client:
        for details in client.list_processes().values():
            if details['running']:
                with suppress(ProcessLookupError):  # it has just ended
                    os.killpg(details['pid'], signal.SIGKILL)
        client.remove_processes()
        client.remove_sockets()
        for name in client.list_values():
            client.set(name)
        wait_until(lambda: not client.list_processes())
