"""From text to words, and back: the quoting of a line.

As in a POSIX shell: ``'...'`` is literal; in ``"..."`` a backslash protects ``"``, ``\\``, ``$``, a backquote and the
end of a line; outside of quotes it protects any character. ``$'...'`` has the escapes of C (``$'\\n'``). Different
from a shell: nothing is ever expanded, ``#`` begins a comment only as the first character, and the only operator is
``|``, a word of its own, after which the rest belongs to another program, verbatim.
"""

from __future__ import annotations

import re

BLANKS = ' \t\r\n'
PIPE = '|'
COMMENT = '#'

_DOUBLE_ESCAPED = '"\\$`\n'
_LETTERS = {
    'n': '\n', 't': '\t', 'r': '\r', '\\': '\\', "'": "'", '"': '"', '?': '?', 'a': '\a', 'b': '\b', 'e': '\x1b',
    'E': '\x1b', 'f': '\f', 'v': '\v',
}
_ESCAPES = {'\n': '\\n', '\t': '\\t', '\r': '\\r', '\\': '\\\\', "'": "\\'", '\x1b': '\\e'}
_HEX = {'u': 4, 'U': 8}
_HEX_DIGITS = frozenset('0123456789abcdefABCDEF')
_OCTAL_DIGITS = frozenset('01234567')
_QUOTED = frozenset('\'"\\')
# Where reading on has to stop. Compiled when the first text is read: words from arguments need none of it.
_SPECIAL = r"""[ \t\r\n'"\\]|\$'"""
_IN_DOUBLE = r'["\\]'
_IN_ANSI = r"""['\\]"""


class Word:
    """A word, and where it stands: ``text[start:end]``, quotes included. `quoted` if any of it is."""

    __slots__ = ('end', 'quoted', 'start', 'text')

    def __init__(self, text: str, start: int = -1, end: int = -1, quoted: bool = False) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.quoted = quoted

    def __repr__(self) -> str:
        return f'Word({self.text!r}, {self.start}, {self.end}, {self.quoted})'


class Split:
    """What a text is made of.

    `open` is what has no end yet: ``'``, ``"``, ``$'``, a backslash (the text goes on in the next line), or nothing.
    `pipe` is what follows a ``|``, verbatim, None if there is none; `pipe_at` is where the ``|`` stands.
    """

    __slots__ = ('open', 'pipe', 'pipe_at', 'words')

    def __init__(self) -> None:
        self.words: list[Word] = []
        self.open = ''
        self.pipe: str | None = None
        self.pipe_at = -1

    @property
    def texts(self) -> list[str]:
        """The words without their places."""
        return [word.text for word in self.words]


def split(text: str) -> Split:
    """Divide a line into words. Whatever the text is, that succeeds: see `Split.open`."""
    found = Split()
    if text.startswith(COMMENT):
        return found
    at, size = 0, len(text)
    while at < size:
        if text[at] in BLANKS:
            at += 1
            continue
        if text.startswith('\\\n', at):  # between words, too, it only joins lines
            at += 2
            continue
        reader = _Reader(text, at)
        word = reader.word()
        if word.text == PIPE and not word.quoted:
            found.pipe, found.pipe_at = text[word.end :].strip(BLANKS), at
            break
        found.words.append(word)
        found.open = reader.open
        at = word.end
    return found


def carry(text: str) -> str:
    """What has to stand before the next line to have it read as in its place, if the text goes on there; nothing if the
    text is whole. So a long one can be read line by line, each once."""
    found = split(text)
    if not found.open or found.pipe is not None:
        return ''
    if found.open != '\\':
        return found.open
    last = found.words[-1]
    return ' ' if last.end - last.start == 1 else "''"  # a backslash alone is no part of a word


def commands(text: str) -> list[tuple[int, int]]:
    """Where each command of a text begins and ends: each in a line of its own, or in several that a quote or a
    backslash joins. The last one may be unfinished, or empty."""
    spans = []
    at = 0
    while True:
        end = _end(text, at)
        spans.append((at, end))
        if end == len(text):
            return spans
        at = end + 1


def open_quotes(text: str) -> list[str]:
    """For each line of a text what is open where it begins, as in `Split.open`: nothing for the first."""
    opened = dict.fromkeys((at for at, character in enumerate(text) if character == '\n'), '')
    at = 0
    while at < len(text):
        quotes: list[tuple[int, int, str]] = []
        at = _end(text, at, quotes) + 1
        for start, end, quote in quotes:
            line = text.find('\n', start, end)
            while line >= 0:
                opened[line] = quote
                line = text.find('\n', line + 1, end)
    return ['', *opened.values()]


def _end(text: str, at: int, quotes: list[tuple[int, int, str]] | None = None) -> int:
    """Where the command that begins here ends. What is quoted in it is added to `quotes`: from where, to where, how."""
    if text.startswith(COMMENT, at):
        return _line_end(text, at)
    while at < len(text) and text[at] != '\n':
        if text[at] in BLANKS:
            at += 1
            continue
        reader = _Reader(text, at, quotes)
        if text.startswith('\\\n', at):  # between words, too, it only joins lines
            reader.quoted('\\')
            at = reader.at
            continue
        start, word = at, reader.word()
        at = word.end
        if word.text == PIPE and not word.quoted:
            return _line_end(text, start)
    return at


