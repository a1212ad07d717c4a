"""The structured dialect: requests, replies and the frames of a watch.

A request is a TAB, then fields separated by TABs; a reply is one line whose first byte is its kind:

====  =====================================================
``=``  a text
``-``  nothing
``{``  a record, or records by name, as a JSON object
``[``  records by name as tables, in a JSON array: the names of fields, then an object with the list of
       values by name, and so on for records with other fields
``!``  an error: its code, a TAB, its text
====  =====================================================

Fields and texts are UTF-8 (lone surrogates included) with the escapes of PostgreSQL's COPY format for
the characters that would break the framing: ``\\\\``, ``\\t`` and ``\\n``.

While a stream runs (a watch, or ``changes``), frames come unasked. Each is a header line and, for output,
raw bytes and a newline. INDEX stands for one watched process: those in the reply that began the watch
(a list of name, id, the position from which it is told, its start, and up to where it is acknowledged) are counted
from 0, later ones are introduced by ``n``:

========================================  ==========================================================
``n INDEX TIME START ID NAME``            from now on INDEX is this process, started at TIME and told from
                                          position START on (only to a watch that follows)
``o INDEX TIME END SIZE``                 SIZE bytes of standard output; END is the position of their end
``e INDEX TIME END SIZE``                 the same of standard error
``x INDEX TIME EXITCODE``                 the process has ended and everything before was delivered
``l INDEX START END REASON``              the bytes from START to END are lost to this watch: ``overflow``,
                                          ``acknowledged`` (others took them) or ``slow`` (this watch was)
``a INDEX POSITION MINE``                 acknowledged up to POSITION, by this watch (1) or by others (0);
                                          only after ``events``
``c JSON``                                one change (see `papa.events.Change`)
``.``                                     the stream has ended; the connection takes commands again
========================================  ==========================================================

The sequence number of a frame is the position that it ends at: a byte offset in what the process has
written. Without a reply, the client says meanwhile: ``ack`` and a field ``INDEX:POSITION`` for each process
whose output it acknowledges (``INDEX:x`` for its exit); ``events`` to be told at once of acknowledgements,
introductions and losses, which else come only before something that a reader waits for; ``stop`` to end
the stream, with acknowledgements as for ``ack``.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring

from papa.errors import BadRequest, Error, from_code
from papa.wire.records import Records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

END = b'.\n'
ACKNOWLEDGE = 'ack'
EVENTS = 'events'
STOP = 'stop'
CONTROLS = frozenset((ACKNOWLEDGE, EVENTS, STOP))

STDOUT, STDERR = 'o', 'e'
EXIT_MARK = 'x'

OVERFLOW, TAKEN, SLOW = 'overflow', 'acknowledged', 'slow'  # the reasons of a loss

# Not ASCII only: two lone surrogates, escaped one after the other, would come back as one character.
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(',', ':')).encode
_loads = json.JSONDecoder().decode


def escape(text: str) -> str:
    """Make `text` safe to stand in a line between TABs."""
    if '\\' in text:
        text = text.replace('\\', '\\\\')
    if '\n' in text:
        text = text.replace('\n', '\\n')
    return text.replace('\t', '\\t') if '\t' in text else text


def unescape(text: str) -> str:
    """Undo `escape`."""
    if '\\' not in text:
        return text
    return '\\'.join(part.replace('\\n', '\n').replace('\\t', '\t') for part in text.split('\\\\'))


# Naming an error handler costs time even where it has nothing to do: so the usual case goes first, without.


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode('utf-8', 'surrogatepass')


def _decode_surrogates(line: bytes | bytearray) -> str:
    try:
        return line.decode('utf-8', 'surrogatepass')
    except UnicodeDecodeError:
        raise BadRequest('A structured request must be UTF-8') from None


def encode_request(fields: Sequence[str]) -> bytes:
    """One request line for a command and its words."""
    line = '\t'.join(fields)
    if '\n' in line or '\\' in line or line.count('\t') >= len(fields):
        line = '\t'.join([escape(field) for field in fields])
    try:
        return f'\t{line}\n'.encode()
    except UnicodeEncodeError:
        return f'\t{line}\n'.encode('utf-8', 'surrogatepass')


def decode_request(line: bytes | bytearray) -> list[str]:
    """The fields of a request line. `BadRequest` if it is not UTF-8."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = _decode_surrogates(line)
    fields = text.split('\t')
    del fields[0]  # what stands before the first TAB: nothing
    return [unescape(field) for field in fields] if '\\' in text else fields


