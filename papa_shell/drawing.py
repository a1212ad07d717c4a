"""What rich draws, as bytes. Import this only where something is to be drawn: rich is slow to load."""

from __future__ import annotations

import os
from io import StringIO

from rich.console import Console, RenderableType

from papa_shell import screen


def drawn(what: RenderableType, *, terminal: bool, width: int | None = None) -> bytes:
    """What is drawn, with the width and the colours of the terminal if there is one. Nothing in it is markup."""
    out = StringIO()
    console = Console(
        file=out, force_terminal=terminal, width=width or screen.columns(), highlight=False, markup=False, emoji=False,
        no_color=bool(os.environ.get('NO_COLOR')),
    )
    console.print(what)
    return b'\n'.join(line.rstrip() for line in out.getvalue().encode().split(b'\n'))  # rich fills lines with spaces
