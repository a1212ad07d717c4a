"""A kernel that cannot go on after exec, although that was tried: it waits, and loses nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PATIENCE, Daemon
from kernel.tools import end, is_alive

from papa import ConnectionLost

from .tools import Package, in_background, scene

RESUME, MAIN = 'kernel/upgrade/resume.py', '__main__.py'
TROUBLES = {
    'no memory': (RESUME, '    handed = Handover(fd)\n', 'MemoryError'),
    'no descriptor': (RESUME, '    signals.be_told_of_exits()\n', 'OSError(24, "Too many open files")'),
    'a bug': (RESUME, '    handover.await_exits(kernel, server)\n', 'RuntimeError("no such luck")'),
    'half installed': (MAIN, '        from papa.kernel.upgrade import resume\n', 'ImportError("half installed")'),
}


def troubled(trouble: str, start_daemon: Callable[..., Daemon], folder: str) -> tuple[Daemon, Path]:
    """A kernel that will be upgraded to code which cannot go on as long as there is a file."""
    module, line, error = TROUBLES[trouble]
    flag = Path(folder, 'trouble')
    flag.touch()
    package = Package(folder)
    daemon = start_daemon(preexec=package.runner())
    indent = ' ' * (len(line) - len(line.lstrip()))
    package.change(module, line, f'{indent}import os\n{indent}if os.path.exists({str(flag)!r}): raise {error}\n{line}')
    return daemon, flag


def wait_for_words(daemon: Daemon) -> None:
    """Until it says that it cannot go on."""
    assert daemon.process.stderr is not None
    while 'Cannot go on yet' not in (line := daemon.process.stderr.readline()):
        assert line
    assert 'Nothing is lost' in line


@pytest.mark.parametrize('trouble', TROUBLES)
def test_it_goes_on_as_soon_as_it_can(trouble: str, start_daemon: Callable[..., Daemon], folder: str) -> None:
    daemon, flag = troubled(trouble, start_daemon, folder)
    with scene(daemon, folder) as stage:
        thread, results = in_background(stage.papa.upgrade)
        for _ in range(2):
            wait_for_words(daemon)
        assert not results
        flag.unlink()
        thread.join(PATIENCE)
        assert [type(result) for result in results] == [dict], results
        stage.upgrades = 1
        stage.assert_unharmed()
        stage.finish()


def test_it_can_be_ended(start_daemon: Callable[..., Daemon], folder: str) -> None:
    daemon, _ = troubled('a bug', start_daemon, folder)
    with daemon.connect() as papa:
        child = papa.make_process('child', '/bin/sleep', '600')['pid']
        thread, results = in_background(papa.upgrade)
        wait_for_words(daemon)
        os.kill(daemon.pid, signal.SIGTERM)
        assert daemon.process.wait(PATIENCE) == -signal.SIGTERM
        thread.join(PATIENCE)
        assert isinstance(results[0], ConnectionLost)
    assert is_alive(child)
    end([child])
