"""Text for a terminal, where nothing acts. What the formats of papa-shell make of it is tested with those."""

from __future__ import annotations

from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papa.line.text import colours, in_line, inert


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_acts_and_the_rest_stays(text: str) -> None:
    shown = inert(text)
    assert not [character for character in shown if category(character) in ('Cc', 'Cf', 'Cs', 'Zl', 'Zp')]
    assert shown == in_line(text).replace('\t', '\\t')
    assert inert(shown) == shown


def test_letters_stay() -> None:
    assert inert('müsli 日本　🎉\u00a0❤️ \\') == 'müsli 日本　🎉\u00a0❤️ \\'


@pytest.mark.parametrize(('parameters', 'shown'), [
    ('', '\x1b[m'), ('0', '\x1b[0m'), ('1;38;5;208;4:3', '\x1b[1;38;5;208;4:3m'), ('31;42', '\x1b[31;42m'),
    ('38;2;8;8;8', '\x1b[38;2;8;8;8m'), ('38;5;8', '\x1b[38;5;8m'), ('38:2::8:8:8', '\x1b[38:2::8:8:8m'),
    (';'.join(['1'] * 16), '\x1b[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1m'), ('30;40;37', '\x1b[30;40;37m'),
])
def test_colours_that_stay(parameters: str, shown: str) -> None:
    assert colours(parameters) == shown


@pytest.mark.parametrize(('parameters', 'shown'), [
    ('8', ''), ('008', ''), ('8:1', ''), ('1;8;31', '\x1b[1;31m'), ('38;8', ''), ('38;2;8', '\x1b[2m'), ('38', ''),
    ('30;40', '\x1b[40m'), ('97;107;1', '\x1b[107;1m'), ('38;5;0;40', '\x1b[40m'),
    ('38;2;1;2;3;48;2;1;2;3', '\x1b[48;2;1;2;3m'),
])
def test_what_hides_text_is_left_out(parameters: str, shown: str) -> None:
    assert colours(parameters) == shown


@pytest.mark.parametrize('parameters', ['1' * 22, '1000', '1:1000', ';' * 16, '0' * 10_000, '1:' * 60])
def test_what_is_longer_than_any_colour(parameters: str) -> None:
    assert colours(parameters) is None


@given(st.lists(st.integers(0, 110).map(str)).map(';'.join))
def test_colours_are_read_as_a_terminal_does(parameters: str) -> None:
    shown = colours(parameters)
    assert shown in (None, '') or colours(shown[2:-1]) == shown
