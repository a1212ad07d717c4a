"""The help: what can be done where, what the marks mean, how keys are changed."""

from __future__ import annotations

from papa_tui.actions import ACTIONS, ANYWHERE, PANE, PROCESSES, SOCKETS, VALUES, Action, shown_keys
from papa_tui.screens.overlay import Piece
from papa_tui.settings import Settings, config_path

_ABOUT = (
    'papa-tui shows what a papa kernel holds, and what processes write.',
    'Looking takes nothing away from anybody; leaving ends nothing.',
    'Ctrl+P finds every action by a word of it. Escape closes this.',
)
_LEGEND = (
    ('✗', 'a process that has failed', 'bad'), ('▼', 'is losing output', 'bad'),
    ('■', 'is blocked: its buffer is full, and it waits', 'bad'),
    ('◔', 'nobody logs it, and its buffer is soon full', 'warn'), ('○', 'nobody logs it', 'warn'),
    ('•', 'is marked', 'accent'), ('●', 'in the output: a line that has just come', 'warn'),
    ('◐', 'of which only a part was on the screen', 'warn'), ('│', 'that was on the screen', 'accent'),
    ('·', 'that is acknowledged', 'dim'),
    ('×', 'that fell out of the buffer before anybody acknowledged it', 'bad'), ('!', 'of standard error', 'bad'),
    ('↩', 'that was written over (carriage returns): searches, filters and files have all of it', 'dim'),
)
_HERE = {PANE: 'the output', PROCESSES: 'the processes', SOCKETS: 'the sockets', VALUES: 'the values'}
_KEYS = 14  # cells


def help_lines(place: str, settings: Settings) -> list[list[Piece]]:
    """The lines for who is in this pane: what fits there first."""
    actions = [each for each in ACTIONS if not (each.changes and settings.read_only)]
    here = [each for each in actions if place in each.where and each.where != ANYWHERE]
    everywhere = [each for each in actions if each.where == ANYWHERE]
    others = [each for each in actions if each not in here and each not in everywhere]
    lines: list[list[Piece]] = [[(each, 'dim')] for each in _ABOUT]
    elsewhere = 'In the tables' if place == PANE else 'In the output, which o opens, and in other tables'
    for title, found in ((f'Here, in {_HERE[place]}', here), ('Everywhere', everywhere), (elsewhere, others)):
        lines += [[], [(title, 'accent')], *([(f'{_keys(each, settings):<{_KEYS}}', 'title'), (each.text, '')]
                                             for each in found)]
    lines += [[], [('Marks', 'accent')], *([(f'{mark:<{_KEYS}}', tone), (text, '')] for mark, text, tone in _LEGEND)]
    lines += [[], [('Other keys', 'accent')],
              [(f'They are set in {config_path()}.', '')], [('What holds now, as it would stand there:', '')], [],
              [('[keys]', 'dim')]]
    return lines + [[(f'{each.id} = {settings.keys.get(each.id, each.keys)}', 'dim')] for each in actions]


def _keys(action: Action, settings: Settings) -> str:
    return shown_keys(settings.keys.get(action.id, action.keys))
