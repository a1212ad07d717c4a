"""What of a stream a terminal has shown, and what is on its way there. Nothing here does I/O.

How much a driver holds, nobody tells: of a pseudo-terminal of Linux, ``TIOCOUTQ`` is 0 and ``tcdrain`` returns at
once, with 19 KB in it. The terminal itself knows: it is asked how it is, and answers when it has come to the question.
Answers come in the order of the questions, and a question counts until it is answered, however long that takes. So one
whose answer was lost makes the next answers count for less than they are worth, never for more. A question that is
asked while another is open has another form, so that its answer settles both.
"""

from __future__ import annotations

import re
import time
from collections import deque

QUESTION, ANSWER = b'\x1b[5n', b'\x1b[0n'
_OTHER_QUESTION, _OTHER_ANSWER = b'\x1b[6n', re.compile(rb'\x1b\[\d{1,5};\d{1,5}R\Z')
_LONGEST_ANSWER = 16  # bytes
HELD = 65536  # bytes: more than any driver holds


class Seen:
    """A stream: what is before `shown` was seen, what is before `written` was taken by the driver, and the rest waits.

    Of a terminal that has never answered, which may be mute or stalled, what is `HELD` bytes back has left the driver.
    Where nothing is asked, what was taken counts.
    """

    def __init__(self, *, asks: bool, answers: bool) -> None:
        self.asks = asks
        self.answers = answers  # it has answered once
        self.shown = 0
        self.written = 0
        self.is_mid_line = False
        self.is_blind = False  # nobody can know any more what is seen
        self.distance = 0.0  # seconds that the quickest answer took
        self._text = bytearray()  # what is not known to be seen, and what waits
        self._start = 0  # where that begins
        self._open: deque[tuple[bytes, int, float]] = deque()  # questions: which, where, when

    # The text

    def add(self, data: bytes) -> None:
        """This is to be written."""
        self._text += data

    @property
    def end(self) -> int:
        """Where the stream ends."""
        return self._start + len(self._text)

    def rest(self, size: int) -> bytes:
        """The next bytes to be written, so many at most."""
        at = self.written - self._start
        return bytes(self._text[at : at + size])

    def take(self, data: bytes) -> None:
        """These bytes of the rest were taken."""
        if not data:
            return
        self.written += len(data)
        self.is_mid_line = not data.endswith(b'\n')
        if self.is_blind:
            self._forget(self.written)
        elif not self.asks:
            self._show(self.written)
        elif not self.answers:
            self._show(self.written - HELD)

    def cut(self) -> None:
        """What was not written yet never will be."""
        del self._text[self.written - self._start :]

    def again(self) -> None:
        """What is not known to be seen may have been thrown away: it is to be written again."""
        self.written = self._start

    def go_blind(self) -> None:
        """From now on nobody knows what is seen: the terminal belongs to others, and they can throw away any of it."""
        self.is_blind = True
        self._forget(self.written)

    def _show(self, position: int) -> None:
        if position > self.shown and not self.is_blind:
            self.shown = position
            self._forget(position)

    def _forget(self, position: int) -> None:
        if position > self._start:
            del self._text[: position - self._start]
            self._start = position
            self.written = max(self.written, position)

    # Questions

    @property
    def wants_to_ask(self) -> bool:
        """Whether there is something to be known, and no question open."""
        return self.asks and not self.is_blind and not self._open and self.shown < self.written

    @property
    def waits(self) -> bool:
        """Whether a question is open."""
        return bool(self._open)

    @property
    def asked_at(self) -> float:
        """When the last of those that are open was asked."""
        return self._open[-1][2] if self._open else 0.0

    def ask(self) -> bytes:
        """The question to write now."""
        question = _OTHER_QUESTION if self._open and self._open[-1][0] == QUESTION else QUESTION
        self._open.append((question, self.written, time.monotonic()))
        return question

    def hear(self, typed: bytearray) -> None:
        """Something was typed: if that ends in an answer, take it out, and note what it tells."""
        if typed.endswith(ANSWER):
            del typed[-len(ANSWER) :]
            self._settle(QUESTION)
        elif typed.endswith(b'R') and any(question == _OTHER_QUESTION for question, _, _ in self._open):
            found = _OTHER_ANSWER.search(typed, max(0, len(typed) - _LONGEST_ANSWER))
            if found:
                del typed[found.start() :]
                self._settle(_OTHER_QUESTION)

    def _settle(self, kind: bytes) -> None:
        if not any(question == kind for question, _, _ in self._open):
            return
        self.answers = True
        while True:  # those before it have lost their answers
            question, position, when = self._open.popleft()
            if question == kind:
                break
        took = time.monotonic() - when
        self.distance = min(self.distance or took, took)
        self._show(position)
