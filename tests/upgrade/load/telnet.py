"""A watcher that speaks the telnet dialect: batch after batch, each acknowledged by a line."""

from __future__ import annotations

import re
import socket
from typing import BinaryIO, cast

from .crew import Crew, each_in_a_thread
from .verify import DiscrepancyError, Transcript, check
from .workers import Report, Stage

_WATCHING = re.compile(rb'(?P<name>\S+) pid=(?P<pid>\d+) .*?\bid=(?P<id>\S+)')


def dial(where: int | str) -> socket.socket:
    """A raw connection to a port of this machine or to a path."""
    if isinstance(where, int):
        return socket.create_connection(('127.0.0.1', where))
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(where)
    return connection


class Line:
    """A raw connection that speaks the telnet dialect."""

    def __init__(self, where: int | str) -> None:
        self._socket = dial(where)
        self._file = cast(BinaryIO, self._socket.makefile('rb', 1 << 20))
        self.until_prompt()

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()

    def say(self, data: bytes) -> None:
        """Send it, whole."""
        self._socket.sendall(data)

    def line(self) -> bytes:
        """The next line, with its end."""
        line = self._file.readline()
        check(line.endswith(b'\n'), f'a telnet connection was closed after {line!r}')
        return line

    def take(self, size: int) -> bytes:
        """The next so many bytes."""
        data = self._file.read(size)
        check(len(data) == size, f'a telnet connection was closed after {data[-60:]!r}')
        return data

    def until_prompt(self) -> bytes:
        """What comes before the next prompt: a greeting or a reply."""
        found = bytearray()
        while not found.endswith(b'\n> '):
            found += self.take(1)
        return bytes(found[:-3])

    def ask(self, text: str) -> bytes:
        """The reply to a line."""
        self.say(text.encode() + b'\n')
        return self.until_prompt()


def telnet(stage: Stage, report: Report, slots: int) -> None:
    """Writers one after the other, under the same name, on one connection for each."""
    each_in_a_thread(stage, report, 'telnet', slots, _watch)


def _watch(stage: Stage, crew: Crew) -> None:
    with Line(stage.where) as line:
        while not (crew.counts['writers started'] and stage.stopping):
            plan = crew.new_plan()
            line.say(f'make process {crew.name} {plan.telnet_words}\n'.encode())
            reply = line.line()
            found = _WATCHING.match(reply)
            check(found, f'{crew.name}: {reply!r}')
            assert found is not None
            transcript = crew.enter(crew.name, plan, {'id': found['id'].decode(), 'pid': int(found['pid'])})
            _Batches(stage, crew, line, transcript).take()
            crew.transcripts.clear()


class _Batches:
    """The batches of one watch."""

    def __init__(self, stage: Stage, crew: Crew, line: Line, transcript: Transcript) -> None:
        self._stage = stage
        self._crew = crew
        self._line = line
        self._transcript = transcript

    def take(self) -> None:
        """Until nothing is left to watch."""
        while not self._transcript.closed:
            self._batch()
            self._crew.counts['batches'] += 1
            self._crew.tell_to_end()
            self._answer()
        check(self._line.until_prompt() == b'Nothing left to watch', f'{self._crew.name}: the watch does not end')

    def _batch(self) -> None:
        while (head := self._line.take(2)) != b'] ':
            fields = (head + self._line.line()).rstrip(b'\n').split(b':')
            check(len(fields) == 4 and fields[1] == self._crew.name.encode(), f'{self._crew.name}: {fields}')
            kind, number = fields[0].decode(), int(fields[3])
            if kind == 'closed':
                self._transcript.close(number)
                self._crew.counts['writers exited'] += 1
            elif kind in ('out', 'err'):
                self._transcript.take(kind, self._line.take(number))
                self._crew.counts['bytes compared'] += number
                check(self._line.take(1) == b'\n', f'{self._crew.name}: no newline after a piece')
            else:
                raise DiscrepancyError(f'{self._crew.name}: {fields}')

    def _answer(self) -> None:
        """Ask for more; sometimes in two parts, sometimes by stopping and watching anew."""
        way = 'more' if self._transcript.closed else self._crew.dice.choice(('more', 'more', 'parts', 'again'))
        if way == 'again':
            reply = self._line.ask('q')
            check(reply == b'Stopped watching', f'{self._crew.name}: {reply!r}')
            self._line.say(f'watch processes {self._crew.name}\n'.encode())
            check(self._line.line() == b'Watching 1\n', f'{self._crew.name}: it does not go on')
        elif way == 'parts':
            self._line.say(b'more, ')
            self._stage.stop.wait(self._crew.dice.random() / 10)
            self._line.say(b'please\n')
        else:
            self._line.say(b'\n')
