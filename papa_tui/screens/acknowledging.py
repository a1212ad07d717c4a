"""Acknowledging what the output pane has shown: by a key, or as a logger."""

from __future__ import annotations

from papa.line.units import counted
from papa_tui.feeds.output import OutputFeed
from papa_tui.model.text import size
from papa_tui.output.sources import Plan, asks, plan
from papa_tui.screens.overlay import Question
from papa_tui.screens.reading import ReadingOutput

_LOG_EVERY = 0.5  # seconds


class Acknowledging(ReadingOutput):
    """The actions that let go of output."""

    def _loggers(self) -> dict[str, int]:
        own = 1 if self.pane.feed is not None and self.pane.feed.logging else 0
        return {name: process.watchers - own for name, process in self.model.processes.items()}

    def do_acknowledge(self) -> None:
        """Up to the end of the last line that was painted; it asks first where that could hurt."""
        feed = self.pane.feed
        if feed is None:
            return
        if not feed.live:
            self.say('There is no kernel that could be told', 'bad')
            return
        with feed.lock:
            plans = plan(self.pane.sources, self._loggers())
            question = asks(plans)
        if not plans:
            self.say('Everything that was on the screen is acknowledged')
        elif not question:
            self._acknowledge(feed, plans)
        else:
            names = '\n'.join(f'  {each.source.name}: {size(each.size)}' for each in plans[:10])
            text = f'Acknowledge up to the last line shown?\n{names}\n\n{question}'

            def answered(yes: bool | None) -> None:
                if yes:
                    self._acknowledge(feed, plans)

            self.lay_over(Question('Acknowledge', text, 'acknowledge it'), answered)

    def _acknowledge(self, feed: OutputFeed, plans: list[Plan]) -> None:
        for each in plans:
            feed.acknowledge(each.source.name, each.position, each.source.id)
            self.note_command(['acknowledge', each.source.name, str(each.position), each.source.id])
        total = sum(each.size for each in plans)
        self.say(f'Acknowledged {size(total)} of {counted(len(plans), "process")}', 'good')

    def do_log(self) -> None:
        """A logger from now on, or a peek again."""
        feed = self.pane.feed
        if feed is None:
            return
        if feed.logging:
            feed.log(False)
            self.say('This pane only peeks again')
            return
        with feed.lock:
            unseen = sum(each.unseen for each in plan(self.pane.sources, {}))
        before = f' {unseen:,} bytes before it\nhave never been on the screen: these, too.' if unseen else ''
        text = (
            f'Make this pane a logger of {" ".join(feed.names)}?\n\n'
            'It holds output back as any logger does, and acknowledges up to the last line that it has shown,\n'
            'without asking again, as long as it is open. Exits are not acknowledged.'
            f'{before}'
        )

        def answered(yes: bool | None) -> None:
            if yes:
                feed.log(True)
                self._log_soon()

        self.lay_over(Question('Be a logger', text, 'be a logger'), answered)

    def _log_soon(self) -> None:
        """Acknowledge what was shown, again and again while the pane is a logger."""
        feed = self.pane.feed
        if feed is None or not feed.logging:
            return
        with feed.lock:
            plans = plan(self.pane.sources, {})
        if feed.live:
            for each in plans:
                feed.acknowledge(each.source.name, each.position, each.source.id)
        self.set_timer(_LOG_EVERY, self._log_soon)
