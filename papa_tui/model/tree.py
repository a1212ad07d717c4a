"""Names as a tree by their dots. A group that is folded sums what is under it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from papa_tui.model.attention import concern
from papa_tui.model.text import harmless
from papa_tui.model.things import Process, Thing


class Folded:
    """Which groups are folded, by their keys."""

    def __init__(self) -> None:
        self._keys: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def fold(self, key: str) -> None:
        """Show only the sum of a group."""
        self._keys.add(key)

    def unfold(self, key: str) -> None:
        """Show what is in a group."""
        self._keys.discard(key)


class Group:
    """What begins alike, up to a dot. `key` and `name` are the wildcard that means them."""

    __slots__ = ('folded', 'key', 'name', 'shown', 'things')

    def __init__(self, prefix: str, folded: bool, things: list[Thing]) -> None:
        self.key = self.name = f'{prefix}.*'
        self.shown = harmless(self.key)
        self.folded = folded
        self.things = things


class Sums:
    """What the processes under a group amount to, with the names that a `Process` has for it. `worst` is the most
    urgent concern among them, and `troubled` how many have it."""

    __slots__ = (
        'buffered', 'bufsize', 'cpu', 'fill', 'full_in', 'history', 'lost', 'memory', 'rate', 'recorded', 'running',
        'total', 'troubled', 'worst',
    )

    def __init__(self, processes: Sequence[Process], now: float) -> None:
        cpus = [process.cpu for process in processes if process.cpu is not None]
        memories = [process.memory for process in processes if process.memory is not None]
        concerns = [found for process in processes if (found := concern(process, now)) is not None]
        self.worst = min(concerns, default=None)
        self.troubled = sum(each.word == self.worst.word for each in concerns) if self.worst is not None else 0
        self.full_in = None
        self.recorded = True
        self.total = len(processes)
        self.running = sum(process.running for process in processes)
        self.cpu = sum(cpus) if cpus else None
        self.memory = sum(memories) if memories else None
        self.rate = sum(process.rate for process in processes)
        self.buffered = sum(process.buffered for process in processes)
        self.bufsize = sum(process.bufsize for process in processes)
        self.fill = min(1.0, self.buffered / self.bufsize) if self.bufsize else 0.0
        self.lost = sum(process.lost for process in processes)
        longest = max((len(process.history) for process in processes), default=0)
        self.history = [0.0] * longest
        for process in processes:
            start = longest - len(process.history)
            for at, value in enumerate(process.history):
                self.history[start + at] += value

    def losing(self, _now: float) -> bool:
        """Of a sum nobody can tell."""
        return False


def grow(things: Iterable[Thing], folded: Folded) -> tuple[list[Thing | Group], dict[str, str]]:
    """The rows of a tree: groups of two or more, each before what is under it; and by their keys, what is shown of
    the names. The order of the things decides."""
    ordered = list(things)
    counts: dict[str, int] = {}
    for thing in ordered:
        for prefix in prefixes(thing.name):
            counts[prefix] = counts.get(prefix, 0) + 1
    children: dict[str, list[Thing | str]] = {'': []}
    members: dict[str, list[Thing]] = {}
    for thing in ordered:
        above = ''
        for prefix in prefixes(thing.name):
            if counts[prefix] < 2 or counts[prefix] == counts.get(above):
                continue
            if prefix not in children:
                children[prefix] = []
                children[above].append(prefix)
            members.setdefault(prefix, []).append(thing)
            above = prefix
        children[above].append(thing)
    rows: list[Thing | Group] = []
    labels: dict[str, str] = {}
    _lay_out('', 0, _Tree(children, members, folded), rows, labels)
    return rows, labels


class _Tree(NamedTuple):
    children: dict[str, list[Thing | str]]
    members: dict[str, list[Thing]]
    folded: Folded


def _lay_out(prefix: str, depth: int, tree: _Tree, rows: list[Thing | Group], labels: dict[str, str]) -> None:
    indent = '  ' * depth
    for child in tree.children[prefix]:
        if not isinstance(child, str):
            rows.append(child)
            labels[child.key] = indent + harmless(_under(prefix, child.name))
            continue
        group = Group(child, f'{child}.*' in tree.folded, tree.members[child])
        rows.append(group)
        sign = '▸' if group.folded else '▾'
        labels[group.key] = f'{indent}{sign} {harmless(_under(prefix, child))}'
        if not group.folded:
            _lay_out(child, depth + 1, tree, rows, labels)


def _under(prefix: str, name: str) -> str:
    return name[len(prefix) + 1 :] if prefix else name


def prefixes(name: str) -> list[str]:
    """``a.b.c`` → ``a``, ``a.b``."""
    parts = name.split('.')
    return ['.'.join(parts[:number]) for number in range(1, len(parts)) if all(parts[:number])]
