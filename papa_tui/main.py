"""The ``papa-tui`` command."""

from __future__ import annotations

import argparse
import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from typing import NoReturn

from papa import endpoint as endpoints
from papa.client import settings as client_settings
from papa.errors import BadRequest, Error
from papa.version import __version__
from papa_tui.plain import draw_plainly
from papa_tui.settings import Settings, config_path, read_config, state_path

PROGRAM = 'papa-tui'
_FAILED, _MISUSED = 1, 2
_NEEDED = ('textual', 'rich', 'psutil')
_SOON, _LOOK = 0.15, 0.05  # seconds: a kernel that is well has answered while Textual was loaded
_DUMB = ('', 'dumb', 'unknown')  # terminals that only print
_SWITCH = 0.001  # seconds that a thread may go on while another waits: a flood must not keep the keys waiting


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the dashboard with these arguments, by default those of this program. Returns the exit status."""
    options = _parser().parse_intermixed_args(arguments)
    trouble = _missing() or _trouble_with_terminal()
    if trouble:
        return complain(trouble)
    _prepare_terminal()
    try:
        return _demo(options) if options.demo else _run(options, _where(options))
    except Error as error:
        return complain(str(error))
    except KeyboardInterrupt:
        return 130
    except _Stuck as stuck:
        os._exit(stuck.status)


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the words, and what is allowed."""

    def error(self, message: str) -> NoReturn:
        """End the program."""
        allowed = ' '.join(self.format_usage().split()).removeprefix('usage: ')
        complain(f'{message}; allowed is: {allowed}')
        self.exit(_MISUSED)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM, allow_abbrev=False,
        description='Show live what a papa kernel holds: processes, sockets, values, and output.',
        epilog='The kernel is the one at -p or -u, else at PAPA_ENDPOINT, else at TCP port 20202 of 127.0.0.1. '
               f'Keys and theme can be changed in {config_path()}.',
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument('-p', '--port', metavar='PORT', help='the kernel at this TCP port of 127.0.0.1')
    where.add_argument('-u', '--unix-socket', metavar='PATH', help='the kernel at this Unix socket')
    where.add_argument('--demo', action='store_true', help='a kernel of its own, with a short tour')
    parser.add_argument('names', nargs='*', metavar='NAME', help="open the output of these processes at once: 'web.*'")
    parser.add_argument('--no-autostart', action='store_true', help='never start a kernel')
    parser.add_argument('--read-only', action='store_true', help='look, and change nothing')
    parser.add_argument('--version', action='version', version=f'{PROGRAM} {__version__}')
    return parser


def _missing() -> str:
    """What is to be installed; empty if nothing is. It is known before a kernel is started for nothing."""
    for name in _NEEDED:
        if find_spec(name) is None:
            return f"The dashboard needs the tui extra ({name} is missing): pip install 'papa[tui]'"
    return ''


def _trouble_with_terminal() -> str:
    """Why nothing can be drawn; empty if it can. Textual reads standard input and draws on standard error."""
    if not all(os.isatty(descriptor) for descriptor in (0, 1, 2)):
        return 'The dashboard needs a terminal; papa-shell does without'
    kind = os.environ.get('TERM', '')
    if kind in _DUMB:
        return f'The dashboard cannot draw on a terminal of type {kind or "unknown"}; papa-shell does without'
    return ''


def _prepare_terminal() -> None:
    draw_plainly()
    if not os.environ.get('NO_COLOR', 'unset'):
        del os.environ['NO_COLOR']  # an empty one means nothing, but not to Textual


def _where(options: argparse.Namespace) -> int | str | None:
    """The port or the path that was given. Raises `BadRequest`."""
    if options.port is not None:
        return endpoints.from_port(options.port).port
    if options.unix_socket is not None:
        return endpoints.from_path(options.unix_socket).path
    return None


def _demo(options: argparse.Namespace) -> int:
    from papa_tui.demo.starter import Demo

    with Demo() as demo:
        status = _run(options, demo.path)
    return _say_at_the_end(status, 'the demo is gone, and all that it held; without --demo you see a kernel of yours')


def _run(options: argparse.Namespace, where: int | str | None) -> int:
    """Connect first: what is wrong with that is said in one line, without a flicker of the screen."""
    from papa_tui.actions import BY_ID, clash, no_key

    keys, theme = read_config(config_path(), set(BY_ID))
    if trouble := no_key(keys) or clash(keys):
        raise BadRequest(f'{config_path()}: {trouble}')
    settings = Settings(
        where=where, autostart=not options.no_autostart, read_only=options.read_only, keys=keys, theme=theme,
        state=state_path(),
        watch=tuple(options.names), tour=options.demo,
    )
    endpoint = client_settings.endpoint(settings.where)
    from papa_tui.feeds.changes import ChangesFeed
    from papa_tui.feeds.failures import Failures

    failures = Failures()
    failures.install()
    bell = _Bell()
    feed = ChangesFeed(settings.where, bell.ring, autostart=settings.autostart)
    feed.start()  # it listens while Textual is loaded, which takes longer
    from papa_tui.app import Dashboard

    if not feed.began.wait(_SOON) and not _waited(feed.began, endpoint):
        return 0
    if feed.failure is not None:
        raise feed.failure
    sys.setswitchinterval(_SWITCH)
    app = Dashboard(settings, feed, failures)
    bell.app = app
    app.run()
    status = app.return_code or 0
    for failure in failures.all:
        with suppress(OSError):
            print(failure.trace, end='', file=sys.stderr)
    if app.is_stuck:
        raise _Stuck(status)
    if options.demo:
        return status
    return _say_at_the_end(status, app.goodbye(endpoint))


class _Stuck(Exception):
    """The terminal takes nothing more: a thread waits for it forever, and would stop the interpreter from ending."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


def _waited(began: threading.Event, endpoint: object) -> bool:
    """Say what is waited for, and wait. Returns whether it came; else a person has left."""
    before = termios.tcgetattr(0)
    try:
        tty.setcbreak(0, termios.TCSANOW)  # keeps what was typed before
        print(f'\r{PROGRAM}: Connecting to {endpoint} …; q or Ctrl-C leaves', end='', flush=True)
        while not began.wait(_LOOK):
            if select.select([0], [], [], 0)[0] and os.read(0, 4096)[:1] in (b'q', b''):
                return False
        return True
    finally:
        termios.tcsetattr(0, termios.TCSANOW, before)
        print('\r\x1b[2K', end='', flush=True)


class _Bell:
    """Rings for the application once there is one."""

    def __init__(self) -> None:
        self.app: object = None

    def ring(self) -> None:
        ring = getattr(self.app, 'ring', None)
        if ring is not None:
            ring()


def _say_at_the_end(status: int, text: str) -> int:
    if status == 0:
        with suppress(OSError):
            print(f'{PROGRAM}: {text}', flush=True)
    return status


def complain(text: str) -> int:
    """Say in one line what is wrong. Returns the exit status for it."""
    if sys.stderr is not None:
        with suppress(OSError):
            print(f'{PROGRAM}: {text}', file=sys.stderr, flush=True)
    return _FAILED
