"""What is acknowledged has been seen: streams on terminals that take little, or nothing, and keys pressed twice.

The driver of a terminal throws away what waits in it at a Ctrl-C, unless signal keys are off: so a second press, or one
just after the end, shows what was acknowledged too early.
"""

from __future__ import annotations

import os
import re
import select
import signal
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import PATIENCE, Daemon, wait_until

from papa import Papa

from .programs import PROGRAM
from .terminals import ANSWER, QUESTION, Terminal

SLOW = 200_000  # bytes a second that a slow terminal takes
LINES = 'i=0; while [ $i -lt 60000 ]; do echo "line $i"; i=$((i+1)); done; exec sleep 100'
FEW = 'i=0; while [ $i -lt 466 ]; do echo "line $i"; i=$((i+1)); done; exec sleep 100'
SIZE = sum(len(f'line {number}\n') for number in range(466))
# As a shell does, something goes on at the terminal when the program has ended.
AFTERWARDS = 'trap : INT; "$@"; echo "status $?"; while :; do sleep 100; done'

Start = Callable[..., Terminal]


@pytest.fixture
def start(daemon: Daemon, folder: str) -> Iterator[Start]:
    made: list[Terminal] = []

    def make(*words: str, mute: bool, **more: str) -> Terminal:
        command = ['sh', '-c', AFTERWARDS, 'sh', *PROGRAM]
        env = {'NO_COLOR': '1', 'XDG_STATE_HOME': folder, **more}
        made.append(Terminal(daemon.where, *words, command=command, mute=mute, **env))
        return made[-1]

    yield make
    for each in made:
        each.kill()


def is_raw(run: Terminal) -> bool:
    return not termios.tcgetattr(run.fd)[3] & termios.ICANON


def is_usual(run: Terminal) -> bool:
    return not is_raw(run)


def read_slowly(run: Terminal, until: Callable[[], Any]) -> None:
    """Read as a slow terminal does, until the condition holds."""
    began, read = time.monotonic(), 0
    while not until():
        elapsed = time.monotonic() - began
        assert elapsed < PATIENCE, run.said[-500:]
        if read < elapsed * SLOW and select.select([run.fd], [], [], 0)[0]:
            part = run.read(2000)
            read += len(part)
            run.said += part
        else:
            time.sleep(0.001)


def read_on(run: Terminal) -> None:
    """Read all that still comes."""
    while select.select([run.fd], [], [], 0.3)[0]:
        run.said += run.read()


def unseen(run: Terminal, papa: Papa, *, most: int = 60000) -> list[int]:
    """The lines that are acknowledged, and were not seen."""
    seen = {int(number) for number in re.findall(r'line (\d+)\r\n', run.said)}
    acknowledged, position, missed = papa.list_processes()['p']['acknowledged'], 0, []
    for number in range(most):
        position += len(f'line {number}\n')
        if position > acknowledged:
            break
        missed += [] if number in seen else [number]
    return missed


@pytest.mark.parametrize('mute', [False, True])
def test_two_presses_on_a_slow_terminal(start: Start, papa: Papa, mute: bool) -> None:
    papa.make_process('p', 'sh', ['-c', LINES], overflow='block', bufsize='1m')
    run = start('watch', 'processes', 'p', mute=mute)
    read_slowly(run, lambda: len(run.said) > 700_000)
    run.type('\x03')
    read_slowly(run, lambda: is_usual(run))
    run.type('\x03')
    read_slowly(run, lambda: 'status' in run.said or papa.kernel_info()['connections'] == 1)
    run.type('\x03')
    read_on(run)
    assert unseen(run, papa) == []
    assert papa.list_processes()['p']['acknowledged'] > 0


@pytest.mark.parametrize('mute', [False, True])
def test_two_presses_at_the_prompt(start: Start, papa: Papa, mute: bool) -> None:
    papa.make_process('p', 'sh', ['-c', LINES], overflow='block', bufsize='1m')
    run = start(mute=mute)
    run.read_until('>\x1b')
    run.type('watch processes p\r')
    read_slowly(run, lambda: len(run.said) > 700_000)
    run.type('\x03\x03')
    time.sleep(0.05)
    run.type('\x03')
    read_on(run)
    assert unseen(run, papa) == []
    assert papa.list_processes()['p']['acknowledged'] > 0
    run.type('\x04')
    read_slowly(run, lambda: 'status 0' in run.said)


@pytest.mark.parametrize('mute', [False, True])
def test_two_presses_on_a_stalled_terminal(start: Start, papa: Papa, mute: bool) -> None:
    papa.make_process('p', 'sh', ['-c', LINES], overflow='block', bufsize='1m')
    run = start('watch', 'processes', 'p', mute=mute)
    run.read_until('line 0\r\n')
    wait_until(lambda: papa.list_processes()['p']['captured'] > 580_000)  # it stands still
    typed = time.monotonic()
    run.type('\x03')
    wait_until(lambda: is_usual(run), 'the usual mode')
    assert time.monotonic() - typed < 1.0  # 0.2 where nothing else runs
    run.type('\x03')
    time.sleep(0.05)
    run.type('\x03')
    read_on(run)
    assert unseen(run, papa) == []


