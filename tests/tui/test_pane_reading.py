"""Finding, saving and selecting in the output pane."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

from textual.events import MouseMove

from papa import Papa
from papa_tui.model.text import size

from .conftest import Driver
from .panes import Run, open_on, pane, shown, start, until_in_pane


def test_a_long_line_is_searched_to_its_end(run: Run, papa: Papa) -> None:
    start(papa, 'web', "head -c 1000000 /dev/zero | tr '\\0' x; echo needle; echo end")

    async def scenario(driver: Driver) -> None:
        await open_on(driver, 'end')
        await driver.press('g')
        await driver.until(lambda: pane(driver).sources[0].start == 0)
        await driver.press('slash')
        await driver.type('needle')
        await driver.press('enter')
        await driver.until_shown('"needle" 1 of 1')

    run(scenario)


def test_what_is_found_far_to_the_right_is_shown(run: Run, papa: Papa) -> None:
    x, y = 'x' * 3000, 'y' * 3000
    start(papa, 'web', f'echo {x}needle{y}; printf {x}pin{y}')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, '›')
        for _ in range(2):
            await driver.press('slash')
            driver.app.main.prompt.input.value = 'needle'
            await driver.press('enter')
            await until_in_pane(driver, 'xneedley')
            await driver.press('slash')
            driver.app.main.prompt.input.value = 'pin'
            await driver.press('enter')
            await until_in_pane(driver, 'xpiny')
            await driver.press('escape', 'w')

    run(scenario)


def test_a_search_that_finds_nothing_says_so_when_it_has_looked_at_all(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'seq 1 40000')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, '40000')
        await driver.press('slash')
        await driver.type('needle')
        await driver.press('enter')
        await driver.until_shown('"needle" is nowhere in these lines')

    run(scenario)


def test_saving_says_what_and_takes_what_the_filter_shows(run: Run, papa: Papa, tmp_path: Path) -> None:
    start(papa, 'web', r"seq 1 12; printf '1\r2'")

    async def save(driver: Driver, path: Path) -> None:
        await driver.press('W')
        driver.app.main.prompt.input.value = str(path)
        await driver.press('enter')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, '↩')
        await driver.press('W')
        await driver.until_shown('save all lines to')
        await driver.press('escape')
        await save(driver, tmp_path / 'all')
        await driver.until_shown(f'Saved 13 lines, 33 B, to {tmp_path / "all"} (mode 0600)')
        await driver.press('ampersand')
        await driver.type('1')
        await driver.press('enter', 'W')
        await driver.until_shown('save what fits the filter "1" to')
        await driver.press('escape')
        await save(driver, tmp_path / 'some')
        await driver.until_shown('Saved 5 lines (what fits the filter "1"), 17 B, to')

    run(scenario)
    assert (tmp_path / 'some').read_text() == '1\n10\n11\n12\n1␍2\n'
    assert stat.S_IMODE(os.stat(tmp_path / 'some').st_mode) == 0o600


def test_going_to_a_time_always_answers(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'seq 1 90')

    async def at(driver: Driver, text: str) -> None:
        await driver.press('at')
        driver.app.main.prompt.input.value = text
        await driver.press('enter')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, '90')
        now = time.time()
        await at(driver, time.strftime('%H:%M:%S', time.localtime(now - 100)))
        await driver.until_shown('the first line from then on is of')
        assert shown(driver)[0].split()[-1] == '1'
        ahead = time.strftime('%H:%M:%S', time.localtime(now + 3600))
        await at(driver, ahead)
        await driver.until_shown(f'{ahead}: the first line from then on is of')
        pane(driver).feed.store.clear()  # type: ignore[union-attr]
        await at(driver, '00:00')
        await driver.until_shown('There are no lines yet')

    run(scenario)


def test_selecting_past_the_edge_scrolls(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'seq 1 90')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, '90')
        region = pane(driver).region
        await driver.pilot.mouse_down(offset=(3, region.bottom - 2))
        await driver.pilot._post_mouse_events([MouseMove], offset=(2, region.y), button=1)
        await until_in_pane(driver, '20')
        await driver.pilot.mouse_up(offset=(2, region.y))
        await driver.press('c')
        assert '\n40\n41\n42\n' in driver.app.clipboard

    run(scenario)


def test_what_is_not_here_is_told_where_lines_are_counted_and_saved(run: Run, papa: Papa, tmp_path: Path) -> None:
    start(papa, 'web', 'seq 100000 199999')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, '199999')
        store = pane(driver).feed.store  # type: ignore[union-attr]
        room, store._most_bytes = store._most_bytes, store.bytes
        older = size(pane(driver).older)
        await driver.press('slash')
        await driver.type('needle')
        await driver.press('enter')
        await driver.until_shown(f'{older} before them are not here: g fetches them')
        await driver.until_shown(f'{older} not here: g')
        await driver.press('escape', 'W')
        await driver.until_shown('save the lines that are here to')
        driver.app.main.prompt.input.value = f'{tmp_path}/one'
        await driver.press('enter')
        await driver.until_shown(f'without {older} before them that are not here')
        await driver.press('g')
        await driver.until(lambda: shown(driver)[0][1] == '…', 'the mark of what comes before')
        store._most_bytes = room
        await driver.press('W')
        await driver.until(lambda: not pane(driver).older, 'what is older')
        driver.app.main.prompt.input.value = f'{tmp_path}/two'
        await driver.press('enter')
        await driver.until_shown('Saved 100,000 lines, ')

    run(scenario)
    assert (tmp_path / 'two').read_text().startswith('100000\n')


def test_a_copy_that_is_cut_says_so(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'seq 100000 130000')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, '130000')
        await driver.press('g', 'm', 'G')
        await until_in_pane(driver, '130000')
        await driver.press('C')
        await driver.until_shown('Only the first 20,000 lines of 30,001 were taken: W saves all')
        assert driver.app.clipboard.count('\n') == 19_999

    run(scenario)


def test_a_title_ends_with_a_whole_word(run: Run, papa: Papa) -> None:
    start(papa, 'web', 'seq 1 500')

    async def scenario(driver: Driver) -> None:
        await open_on(driver, '500')
        for columns in range(40, 90):
            await driver.pilot.resize_terminal(columns, 24)
            await driver.pilot.pause()
            title = pane(driver)._strips[0].text.rstrip()
            assert title.endswith(('…', 'peeking', 'following', 'not acknowledged', 'not seen')), title

    run(scenario)
