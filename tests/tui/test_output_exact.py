"""What stands where in the output: joined lines, cut ones, overwritten ones, colours, and what a search finds."""

from __future__ import annotations

import pytest

from papa.events import Acknowledged, Lost
from papa_tui.model.filters import Filter, compile_search
from papa_tui.output.assembler import Assembler
from papa_tui.output.clean import overwritten, plain_lines, plain_of, text_of
from papa_tui.output.colours import colour_after
from papa_tui.output.finding import Finder, filtering, searching
from papa_tui.output.reading import Reading
from papa_tui.output.sources import BUFFERED, PARTLY, SEEN
from papa_tui.output.store import LONGEST, Store
from papa_tui.widgets.body import Bodies
from papa_tui.widgets.palette import Palette

from .lines import assembled, lines_of, out, texts


def found(store: Store, text: str) -> list[int]:
    """Which lines have it, counted from the first."""
    finder = Finder(searching(compile_search(text)), store)
    finder.advance(lambda: 0.0)
    return [number - store.first for number in finder.numbers]


# Where lines stand


def test_a_line_stands_where_its_pieces_do_and_not_where_the_other_stream_is() -> None:
    made = assembled(out(b'a1', 2), out(b'e' * 99 + b'\n', 102, stream='err'), out(b'a2\n', 105), out(b'a3\n', 108))
    errors, line, last = lines_of(made.store)
    assert (errors.spans, line.spans, last.spans) == (((2, 102),), ((0, 2), (102, 105)), ((105, 108),))
    source = made.source('a', 'a-1')
    source.paint(line.spans, line.end)
    assert source.unseen(105) == 100
    assert line.part(1, 3) == [(1, 2), (102, 103)]


def test_a_part_of_a_line_is_a_part() -> None:
    made = assembled(out(b'x' * 99 + b'\n', 100))
    (line,), source = lines_of(made.store), made.source('a', 'a-1')
    assert source.state(line.spans) == BUFFERED
    source.paint(line.part(0, 40), line.end)
    source.settle()
    assert (source.state(line.spans), source.painted, source.unseen(100)) == (PARTLY, 100, 60)
    source.paint(line.part(40, 100), line.end)
    source.settle()
    assert (source.state(line.spans), source.unseen(100)) == (SEEN, 0)


def test_a_line_that_the_other_stream_interrupts_again_and_again_is_cut() -> None:
    made, at = Assembler(Store()), 0
    for _ in range(500):
        made.take(out(b'.', at := at + 1))
        made.take(out(b'e\n', at := at + 2, stream='err'))
    assert max(len(line.spans) for line in lines_of(made.store)) < 100
    dots = sum(len(line.data) for line in lines_of(made.store) if line.stream == 'out')
    made.show_partial()
    assert dots + sum(len(line.data) for line in made.store.partial) == 500


@pytest.mark.parametrize('extra', range(-2, 3))
@pytest.mark.parametrize('size', [1, 1000, LONGEST, 1 << 20])
def test_the_end_of_a_long_line_is_no_line_of_its_own_and_no_character_is_cut(extra: int, size: int) -> None:
    data = ('ä' * LONGEST + 'x' * (extra + 2)).encode() + b'\nnext\n'
    made = Assembler(Store())
    for at in range(0, len(data), size):
        made.take(out(data[at : at + size], min(len(data), at + size)))
    lines = lines_of(made.store)
    assert b''.join(line.data for line in lines) == data.replace(b'\n', b'')
    assert all(line.data.decode() and len(line.data) <= LONGEST + 1 for line in lines)
    assert [span for line in lines for span in line.spans] == [(line.start, line.end) for line in lines]
    assert [line.start for line in lines] == [0, *(line.end for line in lines[:-1])]
    assert lines[-1].end == len(data)


@pytest.mark.parametrize('cut', range(8, 18))
def test_older_output_is_joined_with_the_line_that_it_was_cut_from(cut: int) -> None:
    data = b'one\ntwo\nthree\nfour\n'
    made = assembled(out(data[cut:], len(data)))
    first = made.store.next - 1
    made.put_before([out(data[:cut], cut)])
    assert texts(made) == ['one', 'two', 'three', 'four']
    assert made.store.line(first).data == b'four'  # type: ignore[union-attr]
    assert [line.spans for line in lines_of(made.store)] == [((0, 4),), ((4, 8),), ((8, 14),), ((14, 19),)]


def test_older_output_is_joined_with_a_line_that_has_no_end_yet() -> None:
    made = assembled(out(b'ree', 11))
    made.put_before([Lost('a', 'a-1', 0, 2, 'overflow'), out(b'two\nth', 8)])
    assert texts(made) == ['2 B lost to overflow: the buffer was full', 'two', 'three']
    assert made.store.partial[0].spans == ((6, 11),)


# What is shown and what is found


