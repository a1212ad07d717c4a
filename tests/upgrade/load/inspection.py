"""What a kernel has from outside: descriptors, memory, sockets, children. All of it must come back to where it was."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from papa import Papa

from . import bystanders
from .figures import Figures
from .kernel import KernelProcess, wait_until
from .verify import check

_SMALL = 3 << 20  # bytes by which the memory may differ
_FRAGMENTED = 96 << 20  # bytes that an allocator may keep after the load
_QUICKLY = 10.0  # seconds


class Inspection:
    """Looks at a kernel, and remembers what it saw first."""

    def __init__(self, kernel: KernelProcess, papa: Papa, figures: Figures) -> None:
        self._kernel = kernel
        self._papa = papa
        self._figures = figures
        self._bare = kernel.descriptors()  # with no connection but ours
        self._ready: Counter[str] = Counter()
        self._sockets: dict[str, dict[str, Any]] = {}
        self._inodes: list[str] = []

    def remember(self, connections: int) -> None:
        """How it is with so many connections, before the first upgrade."""
        wait_until(
            lambda: self._papa.kernel_info()['connections'] == connections,
            lambda: f'{self._papa.kernel_info()["connections"]} connections instead of {connections}',
        )
        self._sockets = self._papa.list_sockets()
        self._inodes = self._read_inodes()
        self._ready = self._kernel.descriptors()
        self._note('before the first upgrade')

    def look(self, when: str) -> None:
        """It has the descriptors and the sockets that it had."""
        self._wait_for(self._ready, when)
        self._note(when)
        sockets = self._papa.list_sockets()
        check(sockets == self._sockets, f'{when} it has the sockets {sockets}, not {self._sockets}')
        check(self._read_inodes() == self._inodes, f'{when} its sockets are others than those that were made')

    def check_memory(self) -> None:
        """It takes no more than it did."""
        resident = self._figures.notes['resident']
        excess = resident['after the load'] - resident['before the first upgrade']
        check(excess < _FRAGMENTED, f'the load has left {excess >> 20} MB behind')
        if 'after the last upgrade' in resident:
            more = self.excess >> 10
            check(self.is_as_small, f'after the last upgrade it has {more} KB more than after the first')

    @property
    def excess(self) -> int:
        """Bytes of memory by which it has more after the last upgrade than after the first."""
        resident = self._figures.notes['resident']
        return resident['after the last upgrade'] - resident['after the first upgrade']

    @property
    def is_as_small(self) -> bool:
        """Whether it takes no more memory after the last upgrade than after the first."""
        return self.excess < _SMALL

    def check_bare(self) -> None:
        """Nothing is left: no thing that it holds, no descriptor, no child."""
        kernel, when = self._kernel, 'with nothing left'
        self._wait_for(self._bare, when)
        info = self._papa.kernel_info()
        held = {key: info[key] for key in ('sockets', 'values', 'processes', 'buffered') if info[key]}
        check(not held, f'{when} it says that it holds {held}')
        wait_until(lambda: not kernel.children(), lambda: f'{when} it has the children {kernel.children()}', _QUICKLY)
        wait_until(lambda: not kernel.strays(), lambda: f'{when} there are strays: {kernel.strays()}', _QUICKLY)
        check('Traceback' not in kernel.log, 'its log has a traceback')

    def _wait_for(self, wanted: Counter[str], when: str) -> None:
        kernel = self._kernel
        wait_until(
            lambda: kernel.descriptors() == wanted,
            lambda: f'{when} {_differences(wanted, kernel.descriptors())}', _QUICKLY,
        )

    def _note(self, when: str) -> None:
        self._figures.note('descriptors', when, sum(self._kernel.descriptors().values()))
        self._figures.note('resident', when, self._kernel.resident())

    def _read_inodes(self) -> list[str]:
        filenos = [details['fileno'] for details in self._sockets.values()]
        return [os.readlink(f'/proc/{self._kernel.pid}/fd/{fileno}') for fileno in filenos]


def compare_model(held: dict[str, dict[str, Any]], papa: Papa) -> None:
    """What a listener of changes knows is what is listed."""
    _compare('sockets', held, papa.list_sockets())
    _compare('processes', held, papa.list_processes())
    sizes = {name: {'size': len(text.encode('utf-8', 'surrogatepass'))} for name, text in papa.list_values().items()}
    _compare('values', held, sizes)


def _compare(kind: str, held: dict[str, dict[str, Any]], listed: dict[str, dict[str, Any]]) -> None:
    known = {name: bystanders.without_silent(details) for name, details in held[kind].items()}
    wanted = {name: bystanders.without_silent(details) for name, details in listed.items()}
    if kind == 'values':
        known = {name: {'size': details['size']} for name, details in known.items()}
    differing = {name: (known.get(name), wanted.get(name)) for name in {*known, *wanted}
                 if known.get(name) != wanted.get(name)}
    check(not differing, f'{kind} that a listener of changes knows differ from those that are listed: {differing}')


def _differences(before: Counter[str], now: Counter[str]) -> str:
    more, less = now - before, before - now
    return (
        f'it has {sum(now.values())} descriptors, not {sum(before.values())}; '
        f'more than before: {dict(more)}; less: {dict(less)}'
    )
