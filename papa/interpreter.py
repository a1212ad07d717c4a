"""Which Python runs papa's own helper programs: the kernel, the trampoline, the look-ups."""

from __future__ import annotations

import os
import sys

PACKAGE_DIRECTORY = os.path.dirname(os.path.abspath(__file__))


def command(*arguments: str) -> list[str]:
    """A command line for this interpreter, isolated from the user's Python settings and site packages."""
    return isolated(executable(), *arguments)


def isolated(python: str, *arguments: str) -> list[str]:
    """The same for any interpreter."""
    return [python, '-I', '-S', *arguments]


def executable() -> str:
    """The path of a Python interpreter; a program that embeds Python may not be one itself."""
    if sys.executable and 'python' in os.path.basename(sys.executable).lower():
        return sys.executable
    return os.path.join(sys.exec_prefix, 'bin', f'python{sys.version_info[0]}.{sys.version_info[1]}')


sources: dict[str, str] = {}  # the texts of helper programs that were read, by their paths


def source_of(name: str) -> str:
    """The text of a helper program of the kernel, read at its start: the files may be replaced while it runs."""
    path = os.path.join(PACKAGE_DIRECTORY, 'kernel', name)
    with open(path, encoding='utf-8') as file:
        sources[path] = text = file.read()
    return text
