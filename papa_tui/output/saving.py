"""Lines in a file."""

from __future__ import annotations

import os
from collections.abc import Iterable

from papa.line.units import counted
from papa_tui.model.text import size
from papa_tui.output.clean import plain_of
from papa_tui.output.store import Line


def save(path: str, lines: Iterable[Line], what: str, *, names: bool) -> tuple[str, str]:
    """Write lines to a new file that only this user can read, each after its name if there are several. Returns what to
    say, and its tone; `what` lines they are is a part of that."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, 'w', encoding='utf-8', errors='replace') as file:
            count = 0
            for line in lines:
                file.write(f'{_text(line, names=names)}\n')
                count += 1
            file.flush()
            written = os.fstat(fd).st_size
    except FileExistsError:
        return f'There is a file {path} already: nothing was written', 'bad'
    except (OSError, ValueError) as error:
        return f'Cannot write {path}: {getattr(error, "strerror", None) or error}', 'bad'
    return f'Saved {counted(count, "line")}{what}, {size(written)}, to {path} (mode 0600)', 'good'


def _text(line: Line, *, names: bool) -> str:
    text = plain_of(line.data, whole=True)
    return f'{line.source.name}: {text}' if names and line.source is not None else text
