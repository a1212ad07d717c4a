"""papa-tui on a terminal of fixed size, as a person sees it."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pytest
from conftest import wait_until
from shell.screens import Screen

PROGRAM = [sys.executable, '-m', 'papa_tui']


class Seen(Screen):
    """The dashboard, started with these words. pyte knows no second screen: what was drawn stays there afterwards."""

    def __init__(
        self, *words: str, command: list[str] | None = None, columns: int = 120, lines: int = 36, **env: str
    ) -> None:
        super().__init__(
            '/nowhere', *words, command=command or PROGRAM, columns=columns, lines=lines,
            **{'TERM': 'xterm-256color', 'XDG_CONFIG_HOME': '/nowhere', 'TMUX': '', **env},
        )

    def press(self, keys: str, pattern: str) -> None:
        """Press keys, and wait for what comes of them."""
        self.type(keys)
        self.see(pattern)

    def gone(self, text: str) -> None:
        """Wait until something is not on the screen any more."""
        self.wait(lambda: text not in self.text, f'the end of {text}')

    def colour_of(self, text: str) -> str:
        """The colour of the first letter of a text on the screen."""
        for y, line in enumerate(self.screen.display):
            if text in line:
                return str(self.screen.buffer[y][line.index(text)].fg)
        raise AssertionError(f'there is no {text}')

    def leave(self) -> int:
        """Quit. Returns the exit status; what the terminal shows then is in `text`."""
        self.type('q')
        return self.finish()

    def finish(self) -> int:
        """Read on until nobody writes any more. Returns the exit status."""
        with pytest.raises(AssertionError, match='it has ended'):
            self.wait(lambda: False, 'its end')
        return self.end()


def is_alive(pid: int) -> bool:
    """Whether a process runs, and is no zombie."""
    try:
        with open(f'/proc/{pid}/stat', 'rb') as file:
            return file.read().rpartition(b')')[2].split()[0] not in (b'Z', b'X')
    except OSError:
        return False


def kill_hard(kernel: Any) -> None:
    """End a kernel in the worst way, and what it has started."""
    with kernel.connect() as papa:
        pids = [each['pid'] for each in papa.list_processes().values() if each['running']]
    kernel.process.kill()
    kernel.process.wait()
    for pid in pids:
        os.killpg(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, pids)))
