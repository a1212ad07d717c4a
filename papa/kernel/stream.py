"""What flows to a session beside its replies: output that is watched, changes. It ends when either side says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from papa.errors import BadRequest, Error

if TYPE_CHECKING:
    from papa.kernel.processes import ProcessRecord

Part = bytes | memoryview


class Outlet(Protocol):
    """What a stream knows of its session."""

    @property
    def busy(self) -> bool:
        """Whether the client has not yet taken what it was sent. The session wakes the stream when it has."""

    def deliver(self, parts: list[Part]) -> None:
        """Send parts to the client."""

    def break_off(self, error: Error) -> None:
        """Say what is wrong and close the connection."""

    def end_stream(self, last_words: bytes) -> None:
        """Detach the stream, send its last words and go back to commands."""


class Stream:
    """One stream, in one of the dialects: `control` is what a client of the structured one says, `answer` a line of
    the other."""

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet

    def begin(self) -> None:
        """Deliver what is there."""
        raise NotImplementedError

    @property
    def eager(self) -> bool:
        """Whether there may be something to deliver now."""
        raise NotImplementedError

    def wake(self) -> None:
        """Deliver some of it, if the client can take it. The session asks again while this is `eager`."""
        raise NotImplementedError

    def detach(self) -> None:
        """The session leaves. Nothing is acknowledged by that."""
        raise NotImplementedError

    def records(self) -> list[ProcessRecord]:
        """The processes that it has to do with."""
        raise NotImplementedError

    def control(self, name: str, words: list[str]) -> None:
        """What a client of the structured dialect says. Raises `BadRequest` if it is out of step."""
        raise BadRequest(f'This stream takes no "{name}"')

    def answer(self, stop: bool) -> None:
        """A line of the telnet dialect; `stop` if it asks for the end."""
        raise NotImplementedError
