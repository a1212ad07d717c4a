"""The prompt in a real terminal, as somebody sees it who sits there."""

from __future__ import annotations

import re
import termios
from pathlib import Path

import pytest
from conftest import Daemon, wait_until

from papa import Papa

from .conftest import Prompt
from .screens import Screen

EVIL = 'a\x1b]0;owned\x07b\nc\u202e\u8a9e\u0301'


def test_an_abbreviation_is_explained_expanded_and_kept(prompt: Prompt, papa: Papa, folder: str) -> None:
    papa.make_process('web.1', 'sleep', ['100'])
    papa.make_process('web.2', 'sleep', ['100'])
    run = prompt()
    run.see('connected$')
    run.type('l p')
    run.see(r'^> l p \[NAME\.\.\.\]$')
    run.see(r'^list processes  list processes by name or .*connected$')
    run.type('\t')
    run.see_line('> list processes [NAME...]')
    run.type('w')
    run.see(r'web\.1 +\d+ running')
    run.type('\t')
    run.see(r'web\.\* +2 processes')
    run.type('\t\r')
    run.see(r'^web\.1 +\d+ +running')
    run.type('l v\r')
    run.see('^> l v$')
    assert run.leave() == 0
    kept = Path(folder, 'papa', 'shell-history').read_text()
    assert kept == '\n+list processes web.1\n\n+list values\n'


def test_a_single_candidate_closes_the_menu(prompt: Prompt, papa: Papa) -> None:
    papa.set('solo77', 'one')
    papa.set('other', 'two')
    run = prompt()
    run.type('remove values sol')
    run.see(r'^ +solo77 +one$')
    run.type('\t')
    run.see('^> remove values solo77')
    with pytest.raises(AssertionError):
        run.see(r'^ +other +two$', 0.5)
    run.type(' ')
    run.see(r'^ +other +two$')


def test_escape_closes_the_menu(prompt: Prompt, papa: Papa) -> None:
    papa.set('solo77', 'one')
    run = prompt()
    run.see('connected$')
    run.type('get s')
    run.see(r'^ +solo77 +one$')
    run.type('\x1b')
    run.wait(lambda: 'solo77' not in run.text, 'the end of the menu')
    run.see('^> get s$')


def test_removing_asks_with_the_names(prompt: Prompt, papa: Papa) -> None:
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
    run.see(r'\^C\nNothing was removed\n>$')
    assert 'a.3' in papa.list_values()


def test_an_open_menu_follows_the_kernel(prompt: Prompt, papa: Papa) -> None:
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


def test_what_a_kernel_holds_cannot_act_on_the_terminal(prompt: Prompt, papa: Papa) -> None:
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


def test_a_command_that_fails_says_one_line(prompt: Prompt) -> None:
    run = prompt()
    run.type('lsit\r')
    run.see('^Unknown command "lsit"; did you mean "list"\\?\n>$')
    run.type('watch processes nothing\r')
    run.see('^There is no process "nothing"\n>$')
    run.type('get x | false\r')
    run.type('m p p /no/such/program\r')
    run.see('^Cannot start "/no/such/program"')
    assert 'Traceback' not in run.text


def test_lines_that_are_pasted_stop_at_the_first_that_fails(prompt: Prompt, papa: Papa) -> None:
    run = prompt()
    run.type('\x1b[200~set a 1\nbad\n\n# c\nset b 2\nset c 3\x1b[201~\r')
    run.see('^Unknown command "bad"')
    run.see('^Stopped at line 2: 2 commands after it were not run$')
    assert papa.list_values() == {'a': '1'}


def test_what_a_wildcard_matches_is_always_there(prompt: Prompt, papa: Papa) -> None:
    for number in range(60):
        papa.set(f'app.{number}', 'x')
    run = prompt()
    run.see('connected$')
    run.type('remove values app.')
    run.see('50 of 61 shown')
    run.type('*')
    run.see('^60 values match ')
    run.type('\x03peek processes app.*')
    run.see('^0 processes match ')


def test_messages_break_between_words(prompt: Prompt, papa: Papa) -> None:
    run = prompt(columns=40)
    run.see('^papa .*:$|^papa ')
    run.type('get a b c\x15watch processes no-such-process-of-this-name another\r')
    run.see('^There is no process\n"no-such-process-of-this-name"\n>$')
    papa.make_process('p', 'sh', ['-c', 'echo hello'])
    run.resize(80, 24)
    run.type('watch processes p\r')
    run.see('^This takes the output that it shows; "peek processes" only looks$')


