"""What each command does: functions of (kernel, request) that return a result or raise an `Error`.

They know nothing of dialects: a result is encoded by the dialect of the request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from papa import help as help_text
from papa import names, options
from papa.errors import BadRequest, NotFound
from papa.kernel import launch, sockets
from papa.kernel.kernel import Kernel
from papa.kernel.lookups import Identity
from papa.kernel.pending import Pending
from papa.kernel.processes import ProcessRecord
from papa.kernel.results import Goodbye, Watching
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
    return names.select(kernel.values, request.words, 'value')


def set_value(kernel: Kernel, request: Request) -> Any:
    name = names.check(request.words[0] if request.words else '', 'value')
    if len(request.words) > 1:
        kernel.values[name] = ' '.join(request.words[1:])
    else:
        kernel.values.pop(name, None)


def get_value(kernel: Kernel, request: Request) -> Any:
    try:
        (name,) = request.words
    except ValueError:
        raise BadRequest('"get" takes the name of one value') from None
    return kernel.values.get(name)


def remove_values(kernel: Kernel, request: Request) -> Any:
    if not request.words or '*' in request.words:
        raise BadRequest('You cannot remove all values: give names, or a wildcard such as "circus.*"')
    for name in names.select(kernel.values, request.words, 'value', required=True):
        del kernel.values[name]


def list_processes(kernel: Kernel, request: Request) -> Any:
    return {name: record.details() for name, record in kernel.processes.select(request.words).items()}


def remove_processes(kernel: Kernel, request: Request) -> Any:
    for record in kernel.processes.select(request.words, required=True).values():
        kernel.capture.discard(record)


def watch_processes(kernel: Kernel, request: Request) -> Any:
    records = kernel.processes.select(request.words, required=True)
    if not records:
        raise NotFound('There is no process to watch')
    return Watching(list(records.values()))


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
        return Watching([record], made) if given.get('watch') else made

    return kernel.lookups.identity(given.get('uid'), given.get('gid')).then(make)


def _split(request: Request, what: str) -> tuple[str, list[tuple[str, str]], list[str]]:
    name = names.check(request.words[0] if request.words else '', what)
    pairs, rest = options.split(request.words[1:])
    return name, pairs, rest


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
    'exit-if-idle': exit_if_idle,
    'quit': quit_session,
    'help': show_help,
}