@pytest.mark.parametrize('mute', [False, True])
def test_a_press_just_after_the_end_on_a_slow_terminal(start: Start, papa: Papa, mute: bool) -> None:
    papa.make_process('p', 'sh', ['-c', FEW])
    wait_until(lambda: papa.list_processes()['p']['captured'] == SIZE)
    run = start('watch', 'processes', 'p', '--no-follow', mute=mute)
    read_slowly(run, lambda: is_raw(run))
    read_slowly(run, lambda: is_usual(run))
    run.type('\x03')
    read_on(run)
    assert unseen(run, papa, most=466) == []
    assert papa.list_processes()['p']['buffered'] == 0


def test_a_press_at_the_end_on_a_stalled_terminal(start: Start, papa: Papa) -> None:
    papa.make_process('p', 'sh', ['-c', FEW])
    wait_until(lambda: papa.list_processes()['p']['captured'] == SIZE)
    run = start('watch', 'processes', 'p', '--no-follow', mute=False)
    wait_until(lambda: is_raw(run), 'the mode of streams')
    time.sleep(0.5)  # it waits for the terminal, as long as that takes
    assert is_raw(run)
    run.type('\x03')
    wait_until(lambda: is_usual(run), 'the usual mode')
    run.type('\x03')
    time.sleep(0.05)
    assert papa.list_processes()['p']['acknowledged'] == 0


def test_a_terminal_that_stalls_before_the_first_answer(start: Start, papa: Papa) -> None:
    papa.make_process('p', 'sh', ['-c', 'for i in 1 2 3 4; do echo "line $i"; done; exec sleep 100'])
    wait_until(lambda: papa.list_processes()['p']['captured'] == 28)
    run = start('watch', 'processes', 'p', mute=False)
    while 'line 2\r\n' not in run.said:
        run.said += run.read(10)
    time.sleep(1.5)  # more than one that never answers is given
    assert papa.list_processes()['p']['acknowledged'] == 0
    run.read_until('line 4\r\n' + QUESTION)
    wait_until(lambda: papa.list_processes()['p']['acknowledged'] == 28)


def test_the_end_on_a_terminal_that_stalls_from_the_beginning(start: Start, papa: Papa) -> None:
    papa.make_process('p', 'sh', ['-c', 'echo line 0; exit 3'])
    wait_until(lambda: not papa.list_processes()['p']['running'])
    run = start('watch', 'processes', 'p', mute=False)
    time.sleep(2.0)  # more than it takes until the person is told
    assert papa.list_processes()['p']['acknowledged'] == 0
    run.type('\x03')
    wait_until(lambda: is_usual(run), 'the usual mode')
    run.type('\x03')
    read_on(run)
    assert papa.list_processes()['p']['acknowledged'] == 0


@pytest.mark.parametrize('term', ['xterm', 'dumb'])
def test_a_terminal_that_never_answers(start: Start, papa: Papa, folder: str, term: str) -> None:
    """What is far back counts as seen; the end only when all is over and an answer was waited for."""
    go = f'{folder}/go'
    loop = 'i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done; while [ ! -e $0 ]; do sleep 0.01; done'
    papa.make_process('p', 'sh', ['-c', loop, go], bufsize='1m')
    run = start('watch', 'processes', 'p', mute=True, TERM=term, PAPA_TERMINAL_PATIENCE='2')
    run.read_until('line 19999\r\n')
    wait_until(lambda: papa.list_processes()['p']['acknowledged'] > 0)
    time.sleep(1.2)
    details = papa.list_processes()['p']
    assert 0 < details['acknowledged'] < details['captured']
    Path(go).touch()
    run.read_until('Waiting until the terminal has shown the end')
    assert 'p' in papa.list_processes()
    run.read_until('status 0')
    assert papa.list_processes() == {}
    assert run.said.count(QUESTION) == (term == 'xterm')


def test_the_end_on_a_terminal_that_never_answers_can_be_left(start: Start, papa: Papa) -> None:
    papa.make_process('p', 'sh', ['-c', 'echo line 0'])
    run = start('watch', 'processes', 'p', mute=True)
    run.read_until('Waiting until')
    run.type('\x03')
    run.read_until('status 130')
    assert papa.list_processes()['p']['acknowledged'] == 0


