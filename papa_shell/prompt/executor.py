"""Runs what was typed at the prompt: one command after the other, and what goes wrong in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from papa.errors import Error
from papa.line.grammar import parse
from papa.line.quoting import COMMENT, commands
from papa.line.units import counted
from papa.names import plain
from papa_shell.output import Writer
from papa_shell.paint import DIM, RED, Painter
from papa_shell.prompt.interrupts import Interrupts
from papa_shell.prompt.room import beside_line
from papa_shell.pump import StreamInterrupted
from papa_shell.runner import Runner
from papa_shell.screen import columns, is_dumb
from papa_shell.session import Interrupted
from papa_shell.statuses import put, wrapped

if TYPE_CHECKING:
    from papa.line.grammar import Line
    from papa_shell.session import Session

_LONG = 100_000  # characters
_MARK = '\x1b[7m%\x1b[0m'
_DONE, _FAILED, _LEFT = 'done', 'failed', 'left'


class Screen(Writer):
    """The terminal. What is typed during a stream is kept in `ahead`."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = bytearray()
        self.is_dumb = is_dumb()

    def kept(self, lines: int) -> int:
        """What the prompt takes."""
        return 0 if self.is_dumb else beside_line(lines)

    def take_ahead(self) -> str:
        """What was typed during a stream, as text for the next line: keys that are no text are left out."""
        assert self.ahead is not None
        typed = self.ahead.decode('utf-8', 'replace').replace('\r', '\n')
        self.ahead.clear()
        return ''.join(_text_of(typed)).strip('\n')


def _text_of(typed: str) -> list[str]:
    """The characters that are text. A backspace takes one away."""
    kept: list[str] = []
    escape = ''
    for character in typed:
        if escape:
            escape += character
            if _ends(escape):
                escape = ''
        elif character == '\x1b':
            escape = character
        elif character in '\x7f\b':
            del kept[-1:]
        elif character == '\n' or character.isprintable():
            kept.append(character)
    return kept


def _ends(escape: str) -> bool:
    """Whether a sequence, of an arrow key for example, is whole."""
    if escape[1] in '[O':
        return len(escape) > 2 and '@' <= escape[-1] <= '~'
    return True


def were(number: int) -> str:
    """The verb for so many."""
    return 'was' if number == 1 else 'were'


def _line_of_its_own(width: int) -> str:
    """What makes the cursor stand at the beginning of a line, wherever a program has left it: a mark, which goes to the
    end of what has none, as in zsh. Where the cursor is at the beginning already, nothing of it stays."""
    return f'{_MARK}{" " * (width - 1)}\r\x1b[K'


class Executor:
    """Runs texts."""

    def __init__(
        self, session: Session, defaults: dict[str, Any], screen: Screen, painter: Painter, interrupts: Interrupts
    ) -> None:
        self._interrupts = interrupts
        self._is_dumb = screen.is_dumb
        self._runner = Runner(session, defaults, writer=screen, person=True)
        self._paint = painter.paint
        self.has_failed = False  # one of the commands of the last text

    def run(self, text: str) -> bool:
        """Run the commands of a text, up to the first that fails. Returns whether one of them leaves the shell."""
        spans = commands(text)
        self.has_failed = False
        for number, (start, end) in enumerate(spans, 1):
            outcome = self._one(text[start:end])
            if outcome == _FAILED:
                self.has_failed = True
                self._tell_rest([text[at:to] for at, to in spans[number:]], text.count('\n', 0, start) + 1)
            if outcome != _DONE:
                return outcome == _LEFT
        return False

    def _tell_rest(self, texts: list[str], line: int) -> None:
        """Say that these are not run, after a failure in a line."""
        left = sum(1 for each in texts if each.strip() and not each.startswith(COMMENT))
        if left:
            self._complain(f'Stopped at line {line}: {counted(left, "command")} after it {were(left)} not run')

    def _one(self, text: str) -> str:
        try:
            line = parse(text)
            if line is not None and line.leaves:
                return _LEFT
            return _FAILED if line is not None and self._attempt(line) else _DONE
        except Error as error:
            self._complain(str(error))
        except StreamInterrupted:
            pass
        except KeyboardInterrupt as interrupt:
            put('\n')  # after the ^C that the terminal has shown
            self._complain(str(interrupt) if isinstance(interrupt, Interrupted) else '')
        return _FAILED

    def _attempt(self, line: Line) -> int:
        ends_anywhere = (line.pipe is not None or 'raw' in line.flags) and not self._is_dumb
        try:
            return self._interrupts.run(lambda: self._runner.attempt(line))
        except KeyboardInterrupt:
            ends_anywhere = False  # whoever tells of it begins a line
            raise
        finally:
            if ends_anywhere:
                put(_line_of_its_own(columns()))

    def _complain(self, text: str) -> None:
        if text:
            put(self._paint(RED, wrapped(plain(text, _LONG))) + '\n')

    def tell(self, text: str) -> None:
        """Say something that nobody has asked for."""
        put(self._paint(DIM, wrapped(plain(text, _LONG))) + '\n')
