"""Text for a terminal, where nothing acts. What the formats of papa-shell make of it is tested with those."""

from __future__ import annotations

from unicodedata import category

from hypothesis import given
from hypothesis import strategies as st

from papa.line.text import in_line, inert


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_acts_and_the_rest_stays(text: str) -> None:
    shown = inert(text)
    assert not [character for character in shown if category(character) in ('Cc', 'Cf', 'Cs', 'Zl', 'Zp')]
    assert shown == in_line(text).replace('\t', '\\t')
    assert inert(shown) == shown


def test_letters_stay() -> None:
    assert inert('müsli 日本　🎉\u00a0❤️ \\') == 'müsli 日本　🎉\u00a0❤️ \\'
