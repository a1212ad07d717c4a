"""Fixtures of the tests of the client."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from papa.client import launch

from .helpers import FakeKernel


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
