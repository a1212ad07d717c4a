"""What a person does with the rows of the tables: the cursor, sorting, filters, the tree."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.strip import Strip

from papa import Papa
from papa_tui.widgets.table import Table

from .conftest import Driver, names, table

Run = Callable[..., None]


def test_the_cursor_stays_on_its_process(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press('end')
        assert table(driver).view.key == 'web.3'
        held.make_process('aaa', 'sleep', '1000')
        held.make_process('zzz', 'sleep', '1000')
        await driver.until(lambda: 'zzz' in names(driver) and 'aaa' in names(driver))
        assert table(driver).view.key == 'web.3'
        await driver.press('S')
        assert names(driver)[0] == 'zzz'
        assert table(driver).view.key == 'web.3'

    run(scenario)


def test_a_filter_works_while_it_is_typed_and_escape_clears_it(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press('slash')
        await driver.type('web !2')
        assert names(driver) == ['web.1', 'web.3']
        await driver.press('enter')
        assert 'filter: web !2' in driver.text()
        await driver.press('escape')
        assert len(names(driver)) == 4
        await driver.press('slash')
        await driver.type('re:(')
        assert 'Not a regular expression' in driver.text()
        await driver.press('escape')
        assert len(names(driver)) == 4

    run(scenario)


def test_sorting_by_a_chosen_column_and_the_tree(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press('s')
        await driver.until_shown('Sort by')
        await driver.press('home', 'enter')
        await driver.until(lambda: names(driver)[0] == 'fails')
        await driver.press('t')
        assert 'web.*' in names(driver)
        await driver.press('end', 'left', 'left')
        assert 'web.1' not in names(driver)
        await driver.until_shown('3/3 run')

    run(scenario)


@pytest.mark.parametrize(('keys', 'row'), [
    (['down'] * 3, 3), (['end'], 39), (['end', 'up', 'up'], 37), (['end', 'home'], 0), (['pagedown', 'pageup'], 0),
])
def test_the_cursor_goes_where_the_arrows_say_in_tables_longer_than_the_window(
    keys: list[str], row: int, run: Run, papa: Papa
) -> None:
    with papa.pipeline() as many:
        for number in range(40):
            many.set(f'v{number:02}', 'x')

    async def scenario(driver: Driver) -> None:
        await driver.until_shown('v00')
        await driver.press('3', *keys)
        values = driver.app.main.tables['values']
        assert values.view.key == f'v{row:02}'
        await driver.until_shown(f'v{row:02}')

    run(scenario)


def test_columns_that_have_no_room_are_told_and_shown_by_right(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        assert 'PID' not in driver.text()
        await driver.until_shown('columns →')
        await driver.press('right')
        await driver.until_shown('← columns')
        for head in ('PID', 'COMMAND', 'sleep 1000', 'web.3'):
            assert head in driver.text()
        await driver.press('left', 't')
        await driver.until_shown('columns →')
        await driver.press('end', 'left', 'left')
        await driver.until_shown('3/3 run')
        await driver.press('right')
        await driver.until(lambda: '3/3 run' not in driver.text())
        await driver.press('right')
        await driver.until_shown('COMMAND')

    run(scenario, (80, 24))


def test_a_click_on_a_head_sorts_and_on_a_row_moves_the_cursor(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        x = driver.lines()[3].index('PID')
        await driver.pilot.click(offset=(x, 3))
        await driver.until(lambda: table(driver).view.sorted_by.key == 'pid')
        await driver.pilot.click(offset=(5, 6))
        assert table(driver).view.at == 2

    run(scenario)


def test_a_filter_that_takes_too_long_is_given_up(run: Run, papa: Papa) -> None:
    papa.set('long', 'a' * 4000)

    async def scenario(driver: Driver) -> None:
        await driver.press('3', 'slash')
        driver.app.main.prompt.input.value = 're:(a+)+$x'
        await driver.until_shown('takes too long')
        await driver.press('escape')
        await driver.until_shown('aaaaaa')

    run(scenario)


def test_a_value_that_changes_is_drawn_and_sorted_anew(run: Run, papa: Papa) -> None:
    papa.set('a', '1')
    papa.set('b', '2')

    async def scenario(driver: Driver) -> None:
        values = driver.app.main.tables['values']
        papa.set('a', 'something')
        await driver.until_shown('something')
        await driver.press('3', 's', 'down', 'enter')
        await driver.until(lambda: values.view.sorted_by.key == 'value')
        papa.set('b', 'zzz')
        await driver.until(lambda: [row.name for row in values.view.rows] == ['a', 'b'])
        papa.set('a', 'zzzz')
        await driver.until(lambda: [row.name for row in values.view.rows] == ['b', 'a'])

    run(scenario)


def test_no_picture_is_drawn_with_columns_for_another_width(
    run: Run, held: Papa, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads: list[str] = []
    draw = Table.render_line

    def noted(table: Table, y: int) -> Strip:
        strip = draw(table, y)
        heads.extend([strip.text.strip()] if y == 1 else [])
        return strip

    monkeypatch.setattr(Table, 'render_line', noted)

    async def scenario(driver: Driver) -> None:
        await driver.until_shown('exit 3')
        await driver.pilot.resize_terminal(60, 20)
        await driver.pilot.resize_terminal(120, 36)
        await driver.settled()
        assert heads
        assert all('NAME' in head for head in heads), heads

    run(scenario)
