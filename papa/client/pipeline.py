"""`Pipeline`: many commands in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from papa.client import calls
from papa.client.derive import like_papa
from papa.errors import BadRequest, ConnectionLost, Error
from papa.wire import structured

if TYPE_CHECKING:
    from types import TracebackType

    from papa.client.sync import Papa

P = ParamSpec('P')


def _queued(call: Callable[P, calls.Call[Any]]) -> Callable[Concatenate[Commands, P], None]:
    def method(self: Commands, /, *args: P.args, **kwargs: P.kwargs) -> None:
        self._add(call(*args, **kwargs))

    return like_papa(call, method, prefix='In its turn: ')


class Commands:
    """Commands that are to be sent together, and their results.

    `results` has them in the order of the commands, once they have come; iterating goes through them.
    A command that failed has its `Error` there.
    """

    def __init__(self, raise_errors: bool) -> None:
        self.results: list[Any] = []
        self._raise_errors = raise_errors
        self._requests: list[bytes] = []
        self._readers: list[Callable[[Any], Any]] = []
        self._sent = False

    list_sockets = _queued(calls.list_sockets)
    make_socket = _queued(calls.make_socket)
    remove_sockets = _queued(calls.remove_sockets)
    list_values = _queued(calls.list_values)
    set = _queued(calls.set)
    get = _queued(calls.get)
    remove_values = _queued(calls.remove_values)
    list_processes = _queued(calls.list_processes)
    make_process = _queued(calls.make_process)
    remove_processes = _queued(calls.remove_processes)
    watch_processes = _queued(calls.watch_processes)  # to say that it cannot be
    acknowledge_output = _queued(calls.acknowledge_output)
    changes = _queued(calls.changes)  # likewise
    kernel_info = _queued(calls.kernel_info)
    upgrade = _queued(calls.upgrade)
    exit_if_idle = _queued(calls.exit_if_idle)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self._readers)

    def _add(self, call: calls.Call[Any]) -> None:
        fields, reader = call
        if isinstance(reader, calls.Opening):
            raise BadRequest(f'A pipeline has no place for a stream such as that of "{fields[0]}"')
        if self._sent:
            raise BadRequest('This pipeline was sent: begin another')
        self._requests.append(structured.encode_request(fields))
        self._readers.append(reader)

    def _begin(self, kind: type[BaseException] | None) -> list[bytes]:
        """What to send, once: nothing after an exception of this kind."""
        self._sent = True
        requests, self._requests = self._requests, []
        return requests if kind is None else []

    def _finish(self, replies: list[Any], lost: ConnectionLost | None) -> None:
        """Make results of the replies; raise what is to be raised."""
        self.results = [
            reply if isinstance(reply, Error) else reader(reply)
            for reply, reader in zip(replies, self._readers)  # noqa: B905 - fewer where the connection was lost
        ]
        if lost is not None:
            raise ConnectionLost(f'{lost}; {len(replies)} of {len(self)} commands were answered') from None
        if self._raise_errors:
            for result in self.results:
                if isinstance(result, Error):
                    raise result

    @property
    def _ended_the_kernel(self) -> bool:
        return any(
            reader is calls.whether_it_exits and result is True for reader, result in zip(self._readers, self.results)  # noqa: B905
        )


class Pipeline(Commands):
    """Its methods are those of `Papa`, but return nothing: they are sent together when the ``with`` block is left,
    and their results are in `results` then. Left by an exception, it sends nothing. Made by `Papa.pipeline`."""

    def __init__(self, papa: Papa, raise_errors: bool) -> None:
        super().__init__(raise_errors)
        self._papa = papa

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        requests = self._begin(kind)
        if not requests:
            return
        try:
            self._finish(*self._papa.converse(requests))
        finally:
            if self._ended_the_kernel:
                self._papa.close()
