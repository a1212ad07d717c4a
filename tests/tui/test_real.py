"""The real program on a real terminal, as a person sees it there."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Daemon, wait_until

from papa import Papa

from .screens import PROGRAM, Seen, is_alive, kill_hard
from .terminal import FLOOD, FLOOD_LINE, Terminal, numbers

Start = Callable[..., Seen]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the dashboard on a terminal."""
    made: list[Seen] = []

    def starting(*words: object, **more: object) -> Seen:
        made.append(Seen(*map(str, words), **more))  # type: ignore[arg-type]
        return made[-1]

    yield starting
    for each in made:
        each.kill()


def run(papa: Papa, name: str, script: str, **options: object) -> None:
    papa.make_process(name, 'sh', ['-c', f'{script}; exec sleep 1000'], **options)  # type: ignore[arg-type]


def test_an_evening(daemon: Daemon, start_daemon: Callable[..., Daemon], start: Start) -> None:
    with daemon.connect() as papa:
        run(papa, 'web.1', 'echo first of one; echo last of one')
        run(papa, 'web.2', 'echo oops >&2; echo last of two')
        run(papa, 'other', 'echo nothing')
        wait_until(lambda: sum(each['buffered'] for each in papa.list_processes().values()) == 50)

        seen = start('-u', daemon.where, 'web.*')
        for line in ('first of one', 'last of one', 'last of two'):
            seen.see(line)
        seen.see(r'^│!web\.2 oops')
        seen.see(r'held 50 B')
        seen.press('a', r'only copy')
        seen.see(r'web\.1: 25 B')
        seen.type('n')
        seen.gone('only copy')
        seen.press('a', 'only copy')
        seen.press('y', r'Acknowledged 42 B of 2 processes')
        seen.wait(lambda: papa.list_processes('web.1')['web.1']['buffered'] == 0, 'the acknowledgement')
        seen.see('held 8 B')
        assert papa.list_processes('other')['other']['buffered'] == 8

        seen.press('A', 'Make this pane a logger of')
        seen.press('y', r'LOGGER')
        seen.wait(lambda: papa.list_processes('web.1')['web.1']['watchers'] == 1, 'a watcher that acknowledges')
        run(papa, 'web.3', 'echo hello of three')
        seen.see('hello of three')
        seen.wait(lambda: papa.list_processes('web.3')['web.3']['buffered'] == 0, 'what was shown')
        seen.press('A', 'only peeks again')

    bright = seen.colour_of('web.1')
    kill_hard(daemon)
    seen.see(r'no kernel, data is \d+s old, trying again')
    seen.wait(lambda: seen.colour_of('web.1') != bright, 'dimmed rows')
    seen.see('data is [1-9]s old')
    seen.see('the connection was lost')
    again = start_daemon(port_or_path=daemon.where)
    with again.connect() as papa:
        run(papa, 'web.1', 'echo after the storm')
        seen.see('● live')
        seen.see('another process under the same name')
        seen.see(r'web\.1 after the storm')
        seen.press('\x1b', '^▌Processes 1')
        assert seen.colour_of('web.1') == bright
    assert seen.leave() == 0
    assert f'{daemon.where} goes on: 1 running process, 0 sockets, 0 values' in seen.said.splitlines()[-1]
    assert is_alive(again.pid)


def test_a_flood_with_resizes(daemon: Daemon, start: Start) -> None:
    with daemon.connect() as papa:
        papa.make_process('flood', sys.executable, ['-c', FLOOD])
        seen = start('-u', daemon.where, 'flood')
        seen.see('yyyyy')
        seen.press('?', 'finds every action')
        seen.type('q')
        seen.gone('finds every')
        for columns, lines in ((20, 5), (60, 12), (20, 5), (200, 50), (120, 36)):
            seen.resize(columns, lines)
            line = 'yyy' if lines == 5 else '!y'  # in one line there is room for the end of a long one only
            wanted = re.compile(rf'^▌Output(.*\n)+.*({line}|lost)', re.MULTILINE)
            seen.wait(lambda wanted=wanted: wanted.search(seen.text), 'the pane')
        captured = papa.list_processes('flood')['flood']['captured']
        number = (captured + (4 << 20)) // FLOOD_LINE
        seen.wait(lambda: max([0, *numbers(seen.text)]) > number, 'what was written since')
        seen.press('\x1b', '^▌Processes')
        assert seen.leave() == 0


def test_suspended_and_brought_back(daemon: Daemon, start: Start) -> None:
    seen = start(command=['sh', '-i'], PS1='$ ')
    seen.see(r'^\$')
    seen.press(f'{" ".join(PROGRAM)} -u {daemon.where}\r', '● live')
    seen.press('\x1a', r'[Ss]topped|[Ss]uspended')
    seen.press('echo mid$((1+1))way\r', 'mid2way')
    seen.press('fg\r', '● live')
    seen.press('2', '^▌Sockets')
    seen.press('q', 'goes on')
    seen.press('echo status=$?\r', 'status=0')


