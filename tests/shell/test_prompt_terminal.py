"""The prompt in a real terminal, as somebody sees it who sits there."""

from __future__ import annotations

import os
import re
import signal
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Daemon, wait_until

from papa import Papa

from .programs import PROGRAM
from .screens import Screen

Start = Callable[..., Screen]
EVIL = 'a\x1b]0;owned\x07b\nc\u202e\u8a9e\u0301'
TICKING = 'i=0; while :; do echo "tick $i"; i=$((i+1)); sleep 0.05; done'


@pytest.fixture
def prompt(daemon: Daemon, folder: str) -> Iterator[Start]:
    """Start papa-shell at its prompt."""
    made: list[Screen] = []

    def start(*words: str, ready: str = '^> $', **more: object) -> Screen:
        made.append(Screen(daemon.where, *words, XDG_STATE_HOME=folder, **more))  # type: ignore[arg-type]
        made[-1].see(ready.replace(' $', '$'))
        return made[-1]

    yield start
    for each in made:
        each.kill()


def test_an_abbreviation_is_explained_expanded_and_kept(prompt: Start, papa: Papa, folder: str) -> None:
    papa.make_process('web.1', 'sleep', ['100'])
    papa.make_process('web.2', 'sleep', ['100'])
    run = prompt()
    run.see('connected$')
    run.type('l p')
    run.see(r'^> l p \[NAME\.\.\.\]$')
    run.see(r'^list processes  list processes by name or .*connected$')
    run.type('\t')
    run.see(r'web\.1 +\d+ running')
    run.type('w\t')
    run.see(r'web\.\* +2 processes')
    run.type('\t\r')
    run.see(r'^web\.1 +\d+ +running')
    run.type('l v\r')
    run.see('^> l v$')
    assert run.leave() == 0
    kept = Path(folder, 'papa', 'shell-history').read_text()
    assert kept == '\n+list processes web.1\n\n+list values\n'


def test_a_watch_is_interrupted_and_what_was_typed_meanwhile_is_there(prompt: Start, papa: Papa) -> None:
    papa.make_process('p', 'sh', ['-c', TICKING])
    run = prompt()
    run.type('w p\r')
    run.see('tick 3$')
    run.type('get \x1b[Axz\x7f')
    run.see(r'tick 9$')
    began = time.monotonic()
    run.type('\x03')
    run.see_line('> get x')
    assert time.monotonic() - began < 3  # 0.2 and the drawing of the prompt where nothing else runs
    run.type('\x03')
    run.see_line('>')
    assert papa.list_processes()['p']['acknowledged'] > 0
    assert run.leave() == 0


def test_a_flood_is_interrupted_and_the_prompt_has_a_line_of_its_own(prompt: Start, papa: Papa) -> None:
    papa.make_process('p', 'yes', ['0123456789' * 10])
    run = prompt()
    for _ in range(5):
        run.see_line('>')
        run.type('w p\r')
        run.see('0123456789$')
        run.type('\x03')
    run.see_line('>')


def test_a_kernel_that_is_killed_and_another(
    prompt: Start, daemon: Daemon, start_daemon: Callable[..., Daemon]
) -> None:
    run = prompt(columns=120)
    run.see('connected$')
    run.type('set x')
    run.see(r'^> set x \[WORD\.\.\.\]$')
    daemon.process.kill()
    daemon.process.wait()
    run.see('has gone; trying')
    run.see('no kernel$')
    run.see(r'^> set x \[WORD\.\.\.\]$')
    run.type('\x03get x\r')
    run.see('^There is no kernel at ')
    with start_daemon(port_or_path=daemon.where).connect() as papa:
        run.see('^Another kernel is at .*: what the old one held is gone$')
        run.see('connected$')
        run.type('set x 1\r')
        wait_until(lambda: papa.get('x') == '1')
    assert run.text.count('has gone') == 1


def test_a_kernel_that_hangs_is_left_by_ctrl_c(prompt: Start, daemon: Daemon) -> None:
    run = prompt()
    run.see('connected$')
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        run.type('set x 1\r')
        run.see('^> set x 1$')
        wait_until(lambda: termios.tcgetattr(run.fd)[3] & termios.ICANON, 'the mode of commands')
        run.type('\x03')
        run.see('(^Interrupted in "set": whether it was done is not known|\\^C)\n>$')  # or it was not sent yet
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    run.type('set x 2\rget x\r')
    run.see('^2$')


