"""The kernel's watches and listeners without a kernel: no process, no socket, no clock. Each step is ours."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from papa.commands import BY_NAME
from papa.errors import Error
from papa.kernel.capture import Capture
from papa.kernel.changes import Changes, ChangeStream, encode_frame
from papa.kernel.handlers import HANDLERS
from papa.kernel.loop import READ, Timer
from papa.kernel.output import OutputBuffer
from papa.kernel.processes import Processes, ProcessRecord, ProcessSpec
from papa.kernel.results import Listening
from papa.kernel.segment import STDERR, STDOUT
from papa.kernel.stream import Part, Stream
from papa.kernel.values import Values
from papa.kernel.watch_structured import FrameWatch
from papa.wire.client import INCOMPLETE, ClientProtocol
from papa.wire.records import Records
from papa.wire.server import Request


class StillLoop:
    """A loop in which nothing happens by itself."""

    def __init__(self) -> None:
        self.callbacks: dict[int, Callable[[int], None]] = {}
        self.exits: dict[int, Callable[[], object]] = {}
        self.timers: list[Timer] = []

    def register(self, fd: int, _events: int, callback: Callable[[int], None]) -> None:
        self.callbacks[fd] = callback

    def unregister(self, fd: int) -> None:
        self.callbacks.pop(fd, None)

    def watch_exit(self, pid: int, callback: Callable[[], object]) -> None:
        self.exits[pid] = callback

    def call_later(self, _seconds: float, callback: Callable[[], None]) -> Timer:
        self.timers.append(Timer(callback))
        return self.timers[-1]

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.call_later(0, callback)

    def pass_time(self) -> int:
        """Call what is due; how much it was."""
        timers, self.timers = self.timers, []
        due = [timer.callback for timer in timers if timer.callback is not None]
        for callback in due:
            callback()
        return len(due)


class Sockets:
    """None."""

    by_name: dict[str, Any] = {}


class StillKernel:
    """What the handlers of streams need of a kernel."""

    def __init__(self) -> None:
        self.loop = StillLoop()
        self.changes = Changes()
        self.values = Values(self.changes)
        self.sockets = Sockets()
        self.processes = Processes(self.changes)
        self.capture = Capture(self.loop, self.processes, self.changes)  # type: ignore[arg-type]
        self.started: dict[str, Child] = {}
        self._last_pid = 1_000_000

    def run(self, command: str, *words: str) -> Any:
        """What a command returns."""
        result = HANDLERS[command](self, Request(BY_NAME[command], list(words), True))  # type: ignore[arg-type]
        if isinstance(result, Records):
            return {name: record.details() for name, record in result.items()}
        return result

    def start(self, name: str, size: int = 1000, *, block: bool = False) -> Child:
        """Start a process; `started` knows it before anybody is told."""
        self._last_pid += 1
        child = Child(self, name, self._last_pid, Recording(size, block))
        self.started[child.id] = child
        self.processes.add(child.record)
        self.capture.begin(child.record)
        return child

    def watch(self, *words: str) -> Viewer:
        return Viewer(self, self.run('watch processes', *words))

    def listen(self, *words: str) -> Viewer:
        return Viewer(self, self.run('changes', *words))

    def close(self) -> None:
        self.capture.close()


class Recording(OutputBuffer):
    """Remembers all that was ever captured."""

    def __init__(self, size: int, block: bool) -> None:
        super().__init__(size, block)
        self.everything = b''

    def append(self, stream: int, time: float, data: bytes) -> None:
        self.everything += data
        super().append(stream, time, data)


class Child:
    """A process of which only the pipes are real."""

    def __init__(self, kernel: StillKernel, name: str, pid: int, output: Recording) -> None:
        self.kernel = kernel
        self.output = output
        spec = ProcessSpec((name,), {}, '/', 0, 0, None, {}, 'pipe', 'pipe', output.size, 'drop', None)
        self.record = ProcessRecord(name, kernel.processes.next_id(), spec, pid, 1e9 + pid, [], output, {})
        self.ends: dict[int, int] = {}
        for stream in (STDOUT, STDERR):
            reader, self.ends[stream] = os.pipe()
            os.set_blocking(reader, False)
            os.set_blocking(self.ends[stream], False)
            self.record.pipes[reader] = stream

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def captured(self) -> int:
        return self.record.counters()[0]

    def content(self, position: int, size: int) -> bytes:
        """What was captured from a position on."""
        return self.output.everything[position : position + size]

    def write(self, data: bytes, stream: int = STDOUT) -> None:
        """Write, and let the kernel read as much as it wants."""
        os.write(self.ends[stream], data)
        self.let_read()

    def let_read(self) -> None:
        for fd in [*self.record.pipes, *self.record.draining]:
            if (callback := self.kernel.loop.callbacks.get(fd)) is not None:
                callback(READ)

    def exit(self, monkeypatch: pytest.MonkeyPatch, code: int = 0) -> None:
        monkeypatch.setattr('papa.kernel.capture.reap', lambda _pid: code)
        self.kernel.loop.exits.pop(self.record.pid)()
        self.close()

    def close(self) -> None:
        for fd in self.ends.values():
            os.close(fd)
        self.ends.clear()
        self.let_read()


class Viewer:
    """A client that takes what it is sent when it likes: it sleeps after `fall_asleep` until `wake_up`."""

    def __init__(self, kernel: StillKernel, result: Any) -> None:
        self.kernel = kernel
        self.busy = False
        self.ended = False
        self.broken: Error | None = None
        self.frames: list[Any] = []
        self.deliveries = 0
        self._protocol = ClientProtocol()
        self.stream: Stream
        if isinstance(result, Listening):
            self.stream = ChangeStream(kernel, result, self, encode_frame)  # type: ignore[arg-type]
        else:
            self.stream = FrameWatch(kernel, result, self)  # type: ignore[arg-type]
        self.stream.begin()
        self._take_all()

    def deliver(self, parts: list[Part]) -> None:
        assert not self.busy, 'it sleeps'
        self.deliveries += 1
        self._protocol.receive(b''.join(parts))
        while (frame := self._protocol.next_frame()) is not INCOMPLETE:
            self.frames.append(frame)

    def end_stream(self, last_words: bytes) -> None:
        assert not self.ended
        self.ended = True
        self.stream.detach()

    def break_off(self, error: Error) -> None:
        assert self.broken is None
        self.broken = error
        self.stream.detach()

    def say(self, name: str, *words: str) -> None:
        self.stream.control(name, list(words))
        self._take_all()

    def fall_asleep(self) -> None:
        self.busy = True

    def wake_up(self) -> None:
        self.busy = False
        self._take_all()

    def _take_all(self) -> None:
        while not (self.busy or self.ended) and self.stream.eager:
            self.stream.wake()

    def taken(self) -> list[Any]:
        """The frames since the last call."""
        self._take_all()
        frames, self.frames = self.frames, []
        return frames

