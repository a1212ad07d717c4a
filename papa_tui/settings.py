"""What this dashboard was started with, and its configuration file."""

from __future__ import annotations

import configparser
import os
from pathlib import Path
from typing import NamedTuple

from papa.errors import BadRequest

THEME = 'textual-dark'


class Settings(NamedTuple):
    """`where` is the kernel's port or path, None for the default; `watch` are names whose output to open at once;
    `keys` are keys by the id of their action. `tour`: lead a newcomer through."""

    where: int | str | None = None
    autostart: bool = True
    read_only: bool = False
    watch: tuple[str, ...] = ()
    keys: dict[str, str] = {}
    theme: str = THEME
    tour: bool = False


def config_path() -> Path:
    """``~/.config/papa/tui.ini``, or where ``XDG_CONFIG_HOME`` says."""
    home = os.environ.get('XDG_CONFIG_HOME') or os.path.expanduser('~/.config')
    return Path(home) / 'papa' / 'tui.ini'


def read_config(path: Path, known: set[str]) -> tuple[dict[str, str], str]:
    """Keys by action, and the theme. Raises `BadRequest` if the file makes no sense; none is no mistake.

    ::

        [look]
        theme = nord
        [keys]
        timeline = T
    """
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with open(path, encoding='utf-8') as file:
            parser.read_file(file)
    except FileNotFoundError:
        return {}, THEME
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        reason = getattr(error, 'strerror', None) or str(error).splitlines()[0]
        raise BadRequest(f'Cannot read {path}: {reason}') from None
    keys = dict(parser['keys']) if parser.has_section('keys') else {}
    unknown = sorted(set(keys) - known)
    if unknown:
        raise BadRequest(f'{path}: there is no action "{unknown[0]}"; papa-tui shows them all with "?"')
    return keys, parser.get('look', 'theme', fallback=THEME)
