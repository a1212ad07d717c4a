"""One connection to a kernel, blocking: the only place where the sync client does I/O."""

from __future__ import annotations

import os
import select
import socket
import time
import weakref

from papa.client import dialing
from papa.endpoint import Endpoint
from papa.errors import ConnectionLost, Error
from papa.wire import structured
from papa.wire.client import INCOMPLETE, ClientProtocol, EndFrame, ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol, TypeVar

    from papa.wire.client import Frame

    T = TypeVar('T')

    class Taker(Protocol):
        """What takes the frames of a stream."""

        @property
        def full(self) -> bool: ...

        def take(self, frame: Frame) -> None: ...


_RECEIVE_SIZE = 65536
_USUAL_REPLY = 4096  # most are smaller, and the allocation of more is a good part of a round trip
_STREAM_SIZE = 262144  # so that few pieces of output are in two parts, which costs copies
_SEND_SIZE = 262144
_PEEK_SIZE = 262144  # more than any frame


class Connection:
    """Sends requests and receives replies and frames.

    Any failure in the middle closes it, so that it can never be out of step.
    """

    __slots__ = ('__weakref__', '_protocol', '_receive', '_send', '_socket', '_why', 'closed', 'endpoint')

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        """Connect and take the greeting within `timeout` seconds.

        Raises `ConnectFailed` if nothing answers, and what a kernel that refuses says. The errors of
        `dialing.NOBODY` pass through: a kernel that is started now could change them.
        """
        self.closed = False
        self.endpoint = endpoint
        self._why: Exception | None = None  # it was lost
        self._protocol = ClientProtocol()
        self._socket = _connect(endpoint, timeout)
        try:
            self._take_greeting(time.monotonic() + timeout, timeout)
            self._socket.settimeout(None)
        except BaseException:
            self.close()
            raise
        self._send = self._socket.sendall
        self._receive = self._socket.recv
        _open.add(self)

    def _take_greeting(self, deadline: float, timeout: float) -> None:
        while not dialing.has_greeted(self.endpoint, self._protocol):
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self._socket.recv(_RECEIVE_SIZE)
            except TimeoutError:
                raise dialing.silence(self.endpoint, timeout) from None
            except OSError:
                data = b''
            if not data:
                raise ConnectionResetError
            self._protocol.receive(data)

    def fileno(self) -> int:
        """The descriptor of the socket; -1 once it is closed."""
        return self._socket.fileno()

    def detach(self) -> socket.socket:
        """The socket, for somebody else to use from here on."""
        self.closed = True
        return self._socket

    # Requests and replies

    def call(self, fields: Sequence[str]) -> Any:
        """Send a request and return its result. Raises the `Error` that it got, or `ConnectionLost`."""
        try:
            self._send(structured.encode_request(fields))
            reply: Any = self._protocol.reply_in(self._receive(_USUAL_REPLY))
            while reply is INCOMPLETE:
                reply = self._protocol.reply_in(self._receive(_RECEIVE_SIZE))
        except (OSError, EOFError, ProtocolError) as error:
            raise self._lost(fields[0], error) from None
        except BaseException:  # an interrupt in the middle: the reply would come to the next call
            self.close()
            raise
        if isinstance(reply, Error):
            raise reply
        return reply

    def converse(self, requests: Sequence[bytes], replies: list[Any]) -> None:
        """Send all requests and add their replies to `replies`. Raises `ConnectionLost`.

        It receives while it sends: the kernel reads no further while too much waits to be received.
        """
        try:
            self._exchange(memoryview(b''.join(requests)), len(requests), replies)
        except (OSError, EOFError, ProtocolError) as error:
            raise self._lost('pipeline', error) from None
        except BaseException:
            self.close()
            raise

    def _exchange(self, unsent: memoryview, count: int, replies: list[Any]) -> None:
        poller = select.poll()
        while len(replies) < count:
            poller.register(self._socket, select.POLLIN | select.POLLOUT if unsent else select.POLLIN)
            ((_, events),) = poller.poll()
            if events & select.POLLOUT:
                try:
                    unsent = unsent[self._socket.send(unsent[:_SEND_SIZE], socket.MSG_DONTWAIT) :]
                except BlockingIOError:
                    pass
            if events & ~select.POLLOUT and self._fill():
                replies += self._protocol.next_replies()

    # Streams

    def open_stream(self, fields: Sequence[str], opening: Callable[[Any], T]) -> T:
        """Send a request that opens a stream, and return what `opening` makes of its reply. Raises as `call`.

        What follows the reply stays in the socket, so that `select` sees it.
        """
        try:
            self._send(structured.encode_request(fields))
            while (reply := self._protocol.next_reply()) is INCOMPLETE:
                self._fill_line()
            if not isinstance(reply, Error):
                return opening(reply)
        except (OSError, EOFError, ProtocolError) as error:
            raise self._lost(fields[0], error) from None
        except BaseException:
            self.close()
            raise
        raise reply

    def tell(self, fields: Sequence[str], doing: str, note: Callable[[], object] = bool) -> None:
        """Send what has no reply, and `note` that it was sent. Raises `ConnectionLost`; what has arrived before
        can still be taken."""
        try:
            self._send(structured.encode_request(fields))
            note()
        except OSError as error:
            raise self._explain(doing, error) from None
        except BaseException:
            self.close()
            raise

    def wait(self) -> None:
        """Wait until something has arrived. Nothing is taken: an interrupt here harms nothing."""
        if not self.closed:
            poller = select.poll()
            poller.register(self._socket, select.POLLIN)
            poller.poll()

    def take(self, taker: Taker, doing: str) -> None:
        """Give `taker` each frame that has arrived whole, as long as it is not full. Raises `ConnectionLost`.

        What an interrupt stops in the middle could not be repeated exactly: it closes the connection.
        """
        try:
            while True:
                while (frame := self._protocol.next_frame()) is not INCOMPLETE:
                    taker.take(frame)  # type: ignore[arg-type]
                if taker.full or not self._fill():
                    return
        except (OSError, EOFError, ProtocolError) as error:
            raise self._lost(doing, error) from None
        except BaseException:
            self.close()
            raise

    def frames_in_socket(self, doing: str) -> list[Frame]:
        """The whole frames that have arrived, without taking them. Raises `ConnectionLost`."""
        try:
            waiting = self._socket.recv(_PEEK_SIZE, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            if not waiting:
                raise EOFError
            return self._protocol.frames_with(waiting)
        except BlockingIOError:
            return []
        except (OSError, EOFError, ProtocolError) as error:
            raise self._lost(doing, error) from None

    def wait_for_end(self, doing: str) -> None:
        """Take frames, unseen, until the one that ends the stream. Raises `ConnectionLost`."""
        try:
            while not isinstance(frame := self._protocol.next_frame(), EndFrame):
                if frame is INCOMPLETE:
                    self._fill(0)
        except (OSError, EOFError, ProtocolError) as error:
            raise self._lost(doing, error) from None
        except BaseException:
            self.close()
            raise

    def _fill(self, flags: int = socket.MSG_DONTWAIT) -> bool:
        try:
            data = self._socket.recv(_STREAM_SIZE, flags)
        except BlockingIOError:
            return False
        if not data:
            raise EOFError
        self._protocol.receive(data)
        return True

    def _fill_line(self) -> None:
        """Receive the rest of a line, or a part of it, and nothing beyond."""
        waiting = self._socket.recv(_RECEIVE_SIZE, socket.MSG_PEEK)
        if not waiting:
            raise EOFError
        self._protocol.receive(self._socket.recv(waiting.find(b'\n') + 1 or len(waiting)))

    # The end

    def _lost(self, doing: str, error: Exception) -> ConnectionLost:
        lost = self._explain(doing, error)
        if not self.closed:
            self._why = error
        self.close()
        return lost

    def _explain(self, doing: str, error: Exception) -> ConnectionLost:
        before = self.closed and self._why is None
        return ConnectionLost(dialing.loss(self.endpoint, doing, self._why or error, before=before))

    def close(self) -> None:
        """Close the socket."""
        self.closed = True
        self._socket.close()


_open: weakref.WeakSet[Connection] = weakref.WeakSet()


def _leave_to_parent() -> None:
    """After a fork the connections are those of the parent: two who use one would take each other's replies."""
    for connection in list(_open):
        connection.close()


os.register_at_fork(after_in_child=_leave_to_parent)


def _connect(endpoint: Endpoint, timeout: float) -> socket.socket:
    connection = dialing.new_socket(endpoint)
    deadline = time.monotonic() + timeout
    with dialing.closed_on_failure(endpoint, timeout, connection):
        connection.settimeout(timeout)
        while True:
            try:
                connection.connect(endpoint.address)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError from None
                time.sleep(dialing.RETRY)
        if dialing.is_its_own_peer(endpoint, connection):
            raise ConnectionRefusedError
    return connection
