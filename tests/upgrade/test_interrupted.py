"""Upgrades during which something else happens: signals, other upgrades, processes that are being started, limits."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import PACKAGE, PATIENCE, Daemon, wait_until
from kernel.tools import Seen, assert_clear, children, end, is_alive
from kernel.viewers import Caller

from papa import Conflict, Error, LimitReached, Papa, SystemFailure

from .tools import Package, Scene, footprint, in_background, newcomers, python_that, scene, script, slow_python

SLOW_TRAMPOLINE = """
from papa.kernel import spawn
trampoline = spawn._TRAMPOLINE
spawn._TRAMPOLINE = '''import os, time
while os.path.exists(%r): time.sleep(0.01)
''' + trampoline
from papa.kernel.upgrade import attempt
attempt._TIMEOUT = %s
"""


def waiting_python(folder: str) -> tuple[str, Callable[[], None]]:
    """An interpreter that takes until the second result is called, and a way to know that it runs."""
    gate = f'{folder}/gate'
    os.mkfifo(gate)
    python = slow_python(folder, f'echo > {folder}/runs; read line < {gate}')

    def let_go() -> None:
        Path(gate).write_text('\n', encoding='ascii')

    return python, let_go


def runs(folder: str) -> Callable[[], bool]:
    return lambda: os.path.exists(f'{folder}/runs')


def test_two_at_once(daemon: Daemon, folder: str) -> None:
    """The second is refused, from whatever side, and the first goes on."""
    python, let_go = waiting_python(folder)
    with scene(daemon, folder) as stage, daemon.connect() as other:
        stage.footprint = footprint(daemon.pid)
        thread, results = in_background(lambda: stage.papa.upgrade(python))
        wait_until(runs(folder), 'the interpreter')
        for _ in range(2):
            with pytest.raises(Conflict) as caught:
                other.upgrade()
            assert_clear(caught.value, 'under way')
        assert other.kernel_info()['upgrades'] == 0  # everybody is served meanwhile
        let_go()
        thread.join(PATIENCE)
        assert [type(result) for result in results] == [dict]
        stage.upgrades = 1
        stage.assert_unharmed()
        stage.finish()


def test_two_signals_at_once(start_daemon: Callable[..., Daemon], folder: str) -> None:
    daemon = start_daemon(start_new_session=True)
    with scene(daemon, folder) as stage:
        os.kill(daemon.pid, signal.SIGHUP)
        os.kill(daemon.pid, signal.SIGHUP)
        wait_until(lambda: stage.papa.kernel_info()['upgrades'] and not newcomers(folder), 'the upgrade')
        stage.upgrades = stage.papa.kernel_info()['upgrades']
        stage.assert_unharmed()
        stage.finish()
    assert stage.upgrades in (1, 2)  # the system merges signals that come at once


def test_a_signal_that_finds_no_good_code(start_daemon: Callable[..., Daemon], folder: str) -> None:
    """Nobody waits for an answer: the log has it."""
    package = Package(folder)
    daemon = start_daemon(preexec=package.runner(), start_new_session=True)
    package.change('kernel/kernel.py', 'class Kernel:', 'class Kernel(')
    with scene(daemon, folder) as stage:
        os.kill(daemon.pid, signal.SIGHUP)
        assert daemon.process.stderr is not None
        while 'Not upgraded' not in (line := daemon.process.stderr.readline()):
            assert line
        assert 'SyntaxError' in line
        stage.assert_unharmed()
        package.mend()
        stage.upgrade()
        stage.finish()


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_the_end_while_the_new_code_tries(number: signal.Signals, daemon: Daemon, folder: str) -> None:
    """The kernel ends in order at once, and nothing is left of the attempt."""
    deed = f'echo $$ > {folder}/runs.new; mv {folder}/runs.new {folder}/runs; exec sleep 600'
    python = script(folder, f'#!/bin/sh\n{deed}\n')
    with daemon.connect() as papa:
        papa.make_socket('web', path=f'{folder}/web.sock')
        child = papa.make_process('child', '/bin/sleep', '600')['pid']
        thread, results = in_background(lambda: papa.upgrade(python))
        wait_until(runs(folder), 'the interpreter')
        tries = int(Path(folder, 'runs').read_text(encoding='ascii'))
        os.kill(daemon.pid, number)
        thread.join(PATIENCE)
        assert isinstance(results[0], Error)
        assert_clear(results[0])
    assert daemon.process.wait(PATIENCE) == 0
    wait_until(lambda: not is_alive(tries), 'the end of the interpreter')
    assert is_alive(child)
    end([child])
    assert not [name for name in os.listdir(folder) if '.sock' in name]


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_the_end_at_the_very_moment(number: signal.Signals, daemon: Daemon, folder: str) -> None:
    """A signal that arrives between the two kernels is for the new one, which ends in order."""
    python = python_that(folder, f'os.kill(os.getpid(), {number:d})')
    with daemon.connect() as papa:
        papa.make_socket('web', path=f'{folder}/web.sock')
        child = papa.make_process('child', '/bin/sleep', '600')['pid']
        thread, _ = in_background(lambda: papa.upgrade(python))
        thread.join(PATIENCE)
    assert daemon.process.wait(PATIENCE) == 0
    log = daemon.stop()
    assert 'Upgraded' in log
    assert 'ending' in log
    assert 'Traceback' not in log
    assert is_alive(child)
    end([child])
    assert not [name for name in os.listdir(folder) if '.sock' in name]


def test_another_wish_at_the_very_moment(start_daemon: Callable[..., Daemon], folder: str) -> None:
    """A SIGHUP that arrives between the two kernels is no reason to die: the new one upgrades again."""
    daemon = start_daemon(start_new_session=True)
    python = python_that(folder, 'os.kill(os.getpid(), 1)')
    with scene(daemon, folder) as stage:
        stage.papa.upgrade(python)
        wait_until(lambda: stage.papa.kernel_info()['upgrades'] == 2, 'the second upgrade')
        stage.upgrades = 2
        stage.assert_unharmed()
        stage.finish()


class Hanging:
    """An upgrade that waits for a process: the trampoline of `slow`, asked for by `first`, hangs until `let_go`."""

    def __init__(self, stage: Scene, first: Caller, hold: Path, command: tuple[str, ...]) -> None:
        self.stage = stage
        self.first = first
        self._hold = hold
        self.pid = stage.daemon.pid
        stage.footprint = footprint(self.pid)
        before = set(children(self.pid))
        hold.touch()
        ask(first, 'slow', *command)
        wait_until(lambda: len(children(self.pid)) == len(before) + 1, 'the trampoline')
        (self.slow,) = set(children(self.pid)) - before
        self.thread, self.results = in_background(stage.papa.upgrade)
        wait_until(lambda: newcomers(str(hold.parent)), 'the new code')

    def let_go(self) -> None:
        self._hold.unlink()


def ask(caller: Caller, name: str, *command: str) -> None:
    """Ask for a process that a trampoline starts."""
    caller.say(('make process', name, 'rlimit.nofile=32', *command))


@contextmanager
def hanging(
    start_daemon: Callable[..., Daemon], folder: str, seconds: float, *command: str
) -> Iterator[tuple[Hanging, Caller]]:
    """Such a one, and another client; the attempt may take so many seconds."""
    hold = Path(folder, 'hold')
    daemon = start_daemon(preexec=Package(folder).runner(SLOW_TRAMPOLINE % (str(hold), seconds)))
    with scene(daemon, folder) as stage, Caller(daemon) as first, Caller(daemon) as second:
        yield Hanging(stage, first, hold, command), second
        stage.finish()


def test_a_start_that_takes_too_long(start_daemon: Callable[..., Daemon], folder: str) -> None:
    """An upgrade waits for processes that are being started, but not for ever; then those are started after all."""
    with hanging(start_daemon, folder, 2.0, '/bin/echo', 'slow') as (upgrade, second):
        ask(second, 'later', '/bin/echo', 'later')
        upgrade.thread.join(PATIENCE)
        assert isinstance(upgrade.results[0], SystemFailure)
        assert_clear(upgrade.results[0], '"slow"', 'has not started')
        upgrade.let_go()
        for name, caller in (('slow', upgrade.first), ('later', second)):
            assert caller.reply()[name]['pid']
            with upgrade.stage.daemon.connect() as papa, papa.watch_processes(name) as watcher:
                assert Seen(watcher).out == name.encode() + b'\n'
        upgrade.stage.assert_unharmed()
        upgrade.stage.upgrade()


def test_a_start_that_takes_a_while(start_daemon: Callable[..., Daemon], folder: str) -> None:
    """It is waited for, and so is one that is asked for meanwhile: by the new kernel."""
    with hanging(start_daemon, folder, 30.0, '/bin/sleep', '600') as (upgrade, second):
        for name in ('later', 'slow'):
            ask(second, name, '/bin/sleep', '600')
        upgrade.let_go()
        upgrade.thread.join(PATIENCE)
        assert [type(result) for result in upgrade.results] == [dict], upgrade.results
        assert upgrade.first.reply()['slow']['pid'] == upgrade.slow
        later = second.reply()['later']['pid']
        assert second.reply()['slow']['pid'] == upgrade.slow
        assert {upgrade.slow, later} < set(children(upgrade.pid))


TELL_OF_THE_FIRST_TRY = """
from papa.kernel.upgrade import attempt
hold = attempt.Attempt._hold_starts
def tell(self):
    open(%r, 'w').close()
    hold(self)