def test_what_carriage_returns_write_over_is_hidden_and_found() -> None:
    assert text_of(b'error\rok', whole=True) == 'error␍ok'
    assert plain_of(b'10%\r20%\r') == '20%'
    assert plain_lines(b'error\rok\nx\r\n') == ['error␍ok', 'x']
    assert (overwritten(b'a\rb'), overwritten(b'a\r')) == (2, 0)
    store = assembled(out(b'error\rok\nx\r\n', 12)).store
    assert (found(store, 'error'), found(store, 'ok'), found(store, 'x')) == ([0], [0], [1])


def test_a_pattern_is_about_each_line() -> None:
    store = assembled(out('one\ntwo\nähm\n\tx\n'.encode(), 17)).store
    assert found(store, 're:^t') == [1]
    assert found(store, 're:o$') == [1]
    assert found(store, 're:^.hm') == [2]
    assert found(store, 'ÄHM') == []
    assert found(store, 're:two(?!\\s)') == [1]
    assert found(store, '        x') == [3]


def test_lines_without_an_end_are_searched_and_filtered() -> None:
    made = assembled(out(b'one\nprompt> ', 12))
    assert found(made.store, 'prompt') == [1]
    finder = Finder(searching(compile_search('o')), made.store)
    finder.advance(lambda: 0.0)
    made.take(out(b'x\n', 14))
    made.show_partial()
    finder.advance(lambda: 0.0)
    assert finder.numbers == [made.store.first, made.store.first + 1]
    reading = Reading(made.store, lambda _line: 1)
    reading.height = 5
    reading.only = Finder(filtering(Filter('prompt')), made.store)
    made.take(out(b'prompt> ', 22))
    made.show_partial()
    reading.only.advance(lambda: 0.0)
    assert [row.line.data for row in reading.rows()] == [b'prompt> x', b'prompt> ']


def test_a_note_that_comes_between_does_not_take_the_place_of_a_line_without_an_end() -> None:
    made = assembled(out(b'one\nprompt> ', 12))
    reading = Reading(made.store, lambda _line: 1)
    reading.height = 5
    made.note(None, 1.0, 'a note', 'bad')
    rows = [(row.line.number - made.store.first, row.line.data) for row in reading.rows()]
    assert rows == [(0, b'one'), (1, b'a note'), (2, b'prompt> ')]
    assert found(made.store, 'prompt') == [2]
    made.note(made.source('a', 'a-1'), 1.0, 'about it', 'bad')
    assert texts(made) == ['one', 'a note', 'prompt> ', 'about it']


def test_what_stands_over_the_cut_of_a_long_line_is_found() -> None:
    data = b'x' * (LONGEST - 3) + b'needle' + b'y' * LONGEST + b'\nneedle\n'
    for size in (len(data), 1000):
        made = Assembler(Store())
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            made.take(out(piece, at + len(piece)))
        numbers = found(made.store, 'needle')
        assert len(numbers) == 2
        assert found(made.store, 're:^needle')[-1] == numbers[1]


def test_a_filter_that_nothing_fits_shows_nothing() -> None:
    made = assembled(out(b'one\ntwo\n', 8))
    reading = Reading(made.store, lambda _line: 1)
    reading.height = 5
    reading.only = Finder(filtering(Filter('three')), made.store)
    reading.only.advance(lambda: 0.0)
    assert reading.rows() == []
    reading.to_start()
    assert reading.rows() == []


def test_a_snapshot_does_not_change() -> None:
    made = assembled(out(b'one\ntwo\n', 8), store=Store(most_bytes=20))
    snapshot = made.store.snapshot()
    made.take(out(b'three and four\n', 23))
    assert [line.data for line in lines_of(snapshot)] == [b'one', b'two']


# Colours


@pytest.mark.parametrize(('data', 'left'), [
    (b'plain', b''), (b'\x1b[31mred', b'\x1b[31m'), (b'\x1b[31mred\x1b[0m', b''), (b'\x1b[31mred\x1b[m.', b''),
    (b'\x1b[1;31ma\x1b[32mb', b'\x1b[1;32m'), (b'\x1b[1m\x1b[22mb', b''), (b'\x1b[0;34mb', b'\x1b[34m'),
    (b'\x1b[38;5;9mb\x1b[48;2;1;2;3m', b'\x1b[38;5;9;48;2;1;2;3m'), (b'\x1b[97;101m\x1b[39m', b'\x1b[101m'),
    (b'\x1b[38', b''), (b'\x1b[38m', b'\x1b[38m'), (b'\x1b[2J\x1b[4m', b'\x1b[4m'),
])
def test_colours_that_are_left_on(data: bytes, left: bytes) -> None:
    assert colour_after(b'', data) == left


def test_colours_stay_bounded() -> None:
    colour = b''
    for number in range(1000):
        colour = colour_after(colour, b'\x1b[%d;38;5;%d;48;5;%dm' % (number % 120, number % 256, number % 200))
    assert len(colour) < 100