def test_in_the_background_nothing_is_acknowledged(daemon: Daemon, papa: Papa) -> None:
    """A Ctrl-C at the shell throws away what waits in the driver, and nobody tells what that was."""
    papa.make_process('p', 'sh', ['-c', LINES], overflow='block', bufsize='1m')
    run = Terminal(daemon.where, command=['bash', '--norc', '--noprofile', '-i'], PS1='ready$ ', NO_COLOR='1')
    try:
        run.read_until('ready$ ')
        run.type(f'{" ".join(PROGRAM)} watch processes p &\n')
        run.read_until('not acknowledged')
        run.read_until('line 59999\r\n')
        assert papa.list_processes()['p']['acknowledged'] == 0
        run.type('fg\n')
        run.read_until('fg\r\n')
        run.type('\x03')
        run.type('echo status $?\n')
        run.read_until('status 130')
        assert papa.list_processes()['p']['acknowledged'] == 0
    finally:
        run.kill()


def test_stopped_from_outside_and_continued(daemon: Daemon, papa: Papa, folder: str) -> None:
    """The shell has set its own modes meanwhile."""
    go = f'{folder}/go'
    papa.make_process('p', 'sh', ['-c', 'echo line 0; while [ ! -e $0 ]; do sleep 0.01; done; echo line 1', go])
    run = Terminal(daemon.where, command=['bash', '--norc', '--noprofile', '-i'], PS1='ready$ ', NO_COLOR='1')
    try:
        run.read_until('ready$ ')
        run.type(f'{" ".join(PROGRAM)} watch processes p\n')
        run.read_until('line 0\r\n' + QUESTION)
        wait_until(lambda: papa.list_processes()['p']['acknowledged'] == 7)  # no answer is on its way
        job = os.tcgetpgrp(run.fd)
        os.killpg(job, signal.SIGSTOP)
        run.read_until('Stopped')
        run.type('fg\n')
        wait_until(lambda: os.tcgetpgrp(run.fd) == job and not termios.tcgetattr(run.fd)[3] & termios.ISIG)
        Path(go).touch()
        run.read_until('line 1\r\n')
        while run.said.count('ready$ ') < 3:
            run.said += run.read()
        assert papa.list_processes() == {}
        run.type('echo status $?\n')
        run.read_until('status 0')
    finally:
        run.kill()


@pytest.mark.parametrize('command', ['peek', 'changes'])
def test_who_is_not_asked(daemon: Daemon, papa: Papa, command: str) -> None:
    """A terminal where nothing is acknowledged."""
    papa.make_process('p', 'sh', ['-c', 'echo line 1; exec sleep 100'])
    run = Terminal(daemon.where, command, 'processes', *(['p'] if command == 'peek' else []), mute=True)
    try:
        run.read_until('line 1')
        run.type('\x03')
        assert run.end() == 130
        assert QUESTION not in run.said
    finally:
        run.kill()


def test_an_answer_that_is_lost_is_asked_for_again(start: Start, papa: Papa) -> None:
    papa.make_process('p', 'sh', ['-c', 'for i in 1 2 3; do echo "line $i"; sleep 0.5; done'])
    run = start('watch', 'processes', 'p', mute=False)
    run.read_until('line 1\r\n')
    run.mute = True
    while not re.search(r'line 2\r\n\x1b\[[56]n', run.said):
        run.said += run.read()
    run.mute = False
    run.read_until('status 0')
    assert papa.list_processes() == {}
    assert run.said.count(QUESTION) > 3


def test_a_terminal_that_is_far_away(start: Start, papa: Papa) -> None:
    """An answer that comes after seconds counts for no more than what was written before its question, and nobody
    waits for it at a Ctrl-C."""
    papa.make_process('p', 'sh', ['-c', LINES], overflow='block', bufsize='1m')
    run = start('watch', 'processes', 'p', mute=True)
    run.read_until(QUESTION)
    run.read_until('line 59999\r\n')
    run.type(ANSWER)  # of the first question, before all lines
    run.read_until('line 59999\r\n' + QUESTION)
    size = sum(len(f'line {number}\n') for number in range(60000))
    assert papa.list_processes()['p']['acknowledged'] < size
    typed = time.monotonic()
    run.type('\x03')
    run.read_until('status 130')
    assert time.monotonic() - typed < 1.0  # 0.2 where nothing else runs: the end of a program is in it
    assert papa.list_processes()['p']['acknowledged'] < size


def test_a_terminal_that_ceases_to_answer_is_told(start: Start, papa: Papa, folder: str) -> None:
    script = f'echo one; while [ ! -e {folder}/go ]; do sleep 0.01; done; echo two; exec sleep 100'
    papa.make_process('p', 'sh', ['-c', script])
    run = start('watch', 'processes', 'p', mute=False)
    run.read_until('one')
    read_on(run)
    assert papa.list_processes()['p']['acknowledged'] == 4
    run.mute = True
    Path(folder, 'go').touch()
    run.read_until('does not say any more that it has shown this')
    assert papa.list_processes()['p']['acknowledged'] == 4
    run.type('\x03')
    run.read_until('status 130')
