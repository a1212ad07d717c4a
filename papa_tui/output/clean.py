"""Output that a terminal may be shown: colours are kept, everything else that would act on it is taken away or shown.

What is well-formed and only moves a cursor, sets a title or the like is taken away; what is not is written out.
"""

from __future__ import annotations

import re

from papa.line.text import colours
from papa_tui.model.text import BIDI

_SEQUENCE = re.compile(
    '\x1b\\[([0-9;:]*)m'  # colours
    '|(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]'  # other control sequences
    '|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)'  # strings: titles, links, clipboard
    '|\x1b[ -/]+[0-~]|\x1b[0-Z\\\\^-~]'  # other escapes
)
_CONTROL_SEQUENCE = re.compile(rb'\x1b\[[0-?]*[ -/]*[@-~]')
COLOUR = re.compile('(\x1b\\[[0-9;]*m)')
_ACTS = re.compile('[\x1b\x80-\x9f]')
_TAB = 8
RETURN = '␍'  # stands for a carriage return where all of a line is shown


def text_of(data: bytes, *, whole: bool = False) -> str:
    """A line as text in which only colours are escapes, and all else can be seen. Of what was written over by carriage
    returns it has the last, as a terminal; `whole`: all of it."""
    if data.isascii():
        text = data.decode('ascii')
        if text.isprintable():
            return text
    else:
        text = data.decode('utf-8', 'surrogateescape')
    if '\r' in text:
        text = text.rstrip('\r').replace('\r', RETURN) if whole else _last_of_returns(text)
    if _ACTS.search(without_colours(text)) or any(colours(each[2:-1]) != each for each in set(COLOUR.findall(text))):
        text = _SEQUENCE.sub(_kept, text)
    if '\t' in text:
        text = _without_tabs(text)
    if _is_clean(without_colours(text)):
        return text
    pieces = COLOUR.split(text)
    pieces[::2] = [piece.translate(_SHOWN) for piece in pieces[::2]]
    return ''.join(pieces)


def without_sequences(data: bytes) -> bytes:
    """Output without the sequences that most have, those of colours. What else begins with an escape stays."""
    return _CONTROL_SEQUENCE.sub(b'', data) if b'\x1b' in data else data


def plain_of(data: bytes, *, whole: bool = False) -> str:
    """The same without colours: what is copied; `whole`: what is searched and saved."""
    quick = without_sequences(data)
    if quick.isascii():
        text = quick.decode('ascii')
        if text.isprintable():
            return text
    text = text_of(data, whole=whole)
    return without_colours(text)


def without_colours(text: str) -> str:
    """What `text_of` gives, without the colours."""
    return COLOUR.sub('', text) if '\x1b' in text else text


def plain_lines(data: bytes) -> list[str]:
    """The same of whole lines, in full: quickly where they have nothing but text."""
    data = data.replace(b'\r\n', b'\n')
    text = without_sequences(data).removesuffix(b'\n').decode('utf-8', 'surrogateescape')
    if _is_clean(text.replace('\n', '')):
        return text.split('\n')
    return [plain_of(line, whole=True) for line in data.removesuffix(b'\n').split(b'\n')]


def overwritten(data: bytes) -> int:
    """How many bytes at the beginning of a line carriage returns have hidden."""
    return data.rstrip(b'\r').rfind(b'\r') + 1 if b'\r' in data else 0


def _last_of_returns(text: str) -> str:
    """What stands there after carriage returns, each of which begins the line anew."""
    return text.rstrip('\r').rpartition('\r')[2]


def _kept(found: re.Match[str]) -> str:
    return '' if found[1] is None else colours(found[1].replace(':', ';')) or ''


def _without_tabs(text: str) -> str:
    if '\x1b' not in text:
        return text.expandtabs(_TAB)
    parts, column = [], 0
    for piece in re.split('(\x1b\\[[0-9;]*m|\t)', text):
        if piece == '\t':
            piece = ' ' * (_TAB - column % _TAB)
        if not piece.startswith('\x1b'):
            column += len(piece)
        parts.append(piece)
    return ''.join(parts)


def _is_clean(text: str) -> bool:
    return text.isprintable() and (text.isascii() or not BIDI & set(text))


def _shown(character: str) -> str:
    if character.isprintable() and character not in BIDI:
        return character
    code = ord(character)
    if 0xDC80 <= code < 0xDD00:
        return f'\\x{code - 0xDC00:02x}'
    if code in (0xA0, 0x3000, 0x202F):
        return ' '
    return repr(character)[1:-1] if not character.isprintable() else f'\\u{code:04x}'


class _HowShown(dict[int, str]):
    """For `str.translate`: lines may have thousands of characters."""

    def __missing__(self, code: int) -> str:
        found = self[code] = _shown(chr(code))
        return found


_SHOWN = _HowShown()