def test_what_is_not_there_is_said(prompt: Prompt, papa: Papa) -> None:
    run = prompt()
    run.type('get nosuch\r')
    run.see('^There is no value "nosuch"\n>$')
    run.type('remove values nomatch*\r')
    run.see('^No value matches "nomatch\\*"\n>$')
    run.type('list processes nomatch* b*\r')
    run.see('^No process matches "nomatch\\*", "b\\*"\n>$')
    run.type('list sockets\r')
    run.see('^There are no sockets\n>$')


def test_a_quote_goes_on_in_the_next_line(prompt: Prompt, papa: Papa) -> None:
    run = prompt()
    run.type("set x 'one\r")
    run.see_line("'>")
    run.type("two'\r")
    wait_until(lambda: papa.get('x') == 'one\ntwo')


@pytest.mark.parametrize(('typed', 'shown'), [
    ('get --raw x', 'value%'), ('get x | head -c 3', 'val%'), ('get x | cat', 'value'), ('get --raw long', 'x' * 80),
])
def test_the_prompt_has_a_line_of_its_own(prompt: Prompt, papa: Papa, typed: str, shown: str) -> None:
    papa.set('x', 'value')
    papa.set('long', 'x' * 80)
    run = prompt()
    run.see('connected$')
    run.type(f'{typed}\r')
    run.see(f'^{re.escape(shown)}\n(%\n)?>$')
    run.type('get')
    run.see(f'^{re.escape(shown)}\n(%\n)?> get')


def test_an_editor(prompt: Prompt, papa: Papa, folder: str) -> None:
    editor = Path(folder, 'editor')
    editor.write_text('#!/bin/sh\necho set x edited > "$1"\n')
    editor.chmod(0o755)
    run = prompt(EDITOR=str(editor), VISUAL='')
    run.type('get y\x18\x05')
    wait_until(lambda: papa.get('x') == 'edited')
    run.see('^> set x edited$')


@pytest.mark.parametrize('text', ['remove values x', 'remove values x\nget y'])
def test_what_an_editor_removes_waits_for_enter(prompt: Prompt, papa: Papa, folder: str, text: str) -> None:
    papa.set('x', '1')
    editor = Path(folder, 'editor')
    editor.write_text(f'#!/bin/sh\nprintf "%s\\n" "{text}" > "$1"\n')
    editor.chmod(0o755)
    run = prompt(EDITOR=str(editor), VISUAL='')
    run.type('get y\x18\x05')
    run.see('^> remove values x$')
    run.type('\x05')  # it does nothing here, and is read
    assert papa.get('x') == '1'
    run.type('\r')
    wait_until(lambda: papa.get('x') is None)


@pytest.mark.parametrize('keys', ['\x18\x05\r', '\x18\x05\x18\x05'])
def test_an_editor_and_other_keys_at_once_run_it_once(prompt: Prompt, papa: Papa, keys: str) -> None:
    run = prompt(EDITOR='true', VISUAL='')
    run.type(f'set x 1{keys}')
    run.wait(lambda: papa.get('x') == '1', 'the value')  # and answer as a terminal does meanwhile
    run.see_line('>')
    run.type('get x\r')
    run.see('^1$')
    run.type('remove values x\r')  # Enter is as before
    run.wait(lambda: papa.get('x') is None, 'its end')
    assert 'Unhandled' not in run.said


def test_an_editor_that_fails_runs_nothing(prompt: Prompt, papa: Papa, folder: str) -> None:
    editor, ran = Path(folder, 'editor'), Path(folder, 'ran')
    editor.write_text(f'#!/bin/sh\ntouch {ran}\nexit 1\n')
    editor.chmod(0o755)
    run = prompt(EDITOR=str(editor), VISUAL='')
    run.type('set x 1\x18\x05')
    wait_until(ran.exists)
    wait_until(lambda: not termios.tcgetattr(run.fd)[3] & termios.ICANON, 'the mode of the prompt')
    run.type(' 2\r')
    wait_until(lambda: papa.get('x') == '1 2')


