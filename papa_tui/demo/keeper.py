"""``python -m papa_tui.demo.keeper FOLDER``: the kernel of a demo, for as long as standard input is open."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from papa import Papa, set_debug_mode
from papa.errors import Error

READY = 'ready'
SOCKET = 'papa.sock'
_PROGRAMS = str(Path(__file__).with_name('programs.py'))


def main() -> int:
    """Hold a kernel, fill it, and clean up when whoever started this is gone."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)  # keys on the terminal are for the dashboard
    folder = sys.argv[1]
    path = os.path.join(folder, SOCKET)
    set_debug_mode(quit_when_connection_closed=True)
    try:
        with Papa(path) as papa:
            try:
                fill(papa, folder)
                threading.Thread(target=_log, args=(path,), daemon=True).start()
                print(READY, flush=True)
                sys.stdin.read()
            finally:
                _end(papa)
                shutil.rmtree(folder, ignore_errors=True)
                os._exit(0)  # the kernel, too: nobody needs it any more
    except Error as error:
        print(error, flush=True)
        return 1


def fill(papa: Papa, folder: str) -> None:
    """Some of everything."""
    papa.make_socket('shop.echo', backlog=64)
    papa.make_socket('shop.admin', path=os.path.join(folder, 'admin.sock'), umask=0o077)
    papa.make_socket('shop.metrics', host='127.0.0.1', backlog=16)
    papa.set('shop.release', 'a17')
    papa.set('shop.state', json.dumps({'copies': 2, 'release': 'a17', 'flags': {'tea': True, 'coffee': False}}))
    papa.set('motd', 'Welcome.\nNothing here is real: look around, change things, break them.')
    for number in ('1', '2'):
        _start(papa, f'shop.web.{number}', 'web', number)
    _start(papa, 'shop.orders', 'colours')
    _start(papa, 'shop.echo', 'echo', '$(socket.shop.echo.fileno)')
    _start(papa, 'shop.visitor', 'client', '$(socket.shop.echo.port)')
    _start(papa, 'shop.cache', 'errors')
    _start(papa, 'shop.migration', 'job')
    _start(papa, 'shop.metrics', 'firehose', bufsize='64k')
    _start(papa, 'shop.audit', 'patient', bufsize='32k', overflow='block')


def _start(papa: Papa, name: str, program: str, *arguments: str, **options: str) -> None:
    words = ['-S', _PROGRAMS, program, str(os.getpid()), *arguments]
    papa.make_process(name, sys.executable, words, **options)  # type: ignore[arg-type]


def _log(path: str) -> None:
    """Be the logger of some of them."""
    try:
        with Papa(path, autostart=False) as papa, papa.watch_processes('shop.web.*', 'shop.visitor') as watcher:
            while watcher.read():
                pass
    except Error:
        pass  # it is over


def _end(papa: Papa) -> None:
    """Kill what was started."""
    try:
        running = [each['pid'] for each in papa.list_processes().values() if each['running']]
    except Error:
        return
    for pid in running:
        with suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


if __name__ == '__main__':
    sys.exit(main())
