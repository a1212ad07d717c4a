"""From the first connection to the last line."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from papa.line.units import age, counted
from papa_shell import confirm, paint, statuses
from papa_shell.prompt import dumb
from papa_shell.prompt.executor import Executor, Screen, were
from papa_shell.prompt.feed import Feed
from papa_shell.prompt.interrupts import Interrupts
from papa_shell.prompt.link import Link
from papa_shell.screen import is_dumb
from papa_shell.session import place
from papa_shell.terminal_modes import ENDING

_STDIN = 0
_PATIENCE = 0.2  # seconds that leaving waits for a thread
_PLAIN_TERMINAL = b'\x1b[?2004l\x1b[?25h\x1b[0m\n'  # no bracketed paste, the cursor shown


class Source(Protocol):
    """Where lines come from."""

    begun: Callable[[], object]  # it is about to be drawn, and can be cleared

    def read(self, default: str = '') -> str: ...

    def clear(self) -> bool: ...

    def forget(self) -> None: ...

    def drop(self) -> int: ...


def main(flags: dict[str, Any]) -> int:
    """The prompt, with the options of the command line. Returns the exit status. Raises an `Error` if there is no
    kernel to begin with."""
    _speak_utf8()
    vi = bool(flags.pop('vi', False))
    with Link(flags) as link:
        info = link.open()
        statuses.at_prompt()
        feed = Feed(place(flags), flags.get('timeout'), link.standing)
        link.left, link.resume = feed.pause, feed.resume
        screen, interrupts = Screen(), Interrupts()
        painter = paint.Painter(colour=paint.wanted())
        executor = Executor(link, flags, screen, painter, interrupts)
        executor.tell(_greeting(info, link))
        link.tell = lambda: _tell(link, executor)
        source = dumb.Lines(interrupts) if is_dumb() else _reader(link, feed, vi=vi)
        attach(source, interrupts)
        interrupts.install()
        feed.start()
        try:
            return _loop(source, executor, screen, link, interrupts)
        finally:
            feed.stop(_PATIENCE)


def attach(source: Source, interrupts: Interrupts) -> None:
    """Let a signal clear the line that is typed. One that comes before that is over when it is drawn: else it would
    be kept for the command in it, however much later that comes."""
    interrupts.clear, source.begun = source.clear, lambda: _forget(interrupts)
    confirm.forget_read = source.forget


def _forget(interrupts: Interrupts) -> None:
    if interrupts.forget():
        statuses.put('\n')  # after the ^C that the terminal has shown


def _reader(link: Link, feed: Feed, *, vi: bool) -> Source:
    from papa_shell.prompt import history
    from papa_shell.prompt.reader import Reader, vi_is_wanted

    _restore_at_the_end()
    kept = history.ShellHistory(history.path())
    return Reader(feed, link.standing, kept, link.tell, vi=vi or vi_is_wanted(), coloured=paint.wanted())


def _loop(source: Source, executor: Executor, screen: Screen, link: Link, interrupts: Interrupts) -> int:
    gc.freeze()  # what is there now stays
    gc.enable()
    while not _ends(source, executor, screen, link):
        _forget(interrupts)
    return statuses.OK


def _ends(source: Source, executor: Executor, screen: Screen, link: Link) -> bool:
    """Read and run one line; whether it was the last."""
    try:
        link.tell()
        text = source.read(screen.take_ahead())
        link.entered()
        ends = executor.run(text)
        if executor.has_failed and (lines := source.drop()):
            executor.tell(f'Stopped: {counted(lines, "line")} after it {were(lines)} not run')
        return ends
    except EOFError:
        return True
    except KeyboardInterrupt:
        statuses.put('\n')
        return False


def _tell(link: Link, executor: Executor) -> None:
    for notice in link.standing.notices():
        executor.tell(notice)


def _greeting(info: dict[str, Any], link: Link) -> str:
    held = ', '.join(counted(info[kind], one, kind) for kind, one in (
        ('processes', 'process'), ('sockets', 'socket'), ('values', 'value')
    ))
    return f'papa {info["version"]} at {link.standing.where}, up {age(info["uptime"])}: {held}'


def _speak_utf8() -> None:
    """As the rest of the shell does, whatever the locale."""
    for stream, errors in ((sys.stdin, 'surrogateescape'), (sys.stdout, 'replace')):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding='utf-8', errors=errors)


def _restore_at_the_end() -> None:
    """See to it that a signal that ends us leaves the terminal as it was."""
    before = termios.tcgetattr(_STDIN)

    def end(number: int, _frame: object) -> None:
        with suppress(termios.error, OSError):
            termios.tcsetattr(_STDIN, termios.TCSANOW, before)
            os.write(statuses.STDERR, _PLAIN_TERMINAL)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    for number in ENDING:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, end)
