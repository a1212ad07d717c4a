"""Text on its way out: always UTF-8, whatever the locale, and without control characters where it is not raw."""

from __future__ import annotations

_CONTROLS = {code: f'\\x{code:02x}' for code in (*range(0x20), *range(0x7F, 0xA0))}
_CONTROLS.update({ord('\n'): '\\n', ord('\t'): '\\t', ord('\r'): '\\r', 0x2028: '\\u2028', 0x2029: '\\u2029'})
_PLAIN = {**_CONTROLS, ord('\\'): '\\\\'}
_TERMINAL = {code: text for code, text in _CONTROLS.items() if code not in (0x0A, 0x09)}
_IN_LINE = {**_TERMINAL, 0x0A: '\\n'}
_ESCAPED_BYTES = range(0xDC80, 0xDD00)  # how Python has bytes that are not UTF-8


def encode(text: str) -> bytes:
    """The bytes of a text, exactly: bytes that were none of UTF-8 come out as they came in."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        pass
    try:
        return text.encode('utf-8', 'surrogateescape')
    except UnicodeEncodeError:  # half a character, as some languages have them
        return text.encode('utf-8', 'surrogatepass')


def escape(text: str) -> str:
    """A field of the plain format: control characters and the backslash escaped, ``\\t``, ``\\x1b``, ``\\\\``."""
    if text.isascii() and text.isprintable() and '\\' not in text:
        return text
    return _without_surrogates(text.translate(_PLAIN))


def escape_bytes(data: bytes) -> str:
    """The same for output; what is not UTF-8 becomes ``\\xff``."""
    return escape(data.decode('utf-8', 'surrogateescape'))


def harmless(text: str) -> str:
    """A text for a terminal, where only newlines and tabs may act."""
    return _without_surrogates(text.translate(_TERMINAL))


def in_line(text: str) -> str:
    """One line of a terminal, where only tabs may act."""
    return _without_surrogates(text.translate(_IN_LINE))


def _without_surrogates(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return ''.join(map(_shown, text))
    return text


def _shown(character: str) -> str:
    code = ord(character)
    if code in _ESCAPED_BYTES:
        return f'\\x{code - 0xDC00:02x}'
    return f'\\u{code:04x}' if 0xD800 <= code < 0xE000 else character
