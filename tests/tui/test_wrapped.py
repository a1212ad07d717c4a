"""A text to read: how its lines are broken, and that only what is on the screen is laid out."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rich.cells import cell_len
from textual.geometry import Offset
from textual.selection import Selection

from papa import Papa
from papa_tui.screens.overlay import Reader
from papa_tui.widgets import wrapped
from papa_tui.widgets.wrapped import Part, Wrapped, indent_of, parts_of, rows_of

from .conftest import Driver, command

Run = Callable[..., None]


def broken(text: str, width: int, indent: int = 0) -> list[str]:
    return [text[start:end] for start, end in rows_of(text, Part(0, 0, len(text)), width, indent)]


@pytest.mark.parametrize(('text', 'width', 'indent', 'rows'), [
    ('', 10, 0, ['']),
    ('one two', 10, 0, ['one two']),
    ('one two three', 10, 0, ['one two ', 'three']),
    ('one two   three', 7, 0, ['one two   ', 'three']),
    ('abcdefghijkl', 5, 0, ['abcde', 'fghij', 'kl']),
    ('label  one two', 11, 7, ['label  one ', 'two']),
    ('日本語日本語', 5, 0, ['日本', '語日', '本語']),
    ('日', 1, 0, ['日']),
])
def test_where_a_line_is_broken(text: str, width: int, indent: int, rows: list[str]) -> None:
    assert broken(text, width, indent) == rows


def test_nothing_is_lost_and_all_fits() -> None:
    text = 'a few words, 日本 wide ones, and-a-very-long-one-without-any-space ' * 9
    for width in (5, 20, 33, 80):
        rows = [
            text[start:end] for part in parts_of([[(text, '')]], width)
            for start, end in rows_of(text, part, width, 2)
        ]
        assert ''.join(rows) == text
        assert all(cell_len(row.rstrip()) <= width for row in rows)


def test_a_line_goes_on_under_what_comes_after_its_label() -> None:
    assert indent_of([('label     ', 'dim'), ('text', '')], 40) == 10
    assert indent_of([('a long label indeed ', 'dim'), ('text', '')], 30) == 0
    assert indent_of([('text', '')], 40) == 0


def reader(driver: Driver) -> Wrapped:
    assert isinstance(driver.app.screen, Reader)
    return driver.app.screen.query_one(Wrapped)


def test_only_what_is_on_the_screen_is_laid_out(run: Run, papa: Papa, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3000):
        papa.set(f'v{number}', f'{number} ' * 2000)
    laid_out = 0

    def counted(*of: object) -> object:
        nonlocal laid_out
        laid_out += 1
        return rows_of(*of)  # type: ignore[arg-type]

    monkeypatch.setattr(wrapped, 'rows_of', counted)

    async def scenario(driver: Driver) -> None:
        await command(driver, 'list values')
        await driver.until_shown('esc closes')
        assert len(reader(driver).lines) == 6000
        await driver.press('end')
        await driver.until_shown('v2999')
        assert 'papa-shell get shows all of it' in driver.text()
        assert laid_out < 1000

    run(scenario)


def test_what_is_copied_is_not_broken(run: Run, papa: Papa) -> None:
    text = ' '.join(f'word{number}' for number in range(40))
    papa.set('long', text)

    async def scenario(driver: Driver) -> None:
        await driver.press('3', 'enter')
        await driver.until_shown('word39')
        shown = reader(driver)
        row = next(line for line in driver.lines() if 'word39' in line)
        assert 'word0' not in row
        await driver.press('c')
        assert driver.app.clipboard.endswith(text)
        last = len(shown.lines) - 1
        driver.app.screen.selections = {shown: Selection(Offset(6, last), Offset(len(text), last))}
        await driver.press('c')
        assert driver.app.clipboard.rstrip('\n') == text[6:]

    run(scenario)
