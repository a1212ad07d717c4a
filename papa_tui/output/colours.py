"""The colours that a program has left on: they go on in its next line, as on a terminal."""

from __future__ import annotations

import re

_SEQUENCE = re.compile(rb'\x1b\[([0-9;:]*)m')
_RESETS = (b'\x1b[0m', b'\x1b[m')
_GROUND = {b'38': b'fg', b'3': b'fg', b'9': b'fg', b'48': b'bg', b'4': b'bg', b'10': b'bg'}
_ENDS = {  # what each switches off
    b'22': (b'1', b'2'), b'23': (b'3',), b'24': (b'4',), b'25': (b'5', b'6'), b'27': (b'7',), b'28': (b'8',),
    b'29': (b'9',), b'39': (b'fg',), b'49': (b'bg',),
}
_LONGEST = 64  # bytes of one sequence that are looked at


def colour_after(colour: bytes, data: bytes) -> bytes:
    """The sequence that brings back the colours that are on after some output, which has begun with others."""
    if b'\x1b' not in data:
        return colour
    last = max(map(data.rfind, _RESETS))
    if last >= 0:
        colour, data = b'', data[last:]
    state = _taken({}, colour)
    for found in _SEQUENCE.finditer(data):
        state = _taken(state, found[0])
    return b'\x1b[' + b';'.join(state.values()) + b'm' if state else b''


def _taken(state: dict[bytes, bytes], sequence: bytes) -> dict[bytes, bytes]:
    """What is on after a sequence: ``fg``, ``bg`` and attributes, each with the codes that switch it on."""
    codes = sequence[2:-1].split(b';') if len(sequence) <= _LONGEST else []
    while codes:
        code = codes.pop(0).lstrip(b'0')
        if not code:
            state = {}
        elif code in (b'38', b'48'):
            more = {b'5': 2, b'2': 4}.get(codes[0], len(codes)) if codes else 0
            state[_GROUND[code]] = b';'.join([code, *codes[:more]])
            del codes[:more]
        else:
            _take_one(state, code)
    return state


def _take_one(state: dict[bytes, bytes], code: bytes) -> None:
    kind = code.partition(b':')[0]
    if kind in (b'38', b'48'):
        state[_GROUND[kind]] = code
    elif code in _ENDS:
        for each in _ENDS[code]:
            state.pop(each, None)
    elif len(kind) == 1:
        state[kind] = code
    elif kind[:-1] in _GROUND:
        state[_GROUND[kind[:-1]]] = code
