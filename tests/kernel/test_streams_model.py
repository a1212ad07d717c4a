"""Many viewers of a few processes, step by step at random: each byte is told once, in order, with what became of it."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import pytest

from papa.kernel.segment import STDERR, STDOUT
from papa.wire.client import AcknowledgementFrame, IntroductionFrame

from .inside import Child, StillKernel, Viewer
from .tools import written
from .viewers import Account

NAMES = ('a', 'b')


class Party:
    """One who watches, and what he was told."""

    def __init__(self, world: World, kind: str, words: list[str]) -> None:
        self.world = world
        self.kind = kind
        self.accounts: dict[int, Account] = {}
        self.children: dict[int, Child] = {}
        self.floors: dict[int, int] = {}
        self.acknowledged: dict[int, int] = {}
        self.eager = False
        result = world.kernel.run('watch processes', *words, '--', '*')
        for index, (record, start) in enumerate(result.starts):
            self._meet(index, world.kernel.started[record.id], start, record.output.base)
        self.viewer = Viewer(world.kernel, result)
        self.take()

    def _meet(self, index: int, child: Child, start: int, floor: int) -> None:
        assert index not in self.accounts
        self.floors[index] = floor
        self.accounts[index] = Account(start, child.content)
        self.children[index] = child

    def take(self) -> None:
        for frame in self.viewer.taken():
            if isinstance(frame, IntroductionFrame):
                assert frame.name == self.world.kernel.started[frame.id].record.name
                self._meet(frame.number, self.world.kernel.started[frame.id], frame.start, 0)
            elif isinstance(frame, AcknowledgementFrame):
                self._take_acknowledgement(frame)
            else:
                account = self.accounts[frame.number]
                account.take(frame)
                if account.exit_code is not None:
                    assert account.position == self.children[frame.number].record.output.end
        self._check_reasons()

    def _take_acknowledgement(self, frame: AcknowledgementFrame) -> None:
        assert self.eager
        assert self.acknowledged.get(frame.number, -1) <= frame.position
        self.acknowledged[frame.number] = frame.position

    def _check_reasons(self) -> None:
        for index, account in self.accounts.items():
            overflown = self.world.overflown[self.children[index].id]
            for loss in account.lost:
                inside = [low < loss.end and loss.start < high for low, high in overflown]
                assert any(inside) == (loss.reason == 'overflow'), (loss, overflown)
                if loss.reason == 'slow':  # it was there when this one came
                    assert loss.start >= self.floors[index]
                elif loss.reason == 'acknowledged':
                    assert loss.end <= self.floors[index] or self.children[index].record.removed

    def act(self, chance: random.Random) -> None:
        """Do one of the things that such a client does."""
        step = chance.choice(['sleep', 'wake', 'acknowledge', 'acknowledge', 'exit', 'events'])
        if step == 'sleep':
            self.viewer.fall_asleep()
        elif step == 'wake':
            self.viewer.wake_up()
        elif step == 'events' and not self.eager:
            self.eager = True
            self.viewer.say('events')
        elif self.kind == 'hold' and self.accounts and not self.viewer.ended:
            index = chance.choice(list(self.accounts))
            account = self.accounts[index]
            if step == 'acknowledge':
                self.viewer.say('ack', f'{index}:{chance.randint(account.start, account.position)}')
            elif step == 'exit' and account.exit_code is not None:
                self.viewer.say('ack', f'{index}:x')
        self.take()


class World:
    """The processes, and what became of their bytes."""

    def __init__(self, kernel: StillKernel, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kernel = kernel
        self.chance = random.Random(seed)
        self.block = self.chance.random() < 0.3
        self.sizes = self.chance.choice([64, 300, 5000])
        self.monkeypatch = monkeypatch
        self.overflown: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        self.written: Counter[str] = Counter()
        self.parties: list[Party] = []

    @property
    def running(self) -> list[Child]:
        return [child for child in self.kernel.started.values() if child.ends]

    def start(self) -> None:
        for name in NAMES:
            if name not in self.kernel.processes.by_name:
                self.kernel.start(name, self.sizes, block=self.block)

    def step(self) -> None:
        step = self.chance.choices(
            ['start', 'write', 'exit', 'remove', 'acknowledge', 'join', 'leave', 'act'], [2, 12, 1, 0.3, 3, 2, 1, 14]
        )[0]
        getattr(self, step)()
        for child in self.kernel.started.values():
            self.check(child)

    def check(self, child: Child) -> None:
        output = child.record.output
        assert output.end - output.base <= max(output.size, 1)
        known = self.overflown[child.id]
        for low, high in output.losses:
            if known and known[-1][0] == low:
                known[-1] = (low, high)
            elif not known or known[-1][1] <= low:
                known.append((low, high))
        if self.block:
            assert output.dropped == 0

    def write(self) -> None:
        if self.running:
            child = self.chance.choice(self.running)
            size = self.chance.choice([1, 3, 20, 64, 100, 400])
            try:
                child.write(written(self.written[child.id], size), self.chance.choice([STDOUT, STDOUT, STDERR]))
            except BlockingIOError:
                return
            self.written[child.id] += size

    def exit(self) -> None:
        if self.running:
            self.chance.choice(self.running).exit(self.monkeypatch, self.chance.choice([0, 1, -9]))

    def remove(self) -> None:
        if self.kernel.processes.by_name:
            self.kernel.run('remove processes', self.chance.choice(list(self.kernel.processes.by_name)))

    def acknowledge(self) -> None:
        if self.kernel.processes.by_name:
            record = self.chance.choice(list(self.kernel.processes.by_name.values()))
            self.kernel.run('acknowledge', record.name, str(self.chance.randint(0, record.output.end)), record.id)

    def join(self) -> None:
        if not self.kernel.processes.by_name or len(self.parties) > 8:
            return
        kind = self.chance.choice(['peek', 'hold'])
        words = ['peek=1'] if kind == 'peek' else []
        words += ['follow=1'] if self.chance.random() < 0.5 else []
        if kind == 'peek' and self.chance.random() < 0.5:
            words.append(f'last={self.chance.choice([0, 1, 50, 10_000])}')
        if self.chance.random() < 0.4:
            records = self.kernel.processes.by_name.values()
            words.append('since=' + ','.join(
                f'{record.id}:{self.chance.randint(0, record.output.end)}' for record in records
            ))
        self.parties.append(Party(self, kind, words))

    def leave(self) -> None:
        if self.parties:
            party = self.parties.pop(self.chance.randrange(len(self.parties)))
            if not party.viewer.ended:
                party.viewer.stream.detach()

    def act(self) -> None:
        if self.parties:
            self.chance.choice(self.parties).act(self.chance)

    def finish(self) -> None:
        """All wake up, everything ends, each was told of everything, and nothing is left behind."""
        for party in self.parties:
            party.viewer.wake_up()
            party.take()
        for child in self.running:
            child.exit(self.monkeypatch)
        for child in self.kernel.started.values():
            while not child.record.closed:  # a full buffer may have to be emptied more than once
                assert self.kernel.capture.acknowledge(child.record, child.record.output.end)
        for party in self.parties:
            party.take()
            for account in party.accounts.values():
                assert account.exit_code is not None
                lost = sum(loss.end - loss.start for loss in account.lost)
                assert account.delivered + lost == account.position - account.start
        while self.parties:
            self.leave()
        assert self.kernel.processes.followers == []
        for child in self.kernel.started.values():
            assert child.record.cursors == []
            assert child.record.output.base >= child.record.output.acknowledged


@pytest.mark.parametrize('seed', range(60))
def test_each_byte_is_told_once_whatever_happens(
    still_kernel: StillKernel, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    world = World(still_kernel, seed, monkeypatch)
    world.start()
    for _ in range(250):
        world.step()
    world.finish()
