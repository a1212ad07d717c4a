"""papa-shell as a program, and in the test."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import PATIENCE, Daemon

from .programs import PROGRAM, environment
from .screens import Screen
from .terminals import Terminal

Shell = Callable[..., 'subprocess.CompletedProcess[str]']
Prompt = Callable[..., Screen]

@pytest.fixture
def shell(daemon: Daemon) -> Shell:
    """Run papa-shell with these words against `daemon`, and this on its standard input."""

    def run(*words: str, stdin: str = '', env: dict[str, str] | None = None, **more: Any) -> Any:
        return subprocess.run(
            [*PROGRAM, *words], input=stdin, capture_output=True, text=True, timeout=PATIENCE, check=False,
            env=environment(daemon.where, **(env or {})), **more,
        )

    return run


@pytest.fixture
def terminal(daemon: Daemon) -> Iterator[Callable[..., Terminal]]:
    """Start papa-shell with these words in a terminal."""
    made: list[Terminal] = []

    def start(*words: str, **env: str) -> Terminal:
        made.append(Terminal(daemon.where, *words, **env))
        return made[-1]

    yield start
    for each in made:
        each.kill()


@pytest.fixture
def prompt(daemon: Daemon, folder: str) -> Iterator[Prompt]:
    """Start papa-shell at its prompt, in a terminal of which we see the screen."""
    made: list[Screen] = []

    def start(*words: str, ready: str = '^>$', **more: object) -> Screen:
        made.append(Screen(daemon.where, *words, XDG_STATE_HOME=folder, **more))  # type: ignore[arg-type]
        made[-1].see(ready)
        return made[-1]

    yield start
    for each in made:
        each.kill()