attempt.Attempt._hold_starts = tell
"""


@pytest.mark.parametrize('how', ['changed', 'replaced', 'removed'])
def test_code_that_is_replaced_between_the_tries(how: str, start_daemon: Callable[..., Daemon], folder: str) -> None:
    """What would take over is not what was tried."""
    package, hold, tried = Package(folder), Path(folder, 'hold'), Path(folder, 'tried')
    injected = SLOW_TRAMPOLINE % (str(hold), 30.0) + TELL_OF_THE_FIRST_TRY % str(tried)
    daemon = start_daemon(preexec=package.runner(injected))
    module = package.path / 'names.py'
    with scene(daemon, folder) as stage, Caller(daemon) as first:
        upgrade = Hanging(stage, first, hold, ('/bin/true',))
        wait_until(tried.exists, 'the first try')
        if how == 'changed':
            module.write_text(module.read_text(encoding='utf-8') + 'raise ValueError\n', encoding='utf-8')
        elif how == 'replaced':
            module.with_suffix('.new').write_text('raise ValueError\n', encoding='utf-8')
            module.with_suffix('.new').rename(module)
        else:
            package.remove()
        upgrade.let_go()
        upgrade.thread.join(PATIENCE)
        assert isinstance(upgrade.results[0], SystemFailure), upgrade.results
        assert_clear(upgrade.results[0], 'replaced')
        first.reply()
        with daemon.connect() as papa, papa.watch_processes('slow') as watcher:
            assert Seen(watcher).exits == {'slow': 0}
        stage.assert_unharmed()
        package.mend()
        stage.upgrade()
        stage.finish()


@pytest.mark.parametrize('name', ['a\tb', 'a\nb', "it's", 'ö', 'sp ace'])
def test_odd_paths(name: str, daemon: Daemon, folder: str) -> None:
    """Of the interpreter and of its papa."""
    place = Path(folder, name)
    place.mkdir()
    (place / 'python').symlink_to(sys.executable)
    (place / 'papa').symlink_to(PACKAGE)
    words = 'ready\t' + json.dumps([str(place / 'python'), str(place / 'papa')])
    with scene(daemon, folder) as stage:
        stage.papa.upgrade(script(folder, f"#!/bin/sh\ncat <<'END'\n{words}\nEND\n"))
        stage.upgrades = 1
        stage.upgrade()
        stage.papa.upgrade(str(place / 'python'))
        stage.upgrades = 3
        stage.assert_unharmed()
        stage.finish()


def fill(papa: Papa) -> list[str]:
    """Make sockets until there is no room for more; their names."""
    names: list[str] = []
    while True:
        try:
            papa.make_socket(f'many.{len(names)}')
        except LimitReached:
            return names
        names.append(f'many.{len(names)}')


def test_a_full_table_of_descriptors(start_daemon: Callable[..., Daemon], folder: str) -> None:
    package = Package(folder)
    few = 'import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))'
    daemon = start_daemon(preexec=package.runner(few))
    with scene(daemon, folder) as stage:
        for left in range(8, -1, -1):  # with so many left
            names = fill(stage.papa)
            for name in names[len(names) - left :]:
                stage.papa.remove_sockets(name)
            try:
                stage.papa.upgrade()
            except Error as error:
                assert_clear(error)
            else:
                stage.upgrades += 1
            assert stage.papa.kernel_info()['upgrades'] == stage.upgrades
            stage.papa.remove_sockets('many.*')
            stage.assert_unharmed()
        assert stage.upgrades < 9  # the last ones must have failed
        stage.upgrade()
        stage.finish()


def test_a_state_that_is_too_large_for_the_new_code(daemon: Daemon, folder: str) -> None:
    """Its memory is limited, so that it cannot have the state and itself in it."""
    size = 64 * 1024 * 1024
    limit = f'import resource; resource.setrlimit(resource.RLIMIT_AS, ({size}, {size}))'
    little = python_that(folder, limit, at='--check-resume')
    with scene(daemon, folder) as stage:
        writer = f'import os; os.write(1, bytes({size})); os.execv("/bin/sleep", ["sleep", "600"])'
        stage.papa.make_process('large', sys.executable, ['-c', writer], bufsize=size)
        wait_until(lambda: stage.caller.details('large')['captured'] == size, 'the output')
        stage.footprint = footprint(daemon.pid)
        with pytest.raises(SystemFailure) as caught:
            stage.papa.upgrade(little)
        assert_clear(caught.value, 'emory')
        stage.assert_unharmed()
        stage.upgrade()
        assert stage.caller.details('large')['buffered'] == size
        stage.finish()
