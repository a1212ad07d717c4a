"""The ``papa`` command: its options, and which half of papa does what they ask for.

A kernel is loaded only to be run: neither ``--version`` nor ``--upgrade``, which asks one as any client, needs it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from papa import endpoint as endpoints
from papa.endpoint import Endpoint
from papa.errors import Error
from papa.version import __version__

_FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, by default those of this program. Returns the exit status."""
    options = parse(arguments)
    try:
        endpoint = _endpoint(options)
        return _upgrade(endpoint, options.python) if options.upgrade else _run(endpoint, options)
    except Error as error:
        return complain(str(error))


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options that these arguments give. A mistake in them ends the program: usage and one line, status 2."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.upgrade:
        for given in _for_running(options):
            parser.error(f'--upgrade asks a kernel that runs already: {given} is for starting one')
    elif options.python is not None:
        parser.error('--python is for --upgrade: a kernel starts with the Python that runs this command')
    return options


def complain(text: str) -> int:
    """Say in one line what is wrong. Returns the exit status for it."""
    if sys.stderr is not None:  # it is where the descriptor came closed
        with suppress(OSError):
            print(f'papa: {text}', file=sys.stderr, flush=True)
    return _FAILED


def _run(endpoint: Endpoint, options: argparse.Namespace) -> int:
    from papa.kernel.main import run

    return run(endpoint, options, complain)


def _upgrade(endpoint: Endpoint, python: str | None) -> int:
    """Have the kernel there upgraded, and say so in one line. Raises an `Error` if it is not, or if there is none."""
    from papa.client.sync import Papa

    try:
        with Papa(endpoint.port if endpoint.path is None else endpoint.path, autostart=False) as papa:
            done = papa.upgrade(python)
    except KeyboardInterrupt:
        return complain('Interrupted: whether the kernel has upgraded or not, "info" will tell')
    history = f'upgrade {done["upgrades"]}, it was {done["previous_version"]}'
    with suppress(OSError):  # nobody may be listening to that
        print(f'papa {done["version"]} runs at {endpoint} ({history})', flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='papa', description='Run the process kernel: it holds sockets, values and processes for their managers.',
        epilog=f'Without -p and -u, {endpoints.ENVIRONMENT_VARIABLE} says where it listens, else port '
        f'{endpoints.DEFAULT_PORT} on {endpoints.LOOPBACK}.',
        allow_abbrev=False,  # "--up" is too little to replace a kernel
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument('-p', '--port', help='listen on this TCP port of 127.0.0.1')
    where.add_argument('-u', '--unix-socket', metavar='PATH', help='listen on this Unix socket (an absolute path)')
    parser.add_argument('--daemonize', action='store_true', help='run in the background; return when it answers')
    parser.add_argument('-d', '--debug', action='store_true', help='log more')
    parser.add_argument('--log-file', metavar='FILE', help='log to this file instead of standard error')
    parser.add_argument(
        '--allow-user', metavar='NAME', action='append', default=[],
        help='let this user in, too, beside root and the one who runs the kernel; may be repeated',
    )
    parser.add_argument('--allow-any-local-user', action='store_true', help='let everybody on this machine in')
    parser.add_argument(
        '--upgrade', action='store_true',
        help='start none: have the one that runs there replace itself by the papa that is installed now; '
        'all that it holds stays',
    )
    parser.add_argument('--python', metavar='PATH', help='with --upgrade: go on with this Python, and its papa')
    parser.add_argument('--version', action='version', version=f'papa {__version__}')
    return parser


def _for_running(options: argparse.Namespace) -> list[str]:
    """Those of the options given that are for running a kernel."""
    given = {
        '--daemonize': options.daemonize, '--debug': options.debug, '--log-file': options.log_file is not None,
        '--allow-user': options.allow_user, '--allow-any-local-user': options.allow_any_local_user,
    }
    return [option for option, is_given in given.items() if is_given]


def _endpoint(options: argparse.Namespace) -> Endpoint:
    if options.unix_socket is not None:
        return endpoints.from_path(options.unix_socket)
    if options.port is not None:
        return endpoints.from_port(options.port)
    return endpoints.default(os.environ)
