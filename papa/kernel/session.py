"""One client: its requests, and the stream that may run beside them."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from papa.commands import BY_NAME, UPGRADE
from papa.errors import BadRequest, Error
from papa.kernel import streams
from papa.kernel.handlers import HANDLERS
from papa.kernel.kernel import Kernel
from papa.kernel.loop import READ, WRITE
from papa.kernel.peer import Peer
from papa.kernel.pending import Pending, bug
from papa.kernel.results import Goodbye, Listening, Watching
from papa.kernel.state import Put, RequestState, SessionState, view
from papa.kernel.stream import Part, Stream
from papa.version import __version__
from papa.wire import server, structured, telnet
from papa.wire.records import Records

if TYPE_CHECKING:
    from papa.kernel.processes import ProcessRecord

log = logging.getLogger('papa.kernel')

GREETING = f'Papa {__version__} is home. Type "help" for commands.\n> '.encode()

_RECEIVE_SIZE = 65536
_MAX_UNSENT = 1024 * 1024  # bytes; beyond, no request of this client is read
_BUDGET = 256  # quick requests of one client that are run before others get their turn
_TURN = 0.005  # seconds that others may take before that
_PLAIN = (str, dict, Records, type(None))  # results that are encoded as they are


class Session(Peer):
    """Reads requests, runs them in order and sends what they return.

    A new one has still to `welcome` its client, or to `refuse` it.
    """

    def __init__(self, kernel: Kernel, connection: socket.socket, on_close: Callable[[Session], None]) -> None:
        super().__init__(kernel.loop, connection, on_close)
        self._kernel = kernel
        self._protocol = server.ServerProtocol()
        self._take = self._protocol.take
        self._next_event = self._protocol.next_event
        self._stream: Stream | None = None
        self._waiting: server.Request | None = None  # whose result is pending
        self._behind = False  # requests may have arrived that wait until the client has taken its answers

    def welcome(self) -> None:
        """Serve this client."""
        self._send(GREETING)
        self._flush()

    def refuse(self, reason: str) -> None:
        """Only say why it is not served."""
        self._leave(f'Error: {reason}\n'.encode())
        self._flush()

    # Events of the connection

    def _on_events(self, events: int) -> None:
        if events == READ:  # by far the most frequent
            self._receive()
            return
        if events & WRITE:
            self._flush()
            if self._behind and self._outbox.size <= _MAX_UNSENT:
                self._go_on()
        if events & ~WRITE and not (self._closed or self._hung_up):
            self._receive()

    def _receive(self) -> None:
        if self._ended:  # a hang-up, which would be reported again and again
            self._hung_up = True
            self._loop.unregister(self._fd)
            return
        try:
            data = self._socket.recv(_RECEIVE_SIZE)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if self._leaving:
            if not data:
                self.close()
        elif self._waiting:  # it has hung up meanwhile, which cannot be not reported
            self._protocol.receive(data)
            self._ended = not data
        elif data:
            self._work(self._take(data))
        else:
            self._ended = True
            self._work(None)

    def _go_on(self) -> None:
        """Run what has arrived and had to wait."""
        self._work(None if self._waiting or self._leaving else self._next_event())

    def _work(self, event: server.Event | None) -> None:
        """Run this and what else has arrived, as far as the client takes the answers."""
        protocol = self._protocol
        self._behind = False
        budget = _BUDGET
        while event is not None:
            if type(event) is server.Request:  # by far the most frequent
                budget -= self._run(event) if event.command.quick else self._run_slowly(event)
            else:
                _ACTIONS[type(event)](self, event)
            if self._waiting or self._leaving:
                break
            if self._outbox.size > _MAX_UNSENT or budget <= 0:
                self._behind = True
                break
            event = protocol.next_event() if protocol.kept else None
        if event is None and self._ended and not (self._waiting or self._leaving):
            self._leave()
        self._flush()

    # One action for each kind of event

    def _run_slowly(self, request: server.Request) -> int:
        """Run what may take long. Return how many quick requests would have taken as long."""
        began = time.monotonic()
        return self._run(request) + int((time.monotonic() - began) / _TURN * _BUDGET)

    def _run(self, request: server.Request) -> int:
        if self._stream is not None:
            self._break(BadRequest(f'A connection on which a stream runs takes no "{request.command.name}"'))
            return 1
        try:
            result = HANDLERS[request.command.name](self._kernel, request)
        except Error as error:
            result = error
        except Exception:  # noqa: BLE001 - the kernel outlives its own bugs; it is logged with its traceback
            result = bug(f'The command "{request.command.name}"')
        if request.structured and type(result) in _PLAIN:  # by far the most frequent
            self._send(structured.encode_reply(result))
        else:
            self._answer(request, result)
        return 1

    def _answer(self, request: server.Request, result: Any) -> None:
        dialect = structured if request.structured else telnet
        if isinstance(result, _PLAIN):
            self._send(dialect.encode_reply(result))
        elif isinstance(result, Error):
            self._send(dialect.encode_error(result))
        elif isinstance(result, Pending):
            if result.resolved:
                self._answer(request, result.result)
            else:
                self._waiting = request
                result.take(lambda later: self._resume(request, later))
        elif isinstance(result, (Watching, Listening)):
            self._begin_stream(request.structured, result)
        elif isinstance(result, Goodbye):
            if request.structured:
                self._leave(structured.encode_reply(result.text))
            else:
                self._leave(result.text.encode() + (telnet.END_OF_REPLY if result.prompt else b'\n'))
        else:
            raise TypeError(f'a handler returned {result!r}')

    def _resume(self, request: server.Request, result: Any) -> None:
        self._waiting = None
        if not self._closed:
            self._answer(request, result)
            self._go_on()

    def _reject(self, event: server.Malformed) -> None:
        encode = structured.encode_error if event.structured else telnet.encode_error
        if event.fatal or self._stream is not None:  # in the middle of a stream an answer could not be told apart
            self._leave(encode(event.error))
        else:
            self._send(encode(event.error))

    def _prompt(self, _event: server.Blank) -> None:
        if self._stream is not None:
            self._break(BadRequest('An empty line has no place in a stream'))
        else:
            self._send(telnet.PROMPT)

    def _expel(self, _event: server.Intruder) -> None:
        log.warning('Closed a connection that spoke HTTP or TLS')
        self._leave(b'Error: This is papa, not a web server\n')

    # Streams

    def _begin_stream(self, is_structured: bool, result: Watching | Listening) -> None:
        self._send(streams.opening(is_structured, result))
        self._stream = streams.make(self._kernel, is_structured, result, self)
        self._protocol.answering = not is_structured
        self._push()  # so that what is there comes before a line that may ask for the end already
        self._stream.begin()

    def _control(self, control: server.Control) -> None:
        if self._stream is None:
            if control.name == structured.STOP:
                self._send(structured.encode_error(BadRequest('No stream runs on this connection')))
            return
        try:
            self._stream.control(control.name, control.words)
        except BadRequest as error:
            self._break(error)

    def _take_answer(self, answer: server.Answer) -> None:
        if self._stream is not None:
            self._stream.answer(answer.stop)

    def break_off(self, error: Error) -> None:
        """The stream cannot go on with a client that is so slow: say so and close."""
        if not (self._closed or self._leaving):
            self._break(error)
            self._flush()

    def _break(self, error: Error) -> None:
        """The client is out of step: say so and close."""
        self._leave((telnet if self._protocol.answering else structured).encode_error(error))

    @property
    def busy(self) -> bool:
        """Whether the stream has to wait."""
        return bool(self._outbox.parts) or self._leaving

    def deliver(self, parts: list[Part]) -> None:
        """Send parts of the stream."""
        self._outbox.put_all(parts)
        if self._push():
            self._set_interest()

    def end_stream(self, last_words: bytes) -> None:
        """Go back to commands."""
        if self._stream is None:
            return
        self._detach()
        self._protocol.answering = False
        self._send(last_words)
        self._push()
        self._set_interest()

    def _detach(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.detach()

    # Sending

    def _flush(self) -> None:
        """Send what is queued, and what the stream has, as far as the client takes it; wait for what is left."""
        unsent = self._outbox.parts
        if self._hung_up or (unsent and not self._push()):
            return
        if not unsent:
            if self._leaving:
                self._shut_down()
            elif self._stream is not None and self._stream.eager:
                self._stream.wake()
        self._set_interest()

    def _set_interest(self) -> None:
        if self._closed or self._hung_up:
            return
        more = self._stream is not None and self._stream.eager
        interest = WRITE if self._outbox.parts or self._behind or more else 0
        if not (self._waiting or self._ended or self._behind):
            interest |= READ
        if interest != self._interest:
            self._interest = interest
            self._loop.modify(self._fd, interest)

    # Ending

    def _hear_out(self) -> None:
        """A client that has died cannot be reached, but what it acknowledged before may not have been read yet."""
        try:
            with suppress(OSError, BadRequest):
                while self._stream is not None:
                    while self._stream is not None and isinstance(event := self._next_event(), server.Control):
                        self._stream.control(event.name, event.words)
                    data = self._socket.recv(_RECEIVE_SIZE)
                    if not data:
                        break
                    self._protocol.receive(data)
        finally:
            self.close()

    # Handing over

    def records(self) -> list[ProcessRecord]:
        """The processes that its stream has to do with."""
        return [] if self._stream is None else self._stream.records()

    @property
    def unread(self) -> int:
        """Bytes that have come and are not understood yet."""
        return self._protocol.size

    def state(self, put: Put, *, refused: bool) -> SessionState:
        """All of it."""
        waiting = self._waiting
        return SessionState(
            fd=self._fd, received=put(self._protocol.received), unsent=put(b''.join(self._outbox.parts)),
            refused=refused, structured=not self._protocol.answering, over=self._protocol.over, ended=self._ended,
            hung_up=self._hung_up, leaving=self._leaving,
            waiting=None if waiting is None
            else RequestState(waiting.command.name, waiting.words, waiting.structured),
            **streams.state(self._stream),
        )

    def restore(self, state: SessionState, records: dict[str, ProcessRecord]) -> None:
        """Become what another was; then `go_on`. Raises LookupError or ValueError if it makes no sense."""
        self._protocol.restore(bytes(view(state.received)), over=state.over)
        self._protocol.answering = not state.structured
        if state.unsent:
            self._send(bytes(view(state.unsent)))
        self._ended, self._hung_up, self._leaving = state.ended, state.hung_up, state.leaving
        if state.waiting is not None:
            command = BY_NAME[state.waiting.command]
            self._waiting = server.Request(command, state.waiting.words, state.waiting.structured)
        self._stream = streams.restored(self._kernel, state, self, records)
        if self._hung_up:
            self._loop.unregister(self._fd)
        if self._leaving:
            self._linger()

    def go_on(self) -> None:
        """Go on where another was. What it waited for is asked for again."""
        request, self._waiting = self._waiting, None
        if request is not None and request.command.name == UPGRADE:
            self._answer(request, self._kernel.upgrade_details())
        elif request is not None:
            self._run(request)
        self._go_on()


_ACTIONS: dict[type, Any] = {
    server.Malformed: Session._reject,
    server.Control: Session._control,
    server.Answer: Session._take_answer,
    server.Blank: Session._prompt,
    server.Intruder: Session._expel,
}
