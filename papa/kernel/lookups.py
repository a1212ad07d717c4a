"""Look-ups that may wait (host names, users, groups), each in a helper process of its own."""

from __future__ import annotations

import marshal
import os
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from papa import interpreter
from papa.errors import BadRequest, LimitReached, SystemFailure
from papa.kernel.loop import READ, Loop
from papa.kernel.origin import Origin
from papa.kernel.pending import Pending
from papa.kernel.sockets import failure
from papa.names import show

_TIMEOUT = 20  # seconds
_MAX_RUNNING = 32
_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lookup.py')
_MAX_ID = 2**32 - 2


class Identity(NamedTuple):
    """As whom a process runs. `groups` None: it is the kernel's own user, nothing has to change."""

    uid: int
    gid: int
    groups: list[int] | None


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= _MAX_ID


class Lookups:
    """Answers questions at once where that is certain not to wait, else as `Pending` results."""

    def __init__(self, loop: Loop, origin: Origin) -> None:
        self._loop = loop
        self._origin = origin
        self._questions: set[_Question] = set()

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
        return self._ask('identity', user or '', group or '').then(lambda found: self._complete(own, *found))

    @staticmethod
    def _complete(own: Identity, uid: int | None, gid: int | None, groups: list[int] | None) -> Identity:
        uid = own.uid if uid is None else uid
        gid = own.gid if gid is None else gid
        if (uid, gid) == own[:2]:
            return own
        if own.uid != 0:
            raise BadRequest('Only a kernel that runs as root can start a process as another user or group')
        return Identity(uid, gid, os.getgroups() if groups is None else groups)

    def _ask(self, question: str, *words: str) -> Pending:
        if len(self._questions) >= _MAX_RUNNING:
            raise LimitReached('Too many look-ups are under way; try again')
        try:
            helper = subprocess.Popen(
                interpreter.command(_PROGRAM, question, *words),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                start_new_session=True, close_fds=self._origin.guest,
            )
        except OSError as error:
            raise failure('Cannot start a look-up', error) from None
        except ValueError:  # NUL, or what no encoding of the system knows
            raise BadRequest('A name has a character that the system cannot look up') from None
        asked = _Question(self._loop, helper, ' '.join(words).strip(), self._questions.discard)
        self._questions.add(asked)
        return asked.answer

    def close(self) -> None:
        """Give up what is being looked up."""
        for asked in list(self._questions):
            asked.close()


class _Question:
    """One helper: reads its answer, reaps it, and kills it when it takes too long."""

    def __init__(
        self, loop: Loop, helper: subprocess.Popen[bytes], about: str, finished: Callable[[_Question], None]
    ) -> None:
        self.answer = Pending()
        self._loop = loop
        self._helper = helper
        self._about = about
        self._finished = finished
        self._data = b''
        assert helper.stdout is not None
        self._fd = helper.stdout.fileno()
        os.set_blocking(self._fd, False)
        loop.register(self._fd, READ, self._readable)
        self._timer = loop.call_later(_TIMEOUT, helper.kill)

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
            self.answer.resolve(SystemFailure(f'The look-up of "{self._about}" failed or took over {_TIMEOUT} seconds'))
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
