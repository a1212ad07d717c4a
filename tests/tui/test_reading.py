"""Finding in lines of output and reading them, without a terminal."""

from __future__ import annotations

import random

from papa_tui.model.filters import Filter, compile_search
from papa_tui.output.assembler import Assembler
from papa_tui.output.finding import Finder, filtering, searching
from papa_tui.output.reading import Reading
from papa_tui.output.store import Store

from .lines import assembled, lines_of, out

# Finding


def numbered(count: int, store: Store | None = None) -> Assembler:
    made = Assembler(store or Store())
    for number in range(count):
        text = b'line %d\n' % number
        end = (made.latest().get('a', ('', 0))[1]) + len(text)
        made.take(out(text, end))
    return made


def test_search_goes_round_and_counts() -> None:
    store = numbered(30).store
    finder = Finder(searching(compile_search('re:line [12]5$')), store)
    finder.advance(lambda: 0.0)
    first = store.first
    assert finder.numbers == [first + 15, first + 25]
    assert finder.after(first) == first + 15
    assert finder.after(first + 25) == first + 15
    assert finder.before(first) == first + 25
    assert (finder.place(first + 25), finder.place(first)) == (2, None)


def test_search_sees_through_colours() -> None:
    store = assembled(out(b'\x1b[1mfoo\x1b[0mbar\nnothing\n', 23)).store
    finder = Finder(searching(compile_search('foobar')), store)
    finder.advance(lambda: 0.0)
    assert finder.numbers == [store.first]


def test_what_is_dropped_is_found_no_more_and_what_comes_is() -> None:
    made = numbered(20, Store(most_bytes=100))
    finder = Finder(searching(compile_search('line')), made.store)
    finder.advance(lambda: 0.0)
    assert len(finder.numbers) == len(made.store)
    made.take(out(b'line x\n', 10_000))
    finder.advance(lambda: 0.0)
    assert finder.numbers[0] >= made.store.first
    assert finder.numbers[-1] == made.store.next - 1


def test_a_search_is_done_a_piece_at_a_time() -> None:
    ticks = iter(range(10_000))
    finder = Finder(searching(compile_search('line')), numbered(50).store)
    finder.advance(lambda: float(next(ticks)), budget=5.0)
    assert not finder.done
    assert 0 < len(finder.numbers) < 50
    for _ in range(20):
        finder.advance(lambda: float(next(ticks)), budget=5.0)
    assert finder.done
    assert len(finder.numbers) == 50


def test_a_filter_with_lines_around() -> None:
    made = numbered(20)
    found = reading(made, height=30)
    found.only = Finder(filtering(Filter('5 !x')), made.store, around=1)
    found.only.advance(lambda: 0.0)
    assert [row.line.data for row in found.rows()] == [b'line %d' % number for number in (4, 5, 6, 14, 15, 16)]
    found.to_start()
    assert len(found.rows()) == 6
    made.take(out(b'25\n', 10_000))
    found.only.advance(lambda: 0.0)
    assert [row.line.data for row in found.rows()][-2:] == [b'line 19', b'25']
    made.take(out(b'after\n', 10_006))
    assert [row.line.data for row in found.rows()][-1] == b'after'


# Reading


def reading(made: Assembler, height: int = 5, pieces: int = 1) -> Reading:
    found = Reading(made.store, lambda _line: pieces)
    found.height = height
    return found


def shown(found: Reading) -> list[str]:
    return [row.line.data.decode() for row in found.rows()]


def test_it_follows_until_one_scrolls_up_and_then_nothing_moves() -> None:
    made = numbered(100, Store(most_bytes=2000))
    found = reading(made)
    assert shown(found) == [f'line {number}' for number in range(95, 100)]
    found.scroll(-10)
    before = shown(found)
    assert before[0] == 'line 85'
    for number in range(100, 150):
        made.take(out(b'line %d\n' % number, 10_000 + number * 9 + 9))
    assert shown(found) == before
    assert found.arrived == 50
    found.to_end()
    assert shown(found)[-1] == 'line 149'
    assert found.arrived == 0


def test_what_is_trimmed_under_the_reader_cannot_be_shown() -> None:
    made = numbered(20, Store(most_bytes=200))
    found = reading(made)
    found.to_start()
    start = 10_000
    for number in range(300):
        start += 8
        made.take(out(b'new %03d\n' % number, start))
    assert shown(found)[0] == lines_of(made.store)[0].data.decode()
    assert not found.follow


def test_scrolling_down_to_the_end_follows_again() -> None:
    found = reading(numbered(20))
    found.scroll(-3)
    assert not found.follow
    found.scroll(2)
    assert not found.follow
    found.scroll(1)
    assert found.follow


def test_the_start_is_told() -> None:
    found = reading(numbered(10))
    assert not found.scroll(-5)
    assert found.scroll(-1)
    assert shown(found)[0] == 'line 0'


def test_wrapped_lines_are_scrolled_by_rows() -> None:
    found = reading(numbered(10), height=4, pieces=3)
    assert [(row.line.data, row.piece) for row in found.rows()] == [
        (b'line 8', 2), (b'line 9', 0), (b'line 9', 1), (b'line 9', 2),
    ]
    found.scroll(-1)
    assert [row.piece for row in found.rows()] == [1, 2, 0, 1]


def test_a_filter_shows_only_what_fits_and_follows() -> None:
    made = numbered(50)
    found = reading(made)
    found.only = Finder(filtering(Filter('5')), made.store)
    found.only.advance(lambda: 0.0)
    assert shown(found) == ['line 15', 'line 25', 'line 35', 'line 45'][-5:] or shown(found)[0] == 'line 5'
    found.scroll(-1)
    assert all('5' in text for text in shown(found))


def test_going_to_a_line_that_can_be_seen_moves_nothing() -> None:
    made = numbered(100)
    found = reading(made, height=10)
    found.go_to(made.store.first + 50)
    before = shown(found)
    assert 'line 50' in before
    found.go_to(made.store.first + 51)
    assert shown(found) == before


def test_a_line_without_an_end_is_shown_last() -> None:
    made = assembled(out(b'one\nprompt> ', 12))
    assert shown(reading(made)) == ['one', 'prompt> ']


def test_reading_any_store_shows_as_much_as_there_is() -> None:
    rng = random.Random(7)
    made = numbered(40, Store(most_bytes=150))
    found = reading(made, height=8)
    for step in range(500):
        choice = rng.randrange(5)
        if choice == 0:
            made.take(out(b'more\n', 100_000 + 5 * step))
        elif choice == 1:
            found.to_end()
        elif choice == 2:
            found.go_to(made.store.first + rng.randrange(len(made.store)))
        else:
            found.scroll(rng.randrange(-6, 7))
        rows = found.rows()
        assert len(rows) == min(8, len(made.store)) or not found.follow
        assert rows
        numbers = [row.line.number for row in rows]
        assert numbers == sorted(numbers)
