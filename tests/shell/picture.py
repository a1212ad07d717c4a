"""Draw the picture in README.md: ``python tests/shell/picture.py docs/papa-shell.svg``.

A real session, on a screen of its own, with what a person might have typed.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from conftest import Daemon
from rich.console import Console
from rich.style import Style
from rich.text import Text

from shell.screens import Screen

COLUMNS, LINES = 92, 18
FOLDER = '/tmp/demo'
SCRIPT = """\
make socket web port=0
set deploy.revision 4f2a91c
make process web.1 sh -c 'echo "listening, descriptor $0"; exec sleep 1000' $(socket.web.fileno)
make process web.2 sh -c 'echo "listening, descriptor $0"; exec sleep 1000' $(socket.web.fileno)
make process backup sh -c 'echo "cannot read /srv/data" >&2; exit 3'
"""
_NAMES = {'brown': 'yellow', 'brightbrown': 'bright_yellow'}


def main(target: str) -> None:
    with tempfile.TemporaryDirectory(prefix='papa-') as folder:
        Path(FOLDER).symlink_to(folder)  # a name that is good to read
        daemon = Daemon(port_or_path=f'{FOLDER}/papa.sock')
        try:
            Path(target).write_text(drawn(session(daemon, folder)))
        finally:
            daemon.stop()
            Path(FOLDER).unlink()


def session(daemon: Daemon, folder: str) -> Screen:
    """Type what the picture shows."""
    prepared = Screen(daemon.where, '-f', '-', command=['sh', '-c', f"{sys.executable} -m papa_shell <<'X'\n{SCRIPT}X"])
    prepared.end()
    run = Screen(daemon.where, columns=COLUMNS, lines=LINES, XDG_STATE_HOME=folder, TERM='xterm-256color')
    for keys, shown in (
        ('l p\r', 'backup +[0-9]+ +ended'), ('peek processes web.* --no-follow\r', 'web.2 . listening'),
        ('remove processes b\t\r', '>$'), ('w p web', 'web.. +2 processes'),
    ):
        run.see_line('>')
        run.see('connected$')
        run.type(keys)
        run.see(shown)
    run.see('^watch processes web')
    run.kill()
    return run


def drawn(run: Screen) -> str:
    """The picture of a screen."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system='truecolor')
    for number in range(run.screen.lines):
        cells = [run.screen.buffer[number][column] for column in range(COLUMNS)]
        parts = [(''.join(cell.data for cell in same), style) for style, same in groupby(cells, style_of)]
        console.print(Text.assemble(*parts, end=''), end='\n', soft_wrap=True)
    return console.export_svg(title='papa-shell', unique_id='papa-shell')


def style_of(cell: object) -> Style:
    """The style of a cell of pyte, for rich."""
    return Style(
        color=colour(cell.fg), bgcolor=colour(cell.bg), bold=cell.bold,  # type: ignore[attr-defined]
        italic=cell.italics, underline=cell.underscore, reverse=cell.reverse,  # type: ignore[attr-defined]
    )


def colour(name: str) -> str | None:
    if name == 'default':
        return None
    if len(name) == 6 and set(name) <= set('0123456789abcdef'):
        return f'#{name}'
    return _NAMES.get(name, name.replace('bright', 'bright_'))


if __name__ == '__main__':
    os.environ.pop('NO_COLOR', None)
    main(sys.argv[1])
