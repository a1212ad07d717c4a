"""Streams in a real terminal: keys, what is acknowledged when they end, and the terminal afterwards."""

from __future__ import annotations

import os
import re
import signal
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Daemon, wait_until

from papa import Papa

from .programs import PROGRAM
from .terminals import QUESTION, Terminal

LINES = 'i=0; while [ $i -lt 60000 ]; do echo "line $i"; i=$((i+1)); done; exec sleep 100'
SLOW = 200_000  # bytes a second that a slow terminal takes


def numbers(said: str) -> list[int]:
    return [int(number) for number in re.findall(r'line (\d+)\r\n', said)]


def is_raw(fd: int) -> bool:
    return not termios.tcgetattr(fd)[3] & termios.ICANON


def test_an_interrupt_of_a_slow_terminal_loses_nothing(terminal: Callable[..., Terminal], papa: Papa) -> None:
    # A piece is acknowledged as a whole. With this buffer none is too large to be read before the key.
    papa.make_process('p', 'sh', ['-c', LINES], overflow='block', bufsize='1m')
    run = terminal('watch', 'processes', 'p', NO_COLOR='1')
    run.read_until('line 0\r\n')
    began, typed = time.monotonic(), 0.0
    read = 0
    while not run.has_ended():  # reading slowly all the time, before the key and after
        elapsed = time.monotonic() - began
        if read > 200_000 and not typed:  # of several pieces
            run.type('\x03')
            typed = time.monotonic()
        if read < elapsed * SLOW:
            part = run.read(2000)
            read += len(part)
            run.said += part
        else:
            time.sleep(0.001)
        assert elapsed < 20
    took = time.monotonic() - typed
    assert run.end() == 130
    assert took < 1.0  # 0.2 where nothing else runs: the end of a program is in it, and other tests run
    seen = numbers(run.said)
    assert seen == list(range(len(seen)))
    assert 0 < len(seen) < 60000
    acknowledged = papa.list_processes()['p']['acknowledged']
    assert acknowledged <= sum(len(f'line {number}\n') for number in seen)
    assert acknowledged > 0
    again = terminal('watch', 'processes', 'p', '--no-follow', NO_COLOR='1')
    assert again.end() == 0
    rest = numbers(again.said)
    assert rest[0] <= len(seen)
    assert rest[-1] == 59999


def test_ctrl_d_ends_it_and_the_terminal_is_as_before(terminal: Callable[..., Terminal], papa: Papa) -> None:
    papa.make_process('p', 'sh', ['-c', 'echo hello; exec sleep 100'])
    run = terminal('peek', 'processes', 'p')
    before = termios.tcgetattr(run.fd)
    run.read_until('hello')
    wait_until(lambda: is_raw(run.fd), 'the mode of streams')
    run.type('abc\x04')
    wait_until(run.has_ended)
    assert termios.tcgetattr(run.fd) == before
    assert run.status == 0
    assert 'abc' not in run.said


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_restores_the_terminal(
    terminal: Callable[..., Terminal], papa: Papa, number: signal.Signals
) -> None:
    papa.make_process('p', 'sh', ['-c', 'echo hello; exec sleep 100'])
    run = terminal('peek', 'processes', 'p')
    run.read_until('hello')
    wait_until(lambda: is_raw(run.fd), 'the mode of streams')
    os.kill(run.pid, number)
    wait_until(run.has_ended)
    assert run.status == -number
    assert not is_raw(run.fd)


def test_a_kernel_that_hangs_can_be_left(terminal: Callable[..., Terminal], papa: Papa) -> None:
    pid = papa.kernel_info()['pid']
    papa.make_process('p', 'sh', ['-c', 'echo hello; exec sleep 100'])
    run = terminal('watch', 'processes', 'p')
    run.read_until('hello\r\n' + QUESTION)
    wait_until(lambda: papa.list_processes()['p']['buffered'] == 0)
    os.kill(pid, signal.SIGSTOP)
    try:
        run.type('\x03')
        wait_until(lambda: not is_raw(run.fd), 'the usual mode')
        os.kill(run.pid, signal.SIGINT)
        wait_until(run.has_ended)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert run.status == 130


def test_a_terminal_that_is_gone_ends_it(terminal: Callable[..., Terminal], papa: Papa) -> None:
    papa.make_process('p', 'sh', ['-c', 'echo hello; while sleep 0.05; do echo more; done'])
    run = terminal('watch', 'processes', 'p')
    run.read_until('hello')
    os.close(run.fd)
    run.fd = -1
    _, status = os.waitpid(run.pid, 0)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGHUP)


def test_ctrl_z_suspends_it(daemon: Daemon, papa: Papa) -> None:
    """Under a shell that has jobs: the terminal is the shell's meanwhile, and it goes on where it was."""
    waiting = 'echo hello; while [ ! -e $0 ]; do sleep 0.01; done; echo again; exec sleep 100'
    papa.make_process('p', 'sh', ['-c', waiting, f'{daemon.where}.go'])
    run = Terminal(daemon.where, command=['bash', '--norc', '--noprofile', '-i'], PS1='ready$ ')
    try:
        run.read_until('ready$ ')
        run.type(f'{" ".join(PROGRAM)} peek processes p\n')
        run.read_until('hello')
        wait_until(lambda: is_raw(run.fd) and not termios.tcgetattr(run.fd)[3] & termios.ISIG, 'the mode of streams')
        run.type('\x1a')
        run.read_until('Stopped')
        Path(f'{daemon.where}.go').touch()
        run.type('echo mine $((1 + 1))\n')
        run.read_until('mine 2')
        assert 'again' not in run.said
        run.type('fg\n')
        run.read_until('again')
        run.type('\x03')
        run.type('echo status $?\n')
        run.read_until('status 130')
    finally:
        run.kill()
