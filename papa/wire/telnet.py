r"""The telnet dialect: lines of words for people, scripts and the clients of papa 1.0.

A request is words separated by spaces; a word that ends in a backslash is joined to the next by a
space. A reply ends in ``\n> ``. What a line cannot carry is shown escaped.
"""

from __future__ import annotations

import re

from papa import commands, options
from papa.errors import Error
from papa.wire.records import Records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

PROMPT = b'> '
END_OF_REPLY = b'\n> '
END_OF_BATCH = b'] '

_LAST = ('args', 'value', 'preview')  # these fields may hold spaces, so nothing follows them

# RFC 854: IAC followed by WILL, WONT, DO or DONT and an option, by a sub-negotiation, or by one command.
_TELNET_COMMAND = re.compile(rb'\xff(?:[\xfb-\xfe].|\xfa.*?\xff\xf0|[\xf0-\xf9])', re.DOTALL)
_CONTROLS = {code: f'\\x{code:02x}' for code in (*range(32), *range(127, 160)) if code != 9}
_CONTROLS |= {10: '\\n', 13: '\\r', 0x2028: '\\u2028', 0x2029: '\\u2029'}

# RFC 9112: a request line is a method, a target and the version; a header line is a name and a colon.
_HTTP_REQUEST = re.compile(rb'\S+ +(?:/\S*|\*|[A-Za-z][\w+.-]*://\S*|\S+:\d+) +HTTP/\d', re.IGNORECASE)
_HTTP_HEADER = re.compile(rb"[\w!#$%&'*+.^`|~-]+:")
_TLS_HANDSHAKE = b'\x16\x03'


def is_intruder(line: bytes | bytearray) -> bool:
    """Whether a line looks like HTTP or TLS: a browser, which must not reach a command."""
    return bool(
        _HTTP_REQUEST.match(line) or _HTTP_HEADER.match(line) or line.startswith(_TLS_HANDSHAKE)
    )


def clean(line: bytes | bytearray) -> str:
    """The text of a line without a carriage return at its end and without telnet's own commands."""
    if b'\xff' in line:
        line = _TELNET_COMMAND.sub(b'', line)
    text = line.decode('utf-8', 'surrogateescape')
    return text[:-1] if text.endswith('\r') else text


def split(text: str) -> list[str]:
    """The words of a line. Runs of spaces count as one; ``two\\ words`` is one word."""
    words = []
    joined = ''
    for part in text.split(' '):
        if part.endswith('\\'):
            joined += part[:-1] + ' '
        elif part:
            words.append(joined + part)
            joined = ''
    if joined:  # at the very end of the line no space follows the backslash: it stands for itself
        words.append(joined if text.endswith(' ') else joined[:-1] + '\\')
    return words


def parse(words: list[str]) -> tuple[commands.Command, list[str]]:
    """The command that a line of words asks for, and its words. Raises `BadRequest`."""
    command, rest = commands.resolve(words)
    if command.makes:
        end = 1 + options.count(rest[1:])
        rest[1:end] = map(_unquote, rest[1:end])
    return command, rest


def _unquote(word: str) -> str:
    key, _, value = word.partition('=')
    return f'{key}={value[1:-1]}' if len(value) > 1 and value[0] == value[-1] == '"' else word


class Prose(str):
    """A result that is text of several lines, such as help: the telnet dialect sends it as it is."""

    __slots__ = ()


def escape(text: str) -> str:
    """`text` without anything that would break a line or act on a terminal."""
    return text if text.isprintable() else text.translate(_CONTROLS)


def encode_reply(result: Any) -> bytes:
    """The reply for a result: None, a str, or a dict by name of dicts (details) or of what is no dict (values)."""
    if result is None:
        text = ''
    elif isinstance(result, Prose):
        text = result
    elif isinstance(result, Records):
        text = _lines({name: record.details() for name, record in result.items()})
    elif isinstance(result, str):
        text = _no_error(escape(result))
    else:
        text = _lines(result)
    return _encode(text) + END_OF_REPLY


def encode_error(error: Error) -> bytes:
    """The reply for an error."""
    return _encode(f'Error: {escape(str(error))}') + END_OF_REPLY


def encode_line(result: Mapping[str, Any]) -> bytes:
    """The lines of a result without a prompt: what begins a watch."""
    return _encode(_lines(result)) + b'\n'


def _lines(result: Mapping[str, Any]) -> str:
    return _no_error('\n'.join(sorted(_line(name, value) for name, value in result.items())))


def _no_error(text: str) -> str:
    """Whatever begins with the mark of an error would be taken for one."""
    return '\\x45' + text[1:] if text.startswith('Error:') else text


def _line(name: str, value: Any) -> str:
    if not isinstance(value, dict):
        return f'{escape(name)} {escape(str(value))}'
    fields = [escape(name)]
    fields += [f'{key}={_field(item)}' for key, item in value.items() if key not in _LAST]
    fields += [f'{key}={escape(_joined(value[key], " "))}' for key in _LAST if key in value]
    return ' '.join(fields)


def _field(item: Any) -> str:
    return escape(_joined(item, ',')).replace(' ', '\\x20')


def _joined(item: Any, separator: str) -> str:
    return separator.join(item) if isinstance(item, list) else str(item)


def output_header(stream: str, name: str, time: float, size: int) -> bytes:
    """The header of a piece of output in a batch; the bytes and a newline follow it."""
    return _encode(f'{"out" if stream == "o" else "err"}:{_batch_name(name)}:{time!r}:{size}\n')


def exit_line(name: str, time: float, exit_code: int) -> bytes:
    """The line of an exit in a batch."""
    return _encode(f'closed:{_batch_name(name)}:{time!r}:{exit_code}\n')


def loss_line(name: str, start: int, end: int, reason: str) -> bytes:
    """The line of a loss, for those who peek."""
    return _encode(f'lost:{_batch_name(name)}:{start}:{end}:{reason}\n')


def change_line(change: str, kind: str, name: str, details: Mapping[str, Any]) -> bytes:
    """The line of a change."""
    return _encode(f'{change} {kind} {_line(name, details)}\n')


def _batch_name(name: str) -> str:
    return escape(name).replace(':', '\\x3a')  # a colon would break the header apart


def _encode(text: str) -> bytes:
    return text.encode('utf-8', 'backslashreplace')
