"""papa-shell as a program, and in the test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from conftest import PATIENCE, Daemon

Shell = Callable[..., 'subprocess.CompletedProcess[str]']
PROGRAM = [sys.executable, '-m', 'papa_shell']


def environment(where: object, **more: str) -> dict[str, str]:
    """That of a shell whose kernel is there; it finds this tree, installed or not."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    kept = {key: value for key, value in os.environ.items() if key not in ('COLUMNS', 'NO_COLOR')}
    return {**kept, 'PAPA_ENDPOINT': str(where), 'PYTHONPATH': root, **more}


@pytest.fixture
def shell(daemon: Daemon) -> Shell:
    """Run papa-shell with these words against `daemon`, and this on its standard input."""

    def run(*words: str, stdin: str = '', env: dict[str, str] | None = None, **more: Any) -> Any:
        return subprocess.run(
            [*PROGRAM, *words], input=stdin, capture_output=True, text=True, timeout=PATIENCE, check=False,
            env=environment(daemon.where, **(env or {})), **more,
        )

    return run
