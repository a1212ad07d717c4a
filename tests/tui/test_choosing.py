"""Help, the palette, keys and themes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from papa import Papa
from papa_tui.actions import ACTIONS
from papa_tui.screens.help import help_lines
from papa_tui.settings import THEME, Settings, recall_theme

from .conftest import Driver, table

Run = Callable[..., None]


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
