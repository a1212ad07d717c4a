"""Every field of a thing, for a person to read: lines of pieces, each a text and a tone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from papa.line.units import age
from papa_tui.model.attention import concern
from papa_tui.model.text import ending, harmless, rate, size
from papa_tui.model.things import Process, Socket, Thing, Value
from papa_tui.model.tree import Group

Pieces = list[tuple[str, str]]
_LABEL = 14  # cells
_MOST = 50_000  # characters of a value


def details(thing: Thing | Group, now: float) -> list[Pieces]:
    """The lines for a thing."""
    if isinstance(thing, Process):
        return _process(thing, now)
    if isinstance(thing, Socket):
        return _socket(thing)
    if isinstance(thing, Value):
        return _value(thing)
    return _group(thing, now)


def _group(group: Group, now: float) -> list[Pieces]:
    """Who is in it, and what is wrong with whom: that first."""
    troubled, others = [], []
    for each in group.things:
        found = concern(each, now) if isinstance(each, Process) else None
        if found is None:
            others.append([('  ', ''), (each.shown, 'name')])
        else:
            text = f'  {found.text}'
            troubled.append((found.rank, [(f'{found.mark} ', found.tone), (each.shown, 'name'), (text, found.tone)]))
    return [pieces for _, pieces in sorted(troubled, key=lambda each: each[0])] + others


def _field(label: str, text: str, tone: str = '') -> Pieces:
    return [(f'{label:<{_LABEL}}', 'dim'), (text, tone)]


def moment(when: float) -> str:
    """A point in time as people write it, in the zone of this machine."""
    return time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(when))


def _process(process: Process, now: float) -> list[Pieces]:
    lines: list[Pieces] = []
    found = concern(process, now)
    if found is not None:
        lines += [[(f'{found.mark} {found.text}', found.tone)], []]
    if process.running:
        lines += _running(process)
    else:
        lines.append(_field('state', _ended(process), 'bad' if process.exit_code else ''))
    lines += [
        _field('pid', str(process.pid)),
        _field('started', f'{moment(process.started)}, {age(now - process.started)} ago'),
    ]
    if process.ended is not None:
        lines.append(_field('ended', f'{moment(process.ended)}, after {age(process.up(now))}'))
    if process.running:
        lines += [
            _field('cpu', '–' if process.cpu is None else f'{process.cpu:.1f}% of a core, its session included'),
            _field('memory', '–' if process.memory is None else f'{size(process.memory)}, its session included'),
        ]
    lines += _output(process, now)
    lines += _rest(process)
    lines += [[], [('arguments', 'dim')]]
    lines += [[('  ', ''), (harmless(str(word)), '')] for word in process.details.get('args', ())]
    return lines


def _running(process: Process) -> list[Pieces]:
    if process.recorded:
        return [_field('state', 'running' if not process.blocked else 'running, blocked', 'good')]
    if process.removed:
        why = 'It was removed while it runs, and is forgotten when it exits.'
    else:
        why = 'It was made so; or it was removed, and is forgotten when it exits.'
    return [
        _field('state', 'running, not recorded', 'warn'), _field('', 'What it writes goes nowhere.', 'dim'),
        _field('', why, 'dim'),
    ]


def _ended(process: Process) -> str:
    code = process.exit_code
    return ending(code) if code is None or code >= 0 else f'{ending(code)} (killed by signal {-code})'


def _output(process: Process, now: float) -> list[Pieces]:
    logged = str(process.watchers) if process.watchers else 'nobody'
    share = f' ({process.fill * 100:.0f}%)' if process.bufsize else ''
    rule = 'the oldest makes room' if process.overflow == 'drop' else 'the process waits'
    left = None if process.losing(now) else process.full_in
    unlogged = 'warn' if process.running else 'dim'
    written = f'{process.captured:,} bytes so far, {rate(process.rate) or "silent now"}'
    if process.running and not process.recorded:
        return [[], _field('output', f'{written}; it is not kept')]
    lines = [
        [], _field('output', written),
        _field('acknowledged', f'up to {process.acknowledged:,}'),
        _field('held', f'{process.buffered:,} bytes{share}', '' if process.buffered else 'dim'),
        _field('buffer', f'{size(process.bufsize)}; when it is full, {rule} (overflow={process.overflow})'),
        _field('lost', f'{process.lost:,} bytes', 'bad' if process.lost else 'dim'),
        _field('logged by', logged, '' if process.watchers else unlogged),
    ]
    if left is not None:
        lines.insert(4, _field('full in', age(left), 'warn'))
    return lines


def _rest(process: Process) -> list[Pieces]:
    told = process.details
    shown = ('working_dir', 'uid', 'gid', 'sockets', 'peekers', 'id')
    hidden = {
        *shown, 'pid', 'running', 'started', 'exit_code', 'ended', 'captured', 'acknowledged', 'buffered', 'dropped',
        'watchers', 'bufsize', 'overflow', 'recorded', 'args', 'env',
    }
    lines: list[Pieces] = [[]]
    lines += [_field(key, _plain(told[key])) for key in shown if key in told]
    lines += [_field(key, _plain(told[key])) for key in told if key not in hidden]
    if isinstance(told.get('env'), dict):
        lines += [[], [('environment', 'dim')]]
        lines += [[('  ', ''), (harmless(f'{key}={value}'), '')] for key, value in sorted(told['env'].items())]
    return lines


def _plain(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ', '.join(harmless(str(each)) for each in value) or '–'
    return harmless(str(value))


def _socket(socket: Socket) -> list[Pieces]:
    lines = [_field(key, _plain(value)) for key, value in socket.details.items()]
    lines.append(_field('held by', ', '.join(map(harmless, socket.holders)) or 'no running process'))
    return lines


def _value(value: Value) -> list[Pieces]:
    lines = [_field('size', f'{value.size:,} bytes'), []]
    found = _tried(_as_json, value.text) if value.whole and len(value.text) <= _MOST else None
    text = value.text[:_MOST]
    lines += [[(harmless(line), '')] for line in (text.splitlines() if found is None else found)]
    if not value.whole or len(value.text) > _MOST:
        lines += [[], [('… this is only its beginning: papa-shell get shows all of it', 'dim')]]
    return lines


def _tried(read: Callable[[str], list[str]], text: str) -> list[str] | None:
    try:
        return read(text)
    except (ValueError, RecursionError):
        return None


def _as_json(text: str) -> list[str]:
    """Laid out, if it is an object or a list. Raises ValueError."""
    if not text.lstrip().startswith(('{', '[')):
        raise ValueError('no object')
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False).splitlines()
