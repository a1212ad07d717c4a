"""THE table of actions: what a person can do, by which key, where. Bindings, palette, help and footer come from it.

What an action does is the method ``do_ID`` of the main screen. Keys can be changed in the configuration file, by id.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

PROCESSES, SOCKETS, VALUES, PANE = 'processes', 'sockets', 'values', 'pane'
TABLES = frozenset((PROCESSES, SOCKETS, VALUES))
ANYWHERE = TABLES | {PANE}


class Action(NamedTuple):
    """One action. `keys` as Textual has them, separated by commas; `label` for the footer (empty: not there); `where`:
    which panes have it; `changes`: it changes what the kernel holds, so that ``--read-only`` takes it away."""

    id: str
    keys: str
    label: str
    text: str
    where: frozenset[str] = ANYWHERE
    changes: bool = False


def _only(*where: str) -> frozenset[str]:
    return frozenset(where)


ACTIONS = (
    Action('details', 'enter', 'details', 'Show every field of the row', TABLES),
    Action('output', 'o', 'output', 'Show the output of the row, or of all that are marked', _only(PROCESSES)),
    Action('filter', 'slash', 'filter', 'Filter the rows: words, !word, re:pattern', TABLES),
    Action('attention', 'n', 'next problem', 'Go to the next process that needs attention', TABLES),
    Action('command', 'colon', 'command', 'A command, as papa-shell has them'),
    Action('make', 'plus', 'new', 'Make one: a process, a socket, a value', TABLES, True),
    Action('edit', 'e', 'edit', 'Edit the value', _only(VALUES), True),
    Action('remove', 'x,delete', 'remove', 'Forget a process, close a socket, clear a value: asks', TABLES, True),
    Action('mark', 'space', 'mark', 'Mark the row: actions are about all that are marked', TABLES),
    Action('sort', 's', 'sort', 'Sort by a column', TABLES),
    Action('tree', 't', 'tree', 'Show the names as a tree by their dots, or flat', TABLES),
    Action('attention_back', 'N,shift+n', '', 'Go to the one before', TABLES),
    Action('reverse', 'S,shift+s', '', 'Sort the other way round', TABLES),
    Action('fold', 'left,h,minus', '', 'Columns before these, or fold the group of the row', TABLES),
    Action('unfold', 'right,l', '', 'More columns, or unfold the group of the row', TABLES),
    Action('copy_names', 'c,ctrl+c', '', 'Copy the names of the rows that are marked, or of the row', TABLES),
    Action('unmark', 'u', '', 'Mark nothing', TABLES),
    Action('acknowledge', 'a', 'acknowledge', 'Acknowledge up to the last line that was shown', _only(PANE), True),
    Action('log', 'A,shift+a', 'be a logger', 'Become a logger, which acknowledges what it shows, or only look again',
           _only(PANE), True),
    Action('search', 'slash', 'search', 'Search: a text, or re:pattern', _only(PANE)),
    Action('next_found', 'n', '', 'To the next line that was found', _only(PANE)),
    Action('found_before', 'N,shift+n', '', 'To the one before', _only(PANE)),
    Action('filter_lines', 'ampersand', 'filter', 'Show only lines that fit: words, !word, re:pattern', _only(PANE)),
    Action('around', 'plus', '', 'Show two more lines around each that fits the filter', _only(PANE)),
    Action('around_less', 'minus', '', 'Show two fewer', _only(PANE)),
    Action('wrap', 'w', 'wrap', 'Wrap long lines, or cut them', _only(PANE)),
    Action('times', 't', 'times', 'Show when each line was captured', _only(PANE)),
    Action('copy', 'c,ctrl+c', 'copy', 'Copy what is selected, or the lines on the screen', _only(PANE)),
    Action('place_mark', 'm', '', 'Mark this place', _only(PANE)),
    Action('to_mark', 'apostrophe', '', 'Go to the marked place', _only(PANE)),
    Action('copy_from_mark', 'C,shift+c', '', 'Copy from the marked place to the end of the screen', _only(PANE)),
    Action('go_to_time', 'at', '', 'Go to a time: 14:05, or 14:05:30', _only(PANE)),
    Action('save', 'W,shift+w', 'save', 'Save the lines to a file', _only(PANE)),
    Action('clear', 'x', '', 'Clear the view; the kernel keeps what it has', _only(PANE)),
    Action('scroll_left', 'left,h', '', 'To the left', _only(PANE)),
    Action('scroll_right', 'right,l', '', 'To the right', _only(PANE)),
    Action('follow', 'F,shift+f', '', 'Follow the end', _only(PANE)),
    Action('up', 'up,k', '', 'One row up'),
    Action('down', 'down,j', '', 'One row down'),
    Action('page_up', 'pageup,ctrl+u', '', 'A page up'),
    Action('page_down', 'pagedown,ctrl+d', '', 'A page down'),
    Action('first', 'home,g', '', 'To the first row'),
    Action('last', 'end,G,shift+g', '', 'To the last row'),
    Action('full', 'f', 'full screen', 'This pane alone, or all again'),
    Action('next_pane', 'tab', '', 'To the next pane'),
    Action('pane_before', 'shift+tab', '', 'To the pane before'),
    Action('processes', '1', '', 'To the processes'),
    Action('sockets', '2', '', 'To the sockets'),
    Action('values', '3', '', 'To the values'),
    Action('pane', '4', '', 'To the output'),
    Action('commands', 'L,shift+l', '', 'What was done, as commands of papa-shell, to be copied'),
    Action('timeline', 'T,shift+t', 'timeline', 'What was made, has exited and was removed'),
    Action('help', 'question_mark,f1', 'help', 'All keys'),
    Action('back', 'escape', '', 'Clear the filter, or close what is open'),
    Action('suspend', 'ctrl+z', '', 'Suspend this program; fg brings it back'),
    Action('redraw', 'ctrl+l', '', 'Draw everything anew'),
    Action('quit', 'q,ctrl+q', 'quit', 'Leave. Everything in the kernel goes on'),
)
BY_ID = {action.id: action for action in ACTIONS}
_SHOWN_KEYS = {
    'slash': '/', 'question_mark': '?', 'colon': ':', 'escape': 'esc', 'minus': '-', 'pageup': 'pgup', 'plus': '+',
    'pagedown': 'pgdn', 'left': '←', 'right': '→', 'up': '↑', 'down': '↓', 'space': 'space', 'exclamation_mark': '!',
    'left_square_bracket': '[', 'right_square_bracket': ']', 'full_stop': '.', 'apostrophe': "'", 'comma': ',',
    'ampersand': '&', 'at': '@',
}
_NAMED_KEYS = frozenset((
    'enter', 'tab', 'backspace', 'delete', 'insert', 'home', 'end', 'underscore', 'backslash',
    *(f'f{number}' for number in range(1, 25)),
    *(unicodedata.name(character).lower().replace(' ', '_').replace('-', '_') for character in string.punctuation),
))


def shown_key(key: str) -> str:
    """A key as people know it."""
    return _SHOWN_KEYS.get(key, key.replace('ctrl+', '^'))


def shown_keys(keys: str) -> str:
    """Those of an action, each once."""
    found = [shown_key(key) for key in keys.split(',')]
    return ' '.join(key for key in found if not key.startswith('shift+') or key == 'shift+tab')


def no_key(keys: Mapping[str, str]) -> str:
    """What of these keys by action is none; empty if all are."""
    for action, written in keys.items():
        for key in map(str.strip, written.split(',')):
            if not key:
                return f'{action} = {written}: a key is missing'.replace(' : ', ': ')
            if not _is_key(key):
                return (f'{action} = {key}: there is no such key; keys are x, X, f5, ctrl+x, enter, escape, space, '
                        'slash and the like, separated by commas')
    return ''


def _is_key(key: str) -> bool:
    *modifiers, last = key.split('+')
    if not set(modifiers) <= {'ctrl', 'shift', 'alt'} or len(set(modifiers)) < len(modifiers):
        return key == '+'
    return (len(last) == 1 and last.isprintable()) or last in _SHOWN_KEYS or last in _NAMED_KEYS


def clash(keys: Mapping[str, str]) -> str:
    """What two actions of one place would have the same key, with these keys by action; empty if none."""
    names = {shown: key for key, shown in _SHOWN_KEYS.items()}
    taken: dict[tuple[str, str], str] = {}
    for action in ACTIONS:
        for written in filter(None, map(str.strip, keys.get(action.id, action.keys).split(','))):
            key = names.get(written, written)
            for place in sorted(action.where):
                other = taken.setdefault((place, key), action.id)
                if other != action.id:
                    mine, others = (action.id, other) if action.id in keys else (other, action.id)
                    return f'{mine} = {shown_key(key)}: that is the key of "{others}" there; give one of them another'
    return ''


def where(action: Action) -> str:
    """Where an action can be done, for a person."""
    if action.where == ANYWHERE:
        return ''
    if PANE in action.where:
        return 'in the output'
    return 'in the tables' if action.where == TABLES else f'on {" and ".join(sorted(action.where))}'


def available(where: str, *, read_only: bool) -> list[Action]:
    """What can be done in a pane."""
    return [action for action in ACTIONS if where in action.where and not (read_only and action.changes)]
