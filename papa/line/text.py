"""Text on its way out: always UTF-8, whatever the locale.

Where it is not raw it has nothing that a terminal acts upon or that a person cannot see: control characters, and those
of Unicode's category Cf, which turn the direction of what follows or have no width.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

# Category Cf, and the separators of lines and paragraphs. Asking unicodedata at each start would take too long.
_FORMAT = (
    (0xAD, 0xAD), (0x600, 0x605), (0x61C, 0x61C), (0x6DD, 0x6DD), (0x70F, 0x70F), (0x890, 0x891), (0x8E2, 0x8E2),
    (0x180E, 0x180E), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x2064), (0x2066, 0x206F), (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB), (0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x13430, 0x1343F), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0001, 0xE0001), (0xE0020, 0xE007F),
)


def _named(code: int) -> str:
    if code < 0x100:
        return f'\\x{code:02x}'
    return f'\\u{code:04x}' if code < 0x10000 else f'\\U{code:08x}'


_UNSEEN = (*range(0x7F, 0xA0), *(code for first, last in _FORMAT for code in range(first, last + 1)))
_UNSEEN_PATTERN = '[\x7f-\x9f' + ''.join(f'{chr(first)}-{chr(last)}' for first, last in _FORMAT) + ']'
_CONTROLS = {code: _named(code) for code in (*range(0x20), *_UNSEEN)}
_CONTROLS.update({ord('\n'): '\\n', ord('\t'): '\\t', ord('\r'): '\\r'})
_PLAIN = {**_CONTROLS, ord('\\'): '\\\\'}
_TERMINAL = {code: text for code, text in _CONTROLS.items() if code not in (0x0A, 0x09)}
_IN_LINE = {**_TERMINAL, 0x0A: '\\n'}
_MOST_PARAMETERS = 16  # of a sequence that sets colours; more is no colour, but load
_MOST_DIGITS = 3
_LONGEST_COLOURS = 100  # characters
_CONCEAL = 8
_GROUNDS = {38: 'fg', 48: 'bg', 58: 'line'}  # what a colour is for that is told by the parameters after it
_COLOURS_AFTER = {'5': 1, '2': 3}
_MOST_KNOWN = 1000
_known: dict[str, str | None] = {}  # what `colours` has said, since programs repeat themselves
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
    """A field of the plain format: what is not seen and the backslash escaped, ``\\t``, ``\\x1b``, ``\\\\``."""
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


def inert(text: str) -> str:
    """A piece of a line of a terminal, where nothing acts, not even a tab."""
    if text.isascii() and text.isprintable():
        return text
    return _without_surrogates(text.translate(_CONTROLS))


def colours(parameters: str) -> str | None:
    """The sequence that sets the colours that these parameters (digits, ``;`` and ``:``) ask for, without what would
    hide the text: concealment, and a foreground that is the background. It may be empty. None if it is longer than
    any that sets colours."""
    try:
        return _known[parameters]
    except KeyError:
        pass
    found = _visible_colours(parameters)
    if len(_known) < _MOST_KNOWN and len(parameters) <= _LONGEST_COLOURS:
        _known[parameters] = found
    return found


def _visible_colours(parameters: str) -> str | None:
    words = parameters.split(';')
    if len(parameters) > _LONGEST_COLOURS or len(words) > _MOST_PARAMETERS:
        return None
    if any(len(digits) > _MOST_DIGITS for word in words for digits in word.split(':')):
        return None
    kept = list(_settings(words))
    last = {what: colour for what, colour, _ in kept}
    if 'bg' in last and last['bg'] == last.get('fg'):
        kept = [setting for setting in kept if setting[0] != 'fg']
    return f'\x1b[{";".join(text for _, _, text in kept)}m' if kept else ''


def _settings(words: list[str]) -> Iterator[tuple[str, object, str]]:
    """What each of the parameters sets, to which colour if it is one, and how it is written."""
    at = 0
    while at < len(words):
        first, *more = words[at].split(':')
        code = int(first or '0')
        size = 1
        if code in _GROUNDS and not more:
            size = 2 + _COLOURS_AFTER.get(words[at + 1], -2) if at + 1 < len(words) else 0
            if not 0 < size <= len(words) - at:  # terminals do not agree about the rest
                at += 1
                continue
            more = words[at + 1 : at + size]
        if code != _CONCEAL:
            yield (*_colour(code, more), ';'.join(words[at : at + size]))
        at += size


def _colour(code: int, more: list[str]) -> tuple[str, object]:
    """What a parameter sets, and to which colour: one of the first 16 by its number, else what follows."""
    if code in _GROUNDS:
        numbers = [int(digits or '0') for digits in more]
        return _GROUNDS[code], numbers[1] if numbers[:1] == [5] and len(numbers) == 2 else tuple(numbers)
    for start, ground, offset in ((30, 'fg', 0), (40, 'bg', 0), (90, 'fg', 8), (100, 'bg', 8)):
        if start <= code < start + 8:
            return ground, code - start + offset
    return {39: 'fg', 49: 'bg', 0: 'all'}.get(code, ''), str(code)


def in_json(text: str) -> str:
    """A text of JSON, where what is not seen can only stand in strings: the same JSON, with that escaped."""
    if text.isascii() and '\x7f' not in text:
        return text
    import re

    return re.sub(_UNSEEN_PATTERN, _json_escape, text)  # compiled once, and only where it is needed


def _json_escape(match: re.Match[str]) -> str:
    units = match[0].encode('utf-16-be')
    return ''.join(f'\\u{units[at : at + 2].hex()}' for at in range(0, len(units), 2))


def is_utf8(text: str) -> bool:
    """Whether UTF-8 has all of a text: not bytes that were none of it, nor half characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _without_surrogates(text: str) -> str:
    return text if is_utf8(text) else ''.join(map(_shown, text))


def _shown(character: str) -> str:
    code = ord(character)
    if code in _ESCAPED_BYTES:
        return f'\\x{code - 0xDC00:02x}'
    return f'\\u{code:04x}' if 0xD800 <= code < 0xE000 else character
