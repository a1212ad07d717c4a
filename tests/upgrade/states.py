"""States of a kernel for tests: one of a real kernel taken apart, images made of it again, and code that tries them."""

from __future__ import annotations

import binascii
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from conftest import PACKAGE, PATIENCE, Daemon, wait_until
from kernel.tools import Talker, python, shell
from kernel.viewers import Caller, Tap

from papa.kernel.state import FORMAT
from papa.kernel.upgrade import image
from papa.kernel.upgrade.image import Image, Reading

from .tools import python_that


class Parts:
    """A state as plain JSON: the record of the kernel, those of its processes, and the data beside them."""

    def __init__(self, raw: bytes) -> None:
        with memory(raw) as fd:
            reading = Reading(fd)
            self.data = raw
            self.state: dict[str, Any] = _parse(reading.record())
            self.processes = [_parse(reading.get(offset, size)) for _, offset, size in self.state['processes']]

    def image(self, padding: int = 0) -> bytes:
        """All of it as an image. `padding` moves the records, so that none is where one was before."""
        data = bytearray(self.data) + bytes(padding)
        places = []
        for known, process in zip(self.state['processes'], self.processes, strict=False):
            record = serialize(process)
            places.append([known[0], len(data), len(record)])
            data += record
        record = serialize({**self.state, 'processes': places + self.state['processes'][len(places) :]})
        return with_header(bytes(data), record)


def with_header(data: bytes, record: bytes) -> bytes:
    """An image of data and a record after it."""
    header = image._HEADER.pack(image._MARK, FORMAT, len(data), len(record), binascii.crc32(record))
    return header + data[len(header) :] + record


def serialize(value: Any) -> bytes:
    """As the kernel does it."""
    return json.dumps(value, ensure_ascii=False).encode('utf-8', 'surrogatepass')


def _parse(record: memoryview) -> Any:
    return json.loads(str(record, 'utf-8', 'surrogatepass'))


@contextmanager
def memory(raw: bytes) -> Iterator[int]:
    """A descriptor of an image."""
    made = Image()
    try:
        os.write(made.fd, raw)
        yield made.fd
    finally:
        made.close()


def take_image(daemon: Daemon, folder: str) -> bytes:
    """What a kernel with something of everything hands over."""
    with ExitStack() as stack:
        caller = stack.enter_context(Caller(daemon))
        papa = stack.enter_context(daemon.connect())
        papa.set('odd', 'a\nb\ud800\0')
        papa.make_socket('web')
        papa.make_socket('path', path=f'{folder}/path.sock', umask=0o27)
        papa.make_process('ended', **shell('echo out; echo err >&2; exit 3'))  # type: ignore[arg-type]
        papa.make_process('small', bufsize=5000, **python('print("x" * 9000)'))  # type: ignore[arg-type]
        papa.make_process('large', bufsize='4m', **python('print("x" * 200000)'))  # type: ignore[arg-type]
        papa.make_process('limited', '/bin/sleep', '600', rlimits={'nofile': 99}, env={'A': 'ö'}, umask=0o77)
        taps = [Tap(caller, f'tap.{number}', folder) for number in range(3)]
        for tap in taps:
            stack.callback(tap.close)
            tap.write(b'some output')
        wait_until(lambda: sum(not each['running'] for each in papa.list_processes().values()) == 3, 'the exits')
        wait_until(lambda: all(each['captured'] for name, each in papa.list_processes('tap.*').items()), 'the output')
        for words in (('tap.*',), ('follow=1', '--', 'tap.*'), ('peek=1', '--', 'tap.*')):
            watcher = stack.enter_context(Caller(daemon))
            watcher.watch(*words)
            watcher.say(('events',))
            watcher.frame()
        caller.call('acknowledge', 'tap.1', '4')
        for line, end in (('watch processes tap.0', b'] '), ('peek processes tap.0', b'output\n'), ('changes', b'\n')):
            talker = stack.enter_context(Talker(daemon))
            talker.send(line.encode() + b'\n')
            talker.until(end)
        listener = stack.enter_context(papa.changes(every=60))
        next(listener)
        half = stack.enter_context(Talker(daemon))
        half.send(b'set half a lin')
        caller.call('get', 'odd')
        path = Path(folder, 'image')
        deed = f'open({str(path)!r}, "wb").write(open("/proc/self/fd/" + sys.argv[3], "rb").read())'
        assert isinstance(caller.call('upgrade', f'python={python_that(folder, deed)}'), dict)
        return path.read_bytes()


class Trier:
    """New code that tries one image after the other."""

    def __init__(self, folder: str) -> None:
        self._image = Image()
        os.set_inheritable(self._image.fd, True)
        self._process = subprocess.Popen(
            self._image.command(sys.executable, str(PACKAGE), '--check-resume', str(self._image.fd), '1'),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=(self._image.fd,),
            cwd=folder, start_new_session=True,
        )
        self._said = b''
        assert self._word().startswith('ready\t')

    def _word(self) -> str:
        """What it says next; nothing else may be said."""
        assert self._process.stdout is not None
        while b'\n' not in self._said.lstrip(b'\n'):
            assert select.select([self._process.stdout], [], [], PATIENCE)[0], f'it hangs after {self._said!r}'
            part = os.read(self._process.stdout.fileno(), 65536)
            assert part, self._said
            self._said += part
        line, _, self._said = self._said.lstrip(b'\n').partition(b'\n')
        return line.decode('utf-8', 'surrogateescape')

    def ask(self, raw: bytes) -> str:
        """Its answer to this image."""
        os.ftruncate(self._image.fd, 0)
        os.pwrite(self._image.fd, raw, 0)
        assert self._process.stdin is not None
        self._process.stdin.write(b'try 1\n')
        self._process.stdin.flush()
        return self._word()

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=PATIENCE)
        assert self._process.returncode == 0
        self._image.close()
