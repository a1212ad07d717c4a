"""What can be wrong with a line, whatever it would do."""

from __future__ import annotations

from papa.errors import BadRequest


class BadLine(BadRequest):
    """The line makes no sense: an unknown command or option, or a word too many. Nothing of it was run."""


class NeedsMore(BadLine):
    """What is there is right, and more has to follow it in the same line."""


class Unfinished(BadLine):
    """A quote has no end, or the line ends in a backslash: it goes on in the next one. `open` is what was opened."""

    def __init__(self, what: str) -> None:
        self.open = what
        super().__init__('The line ends in a backslash' if what == '\\' else f'The quote {what} is open')
