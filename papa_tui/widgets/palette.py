"""What tones look like in the theme that is chosen."""

from __future__ import annotations

from functools import lru_cache

from rich.style import Style
from textual.app import App
from textual.color import Color, ColorParseError

_TONES = {'good': 'success', 'warn': 'warning', 'bad': 'error', 'accent': 'accent', 'name': 'foreground'}
_NAMES = ('#5fafff', '#87d787', '#d7af5f', '#d787d7', '#5fd7d7', '#ff8787', '#afafff', '#afd75f')  # in output
_NAMES_ON_LIGHT = ('#005faf', '#207020', '#875f00', '#870087', '#006f6f', '#af2020', '#4040c0', '#4f6f00')
_DIM = 0.55
_READABLE = 3.2  # contrast; 3 is asked of what is bold or only a mark
_BLACK, _WHITE = Color(0, 0, 0), Color(255, 255, 255)


def contrast(one: Color, other: Color) -> float:
    """That of two colours, 1 to 21, as the WCAG have it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Color) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color.normalized]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def readable(fore: Color, back: Color) -> Color:
    """A colour that can be read on another: as it is, or as much lighter or darker as it needs. What a colour of the
    terminal looks like nobody knows."""
    if fore.ansi is not None or back.ansi is not None:
        return fore
    end = max(_BLACK, _WHITE, key=lambda color: contrast(color, back))
    blends = (fore.blend(end, share / 20) for share in range(20))
    return next((found for found in blends if contrast(found, back) >= _READABLE), end)


class Palette:
    """Styles by tone, for plain rows, the row of the cursor, and data that is stale."""

    def __init__(self, variables: dict[str, str], dark: bool = True) -> None:
        self._dark = dark
        self._variables = variables
        self.background = self._colour('background')
        self.foreground = self._colour('foreground')
        self.primary = self._colour('primary')
        self.style = lru_cache(512)(self._style)

    def _colour(self, name: str) -> Color:
        try:
            return Color.parse(self._variables.get(name, ''))
        except ColorParseError:
            return Color.parse('#e0e0e0' if name == 'foreground' else '#101010')

    def _style(self, tone: str, ground: str = '', stale: bool = False) -> Style:
        """The style of a tone on a ground: ``''``, ``cursor`` (of the table with the keys), ``rest`` (of another),
        ``panel`` or ``bar``."""
        back = self._ground(ground)
        fore = self._colour(_TONES.get(tone, 'foreground'))
        if tone.startswith('name') and tone != 'name':
            fore = Color.parse((_NAMES if self._dark else _NAMES_ON_LIGHT)[int(tone[4:])])
        if tone == 'alert':
            fore, back = back, self._colour('warning')
        if tone == 'dim':
            fore = back.blend(self.foreground, _DIM)
        if tone == 'title':
            fore = self.primary
        fore = readable(fore, back)
        if stale:
            fore = back.blend(fore, 0.5)
        bold = tone in ('name', 'title', 'bad', 'alert') and not stale
        return Style(color=fore.rich_color, bgcolor=back.rich_color, bold=bold)

    def _ground(self, ground: str) -> Color:
        if ground == 'cursor':
            return self.background.blend(self.primary, 0.35)
        if ground == 'rest':
            return self.background.blend(self.foreground, 0.12)
        if ground == 'panel':
            return self.background.blend(self.foreground, 0.07)
        return self.background

    @property
    def found(self) -> Style:
        """What was searched for."""
        return Style(color=self.background.rich_color, bgcolor=self._colour('warning').rich_color)

    @property
    def selected(self) -> Style:
        """What the mouse has selected."""
        return Style(bgcolor=self.background.blend(self.primary, 0.5).rich_color)

    def of_name(self, number: int) -> str:
        """The tone of the n-th name in output."""
        return f'name{number % len(_NAMES)}'


_palettes: dict[tuple[str, bool], Palette] = {}


def palette_of(app: App[object]) -> Palette:
    """The palette of the theme that an app has now."""
    key = app.theme, app.current_theme.dark
    if key not in _palettes:
        _palettes[key] = Palette(app.theme_variables, app.current_theme.dark)
    return _palettes[key]
