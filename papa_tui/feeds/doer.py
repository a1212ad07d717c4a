"""The thread that asks the kernel to do something: one job at a time, on a connection of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from papa import Papa
from papa.errors import ConnectFailed, ConnectionLost, Error
from papa.line.calls import Call
from papa.line.kernels import Identity, identity

PATIENCE = 10  # seconds that a job may wait for the kernel, counted by whoever asked
_FOREVER = 86400.0  # seconds for a greeting: whoever asked knows better when to give up
_NOTHING = 'nothing was done'

Do = Callable[[Call], Any]  # makes it


class GivenUp(Error):
    """Nobody waits for it any more."""


class Unknown(ConnectionLost):
    """The connection broke after something had been asked for that changes what the kernel holds."""


class Job:
    """What to do: `work` gets a function that makes a `Call`, and makes as many as it needs. `done` gets the result, or
    the error.

    With a `kernel` it is for this one alone, and changes what it holds: each such call goes out only after the kernel
    has just answered on the same connection. So one that hangs has not been told, and it can be given up.
    """

    def __init__(
        self, work: Callable[[Do], Any], done: Callable[[Any, Error | None], object], kernel: Identity | None = None
    ) -> None:
        self.work = work
        self.done = done
        self.kernel = kernel
        self.result: Any = None
        self.error: Error | None = None
        self.seconds = 0  # that it has waited
        self.given_up = False
        self.sent = False
        self._lock = threading.Lock()

    def give_up(self) -> bool:
        """Do not begin it any more. Returns False if it was sent already: then nobody knows."""
        with self._lock:
            self.given_up = not self.sent
            return self.given_up

    def begin(self) -> None:
        """What changes something is sent now. Raises `GivenUp`."""
        with self._lock:
            if self.given_up:
                raise GivenUp(_NOTHING)
            self.sent = True


class Doer(threading.Thread):
    """Does jobs in the order in which they were asked for, and hands each to `finished`, by a call from this thread.
    Never starts a kernel."""

    def __init__(self, port_or_path: int | str | None, finished: Callable[[Job], None]) -> None:
        super().__init__(name='doer', daemon=True)
        self._where = port_or_path
        self._finished = finished
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._papa: Papa | None = None

    def do(self, job: Job) -> None:
        """Do something."""
        self._jobs.put(job)

    def again(self) -> Doer:
        """Another one for the jobs that this has not begun."""
        other = Doer(self._where, self._finished)
        other._jobs = self._jobs
        return other

    def stop(self) -> None:
        """End it after the job that is under way. Does not wait for that."""
        self._jobs.put(None)

    def run(self) -> None:
        """What the thread does."""
        while (job := self._jobs.get()) is not None:
            if not job.given_up:
                self._do(job)
                self._finished(job)
        if self._papa is not None:
            self._papa.close()

    def _do(self, job: Job) -> None:
        try:
            if job.kernel is not None:
                self._meet(job.kernel)
            job.result = job.work(lambda call: self._make(job, call))
        except (ConnectFailed, ConnectionLost) as error:
            unchanged = job.kernel is not None and not isinstance(error, Unknown) and _NOTHING not in str(error)
            job.error = ConnectFailed(f'{error}; {_NOTHING}') if unchanged else error
        except Error as error:
            job.error = error

    def _meet(self, kernel: Identity) -> None:
        """Raises `ConnectFailed` if it is another kernel that answers."""
        found = identity(self._read(Call('kernel_info', reads=True)))
        if found != kernel:
            raise ConnectFailed(f'Another kernel answers (pid {found[0]}); {_NOTHING}')

    def _make(self, job: Job, call: Call) -> Any:
        if job.kernel is None:
            return self._read(call)
        if not call.reads:
            job.begin()
        try:  # after a lost connection it may be another kernel: no second attempt
            return self._call(call)
        except ConnectionLost as error:
            if call.reads:
                raise
            raise Unknown(f'{error}: whether it was done is not known') from None

    def _read(self, call: Call) -> Any:
        """What only reads is asked for again on a new connection."""
        try:
            return self._call(call)
        except ConnectionLost:
            return self._call(call)

    def _call(self, call: Call) -> Any:
        self._papa = self._papa or Papa(self._where, _FOREVER, autostart=False)
        return getattr(self._papa, call.method)(*call.arguments, **call.keywords)