def test_one_that_only_looks(daemon: Daemon, papa: Papa, start: Start) -> None:
    papa.set('note', 'hello')
    run(papa, 'web', 'echo one')
    seen = start('-u', daemon.where, '--read-only')
    seen.see('read-only +● live')
    seen.press('3', '▌Values')
    seen.type('x+e')
    seen.press(':remove values note\r', '--read-only')
    seen.press('1', '^▌Processes')
    seen.press('o', 'one$')
    seen.type('aAy')
    seen.press('?', 'finds every action')
    assert not re.search('Acknowledge|Make this pane', seen.text)
    seen.type('q')
    assert seen.leave() == 0
    assert papa.get('note') == 'hello'
    assert papa.list_processes('web')['web']['buffered'] == 4


def test_without_a_kernel(folder: str, start: Start) -> None:
    seen = start('-u', f'{folder}/none.sock', '--no-autostart')
    assert seen.finish() == 1
    assert seen.text.strip() == f'papa-tui: There is no kernel at {folder}/none.sock'
    assert not os.listdir(folder)


def test_what_is_typed_in_one_go(daemon: Daemon, papa: Papa, start: Start) -> None:
    seen = start('-u', daemon.where)
    seen.see('● live')
    seen.press('+web\tsleep 1000\t/tmp\t64k\r', r'web +running')
    seen.press(':set note two words\r3', '▌Values')
    seen.see('two words')
    assert papa.list_processes('web')['web']['bufsize'] == 65536


def test_a_terminal_that_hangs_up(daemon: Daemon, start: Start) -> None:
    seen = start('-u', daemon.where)
    seen.see('● live')
    os.close(seen.fd)
    seen.fd = -1
    wait_until(seen.has_ended, 'its end')
    with daemon.connect() as papa:
        wait_until(lambda: papa.kernel_info()['connections'] == 1, 'the end of its connections')


# The demo


def demo_pids(folder: str) -> list[int]:
    """The kernel of the demo in this folder, and its programs."""
    (path,) = Path(folder).glob('papa-demo-*/papa.sock')
    with Papa(str(path), autostart=False) as papa:
        running = [each['pid'] for each in papa.list_processes().values() if each['running']]
        return [papa.kernel_info()['pid'], *running]


def nothing_is_left(pids: list[int], folder: str) -> None:
    wait_until(lambda: not any(map(is_alive, pids)), 'the end of the demo')
    wait_until(lambda: not os.listdir(folder), 'the end of its folder')


@pytest.mark.parametrize('way', ['q', 'SIGKILL', 'hang up', 'SIGTERM'])
def test_a_demo_leaves_no_trace(way: str, folder: str, start: Start) -> None:
    seen = start('--demo', TMPDIR=folder)
    seen.see('Tour 1/')
    seen.see(r'shop\.orders +running')
    pids = demo_pids(folder)
    assert len(pids) >= 8
    if way == 'q':
        assert seen.leave() == 0
        assert 'the demo is gone, and all that it held' in seen.said.splitlines()[-1]
    elif way == 'hang up':
        os.close(seen.fd)
        seen.fd = -1
    else:
        os.kill(seen.pid, getattr(signal, way))
        seen.finish()
    nothing_is_left(pids, folder)
    wait_until(seen.has_ended, 'its end')


def test_the_next_demo_sweeps(folder: str, start: Start) -> None:
    first = start('--demo', TMPDIR=folder)
    first.see('Tour 1/')
    pids = demo_pids(folder)
    os.kill(pids[0], signal.SIGSTOP)  # it cannot clean up
    os.kill(first.pid, signal.SIGKILL)
    os.kill(pids[0], signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, pids)))
    left = os.listdir(folder)
    second = start('--demo', TMPDIR=folder)
    second.see('Tour 1/')
    assert not {*left} & {*os.listdir(folder)}
    assert second.leave() == 0
    assert not os.listdir(folder)


# Terminals of other kinds


@pytest.mark.parametrize(('env', 'redirect', 'said'), [
    ({'TERM': 'dumb'}, '', 'The dashboard cannot draw on a terminal of type dumb; papa-shell does without'),
    ({'TERM': ''}, '', 'The dashboard cannot draw on a terminal of type unknown; papa-shell does without'),
    ({}, '>/dev/null', 'The dashboard needs a terminal; papa-shell does without'),
    ({}, '</dev/null', 'The dashboard needs a terminal; papa-shell does without'),
    ({}, '2>&1 >/dev/tty | cat', 'The dashboard needs a terminal; papa-shell does without'),
])
def test_where_nothing_can_be_drawn(
    env: dict[str, str], redirect: str, said: str, daemon: Daemon, start: Start
) -> None:
    program = f'{" ".join(PROGRAM)} -u {daemon.where}'
    seen = start(command=['sh', '-c', f'{program} {redirect}; echo $?'], **env)
    seen.finish()
    assert seen.text.strip() == f'papa-tui: {said}\n{0 if "|" in redirect else 1}'