def test_colours_go_on_in_the_next_line_of_the_same_stream() -> None:
    made = assembled(
        out(b'\x1b[31mred\nstill\n', 15), out(b'err\n', 19, stream='err'), out(b'more\x1b[0m\n', 28), out(b'end', 31),
    )
    colours = [(line.data, line.colour) for line in [*lines_of(made.store), *made.store.partial]]
    assert colours == [
        (b'\x1b[31mred', b''), (b'still', b'\x1b[31m'), (b'err', b''), (b'more\x1b[0m', b'\x1b[31m'), (b'end', b''),
    ]


# What of a line is on the screen


@pytest.mark.parametrize('data', [
    b'x' * 50, b'\x1b[31m' + b'x' * 30 + b'\x1b[0mabc', 'äöü'.encode() * 20, '日本'.encode() * 20,
    b'10%\r' + b'y' * 40, b'a\tb\tc\x00\xff' * 5,
])
def test_the_parts_that_are_scrolled_through_are_the_whole(data: bytes) -> None:
    made = assembled(out(data + b'\n', len(data) + 1))
    (line,), source = lines_of(made.store), made.source('a', 'a-1')
    body = Bodies().of(line, Palette({}))
    spans = body.positions(line, 0, 10)
    assert 0 < sum(end - start for start, end in spans) < len(data)
    for start in range(0, body.cells, 10):
        source.paint(body.positions(line, start, 10), line.end)
    assert source.unseen(line.end) == overwritten(data)
    assert list(body.positions(line, 0, body.cells)) == [(overwritten(data), len(data) + 1)]


@pytest.mark.parametrize('unit', [b'x', b'\x1b[31mx\x1b[0m', 'ö'.encode()])
def test_of_a_long_line_no_more_is_laid_out_than_can_be_seen(unit: bytes) -> None:
    made = assembled(out(unit * 50_000, len(unit) * 50_000))
    line, bodies = lines_of(made.store)[0], Bodies()
    bodies.search = compile_search(unit.decode().strip('\x1b[0m31'))
    body = bodies.of(line, Palette({}))
    strip, before = body.part(50, 100)
    assert (strip.cell_length, before) == (100, 50)
    assert sum(segment.cell_length for segment in body._segments) < 1000
    assert body.cells == len(plain_of(line.data))
    assert body.part(body.cells - 5, 100)[0].cell_length == 5


@pytest.mark.parametrize('end', [b'', b'\n'])
@pytest.mark.parametrize('sequence', [
    b'\x1b[38;5;160m', b'\x1b]8;;http://x\x1b\\', b'\x1b]0;' + b't' * 20000 + b'\x07',
])
def test_no_sequence_is_cut(sequence: bytes, end: bytes) -> None:
    data = (b'red' * 7 + sequence) * (100_000 // (21 + len(sequence))) + b'!' + end
    for step in (len(data), 5000, 60000):
        pieces = [out(data[at : at + step], min(len(data), at + step)) for at in range(0, len(data), step)]
        made = assembled(*pieces)
        lines = [*lines_of(made.store), *made.store.partial]
        assert len(lines) > 1
        assert b''.join(line.data for line in lines) + end == data
        assert {*''.join(plain_of(line.data) for line in lines)} <= {*'red!'}
        assert [span for line in lines for span in line.spans][-1][1] == len(data)


def test_a_sequence_without_an_end_is_shown_and_bounded() -> None:
    made = assembled(*(out(b'x' * 10000, at + 10000) for at in range(0, 200_000, 10000)))
    sure = assembled(out(b'\x1b]0;', 4), *(out(b'x' * 10000, at + 10004) for at in range(0, 200_000, 10000)))
    for each in (made, sure):
        lines = [*lines_of(each.store), *each.store.partial]
        assert sum(line.data.count(b'x') for line in lines) == 200_000
        assert max(len(line.data) for line in lines) <= 80_000


# Others


def test_what_others_take_is_counted_and_told_once() -> None:
    made = assembled(
        Acknowledged('a', 'a-1', 0, False), out(b'x' * 30, 30), Acknowledged('a', 'a-1', 4, False),
        Acknowledged('a', 'a-1', 10, False),
    )
    source = made.source('a', 'a-1')
    source.claimed = 20
    for position, mine in ((20, False), (24, True), (30, False)):
        made.take(Acknowledged('a', 'a-1', position, mine))
    assert (made.taken, len(made.notices)) == (16, 1)


def test_what_was_too_fast_for_the_view_is_held_and_was_never_seen() -> None:
    made = assembled(Lost('a', 'a-1', 0, 40, 'overflow'), Lost('a', 'a-1', 40, 90, 'slow'), out(b'x' * 9 + b'\n', 100))
    source = made.source('a', 'a-1')
    source.paint([(90, 100)], 100)
    assert source.unseen(100) == 50
