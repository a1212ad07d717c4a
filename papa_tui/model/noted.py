"""What was done, as commands of papa-shell."""

from __future__ import annotations

from collections.abc import Sequence

from papa.line.quoting import join

MOST = 500
_LONGEST = 1000  # characters of a command that is kept


def operands(names: Sequence[str]) -> list[str]:
    """Names as the words of a command, which could take one for an option."""
    return ['--', *names] if any(name.startswith('-') for name in names) else list(names)


class Noted:
    """The last commands that were done, and those of which nobody knows. `past` are those that can be entered again,
    typed or not."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.past: list[str] = []

    def done(self, words: Sequence[str]) -> None:
        """The kernel has done this."""
        text = join(list(words))
        if len(text) > _LONGEST:
            self._add(f'# papa-shell {text[:_LONGEST]}… ({len(text):,} characters)')
        else:
            self._add(text)
            self.typed(text)

    def unknown(self, words: Sequence[str]) -> None:
        """The kernel was asked for this, and has not answered."""
        text = join(list(words))
        self._add(f'# not known whether done: papa-shell {text[:_LONGEST]}')

    def typed(self, text: str) -> None:
        """A person has entered this."""
        if len(text) <= _LONGEST:
            _append(self.past, text)

    def _add(self, text: str) -> None:
        _append(self.lines, text)


def _append(lines: list[str], text: str) -> None:
    if text not in lines[-1:]:
        lines.append(text)
        del lines[:-MOST]