def _line_end(text: str, at: int) -> int:
    end = text.find('\n', at)
    return len(text) if end < 0 else end


class _Reader:
    """Reads one word. Notes what is quoted in `quotes`, if somebody wants to know."""

    def __init__(self, text: str, at: int, quotes: list[tuple[int, int, str]] | None = None) -> None:
        self.text = text
        self.at = at
        self.open = ''
        self._quotes = quotes

    def word(self) -> Word:
        text, start, quoted = self.text, self.at, False
        parts: list[str] = []
        special = re.compile(_SPECIAL)
        while True:
            found = special.search(text, self.at)
            end = found.start() if found else len(text)
            parts.append(text[self.at : end])
            self.at = end
            if found is None or text[end] in BLANKS:
                break
            quoted = True
            parts.append(self.quoted(text[end]))
        return Word(''.join(parts), start, self.at, quoted)

    def quoted(self, character: str) -> str:
        """Read what is quoted from here on, by this character; `at` is behind it then."""
        start = self.at
        if character == '\\':
            text = self._backslash()
        elif character == "'":
            text = self._single()
        else:
            text = self._double() if character == '"' else self._ansi()
        if self._quotes is not None:
            self._quotes.append((start, self.at, "$'" if character == '$' else character))
        return text

    def _backslash(self) -> str:
        following = self.text[self.at + 1 : self.at + 2]
        self.at += 1 + len(following)
        if not following:
            self.open = '\\'
        return '' if following == '\n' else following

    def _single(self) -> str:
        start = self.at + 1
        return self.text[start : self._close("'", self.text.find("'", start))]

    def _close(self, quote: str, end: int) -> int:
        """Go on behind a closing quote at `end`, or to the end of the text if that is -1. Returns the end."""
        if end < 0:
            self.open = quote
            end = self.at = len(self.text)
        else:
            self.at = end + 1
        return end

    def _double(self) -> str:
        text, at, parts = self.text, self.at + 1, []
        special = re.compile(_IN_DOUBLE)
        while True:
            found = special.search(text, at)
            escape = found.start() if found else -1
            if found is None or text[escape] == '"':
                parts.append(text[at : self._close('"', escape)])
                return ''.join(parts)
            following = text[escape + 1 : escape + 2]
            parts.append(text[at:escape])
            if following != '\n':
                parts.append(following if following in _DOUBLE_ESCAPED else '\\' + following)
            at = escape + 1 + len(following)

    def _ansi(self) -> str:
        text, at = self.text, self.at + 2
        parts: list[str] = []
        special = re.compile(_IN_ANSI)
        while True:
            found = special.search(text, at)
            escape = found.start() if found else -1
            if found is None or text[escape] == "'":
                parts.append(text[at : self._close("$'", escape)])
                return ''.join(parts)
            parts.append(text[at:escape])
            meaning, at = _escape(text, escape)
            parts.append(meaning)


def _escape(text: str, at: int) -> tuple[str, int]:
    """What the escape of C at this place means, and where it ends. Bytes in a row are taken together: UTF-8."""
    data = bytearray()
    while (found := _byte(text, at)) is not None:
        value, length = found
        data.append(value)
        at += length
    return (data.decode('utf-8', 'surrogateescape'), at) if data else _character(text, at)


def _byte(text: str, at: int) -> tuple[int, int] | None:
    """The byte that a ``\\xHH`` or ``\\NNN`` here stands for, and its length in the text; None if there is none."""
    if not text.startswith('\\', at):
        return None
    octal = _digits(text, at + 1, 3, _OCTAL_DIGITS)
    if octal:
        return int(octal, 8) & 0xFF, 1 + len(octal)
    digits = _digits(text, at + 2, 2, _HEX_DIGITS) if text.startswith('x', at + 1) else ''
    return (int(digits, 16), 2 + len(digits)) if digits else None


def _character(text: str, at: int) -> tuple[str, int]:
    letter = text[at + 1 : at + 2]
    if letter in _LETTERS and letter:
        return _LETTERS[letter], at + 2
    if letter in _HEX:
        digits = _digits(text, at + 2, _HEX[letter], _HEX_DIGITS)
        if digits and int(digits, 16) <= 0x10FFFF:
            return chr(int(digits, 16)), at + 2 + len(digits)
    return '\\' + letter, at + 1 + len(letter)


def _digits(text: str, at: int, most: int, allowed: frozenset[str]) -> str:
    end = at
    while end < min(at + most, len(text)) and text[end] in allowed:
        end += 1
    return text[at:end]


def quote(word: str) -> str:
    """The text that `split` takes for this word, in one line and without control characters."""
    if not _needs_quotes(word):
        return word
    if any(not character.isprintable() for character in word):
        return _ansi(word)
    if "'" not in word:
        return f"'{word}'"
    return _ansi(word) if set(word) & set('"\\$`') else f'"{word}"'


def join(words: list[str]) -> str:
    """The line of these words."""
    return ' '.join(map(quote, words))


def _needs_quotes(word: str) -> bool:
    return (
        word in ('', PIPE, '?') or word.startswith(COMMENT) or bool(_QUOTED & set(word)) or ' ' in word
        or not word.isprintable()
    )


def _ansi(word: str) -> str:
    return "$'" + ''.join(map(_escaped, word)) + "'"


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x80:
        return f'\\x{code:02x}'
    return f'\\u{code:04x}' if code < 0x10000 else f'\\U{code:08x}'
