"""Asking the kernel for something, and telling a person what has become of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from papa.errors import Error
from papa.line.calls import Call
from papa.line.kernels import Identity
from papa.line.quoting import join
from papa_tui.feeds.doer import PATIENCE, Do, GivenUp, Job, Unknown
from papa_tui.model.noted import Noted, operands
from papa_tui.model.text import harmless
from papa_tui.screens.board import Board

_SOON = 2  # seconds without an answer before that is told
_SHOWN = 60  # characters of a command

Done = Callable[[Any, Error | None], object]


class Asking(Board):
    """What changes something is done now or not at all: with a kernel that does not answer it is given up after
    `patience` seconds, or by escape, and cannot happen later. `commands` are those that were done."""

    patience = PATIENCE

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.noted = Noted()
        self._jobs: dict[Job, list[str]] = {}  # that wait for the kernel, and the commands that they equal

    @property
    def commands(self) -> list[str]:
        """The commands of papa-shell that equal what was done."""
        return self.noted.lines

    def no_kernel(self) -> str:
        """Why nothing can be changed now; empty if it can."""
        model = self.model
        if model.broken and model.lost_at is not None:
            return 'papa-tui has failed, and knows nothing of the kernel any more: nothing was done'
        if model.kernel is None or model.lost_at is not None:
            return 'There is no kernel: nothing was done'
        if model.silent_since is not None:
            return 'The kernel does not answer: nothing was done'
        return ''

    def ask_kernel(self, call: Call, done: Done) -> Job:
        """Make a call that only reads."""
        job = Job(lambda do: do(call), done)
        self._begin(job, call.method.split('_'))
        return job

    def forget(self, job: Job) -> None:
        """Nobody waits for this any more."""
        job.give_up()
        self._jobs.pop(job, None)

    def change(
        self, words: list[str], work: Callable[[Do], Any], done: Done, kernel: Identity | None = None
    ) -> None:
        """Let `work` change what the kernel holds; `words` are the command that it equals. With a `kernel` it was meant
        for that one, whichever there is now."""
        trouble = self.no_kernel()
        if trouble:
            done(None, GivenUp(trouble))
            return

        def told(result: Any, error: Error | None) -> None:
            if error is None and result != []:  # a list has what was removed
                self.noted.done([*words[:2], *operands(result)] if words[0] == 'remove' else words)
            elif isinstance(error, Unknown):
                self.noted.unknown(words)
            done(result, error)

        self._begin(Job(work, told, kernel or self.model.kernel), words)

    def _begin(self, job: Job, words: list[str]) -> None:
        self._jobs[job] = words
        self.dashboard.do(job)

    def finished(self, job: Job) -> None:
        """A job has an answer."""
        if self._jobs.pop(job, None) is not None:
            job.done(job.result, job.error)

    def second(self) -> None:
        """A second has passed: what waits for longer than one likes is told, or given up."""
        for job, words in list(self._jobs.items()):
            job.seconds += 1
            if job.seconds == self.patience:
                self._too_late(job, words)
            elif job.seconds == _SOON:
                self.say(f'The kernel has not answered yet: {_shown(words)}  (esc gives it up)', 'warn')

    def _too_late(self, job: Job, words: list[str]) -> None:
        if job.give_up():
            self._drop(job, f'The kernel has not answered in {self.patience} seconds: {_nothing(job)}')
        else:
            self.noted.unknown(words)
            self.say(f'Told the kernel, which has not answered: not known whether it was done: {_shown(words)}', 'bad')

    def give_up(self) -> bool:
        """Give up what waits and was not sent. Returns whether anything was."""
        waiting = [job for job in self._jobs if job.seconds >= _SOON and job.give_up()]
        for job in waiting:
            self._drop(job, f'Given up: {_nothing(job)}')
        return bool(waiting)

    def _drop(self, job: Job, why: str) -> None:
        del self._jobs[job]
        job.done(None, GivenUp(why))


def _nothing(job: Job) -> str:
    return 'nothing was read' if job.kernel is None else 'nothing was done'


def _shown(words: list[str]) -> str:
    return harmless(join(words)[:_SHOWN])
