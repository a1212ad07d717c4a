"""A dashboard, or a bare Textual application, on the terminal that it is given. Run by measures_dashboard.py.

``dashboard_worker.py bare``, ``... first SOCKET``, ``... busy PROCESSES MOVING SECONDS``, ``... output SOCKET NAME``,
and ``... flood SOCKET NAME BYTES``, which starts a process that writes so many bytes a second and ends.
"""

from __future__ import annotations

import json
import os
import sys
import time


def bare() -> None:
    """A Textual application with a DataTable, as short as one can be."""
    from textual.app import App, ComposeResult
    from textual.widgets import DataTable

    class Bare(App[None]):
        def compose(self) -> ComposeResult:
            yield DataTable()

        def on_mount(self) -> None:
            table = self.query_one(DataTable)
            table.add_columns('NAME', 'STATE')
            table.add_row('first-row', 'here')

    Bare().run()


def first(path: str) -> None:
    """The real program."""
    from papa_tui.main import main

    sys.exit(main(['-u', path, '--no-autostart']))


def output(path: str, name: str) -> None:
    """The real program, with the output of a process open."""
    from papa_tui.main import main

    sys.exit(main(['-u', path, '--no-autostart', name]))


def flood(path: str, name: str, rate: int) -> None:
    """Start a process that writes so many bytes a second."""
    from papa import Papa

    code = (
        'import os, time\nblock = (b"x" * 99 + b"\\n") * %d\nat = time.monotonic()\n'
        'while os.getppid() == %d:\n view = memoryview(block)\n'
        ' while view: view = view[os.write(1, view):]\n'
        ' at += 0.01\n time.sleep(max(0, at - time.monotonic()))'
    )
    with Papa(path, autostart=False) as papa:
        blocks = max(1, rate // 10_000)
        papa.make_process(name, sys.executable, ['-S', '-c', code % (blocks, papa.kernel_info()['pid'])])


def busy(processes: int, moving: int, seconds: float) -> None:
    """A dashboard with so many processes, of which so many move each second. Prints figures at the end."""
    import threading

    from papa.events import Change
    from papa_tui.app import Dashboard
    from papa_tui.feeds.changes import Changed, ChangesFeed, Connected
    from papa_tui.settings import Settings

    started = time.time() - 1000

    def details(number: int) -> dict[str, object]:
        return {
            'pid': os.getpid() if number % 20 == 0 else 1, 'running': True, 'started': began, 'id': f'a-{number}',
            'uid': 0, 'gid': 0, 'working_dir': '/', 'bufsize': 1 << 20, 'overflow': 'drop', 'sockets': [],
            'captured': 0, 'acknowledged': 0, 'buffered': 0, 'dropped': 0, 'watchers': 1, 'peekers': 0,
            'args': ['/usr/bin/worker', '--number', str(number)],
        }

    class Simulated(ChangesFeed):
        def run(self) -> None:
            names = [f'app.{number % 7}.worker.{number}' for number in range(processes)]
            held = {name: details(number) for number, name in enumerate(names)}
            self.news.put(Connected({'endpoint': 'x', 'pid': 1, 'uptime': 1.0, 'version': '2'}, time.time()))
            told = {'processes': held, 'sockets': {}, 'values': {}}
            self.news.put(Changed(Change('snapshot', '', '', told), time.time()))
            step = 0
            while not over.wait(1.0):
                step += 1
                chosen = [names[(step * 37 + number * 7) % processes] for number in range(moving)]
                moved = {
                    name: {'captured': step * 1000 + at, 'buffered': at * 100} for at, name in enumerate(chosen)
                }
                self.news.put(Changed(Change('counters', 'process', '', moved), time.time()))

    over = threading.Event()
    began = _start_of_this_process() or started
    app = Dashboard(Settings(where='/nowhere'), Simulated('/nowhere', lambda: app.ring(), autostart=False))
    figures: dict[str, float] = {}

    def warm() -> None:
        figures['cpu'], figures['ui'], figures['at'] = time.process_time(), time.thread_time(), time.monotonic()

    def end() -> None:
        figures['cpu'] = time.process_time() - figures['cpu']
        figures['ui'] = time.thread_time() - figures['ui']
        figures['seconds'] = time.monotonic() - figures.pop('at')
        figures['draws'] = app.drawings - figures['draws']
        over.set()
        app.exit()

    def begin() -> None:
        figures['draws'] = app.drawings
        warm()
        app.set_timer(seconds, end)

    app.call_later(lambda: app.set_timer(2.0, begin))
    app.run()
    with open(os.environ['FIGURES'], 'w', encoding='utf-8') as file:
        json.dump({**figures, 'memory': _memory()}, file)


def _start_of_this_process() -> float | None:
    from papa_tui.feeds.proc import this_machine

    machine = this_machine()
    stat = machine.stat(os.getpid())
    return None if stat is None else machine.started(stat)


def _memory() -> int:
    with open('/proc/self/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


if __name__ == '__main__':
    what, *words = sys.argv[1:]
    if what == 'bare':
        bare()
    elif what == 'first':
        first(words[0])
    elif what == 'output':
        output(words[0], words[1])
    elif what == 'flood':
        flood(words[0], words[1], int(words[2]))
    else:
        busy(int(words[0]), int(words[1]), float(words[2]))
