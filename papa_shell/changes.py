"""The command ``changes``: what the kernel holds, then what happens to it, in each of the formats."""

from __future__ import annotations

import select
import time

from papa.line.quoting import join
from papa.line.text import escape, is_utf8
from papa.options import KINDS
from papa_shell import paint, screen
from papa_shell.formats import to_json, value_or_base64
from papa_shell.narrator import Narrator
from papa_shell.output import ReaderGone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from papa.client.changes import Changes
    from papa.events import Change
    from papa_shell.output import Writer
    from papa_shell.pump import Sink


def form(how: str, writer: Writer) -> Callable[[Change], bytes]:
    """What makes the text of a change: for ``jsonl``, ``plain`` or, as ``table``, people."""
    if how == 'jsonl':
        return lambda change: to_json(record(change)) + b'\n'
    if how == 'plain':
        return _plain
    narrator = Narrator(
        colour=writer.is_terminal and paint.wanted(), width=lambda: screen.columns(writer.fd)
    )
    return lambda change: narrator.show(change, time.time())


def tell(changes: Changes, show: Callable[[Change], bytes], sink: Sink) -> None:
    """Write each change as it comes. It ends by what is raised: `ReaderGone` as soon as the reader leaves, not only
    when there is something; `Stopped`; an `Error`."""
    poller = select.poll()
    poller.register(changes.fileno(), select.POLLIN)
    poller.register(sink.fd, 0 if sink.attention is None else select.POLLIN)
    while True:
        while not changes.ready:
            for fd, events in poller.poll():
                if fd == sink.fd and events & select.POLLIN:
                    sink.attend()
                elif fd == sink.fd:
                    raise ReaderGone
        sink.write(show(next(changes)))


# Formats for programs


def record(change: Change) -> dict[str, Any]:
    """The record of the ``jsonl`` format."""
    return {'change': change.change, 'kind': change.kind, 'name': change.name, 'details': _with_base64(change)}


def _with_base64(change: Change) -> Any:
    """The details; a value that is not UTF-8 is in ``base64`` instead of ``value``."""
    if change.change == 'snapshot' and 'values' in change.details:
        values = {name: _of_value(details) for name, details in change.details['values'].items()}
        return {**change.details, 'values': values}
    return _of_value(change.details) if change.kind == 'value' else change.details


def _of_value(details: Mapping[str, Any]) -> Mapping[str, Any]:
    if is_utf8(details.get('value', '')):
        return details
    return {**{key: each for key, each in details.items() if key != 'value'}, **value_or_base64(details['value'])}


def _plain(change: Change) -> bytes:
    return ''.join('\t'.join(map(escape, row)) + '\n' for row in rows(change)).encode()


def rows(change: Change) -> Iterator[list[str]]:
    """The lines of the ``plain`` format: what happened, the kind, the name, details as ``key=value`` words.

    A snapshot and counters are a line for each thing that they are about.
    """
    if change.change == 'snapshot':
        known = ((KINDS[kinds], things) for kinds, things in change.details.items() if kinds in KINDS)
        for kind, things in known:
            for name, details in things.items():
                yield [change.change, kind, name, _details(details)]
    elif change.change == 'counters':
        for name, details in change.details.items():
            yield [change.change, 'process', name, _details(details)]
    else:
        yield [change.change, change.kind, change.name, _details(change.details)]


def _details(details: Mapping[str, Any]) -> str:
    return join([f'{key}={_word(value)}' for key, value in details.items()])


def _word(value: Any) -> str:
    return join(value) if isinstance(value, list) else str(value)
