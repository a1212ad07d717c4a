"""What the demo runs. ``programs.py NAME PARENT [ARGUMENT]``: ends when its parent is not `PARENT` any more.

Nothing but the standard library, and no site packages: it runs with ``python -S``.
"""

from __future__ import annotations

import itertools
import os
import random
import socket
import sys
import time
from collections.abc import Callable, Iterator

_PATHS = ('/', '/cart', '/search?q=tea', '/static/logo.svg', '/api/orders/17', '/health')
_CUSTOMERS = ('Zoë', 'Łukasz', '花子', 'Ana')
_LEVELS = (('\x1b[32mINFO\x1b[0m ', 6), ('\x1b[33mWARN\x1b[0m ', 2), ('\x1b[1;31mERROR\x1b[0m', 1))


def steps(seconds: float, parent: int) -> Iterator[int]:
    """Numbers, one after each pause, as long as the parent is there."""
    for number in itertools.count():
        if os.getppid() != parent:
            return
        yield number
        time.sleep(seconds)


def say(text: str) -> None:
    """A line on standard output, at once."""
    print(text, flush=True)


def colours(parent: int, _argument: str) -> None:
    """A log in colours."""
    rng = random.Random(1)  # noqa: S311 - nothing secret
    levels = [text for text, weight in _LEVELS for _ in range(weight)]
    for number in steps(0.4, parent):
        level = rng.choice(levels)
        who, what = rng.choice(_CUSTOMERS), rng.choice(('paid', 'packed', 'sent'))
        say(f'\x1b[2m{time.strftime("%H:%M:%S")}\x1b[0m {level} \x1b[36morders\x1b[0m: order \x1b[1m{number}\x1b[0m'
            f' for \x1b[35m{who}\x1b[0m {what}')


def web(parent: int, argument: str) -> None:
    """An access log."""
    rng = random.Random(argument)  # noqa: S311 - nothing secret
    for _ in steps(0.25, parent):
        status = rng.choice((200, 200, 200, 304, 404))
        size, took = rng.randrange(200, 90000), rng.randrange(2, 90)
        say(f'127.0.0.1 "GET {rng.choice(_PATHS)} HTTP/1.1" {status} {size} {took}ms')


def errors(parent: int, _argument: str) -> None:
    """Complaints on standard error."""
    for number in steps(1.5, parent):
        print(f'cache: connection refused, attempt {number + 1}', file=sys.stderr, flush=True)


def job(parent: int, _argument: str) -> None:
    """Works for a moment and fails."""
    for number in steps(0.3, parent):
        say(f'migrating table {number + 1} of 12')
        if number == 4:
            print('migration failed: column "price" is missing', file=sys.stderr, flush=True)
            sys.exit(3)


def firehose(parent: int, _argument: str) -> None:
    """More than anybody reads."""
    for number in steps(0.1, parent):
        say('\n'.join(f'sample {number * 100 + at} value {(number * 7919 + at * 31) % 1000}' for at in range(100)))


def patient(parent: int, _argument: str) -> None:
    """Writes until its buffer is full, and then waits."""
    for number in steps(0.001, parent):
        say(f'audit record {number}: this must not be lost, so I wait')


def echo(parent: int, argument: str) -> None:
    """Serves the socket that it was given, and says who came."""
    with socket.socket(fileno=int(argument)) as listener:
        listener.settimeout(1.0)
        say(f'echo server on port {listener.getsockname()[1]}')
        for _ in steps(0.0, parent):
            try:
                connection, address = listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(1.0)
                try:
                    data = connection.recv(1024)
                    connection.sendall(data)
                except OSError:
                    continue
                say(f'{address[0]}:{address[1]} said {data.decode("utf-8", "replace").strip()}')


def client(parent: int, argument: str) -> None:
    """Talks to the echo server."""
    for number in steps(3.0, parent):
        _call_on(int(argument), f'hello {number}')


def _call_on(port: int, text: str) -> None:
    try:
        with socket.create_connection(('127.0.0.1', port), timeout=2) as connection:
            connection.sendall(f'{text}\n'.encode())
            say(f'heard {connection.recv(1024).decode().strip()}')
    except OSError as error:
        print(error, file=sys.stderr, flush=True)


PROGRAMS: dict[str, Callable[[int, str], None]] = {
    program.__name__: program for program in (colours, web, errors, job, firehose, patient, echo, client)
}

if __name__ == '__main__':
    name, parent, *rest = sys.argv[1:]
    try:
        PROGRAMS[name](int(parent), ''.join(rest))
    except (BrokenPipeError, KeyboardInterrupt):
        os._exit(0)
