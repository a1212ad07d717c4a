"""What one can do that changes what the kernel holds: by keys with a small form, or on the ``:`` line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from papa.client.settings import endpoint
from papa.errors import BadRequest, Conflict, ConnectFailed, Error
from papa.line.calls import Call, call
from papa.line.candidates import Candidates, candidates
from papa.line.grammar import Line, parse, parse_words
from papa.line.kernels import Identity
from papa.line.lookups import Lookups
from papa.line.quoting import join, split
from papa.line.removal import remove
from papa.names import show
from papa_tui.actions import SOCKETS, VALUES
from papa_tui.feeds.doer import Do
from papa_tui.feeds.files import read_file
from papa_tui.model import commands
from papa_tui.model.noted import operands
from papa_tui.model.text import harmless
from papa_tui.model.things import Value
from papa_tui.screens.acknowledging import Acknowledging
from papa_tui.screens.asking import Done
from papa_tui.screens.form import Field, Filled, Form
from papa_tui.screens.overlay import Piece, Question, Reader

Failed = Callable[[str], object]  # is told why

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

    def run_words(
        self, words: list[str], *, note: str = '', kernel: Identity | None = None, failed: Failed | None = None
    ) -> None:
        """Do a command that consists of these words; `note` is added to a question."""
        line = parse_words(words)
        if line is not None:
            self.run_line(line, note=note, kernel=kernel, failed=failed)

    def run_line(
        self, line: Line, *, note: str = '', kernel: Identity | None = None, failed: Failed | None = None
    ) -> None:
        """Do a command; ask before what cannot be undone. What is asked about is what is done: to the kernel and the
        things that were there then. With a `kernel` it is for that one. `failed` gets what went wrong; else it is
        said."""
        failed = failed or self._fail
        changes = line.command.name in commands.CHANGING
        if changes and self.settings.read_only:
            self.refuse()
            return
        try:
            if changes and self.no_kernel():
                raise ConnectFailed(self.no_kernel())
            made = call(line, _file(line))
            hit = commands.hit(line, self.model)
        except Error as error:
            failed(str(error))
            return
        kernel = kernel or self.model.kernel
        question = commands.question(line, self.model, hit)
        if line.command.name == 'acknowledge':
            note = self.unseen_of(line.operands[0], int(line.operands[1]))
        if made is None:
            self._without_kernel(line)
        elif made.streams:
            self._stream(line, made)
        elif question:
            self._name_exactly(line, made)
            self.lay_over(
                Question(line.command.name, f'{question}{note}', 'do it'),
                lambda yes: self._do(line, made, hit, kernel, failed) if yes else self.say('Nothing was changed'),
            )
        else:
            self._do(line, made, hit, kernel, failed)

    def _fail(self, why: str) -> None:
        self.say(why, 'bad')

    def _name_exactly(self, line: Line, made: Call) -> None:
        """What is acknowledged is the output of the process that has the name now."""
        process = self.model.processes.get(line.operands[0]) if line.command.name == 'acknowledge' else None
        if process is not None and len(made.arguments) == 2:
            made.arguments = (*made.arguments, process.id)

    def _do(
        self, line: Line, made: Call, hit: commands.Hit | None, kernel: Identity | None, failed: Failed
    ) -> None:
        def told(result: Any, error: Error | None) -> None:
            if error is None:
                self._called(line, result)
            else:
                failed(str(error))

        def work(do: Do) -> Any:
            return do(made) if hit is None else list(remove(do, hit.kinds, hit.told)[0])

        words = split(line.full).texts
        if line.command.name in commands.CHANGING:
            self.change(words, work, told, kernel)
        else:
            self.ask_kernel(made, lambda result, error: self._read(words, told, result, error))

    def _read(self, words: list[str], told: Done, result: Any, error: Error | None) -> None:
        if error is None:
            self.noted.done(words)
        told(result, error)

    def _called(self, line: Line, result: Any) -> None:
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
            self.change(
                split(line.full).texts, lambda do: do(made), lambda result, error: self._started(line, result, error)
            )
            return
        to_log = not made.keywords.get('peek')
        self.open_pane(tuple(line.operands) or ('*',), to_log=to_log)
        if to_log:
            self.do_log()

    def _started(self, line: Line, result: Any, error: Error | None) -> None:
        if error is not None:
            self._fail(str(error))
            return
        self._called(line, result)
        self.open_pane((line.operands[0],))

    # The line

    def do_command(self) -> None:
        """Ask for a command."""
        self.prompt.ask(
            ':', '', typed=self._typed_command, entered=self.enter_command, past=self.noted.past,
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
        self.noted.typed(text)
        try:
            line = parse(text)
            if line is not None and line.pipe is not None:
                raise BadRequest(_NO_PIPES)
            if line is not None:
                self.run_line(line)
        except Error as error:
            self.say(str(error), 'bad')

    @property
    def _place(self) -> str:
        """The options that lead to this kernel, where it is not that of the environment."""
        where = self.settings.where
        return '' if where is None else f'{join(list(endpoint(where).arguments))} '

    def do_commands(self) -> None:
        """The commands of papa-shell that equal what was done."""
        lines: list[list[Piece]] = [
            [(harmless(each), 'dim') if each.startswith('#') else (harmless(f'papa-shell {self._place}{each}'), '')]
            for each in self.commands
        ]
        empty: list[list[Piece]] = [[('Nothing has been done yet.', 'dim')]]
        self.lay_over(Reader('What was done, as commands of papa-shell; c copies', lambda: lines or empty))

    # Forms

    def do_make(self) -> None:
        """Make one more of what the pane is about."""
        place = self.table.kind
        if place == SOCKETS:
            self._ask('Make a socket', _SOCKET_FIELDS, _socket_words)
        elif place == VALUES:
            self._ask('Set a value', (Field('name', 'name'), Field('value', 'value', long=True)), self._new_value)
        else:
            self._ask('Make a process', _PROCESS_FIELDS, _process_words)

    def _ask(
        self, title: str, fields: tuple[Field, ...], words: Callable[[Filled], list[str]], *,
        kernel: Identity | None = None, trouble: str = '',
    ) -> None:
        """Ask for the fields and do it. What was typed is there again if it fails."""

        def check(filled: Filled) -> None:
            line = parse_words(words(filled))
            assert line is not None
            call(line, None)
            if self.no_kernel():
                raise ConnectFailed(self.no_kernel())

        def entered(filled: Filled | None) -> None:
            if filled is not None:
                self.run_words(words(filled), kernel=kernel, failed=lambda why: again(filled, why))

        def again(filled: Filled, why: str) -> None:
            if self.is_current and not self.prompt.is_open:
                typed = tuple(field._replace(value=filled[field.key]) for field in fields)
                self._ask(title, typed, words, kernel=kernel, trouble=why)
            else:
                self._fail(why)

        self.lay_over(Form(title, fields, check, trouble), entered)

    def _new_value(self, filled: Filled) -> list[str]:
        """Set it only if there is none: one more is not another one. Raises an `Error`."""
        name = _named(filled)
        if name in self.model.values:
            raise Conflict(f'There is a value {show(name)} already: e edits it')
        return ['compare-and-set', *operands([name]), f'value={filled["value"]}']

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
            self.ask_kernel(get, lambda text, error: self._edit_whole(name, text, error))

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
            return ['compare-and-set', *operands([name]), f'expected={text}', f'value={filled["value"]}']

        self._ask(f'Edit {harmless(name)}', fields, words, kernel=self.model.kernel)

    def do_remove(self) -> None:
        """Forget processes, close sockets, clear values: those that are marked, or the row."""
        table = self.table
        names = table.view.chosen()
        hidden = table.view.hidden(names)
        note = f'\n{hidden} of them {"is" if hidden == 1 else "are"} hidden by the filter.' if hidden else ''
        if names:
            self.run_words(['remove', table.kind, *operands(names)], note=note)


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
    return ['make', 'socket', *operands([_named(filled)]), *_given(filled, 'port', 'host', 'path', 'backlog')]


def _process_words(filled: Filled) -> list[str]:
    found = split(filled['command'])
    if found.open:
        raise BadRequest(f'The quote {found.open} has no end')
    if not found.words:
        raise BadRequest('It needs a command')
    options = _given(filled, 'working_dir', 'bufsize', 'overflow')
    return ['make', 'process', _named(filled), *options, '--', *found.texts]


def _file(line: Line) -> str | None:
    """The text that ``set --file`` asks for. Raises an `Error`."""
    path = line.flags.get('file')
    if path is None:
        return None
    if path == '-':
        raise BadRequest('There is no standard input here: give the path of a file')
    return read_file(path)
