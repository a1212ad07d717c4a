"""Names: what is allowed, and what a pattern selects."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from papa import names
from papa.errors import BadRequest, NotFound

FAST = settings(deadline=None, derandomize=True, database=None, max_examples=150)
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=20)

ITEMS = {'web.1': 1, 'web.2': 2, 'db': 3, '12': 4, 'x*y': 5}
BY_NUMBER = {12: 'web.1', 34: 'web.2'}


@pytest.mark.parametrize('name', [
    'a', 'web.1', 'circus.waitress.1', 'a:b', 'a/b', '(', '$(a', '*a', 'a*b', '-', '0', 'é', '日本', '"', '\\', '=',
    'Error:', 'x' * 1000, '\U0001f600', '[', ']',
])
def test_good_names(name: str) -> None:
    assert names.check(name, 'value') == name


@pytest.mark.parametrize('name', [
    '', ' ', 'a b', ' a', 'a ', 'a\tb', 'a\nb', 'a\r', '\0', 'a\x1b', '\x7f', '\x85', '\x9f', 'a*', '*', 'a)', ')',
    '\u2028', '\xa0', '\u3000',
])
@pytest.mark.parametrize('what', ['socket', 'value', 'process'])
def test_bad_names_are_one_clear_line(name: str, what: str) -> None:
    with pytest.raises(BadRequest) as caught:
        names.check(name, what)
    assert what in str(caught.value)
    assert str(caught.value).isprintable()


@FAST
@given(ANY_TEXT)
@example('x' * 5000)
@example('x' * 5000 + '*')
@example('\n' * 5000)
def test_a_name_is_returned_as_it_is_or_refused_in_one_short_line(name: str) -> None:
    refusal = ''
    try:
        assert names.check(name, 'value') == name
    except BadRequest as error:
        refusal = str(error)
    assert refusal.isprintable()
    assert len(refusal) < 1200


@FAST
@given(ANY_TEXT, st.integers(1, 10))
def test_text_in_a_message_is_printable_and_short(text: str, limit: int) -> None:
    shown = names.show(text, limit)
    assert shown.isprintable()
    assert shown == f'"{names.plain(text, limit)}"'
    assert len(shown) <= 10 * limit + 3


def test_ordinary_text_is_shown_as_it_is() -> None:
    assert names.show('web 1') == '"web 1"'
    assert names.show('a\nb') == '"a\\nb"'
    assert names.show('abcdef', 3) == '"abc…"'


@pytest.mark.parametrize(('patterns', 'expected'), [
    ([], ['web.1', 'web.2', 'db', '12', 'x*y']),
    (['*'], ['web.1', 'web.2', 'db', '12', 'x*y']),
    (['web.*'], ['web.1', 'web.2']),
    (['web*', 'db'], ['web.1', 'web.2', 'db']),
    (['db', 'web.1'], ['db', 'web.1']),
    (['db', 'd*', '*'], ['db', 'web.1', 'web.2', '12', 'x*y']),
    (['x*y'], ['x*y']),
    (['x*y*'], ['x*y']),
    (['web'], []),
    (['nothing*'], []),
    (['34'], ['web.2']),
    (['034'], ['web.2']),
    (['12'], ['12']),  # a name wins over a number
    (['99'], []),
    (['-34'], []),
    (['34.0'], []),
    (['٣٤'], []),
    (['9' * 5000], []),
    ([''], []),
])
def test_what_patterns_select(patterns: list[str], expected: list[str]) -> None:
    selected = names.select(ITEMS, patterns, 'process', by_number=BY_NUMBER)
    assert list(selected) == expected
    assert selected == {name: ITEMS[name] for name in expected}


def test_a_plain_name_that_is_required_and_missing_is_not_found() -> None:
    for missing in ('nothing', '99', '', 'web'):
        with pytest.raises(NotFound) as caught:
            names.select(ITEMS, ['db', missing], 'process', required=True, by_number=BY_NUMBER)
        assert str(caught.value) == f'There is no process "{missing}"'
    assert names.select(ITEMS, ['nothing*'], 'process', required=True) == {}
    assert names.select({}, [], 'process', required=True) == {}


def test_without_numbers_a_number_is_only_a_name() -> None:
    assert names.select(ITEMS, ['34'], 'value') == {}
    assert names.select(ITEMS, ['12'], 'value') == {'12': 4}


def test_a_selection_is_a_copy() -> None:
    items = dict(ITEMS)
    for name in names.select(items, [], 'value'):
        del items[name]
    assert items == {}


@FAST
@given(
    st.sampled_from([*ITEMS, 'nothing', '']),
    st.lists(st.sampled_from(['web.1', 'web.*', '*', 'd', 'db', '']), max_size=3),
)
def test_matches_agrees_with_select(name: str, patterns: list[str]) -> None:
    if patterns:
        assert names.matches(name, patterns) == (name in names.select({name: 0}, patterns, 'value'))
    else:
        assert not names.matches(name, patterns)


def test_a_name_comes_before_those_that_go_on_with_a_number() -> None:
    from papa.names import natural

    assert sorted(['a2', 'a10', 'a', 'a1.b', 'a1'], key=natural) == ['a', 'a1', 'a1.b', 'a2', 'a10']


def test_the_order_in_which_people_count() -> None:
    given = ['web.10', 'web.2', 'web', 'web2', 'web.a', 'a10b2', 'a10b10', 'a10', 'a9', '10', '9', 'x' + '1' * 40, 'x2']
    assert sorted(given, key=names.natural) == [
        '9', '10', 'a9', 'a10', 'a10b2', 'a10b10', 'web', 'web2', 'web.2', 'web.10', 'web.a', 'x2', 'x' + '1' * 40,
    ]
