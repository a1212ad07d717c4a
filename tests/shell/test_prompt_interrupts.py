"""What a SIGINT does at the prompt."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from papa_shell.prompt.interrupts import Interrupts
from papa_shell.prompt.loop import attach

from .prompting import reader


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    before = signal.getsignal(signal.SIGINT)
    made = Interrupts()
    made.install()
    yield made
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_a_command_is_interrupted_once(interrupts: Interrupts) -> None:
    def work() -> None:
        try:
            interrupt()
        finally:
            interrupt()
            done.append('cleaned up')

    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupts.run(work)
    assert done == ['cleaned up']


def test_a_line_is_cleared(interrupts: Interrupts) -> None:
    cleared: list[str] = []
    interrupts.clear = lambda: not cleared.append('line')
    interrupt()
    assert cleared == ['line']
    assert interrupts.run(lambda: 'done') == 'done'


def test_what_comes_between_enter_and_the_command_is_meant_for_it(interrupts: Interrupts) -> None:
    with reader() as typing:
        attach(typing.reader, interrupts)
        assert typing.read('get x\r') == 'get x'
    interrupt()
    with pytest.raises(KeyboardInterrupt):
        interrupts.run(lambda: None)
    assert interrupts.run(lambda: 'done') == 'done'


def test_what_comes_before_the_prompt_is_meant_for_no_command(interrupts: Interrupts) -> None:
    with reader() as typing:
        attach(typing.reader, interrupts)
        interrupt()
        assert typing.read('get x\r') == 'get x'
    assert interrupts.run(lambda: 'done') == 'done'


def test_what_comes_after_a_command_is_not_meant_for_the_next(interrupts: Interrupts) -> None:
    assert interrupts.run(lambda: 'done') == 'done'
    interrupt()
    assert interrupts.forget()
    assert not interrupts.forget()
    assert interrupts.run(lambda: 'done') == 'done'
