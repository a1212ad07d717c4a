"""The upgrades: asked for in each of the ways, one after the other, and what each has to say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from papa import Papa

from .companions import Companion
from .kernel import PACKAGE, KernelProcess, wait_until
from .telnet import Line
from .verify import check

CALL = 'Papa.upgrade'


@dataclass(frozen=True)
class Done:
    """One upgrade."""

    way: str
    start: float  # seconds (time.monotonic)
    end: float

    @property
    def seconds(self) -> float:
        """How long the one who asked for it had to wait."""
        return self.end - self.start


class Upgrader:
    """Asks for upgrades; if there are `pythons`, each time to one of them, at random."""

    def __init__(
        self, kernel: KernelProcess, papa: Papa, companions: list[Companion], pythons: Sequence[str], dice: Random
    ) -> None:
        self.done: list[Done] = []
        self._kernel = kernel
        self._papa = papa
        self._companions = companions
        self._pythons = pythons
        self._dice = dice
        self._line = Line(kernel.where)
        self._ways = {
            CALL: self._call, 'telnet': self._by_telnet, 'SIGHUP': self._by_signal, 'papa --upgrade': self._by_command,
        }

    def upgrade(self) -> None:
        """Upgrade the kernel once, in a random way, with companions in the middle of something."""
        way, = self._dice.choices(tuple(self._ways), (6, 2, 2, 1))
        self._upgrade(way, self._dice.choice(self._pythons) if self._pythons else None)

    def upgrade_to_ours(self) -> None:
        """Upgrade the kernel once, to the Python that runs this."""
        self._upgrade(CALL, sys.executable if self._pythons else None)

    def close(self) -> None:
        """Hang up."""
        self._line.close()

    def _upgrade(self, way: str, python: str | None) -> None:
        for companion in self._companions:
            companion.before()
        start = time.monotonic()
        self._ways[way](python)
        self.done.append(Done(way, start, time.monotonic()))
        info = self._papa.kernel_info()
        check(info['upgrades'] == len(self.done), f'after {len(self.done)} upgrades it counts {info["upgrades"]}')
        check(info['pid'] == self._kernel.pid, f'its PID was {self._kernel.pid} and is {info["pid"]} now')
        for companion in self._companions:
            companion.after()

    @property
    def _number(self) -> int:
        return len(self.done) + 1

    def _call(self, python: str | None) -> None:
        result = self._papa.upgrade(python)
        check(result['upgrades'] == self._number, f'upgrade {self._number} says {result}')

    def _by_telnet(self, python: str | None) -> None:
        reply = self._line.ask('upgrade' + (f' python={python}' if python else ''))
        is_right = b'upgrades' in reply and b'%d' % self._number in reply and not reply.startswith(b'Error')
        check(is_right, f'"upgrade" number {self._number} is answered with {reply!r}')

    def _by_command(self, python: str | None) -> None:
        command = [sys.executable, str(PACKAGE), '--upgrade', *self._kernel.options]
        ended = subprocess.run(
            command + (['--python', python] if python else []), capture_output=True, text=True, check=False
        )
        check(ended.returncode == 0, f'papa --upgrade: {ended.stdout}{ended.stderr}')

    def _by_signal(self, _python: str | None) -> None:
        os.kill(self._kernel.pid, signal.SIGHUP)
        wait_until(lambda: self._papa.kernel_info()['upgrades'] == self._number, lambda: 'no upgrade by SIGHUP')
