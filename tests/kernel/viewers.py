"""Raw connections in the structured dialect, processes that write what they are told, and what a viewer was told."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterable
from typing import Any

from conftest import Daemon

from papa.wire.client import INCOMPLETE, ClientProtocol, EndFrame, ExitFrame, LossFrame, OutputFrame
from papa.wire.structured import encode_request


class Caller:
    """A raw connection that speaks the structured dialect."""

    def __init__(self, daemon: Daemon) -> None:
        self.socket = daemon.open()
        self._protocol = ClientProtocol()
        self._take(self._protocol.next_greeting)

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def say(self, *lines: tuple[str, ...]) -> None:
        """Send request lines, each a tuple of its fields, without waiting for replies."""
        self.socket.sendall(b''.join(map(encode_request, lines)))

    def reply(self) -> Any:
        """The next reply; an `Error` is returned."""
        return self._take(self._protocol.next_reply)

    def call(self, *fields: str) -> Any:
        self.say(fields)
        return self.reply()

    def make(self, name: str, *words: str) -> dict[str, Any]:
        """Make a process; its details."""
        made = self.call('make process', name, *words)
        assert isinstance(made, dict), made
        return made[name]  # type: ignore[no-any-return]

    def details(self, name: str) -> dict[str, Any]:
        return self.call('list processes', name)[name]  # type: ignore[no-any-return]

    def watch(self, *words: str) -> list[list[Any]]:
        """Begin a watch; what its reply says of each process."""
        reply = self.call('watch processes', *words)
        assert isinstance(reply, dict), reply
        return reply['watching']  # type: ignore[no-any-return]

    def frame(self) -> Any:
        """The next frame."""
        return self._take(self._protocol.next_frame)

    def frames_until(self, condition: Callable[[Any], object]) -> list[Any]:
        """The frames up to the first that meets the condition."""
        frames = [self.frame()]
        while not condition(frames[-1]):
            frames.append(self.frame())
        return frames

    def stop(self) -> list[Any]:
        """End the stream; the frames before its end."""
        self.say(('stop',))
        return self.frames_until(lambda frame: isinstance(frame, EndFrame))[:-1]

    def is_silent(self) -> bool:
        """Whether nothing has been sent to us that we did not take; the kernel has served somebody before that."""
        return not select.select([self.socket], [], [], 0)[0] and self._protocol.next_frame() is INCOMPLETE

    def _take(self, next_result: Callable[[], Any]) -> Any:
        while (result := next_result()) is INCOMPLETE:
            data = self.socket.recv(65536)
            assert data, 'the kernel has closed the connection'
            self._protocol.receive(data)
        return result


class Tap:
    """A process that writes what it is told: ``cat`` of a FIFO."""

    def __init__(self, caller: Caller, name: str, folder: str, *options: str) -> None:
        path = f'{folder}/{name}.{os.urandom(4).hex()}'
        os.mkfifo(path)
        self.name = name
        self.details = caller.make(name, *options, '/bin/cat', path)
        self._fifo = open(path, 'wb', buffering=0)  # noqa: SIM115 - it is closed by `close`
        self.written = 0

    @property
    def id(self) -> str:
        return self.details['id']  # type: ignore[no-any-return]

    def write(self, data: bytes) -> None:
        self._fifo.write(data)
        self.written += len(data)

    def close(self) -> None:
        """Let it end."""
        self._fifo.close()


class Account:
    """What one viewer was told of one process: each byte must be delivered or lost, once, in order."""

    def __init__(self, start: int, content: Callable[[int, int], bytes] | None = None) -> None:
        self.position = self.start = start
        self.lost: list[LossFrame] = []
        self.delivered = 0
        self.exit_code: int | None = None
        self._content = content

    def take(self, frame: Any) -> None:
        assert self.exit_code is None, f'{frame} after the exit'
        if isinstance(frame, LossFrame):
            assert frame.start == self.position < frame.end, (self.position, frame)
            self.lost.append(frame)
            self.position = frame.end
        elif isinstance(frame, OutputFrame):
            size = len(frame.data)
            assert size
            assert frame.end - size == self.position, (self.position, frame.end, size)
            if self._content is not None:
                assert frame.data == self._content(self.position, size)
            self.delivered += size
            self.position = frame.end
        elif isinstance(frame, ExitFrame):
            self.exit_code = frame.exit_code

    def take_all(self, frames: Iterable[Any]) -> Account:
        for frame in frames:
            self.take(frame)
        return self

    def lost_to(self, reason: str) -> int:
        return sum(loss.end - loss.start for loss in self.lost if loss.reason == reason)
