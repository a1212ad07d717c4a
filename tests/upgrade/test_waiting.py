"""A kernel that cannot go on after exec, although that was tried: it waits, and loses nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
from conftest import PATIENCE, Daemon, wait_until
from kernel.tools import end, is_alive

from papa import ConnectionLost

from .tools import Package, Scene, in_background, scene

LOAD, READ, LAST = (
    ('kernel/upgrade/resume.py', 'from papa.version import __version__\n'),
    ('kernel/upgrade/resume.py', '    return build(Handover(fd), fd)\n'),
    ('kernel/upgrade/resume.py', '    return Upgraded(kernel,'),
)
TROUBLES = {
    'half installed': (LOAD, 'ImportError("half\\ninstalled")'),
    'no memory': (READ, 'MemoryError'),
    'no descriptor': (READ, 'OSError(24, "Too many open files")'),
    'an end': (LOAD, 'SystemExit(0)'),
    'a bug at its end': (LAST, 'RuntimeError("no such luck")'),
}


class Troubled:
    """A kernel that will be upgraded to code which cannot go on as long as the file `flag` is there."""

    def __init__(self, trouble: str, start_daemon: Callable[..., Daemon], folder: str, deed: str = '') -> None:
        self.flag = Path(folder, 'trouble')
        self.flag.touch()
        self.package = Package(folder)
        self.log = Path(folder, 'log')
        self.daemon = start_daemon('--log-file', str(self.log), preexec=self.package.runner())
        (module, line), error = TROUBLES[trouble]
        indent = ' ' * (len(line) - len(line.lstrip()))
        condition = f'if sys.argv[2] == "--resume" and os.path.exists({str(self.flag)!r}):'
        text = f'{indent}import os, sys\n{indent}{condition}\n{indent}    {deed}\n{indent}    raise {error}\n{line}'
        self.package.change(module, line, text.replace('    \n', ''))

    def wait_for_words(self, times: int = 1) -> None:
        """Until it has said so often that it cannot go on."""
        def said() -> bool:
            lines = [line for line in self.log.read_text(encoding='utf-8').splitlines() if 'Cannot go on yet' in line]
            assert all('Nothing is lost' in line for line in lines)
            return len(lines) >= times

        wait_until(said, 'the words')


def assert_goes_on(stage: Scene, thread: Thread, results: list[object]) -> None:
    """The upgrade comes to its end, and nothing is lost."""
    thread.join(PATIENCE)
    assert [type(result) for result in results] == [dict], results
    stage.upgrades = 1
    stage.assert_unharmed()
    stage.finish()


@pytest.mark.parametrize('trouble', TROUBLES)
def test_it_goes_on_as_soon_as_it_can(trouble: str, start_daemon: Callable[..., Daemon], folder: str) -> None:
    kernel = Troubled(trouble, start_daemon, folder)
    with scene(kernel.daemon, folder) as stage:
        thread, results = in_background(stage.papa.upgrade)
        kernel.wait_for_words(2)
        assert not results
        kernel.flag.unlink()
        assert_goes_on(stage, thread, results)


def test_it_is_not_hurt_by_being_mended(start_daemon: Callable[..., Daemon], folder: str) -> None:
    """Where somebody installs the code anew, it is missing for a moment."""
    kernel = Troubled('a bug at its end', start_daemon, folder)
    with scene(kernel.daemon, folder) as stage:
        thread, results = in_background(stage.papa.upgrade)
        kernel.wait_for_words(1)
        kernel.package.remove()
        kernel.wait_for_words(3)
        kernel.flag.unlink()
        kernel.package.mend()
        assert_goes_on(stage, thread, results)


@pytest.mark.parametrize('deed', ['', 'os.kill(os.getpid(), 15)'], ids=['while it waits', 'while it tries'])
def test_it_can_be_ended(deed: str, start_daemon: Callable[..., Daemon], folder: str) -> None:
    kernel = Troubled('a bug at its end', start_daemon, folder, deed)
    with kernel.daemon.connect() as papa:
        child = papa.make_process('child', '/bin/sleep', '600')['pid']
        thread, results = in_background(papa.upgrade)
        kernel.wait_for_words()
        if not deed:
            os.kill(kernel.daemon.pid, signal.SIGTERM)
        assert kernel.daemon.process.wait(PATIENCE) == 128 + signal.SIGTERM
        thread.join(PATIENCE)
        assert isinstance(results[0], ConnectionLost)
    assert is_alive(child)
    end([child])


@pytest.mark.parametrize('step', ['settle', 'go_on', 'end_helpers', 'make_own'])
def test_what_fails_when_it_has_taken_over_does_not_end_it(
    step: str, start_daemon: Callable[..., Daemon], folder: str
) -> None:
    package = Package(folder)
    daemon = start_daemon(preexec=package.runner())
    line = '    kernel, server, *_ = upgraded\n'
    fails = {'make_own': 'global _make_own; _make_own', 'go_on': 'Server.go_on'}.get(step, f'handover.{step}')
    package.change('kernel/upgrade/resume.py', line, f'{line}    {fails} = None\n')
    with daemon.connect() as papa, daemon.connect() as asking:
        papa.set('a', 'b')
        in_background(asking.upgrade)
        wait_until(lambda: papa.kernel_info()['upgrades'] == 1, 'the upgrade')
        assert papa.get('a') == 'b'
        package.mend()
        assert papa.upgrade()['upgrades'] == 2
    assert 'A callback failed' in daemon.stop()
