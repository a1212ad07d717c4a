"""What is drawn where the locale has no character for it: something like it, as wide."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata

HANDLER = 'papa-plain'
_LIKE = str.maketrans(
    '│┃║─━═╭╮╰╯┌┐└┘┏┓┗┛├┤▲▼●·•×✗■◔◐○…▌▏▎▍▋▊▉█▁▂▃▄▅▆▇←→↑↓–―’‘“”↩␍',
    "|||---++++++++++++||^v*..xX#ooO~|||#####_..==##<>^v--''\"\"<$",
)


def _like(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return ''.join(map(_one_like, missing)), error.end


def _one_like(character: str) -> str:
    like = character.translate(_LIKE)
    if like.isascii():
        return like
    if unicodedata.combining(character):
        return ''
    return '??' if unicodedata.east_asian_width(character) in 'WF' else '?'


def draw_plainly() -> None:
    """Let standard error, on which Textual draws, have something like what its encoding lacks. By default it would get
    the six characters that a program writes for it, and everything right of them would move."""
    codecs.register_error(HANDLER, _like)
    if isinstance(sys.__stderr__, io.TextIOWrapper):
        sys.__stderr__.reconfigure(errors=HANDLER)