@pytest.mark.parametrize('encoding', [{'LC_ALL': 'C', 'PYTHONUTF8': '0', 'PYTHONCOERCECLOCALE': '0'}, {'LC_ALL': 'C'}])
def test_any_locale(prompt: Prompt, papa: Papa, encoding: dict[str, str]) -> None:
    run = prompt(**encoding)
    run.type('set x \u8a9e\u00e9\r')
    wait_until(lambda: papa.get('x') == '\u8a9e\u00e9')
    run.type('get x\r')
    run.see('^\u8a9e ?\u00e9')
    assert run.leave() == 0


def test_without_colours(prompt: Prompt) -> None:
    run = prompt(NO_COLOR='1')
    run.see('connected$')
    run.type('lst')
    run.see('did you mean')
    colours = {cell.fg for line in run.screen.buffer.values() for cell in line.values()}
    assert colours == {'default'}


@pytest.mark.parametrize('kind', ['dumb', ''])
def test_a_dumb_terminal(daemon: Daemon, papa: Papa, folder: str, kind: str) -> None:
    run = Screen(daemon.where, XDG_STATE_HOME=folder, TERM=kind)
    try:
        run.see('^>$')
        run.type("set x 'a\n")
        run.see("^'>$")
        run.type("b'\n")
        wait_until(lambda: papa.get('x') == 'a\nb')
        run.see_line('>')
        papa.make_process('p', 'sh', ['-c', 'echo hello; exec sleep 100'])
        run.type('peek processes p\n')
        run.see('hello$')
        wait_until(lambda: not termios.tcgetattr(run.fd)[3] & termios.ICANON, 'the mode of streams')
        run.type('get \x03')
        run.see('^> get$')
        run.type('x\n')
        run.see("^a\nb'?$")
        run.type('lst\n\x04')
        run.see('did you mean')
        assert run.end() == 0
        assert '\x1b' not in run.said
    finally:
        run.kill()


def test_lines_that_were_pasted_on_a_dumb_terminal_stop_at_a_failure(
    daemon: Daemon, papa: Papa, folder: str
) -> None:
    run = Screen(daemon.where, XDG_STATE_HOME=folder, TERM='dumb')
    try:
        run.see('^>$')
        run.type('list sockets | sleep 0.5; echo slept\nlst\nset a 1\n\nset b 2\n')
        run.see('did you mean')
        run.see('^Stopped: 2 lines after it were not run$')
        run.type('set c 3\n')
        wait_until(lambda: papa.get('c') == '3')
        assert papa.list_values() == {'c': '3'}
        run.type('\x04')
        assert run.end() == 0
    finally:
        run.kill()


def test_the_end_of_what_was_typed_ahead_on_a_dumb_terminal_leaves(daemon: Daemon, folder: str) -> None:
    run = Screen(daemon.where, XDG_STATE_HOME=folder, TERM='unknown')
    try:
        run.see('^>$')
        run.type('list sockets | sleep 0.5; echo slept\nlst\nset a 1\n\x04')
        assert run.end() == 0
        assert 'Stopped: 1 line after it was not run' in run.said.replace('\r\n', ' ')
        assert '\x1b' not in run.said
    finally:
        run.kill()


def test_names_of_another_place_are_not_those_of_this(prompt: Prompt, papa: Papa) -> None:
    papa.set('note', 'hello')
    run = prompt()
    run.see('connected$')
    run.type('remove values no*')
    run.see('^1 value matches')
    run.type(' -u /no/such')
    run.wait(lambda: 'match' not in run.text, 'no count')


def test_keys_of_vi(prompt: Prompt) -> None:
    run = prompt('--vi')
    run.see('vi connected$')
    run.type('get\x1b')
    run.see('vi:normal connected$')
    run.type('\x1bOS')
    run.see('sock connected$')


def test_a_place_for_the_history_that_cannot_be_used(prompt: Prompt, folder: str) -> None:
    Path(folder, 'papa').write_text('')
    run = prompt(ready='is not kept')
    run.type('list values\rlist values\rhelp\r')
    run.see('^> help')
    assert len(re.findall('is not kept', run.text)) == 1


def test_what_a_person_may_have_meant(prompt: Prompt, papa: Papa) -> None:
    papa.set('x=1', 'held')
    run = prompt(columns=120)
    run.see('connected$')
    run.type('set x=1\r')
    run.see('^That is the value "x=1", which is cleared now; did you mean "set x 1"\\?$')
    run.type('watch processes web.*\r')
    run.see('^No process matches "web\\.\\*"$')
