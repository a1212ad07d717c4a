"""What a command would do before it is done, and what it has given, in words for a person."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from papa import names
from papa.line.grammar import Line
from papa.line.units import counted
from papa.options import KINDS
from papa_tui.model.details import Pieces, details
from papa_tui.model.model import PROCESSES, SOCKETS, VALUES, Model
from papa_tui.model.text import harmless, size
from papa_tui.model.things import Process, Socket, Value

_MOST = 12  # names that are shown
_LONGEST = 2000  # characters of each value in a list
CHANGING = frozenset((
    'make socket', 'make process', 'remove sockets', 'remove processes', 'remove values', 'set', 'compare-and-set',
    'acknowledge', 'upgrade', 'exit-if-idle', 'watch processes',
))
_MAKERS = {PROCESSES: Process, SOCKETS: Socket}


def some(found: Iterable[str]) -> str:
    """Names, the first of them if they are many."""
    every = [harmless(name) for name in found]
    more = f', and {len(every) - _MOST} more' if len(every) > _MOST else ''
    return ', '.join(every[:_MOST]) + more


def hits(line: Line, model: Model) -> list[str]:
    """The names of what a removal would hit, as far as this knows."""
    kind = line.command.words[-1]
    things: dict[str, Any] = model.things[kind]
    numbers = {
        int(number): name for name in things
        if (number := getattr(things[name], 'pid', None) or getattr(things[name], 'fileno', None)) is not None
    }
    return sorted(names.select(things, line.operands, kind, by_number=numbers))


def question(line: Line, model: Model) -> str:
    """What to ask before a command that cannot be undone; nothing for others."""
    name = line.command.name
    if line.command.words[0] == 'remove':
        return _about_removal(line, model)
    if name == 'upgrade':
        return 'Replace the kernel by the papa that is installed now? It keeps all that it holds.'
    if name == 'exit-if-idle':
        return 'End the kernel if it holds nothing?'
    if name == 'acknowledge':
        return f'Let go of the output of {harmless(line.operands[0])} up to {line.operands[1]}?'
    if name == 'set' and len(line.operands) == 1 and 'file' not in line.flags:
        return f'Clear the value {harmless(line.operands[0])}?' if line.operands[0] in model.values else ''
    return ''


def _about_removal(line: Line, model: Model) -> str:
    kind = line.command.words[-1]
    found = hits(line, model)
    if not found:
        return ''
    what = f'{counted(len(found), KINDS[kind])}: {some(found)}'
    if kind == SOCKETS:
        return f'Close {what}?\nProcesses that have inherited one keep their copy.'
    if kind == VALUES:
        return f'Clear {what}?'
    processes = [model.processes[name] for name in found]
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
