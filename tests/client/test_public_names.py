"""What `import papa` promises."""

from __future__ import annotations

import subprocess
import sys

import papa as library
from papa import Error, ProcessOutput


def test_the_constants_are_those_of_subprocess() -> None:
    assert (library.PIPE, library.STDOUT, library.DEVNULL) == (subprocess.PIPE, subprocess.STDOUT, subprocess.DEVNULL)


def test_every_error_is_an_error_and_a_runtime_error() -> None:
    assert issubclass(Error, RuntimeError)
    for name in ('BadRequest', 'NotFound', 'Conflict', 'LimitReached', 'SystemFailure', 'AccessDenied', 'Unsupported',
                 'ConnectFailed', 'ConnectionLost'):
        assert issubclass(getattr(library, name), Error)


def test_output_is_a_named_tuple_of_three() -> None:
    output = ProcessOutput('web', 1.5, b'data')
    name, timestamp, data = output
    assert (name, timestamp, data) == ('web', 1.5, b'data') == output
    assert (output.name, output.timestamp, output.data) == ('web', 1.5, b'data')


def test_everything_that_is_promised_is_there() -> None:
    for name in library.__all__:
        assert getattr(library, name) is not None


def test_importing_papa_loads_neither_the_kernel_nor_asyncio() -> None:
    code = 'import sys, papa; print([m for m in sys.modules if m.startswith("papa.kernel") or m == "asyncio"])'
    assert subprocess.run([sys.executable, '-c', code], stdout=subprocess.PIPE, check=True).stdout == b'[]\n'
