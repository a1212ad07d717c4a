"""From text to words and back."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papa.line.quoting import carry, join, quote, split

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=30)  # lone surrogates and NUL included


@pytest.mark.parametrize(('text', 'words'), [
    ('', []),
    ('  a  b\tc ', ['a', 'b', 'c']),
    ("a''b", ['ab']),
    ("''", ['']),
    ('set x ""', ['set', 'x', '']),
    (r"'a\b'", [r'a\b']),
    (r'a\ b', ['a b']),
    (r'"a\"b\$c\\d\xe"', ['a"b$c\\d\\xe']),
    ('"it\'s"', ["it's"]),
    ('a\\\nb', ['ab']),
    ('a \\\n b', ['a', 'b']),
    ('"a\\\nb"', ['ab']),
    ("'a\nb'", ['a\nb']),
    ('a\nb', ['a', 'b']),
    ('a\r', ['a']),
    (r"$'a\n\t\\\''", ["a\n\t\\'"]),
    (r"$'\x41\101\u00e9\U0001f600\e'", ['AA\xe9\U0001f600\x1b']),
    (r"$'\xc3\xa9'", ['\xe9']),
    (r"$'\303\251\xff'", ['\xe9\udcff']),
    (r"$'\q\xg\u'", [r'\q\xg\u']),
    (r"x$'\n'y", ['x\ny']),
    ('$(socket.a b.fileno)', ['$(socket.a', 'b.fileno)']),
    ('fd://$(socket.web.fileno)', ['fd://$(socket.web.fileno)']),
    ('$HOME ~ * $x `y`', ['$HOME', '~', '*', '$x', '`y`']),
    ('# all of it', []),
    (' # is a word', ['#', 'is', 'a', 'word']),
    ('a #b', ['a', '#b']),
    ('a|b || c', ['a|b', '||', 'c']),
])
def test_words(text: str, words: list[str]) -> None:
    found = split(text)
    assert found.texts == words
    assert (found.open, found.pipe) == ('', None)


@pytest.mark.parametrize(('text', 'opened', 'last'), [
    ("a 'b c", "'", 'b c'),
    ('a "b', '"', 'b'),
    ("a $'b", "$'", 'b'),
    ('a b\\', '\\', 'b'),
    ('"a\\', '"', 'a'),
    ("'a' 'b", "'", 'b'),
])
def test_what_is_open(text: str, opened: str, last: str) -> None:
    found = split(text)
    assert found.open == opened
    assert found.texts[-1] == last


@pytest.mark.parametrize(('text', 'words', 'rest'), [
    ('get x | jq .', ['get', 'x'], 'jq .'),
    ("get x |  grep 'a|b' | wc # -l", ['get', 'x'], "grep 'a|b' | wc # -l"),
    ("get x | echo 'open", ['get', 'x'], "echo 'open"),
    ('get x |', ['get', 'x'], ''),
    ("set x '|' y", ['set', 'x', '|', 'y'], None),
    (r'set x \| y', ['set', 'x', '|', 'y'], None),
])
def test_a_pipe(text: str, words: list[str], rest: str | None) -> None:
    found = split(text)
    assert (found.texts, found.pipe, found.open) == (words, rest, '')
    if rest is not None:
        assert text[found.pipe_at] == '|'


def test_places() -> None:
    text = ' list  "a b"c \'d\''
    found = split(text)
    assert [(text[word.start : word.end], word.quoted) for word in found.words] == [
        ('list', False), ('"a b"c', True), ("'d'", True),
    ]


@pytest.mark.parametrize(('word', 'text'), [
    ('web.1', 'web.1'), ('web.*', 'web.*'), ('', "''"), ('a b', "'a b'"), ("it's", '"it\'s"'), ('|', "'|'"),
    ('#x', "'#x'"), ('a\nb', r"$'a\nb'"), ('\x1b[1m', r"$'\e[1m'"), ('$(socket.web.fileno)', '$(socket.web.fileno)'),
    ("$'", r"$'$\''"), ('\udcff', r"$'\udcff'"), ('\u202e', r"$'\u202e'"), ('\xe9', '\xe9'), ('?', "'?'"),
])
def test_quote(word: str, text: str) -> None:
    assert quote(word) == text
    assert split(text).texts == [word]


@given(ANY_TEXT)
def test_quote_is_the_inverse_of_split(word: str) -> None:
    text = quote(word)
    assert split(text).texts == [word]
    assert text.isprintable()


@given(st.lists(ANY_TEXT))
def test_join_is_the_inverse_of_split(words: list[str]) -> None:
    found = split(join(words))
    assert (found.texts, found.open, found.pipe) == (words, '', None)


@given(st.text('ab \'"\\$|#\n\t()xnu01', max_size=40))
def test_any_text_can_be_split(text: str) -> None:
    found = split(text)
    for word, following in zip(found.words, found.words[1:], strict=False):
        assert word.start < word.end <= following.start


@given(st.text('ab "\'\n', max_size=40))
def test_it_agrees_with_another_shell(text: str) -> None:
    """Where there is no backslash, `shlex` does the same; ours also has words of quotes alone in common."""
    found = split(text)
    try:
        words = shlex.split(text, comments=False)
    except ValueError:
        assert found.open
    else:
        assert found.texts == words


@given(st.text('ab# \'"\\$n|\n\t', max_size=40))
def test_line_by_line_it_is_the_same(text: str) -> None:
    """What is open after each line, with only what was carried known of those before."""
    carried, begun = '', []
    for line in text.split('\n'):
        begun.append(line)
        whole = split('\n'.join(begun))
        carried = carry(carried + line)
        assert bool(carried) == bool(whole.open and whole.pipe is None)
        if not carried:
            begun = []


@given(st.text('ab \'"\\$n', max_size=30), st.text('ab \'"\\$n', max_size=30))
def test_what_is_open_goes_on_in_the_next_line(first: str, second: str) -> None:
    found = split(first)
    if not found.open:
        assert split(f'{first}\n{second}').texts[: len(found.words)] == found.texts
