"""Files that a person names on the ``:`` line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from papa import BadRequest, Papa
from papa_tui.feeds.files import MOST, read_file

from .conftest import Driver, command
from .panes import Run


def test_a_file_that_cannot_be_read_at_once_is_refused(run: Run, papa: Papa, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'fifo')
    (tmp_path / 'text').write_bytes(b'one\r\ntwo\xff')

    async def scenario(driver: Driver) -> None:
        await command(driver, f'set v --file {tmp_path}/fifo')
        await driver.until_shown('it is no regular file')
        await command(driver, f'set v --file {tmp_path}/text')
        await driver.until(lambda: papa.get('v') == 'one\r\ntwo\udcff')

    run(scenario)


def test_a_file_has_a_bound(tmp_path: Path) -> None:
    with open(tmp_path / 'big', 'wb') as file:
        file.truncate(2 * MOST)
    with pytest.raises(BadRequest, match=r'it has 32 MB, and at most'):
        read_file(f'{tmp_path}/big')
    with pytest.raises(BadRequest, match='no regular file'):
        read_file(str(tmp_path))
    with pytest.raises(BadRequest, match='No such file'):
        read_file(f'{tmp_path}/none')
