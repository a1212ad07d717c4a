"""What the output pane has, and what its title says of it."""

from __future__ import annotations

from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from papa.line.units import counted
from papa_tui.feeds.output import OutputFeed
from papa_tui.model.text import harmless, size
from papa_tui.output.finding import Finder
from papa_tui.output.reading import Reading, Row
from papa_tui.output.sources import Source
from papa_tui.widgets.body import Bodies
from papa_tui.widgets.cells import Line as Drawn
from papa_tui.widgets.cells import fitted, width_of
from papa_tui.widgets.palette import Palette

_NAMED = 4  # names that the title shows


class PaneState(Widget, can_focus=True):
    """The feed whose output is shown, the place in it, and how it is shown. Draws nothing but its title."""

    class Told(Message):
        """Something that a person should be told."""

        def __init__(self, text: str, tone: str) -> None:
            super().__init__()
            self.text = text
            self.tone = tone

    def __init__(self) -> None:
        super().__init__(id='pane')
        self.feed: OutputFeed | None = None
        self.reading: Reading | None = None
        self.finder: Finder | None = None
        self.search_text = ''
        self.filter_text = ''
        self.around = 0
        self.wrap = False
        self.times = False
        self.marked: int | None = None  # the number of a line
        self._bodies: Bodies | None = None
        self._strips: list[Strip] = []
        self._shown: list[Row] = []
        self._left = 0  # cells that are scrolled away to the left
        self._furthest = -1  # the number of the last line that has been on the screen
        self._drawn: object = None
        self._more: Timer | None = None
        self._seeking: tuple[bool, int] | None = None  # forward or not, and how far has to be looked
        self.current: int | None = None  # the number of the line with what was found last

    @property
    def sources(self) -> list[Source]:
        """The processes whose output has come."""
        return [] if self.feed is None else list(self.feed.assembler.sources.values())

    @property
    def many(self) -> bool:
        """Whether names have to be told apart."""
        return len({source.name for source in self.sources}) > 1

    @property
    def older(self) -> int:
        """Bytes that the kernel holds before what is here."""
        return sum((source.start or 0) - source.base for source in self.sources if source.more_above)

    # The title

    def _title(self, palette: Palette, width: int) -> Strip:
        assert self.feed is not None
        assert self.reading is not None
        dim, base = palette.style('dim', 'panel'), palette.style('', 'panel')
        line = Drawn().add('▌' if self.has_focus else ' ', palette.style('title', 'panel'))
        line.add('Output ', palette.style('title' if self.has_focus else 'name', 'panel'))
        names = ' '.join(self.feed.names) if len(self.feed.names) < _NAMED else f'{len(self.feed.names)} processes'
        names = harmless(names)
        line.add(fitted(names, min(width_of(names), width // 2)), palette.style('name', 'panel')).add('  ', base)
        if not self.feed.live:
            line.add('✗ not connected ', palette.style('bad', 'panel'))
        elif self.feed.logging:
            also = ', HIDDEN LINES TOO' if self.filter_text else ''
            peeked = harmless(' '.join(sorted(self.feed.peeked)))
            also += f', BUT OF {peeked}' if peeked else ''
            line.add(f' THIS PANE IS A LOGGER{also} ', palette.style('alert', 'panel')).add(' ', base)
        else:
            line.add('peeking ', dim)
        words = self._words()
        for number, (text, tone) in enumerate(words, 1):
            if line.cells + width_of(text) + 2 > width - 2 * (number < len(words)):
                line.add(' …', dim)
                break
            line.add(f' {text} ', palette.style(tone, 'panel'))
        return line.strip(width, dim)

    def _words(self) -> list[tuple[str, str]]:
        """What the title says about the place where one reads."""
        assert self.feed is not None
        assert self.reading is not None
        reading, words = self.reading, []
        if self.search_text:
            words.append((self._found(), 'accent'))
        if reading.only is not None:
            words.append((f'filter: {self.filter_text}', 'accent'))
        if reading.follow:
            words.append(('following', 'good'))
        elif reading.arrived:
            words.append((f'{counted(reading.arrived, "new line")} below', 'warn'))
        else:
            words.append(('not following', 'dim'))
        held = sum(source.held for source in self.sources)
        unseen = sum(source.unseen(source.captured) for source in self.sources)
        if held:
            words.append((f'{size(held)} not acknowledged', 'dim'))
            if unseen:
                words.append((f'{size(unseen)} not seen', 'dim'))
        taken = self.feed.assembler.taken
        if taken:
            words.append((f'{size(taken)} taken by others', 'warn'))
        if self.older and (self.search_text or reading.only is not None):
            words.append((f'{size(self.older)} not here: g', 'warn'))
        if self.wrap:
            words.append(('wrap', 'dim'))
        return words

    def _found(self) -> str:
        assert self.finder is not None
        numbers = self.finder.numbers
        here = self.finder.place(self.current) if self.current is not None else None
        more = '' if self.finder.done else '+'
        return f'"{harmless(self.search_text)}" {here or "–"} of {len(numbers)}{more}'