def test_a_kernel_that_is_asked_to_end_ends(prompt: Start, daemon: Daemon) -> None:
    run = prompt(columns=120)
    run.see('connected$')
    run.type('set x 1\rexit-if-idle\r')
    run.see('goes on: it holds 1 value$')
    run.type('set x\rexit-if-idle\r')
    run.see('has ended$')
    assert daemon.process.wait(20) == 0
    run.see('not connected$')
    run.type('list values\r')
    run.see('^There is no kernel at ')
    assert run.leave() == 0


def test_removing_asks_with_the_names(prompt: Start, papa: Papa) -> None:
    for name in ('a.1', 'a.2', 'b'):
        papa.set(name, 'x')
    run = prompt()
    run.type('r v a*\r')
    run.see(r'^Remove 2 values: a\.1, a\.2\? \[y/N\]')
    run.type('n\r')
    run.see('^Nothing was removed')
    run.type('r v a*\r')
    run.see(r'\?(?s:.*)\? \[y/N\]$')
    papa.set('a.3', 'x')
    run.type('y\r')
    wait_until(lambda: set(papa.list_values()) == {'a.3', 'b'})
    run.see_line('>')
    run.type('r v a*\r')
    run.see(r'a\.3\? \[y/N\]$')
    run.type('\x03')
    run.see(r'\^C\n>$')
    assert 'a.3' in papa.list_values()


def under_bash(daemon: Daemon, folder: str, *words: str) -> Screen:
    run = Screen(
        daemon.where, command=['bash', '--norc', '--noprofile', '-i'], PS1='ready$ ', XDG_STATE_HOME=folder
    )
    run.see(r'ready\$$')
    run.type(f'clear; {" ".join(PROGRAM)}\n')
    run.see('^>$')
    return run


def test_ctrl_z_suspends_the_prompt(daemon: Daemon, papa: Papa, folder: str) -> None:
    run = under_bash(daemon, folder)
    try:
        run.see('connected$')
        run.type('set x 1')
        run.see('^> set x 1')
        run.type('\x1a')
        run.see('Stopped')
        run.type('echo mine $((1 + 1))\n')
        run.see('^mine 2$')
        run.type('fg\n')
        run.see(r'^> set x 1(?s:.*)connected$')
        run.type('\r')
        wait_until(lambda: papa.get('x') == '1')
    finally:
        run.kill()


def test_ctrl_z_and_a_resize_during_a_watch(daemon: Daemon, papa: Papa, folder: str) -> None:
    papa.make_process('p', 'sh', ['-c', TICKING])
    run = under_bash(daemon, folder)
    try:
        run.type('peek processes p\r')
        run.see('tick 3$')
        run.type('\x1a')
        run.see('Stopped')
        run.see(r'ready\$$')
        run.type('clear; fg\n')
        run.see('tick [0-9]+$')
        run.resize(60, 12)
        last = int(run.see('tick ([0-9]+)$')[1])
        run.see(f'tick {last + 5}$')
        run.type('\x03')
        run.see_line('>')
        run.see('connected$')
        assert max(map(len, run.text.splitlines())) == 60
    finally:
        run.kill()


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(daemon: Daemon, folder: str, number: signal.Signals) -> None:
    run = Screen(daemon.where, XDG_STATE_HOME=folder)
    before = termios.tcgetattr(run.fd)
    try:
        run.see('^>$')
        wait_until(lambda: not termios.tcgetattr(run.fd)[3] & termios.ICANON, 'the mode of the prompt')
        os.kill(run.pid, number)
        wait_until(run.has_ended)
        assert run.status == -number
        assert termios.tcgetattr(run.fd) == before
    finally:
        run.kill()


def test_an_open_menu_follows_the_kernel(prompt: Start, papa: Papa) -> None:
    papa.set('a', 'before')
    run = prompt()
    run.type('get ')
    run.see('^ +a +before$')
    papa.set('a', 'after')
    run.see('^ +a +after$')
    papa.set('b', 'new')
    run.see('^ +a +after\n +b +new$')
    papa.remove_values('a')
    run.wait(lambda: 'after' not in run.text, 'the end of a')
    run.see('^ +b +new$')


def test_what_a_kernel_holds_cannot_act_on_the_terminal(prompt: Start, papa: Papa) -> None:
    papa.set('evil', EVIL)
    papa.make_process('p', 'sh', ['-c', EVIL])
    run = prompt()
    run.type('get ev')
    run.see(r'evil +a\\x1b\]0;owned\\x07b')
    run.type('\t\r')
    run.see('^c')
    run.type('l v\rl p\rget \x1b]\r')
    run.see('^p ')
    assert run.screen.title == ''