def test_a_locale_without_the_characters(daemon: Daemon, papa: Papa, start: Start) -> None:
    papa.set('note', 'größer 日本')
    seen = start('-u', daemon.where, LC_ALL='C', PYTHONUTF8='0', PYTHONCOERCECLOCALE='0')
    seen.see(r'\* live')
    seen.press('3', r'\|Values')
    seen.press('\r', r'\+- note -+\+')
    seen.see(r'\| +gr\?\?er \?\?\?\? ')
    assert seen.said.isascii()
    seen.type('q')
    assert seen.leave() == 0


@pytest.mark.parametrize('locale', ['C', 'POSIX'])
def test_a_locale_of_no_language(locale: str, daemon: Daemon, papa: Papa, start: Start) -> None:
    papa.set('note', '日本')
    seen = start('-u', daemon.where, LC_ALL=locale)
    seen.see('● live')
    seen.see('note +日')
    assert seen.leave() == 0


def hues(text: str) -> set[str]:
    """Colours that are no shades of grey, in a terminal of 24 bits."""
    found = re.findall(r'[34]8;2;(\d+);(\d+);(\d+)[;m]', text)
    return {colour for colour in found if max(map(int, colour)) - min(map(int, colour)) > 2}


@pytest.mark.parametrize(('value', 'coloured'), [('1', False), ('', True)])
def test_no_color(value: str, coloured: bool, daemon: Daemon, start: Start) -> None:
    seen = start('-u', daemon.where, NO_COLOR=value, COLORTERM='truecolor')
    seen.see('● live')
    assert bool(hues(seen.said)) is coloured
    assert seen.leave() == 0


# The command line

ALLOWED = 'allowed is: papa-tui [-h] [-p PORT | -u PATH | --demo] [--no-autostart] [--read-only] [--version] [NAME ...]'


@pytest.mark.parametrize(('words', 'status', 'said'), [
    (('--bogus',), 2, f'papa-tui: unrecognized arguments: --bogus; {ALLOWED}'),
    (('a', '--read-only', 'b', '--read'), 2, f'papa-tui: unrecognized arguments: --read; {ALLOWED}'),
    (('-p', '1', '-u', '/x'), 2,
     f'papa-tui: argument -u/--unix-socket: not allowed with argument -p/--port; {ALLOWED}'),
    (('-u',), 2, f'papa-tui: argument -u/--unix-socket: expected one argument; {ALLOWED}'),
    (('-p', 'abc'), 1, 'papa-tui: A port must be a number from 1 to 65535, not "abc"'),
    (('-p', '99999'), 1, 'papa-tui: A port must be a number from 1 to 65535, not "99999"'),
    (('-u', 'relative'), 1, 'papa-tui: The path of a Unix socket must be absolute and name a file, not "relative"'),
    (('-u', '/nowhere/x'), 1, 'papa-tui: Cannot start a kernel at /nowhere/x: Cannot lock /nowhere/x.lock: '
                              'No such file or directory'),
    (('-u', '/tmp'), 1, 'papa-tui: Cannot start a kernel at /tmp: /tmp exists and is not a socket; it is left alone'),
])
def test_what_is_wrong_is_said_in_a_line(words: tuple[str, ...], status: int, said: str, start: Start) -> None:
    seen = start(*words, columns=200)
    assert seen.finish() == status
    assert seen.text.strip().splitlines() == [said]
    assert 'Traceback' not in seen.text


def test_a_key_for_two_actions_is_told(folder: str, start: Start) -> None:
    Path(folder, 'papa').mkdir()
    path = Path(folder, 'papa', 'tui.ini')
    path.write_text('[keys]\ntree = x\n')
    seen = start('-u', f'{folder}/k', columns=200, XDG_CONFIG_HOME=folder)
    assert seen.finish() == 1
    assert seen.text.strip().splitlines() == [
        f'papa-tui: {path}: tree = x: that is the key of "remove" there; give one of them another',
    ]


@pytest.mark.parametrize(('key', 'status'), [('q', 0), ('\x03', 130)])
def test_whoever_waits_for_a_kernel_that_does_not_answer_is_told_and_can_leave(
    key: str, status: int, folder: str
) -> None:
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(f'{folder}/hung')
        hung.listen(8)
        terminal = Terminal('-u', f'{folder}/hung')
        terminal.until(f'papa-tui: Connecting to {folder}/hung …; q or Ctrl-C leaves')
        terminal.type(key)
        assert terminal.ended_within(5) == status
        assert 'Traceback' not in terminal.rest()


def test_without_the_extra(folder: str, start: Start) -> None:
    for words in (('-u', f'{folder}/k'), ('--demo',)):
        seen = start(*words, command=[sys.executable, '-S', '-m', 'papa_tui'], TMPDIR=folder)
        assert seen.finish() == 1
        said = "papa-tui: The dashboard needs the tui extra (textual is missing): pip install 'papa[tui]'"
        assert seen.text.strip() == said
    assert not os.listdir(folder), 'no kernel was started for nothing'
