"""What a command would do before it is done, and what it has given, in words for a person."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from papa import names
from papa.errors import NotFound
from papa.line.grammar import Line
from papa.line.units import counted
from papa.options import KINDS
from papa_tui.model.details import Pieces, details
from papa_tui.model.model import PROCESSES, SOCKETS, VALUES, Model
from papa_tui.model.text import harmless, size
from papa_tui.model.things import Value

_MOST = 12  # names that are shown
_LONGEST = 2000  # characters of each value in a list
CHANGING = frozenset((
    'make socket', 'make process', 'remove sockets', 'remove processes', 'remove values', 'set', 'compare-and-set',
    'acknowledge', 'upgrade', 'exit-if-idle', 'watch processes',
))
_REMOVED = {PROCESSES: 'Forgot', SOCKETS: 'Closed'}


def some(found: Iterable[str]) -> str:
    """Names, the first of them if they are many."""
    every = [harmless(name) for name in found]
    more = f', and {len(every) - _MOST} more' if len(every) > _MOST else ''
    return ', '.join(every[:_MOST]) + more


class Hit(NamedTuple):
    """What a command removes: by name what the kernel has told of each."""

    kinds: str
    told: dict[str, dict[str, Any]]

    @property
    def names(self) -> list[str]:
        """In the order in which they are shown."""
        return sorted(self.told, key=names.natural)


def hit(line: Line, model: Model) -> Hit | None:
    """What a command that removes would hit, as far as this knows; None for others. Raises `NotFound` if that is
    nothing, or a name is not there: nobody is asked about what comes later."""
    if line.command.words[0] == 'remove':
        kinds, wanted = line.command.words[-1], line.operands
    elif line.clears:
        kinds, wanted = VALUES, line.operands
    else:
        return None
    things: dict[str, Any] = model.things[kinds]
    numbers = {
        int(number): name for name in things
        if (number := getattr(things[name], 'pid', None) or getattr(things[name], 'fileno', None)) is not None
    }
    found = names.select(things, wanted, KINDS[kinds], required=True, by_number=numbers)
    if not found:
        raise NotFound(f'No {KINDS[kinds]} matches {" ".join(map(names.show, wanted)) or "that"}')
    return Hit(kinds, {name: thing.details for name, thing in found.items()})


def question(line: Line, model: Model, found: Hit | None) -> str:
    """What to ask before a command that cannot be undone, and hits this; nothing for others."""
    name = line.command.name
    if found is not None:
        return _about_removal(found, model)
    if name == 'upgrade':
        return 'Replace the kernel by the papa that is installed now? It keeps all that it holds.'
    if name == 'exit-if-idle':
        return 'End the kernel if it holds nothing?'
    if name == 'acknowledge':
        return _about_acknowledging(line.operands[0], int(line.operands[1]), model)
    return ''


def _about_acknowledging(name: str, position: int, model: Model) -> str:
    """The same as in the output pane, but for what has been on the screen."""
    text, process = f'Let go of the output of {harmless(name)} up to {position}?', model.processes.get(name)
    if process is None:
        return text
    released = max(0, min(position, process.captured) - (process.captured - process.buffered))
    text += f'\n{size(released)} of the {size(process.buffered)} that are held'
    alone = released and not process.watchers
    return text + (f'\nNobody logs {harmless(name)}: the kernel drops the only copy.' if alone else '')


def _about_removal(found: Hit, model: Model) -> str:
    kind = found.kinds
    what = f'{counted(len(found.told), KINDS[kind])}: {some(found.names)}'
    if kind == SOCKETS:
        return f'Close {what}?\nProcesses that have inherited one keep their copy.'
    if kind == VALUES:
        return f'Clear {what}?'
    processes = [model.processes[name] for name in found.told]
    lost = sum(process.buffered for process in processes)
    running = sum(process.running for process in processes)
    text = f'Forget {what}?'
    if lost:
        text += f'\n{size(lost)} of output that nobody has acknowledged are dropped.'
    if running:
        text += f'\n{counted(running, "process runs", "processes run")} on, and nothing is recorded any more.'
    return text


def answer(line: Line, result: Any) -> list[Pieces]:
    """What a command has given, for a person to read; nothing if there is nothing to say but that it is done."""
    name = line.command.name
    if name == 'get':
        return [[('It is not set', 'dim')]] if result is None else details(_value('', result), 0.0)
    if name.startswith('list '):
        return _listed(name.split()[1], result)
    if name == 'info':
        return [[(f'{key:<18}', 'dim'), (harmless(str(value)), '')] for key, value in result.items()]
    return []


def done(line: Line, result: Any) -> str:
    """One line that says what has been done."""
    name = line.command.name
    if name == 'make process':
        return f'Started {harmless(line.operands[0])}: pid {result.get("pid", "")}'
    if name == 'make socket':
        return f'Made the socket {harmless(line.operands[0])}'
    if name == 'acknowledge':
        return f'Let go of {size(result)}'
    if name == 'exit-if-idle':
        return 'The kernel ends when nobody is connected' if result else 'The kernel goes on: it holds something'
    if isinstance(result, list):
        removed = _REMOVED.get(line.command.words[-1], 'Cleared')
        return f'{removed} {some(result)}' if result else 'It has gone already: nothing was done'
    if name == 'upgrade':
        return f'The kernel is papa {result.get("version", "")} now'
    return f'Done: {harmless(line.full)[:100]}'


def _value(name: str, text: str) -> Value:
    return Value(name, {'value': text, 'size': len(text.encode('utf-8', 'surrogatepass'))})


def _listed(kind: str, result: dict[str, Any]) -> list[Pieces]:
    if not result:
        return [[('There is none', 'dim')]]
    lines: list[Pieces] = []
    for name, each in result.items():
        lines.append([(harmless(name), 'name')])
        if kind == VALUES:
            more = f' … of {len(each):,} characters: papa-shell get shows all of it' if len(each) > _LONGEST else ''
            lines.append([('  ', ''), (harmless(each[:_LONGEST]), ''), (more, 'dim')])
        else:
            lines += [[(f'  {key:<14}', 'dim'), (harmless(_shown(value)), '')] for key, value in each.items()]
    return lines


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
