"""The prompt in the test: keys come from a pipe, nothing is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prompt_toolkit.application import create_app_session
from prompt_toolkit.history import History, InMemoryHistory
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from papa.line.system import NoSystem
from papa_shell.prompt.feed import Feed
from papa_shell.prompt.reader import Reader
from papa_shell.prompt.standing import Standing


class FakeSystem(NoSystem):
    """A machine with two users and two programs."""

    def users(self) -> list[str]:
        return ['alice', 'root']

    def programs(self) -> list[str]:
        return ['sh', 'sleep']


def feed_with(
    processes: dict[str, str] | None = None, values: dict[str, str] | None = None,
    sockets: dict[str, str] | None = None,
) -> Feed:
    """A feed that listens to nobody, with these names and notes."""
    feed = Feed('/no/such/kernel', None, Standing('/no/such/kernel'))
    feed.names.processes.replace(processes or {})
    feed.names.values.replace(values or {})
    feed.names.sockets.replace(sockets or {})
    return feed


@contextmanager
def reader(
    feed: Feed | None = None, history: History | None = None, vi: bool = False, system: NoSystem | None = None
) -> Iterator[Typing]:
    """A reader that somebody types into."""
    feed = feed or feed_with({'web.1': '11 running', 'web.2': '12 running', 'job': '13 ended with 0'}, {'note': 'hi'})
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        made = Reader(
            feed, Standing('/no/such/kernel'), history or InMemoryHistory(), bool, vi=vi, coloured=False,
            system=system or FakeSystem(), input=keys, output=DummyOutput(),
        )
        yield Typing(made, keys)


class Typing:
    """Types and reads."""

    def __init__(self, made: Reader, keys: PipeInput) -> None:
        self.reader = made
        self.keys = keys

    def read(self, *typed: str, default: str = '') -> str:
        """What comes out when this is typed, a part at a time: each when the one before has been dealt with."""
        left = list(typed)

        def more(_app: Any) -> None:
            if left:
                self.keys.send_text(left.pop(0))

        app = self.reader.session.app
        app.after_render += more
        try:
            return self.reader.read(default)
        finally:
            app.after_render -= more
            assert not left
