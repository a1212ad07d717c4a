"""The whole proof: a kernel, the load, the upgrades, and what must be as it was."""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait
from types import FrameType
from typing import Any

from papa import Papa

from . import asking, asynchronous, bystanders, companions, exits, restless, several, telnet, values, watching
from .figures import Figures
from .inspection import Inspection, compare_model
from .kept import is_kept
from .kernel import PATIENCE, KernelProcess, wait_until
from .upgrades import Upgrader
from .verify import DiscrepancyError, HangError, check
from .workers import Stage, Work, Worker

_SHARES = (  # of the writers, for each kind of watcher
    watching.read, watching.events, telnet.telnet, asynchronous.asynchronous, watching.single, restless.restless,
    several.several, watching.read, watching.events, asynchronous.asynchronous, watching.single,
)
_LAST = 3  # upgrades at the end, at most
_SEERS: dict[str, Work] = {'ping': bystanders.ping, 'listen': bystanders.listen}


@dataclass(frozen=True)
class Options:
    """What to run."""

    upgrades: int
    seed: int
    writers: int
    seconds: float  # that the load takes at least
    pause: float  # seconds between upgrades, on average
    tcp: bool = False
    pythons: tuple[str, ...] = ()  # to upgrade to, at random


def run(options: Options) -> Figures:
    """Run it all. What is wrong is in the result."""
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix='papa-') as folder, ExitStack() as stack:
        kernel = KernelProcess(folder, tcp=options.tcp)
        stack.callback(kernel.stop)
        proof = _Proof(options, kernel, folder, figures)
        stack.callback(proof.kill_workers)
        try:
            with _within(PATIENCE, 'getting ready'):
                proof.begin()
            proof.go()
            with _within(2 * PATIENCE, 'coming to the end'):
                proof.end()
        except (AssertionError, OSError, RuntimeError, LookupError, ValueError) as error:
            proof.explain(error)
    return figures


