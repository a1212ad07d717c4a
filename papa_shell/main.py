"""The ``papa-shell`` command: a command in its arguments, a script, or the prompt."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress

from papa.errors import Error
from papa.line.grammar import parse_arguments
from papa_shell import statuses
from papa_shell.output import STDOUT, ReaderGone, Writer
from papa_shell.statuses import PROGRAM, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

    from papa.line.grammar import Line

_STDIN = 0
_COMPLETE = '--complete'  # hidden: for the functions of `completions`
_FOR_THE_START = ('print_completion', 'script', 'keep_going', 'dry_run', 'strict', 'vi', 'version', 'help')
_ALONE = {'script': 'scripts', 'keep_going': 'scripts', 'vi': 'the prompt'}  # not for one command, but for these


def main() -> NoReturn:
    """The program: run it with its arguments, and end it.

    One command takes some 20 ms beside those of the interpreter. Looking for garbage meanwhile, and taking everything
    apart afterwards, would be a fifth of that: there is nothing left that needs it.
    """
    gc.disable()
    status = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
    os._exit(status)


def run(arguments: Sequence[str]) -> int:
    """Do what these arguments say. Returns the exit status."""
    _open_standard_descriptors()
    try:
        return _main([_as_utf8(word) for word in arguments])
    except Error as error:
        say(str(error))
        return statuses.of(error)
    except KeyboardInterrupt:
        return statuses.INTERRUPTED
    except ReaderGone:
        return statuses.OK


def _main(words: list[str]) -> int:
    if words[:1] == [_COMPLETE]:
        from papa_shell import completing

        return completing.main(words[1:])
    flags, line = parse_arguments(words)
    if 'version' in flags:
        from papa.version import __version__

        Writer().write(f'{PROGRAM} {__version__}\n'.encode())
        return statuses.OK
    if 'help' in flags:
        return _help(flags)
    if 'print_completion' in flags:
        return _print_completion(flags['print_completion'])
    if line is not None:
        _check_alone(words, flags)
        return _one(line, flags)
    if 'script' not in flags and 'dry_run' not in flags and os.isatty(_STDIN) and os.isatty(STDOUT):
        return _prompt(flags)
    return _script(flags)


def _print_completion(shell: str) -> int:
    try:
        from papa_shell.completions import script
    except ImportError:
        say("Completion scripts need the shell extra: pip install 'papa[shell]'")
        return statuses.FAILED
    Writer().write(script(shell).encode())
    return statuses.OK


def _help(flags: dict[str, Any]) -> int:
    from papa_shell.help import program
    from papa_shell.runner import show

    writer = Writer()
    data = program().encode()
    if writer.is_terminal:
        with suppress(ImportError):
            from papa_shell import pages

            data = pages.program()
    show(data, flags, writer)
    return statuses.OK


def _check_alone(words: Sequence[str], flags: dict[str, Any]) -> None:
    """Raises `BadLine` for an option that would be ignored."""
    for name, what in _ALONE.items():
        if name in flags:
            from papa.line.errors import BadLine
            from papa.line.flags import typed

            raise BadLine(f'{typed(name, words)} is for {what}: give it without a command')


def _one(line: Line, flags: dict[str, Any]) -> int:
    """Run the command in the arguments."""
    line.flags = _lasting(flags)
    if line.short or 'dry_run' in flags:
        from papa_shell.scripts import Abbreviations, show

        if 'dry_run' not in flags or 'strict' in flags:
            Abbreviations(strict='strict' in flags).check(line)
        if 'dry_run' in flags:
            return show(line)
    from papa_shell.runner import Runner
    from papa_shell.session import Session

    with Session() as session:
        return Runner(session, {}).run(line)


def _script(flags: dict[str, Any]) -> int:
    gc.enable()  # a script may be long
    from papa_shell.runner import Runner
    from papa_shell.scripts import STANDARD_INPUT, Script, run
    from papa_shell.session import Steady

    script = Script(flags.get('script', STANDARD_INPUT))
    if script.is_stdin and os.isatty(_STDIN):
        say('Reading commands from the terminal; Ctrl-D ends them')
    with Steady() as session:
        lasting = {**_lasting(flags), 'no_pager': True}  # nobody sits there to leave one after each line
        runner = Runner(session, lasting, script_on_stdin=script.is_stdin)
        return run(script, runner, flags)


def _prompt(flags: dict[str, Any]) -> int:
    """The prompt, if what it needs is installed."""
    try:
        import prompt_toolkit  # noqa: F401
        import rich  # noqa: F401
    except ImportError:
        say("The prompt needs the shell extra: pip install 'papa[shell]'. Commands and scripts do without: see --help")
        return statuses.FAILED
    from papa_shell import prompt

    return prompt.main(flags)


def _lasting(flags: dict[str, Any]) -> dict[str, Any]:
    """Those options that are not for the start alone."""
    return {name: value for name, value in flags.items() if name not in _FOR_THE_START}


def _as_utf8(word: str) -> str:
    """An argument as its bytes mean it in UTF-8, whatever the locale."""
    try:
        return os.fsencode(word).decode('utf-8', 'surrogateescape')
    except UnicodeEncodeError:  # not from a command line
        return word


def _open_standard_descriptors() -> None:
    """See to it that no connection gets the number of one that came closed: results would go into it."""
    for fd in range(3):
        if not _is_open(fd):
            os.open('/dev/null', os.O_RDONLY)  # writing to it fails, as it should


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
