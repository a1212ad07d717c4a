"""What needs attention, and how urgently."""

from __future__ import annotations

from typing import NamedTuple

from papa.line.units import age
from papa_tui.model.text import ending
from papa_tui.model.things import Process

NO_LOGGER_AFTER = 5.0  # seconds that a process may run before somebody has to log it


class Concern(NamedTuple):
    """`rank`: the lower the more urgent. `mark` is one character, `word` for the header, `text` for a person."""

    rank: int
    mark: str
    word: str
    text: str
    tone: str


def concern(process: Process, now: float) -> Concern | None:
    """The most urgent thing about a process, None if all is well."""
    if process.running and process.watchers and process.lost_at is None and process.overflow == 'drop':
        return None  # as with most, which are asked for each second
    if not process.running:
        if process.exit_code:
            return Concern(0, '✗', 'failed', f'ended with {ending(process.exit_code)}', 'bad')
        return None
    if process.losing(now):
        return Concern(1, '▼', 'losing', 'its buffer is full and output is being lost', 'bad')
    if process.blocked:
        return Concern(2, '■', 'blocked', 'its buffer is full: it waits until somebody acknowledges', 'bad')
    return _about_logging(process, now)


def _about_logging(process: Process, now: float) -> Concern | None:
    if not process.recorded or process.watchers or not process.buffered:
        return None
    left = process.full_in
    if left is not None and process.full_soon:
        what = 'has to wait' if process.overflow == 'block' else 'overflows'
        return Concern(3, '◔', 'soon full', f'nobody logs it, and it {what} in {age(left)}', 'warn')
    if now - process.started < NO_LOGGER_AFTER:
        return None
    return Concern(4, '○', 'not logged', 'nobody logs it: what it writes is only in its buffer', 'warn')


class Summary(NamedTuple):
    """How many processes there are of each concern: ``(word, tone, count)``, the most urgent first."""

    parts: list[tuple[str, str, int]]
    total: int


def summary(concerns: list[Concern]) -> Summary:
    """Count them."""
    counts: dict[tuple[int, str, str], int] = {}
    for each in concerns:
        key = each.rank, each.word, each.tone
        counts[key] = counts.get(key, 0) + 1
    return Summary([(word, tone, number) for (_, word, tone), number in sorted(counts.items())], len(concerns))
