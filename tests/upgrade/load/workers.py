"""Processes that put load on a kernel and verify what they get; each reports what it did, or what was wrong."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from random import Random
from typing import Any

from papa import Papa

_fork = multiprocessing.get_context('fork')


@dataclass(frozen=True)
class Stage:
    """Where a worker acts. It begins at `go`, and comes to its end after `stop`."""

    where: int | str  # the port of the kernel, or the path of its socket
    seed: int
    go: Event
    stop: Event

    @classmethod
    def new(cls, where: int | str, seed: int) -> Stage:
        """One that is quiet as yet."""
        return cls(where, seed, _fork.Event(), _fork.Event())

    @property
    def stopping(self) -> bool:
        """Whether to come to the end."""
        return self.stop.is_set()

    def connect(self) -> Papa:
        """A client that would never start a kernel."""
        return Papa(self.where, autostart=False)

    def dice(self, name: str) -> Random:
        """Random numbers of one's own."""
        return Random(f'{self.seed} {name}')


@dataclass
class Report:
    """What a worker did: amounts that are added up with those of others, and what only it knows."""

    counts: Counter[str] = field(default_factory=Counter)
    found: dict[str, Any] = field(default_factory=dict)
    trouble: str = ''  # a line, and perhaps a trace


Work = Callable[[Stage, Report], None]


class Worker:
    """One process. Fork it before there are threads or connections."""

    def __init__(self, name: str, stage: Stage, work: Work) -> None:
        self.name = name
        self.pipe, end = _fork.Pipe(duplex=False)
        self._process = _fork.Process(target=_run, args=(stage, work, end), name=name)
        self._process.start()
        end.close()
        self._report: Report | None = None

    @property
    def report(self) -> Report:
        """Its report; waits for it."""
        if self._report is None:
            try:
                self._report = self.pipe.recv()
            except EOFError:
                self._process.join()
                self._report = Report(trouble=f'it died ({self._process.exitcode})')
        return self._report

    def end(self) -> None:
        """Wait for its end."""
        self._process.join()
        self.pipe.close()

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self.end()

    def tell_where(self) -> None:
        """Let it say on the standard error where it hangs."""
        print(f'{self.name} (PID {self._process.pid}) is here:', file=sys.stderr, flush=True)
        if self._process.pid is not None and self._process.is_alive():
            os.kill(self._process.pid, signal.SIGUSR2)
            self._process.join(0.5)


def _run(stage: Stage, work: Work, end: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    faulthandler.register(signal.SIGUSR2)
    report = Report()
    try:
        stage.go.wait()
        work(stage, report)
    except BaseException as error:  # noqa: BLE001 - it is told
        report.trouble = f'{type(error).__name__}: {error}\n{traceback.format_exc()}'
    end.send(report)
    os._exit(0)  # threads of ours may still wait for something


def in_threads(*calls: Callable[[], None]) -> None:
    """Run each in a thread of its own until all have ended or one has failed."""
    futures = []
    for call in calls:
        future: Future[None] = Future()
        futures.append(future)
        threading.Thread(target=_resolve, args=(future, call), daemon=True).start()
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    for future in done:
        future.result()


def _resolve(future: Future[None], call: Callable[[], None]) -> None:
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - it is told
        future.set_exception(error)
    else:
        future.set_result(None)
