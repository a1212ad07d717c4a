"""The Textual application: the model, the threads that feed it, and when to draw."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
import time
import traceback
from collections.abc import Callable, Iterable

from rich.text import Text
from textual import events
from textual.app import App, SystemCommand
from textual.message import Message
from textual.screen import Screen

from papa.errors import BadRequest
from papa.line.units import counted
from papa.names import show
from papa_tui.actions import ACTIONS, shown_keys, where
from papa_tui.feeds.changes import Changed, ChangesFeed, Connected, News
from papa_tui.feeds.doer import Doer, Job
from papa_tui.feeds.failures import Failures
from papa_tui.feeds.proc import this_machine
from papa_tui.feeds.pulse import Pulse, Silence
from papa_tui.feeds.sampler import SamplerThread, Usage, Wanted
from papa_tui.model import patience
from papa_tui.model.model import Model
from papa_tui.model.moments import clock
from papa_tui.model.text import harmless
from papa_tui.model.things import Process
from papa_tui.screens.board import too_small
from papa_tui.screens.main import MainScreen
from papa_tui.settings import THEME, Settings, recall_theme
from papa_tui.widgets.driver import Driver
from papa_tui.widgets.turns import Turns

_HUNG_UP = 129
SHORTEST = 0.1  # seconds between two drawings of what the kernel tells


class Dashboard(App[None]):
    """The dashboard. `feed` may have been started already; else it is when this is.

    `ring` may be called by any thread: there is news. `drawings` counts how often the data was drawn.
    """

    TITLE = 'papa'
    ENABLE_COMMAND_PALETTE = True
    CSS = 'MainScreen { background: $background; }'

    class Rung(Message):
        """A feed has news."""

    class OutputRung(Message):
        """There is more output."""

    def __init__(
        self, settings: Settings, feed: ChangesFeed | None = None, failures: Failures | None = None
    ) -> None:
        super().__init__(driver_class=Driver)
        self.settings = settings
        self.model = Model()
        self.failures = failures or Failures()
        self.feed = feed or ChangesFeed(settings.where, self.ring, autostart=settings.autostart)
        self.doer = Doer(settings.where, self._done)
        self.pulse = Pulse(settings.where)
        self.silence = Silence()
        self.sampler = SamplerThread(self._sampled, this_machine())
        self.turns = Turns(self, super().on_event)
        self._usage: dict[int, Usage | None] = {}
        self._in_sample: set[Process] = set()
        self._is_up = False
        self._waiting = False
        self._output_rung = False
        self._drawn = self._pane_drawn = 0.0
        self.drawings = 0
        if settings.theme and settings.theme not in self.available_themes:
            known = ', '.join(sorted(self.available_themes))
            raise BadRequest(f'There is no theme {show(settings.theme)}; there are {known}')
        recalled = recall_theme(settings.state)
        self.theme = settings.theme or (recalled if recalled in self.available_themes else THEME)

    def get_default_screen(self) -> Screen[None]:
        """The main screen is there from the beginning: the first picture is the right one."""
        self.main = MainScreen(self.model, self.settings, self)
        return self.main

    def on_mount(self) -> None:
        """Begin."""
        self._is_up = True
        patience.install()
        self._leave_when_told()
        self.failures.bell = self._ring_failure
        self.failures.install()
        for thread in (self.feed, self.pulse, self.doer, self.sampler):
            if thread.ident is None:
                thread.start()
        self.set_interval(1.0, self._second)
        self._take_failures()  # one may have come before
        self._draw()

    async def on_event(self, event: events.Event) -> None:
        """Keys are dealt with one after the other, however fast they come."""
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded:
            await self.turns.take(event)
        else:
            await super().on_event(event)

    def _leave_when_told(self) -> None:
        """SIGTERM and SIGHUP end it in order, with the terminal as it was."""
        try:
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGTERM, self.exit)
            if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
                loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        except (ValueError, RuntimeError, NotImplementedError):
            pass  # not the main thread: whoever hosts this has the signals

    def _hang_up(self) -> None:
        """Nobody is there any more, but the terminal may be."""
        if os.isatty(0):
            self.exit(return_code=_HUNG_UP)
        else:
            os._exit(_HUNG_UP)  # there is nothing to leave in order

    @property
    def is_stuck(self) -> bool:
        """Whether the terminal takes nothing more, and a thread waits for it forever."""
        return isinstance(self._driver, Driver) and self._driver.stuck

    def on_resize(self, event: events.Resize) -> None:
        """Whatever lies over the panes goes where there is no room for it."""
        while too_small(event.size) and len(self.screen_stack) > 1:
            self.pop_screen()

    def action_command_palette(self) -> None:
        """The palette, if there is room."""
        if not too_small(self.size):
            super().action_command_palette()

    def on_unmount(self) -> None:
        """End the threads, without waiting for them: one may be in the middle of connecting."""
        self._is_up = False
        for thread in (self.feed, self.pulse, self.doer, self.sampler):
            thread.stop()
        self.main.stop_watching()
        self.failures.restore()

    def do(self, job: Job) -> None:
        """Let the kernel do something; the main screen gets the job when it has."""
        self.doer.do(job)

    def _done(self, job: Job) -> None:
        """The doer's thread has finished a job."""
        if self._is_up:
            self.call_later(self.main.finished, job)

    def _ring_failure(self) -> None:
        if self._is_up:
            self.call_later(self._take_failures)

    def _take_failures(self) -> None:
        """Threads have ended by mistakes of ours. Only the doer is begun anew: it keeps nothing that could be wrong."""
        for failure in self.failures.take():
            end = 'restart papa-tui'
            if failure.thread == self.doer.name:
                self.doer = self.doer.again()
                self.doer.start()
                end = 'it was started again'
            elif failure.thread in (self.feed.name, self.pulse.name):
                self.model.fail(failure.who, failure.text, time.time(), blind=failure.thread == self.feed.name)
                self.pulse.asked = None
            elif self.main.pane.feed is not None and failure.thread == self.main.pane.feed.name:
                self.main.pane.feed.fail(failure.text)
                end = 'open it again'
            self.main.say(f'{failure.who.capitalize()} has failed: {failure.text}; {end}', 'bad')
        self._draw()

    # News

    def ring(self) -> None:
        """There is news. Any thread may call this."""
        if self._is_up:
            self.post_message(self.Rung())

    def ring_output(self) -> None:
        """There is more output. Any thread may call this."""
        if self._is_up and not self._output_rung:
            self._output_rung = True
            self.post_message(self.OutputRung())

    def on_dashboard_output_rung(self) -> None:
        """Draw the pane soon, and nothing else."""
        self.set_timer(max(0.001, self._pane_drawn + SHORTEST - time.monotonic()), self._draw_pane)

    def _draw_pane(self) -> None:
        self._output_rung = False
        self._pane_drawn = time.monotonic()
        self.main.note_watch()
        self.main.pane.show_news()

    def on_dashboard_rung(self) -> None:
        """Draw soon: much may come in a row."""
        if not self._waiting:
            self._waiting = True
            self.set_timer(max(0.001, self._drawn + SHORTEST - time.monotonic()), self._draw)

    def _draw(self) -> None:
        self._waiting = False
        self._drawn = time.monotonic()
        self.drawings += 1
        for news in self.feed.news.take():
            self._take(news)
        self.model.settle()
        self._take_usage()
        self.main.show(time.time())

    def _take(self, news: News) -> None:
        if isinstance(news, Changed):
            self.model.apply(news.change, news.at)
        elif isinstance(news, Connected):
            self.model.connected(news.info, news.at)
        else:
            self.model.lost(news.trouble, news.at)

    def _second(self) -> None:
        """Uptimes go on, and what is not told of any more has come to rest."""
        if not (self.is_headless or os.isatty(0)):
            self._hang_up()  # SIGHUP was ignored
        now = time.time()
        self.model.silent(self.silence.second(self.pulse.asked, self.feed.heard), now)
        self.model.idle(now)
        self.main.pane.settle()
        self.main.second()
        self.sample()
        if time.monotonic() - self._drawn > 0.7:
            self._draw()

    def sample(self) -> None:
        """Sample what is to be seen from now on. What is not sampled any more is not known any more."""
        often, seldom = self.main.wanted()
        sampled = {*often, *seldom}
        for process in self._in_sample - sampled:
            process.cpu = process.memory = None
        self._in_sample = sampled
        self.sampler.want(*([Wanted(each.pid, each.started) for each in some] for some in (often, seldom)))

    def _sampled(self, found: dict[int, Usage | None]) -> None:
        """The sampler's thread has found this. It is drawn with the next second: nothing hurries for it."""
        self._usage = {**self._usage, **found}

    def _take_usage(self) -> None:
        usage, self._usage = self._usage, {}
        if not usage:
            return
        for process in self._in_sample:
            if process.pid in usage:
                found = usage[process.pid] if process.running else None
                process.cpu = None if found is None else found.cpu
                process.memory = None if found is None else found.memory

    def copy_to_clipboard(self, text: str) -> None:
        """Put a text where it can be pasted from, and say if that fails."""
        self.copy(text, lambda trouble: self.main.say(trouble, 'bad') if trouble else None)

    def copy(self, text: str, done: Callable[[str], object]) -> None:
        """Put a text where it can be pasted from: tmux's buffer inside tmux, which ignores OSC 52, else OSC 52. `done`
        gets what went wrong, or nothing."""
        if not os.environ.get('TMUX'):
            super().copy_to_clipboard(text)
            done('')
            return

        def load() -> None:
            trouble = _load_buffer(text)
            if self._is_up:
                self.call_later(done, trouble)

        threading.Thread(target=load, name='copy', daemon=True).start()

    # Leaving, and what Textual asks for

    def goodbye(self, endpoint: object) -> str:
        """What has become of the kernel, for the line on the terminal afterwards."""
        model = self.model
        if model.stale_since is not None:
            since = clock(model.stale_since)
            if model.broken:
                return f'of the kernel at {endpoint} nothing is known since {since}: {model.broken} has failed'
            if model.lost_at is None:
                return f'the kernel at {endpoint} has not answered since {since}; nothing was taken from it'
            return f'no kernel has answered at {endpoint} since {since}'
        held = [
            counted(sum(process.running for process in model.processes.values()), 'running process'),
            counted(len(model.sockets), 'socket'), counted(len(model.values), 'value'),
        ]
        return f'everything in the kernel at {endpoint} goes on: {", ".join(held)}'

    def _fatal_error(self) -> None:
        """A mistake of ours has come up: end with one line. Textual would show the values of variables, which are
        nobody's business on a terminal; ``PAPA_DEBUG=1`` shows where it was."""
        error = self._exception
        text = f'{type(error).__name__}: {error}'.splitlines()[0]
        if os.environ.get('PAPA_DEBUG'):
            text = ''.join(traceback.format_exception(error)) if error is not None else text
        else:
            text += '; PAPA_DEBUG=1 shows where'
        self._exit_renderables.append(Text(f'papa-tui has met a mistake of its own: {text}'))
        self._close_messages_no_wait()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: the same actions as everywhere."""
        for action in ACTIONS:
            if not (action.changes and self.settings.read_only):
                keys = shown_keys(self.settings.keys.get(action.id, action.keys))
                name = action.id.replace('_', ' ')
                yield SystemCommand(
                    f'{name}: {action.text}', f'{keys}   {where(action)}',
                    lambda chosen=action.id: self.main.do_anywhere(chosen),
                )
        yield SystemCommand('theme: Choose the colours', '', self.action_change_theme)


def _load_buffer(text: str) -> str:
    """Give tmux a text, and by it the terminal that it runs in. Returns what went wrong, or nothing."""
    trouble = ''
    for options in (['-w'], []):  # older ones know no -w
        try:
            ended = subprocess.run(
                ['tmux', 'load-buffer', *options, '-'], input=text.encode('utf-8', 'replace'), check=False,  # noqa: S607
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=5,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f'Nothing was copied: tmux: {getattr(error, "strerror", None) or "it does not answer"}'
        if ended.returncode == 0:
            return ''
        said = ended.stderr.decode('utf-8', 'replace').strip().splitlines()
        trouble = f'Nothing was copied: tmux: {harmless(said[0]) if said else f"exit {ended.returncode}"}'
    return trouble
