"""What a person sees and does, with a real kernel under it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Daemon
from textual.strip import Strip

from papa import Papa
from papa_tui.actions import ACTIONS
from papa_tui.screens.help import help_lines
from papa_tui.settings import THEME, Settings, recall_theme
from papa_tui.widgets.table import Table

from .conftest import Driver, command

Run = Callable[..., None]


@pytest.fixture
def held(papa: Papa) -> Papa:
    """Some of everything."""
    papa.make_socket('demo.web')
    papa.set('demo.state', '{"copies": 2}')
    papa.set('demo.markup', '[red]x[/oops]')
    for number in range(1, 4):
        papa.make_process(f'web.{number}', 'sleep', '1000')
    papa.make_process('fails', 'sh', ['-c', 'exit 3'])
    return papa


def table(driver: Driver) -> Table:
    return driver.app.main.tables['processes']


def names(driver: Driver) -> list[str]:
    return [row.name for row in table(driver).view.rows]


def test_the_first_screen_shows_all_three_kinds(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.until_shown('exit 3')
        text = driver.text()
        for word in ('web.3', 'demo.web', 'demo.state', '[red]x[/oops]', '127.0.0.1:', 'Sockets 1', 'Values 2'):
            assert word in text
        assert '1 failed' in text

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


def test_everything_is_live(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        held.make_process('new', 'sleep', '1000')
        held.set('later', 'x')
        held.make_socket('other')
        await driver.until_shown('later')
        await driver.until(lambda: 'new' in names(driver))
        pid = held.list_processes('web.1')['web.1']['pid']
        os.kill(pid, signal.SIGKILL)
        await driver.until_shown('SIGKILL')
        held.remove_values('later')
        await driver.until(lambda: 'later' not in driver.text())

    run(scenario)


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


def test_the_next_problem_and_its_details(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.until_shown('1 failed')
        await driver.press('2', 'n')
        assert table(driver).view.key == 'fails'
        await driver.press('enter')
        await driver.until_shown('ended with exit 3')
        await driver.press('escape')
        await driver.until_shown('Processes 4')

    run(scenario)


def test_details_of_a_value_and_panes_by_number(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press('3', 'end', 'enter')
        await driver.until_shown('"copies": 2')
        await driver.press('escape', 'tab')
        assert driver.app.main.place == 'processes'
        await driver.press('shift+tab')
        assert driver.app.main.place == 'values'

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


def test_the_timeline_tells_what_happened_since_one_looked(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        held.set('one', '1')
        await driver.until(lambda: driver.app.model.timeline.new == 1)
        await driver.press('T')
        await driver.until_shown('one made')
        await driver.press('escape')
        held.set('two', '2')
        await driver.until(lambda: driver.app.model.timeline.new == 1)
        await driver.press('T')
        await driver.until_shown('since you last looked')
        lines = [line for line in driver.lines() if ' made' in line or 'since you' in line]
        assert ['one made' in line for line in lines] == [True, False, False]

    run(scenario)


def test_a_long_timeline_shows_its_end(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        timeline = driver.app.model.timeline
        for number in range(1, 2001):
            timeline.add(0.0, 'process', f'p.{number}', 'is gone')
        await driver.press('T')
        await driver.until_shown('p.2000 is gone')
        await driver.press('home')
        await driver.until_shown(f'{timeline.entries[0].name} {timeline.entries[0].text}')

    run(scenario)


def test_help_begins_with_what_fits_the_pane_and_has_all_of_it(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press('question_mark')
        await driver.until_shown('Here, in the processes')
        assert 'Show every field of the row' in driver.text()
        await driver.press('end')
        await driver.until_shown('quit = q,ctrl+q')

    run(scenario)
    for place in ('processes', 'pane'):
        text = '\n'.join(''.join(piece for piece, _ in line) for line in help_lines(place, Settings()))
        assert all(text.count(action.text) == 1 for action in ACTIONS)
        assert all(f'\n{action.id} = ' in text for action in ACTIONS)
    assert 'Make one' not in str(help_lines('processes', Settings(read_only=True)))


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


@pytest.mark.parametrize('size', [(80, 24), (60, 12), (20, 5), (1, 1), (200, 60)])
def test_any_size_will_do(run: Run, held: Papa, size: tuple[int, int]) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.pilot.resize_terminal(*size)
        for key in ('tab', 'tab', 'end', 'f', 't', 'tab'):
            await driver.press(key)
        if size[0] >= 80:
            assert 'demo.state' in driver.text() or driver.app.main.full

    run(scenario)


def test_a_lost_kernel_dims_the_data_and_is_found_again(
    start_daemon: Callable[..., Daemon], folder: str, held: Papa, run: Run, daemon: Daemon
) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press('end')
        daemon.stop()
        await driver.until_shown('no kernel')
        assert 'web.3' in driver.text(), 'the data stays'
        assert table(driver).now == driver.app.model.lost_at, 'and gets no older'
        again = start_daemon(port_or_path=daemon.where)
        with again.connect() as papa:
            papa.make_process('web.3', 'sleep', '1000')
        await driver.until_shown('● live')
        await driver.until(lambda: names(driver) == ['web.3'])
        assert table(driver).view.key == 'web.3'
        await driver.until_shown(f'This is another kernel: pid {again.pid}, since')
        held_before = 'held 4 processes, 1 socket, 2 values'
        assert held_before in ' '.join(driver.text().split())
        assert 'all is well' not in driver.text()
        await driver.pilot.resize_terminal(28, 8)
        await driver.until(lambda: 'This is' not in driver.text())
        await driver.press('T')
        assert driver.app.model.replaced, 'there was no room to see it'
        await driver.pilot.resize_terminal(120, 36)
        await driver.until_shown('This is another kernel')
        await driver.press('n')
        await driver.until_shown('another kernel answers')
        await driver.until_shown('web.1 is gone')
        await driver.press('escape')
        await driver.until_shown('all is well')
        assert 'This is another kernel' not in driver.text()

    run(scenario)


def test_a_kernel_that_does_not_answer_is_told_and_its_data_gets_no_older(
    run: Run, held: Papa, daemon: Daemon
) -> None:
    async def scenario(driver: Driver) -> None:
        app = driver.app
        app.silence.patience = 1
        app.pulse.every = 0.05
        os.kill(daemon.pid, signal.SIGSTOP)
        try:
            await driver.until_shown('✗ does not answer, data is')
            since = app.model.silent_since
            assert table(driver).now == since, 'the data is as it was'
            assert table(driver).stale
            assert 'all is well' not in driver.text()
            uptime = next(word for word in driver.lines()[0].split('  ') if word.startswith('up '))
            await command(driver, 'set a b')
            await driver.until_shown('does not answer: nothing was done')
            await driver.until(lambda: app.main.now > (since or 0.0) + 2)
            assert uptime in driver.lines()[0], 'nobody knows whether it goes on'
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
        await driver.until_shown('● live')
        assert not table(driver).stale
        assert held.get('a') is None
        assert [each.text for each in app.model.timeline.entries if each.kind == 'kernel'] == [
            'does not answer', 'answers again',
        ]

    run(scenario, (160, 36))


def test_a_message_gives_the_line_back_however_often_it_comes(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        keys = driver.app.main.keys
        keys.lasts[''] = 0.3
        keys.say('something has happened')
        await driver.until_shown('something has happened')

        def is_gone() -> bool:
            return keys.said is None or bool(keys.say('something has happened'))

        await driver.until(is_gone)
        await driver.until_shown('? help')

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


def test_q_leaves_and_says_what_goes_on(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press('q')
        await driver.until(lambda: driver.app._exit)
        said = 'everything in the kernel at E goes on: 3 running processes, 1 socket, 2 values'
        assert driver.app.goodbye('E') == said

    run(scenario)


def test_keys_can_be_changed(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press('y')
        assert table(driver).view.tree
        await driver.press('t')
        assert table(driver).view.tree
        await driver.press('y', 'o')
        await driver.until(lambda: driver.app.main.place == 'pane')
        times = driver.app.main.pane.times
        await driver.press('t')
        assert driver.app.main.pane.times is not times, 'another pane keeps its key'

    run(scenario, keys={'tree': 'y', 'sort': ''})


def test_a_long_value_is_fetched_for_its_details(run: Run, papa: Papa) -> None:
    papa.set('long', '[' + '"x", ' * 5000 + '"the end"]')

    async def scenario(driver: Driver) -> None:
        await driver.press('3', 'enter')
        await driver.until(lambda: driver.app.screen is not driver.app.main)
        await driver.press('end')
        await driver.until_shown('"the end"')

    run(scenario)


def test_another_theme_changes_what_is_drawn(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        before = driver.app.export_screenshot()
        driver.app.theme = 'textual-light'
        await driver.until(lambda: driver.app.export_screenshot() != before)
        assert 'web.3' in driver.text()

    run(scenario)


def test_a_theme_is_remembered_and_what_the_configuration_says_comes_first(
    run: Run, held: Papa, tmp_path: Path
) -> None:
    async def choose(driver: Driver) -> None:
        driver.app.theme = 'nord'
        await driver.until(lambda: recall_theme(tmp_path / 'tui.ini') == 'nord')

    async def remembered(driver: Driver) -> None:
        assert driver.app.theme == 'nord'

    async def configured(driver: Driver) -> None:
        assert driver.app.theme == 'gruvbox'
        driver.app.theme = 'dracula'
        await driver.until_shown('The next start has gruvbox again')

    run(choose, state=tmp_path / 'tui.ini')
    run(remembered, state=tmp_path / 'tui.ini')
    run(configured, state=tmp_path / 'tui.ini', theme='gruvbox')
    (tmp_path / 'tui.ini').write_text('[look]\ntheme = plaid\n')

    async def unknown(driver: Driver) -> None:
        assert driver.app.theme == THEME

    run(unknown, state=tmp_path / 'tui.ini')


def test_a_click_on_a_head_sorts_and_on_a_row_moves_the_cursor(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        x = driver.lines()[3].index('PID')
        await driver.pilot.click(offset=(x, 3))
        await driver.until(lambda: table(driver).view.sorted_by.key == 'pid')
        await driver.pilot.click(offset=(5, 6))
        assert table(driver).view.at == 2

    run(scenario)


def test_the_palette_has_the_actions_by_name(run: Run, held: Papa) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press('ctrl+p')
        await driver.type('names as a tree')
        await driver.until_shown('Show the names as a tree')
        await driver.press('enter')
        await driver.until(lambda: table(driver).view.tree)

    run(scenario)


def test_the_palette_finds_what_another_pane_can(run: Run, held: Papa) -> None:
    async def choose(driver: Driver, text: str, found: str) -> None:
        await driver.press('ctrl+p')
        await driver.type(text)
        await driver.until_shown(found)
        await driver.press('enter')

    async def scenario(driver: Driver) -> None:
        await choose(driver, 'ack', 'acknowledge: Acknowledge up to')
        await driver.until_shown('No output is open')
        await driver.press('o')
        await driver.press('1')
        await driver.until(lambda: driver.app.main.place == 'processes')
        await choose(driver, 'wrap', 'wrap: Wrap long lines')
        await driver.until(lambda: driver.app.main.pane.wrap)
        await choose(driver, 'edit', 'edit: Edit the value')
        await driver.until_shown('Edit demo.markup')

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
