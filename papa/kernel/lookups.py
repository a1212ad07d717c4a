"""Look-ups that may wait (host names, users, groups), each in a helper process of its own."""

from __future__ import annotations

import marshal
import os
import subprocess
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from papa import interpreter
from papa.errors import BadRequest, LimitReached, SystemFailure
from papa.kernel.loop import READ, Loop
from papa.kernel.origin import Origin
from papa.kernel.pending import Pending
from papa.kernel.sockets import failure
from papa.names import is_number, show

_TIMEOUT = 20  # seconds
_MAX_RUNNING = 16  # of each kind of question
_MAX_WAITING = 1000
_PROGRAM = interpreter.source_of('lookup.py')
_MAX_ID = 2**32 - 2


class Identity(NamedTuple):
    """As whom a process runs. `groups` None: it is the kernel's own user, nothing has to change."""

    uid: int
    gid: int
    groups: list[int] | None


def _is_id(text: str) -> bool:
    return is_number(text) and int(text) <= _MAX_ID


class Lookups:
    """Answers questions at once where that is certain not to wait, else as `Pending` results."""

    def __init__(self, loop: Loop, origin: Origin) -> None:
        self._loop = loop
        self._origin = origin
        self._running: set[_Question] = set()
        self._waiting: dict[str, deque[_Question]] = {}

    def host(self, name: str, family: str) -> Pending:
        """The address of a host name."""
        return self._ask('host', name, family)

    def identity(self, user: str | None, group: str | None) -> Pending:
        """The `Identity` for a user and a group, each a number, a name or None for the kernel's."""
        own = Identity(self._origin.uid, self._origin.gid, None)
        for key, text in (('uid', user), ('gid', group)):
            if text and text.lstrip('-').isdigit() and not _is_id(text):
                raise BadRequest(f'{key} must be a name or a number from 0 to {_MAX_ID}, not {show(text)}')
        if user in (None, str(own.uid)) and group in (None, str(own.gid)):
            pending = Pending()
            pending.resolve(own)
            return pending
        asked = self._ask('identity', user or '', group or '')
        return asked.then(lambda found: self._complete(own, group is None, *found))

    @staticmethod
    def _complete(
        own: Identity, no_group: bool, uid: int | None, gid: int | None, groups: list[int] | None
    ) -> Identity:
        uid = own.uid if uid is None else uid
        gid = own.gid if gid is None or (no_group and uid == own.uid) else gid
        if (uid, gid) == own[:2]:
            return own
        if own.uid != 0:
            raise BadRequest('Only a kernel that runs as root can start a process as another user or group')
        return Identity(uid, gid, os.getgroups() if groups is None else groups)

    def _ask(self, question: str, *words: str) -> Pending:
        asked = _Question(self._loop, self._origin, question, words, self._finished)
        waiting = self._waiting.setdefault(question, deque())
        if len(waiting) >= _MAX_WAITING:
            raise LimitReached('Too many look-ups are under way; try again')
        waiting.append(asked)
        self._start_next(question)
        return asked.answer

    def _start_next(self, question: str) -> None:
        """Start what waits. Host names and users do not wait for each other: their servers may not answer."""
        waiting = self._waiting[question]
        running = sum(asked.question == question for asked in self._running)
        while waiting and running < _MAX_RUNNING:
            asked = waiting.popleft()
            if asked.start():
                self._running.add(asked)
                running += 1

    def _finished(self, asked: _Question) -> None:
        self._running.discard(asked)
        self._start_next(asked.question)

    @property
    def helpers(self) -> list[int]:
        """The PIDs of the helpers that run."""
        return [asked.pid for asked in self._running]

    def close(self) -> None:
        """Give up what is being looked up."""
        self._waiting.clear()
        for asked in list(self._running):
            asked.close()


class _Question:
    """One helper: reads its answer, reaps it, and kills it when it takes too long."""

    def __init__(
        self, loop: Loop, origin: Origin, question: str, words: tuple[str, ...], finished: Callable[[_Question], None]
    ) -> None:
        self.question = question
        self.answer = Pending()
        self._loop = loop
        self._origin = origin
        self._words = words
        self._finished = finished
        self._data = b''

    @property
    def pid(self) -> int:
        """The PID of the helper."""
        return self._helper.pid

    def start(self) -> bool:
        """Start the helper. If that fails, this is the answer."""
        try:
            self._helper = subprocess.Popen(
                interpreter.command('-c', _PROGRAM, self.question, *self._words),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                start_new_session=True, close_fds=self._origin.guest,
            )
        except OSError as error:
            self.answer.resolve(failure('Cannot start a look-up', error))
            return False
        except ValueError:  # NUL, or what no encoding of the system knows
            self.answer.resolve(BadRequest('A name has a character that the system cannot look up'))
            return False
        assert self._helper.stdout is not None
        self._fd = self._helper.stdout.fileno()
        os.set_blocking(self._fd, False)
        self._loop.register(self._fd, READ, self._readable)
        self._timer = self._loop.call_later(_TIMEOUT, self._helper.kill)
        return True

    def _readable(self, _events: int) -> None:
        with suppress(BlockingIOError):
            data = os.read(self._fd, 65536)
            self._data += data
            if not data:
                self._loop.unregister(self._fd)
                self._loop.watch_exit(self._helper.pid, self._exited)

    def _exited(self) -> None:
        self._finish()
        try:
            kind, value = marshal.loads(self._data)  # noqa: S302 - written by our own helper
        except (EOFError, ValueError, TypeError):
            about = show(self._words[0] or self._words[1])
            self.answer.resolve(SystemFailure(f'The look-up of {about} failed or took over {_TIMEOUT} seconds'))
            return
        self.answer.resolve(value if kind == 'ok' else BadRequest(value))

    def close(self) -> None:
        """Give up: nobody will take the answer."""
        self._loop.unregister(self._fd)
        self._helper.kill()
        self._finish()

    def _finish(self) -> None:
        self._timer.cancel()
        self._helper.wait()
        assert self._helper.stdout is not None
        self._helper.stdout.close()
        self._finished(self)
