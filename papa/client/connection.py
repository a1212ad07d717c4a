"""One connection to a kernel, blocking: the only place where the sync client does I/O."""

from __future__ import annotations

import socket
import time

from papa.endpoint import Endpoint
from papa.errors import AccessDenied, ConnectFailed, ConnectionLost, Error
from papa.wire import structured
from papa.wire.client import INCOMPLETE, ClientProtocol, ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from papa.wire.client import Frame

_RECEIVE_SIZE = 65536
_RETRY = 0.01  # seconds
_PEEK_SIZE = 262144  # more than any frame


class Connection:
    """Sends requests and receives replies and frames.

    Any failure in the middle closes it, so that it can never be out of step.
    """

    __slots__ = ('_protocol', '_socket', 'closed', 'endpoint', 'version')

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        """Connect and take the greeting within `timeout` seconds.

        Raises `ConnectFailed` if nothing answers, and what a kernel that refuses says. OSError
        passes through where a kernel that is started now could change it.
        """
        self.closed = False
        self.endpoint = endpoint
        self._protocol = ClientProtocol()
        self._socket = _connect(endpoint, timeout)
        try:
            self.version = self._greeting(time.monotonic() + timeout, timeout)
            self._socket.settimeout(None)
        except BaseException:
            self.close()
            raise

    def _greeting(self, deadline: float, timeout: float) -> str:
        while True:
            try:
                greeting = self._protocol.next_greeting()
            except ProtocolError:
                raise ConnectFailed(f'What listens at {self.endpoint} is not papa') from None
            except Error as error:
                raise type(error)(f'The kernel at {self.endpoint} cannot be used: {error}') from None
            if isinstance(greeting, str):
                return greeting
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self._socket.recv(_RECEIVE_SIZE)
            except TimeoutError:
                raise ConnectFailed(f'What listens at {self.endpoint} has not greeted in {timeout:g} seconds') from None
            except OSError:
                data = b''
            if not data:
                raise ConnectionResetError
            self._protocol.receive(data)

    def fileno(self) -> int:
        """The descriptor of the socket; -1 once it is closed."""
        return self._socket.fileno()

    def call(self, fields: Sequence[str], *, watch: bool = False) -> Any:
        """Send a request and return its result. Raises the `Error` that it got, or `ConnectionLost`.

        With `watch`, what follows the reply stays in the socket, so that `select` sees it.
        """
        receive = self._receive_line if watch else self._receive
        protocol = self._protocol
        try:
            self._socket.sendall(structured.encode_request(fields))
            reply: Any = INCOMPLETE
            while reply is INCOMPLETE:
                protocol.receive(receive())
                reply = protocol.next_reply()
        except (OSError, EOFError, ProtocolError) as error:
            raise self._lost(fields[0], error) from None
        except BaseException:  # an interrupt in the middle: the reply would come to the next call
            self.close()
            raise
        if isinstance(reply, Error):
            raise reply
        return reply

    def tell(self, fields: Sequence[str], doing: str) -> None:
        """Send what has no reply. Raises `ConnectionLost`; what has arrived before can still be taken."""
        try:
            self._socket.sendall(structured.encode_request(fields))
        except OSError as error:
            raise self._explain(doing, error) from None
        except BaseException:
            self.close()
            raise

    def next_frame(self, doing: str) -> Frame:
        """Wait for the next frame of a watch. Raises `ConnectionLost`."""
        while True:
            frame = self._frame(doing)
            if frame is not None:
                return frame
            self._fill(doing, 0)

    def frame_at_hand(
        self, doing: str, *, fill: bool = True
    ) -> Frame | None:
        """The next frame of a watch if it has arrived whole, else None. Raises `ConnectionLost`.

        Without `fill`, what has arrived is only what was taken from the socket already.
        """
        frame = self._frame(doing)
        while frame is None and fill and self._fill(doing, socket.MSG_DONTWAIT):
            frame = self._frame(doing)
        return frame

    def frames_in_socket(self, doing: str) -> list[Frame]:
        """The whole frames that have arrived, without taking them. Raises `ConnectionLost`."""
        try:
            waiting = self._receive(socket.MSG_PEEK | socket.MSG_DONTWAIT, _PEEK_SIZE)
            return self._protocol.frames_with(waiting)
        except BlockingIOError:
            return []
        except (OSError, EOFError, ProtocolError) as error:
            raise self._lost(doing, error) from None

    def _frame(self, doing: str) -> Frame | None:
        try:
            frame = self._protocol.next_frame()
        except ProtocolError as error:
            raise self._lost(doing, error) from None
        except BaseException:  # an interrupt in the middle of a frame
            self.close()
            raise
        return None if frame is INCOMPLETE else frame  # type: ignore[return-value]

    def _fill(self, doing: str, flags: int) -> bool:
        try:
            self._protocol.receive(self._receive(flags))
        except BlockingIOError:
            return False
        except (OSError, EOFError) as error:
            raise self._lost(doing, error) from None
        return True

    def _receive(self, flags: int = 0, size: int = _RECEIVE_SIZE) -> bytes:
        data = self._socket.recv(size, flags)
        if not data:
            raise EOFError
        return data

    def _receive_line(self) -> bytes:
        """The rest of a line, or a part of it, and nothing beyond."""
        waiting = self._receive(socket.MSG_PEEK)
        return self._socket.recv(waiting.find(b'\n') + 1 or len(waiting))

    def _lost(self, doing: str, error: Exception) -> ConnectionLost:
        lost = self._explain(doing, error)
        self.close()
        return lost

    def _explain(self, doing: str, error: Exception) -> ConnectionLost:
        if self.closed:
            reason = 'it was lost before'
        elif isinstance(error, ProtocolError):
            reason = str(error)
        else:
            reason = getattr(error, 'strerror', None) or 'it was closed'
        return ConnectionLost(f'Lost the connection to the kernel at {self.endpoint} during "{doing}": {reason}')

    def close(self) -> None:
        """Close the socket."""
        self.closed = True
        self._socket.close()


def _connect(endpoint: Endpoint, timeout: float) -> socket.socket:
    connection = socket.socket(endpoint.family, socket.SOCK_STREAM)
    deadline = time.monotonic() + timeout
    try:
        connection.settimeout(timeout)
        while True:
            try:
                connection.connect(endpoint.address)
                break
            except BlockingIOError:  # unix(7): the queue of the listener is full
                if time.monotonic() > deadline:
                    raise TimeoutError from None
                time.sleep(_RETRY)
        if endpoint.path is None:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException as error:
        connection.close()
        if isinstance(error, PermissionError):
            raise AccessDenied(f'You may not connect to the kernel at {endpoint}') from None
        if isinstance(error, TimeoutError):
            raise ConnectFailed(f'The kernel at {endpoint} has not answered in {timeout:g} seconds') from None
        raise
    if endpoint.path is None and connection.getsockname() == connection.getpeername():
        connection.close()  # TCP lets a port in the ephemeral range connect to itself
        raise ConnectionRefusedError
    return connection
