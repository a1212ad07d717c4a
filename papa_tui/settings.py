"""What this dashboard was started with, and its configuration file."""

from __future__ import annotations

import configparser
import os
from pathlib import Path
from typing import NamedTuple

from papa.errors import BadRequest

THEME = 'textual-dark'
_LOOK, _KEYS, _THEME = 'look', 'keys', 'theme'


class Settings(NamedTuple):
    """`where` is the kernel's port or path, None for the default; `watch` are names whose output to open at once;
    `keys` are keys by the id of their action. `theme` is what the configuration file says, empty if nothing; `state` is
    the file that remembers the theme that was chosen last, None for nowhere. `tour`: lead a newcomer through."""

    where: int | str | None = None
    autostart: bool = True
    read_only: bool = False
    watch: tuple[str, ...] = ()
    keys: dict[str, str] = {}
    theme: str = ''
    state: Path | None = None
    tour: bool = False


def config_path() -> Path:
    """``~/.config/papa/tui.ini``, or where ``XDG_CONFIG_HOME`` says."""
    home = os.environ.get('XDG_CONFIG_HOME') or os.path.expanduser('~/.config')
    return Path(home) / 'papa' / 'tui.ini'


def state_path() -> Path:
    """``~/.local/state/papa/tui.ini``, or where ``XDG_STATE_HOME`` says: what this program remembers by itself. What a
    person writes is elsewhere."""
    home = os.environ.get('XDG_STATE_HOME') or os.path.expanduser('~/.local/state')
    return Path(home) / 'papa' / 'tui.ini'


def recall_theme(path: Path | None) -> str:
    """The theme that was chosen last, empty if none is known."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        return '' if path is None or not parser.read(path, encoding='utf-8') else parser.get(_LOOK, _THEME, fallback='')
    except (OSError, UnicodeDecodeError, configparser.Error):
        return ''  # it is only a convenience


def remember_theme(path: Path | None, theme: str) -> None:
    """Remember the theme that was chosen, if that is possible."""
    if path is None:
        return
    try:
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        made = path.with_suffix(f'.{os.getpid()}')
        made.write_text(f'[{_LOOK}]\n{_THEME} = {theme}\n', encoding='utf-8')
        made.replace(path)
    except OSError:
        pass  # it is only a convenience


def read_config(path: Path, known: set[str]) -> tuple[dict[str, str], str]:
    """Keys by action, and the theme, empty if it says none. No file is no mistake.
    Raises `BadRequest` if it makes no sense.

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
        return {}, ''
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        reason = getattr(error, 'strerror', None) or str(error).splitlines()[0]
        raise BadRequest(f'Cannot read {path}: {reason}') from None
    for section in [*parser.sections(), *(['DEFAULT'] if parser.defaults() else [])]:
        if section not in (_LOOK, _KEYS):
            raise BadRequest(f'{path}: there is no section [{section}]; there are [{_LOOK}] and [{_KEYS}]')
    for option in parser[_LOOK] if parser.has_section(_LOOK) else ():
        if option != _THEME:
            raise BadRequest(f'{path}: [{_LOOK}] has no "{option}"; it has "{_THEME}"')
    keys = dict(parser[_KEYS]) if parser.has_section(_KEYS) else {}
    unknown = sorted(set(keys) - known)
    if unknown:
        raise BadRequest(f'{path}: there is no action "{unknown[0]}"; papa-tui shows them all with "?"')
    return keys, parser.get(_LOOK, _THEME, fallback='')
