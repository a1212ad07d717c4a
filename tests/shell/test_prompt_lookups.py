"""A machine that does not answer holds up neither a key nor the way out."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from papa.line.lookups import PATIENCE, Lookups
from papa.line.snapshot import Names
from papa_shell.prompt.completion import LineCompleter

from .prompting import FakeSystem, reader

_FAR = 60.0  # seconds: a test that waits for what hangs takes so long


class Hanging(FakeSystem):
    """A machine whose users hang until `release` is set."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.asked = threading.Event()

    def users(self) -> list[str]:
        self.asked.set()
        self.release.wait(_FAR)
        return super().users()


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    made = Hanging()
    yield made
    made.release.set()


@pytest.mark.parametrize('typed', [
    ['m p x uid=', '\r'],  # Enter
    ['m p x uid=', '\t', '\r'],
    ['m p x uid=', '\t', '\x7f' * 4 + '\t', '\r'],  # other candidates come meanwhile
])
def test_keys_and_the_end_of_a_line_do_not_wait(typed: list[str], hanging: Hanging) -> None:
    with reader(system=hanging) as typing:
        began = time.monotonic()
        typing.read(*typed)
        assert hanging.asked.is_set()
        assert not hanging.release.is_set()
        assert time.monotonic() - began < _FAR / 2


def test_what_is_there_is_offered_after_a_moment(hanging: Hanging) -> None:
    completer = LineCompleter(Names, threading.Lock(), hanging)
    assert completer.get_completions(Document('m p x uid='), CompleteEvent(completion_requested=True)) == []
    assert completer.partial == Document('m p x uid=')
    found = completer.get_completions(Document('m p x ui'), CompleteEvent(completion_requested=True))
    assert [each.text for each in found] == ['uid=']
    assert completer.partial is None


def test_without_a_key_nothing_is_waited_for(hanging: Hanging) -> None:
    completer = LineCompleter(Names, threading.Lock(), hanging)
    hanging.release.set()
    late = threading.Event()
    completer.lookups.late = late.set
    while completer.get_completions(Document('m p x uid='), CompleteEvent()) == []:
        assert late.wait(_FAR)
    assert completer.partial is None


def test_while_typing_the_menu_comes_when_the_answer_does(hanging: Hanging) -> None:
    with reader(system=hanging) as typing:
        late = threading.Event()
        show = typing.reader.completer.lookups.late

        def arrived() -> None:
            show()
            late.set()

        typing.reader.completer.lookups.late = arrived
        app = typing.reader.session.app
        seen: list[list[str]] = []

        def look(_app: object) -> None:
            state = typing.reader.session.default_buffer.complete_state
            seen.append([each.text for each in state.completions] if state else [])
            if typing.reader.completer.partial is not None:
                hanging.release.set()
            if seen[-1] == ['uid=alice', 'uid=root']:
                typing.keys.send_text('\r')

        app.after_render += look
        assert typing.read('m p x uid=') == 'm p x uid='
        assert late.is_set()


def test_the_loop_ends_while_something_is_looked_up(hanging: Hanging) -> None:
    async def leave() -> None:
        completer = LineCompleter(Names, threading.Lock(), hanging)
        found = completer.get_completions_async(Document('m p x uid='), CompleteEvent(text_inserted=True))
        assert [each async for each in found] == []

    began = time.monotonic()
    asyncio.run(leave())
    assert time.monotonic() - began < _FAR / 2
    hanging.release.set()  # and the answer finds nobody


def test_a_question_is_asked_once_and_many_that_hang_are_enough(hanging: Hanging) -> None:
    class Folders(Hanging):
        def entries(self, folder: str) -> list[tuple[str, bool]]:
            asked.append(folder)
            hanging.release.wait(_FAR)
            return [(folder, False)]

    asked: list[str] = []
    lookups = Lookups(Folders())
    for number in range(100):
        for _ in range(2):
            assert lookups.find(lambda system, at=number: system.entries(str(at)), 0) == ([], False)  # type: ignore[misc]
    hanging.release.set()
    assert len(asked) == len(set(asked)) <= 16
    assert PATIENCE < 1


def test_a_look_up_that_fails_finds_nothing() -> None:
    class Broken(FakeSystem):
        def users(self) -> list[str]:
            raise KeyError('users')

    assert Lookups(Broken()).find(lambda system: system.users(), _FAR) == ([], True)
