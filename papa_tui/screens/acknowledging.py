"""Acknowledging what the output pane has shown: by a key, or as a logger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from papa.errors import Error
from papa.line.calls import Call
from papa.line.units import counted
from papa_tui.feeds.doer import Do, GivenUp
from papa_tui.feeds.output import OutputFeed
from papa_tui.model.text import harmless, size
from papa_tui.output.sources import Plan, asks, plan
from papa_tui.screens.overlay import Question
from papa_tui.screens.reading import ReadingOutput
from papa_tui.widgets.pane_terminal import Keeping

_LOG_EVERY = 0.5  # seconds
_SHOWN = 10  # processes
_PATIENCE = 2.0  # seconds that a person waits for the kernel's answer
_LOGGER = (
    'It holds output back as any logger does, and acknowledges up to the last line that it has shown, without asking '
    'again: what a flood or a filter keeps from the screen before that line, too. While something lies over the pane '
    'it acknowledges nothing. It ends when the pane is closed, or another kernel answers. Exits are not acknowledged.'
)


class Acknowledging(ReadingOutput):
    """The actions that let go of output."""

    def _ask_kernel(self, feed: OutputFeed, key: str, then: Callable[[list[Plan]], None]) -> None:
        """Ask the kernel how much it holds at this moment, and plan with that. The answer counts only for a person who
        waits for it: one that comes late would open a question in front of a key that was meant for something else."""
        if self.no_kernel():
            self.say(self.no_kernel(), 'bad')
            return
        asked = self._moment(self.dashboard.turns.taken)

        def told(found: Any, error: Error | None) -> None:
            late.stop()
            if isinstance(error, GivenUp):
                self.say(str(error), 'bad')
            elif self._moment(self.dashboard.turns.pressed) != asked:
                self.say(f'The kernel has answered after another key: nothing was done; {key} asks again', 'warn')
            elif error is not None:
                self.say(self.no_kernel() or str(error), 'bad')
            else:
                self.say('')
                with feed.lock:
                    plans = plan(self.pane.sources, self._count(feed, found))
                self.pane.show_news()
                then(plans)

        def too_late() -> None:
            self.forget(job)
            self.say(f'The kernel took too long: nothing was done; {key} asks again', 'bad')

        self.say('Asking the kernel …')
        late = self.set_timer(_PATIENCE, too_late)
        job = self.ask_kernel(Call('list_processes', *feed.names, reads=True), told)

    def _moment(self, keys: int) -> object:
        """What a person does: another one, and they have gone on."""
        return keys, self.app.screen, self.prompt.is_open, self.place, self.pane.feed

    def _count(self, feed: OutputFeed, found: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
        """Take in what the kernel says. Returns how many others log each process."""
        for source in self.pane.sources:
            details = found.get(source.name)
            if details is None or details['id'] != source.id:
                source.unlisted()
            else:
                source.count(details['captured'], details['buffered'])
        return {name: details['watchers'] - feed.logs(name) for name, details in found.items()}

    def do_acknowledge(self) -> None:
        """Up to the end of the last line that was painted; it asks first where that could hurt."""
        feed = self.pane.feed
        if feed is None:
            return
        if not feed.live:
            self.say('There is no kernel: nothing was done', 'bad')
            return
        self._ask_kernel(feed, 'a', lambda plans: self._ask_whether(feed, plans))

    def _ask_whether(self, feed: OutputFeed, plans: list[Plan]) -> None:
        question, past = asks(plans), self.pane.past_the_screen()
        if not plans and any(source.painted > source.acknowledged for source in self.pane.sources):
            self.say('Nothing to acknowledge: the kernel holds no more of what was on the screen', 'warn')
        elif not plans:
            self.say('Everything that was on the screen is acknowledged')
        elif not question and not past:
            self._acknowledge(feed, plans)
        else:
            names = [f'  {harmless(each.source.name)}: {_share(each)}' for each in plans[:_SHOWN]]
            if len(plans) > _SHOWN:
                more = plans[_SHOWN:]
                names.append(f'  and {len(more)} more: {size(sum(each.size for each in more))}')
            listed = '\n'.join(names)

            def answered(yes: bool | None) -> None:
                if yes:
                    self._acknowledge(feed, plans)

            where = f', {past}' if past else ''
            text = f'Acknowledge up to the last line that has been on the screen{where}?\n{listed}\n\n{question}'
            self.lay_over(Question('Acknowledge', text.rstrip(), 'acknowledge it'), answered)

    def unseen_of(self, name: str, position: int) -> str:
        """How much of the output of a process before a position has never been on the screen, for a question."""
        process = self.model.processes.get(name)
        if process is None or not process.buffered:
            return ''
        position = min(position, process.captured)
        for source in self.pane.sources:
            if source.id == process.id and self.pane.feed is not None:
                with self.pane.feed.lock:
                    source.count(process.captured, process.buffered)
                    unseen = source.unseen(position)
                return f'\n{unseen:,} bytes of it have never been on the screen.' if unseen else ''
        return '\nNothing of it has been on the screen here.'

    def _acknowledge(self, feed: OutputFeed, plans: list[Plan]) -> None:
        """Acknowledge, and say how much of it the kernel has let go."""
        released, waiting = 0, len(plans)
        errors: list[str] = []

        def told(count: Any, error: Error | None) -> None:
            nonlocal released, waiting
            waiting -= 1
            if error is None:
                released += count
            else:
                errors.append(str(error))
            if not waiting and errors:
                with feed.lock:  # what others acknowledge is theirs again
                    for each in plans:
                        each.source.claimed = 0
                self.say(errors[0] + (f' (and {len(errors) - 1} more)' if errors[1:] else ''), 'bad')
            elif not waiting:
                self.say(f'Acknowledged {size(released)} of {counted(len(plans), "process")}', 'good')

        with feed.lock:
            for each in plans:
                each.source.claimed = max(each.source.claimed, each.position)
        for each in plans:
            words = [each.source.name, each.position, each.source.id]
            self.change(['acknowledge', *map(str, words)], _doing(Call('acknowledge_output', *words)), told)

    def do_log(self) -> None:
        """A logger from now on, or a peek again."""
        feed = self.pane.feed
        if feed is None:
            return
        if feed.logging:
            feed.log(False)
            held = sum(source.held for source in self.pane.sources)
            self.say(f'This pane only peeks again; {size(held)} not acknowledged')
        else:
            self._ask_kernel(feed, 'A', lambda plans: self._ask_to_log(feed, plans))

    def _ask_to_log(self, feed: OutputFeed, plans: list[Plan]) -> None:
        unseen = sum(each.unseen for each in plans)
        before = f'\n\n{unseen:,} bytes before it have never been on the screen: these, too.' if unseen else ''

        def answered(yes: bool | None) -> None:
            if yes:
                feed.log(True)
                self._log_soon(feed, Keeping(self.app), {})

        about = f'{_LOGGER} {_successors(feed.names)}{before}'
        text = f'Make this pane a logger of {harmless(" ".join(feed.names))}?\n\n{about}'
        self.lay_over(Question('Be a logger', text, 'be a logger'), answered)

    def _log_soon(self, feed: OutputFeed, terminal: Keeping, painted: dict[str, int]) -> None:
        """Acknowledge what was `painted` the last time, if it has reached the terminal since; again and again while the
        pane is a logger."""
        if feed is not self.pane.feed or not feed.logging:
            return
        known, keeps_up = not terminal.blind, terminal.keeps_up()
        if terminal.blind and known:
            self.say('It cannot be told what this terminal has taken: this logger acknowledges nothing', 'bad')
        with feed.lock:
            plans = plan([each for each in self.pane.sources if feed.logs(each.name)], {}) if feed.live else []
        if keeps_up:
            for each in plans:
                position = painted.get(each.source.id, 0)
                if position > each.source.base:
                    feed.acknowledge(each.source.name, position, each.source.id)
            painted = {each.source.id: each.position for each in plans}
        self.set_timer(_LOG_EVERY, lambda: self._log_soon(feed, terminal, painted))


def _successors(names: Sequence[str]) -> str:
    """What becomes of others that come: the rule is `OutputFeed.logs`."""
    patterns = [name for name in names if name.endswith('*')]
    parts = []
    if patterns:
        parts.append(f'It is a logger of whoever comes and matches {harmless(" ".join(patterns))}, too.')
    if len(patterns) < len(names):
        given = ' as one that was given without *' if patterns else ''
        parts.append(f'When another process comes under the same name{given}, it only peeks at that one.')
    return ' '.join(parts)


def _doing(call: Call) -> Callable[[Do], Any]:
    return lambda do: do(call)


def _share(each: Plan) -> str:
    """How much of what the kernel holds."""
    return f'{size(each.size)} of the {size(each.source.held)} that are held'