def encode_reply(result: Any) -> bytes:
    """The reply line for a result: a str, None, a dict of what JSON can say, or `Records`."""
    if isinstance(result, str):
        return _encode(f'={escape(result)}\n')
    if result is None:
        return b'-\n'
    if isinstance(result, Records):
        return _encode(f'{_tables(result)}\n')
    return _encode(f'{_dumps(result)}\n')


def _tables(records: Records) -> str:
    tables: dict[tuple[str, ...], list[str]] = {}
    for name, record in records.items():
        fields, values = record.row()
        tables.setdefault(fields, []).append(f'{encode_basestring(name)}:[{values}]')
    parts = (f'{_dumps(fields)},{{{",".join(rows)}}}' for fields, rows in tables.items())
    return f'[{",".join(parts)}]'


def encode_values(values: Sequence[Any]) -> str:
    """Values as they stand in a row of a table."""
    return _dumps(values)[1:-1]


def encode_error(error: Error) -> bytes:
    """The reply line for an error."""
    return _encode(f'!{error.code}\t{escape(str(error))}\n')


def decode_reply(line: bytes | bytearray) -> Any:
    """What a reply line says: a str, None, a dict, or an `Error` (returned, not raised).

    Raises `ValueError` if it is no reply.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode('utf-8', 'surrogatepass')
    kind = text[:1]
    if kind == '=':
        return unescape(text[1:]) if '\\' in text else text[1:]
    if kind == '-':
        return None
    if kind == '{':
        return _record(text)
    if kind == '[':
        return _records(_record(text))
    if kind == '!':
        code, _, text = text[1:].partition('\t')
        return from_code(code, unescape(text))
    raise ValueError(f'not a reply: {bytes(line[:40])!r}')


def _record(text: str) -> Any:
    try:
        return _loads(text)
    except RecursionError:
        raise ValueError('not a reply: its nesting is too deep') from None


def _records(tables: Any) -> dict[str, dict[str, Any]]:
    records = {}
    try:
        for fields, rows in zip(tables[::2], tables[1::2], strict=True):
            for name, values in rows.items():
                if len(values) != len(fields):
                    raise ValueError('not a reply: its tables are torn')
                records[name] = dict(zip(fields, values))  # noqa: B905 - checked; strict= takes as long as the rest
    except (AttributeError, TypeError):
        raise ValueError('not a reply: no table') from None
    return records


def output_header(stream: str, index: int, time: float, end: int, size: int) -> bytes:
    """The header of a frame of output; the bytes and a newline follow it."""
    return f'{stream} {index} {time!r} {end} {size}\n'.encode()


def exit_frame(index: int, time: float, exit_code: int) -> bytes:
    """The frame that tells of an exit."""
    return f'x {index} {time!r} {exit_code}\n'.encode()


def loss_frame(index: int, start: int, end: int, reason: str) -> bytes:
    """The frame that tells of a loss."""
    return f'l {index} {start} {end} {reason}\n'.encode()


def introduction_frame(index: int, time: float, start: int, process_id: str, name: str) -> bytes:
    """The frame that says which process an index stands for."""
    return f'n {index} {time!r} {start} {process_id} {name}\n'.encode('utf-8', 'surrogatepass')


def acknowledgement_frame(index: int, position: int, mine: bool) -> bytes:
    """The frame that tells up to where the output of a process is acknowledged."""
    return f'a {index} {position} {mine:d}\n'.encode()


def change_frame(change: dict[str, Any]) -> bytes:
    """The frame that tells of a change."""
    return f'c {_dumps(change)}\n'.encode('utf-8', 'surrogatepass')


def decode_change(text: str) -> Any:
    """What the frame of a change says, from the text after its first space. Raises `ValueError`."""
    return _record(text)
