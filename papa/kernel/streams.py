"""Which stream a result begins, and how one is handed over to another kernel, in either dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from papa.kernel.changes import ChangeStream, encode_frame, encode_lines
from papa.kernel.results import Listening, Watching
from papa.kernel.watch import Watch
from papa.kernel.watch_structured import FrameWatch
from papa.kernel.watch_telnet import BatchWatch, TextWatch
from papa.wire import structured, telnet

if TYPE_CHECKING:
    from papa.kernel.kernel import Kernel
    from papa.kernel.processes import ProcessRecord
    from papa.kernel.state import SessionState
    from papa.kernel.stream import Outlet, Stream


def opening(is_structured: bool, result: Watching | Listening) -> bytes:
    """The reply that comes before a stream."""
    if isinstance(result, Listening):
        return structured.encode_reply(None) if is_structured else b'Listening\n'
    if not is_structured:
        return telnet.encode_line(result.made) if result.made else b'Watching %d\n' % len(result.starts)
    watching = [
        [record.name, record.id, start, record.started, record.output.acknowledged]
        for record, start in result.starts
    ]
    return structured.encode_reply({'watching': watching, 'made': result.made})


def make(kernel: Kernel, is_structured: bool, result: Watching | Listening, outlet: Outlet) -> Stream:
    """The stream itself."""
    if isinstance(result, Listening):
        return ChangeStream(kernel, result, outlet, encode_frame if is_structured else encode_lines)
    return _watch_class(is_structured, result.peek)(kernel, result, outlet)


def _watch_class(is_structured: bool, peek: bool) -> type[Watch]:
    if is_structured:
        return FrameWatch
    return TextWatch if peek else BatchWatch


def state(stream: Stream | None) -> dict[str, Any]:
    """What a `SessionState` has of it, by field."""
    if isinstance(stream, Watch):
        return {'watch': stream.state()}
    return {'listener': stream.state()} if isinstance(stream, ChangeStream) else {}


def restored(
    kernel: Kernel, state: SessionState, outlet: Outlet, records: dict[str, ProcessRecord]
) -> Stream | None:
    """The stream that a session had. Raises LookupError or ValueError if it makes no sense."""
    if state.watch is not None:
        watching = Watching([], peek=state.watch.peek, follow=state.watch.follow)
        watch = _watch_class(state.structured, watching.peek)(kernel, watching, outlet)
        watch.restore(state.watch, records)
        return watch
    if state.listener is None:
        return None
    listening = Listening(frozenset(state.listener.kinds), state.listener.every)
    listener = ChangeStream(kernel, listening, outlet, encode_frame if state.structured else encode_lines)
    listener.restore(state.listener, records)
    return listener