class _Proof:
    """Its steps."""

    def __init__(self, options: Options, kernel: KernelProcess, folder: str, figures: Figures) -> None:
        self._options = options
        self._kernel = kernel
        self._folder = folder
        self._figures = figures
        self._begun = time.monotonic()
        self._around = Stage.new(kernel.where, options.seed)  # of those who see it all
        self._stage = Stage.new(kernel.where, options.seed)  # of the load
        self._seers = {name: Worker(name, self._around, work) for name, work in _SEERS.items()}
        self._load = {name: Worker(name, self._stage, work) for name, work in _load(options.writers)}

    def begin(self) -> None:
        """Hold some sockets, connect those who are connected all the time, and upgrade once while all is quiet."""
        self._papa = papa = self._stage.connect()
        self._inspection = Inspection(self._kernel, papa, self._figures)
        _make_sockets(papa, self._folder)
        papa.make_process('acceptor', args=_acceptor())
        self._companions = companions.companions(self._stage, self._folder)
        self._around.go.set()
        wait_until(lambda: papa.get('ping'), lambda: 'no ping came')
        dice = self._stage.dice('upgrades')
        self._upgrader = Upgrader(self._kernel, papa, self._companions, self._options.pythons, dice)
        self._figures.upgrades = self._upgrader.done
        theirs = sum(companion.connections for companion in self._companions)
        self._inspection.remember(2 + len(self._seers) + theirs)  # ours, and that which upgrades by telnet
        if self._options.upgrades:
            self._upgrader.upgrade_to_ours()
            self._inspection.look('after the first upgrade')

    def go(self) -> None:
        """Upgrade at random moments under load, and let that come to its end."""
        begun = time.monotonic()
        print('under load', flush=True)
        self._stage.go.set()
        self._upgrade_under_load(begun)
        self._wait(max(0.3, begun + self._options.seconds - time.monotonic()))
        self._stage.stop.set()
        deadline = time.monotonic() + PATIENCE
        for worker in self._load.values():
            _expect(worker, deadline - time.monotonic())
            worker.end()
            self._figures.counts.update(worker.report.counts)
        self._figures.seconds = time.monotonic() - begun

    def _upgrade_under_load(self, begun: float) -> None:
        dice = self._stage.dice('moments')
        mean = self._options.pause
        for number in range(self._options.upgrades - 2):
            self._wait(min(dice.expovariate(1 / mean), 5 * mean) if number else 0.5)
            with _within(PATIENCE, f'upgrade {len(self._upgrader.done) + 1}'):
                self._upgrader.upgrade()
            if number % 10 == 9:
                print(f'{number + 2} upgrades after {time.monotonic() - begun:.0f} s', flush=True)

    def _wait(self, seconds: float) -> None:
        """Go on after so many seconds, unless a worker ends before its time."""
        workers = {worker.pipe: worker for worker in self._load.values()}
        for ended in wait(list(workers), max(0.0, seconds)):
            worker = workers[ended]  # type: ignore[index]
            raise DiscrepancyError(f'{worker.name}: {worker.report.trouble or "it has ended already"}')

    def end(self) -> None:
        """Everything is as it was."""
        papa = self._papa
        left = [name for name in papa.list_processes() if not (name == 'acceptor' or is_kept(name))]
        check(not left, f'processes are left: {left}')
        values.check_values(papa, self._load['values'].report.found['values'])
        papa.remove_values('value.*')
        self._inspection.look('after the load')
        if self._options.upgrades > 1:
            self._upgrade_at_last()
        self._check_accounts()
        self._check_listener()
        self._figures.pings = self._end_pings()
        self._remove_everything()
        self._inspection.check_bare()
        self._inspection.check_memory()
        papa.close()

    def _upgrade_at_last(self) -> None:
        """Upgrade while all is quiet. If it has more memory then than at first, again: what it has by chance is other
        each time, and a leak grows."""
        for _ in range(_LAST):
            self._upgrader.upgrade_to_ours()
            values.check_values(self._papa, {})
            self._inspection.look('after the last upgrade')
            if self._inspection.is_as_small:
                break

    def _check_accounts(self) -> None:
        counts = self._figures.counts
        for kind in ('writers', 'short ones'):
            started, exited = counts[f'{kind} started'], counts[f'{kind} exited']
            check(started == exited > 0, f'{started} {kind} were started, and {exited} have exited')
        uptime, past = self._papa.kernel_info()['uptime'], time.monotonic() - self._begun
        check(uptime > past - 1, f'it says that it is up {uptime:.1f} s, but it has been for {past:.1f} s')
        self._figures.ends = self._load['exits'].report.found['ended']

    def _check_listener(self) -> None:
        """Its model is what there is, and it has heard of each upgrade once."""
        self._papa.set(bystanders.OVER, 'yes')
        listener = self._seers['listen']
        _expect(listener)
        found = listener.report.found
        compare_model(found['held'], self._papa)
        told = [(change.kind, change.name, change.details['upgrades']) for change in found['upgrades']]
        wanted = [('kernel', 'papa', number + 1) for number in range(len(self._upgrader.done))]
        check(told == wanted, f'the listener of changes has heard of the upgrades {told}')
        self._figures.counts.update(listener.report.counts)
        self._figures.heard = len(told)
        self._figures.snapshots = found['snapshots']

    def _end_pings(self) -> list[tuple[float, float]]:
        self._around.stop.set()
        _expect(self._seers['ping'])
        pings: list[tuple[float, float]] = self._seers['ping'].report.found['pings']
        return pings

    def _remove_everything(self) -> None:
        papa = self._papa
        os.kill(papa.list_processes('acceptor')['acceptor']['pid'], signal.SIGTERM)
        with papa.watch_processes('acceptor') as watcher:
            while watcher.read() is not None:
                pass
        check(watcher.exit_code == {'acceptor': -signal.SIGTERM}, f'the acceptor: {watcher.exit_code}')
        for companion in self._companions:
            companion.close()
        self._upgrader.close()
        for worker in self._seers.values():
            worker.end()
        papa.remove_sockets()
        papa.remove_values(*papa.list_values())

    def explain(self, error: BaseException) -> None:
        """Note what was wrong, with all that may help."""
        figures = self._figures
        figures.trouble = f'{type(error).__name__}: {error}'
        figures.log = self._kernel.log if self._kernel.alive else f'{self._kernel.log}\n(The kernel is dead.)'
        for worker in self._left:
            if worker.pipe.poll():
                if worker.report.trouble and worker.report.trouble not in figures.trouble:
                    figures.more_trouble.append(f'{worker.name}: {worker.report.trouble}')
            elif isinstance(error, HangError):
                worker.tell_where()

    def kill_workers(self) -> None:
        """End those that are left."""
        for worker in self._left:
            worker.kill()

    @property
    def _left(self) -> list[Worker]:
        return [worker for worker in (*self._load.values(), *self._seers.values()) if not worker.pipe.closed]


def _load(writers: int) -> Iterator[tuple[str, Work]]:
    """The workers of the load, and what they do."""
    slots = Counter(_SHARES[number % len(_SHARES)] for number in range(writers))
    for watch, number in slots.items():
        yield watch.__name__, partial(watch, slots=number)
    yield 'values', values.values
    yield 'exits', exits.exits
    yield 'asking', asking.asking
    yield 'newcomers', bystanders.newcomers


def _expect(worker: Worker, seconds: float = PATIENCE) -> None:
    """It reports, and nothing is wrong."""
    if not worker.pipe.poll(max(0.0, seconds)):
        raise HangError(f'{worker.name} does not come to its end')
    check(not worker.report.trouble, f'{worker.name}: {worker.report.trouble}')


def _make_sockets(papa: Papa, folder: str) -> None:
    papa.make_socket('held.web')
    papa.make_socket('held.local', path=f'{folder}/held.sock')
    papa.make_socket('held.dgram', socket_type=socket.SOCK_DGRAM)


def _acceptor() -> list[str]:
    sockets = ('$(socket.held.web.fileno)', '$(socket.held.local.fileno)')
    return [sys.executable, '-I', '-S', '-c', bystanders.ACCEPTOR, *sockets]


@contextmanager
def _within(seconds: float, what: str) -> Iterator[None]:
    """Nothing may hang."""

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise HangError(f'{what}: nothing happens any more after {seconds:.0f} s')

    before: Any = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
