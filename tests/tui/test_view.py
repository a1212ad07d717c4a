"""Sorting, filtering, the tree, and the cursor that stays on its process."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from papa.names import natural
from papa_tui.model import patience
from papa_tui.model.columns import COLUMNS, GROUP_CELLS, PROCESS_COLUMNS, Context, fit, pages, usual
from papa_tui.model.filters import BadPattern, Filter, compile_search
from papa_tui.model.patience import TooSlow, limited
from papa_tui.model.things import Process
from papa_tui.model.tree import Group, Sums
from papa_tui.model.view import View

from .made import NOW, process


def view(*names: str, **other: object) -> tuple[View, dict[str, Process]]:
    things = {name: process(name, **other) for name in names}
    made = View(PROCESS_COLUMNS)
    made.rebuild(things.values(), NOW)
    return made, things


def keys(made: View) -> list[str]:
    return [row.key for row in made.rows]


def test_names_are_in_the_order_of_their_numbers() -> None:
    made, _ = view('web.10', 'web.9', 'db', 'web.9.a')
    assert keys(made) == ['db', 'web.9', 'web.9.a', 'web.10']
    assert natural('a.9') < natural('a.10') < natural('a.x')


def test_the_cursor_stays_on_its_process_whatever_comes_and_goes() -> None:
    made, things = view('b', 'c', 'd')
    assert made.go_to('c')
    things['a'] = process('a')
    made.rebuild(things.values(), NOW)
    assert (made.at, made.key) == (2, 'c')
    things['d'].rate = 5
    things['c'].rate = 1
    made.sort_by('rate')
    made.rebuild(things.values(), NOW)
    assert keys(made) == ['d', 'c', 'b', 'a'] or keys(made)[:2] == ['d', 'c']
    assert made.row is things['c']
    made.filter = Filter('!c')
    made.rebuild(things.values(), NOW)
    assert made.key != 'c'


def test_when_its_process_goes_the_cursor_goes_to_the_neighbour() -> None:
    made, things = view('a', 'b', 'c')
    made.go_to('b')
    del things['b']
    made.rebuild(things.values(), NOW)
    assert made.key == 'c'
    things.clear()
    made.rebuild(things.values(), NOW)
    assert (made.key, made.row) == (None, None)


def test_sorting_twice_by_the_same_column_turns_it_round() -> None:
    made, things = view('a', 'b')
    things['b'].rate = 10
    made.sort_by('rate')
    made.rebuild(things.values(), NOW)
    assert keys(made) == ['b', 'a']
    made.sort_by('rate')
    made.rebuild(things.values(), NOW)
    assert keys(made) == ['a', 'b']


def test_by_how_full_means_how_soon_it_is_full() -> None:
    made, things = view('empty', 'half', 'slow', 'fast', 'loses', bufsize=1_000_000)
    things['half'].count({'buffered': 500_000}, None)
    for name, rate in (('slow', 2_000), ('fast', 100_000)):
        things[name].count({'captured': rate, 'buffered': rate}, NOW)
        things[name].tick(1.0)
    things['loses'].count({'dropped': 1}, NOW)
    made.sort_by('fill')
    made.rebuild(things.values(), NOW)
    assert keys(made) == ['loses', 'fast', 'slow', 'half', 'empty']


@pytest.mark.parametrize('kind', COLUMNS)
def test_every_column_sorts_and_shows(kind: str) -> None:
    from papa_tui.model.things import Socket, Value

    things = {
        'processes': [process('a', pid=3), process('b', running=False, exit_code=1, ended=NOW)],
        'sockets': [Socket('a', {'path': '/x'}), Socket('b', {'host': '::1', 'port': 1, 'backlog': 5, 'fileno': 4})],
        'values': [Value('a', {'size': 1, 'value': 'x'}), Value('b', {'size': 9999, 'preview': 'y'})],
    }[kind]
    made = View(COLUMNS[kind])
    for column in COLUMNS[kind]:
        made.sort_by(column.key)
        made.rebuild(things, NOW)
        assert sorted(keys(made)) == ['a', 'b']
        for thing in things:
            text, tone = column.cell(thing, Context(NOW))
            assert isinstance(text, str)
            assert isinstance(tone, str)


@pytest.mark.parametrize(('text', 'expected'), [
    ('', ['Web.1', 'db', 'web.2']),
    ('web', ['Web.1', 'web.2']),
    ('Web', ['Web.1']),
    ('!web', ['db']),
    ('web !2', ['Web.1']),
    ('re:^.{2}$', ['db']),
    ('!re:w.b', ['db']),
    ('re:', ['Web.1', 'db', 'web.2']),
    ('!', ['Web.1', 'db', 'web.2']),
])
def test_filters(text: str, expected: list[str]) -> None:
    chosen = Filter(text)
    assert sorted(name for name in ('Web.1', 'web.2', 'db') if chosen(name)) == expected


@pytest.mark.parametrize('pattern', ['(', '[z-a]', 'a{99999999999}', '*'])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        Filter(f're:{pattern}')
    with pytest.raises(BadPattern):
        compile_search(f're:{pattern}')


@pytest.mark.parametrize('pattern', ['(a+)+$', '(a|a)*$', '.*a.*b.*c.*d'])
def test_a_pattern_that_would_run_for_ages_is_stopped(pattern: str) -> None:
    before = signal.getsignal(signal.SIGVTALRM)
    assert patience.install()
    try:
        with pytest.raises(TooSlow), limited(0.05):
            Filter(f're:{pattern}')('a' * 16000 + 'x')
        with limited(0.05):
            assert Filter('re:a+x')('aax')
    finally:
        signal.signal(signal.SIGVTALRM, before)


def test_the_time_of_other_threads_is_not_that_of_a_pattern() -> None:
    def busy() -> None:
        while time.thread_time() < 0.2:
            pass

    before = signal.getsignal(signal.SIGVTALRM)
    assert patience.install()
    other = threading.Thread(target=busy)
    try:
        with limited(0.1):
            other.start()
            while other.is_alive():
                other.join(0.01)
    finally:
        signal.signal(signal.SIGVTALRM, before)
        other.join()


@pytest.mark.parametrize('pattern', [r'\d+ms', '^GET .*200', 'a{2,5}b*', '(foo|bar) baz', '[a-z]+@[a-z]+', '.*a.*b'])
def test_ordinary_patterns_are_not(pattern: str) -> None:
    before = signal.getsignal(signal.SIGVTALRM)
    assert patience.install()
    try:
        with limited(0.05):
            Filter(f're:{pattern}')('GET /a 12ms a@b foo baz aab 200 ' * 300)
    finally:
        signal.signal(signal.SIGVTALRM, before)


def test_a_search_without_a_pattern_is_literal() -> None:
    assert compile_search('a.b').search('xa.by')
    assert not compile_search('a.b').search('xaxby')
    assert compile_search('error').search('ERROR')
    assert not compile_search('Error').search('ERROR')


def test_the_tree_groups_what_begins_alike() -> None:
    made, things = view('web.api.1', 'web.api.2', 'web.ui', 'db', 'x.only')
    made.tree = True
    made.rebuild(things.values(), NOW)
    assert keys(made) == ['db', 'web.*', 'web.api.*', 'web.api.1', 'web.api.2', 'web.ui', 'x.only']
    assert made.labels['web.api.1'].strip() == '1'
    made.go_to('web.api.1')
    assert not made.fold(True), 'it goes to the group first'
    assert made.key == 'web.api.*'
    assert made.fold(True)
    made.rebuild(things.values(), NOW)
    assert keys(made) == ['db', 'web.*', 'web.api.*', 'web.ui', 'x.only']
    assert made.fold(False)


def test_a_group_is_chosen_and_marked_with_all_that_is_in_it() -> None:
    made, things = view('web.1', 'web.2', 'db')
    made.tree = True
    made.rebuild(things.values(), NOW)
    made.go_to('web.*')
    assert made.chosen() == ['web.1', 'web.2']
    made.mark()
    assert made.marked == {'web.1', 'web.2'}
    made.mark()
    assert made.marked == set()


def test_sums_add_up() -> None:
    one, other = process('a', buffered=100, bufsize=1000, dropped=1), process('b', buffered=300, bufsize=1000)
    one.history, other.history = [1.0, 2.0], [5.0]
    one.cpu = 10.0
    sums = Sums([one, other], NOW)
    assert (sums.buffered, sums.lost, sums.fill, sums.cpu, sums.memory) == (400, 1, 0.2, 10.0, None)
    assert sums.history == [1.0, 7.0]


def cells(things: list[Process]) -> dict[str, tuple[str, str]]:
    return {key: cell(Sums(things, NOW), Context(NOW)) for key, cell in GROUP_CELLS.items()}


def test_a_fold_tells_the_worst_that_is_under_it() -> None:
    quiet, noisy = process('w.1'), process('w.2', buffered=10)
    failed = [process(f'w.{number}', running=False, exit_code=3, ended=NOW) for number in (3, 4)]
    assert cells([quiet])['attention'] == ('  ', '')
    assert cells([quiet])['state'] == ('1/1 run', 'dim')
    assert (cells([quiet, noisy])['attention'], cells([quiet, noisy])['state']) == (
        ('○ ', 'warn'), ('1 not logged', 'warn'),
    )
    worst = cells([quiet, noisy, *failed])
    assert (worst['attention'], worst['state']) == (('✗ ', 'bad'), ('2 failed', 'bad'))


def test_the_next_problem_may_be_folded() -> None:
    made, things = view('a', 'w.b.1', 'w.b.2', 'w.c')
    made.tree = True
    made.folded.fold('w.*')
    made.folded.fold('w.b.*')
    made.rebuild(things.values(), NOW)
    assert keys(made) == ['a', 'w.*']
    assert made.next_of({'w.b.2': 0}) == 'w.b.2'
    assert made.reveal('w.b.2')
    made.rebuild(things.values(), NOW)
    assert made.go_to('w.b.2')
    assert not made.reveal('a')


def test_a_filter_finds_states_as_they_are_shown() -> None:
    things = [
        process('a', recorded=False), process('b', running=False, exit_code=-9, ended=NOW),
        process('c', overflow='block', buffered=1000),
    ]
    made = View(PROCESS_COLUMNS)
    for text, expected in (('not recorded', ['a']), ('sigkill', ['b']), ('blocked', ['c']), ('running', ['a', 'c'])):
        made.filter = Filter(text)
        made.rebuild(things, NOW)
        assert keys(made) == expected


def test_the_next_problem_is_the_most_urgent_one_and_they_go_round() -> None:
    made, _ = view('a', 'b', 'c', 'd')
    ranks = {'d': 0, 'b': 4}
    order = []
    for _ in range(3):
        key = made.next_of(ranks)
        assert key is not None
        order.append(key)
        made.go_to(key)
    assert order == ['d', 'b', 'd']
    assert made.next_of(ranks, -1) == 'b'
    assert made.next_of({}) is None


def test_the_next_problem_is_the_most_urgent_one_wherever_the_cursor_is() -> None:
    made, _ = view('a', 'b', 'c', 'd')
    ranks = {'a': 1, 'b': 1, 'c': 0, 'd': 0}
    assert made.go_to('a')
    order = []
    for _ in range(3):
        order.append(made.next_of(ranks) or '')
        made.go_to(order[-1])
    assert order == ['c', 'd', 'a']
    assert made.next_of({**ranks, 'd': -1}) == 'd', 'it has become worse'
    made.go_to('d')
    assert made.next_of(ranks, -1) == 'c'
    assert made.next_of({'d': 0}) == 'd', 'there is no other'


def test_how_many_fit_a_filter_counts_what_is_folded() -> None:
    made, things = view('a.1', 'a.2', 'b')
    made.tree = True
    made.folded.fold('a.*')
    made.filter = Filter('a')
    made.rebuild(things.values(), NOW)
    assert (keys(made), made.fitting, made.total) == (['a.*'], 2, 3)


def names_of(width: int, name: int = 20) -> list[str]:
    return [column.key for column, _ in fit(PROCESS_COLUMNS, {'name': name}, width)]


def test_columns_go_in_by_their_importance_and_fill_the_width() -> None:
    assert names_of(200) == [column.key for column in PROCESS_COLUMNS]
    assert {'name', 'state', 'rate', 'buffered', 'fill', 'lost', 'cpu'} <= set(names_of(79))
    assert names_of(5)[:1] == ['name']
    for width in range(1, 220):
        found = fit(PROCESS_COLUMNS, {'name': 20}, width)
        assert sum(wide for _, wide in found) + len(found) - 1 <= max(width, 1)


def test_pages_have_every_column_once_and_each_the_name() -> None:
    for width in range(30, 220):
        found = [[column.key for column, _ in page] for page in pages(PROCESS_COLUMNS, {'name': 10}, width)]
        assert all('name' in page for page in found)
        others = [key for page in found for key in page if key != 'name']
        assert sorted(others) == sorted({column.key for column in PROCESS_COLUMNS} - {'name'}), width
    assert len(pages(PROCESS_COLUMNS, {'name': 10}, 200)) == 1
    assert len(pages(PROCESS_COLUMNS, {'name': 10}, 4)) == 1, 'nothing but the name has room'


@pytest.mark.parametrize('width', range(119, 220, 7))
def test_a_name_is_never_cut_where_there_is_room_for_it(width: int) -> None:
    for name in range(1, width * 3 // 4):
        for page in pages(PROCESS_COLUMNS, {'name': name}, width):
            assert {column.key: wide for column, wide in page}['name'] >= name


def test_a_few_long_names_take_no_columns_from_the_others() -> None:
    assert usual([5, 8, 9, 71], 119) == 9
    assert usual([5, 8, 9, 40], 119) == 40, 'there is room for it'
    assert usual([5, 71], 119) == 71, 'half of them are no few'
    assert usual([], 119) == 0
    first, *others = pages(PROCESS_COLUMNS, {'name': 71}, 119, 9)
    assert first == fit(PROCESS_COLUMNS, {'name': 9}, 119)
    keys = {column.key for page in others for column, _ in page}
    assert {'state', 'cpu', 'buffered', 'rate'} <= keys, 'what it lies over is on another page'
    assert all({column.key: wide for column, wide in page}['name'] >= 71 for page in others)


def test_what_is_left_goes_to_the_name_if_no_column_grows() -> None:
    for page in pages(PROCESS_COLUMNS, {'name': 71}, 119):
        assert sum(wide for _, wide in page) + len(page) - 1 == 119
        assert all(wide in (column.width, 71) or column.key in ('name', 'command') for column, wide in page)


def test_a_row_of_a_group_is_no_thing() -> None:
    made, things = view('a.1', 'a.2')
    made.tree = True
    made.rebuild(things.values(), NOW)
    assert isinstance(made.rows[0], Group)


def test_an_address_is_cut_rather_than_left_out() -> None:
    found = {column.key: width for column, width in fit(COLUMNS['sockets'], {'name': 12, 'address': 40}, 39)}
    assert found['name'] == 12
    assert found['address'] == 26
