"""For tests of upgrades: a papa that can be broken, a Python that does a deed first, a kernel with much to lose."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from conftest import PACKAGE, PATIENCE, Daemon, wait_until
from kernel.tools import Seen, Talker, children, run, shell
from kernel.viewers import Account, Caller, Tap

from papa import Error
from papa.wire.client import ExitFrame, OutputFrame

_RUNNER = """
import errno, os, sys
sys.path.insert(0, {folder!r})

def broken():
    return os.path.exists({flag!r})

def fail(function, number, after=0):
    calls = []
    def failing(*args, **more):
        if broken():
            calls.append(args)
            if len(calls) > after:
                raise OSError(number, os.strerror(number))
        return function(*args, **more)
    return failing

{injection}
from papa import command_line
sys.argv = [{package!r}, *sys.argv[3:]]
sys.exit(command_line.main())
"""


class Package:
    """A copy of papa, to be broken and mended. Its kernels do not see that it is one."""

    def __init__(self, folder: str) -> None:
        self.path = Path(folder, 'copy', 'papa')
        self._flag = Path(folder, 'copy', 'broken')
        self._copy()

    def _copy(self) -> None:
        half_written = shutil.ignore_patterns('*.pyc.*')  # by other tests
        shutil.copytree(PACKAGE, self.path, ignore=half_written, dirs_exist_ok=True)  # a kernel may have loaded a part

    def change(self, module: str, old: str, new: str) -> None:
        """Replace what stands once in a module."""
        path = self.path / module
        text = path.read_text(encoding='utf-8')
        assert text.count(old) == 1, f'{module} has {old!r} {text.count(old)} times'
        path.write_text(text.replace(old, new), encoding='utf-8')

    def remove(self) -> None:
        """All of it is gone."""
        shutil.rmtree(self.path)

    def break_kernel(self) -> None:
        """Let what was injected into a kernel have its effect."""
        self._flag.touch()

    def mend(self) -> None:
        """Everything is well again."""
        self._flag.unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)
        self._copy()

    def runner(self, injection: str = '') -> list[str]:
        """What runs a kernel of this code: the `preexec` of a `Daemon`. Python code may be injected into it.

        That can use ``broken()`` and ``fail(function, errno, after=calls)``, which have their effect when the kernel
        is broken.
        """
        path = self.path.parent / 'runner.py'
        path.write_text(_RUNNER.format(
            folder=str(self.path.parent), flag=str(self._flag), package=str(self.path), injection=injection
        ), encoding='utf-8')
        return [sys.executable, str(path)]


def script(folder: str, text: str) -> str:
    """The path of a new program."""
    path = Path(folder, f'python-{os.urandom(4).hex()}')
    path.write_text(text, encoding='utf-8')
    path.chmod(0o755)
    return str(path)


def slow_python(folder: str, line: str) -> str:
    """An interpreter that first runs a line of the shell."""
    return script(folder, f'#!/bin/sh\n{line}\nexec {shlex.quote(sys.executable)} "$@"\n')


_RESUME = """
import os, sys
done = __file__ + '.done'
if {at!r} in sys.argv and not os.path.exists(done):
    open(done, 'x').close()
    {deed}
with open({real!r}, encoding='utf-8') as file:
    text = file.read()
exec(compile(text, __file__, 'exec'))
"""


def python_that(folder: str, deed: str, *, at: str = '--resume') -> str:
    """A Python with a papa of its own that once does something first, as the kernel or (at `--check-resume`) where it
    is tried; `deed` is a line of Python. No shell is run: that might wait for children of the kernel, and take their
    exit codes away."""
    package = Path(folder, f'new-{os.urandom(4).hex()}', 'papa')
    real = Path('kernel', 'upgrade', 'resume.py')
    for place in ('.', 'kernel', 'kernel/upgrade'):
        package.joinpath(place).mkdir(parents=True)
        for entry in PACKAGE.joinpath(place).iterdir():
            if entry.name not in ('kernel', 'upgrade', 'resume.py', '__pycache__'):
                package.joinpath(place, entry.name).symlink_to(entry)
    package.joinpath(real).write_text(_RESUME.format(at=at, deed=deed, real=str(PACKAGE / real)), encoding='utf-8')
    words = 'ready\t' + json.dumps([sys.executable, str(package)])
    return script(folder, f"#!/bin/sh\ncat <<'END'\n{words}\nEND\n")


def in_background(call: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """Run this in a thread; the list gets its result, or the `Error` that it raises."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(call())
        except Error as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


@contextmanager
def between_kernels(daemon: Daemon, folder: str) -> Iterator[None]:
    """An upgrade. In the block, the old kernel does not run any more, and the new one not yet."""
    mark, gate = (f'{folder}/{word}-{os.urandom(4).hex()}' for word in ('mark', 'gate'))
    os.mkfifo(gate)
    python = python_that(folder, f'open({mark!r}, "w").close(); open({gate!r}).read()')
    with daemon.connect() as papa:
        thread, results = in_background(lambda: papa.upgrade(python))
        wait_until(lambda: results or os.path.exists(mark), 'the upgrade')
        assert not results, results
        try:
            yield
        finally:
            Path(gate).write_text('\n', encoding='ascii')
            thread.join(PATIENCE)
        assert [type(result) for result in results] == [dict], results