def test_a_command_that_fails_says_one_line(prompt: Start) -> None:
    run = prompt()
    run.type('lsit\r')
    run.see('^Unknown command "lsit"; did you mean "list"\\?\n>$')
    run.type('watch processes nothing\r')
    run.see('^There is no process "nothing"\n>$')
    run.type('get x | false\r')
    run.type('m p p /no/such/program\r')
    run.see('^Cannot start "/no/such/program"')
    assert 'Traceback' not in run.text


def test_a_program_behind_a_pipe_has_the_terminal_until_it_ends(prompt: Start, papa: Papa) -> None:
    papa.set('x', '1')
    run = prompt()
    run.type('get x | trap "echo caught" INT; cat > /dev/null; echo waits; ')
    run.type('until read y; do :; done < /dev/tty; echo got $y\r')
    run.see('^waits$')
    run.type('\x03')
    run.see('caught$')
    run.type('it\n')
    run.see('^got it\n\n>$')


def test_lines_that_are_pasted_stop_at_the_first_that_fails(prompt: Start, papa: Papa) -> None:
    run = prompt()
    run.type('\x1b[200~set a 1\nbad\nset b 2\x1b[201~\r')
    run.see('^Unknown command "bad"')
    assert papa.list_values() == {'a': '1'}


def test_a_quote_goes_on_in_the_next_line(prompt: Start, papa: Papa) -> None:
    run = prompt()
    run.type("set x 'one\r")
    run.see_line("'>")
    run.type("two'\r")
    wait_until(lambda: papa.get('x') == 'one\ntwo')


def test_an_editor(prompt: Start, papa: Papa, folder: str) -> None:
    editor = Path(folder, 'editor')
    editor.write_text('#!/bin/sh\necho set x edited > "$1"\n')
    editor.chmod(0o755)
    run = prompt(EDITOR=str(editor), VISUAL='')
    run.type('get y\x18\x05')
    wait_until(lambda: papa.get('x') == 'edited')
    run.see('^> set x edited$')


@pytest.mark.parametrize('encoding', [{'LC_ALL': 'C', 'PYTHONUTF8': '0', 'PYTHONCOERCECLOCALE': '0'}, {'LC_ALL': 'C'}])
def test_any_locale(prompt: Start, papa: Papa, encoding: dict[str, str]) -> None:
    run = prompt(**encoding)
    run.type('set x \u8a9e\u00e9\r')
    wait_until(lambda: papa.get('x') == '\u8a9e\u00e9')
    run.type('get x\r')
    run.see('^\u8a9e ?\u00e9')
    assert run.leave() == 0


def test_without_colours(prompt: Start) -> None:
    run = prompt(NO_COLOR='1')
    run.see('connected$')
    run.type('lst')
    run.see('did you mean')
    colours = {cell.fg for line in run.screen.buffer.values() for cell in line.values()}
    assert colours == {'default'}


def test_a_dumb_terminal(daemon: Daemon, papa: Papa, folder: str) -> None:
    run = Screen(daemon.where, XDG_STATE_HOME=folder, TERM='dumb')
    try:
        run.see('^>$')
        run.type("set x 'a\n")
        run.see("^'>$")
        run.type("b'\n")
        wait_until(lambda: papa.get('x') == 'a\nb')
        run.see_line('>')
        run.type('lst\n\x04')
        run.see('did you mean')
        assert run.end() == 0
        assert '\x1b' not in run.said
    finally:
        run.kill()


def test_keys_of_vi(prompt: Start) -> None:
    run = prompt('--vi')
    run.see('vi connected$')
    run.type('get\x1b')
    run.see('vi:normal connected$')
    run.type('\x1bOS')
    run.see('sock connected$')


def test_a_place_for_the_history_that_cannot_be_used(prompt: Start, folder: str) -> None:
    Path(folder, 'papa').write_text('')
    run = prompt(ready='is not kept')
    run.type('list values\rlist values\rhelp\r')
    run.see('^> help')
    assert len(re.findall('is not kept', run.text)) == 1


def test_ctrl_c_at_any_moment_does_not_leave_the_shell(prompt: Start, papa: Papa) -> None:
    run = prompt()
    run.see('connected$')
    for number in range(20):
        run.type(f'set x {number}\r')
        if number % 2:
            run.see(f'^> set x {number}')
        run.type('\x03')
    run.see(r'^(\^C)?>$')
    run.type('\x03set y done\r')
    wait_until(lambda: papa.get('y') == 'done')
