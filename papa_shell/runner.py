"""Runs lines: from a `Line` to its result on standard output, and a status."""

from __future__ import annotations

import os

from papa.errors import BadRequest, Error, NotFound
from papa.line import calls
from papa.line.grammar import mistaken
from papa.names import show as quoted
from papa_shell import formats, statuses
from papa_shell.output import Program, ReaderGone, Writer
from papa_shell.session import Interrupted
from papa_shell.statuses import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from papa.line.calls import Call
    from papa.line.grammar import Line
    from papa_shell.session import Session


class Unforeseen(Error):
    """What should not have happened. A kernel of another version may have answered in a form that we do not know."""

    def __init__(self, error: Exception) -> None:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f' ({os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno})' if trace else ''
        super().__init__(
            f'The kernel is of another version, or papa-shell has a fault: {type(error).__name__}: {error}{where}'
        )


class Runner:
    """Runs lines of one session. `defaults` are the options that hold where a line does not say otherwise."""

    def __init__(
        self, session: Session, defaults: dict[str, Any], *, script_on_stdin: bool = False,
        writer: Writer | None = None, person: bool = False,
    ) -> None:
        """`person`: somebody sits at the prompt, and is told what a script sees by the status."""
        self._session = session
        self._defaults = defaults
        self._writer = writer or Writer()
        self._script_on_stdin = script_on_stdin
        self._person = person

    def run(self, line: Line, where: str = '') -> int:
        """Run a line; say what is wrong, after `where` it stands. Returns the exit status.

        Raises `ReaderGone` if whoever reads standard output has left, and what interrupts it.
        """
        try:
            return self.attempt(line)
        except Error as error:
            say(str(error), where)
            return statuses.of(error)
        except Interrupted as interrupt:
            if str(interrupt):
                say(str(interrupt), where)
            raise

    def attempt(self, line: Line) -> int:
        """Run a line. Returns the exit status. Raises an `Error` if it fails, beside what `run` raises."""
        try:
            return self._attempt(line)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise Unforeseen(error) from error

    def _attempt(self, line: Line) -> int:
        flags = {**self._defaults, **line.flags}
        for one, other in (('port', 'unix_socket'), ('unix_socket', 'port')):
            if one in line.flags:
                flags.pop(other, None)
        if line.pipe is None:
            return self._run(line, flags, self._writer)
        return self._run_piped(line, flags, line.pipe)

    def _run_piped(self, line: Line, flags: dict[str, Any], command: str) -> int:
        """Run a line whose output goes to a program. Its status is that of the line or, if that is 0, the program's."""
        program = Program(command)
        status = statuses.OK
        with program as writer:
            try:
                status = self._run(line, flags, writer)
            except ReaderGone:
                pass  # it has seen enough
        return status or program.status

    def _run(self, line: Line, flags: dict[str, Any], writer: Writer) -> int:
        if 'output' not in flags:  # a table if there is somebody to see it, and something to draw it
            flags['output'] = 'table' if writer.is_terminal else 'plain'
            flags['default'] = True
        call = calls.call(line, self._text(line))
        if call is None:
            return self._local(line, flags, writer)
        if call.streams:
            from papa_shell.watching import stream

            return stream(self._session, line, call, flags, writer)
        if line.command.words[0] == 'remove':
            from papa_shell.removing import remove

            return remove(self._session, line, call, flags)
        if call.method == 'exit_if_idle':
            from papa_shell.idle import exit_if_idle

            return exit_if_idle(self._session, line, call, flags)
        return self._answer(line, call, flags, writer)

    def _answer(self, line: Line, call: Call, flags: dict[str, Any], writer: Writer) -> int:
        data = self._session.call(line, call, flags)
        if call.method == 'get' and data is None:
            if self._person:
                raise NotFound(f'There is no value {quoted(line.operands[0])}')
            return statuses.FAILED
        if not data and flags['output'] == 'table' and writer.is_terminal and line.command.words[0] == 'list':
            say(nothing(line))
            return statuses.OK
        if call.method == 'set' and self._person and (found := mistaken(line)):
            say(f'That is the value {quoted(line.operands[0])}, which is cleared now{found}')
        result = formats.result(line, data)
        show(_render(result, flags, writer), flags, writer)
        return statuses.OK

    def _local(self, line: Line, flags: dict[str, Any], writer: Writer) -> int:
        if line.command.name == 'help':
            pretty = flags['output'] == 'table' and writer.is_terminal
            show(help_on(line.operands, pretty=pretty), flags, writer)
        return statuses.OK

    def _text(self, line: Line) -> str | None:
        """The value that ``--file`` asks for. Raises an `Error`."""
        path = line.flags.get('file')
        if path is None:
            return None
        if path == '-' and self._script_on_stdin:
            raise BadRequest('--file - is standard input, and that is the script')
        from papa.line.files import read_text

        return read_text(path)


def nothing(line: Line) -> str:
    """Where a command has found nothing, what to say: ``No value matches "web.*"``."""
    from papa.options import KINDS

    kinds = line.command.words[-1]
    if not line.operands:
        return f'There are no {kinds}'
    return f'No {KINDS[kinds]} matches {", ".join(map(quoted, line.operands))}'


def _render(result: formats.Result, flags: dict[str, Any], writer: Writer) -> bytes:
    how = flags['output']
    terminal = writer.is_terminal
    if how == 'table' and result.kind in ('sockets', 'processes', 'values', 'record'):
        try:
            from papa_shell.tables import table
        except ImportError:
            if 'default' not in flags:
                raise BadRequest("Tables need the shell extra: pip install 'papa[shell]'") from None
        else:
            return table(result, terminal=terminal)
    return formats.render(
        result, 'plain' if how == 'table' else how, raw='raw' in flags, terminal=terminal and 'raw' not in flags
    )


def show(data: bytes, flags: dict[str, Any], writer: Writer) -> None:
    """Write a result, a long one through a pager where a person reads it. Raises as `Writer.write`."""
    if writer.is_terminal and 'no_pager' not in flags and 'raw' not in flags:
        from papa_shell import pager

        pager.write(data, writer)
    else:
        writer.write(data)


def help_on(words: Sequence[str], *, pretty: bool) -> bytes:
    """Help on what words name; `pretty` as rich draws it, where that is installed. Raises `BadRequest`."""
    if pretty:
        try:
            from papa_shell.pages import page
        except ImportError:
            pass
        else:
            return page(words)
    from papa_shell.help import text

    return text(words).encode()
