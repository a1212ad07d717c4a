"""What one can do that changes what the kernel holds: by keys with a small form, or on the ``:`` line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from papa.errors import BadRequest, Error
from papa.line.calls import Call, call
from papa.line.candidates import Candidates, candidates
from papa.line.grammar import Line, parse, parse_words
from papa.line.lookups import Lookups
from papa.line.quoting import split
from papa_tui.actions import SOCKETS, VALUES
from papa_tui.feeds.files import read_file
from papa_tui.model import commands
from papa_tui.model.text import harmless
from papa_tui.model.things import Value
from papa_tui.screens.acknowledging import Acknowledging
from papa_tui.screens.form import Field, Filled, Form
from papa_tui.screens.overlay import Piece, Question, Reader

_NO_PIPES = 'There are no pipes here: papa-shell has them'
_MORE = Field('more', 'more options', hint='option=value …, as papa-shell has them')
_SOCKET_FIELDS = (
    Field('name', 'name'), Field('port', 'port', hint='empty: the system assigns one'),
    Field('host', 'host', hint='127.0.0.1'), Field('path', 'or a path', hint='of a Unix socket, absolute'),
    Field('backlog', 'backlog', hint='5'), _MORE,
)
_PROCESS_FIELDS = (
    Field('name', 'name'), Field('command', 'command', hint='program and arguments, quoted as in a shell'),
    Field('working_dir', 'directory', hint="the kernel's; absolute"), Field('bufsize', 'buffer', hint='1m'),
    Field('overflow', 'overflow', hint='drop, or block'), _MORE,
)


class Acting(Acknowledging):
    """The actions that change something, and the ``:`` line."""

    _lookups = Lookups()

    # Doing a command

    def run_words(self, words: list[str]) -> None:
        """Do a command that consists of these words."""
        line = parse_words(words)
        if line is not None:
            self.run_line(line)

    def run_line(self, line: Line, *, asked: bool = False) -> None:
        """Do a command; ask before what cannot be undone."""
        if self.settings.read_only and line.command.name in commands.CHANGING:
            self.refuse()
            return
        question = '' if asked else commands.question(line, self.model)
        if question:
            self.lay_over(
                Question(line.command.name, question, 'do it'),
                lambda yes: self._call(line) if yes else self.say('Nothing was changed'),
            )
        else:
            self._call(line)

    def _call(self, line: Line) -> None:
        try:
            made = call(line, _file(line))
        except Error as error:
            self.say(str(error), 'bad')
            return
        if made is None:
            self._without_kernel(line)
        elif made.streams:
            self._stream(line, made)
        else:
            self.note_command(split(line.full).texts)
            self.dashboard.do_call(made, lambda result, error: self._called(line, result, error))
            if self.model.silent_since is not None:
                self.say('The kernel does not answer: this is done when it does', 'warn')

    def _called(self, line: Line, result: Any, error: Error | None) -> None:
        if error is not None:
            self.say(str(error), 'bad')
            return
        text = commands.answer(line, result)
        if text:
            self.lay_over(Reader(harmless(line.full), lambda: text))
        else:
            self.say(commands.done(line, result), 'good')

    def _without_kernel(self, line: Line) -> None:
        if line.leaves:
            self.do_quit()
        else:
            from papa.help import text

            lines: list[list[Piece]] = [[(each, '')] for each in text(line.operands).splitlines()]
            self.lay_over(Reader('Help', lambda: lines))

    def _stream(self, line: Line, made: Call) -> None:
        """What has no answer but goes on is for the panes that show such things."""
        if made.method == 'changes':
            self.do_timeline()
            return
        if made.method == 'make_process':
            made.keywords.pop('watch_immediately')
            self.note_command(split(line.full).texts)
            self.dashboard.do_call(made, lambda result, error: self._started(line, result, error))
            return
        self.open_pane(tuple(line.operands) or ('*',))
        if made.keywords.get('peek'):
            self.note_command(split(line.full).texts)
        else:
            self.do_log()

    def _started(self, line: Line, result: Any, error: Error | None) -> None:
        self._called(line, result, error)
        if error is None:
            self.open_pane((line.operands[0],))

    # The line

    def do_command(self) -> None:
        """Ask for a command."""
        self.prompt.ask(
            ':', '', typed=self._typed_command, entered=self.enter_command, past=self.commands,
            complete=self._candidates,
        )

    def _candidates(self, text: str, cursor: int) -> Candidates:
        """What may stand at the cursor. Disks that hang are not waited for."""
        found, _ = self._lookups.find(lambda system: candidates(text, cursor, self.model.names, system))
        return found

    def _typed_command(self, text: str) -> None:
        self.say(_NO_PIPES if split(text).pipe is not None else '', 'warn')

    def enter_command(self, text: str) -> None:
        """Do what was typed."""
        try:
            line = parse(text)
            if line is not None and line.pipe is not None:
                raise BadRequest(_NO_PIPES)
            if line is not None:
                self.run_line(line)
        except Error as error:
            self.say(str(error), 'bad')

    def do_commands(self) -> None:
        """The commands of papa-shell that equal what was done."""
        lines: list[list[Piece]] = [[(harmless(f'papa-shell {each}'), '')] for each in self.commands]
        empty: list[list[Piece]] = [[('Nothing has been done yet.', 'dim')]]
        self.lay_over(Reader('What was done, as commands of papa-shell; c copies', lambda: lines or empty))

    # Forms

    def do_make(self) -> None:
        """Make one more of what the pane is about."""
        place = self.table.kind
        if place == SOCKETS:
            self._ask('Make a socket', _SOCKET_FIELDS, _socket_words)
        elif place == VALUES:
            self._ask('Set a value', (Field('name', 'name'), Field('value', 'value', long=True)), _value_words)
        else:
            self._ask('Make a process', _PROCESS_FIELDS, _process_words)

    def _ask(self, title: str, fields: tuple[Field, ...], words: Callable[[Filled], list[str]]) -> None:
        def check(filled: Filled) -> None:
            line = parse_words(words(filled))
            assert line is not None
            call(line, None)

        def entered(filled: Filled | None) -> None:
            if filled is not None:
                self.run_words(words(filled))

        self.lay_over(Form(title, fields, check), entered)

    def do_edit(self) -> None:
        """Edit the value; it is set only if nobody has set it meanwhile."""
        row = self.table.view.row
        if not isinstance(row, Value):
            return
        if row.whole:
            self._edit(row.name, row.text)
        else:
            name = row.name
            get = Call('get', name, reads=True)
            self.dashboard.do_call(get, lambda text, error: self._edit_whole(name, text, error))

    def _edit_whole(self, name: str, text: Any, error: Error | None) -> None:
        if error is not None or text is None:
            self.say(str(error or 'It is not set any more'), 'bad')
        else:
            self._edit(name, text)

    def _edit(self, name: str, text: str) -> None:
        if not _can_be_edited(text):
            self.say('This value has characters that an editor would change: papa-shell set --file keeps them', 'warn')
            return
        fields = (Field('name', 'name', name, fixed=True), Field('value', 'value', text, long=True))

        def words(filled: Filled) -> list[str]:
            return ['compare-and-set', name, f'expected={text}', f'value={filled["value"]}']

        self._ask(f'Edit {harmless(name)}', fields, words)

    def do_remove(self) -> None:
        """Forget processes, close sockets, clear values: those that are marked, or the row."""
        table = self.table
        names = table.view.chosen()
        if names:
            self.run_words(['remove', table.kind, *names])


def _can_be_edited(text: str) -> bool:
    """Whether an editor gives it back as it is: it would turn whatever ends a line into a newline."""
    flat = text.replace('\n', '')
    return flat.splitlines() in ([], [flat]) and not any(c == '\0' or '\ud800' <= c < '\ue000' for c in flat)


def _given(filled: Filled, *keys: str) -> list[str]:
    """The fields that are not empty, as options, and the rest of them."""
    words = [f'{key}={filled[key]}' for key in keys if filled[key].strip()]
    return words + split(filled['more']).texts


def _named(filled: Filled) -> str:
    name = filled['name'].strip()
    if not name:
        raise BadRequest('It needs a name')
    return name


def _socket_words(filled: Filled) -> list[str]:
    return ['make', 'socket', _named(filled), *_given(filled, 'port', 'host', 'path', 'backlog')]


def _process_words(filled: Filled) -> list[str]:
    found = split(filled['command'])
    if found.open:
        raise BadRequest(f'The quote {found.open} has no end')
    if not found.words:
        raise BadRequest('It needs a command')
    options = _given(filled, 'working_dir', 'bufsize', 'overflow')
    return ['make', 'process', _named(filled), *options, '--', *found.texts]


def _value_words(filled: Filled) -> list[str]:
    return ['set', '--', _named(filled), filled['value']]


def _file(line: Line) -> str | None:
    """The text that ``set --file`` asks for. Raises an `Error`."""
    path = line.flags.get('file')
    if path is None:
        return None
    if path == '-':
        raise BadRequest('There is no standard input here: give the path of a file')
    return read_file(path)
