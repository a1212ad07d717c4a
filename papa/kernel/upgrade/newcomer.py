"""The new code in a process of its own, which says whether it could take over: seen from the kernel.

It is started with the image, says ``ready``, and is asked to try as often as the kernel likes.
See `papa.kernel.upgrade.rehearsal` for its side.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

from papa import interpreter
from papa.errors import Error, SystemFailure, Unsupported
from papa.kernel.kernel import Kernel
from papa.kernel.loop import READ
from papa.kernel.sockets import failure
from papa.names import show

TRY = b'try %d\n'
READY, GOOD, BAD = 'ready', 'good', 'bad'
CHECK, RESUME = '--check-resume', '--resume'
DIALOGUE = 1  # the version of these words, and of what the new code is started with

_MAX_SAID = 65536  # bytes; what it says beyond is not kept
_SIZE = 4096

# With another interpreter comes its own papa, if it has one. What is given may be a script that runs the interpreter:
# that may not stand in the kernel's place, for a shell waits for every child that it finds.
_LOCATE = """
import importlib.util, json, os, sys
if sys.version_info < (3, 10):
    sys.exit('papa needs Python 3.10 or newer, and this is %d.%d' % sys.version_info[:2])
spec = importlib.util.find_spec('papa')
directory = os.path.dirname(spec.origin) if spec is not None and spec.origin else sys.argv[1]
os.write(1, b'ready\\t%s\\n' % json.dumps([sys.executable, directory]).encode())
"""

Hear = Callable[[str, str], None]  # a word, and what goes with it


def locate(python: str) -> list[str]:
    """What says ``ready``, which interpreter this runs and where its papa is."""
    return [python, '-I', '-c', _LOCATE, interpreter.PACKAGE_DIRECTORY]


def located(text: str) -> tuple[str, str]:
    """The interpreter and the directory, by what goes with that. Raises `ValueError` for anything else."""
    found = json.loads(text)
    if not (isinstance(found, list) and len(found) == 2 and all(isinstance(each, str) for each in found)):
        raise ValueError('not two paths')
    return found[0], found[1]


def present() -> tuple[str, str]:
    """This interpreter, and where the code is that is installed now. Raises `Unsupported` if there is none."""
    directory = interpreter.PACKAGE_DIRECTORY
    if not os.path.isfile(os.path.join(directory, '__main__.py')):
        raise Unsupported(f'papa is not at {show(directory)} any more: say python=PATH of a Python that has it')
    return interpreter.executable(), directory


class Newcomer:
    """That process. `hear` is called with what it says, and with ``bad`` and a reason when it ends."""

    def __init__(self, kernel: Kernel, argv: list[str], fd: int, hear: Hear) -> None:
        """Raises an `Error` if it cannot be started."""
        self._kernel = kernel
        self._loop = kernel.loop
        self._hear = hear
        self._ended = False
        self._tries = 0  # that it was asked for
        self._said = b''  # without the lines that were taken from it
        self._other = b''  # lines that are no words of ours: Python's, say, when it fails
        os.set_inheritable(fd, True)
        try:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd='/',
                start_new_session=True, close_fds=False,
            )
        except (OSError, ValueError) as error:
            raise _no_start(argv[0], error) from None
        finally:
            os.set_inheritable(fd, False)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._orders = self._process.stdin.fileno()
        self._fd = self._process.stdout.fileno()
        os.set_blocking(self._fd, False)
        try:
            self._loop.register(self._fd, READ, self._readable)
        except OSError as error:
            self.end()
            raise _no_start(argv[0], error) from None

    @property
    def pid(self) -> int:
        """Its PID."""
        return self._process.pid

    def ask(self) -> None:
        """Ask it to try with the image as it is: it will say ``good`` with the number of the try, or ``bad``."""
        self._tries += 1
        with suppress(BrokenPipeError):  # it has ended, which will be heard
            os.write(self._orders, TRY % self._tries)

    def ask_and_wait(self, seconds: float) -> tuple[str, str]:
        """The same, and wait for the answer."""
        self.ask()
        deadline = time.monotonic() + seconds
        poller = select.poll()  # select knows descriptors below 1024 only
        poller.register(self._fd, select.POLLIN)
        while (heard := self._next_word()) is None:
            left = deadline - time.monotonic()
            if left <= 0 or not poller.poll(left * 1000):
                return BAD, f'it has not answered in {seconds:.2g} seconds'
            if not self._read():
                return BAD, self._last_words()
        return heard

    def _readable(self, _events: int) -> None:
        if not self._read():
            self._loop.unregister(self._fd)
            self._hear(BAD, self._last_words())
            return
        while not self._ended and (heard := self._next_word()) is not None:
            self._hear(*heard)

    def _read(self) -> bool:
        """Take what it has said. Return whether it may say more."""
        try:
            part = os.read(self._fd, _SIZE)
        except BlockingIOError:
            return True
        self._said = (self._said + part)[-_MAX_SAID:]
        return bool(part)

    def _next_word(self) -> tuple[str, str] | None:
        while b'\n' in self._said:
            line, _, self._said = self._said.partition(b'\n')
            word, _, text = line.decode('utf-8', 'surrogateescape').partition('\t')
            if word in (READY, BAD) or (word == GOOD and text == str(self._tries)):
                return word, text
            self._other = (self._other + line + b'\n')[-_MAX_SAID:]  # its end will tell
        return None

    def _last_words(self) -> str:
        """Why it has ended, by what Python wrote."""
        lines = (self._other + self._said).decode('utf-8', 'replace').split('\n')
        said = [line.strip() for line in lines if line.strip()]
        if not said:
            return 'it ended without a word'
        if said[-1] == 'MemoryError' or 'failed to map segment' in said[-1]:  # the last of a library
            return 'no memory is left'
        if said[-1].startswith('File "'):  # Python had no memory left to tell more
            return 'it ended before it could tell why'
        places = re.findall(r'File "(.+)", line (\d+)', '\n'.join(lines))
        return said[-1] + (' ({}, line {})'.format(*places[-1]) if places else '')

    def end(self) -> None:
        """End it, if that was not done yet."""
        process = self._process
        if self._ended:
            return
        self._ended = True
        self._loop.unregister(self._fd)
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()
        with suppress(ProcessLookupError, PermissionError):  # macOS: it has ended and is not waited for yet
            os.killpg(process.pid, signal.SIGKILL)  # what it has forked in order to try, too
        process.returncode = 0  # the kernel reaps it, not Popen
        self._kernel.await_exit(process.pid)


def _no_start(program: str, error: OSError | ValueError) -> Error:
    if isinstance(error, ValueError):  # pragma: no cover - options are free of NUL
        return SystemFailure(f'Cannot run {show(program)}')
    return failure(f'Cannot run {show(program)}', error)
