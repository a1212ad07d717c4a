"""From a `Line` to a call of the client: which method of `Papa`, with which arguments.

Whoever has the client makes it: ``getattr(papa, call.method)(*call.arguments, **call.keywords)``.
"""

from __future__ import annotations

from papa import options
from papa.errors import BadRequest
from papa.line.errors import BadLine
from papa.names import is_number, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from papa.line.grammar import Line

_STREAM_CONSTANTS = {'pipe': -1, 'stdout': -2, 'devnull': -3}  # those of subprocess, and of papa
_MAKING = ('make socket', 'make process', 'set', 'compare-and-set')


class Call:
    """One call of a method of `Papa`.

    `reads`: it changes nothing, so that it may be sent again after a lost connection. `makes`: it makes or sets
    something, and may start a kernel for that. `streams`: its result is a `Watcher` or `Changes`, not an answer.
    """

    __slots__ = ('arguments', 'keywords', 'makes', 'method', 'reads', 'streams')

    def __init__(
        self, method: str, *arguments: Any, reads: bool = False, makes: bool = False, streams: bool = False,
        **keywords: Any,
    ) -> None:
        self.method = method
        self.arguments = arguments
        self.keywords = keywords
        self.reads = reads
        self.makes = makes
        self.streams = streams

    def __repr__(self) -> str:
        given = [*map(repr, self.arguments), *(f'{key}={value!r}' for key, value in self.keywords.items())]
        return f'{self.method}({", ".join(given)})'


def call(line: Line, text: str | None = None) -> Call | None:
    """The call that a line means, None if it needs no kernel (``help``, ``quit``).

    `text` is the value of a ``set --file``, which somebody has to read. Raises `BadRequest` for a bad value.
    """
    maker = _MAKERS.get(line.command.name)
    if maker is None:
        return None
    made = maker(line)
    if 'file' in line.flags:
        assert text is not None, 'without it this would clear the value'
        made.arguments = (line.operands[0], text)
    made.makes = line.command.name in _MAKING
    return made


def _given(line: Line) -> dict[str, Any]:
    return options.read(line.command.options, line.pairs)


def _names(method: str, *, reads: bool) -> Callable[[Line], Call]:
    return lambda line: Call(method, *line.operands, reads=reads)


def _make_socket(line: Line) -> Call:
    given = _given(line)
    if 'type' in given:
        given['socket_type'] = given.pop('type')
    return Call('make_socket', line.operands[0], **given)


def _make_process(line: Line) -> Call:
    given = _given(line)
    name, executable, *args = line.operands
    if not executable:
        raise BadRequest('A process needs an executable')
    keywords = {key: value for key, value in given.items() if '.' not in key and key not in ('env', 'watch')}
    for key in ('stdout', 'stderr'):
        if key in keywords:
            keywords[key] = _STREAM_CONSTANTS[keywords[key]]
    for key, method_key in (('env.', 'env'), ('rlimit.', 'rlimits')):
        family = {full[len(key) :]: value for full, value in given.items() if full.startswith(key)}
        if family:
            keywords[method_key] = family
    if given.get('env'):
        if 'env' in keywords:
            raise BadRequest('env=empty and env.NAME=value exclude each other')
        keywords['env'] = {}
    watches = bool(given.get('watch'))
    if watches:
        keywords['watch_immediately'] = True
    elif 'exit_code' in line.flags:
        raise BadLine('--exit-code needs watch=1: else nobody waits for the end')
    return Call('make_process', name, executable, args, streams=watches, **keywords)


def _set(line: Line) -> Call:
    name, *words = line.operands
    return Call('set', name, ' '.join(words) if words else None)


def _exchange(line: Line) -> Call:
    given = _given(line)
    return Call('set', line.operands[0], given.get('value'), expected=given.get('expected'))


def _watch(line: Line) -> Call:
    given = _given(line)
    peek = line.command.name == 'peek processes' or bool(given.get('peek') or line.flags.get('peek'))
    keywords: dict[str, Any] = {}
    if peek:
        keywords['peek'] = True
    last = line.flags.get('last', given.get('last'))
    if last is not None:
        keywords['last'] = last
    if given.get('follow') or line.flags.get('follow'):
        keywords['follow'] = True
    if 'since' in given:  # the kernel goes by the ids alone
        keywords['since'] = {process_id: (process_id, place) for process_id, place in given['since'].items()}
    return Call('watch_processes', *line.operands, reads=peek, streams=True, **keywords)


def _acknowledge(line: Line) -> Call:
    name, position, *process_id = line.operands
    if not is_number(position):
        raise BadRequest(f'A position is a number of bytes, not {show(position)}')
    return Call('acknowledge_output', name, int(position), *process_id)


def _changes(line: Line) -> Call:
    return Call('changes', *line.operands, reads=True, streams=True, **_given(line))


def _upgrade(line: Line) -> Call:
    return Call('upgrade', **_given(line))


_MAKERS: dict[str, Callable[[Line], Call]] = {
    'list sockets': _names('list_sockets', reads=True),
    'list processes': _names('list_processes', reads=True),
    'list values': _names('list_values', reads=True),
    'make socket': _make_socket,
    'make process': _make_process,
    'remove sockets': _names('remove_sockets', reads=False),
    'remove processes': _names('remove_processes', reads=False),
    'remove values': _names('remove_values', reads=False),
    'watch processes': _watch,
    'peek processes': _watch,
    'set': _set,
    'get': _names('get', reads=True),
    'compare-and-set': _exchange,
    'acknowledge': _acknowledge,
    'changes': _changes,
    'upgrade': _upgrade,
    'info': lambda _line: Call('kernel_info', reads=True),
    'exit-if-idle': lambda _line: Call('exit_if_idle'),
}
