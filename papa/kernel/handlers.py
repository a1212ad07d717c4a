"""What each command does: functions of (kernel, request) that return a result or raise an `Error`.

They know nothing of dialects: a result is encoded by the dialect of the request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from papa import help as help_text
from papa import names, options
from papa.errors import BadRequest, Conflict, NotFound, Unsupported
from papa.kernel import launch, sockets
from papa.kernel.kernel import Kernel
from papa.kernel.lookups import Identity
from papa.kernel.pending import Pending
from papa.kernel.processes import ProcessRecord
from papa.kernel.results import Goodbye, Listening, Watching
from papa.wire.records import Records
from papa.wire.server import Request
from papa.wire.telnet import Prose

Handler = Callable[[Kernel, Request], Any]


def list_sockets(kernel: Kernel, request: Request) -> Any:
    return {name: record.details() for name, record in kernel.sockets.select(request.words).items()}


def make_socket(kernel: Kernel, request: Request) -> Any:
    name, pairs, rest = _split(request, 'socket')
    if rest:
        raise BadRequest(f'Options of a socket are key=value words, not {names.show(rest[0])}')
    spec = sockets.read_spec(options.read(options.SOCKET_OPTIONS, pairs))

    def make(address: str) -> Any:
        record = kernel.sockets.existing(name, spec) or kernel.sockets.make(name, spec, address)
        return {name: record.details()}

    address = '' if spec.host is None else sockets.numeric_address(spec)
    if address is None:
        assert spec.host is not None
        return kernel.lookups.host(spec.host, spec.family).then(make)
    return make(address)


def remove_sockets(kernel: Kernel, request: Request) -> Any:
    kernel.sockets.remove(kernel.sockets.select(request.words, required=True))


def list_values(kernel: Kernel, request: Request) -> Any:
    return kernel.values.select(request.words)


def set_value(kernel: Kernel, request: Request) -> Any:
    name = names.check(request.words[0] if request.words else '', 'value')
    kernel.values.set(name, ' '.join(request.words[1:]) if len(request.words) > 1 else None)


def exchange_value(kernel: Kernel, request: Request) -> Any:
    name = names.check(request.words[0] if request.words else '', 'value')
    pairs, rest = options.split(request.words[1:])
    if rest:
        raise BadRequest(f'"compare-and-set" takes expected=TEXT and value=TEXT, not {names.show(rest[0])}')
    given = options.read(options.EXCHANGE_OPTIONS, pairs)
    kernel.values.exchange(name, given.get('expected'), given.get('value'))


def get_value(kernel: Kernel, request: Request) -> Any:
    try:
        (name,) = request.words
    except ValueError:
        raise BadRequest('"get" takes the name of one value') from None
    return kernel.values.by_name.get(name)


def remove_values(kernel: Kernel, request: Request) -> Any:
    if not request.words or '*' in request.words:
        raise BadRequest('You cannot remove all values: give names, or a wildcard such as "circus.*"')
    for name in kernel.values.select(request.words, required=True):
        kernel.values.set(name, None)


def list_processes(kernel: Kernel, request: Request) -> Any:
    return Records(kernel.processes.select(request.words))


def remove_processes(kernel: Kernel, request: Request) -> Any:
    for record in kernel.processes.select(request.words, required=True).values():
        kernel.capture.discard(record)


def watch_processes(kernel: Kernel, request: Request) -> Any:
    pairs, patterns = options.split_marked(request.words)
    return _watch(kernel, options.read(options.WATCH_OPTIONS, pairs), patterns)


def peek_processes(kernel: Kernel, request: Request) -> Any:
    pairs, patterns = options.split(request.words)
    return _watch(kernel, {**options.read(options.PEEK_OPTIONS, pairs), 'peek': True}, patterns)


def _watch(kernel: Kernel, given: dict[str, Any], patterns: list[str]) -> Any:
    follow = bool(given.get('follow'))
    if 'last' in given and not given.get('peek'):
        raise BadRequest('last is for peek: who acknowledges has to get everything')
    records = kernel.processes.select(patterns, required=not follow)
    if not (records or follow):
        raise NotFound('There is no process to watch')
    starts = [(record, _start(record, given)) for record in records.values()]
    return Watching(starts, peek=bool(given.get('peek')), follow=patterns if follow else None)


def _start(record: ProcessRecord, given: dict[str, Any]) -> int:
    """The position from which a watch is told of a process."""
    output = record.output
    position: int | None = given.get('since', {}).get(record.id)
    if position is not None:
        return _written(record, position)
    return max(output.acknowledged, output.end - given['last']) if 'last' in given else output.acknowledged


def _written(record: ProcessRecord, position: int) -> int:
    captured = record.counters()[0]
    if position > captured:
        raise BadRequest(f'The process {names.show(record.name)} has written {captured} bytes, not yet {position}')
    return position


def acknowledge_output(kernel: Kernel, request: Request) -> Any:
    words = request.words
    if not 2 <= len(words) <= 3 or words[0].endswith('*') or not names.is_number(words[1]):
        raise BadRequest('"acknowledge" takes the name of one process, a position (in bytes) and perhaps its id')
    (record,) = kernel.processes.select(words[:1], required=True).values()
    if words[2:] not in ([], [record.id]):
        raise Conflict(f'The process {names.show(record.name)} is another: its id is {record.id}')
    return str(kernel.capture.acknowledge(record, _written(record, int(words[1]))))


def tell_changes(kernel: Kernel, request: Request) -> Any:
    pairs, kinds = options.split(request.words)
    every = options.read(options.CHANGES_OPTIONS, pairs).get('every')
    for kind in kinds:
        if kind not in options.KINDS:
            raise BadRequest(f'A kind is one of {", ".join(options.KINDS)}, not {names.show(kind)}')
    return Listening(frozenset(options.KINDS[kind] for kind in kinds or options.KINDS), every)


def kernel_info(kernel: Kernel, request: Request) -> Any:
    if request.words:
        raise BadRequest(f'"info" takes nothing, not {names.show(request.words[0])}')
    return kernel.info()


def make_process(kernel: Kernel, request: Request) -> Any:
    name, pairs, argv = _split(request, 'process')
    given = options.read(options.PROCESS_OPTIONS, pairs)
    if not argv or not argv[0]:
        raise BadRequest('A process needs an executable')
    if given.get('env') and any(key.startswith('env.') for key in given):
        raise BadRequest('env=empty and env.NAME=value exclude each other')

    def make(identity: Identity) -> Any:
        spec = launch.read_spec(kernel, given, argv, identity)
        found = launch.find_or_start(kernel, name, spec, identity)
        return found.then(show) if isinstance(found, Pending) else show(found)

    def show(record: ProcessRecord) -> Any:
        made = {name: record.details()}
        return Watching([(record, record.output.acknowledged)], made) if given.get('watch') else made

    return kernel.lookups.identity(given.get('uid'), given.get('gid')).then(make)


def _split(request: Request, what: str) -> tuple[str, list[tuple[str, str]], list[str]]:
    name = names.check(request.words[0] if request.words else '', what)
    pairs, rest = options.split(request.words[1:])
    return name, pairs, rest


def upgrade_kernel(kernel: Kernel, request: Request) -> Any:
    pairs, rest = options.split(request.words)
    if rest:
        raise BadRequest(f'"upgrade" takes python=PATH, not {names.show(rest[0])}')
    given = options.read(options.UPGRADE_OPTIONS, pairs)
    if kernel.upgrader is None:
        raise Unsupported('A kernel inside another program cannot be upgraded by itself: upgrade that program')
    return kernel.upgrader.begin(given.get('python'))


def exit_if_idle(kernel: Kernel, request: Request) -> Any:
    if not kernel.idle:
        return 'not idle'
    kernel.exit_when_unused = True
    return Goodbye('Exiting papa!', prompt=True)


def quit_session(kernel: Kernel, request: Request) -> Any:
    return Goodbye('ok')


def show_help(kernel: Kernel, request: Request) -> Any:
    return Prose(help_text.text(request.words))


HANDLERS: dict[str, Handler] = {
    'list sockets': list_sockets,
    'list processes': list_processes,
    'list values': list_values,
    'make socket': make_socket,
    'make process': make_process,
    'remove sockets': remove_sockets,
    'remove processes': remove_processes,
    'remove values': remove_values,
    'watch processes': watch_processes,
    'set': set_value,
    'get': get_value,
    'compare-and-set': exchange_value,
    'peek processes': peek_processes,
    'acknowledge': acknowledge_output,
    'changes': tell_changes,
    'info': kernel_info,
    'upgrade': upgrade_kernel,
    'exit-if-idle': exit_if_idle,
    'quit': quit_session,
    'help': show_help,
}