def footprint(pid: int) -> list[str]:
    """What a process has open, and its children."""
    links = []
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            links.append(os.readlink(f'/proc/{pid}/fd/{fd}'))
        except FileNotFoundError:
            links.append('closed meanwhile')
    # A pipe to itself is another after an upgrade.
    open_now = ['pipe' if links.count(link) > 1 and 'pipe' in link else link for link in links]
    return sorted([*open_now, *map(str, children(pid))])


def newcomers(folder: str) -> list[int]:
    """The processes in which code of this folder tries, or is about to."""
    found = []
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if b'--check-resume' in words and folder.encode() in words:
            found.append(int(path.parent.name))
    return found


class Scene:
    """A kernel that has something of everything, and clients in the middle of something."""

    def __init__(self, daemon: Daemon, folder: str, stack: ExitStack) -> None:
        self.daemon = daemon
        self._folder = folder
        self.papa = stack.enter_context(daemon.connect())
        self.papa.set('value', 'kept')
        self.sockets = {'web': self.papa.make_socket('web')}
        self.caller = stack.enter_context(Caller(daemon))
        self.watched = Tap(self.caller, 'watched', folder)
        stack.callback(self.watched.close)
        self.watcher = stack.enter_context(Caller(daemon))
        self.watcher.watch('watched')
        self.account = Account(0)
        self.held = Tap(self.caller, 'held', folder)
        stack.callback(self.held.close)
        self._cue = f'{folder}/cue'
        os.mkfifo(self._cue)
        self.papa.make_process('quits', **shell(f'read code < {self._cue}; exit $code'))  # type: ignore[arg-type]
        self._hold(b'held')
        self.half = stack.enter_context(Talker(daemon))
        self.half.send(b'set half one ')
        self.footprint = footprint(daemon.pid)
        self.upgrades = 0

    def _hold(self, data: bytes) -> None:
        self.held.write(data)
        size = self.held.written
        wait_until(lambda: self.caller.details('held')['captured'] == size, 'the output')

    def assert_unharmed(self) -> None:
        """Nothing is missing, nothing is left over, and everything goes on."""
        try:
            wait_until(lambda: footprint(self.daemon.pid) == self.footprint, 'its helpers to be gone', 5)
        except AssertionError:
            now, before = Counter(footprint(self.daemon.pid)), Counter(self.footprint)
            raise AssertionError(f'left over: {now - before}; missing: {before - now}') from None
        # What the new code has forked is no child of the kernel: killed like it, it dies when the system gets to it.
        wait_until(lambda: not newcomers(self._folder), 'what it has forked to be gone', 5)
        assert self.papa.get('value') == 'kept'
        assert self.papa.list_sockets() == self.sockets
        assert self.papa.kernel_info()['upgrades'] == self.upgrades
        self._hold(b'more')
        self.watched.write(b'line\n')
        while self.account.position < self.watched.written:
            self.account.take(self.watcher.frame())
        self.watcher.say(('ack', f'0:{self.account.position}'))
        wait_until(lambda: self.caller.details('watched')['buffered'] == 0, 'the acknowledgement')
        heir = run(self.papa, 'heir', rlimits={'nofile': 64}, **shell('echo /proc/self/fd/*'))  # by a trampoline
        assert heir.out.split() == [  # nothing leaks into children
            b'/proc/self/fd/%d' % number for number in (0, 1, 2, 3)  # the last one is the shell's own
        ]

    def upgrade(self) -> None:
        """Do that, with success."""
        self.papa.upgrade()
        self.upgrades += 1
        self.assert_unharmed()

    def finish(self) -> None:
        """Bring everything to its end: all of the output, exact exit codes, the whole line."""
        self.half.send(b'word\n')
        self.half.until(b'\n> ')
        assert self.papa.get('half') == 'one word'
        with self.daemon.connect() as other, other.watch_processes('held') as watcher:
            self.held.close()
            seen = Seen(watcher)
        assert seen.out == b'held' + b'more' * ((self.held.written - 4) // 4)
        assert (seen.err, seen.exits) == (b'', {'held': 0})
        Path(self._cue).write_text('7\n', encoding='ascii')
        with self.daemon.connect() as other, other.watch_processes('quits') as watcher:
            assert Seen(watcher).exits == {'quits': 7}
        self.watched.close()
        last = self.watcher.frame()
        assert isinstance(last, ExitFrame), last
        assert last.exit_code == 0


@contextmanager
def scene(daemon: Daemon, folder: str) -> Iterator[Scene]:
    """A `Scene`, and the end of its clients."""
    with ExitStack() as stack:
        yield Scene(daemon, folder, stack)


def drained(caller: Caller, size: int) -> bytes:
    """So many bytes of the output of the first process that is watched."""
    data = b''
    while len(data) < size:
        frame = caller.frame()
        assert isinstance(frame, OutputFrame), frame
        data += frame.data
    return data
