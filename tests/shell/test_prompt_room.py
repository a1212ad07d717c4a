"""How much of the screen the prompt takes, and what is left for results."""

from __future__ import annotations

import pytest

from papa import Papa
from papa_shell import pager
from papa_shell.prompt.room import beside_line, has_toolbar, menu_rows

from .conftest import Prompt
from .test_pager import COUNTING


@pytest.mark.parametrize(('lines', 'menu', 'beside'), [
    (1, 0, 0), (4, 0, 0), (8, 0, 0), (9, 4, 4), (12, 5, 5), (17, 8, 8), (24, 8, 8), (100, 8, 8),
])
def test_what_the_prompt_takes(lines: int, menu: int, beside: int) -> None:
    assert menu_rows(lines) == menu
    assert has_toolbar(lines) == bool(menu)
    assert beside_line(lines) == beside


def test_a_pager_stays_where_the_prompt_would_push_a_text_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('LESS', raising=False)
    assert pager._environment(stays=True)['LESS'] == pager._LESS + ' -+F'
    monkeypatch.setenv('LESS', '-FX')
    assert pager._environment(stays=True)['LESS'] == '-R -FX -+F'
    monkeypatch.setenv('LESS', '-FPhello')
    assert pager._environment(stays=True)['LESS'] == '-R -FPhello'


def test_what_is_shown_whole_stays_on_the_screen(prompt: Prompt, papa: Papa) -> None:
    for number in range(14):
        papa.set(f'line.{number}', 'x')
    run = prompt(PAGER=COUNTING)
    run.see('connected$')
    run.type('list values\r')
    run.see(r'^line\.13 ')
    run.see_line('>')
    run.see('^(?i:name) ')
    papa.set('line.14', 'x')
    run.type('list values\r')
    run.see('^paged 15$')
    run.see_line('>')
    run.type('help\r')
    run.see(r'^paged \d+\n>$')


@pytest.mark.parametrize('lines', [4, 6, 8])
def test_a_small_terminal_has_the_line_and_results(prompt: Prompt, papa: Papa, lines: int) -> None:
    papa.set('note', 'hello')
    run = prompt(lines=lines)
    run.type('get n')
    run.see('^> get n')
    run.wait(lambda: run.line == '> get note' or run.type('\t'), 'its name')  # names come a moment later
    run.type('\r')
    run.see('^hello$')
    run.see_line('>')
    assert 'too small' not in run.said
    assert 'connected' not in run.text


def test_a_terminal_becomes_small_under_an_open_menu(prompt: Prompt, papa: Papa) -> None:
    for number in range(30):
        papa.set(f'note.{number}', 'hello')
    run = prompt()
    run.see('connected$')
    run.type('get n')
    run.see(r'^ +note\.3 ')
    run.resize(80, 5)
    run.see('^> get n')
    run.wait(lambda: 'connected' not in run.text, 'no line at the bottom')
    run.type('ote.7\r')
    run.see('^hello$')
    run.resize(80, 24)
    run.see('connected$')
    assert 'too small' not in run.said
