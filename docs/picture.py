"""Draw README's picture of the dashboard: ``python docs/picture.py`` writes ``docs/papa-tui.svg``, from the demo."""

from __future__ import annotations

import asyncio
from pathlib import Path

from papa_tui.app import Dashboard
from papa_tui.demo.starter import Demo
from papa_tui.settings import Settings

PICTURE = Path(__file__).with_name('papa-tui.svg')
SIZE = (120, 36)
WARM_UP = 7.0  # seconds, for rates and the failing job


async def draw(path: str) -> str:
    """The picture, once there is something to see on it."""
    app = Dashboard(Settings(where=path, autostart=False))
    async with app.run_test(size=SIZE) as pilot:
        app.main.open_pane(('shop.orders', 'shop.echo', 'shop.cache', 'shop.visitor'))
        await pilot.pause(WARM_UP)
        await pilot.press('1', 'n', 'n', 'n', '4')
        await pilot.pause(1.5)
        return app.export_screenshot(title='papa-tui --demo')


if __name__ == '__main__':
    with Demo() as demo:
        PICTURE.write_text(asyncio.run(draw(demo.path)))
    print(PICTURE)
