"""An upgrade that fails, at each of its steps: one clear line, the old kernel none the worse, the next one works."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest
from conftest import Daemon
from kernel.tools import assert_clear

from papa import Error, LimitReached, SystemFailure, Unsupported

from .tools import Package, scene, script


class Case(NamedTuple):
    """How an upgrade fails."""

    words: str  # that the message has
    change: tuple[str, str, str] | None = None  # in a module of the new code, what stands there, what stands there now
    python: str | None = None  # what the script does that takes the place of Python
    injected: str = ''  # into the kernel
    kind: type[Error] = SystemFailure


def hasty(first: float, last: float) -> str:
    """Code that makes the kernel less patient, as long as it is broken."""
    return f'''
from papa.kernel.upgrade import attempt
begin = attempt.Upgrader.begin
def hasty(self, python):
    attempt._TIMEOUT, attempt._LAST_TIMEOUT = ({first}, {last}) if broken() else (30.0, 5.0)
    return begin(self, python)
attempt.Upgrader.begin = hasty
'''


def at_restore(*lines: str) -> tuple[str, str, str]:
    """New code that does something where it makes a kernel of the state."""
    return 'kernel/upgrade/handover.py', '    state = handover.state\n', '\n'.join([
        '    import os, sys, time', '    state = handover.state', *(f'    {line}' for line in lines), ''
    ])


def at_last(*lines: str) -> tuple[str, str, str]:
    """New code that does something when it tries for the last time: it has known the processes since the first time."""
    head = '    status = _WENT_WRONG\n    try:\n'
    deed = ['        import time', *(f'        if known:\n            {line}' for line in lines)]
    return 'kernel/upgrade/rehearsal.py', head, '\n'.join([head.rstrip('\n'), *deed, ''])


IMPORT = 'from papa.kernel.access import Access\n'

# Less than it has already: with more, it is chance where it ends and with which words.
LITTLE_MEMORY = """import gc
import resource
resource.setrlimit(resource.RLIMIT_AS, (10_000 * 1024,) * 2)
"""

CASES = {
    # The new code is no good
    'syntax error': Case('SyntaxError', ('kernel/kernel.py', 'class Kernel:', 'class Kernel(')),
    'import error': Case('no_such_module', ('kernel/kernel.py', 'import resource\n', 'import no_such_module\n')),
    'name error': Case('no_such_name', ('kernel/values.py', 'class Values:', 'no_such_name\n\nclass Values:')),
    'unknown state': Case('format', ('kernel/state.py', 'FORMAT = 1 ', 'FORMAT = 99 ')),
    'syntax error in what takes over': Case(
        'SyntaxError', ('kernel/upgrade/resume.py', 'class Upgraded(', 'class Upgraded[')
    ),
    'syntax error in what upgrades the next time': Case(
        'SyntaxError', ('kernel/upgrade/attempt.py', 'class Attempt:', 'class Attempt(')
    ),
    'name error where it takes over': Case(
        'no_such_name', ('kernel/upgrade/resume.py', '    signals.be_told_of_exits()\n', '    no_such_name()\n')
    ),
    'name error when it tells of it': Case('no_such_name', (
        'kernel/kernel.py', "        return {'version': __version__, 'prev", "        return no_such_name, {'prev"
    )),
    'syntax error in the trampoline': Case('SyntaxError', ('kernel/trampoline.py', 'def main() ', 'def main( ')),
    'syntax error in the look-up': Case('SyntaxError', ('kernel/lookup.py', 'def host(', 'def def host(')),
    'syntax error in the stub': Case('SyntaxError', ('kernel/upgrade/stub.py', 'def main(', 'def def main(')),
    'another dialogue': Case('speaks dialogue 2', ('kernel/upgrade/newcomer.py', 'DIALOGUE = 1 ', 'DIALOGUE = 2 ')),
    'ends at once': Case('without a word', ('kernel/upgrade/rehearsal.py', 'import gc\n', 'raise SystemExit(0)\n')),
    'ends when told to try': Case('without a word', (
        'kernel/upgrade/rehearsal.py', '        pid = os.fork()\n', '        os._exit(0)\n'
    )),
    'is killed': Case('without a word', (
        'kernel/upgrade/rehearsal.py', '        pid = os.fork()\n', '        os.kill(os.getpid(), 9)\n'
    )),
    # It fails where it tries
    'crash': Case('no such luck', at_restore('raise RuntimeError("no such luck")')),
    'crash with much to say': Case('no such luck', at_restore('raise RuntimeError("no such luck: " + "x" * 100000)')),
    'exit': Case('status 4', at_restore('os._exit(4)')),
    'killed while it tries': Case('signal 9', at_restore('os.kill(os.getpid(), 9)')),
    'no memory': Case('no memory is left', at_restore('raise MemoryError')),
    'os error': Case('No space left', at_restore('raise OSError(28, "No space left on device")')),
    'missing key': Case('no such key', at_restore('{}["no such key"]')),
    'hang': Case('has not said', at_restore('time.sleep(600)'), injected=hasty(1.0, 5.0)),
    'nonsense': Case('has not said', (
        'kernel/upgrade/rehearsal.py', '            _say(GOOD, number)\n', "            _say('hello', 'world')\n"
    ), injected=hasty(1.0, 5.0)),
    'never ready': Case('has not started', (
        'kernel/upgrade/rehearsal.py', '    _say(READY, \'\')\n', ''
    ), injected=hasty(1.0, 5.0)),
    'says both': Case('no luck', (
        'kernel/upgrade/rehearsal.py', '            _say(GOOD, number)\n',
        "            os.write(1, f'\\nbad\\tno luck\\ngood\\t{number}\\nready\\t\\n'.encode())\n"
    )),
    'much nonsense': Case('', (
        'kernel/upgrade/rehearsal.py', '            _say(GOOD, number)\n',
        "            os.write(1, b'x' * 1000000); os._exit(5)\n"
    )),
    # It fails where it tries for the last time, while nobody is served
    'hang at last': Case('has not answered', at_last('time.sleep(600)'), injected=hasty(30.0, 0.3)),
    'nonsense at last': Case(
        'has not answered', at_last('_say("hello", "world"); time.sleep(600)'), injected=hasty(30.0, 0.3)
    ),
    'refusal at last': Case('no such luck', at_last('raise ValueError("no such luck")')),
    'crash at last': Case('no such luck', at_last('raise RuntimeError("no such luck")')),
    'killed at last': Case('signal 9', at_last('os.kill(os.getpid(), 9)')),
    'gone at last': Case(
        'has not answered', at_last('os.kill(os.getppid(), 9); time.sleep(600)'), injected=hasty(30.0, 0.3)
    ),
    'talks on and on at last': Case(
        'has not answered', at_last('while True: os.write(1, b"x" * 1000)'), injected=hasty(30.0, 0.3)
    ),
    # The interpreter is no good
    'no interpreter': Case('No such file', python=''),
    'false': Case('without a word', python='exit 1'),
    'cat': Case('', python='exec cat "$@"'),
    'garbage': Case('no python', python='echo; echo no python at all; exit 3'),
    'does not say which': Case('does not say where', python="printf 'ready\\t/bin/python\\n'"),
    'says nonsense': Case('does not say where', python="printf 'ready\\t[1, 2]\\n'"),
    'bytes': Case('', python=r"printf '\377\376\0\001\033[31m'"),
    'silence': Case('has not started', python='exec sleep 600', injected=hasty(1.0, 5.0)),
    'not at all silent': Case('has not started', python='exec yes', injected=hasty(1.0, 5.0)),
    'too old': Case('3.10 or newer, and this is 3.9', python=f'''exec {sys.executable} -c '
import sys
sys.version_info = (3, 9, 18, "final", 0)
code = sys.argv[3]
sys.argv = ["-c", *sys.argv[4:]]
exec(code)
' "$@"'''),
    'little memory': Case('no memory is left', ('kernel/upgrade/rehearsal.py', 'import gc\n', LITTLE_MEMORY)),
    # The system lacks something
    'no memory for the state': Case(
        'no descriptor is left', injected='os.memfd_create = fail(os.memfd_create, errno.EMFILE)', kind=LimitReached
    ),
    'no room for the state': Case(
        'No space left', injected='os.pwrite = fail(os.pwrite, errno.ENOSPC)', kind=LimitReached
    ),
    'no room when it has begun': Case(
        'No space left', injected='os.pwrite = fail(os.pwrite, errno.ENOSPC, after=1)', kind=LimitReached
    ),
    'no room at last': Case('No space left', injected='os.pwrite = fail(os.pwrite, errno.ENOSPC, after=3)'),
    'half a state at last': Case('No space left', injected='os.pwrite = fail(os.pwrite, errno.ENOSPC, after=4)'),
    'no exec': Case('Argument list too long', injected='os.execv = fail(os.execv, errno.E2BIG)'),
    'no process': Case('temporarily unavailable', injected='''
import subprocess
class Popen(subprocess.Popen):
    def __init__(self, *args, **more):
        if broken() and '--check-resume' in args[0]: raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        super().__init__(*args, **more)
subprocess.Popen = Popen
'''),
}


@pytest.mark.parametrize('name', CASES)
def test_a_failure(name: str, start_daemon: Callable[..., Daemon], folder: str) -> None:
    case = CASES[name]
    package = Package(folder)
    daemon = start_daemon(preexec=package.runner(case.injected))
    with scene(daemon, folder) as stage:
        package.break_kernel()
        if case.change is not None:
            package.change(*case.change)
        python = None if case.python is None else f'{folder}/missing'
        if case.python:
            python = script(folder, f'#!/bin/sh\n{case.python}\n')
        with pytest.raises(case.kind) as caught:
            stage.papa.upgrade(python)
        print(caught.value)
        assert_clear(caught.value, case.words)
        assert len(str(caught.value)) < 1000
        assert str(caught.value).isprintable()
        stage.assert_unharmed()
        package.mend()
        stage.upgrade()
        stage.finish()


def test_code_that_is_gone(start_daemon: Callable[..., Daemon], folder: str) -> None:
    """Everything but an upgrade works without it; also processes that take a helper to start."""
    package = Package(folder)
    daemon = start_daemon(preexec=package.runner())
    with scene(daemon, folder) as stage:
        package.remove()
        with pytest.raises(Unsupported) as caught:
            stage.papa.upgrade()
        assert_clear(caught.value, str(package.path), 'python=PATH')
        stage.assert_unharmed()
        stage.papa.make_process('limited', '/bin/true', rlimits={'nofile': 32})
        stage.papa.remove_processes('limited')
        package.path.mkdir()
        (package.path / '__main__.py').write_text('import papa.kernel\n')  # half removed
        with pytest.raises(SystemFailure) as caught_again:
            stage.papa.upgrade()
        assert_clear(caught_again.value)
        stage.assert_unharmed()
        package.mend()
        stage.upgrade()
        stage.finish()


