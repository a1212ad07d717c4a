"""A listener that applies what it is told has what the kernel lists, whatever happens and however late it reads."""

from __future__ import annotations

import random

import pytest
from conftest import Daemon

from .inside import Child, StillKernel, Viewer
from .mirror import Mirror, listen, without_silent
from .tools import resident
from .viewers import Caller

MB = 1024 * 1024


class Listener:
    """Takes what it is told, when it is awake."""

    def __init__(self, kernel: StillKernel, *words: str) -> None:
        self.mirror = Mirror()
        self.viewer: Viewer = kernel.listen(*words)
        self.kinds = words[1:] or ('sockets', 'values', 'processes')
        self.take()

    def take(self) -> None:
        for frame in self.viewer.taken():
            self.mirror.take(frame.record)

    def assert_knows(self, kernel: StillKernel) -> None:
        self.take()
        listed = {
            'sockets': {},
            'values': {
                name: {'size': len(value), **({'value': value} if len(value) <= 4096 else {'preview': value[:1024]})}
                for name, value in kernel.run('list values').items()
            },
            'processes': {name: without_silent(each) for name, each in kernel.run('list processes').items()},
        }
        assert self.mirror.shown() == {kind: listed[kind] for kind in self.kinds}


class Life:
    """Things come, change and go at random."""

    def __init__(self, kernel: StillKernel, chance: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kernel = kernel
        self.chance = chance
        self.monkeypatch = monkeypatch
        self.children: list[Child] = []

    def step(self) -> None:
        step = self.chance.choices(['value', 'start', 'write', 'exit', 'remove', 'take'], [10, 2, 8, 1, 1, 2])[0]
        getattr(self, step)()

    def value(self) -> None:
        name = f'v{self.chance.randrange(600)}'
        size = self.chance.choice([None, 0, 5, 2000, 5000])
        self.kernel.values.set(name, None if size is None else self.chance.choice('ab') * size)

    def start(self) -> None:
        name = f'p{self.chance.randrange(30)}'
        if name not in self.kernel.processes.by_name:
            self.children.append(self.kernel.start(name, 50))

    def write(self) -> None:
        running = [child for child in self.children if child.ends]
        if running:
            self.chance.choice(running).write(b'x' * self.chance.choice([1, 10, 60]))

    def exit(self) -> None:
        running = [child for child in self.children if child.ends]
        if running:
            self.chance.choice(running).exit(self.monkeypatch)

    def remove(self) -> None:
        if self.kernel.processes.by_name:
            self.kernel.run('remove processes', self.chance.choice(list(self.kernel.processes.by_name)))

    def take(self) -> None:
        """Somebody watches a process for a moment and takes what there is, the exit too."""
        if self.kernel.processes.by_name:
            watcher = self.kernel.watch(self.chance.choice(list(self.kernel.processes.by_name)))
            for frame in watcher.taken():
                word = f'0:{frame.end}' if hasattr(frame, 'end') else '0:x'
                watcher.say('ack', word)
            if not watcher.ended:
                watcher.stream.detach()


@pytest.mark.parametrize('seed', range(25))
def test_what_a_listener_knows_is_what_there_is(
    still_kernel: StillKernel, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    life = Life(still_kernel, chance, monkeypatch)
    for _ in range(chance.choice([0, 1500])):
        life.step()
    listeners = [Listener(still_kernel, 'every=1', 'sockets', 'values', 'processes')]
    for kinds in (('processes',), ('values', 'processes')):
        listeners.append(Listener(still_kernel, 'every=1', *kinds))
    for _ in range(600):
        life.step()
        listener = chance.choice(listeners)
        step = chance.choice(['sleep', 'wake', 'one', 'take', 'time'])
        if step == 'sleep':
            listener.viewer.fall_asleep()
        elif step == 'wake':
            listener.viewer.wake_up()
        elif step == 'time':
            still_kernel.loop.pass_time()
        elif step == 'one' and listener.viewer.busy and listener.viewer.stream.eager:
            listener.viewer.busy = False  # it takes one delivery, perhaps one part of a snapshot
            listener.viewer.stream.wake()
            listener.viewer.busy = True
        listener.take()
    for listener in listeners:
        listener.viewer.wake_up()
    still_kernel.loop.pass_time()
    for listener in listeners:
        listener.assert_knows(still_kernel)


def test_a_snapshot_that_is_overtaken_goes_on(still_kernel: StillKernel) -> None:
    """However fast things change: of each the last is told after it, and it ends."""
    for number in range(3000):
        still_kernel.values.set(f'value.{number}', 'a' * 100)
    viewer = Viewer(still_kernel, still_kernel.run('changes', 'values'))
    viewer.taken()
    viewer.fall_asleep()
    rounds = 0
    mirror = Mirror()
    while rounds < 5:
        for number in range(3000):
            still_kernel.values.set(f'value.{number}', 'bc'[rounds % 2] * 100)
        viewer.busy = False
        viewer.stream.wake()
        viewer.busy = True
        rounds += 1
    assert [frame.record['first'] for frame in viewer.frames].count(True) == 1
    viewer.wake_up()
    for frame in viewer.taken():
        mirror.take(frame.record)
    assert mirror.snapshots == 1
    assert {each['value'] for each in mirror.held['values'].values()} == {'b' * 100}


def test_one_who_never_reads_costs_little_and_begins_anew_when_it_does(daemon: Daemon) -> None:
    with Caller(daemon) as manager, Caller(daemon) as sleeper, Caller(daemon) as other:
        manager.call('set', 'first', 'x')
        listen(sleeper, 'values')
        mirror = listen(other, 'values')
        before = resident(daemon.pid)
        for start in range(0, 100_000, 1000):
            manager.say(*[
                ('set', f'value.{number % 500}', f'{number} {"x" * 150}') for number in range(start, start + 1000)
            ])
            assert [manager.reply() for _ in range(1000)] == [None] * 1000
            told = mirror.changes
            while mirror.changes < told + 1000:  # everyone else is served
                mirror.take(other.frame().record)
        assert mirror.snapshots == 1
        assert resident(daemon.pid) - before < 4 * MB
        manager.call('set', 'first')
        manager.call('set', 'last', 'y')
        late = Mirror()
        late.take({'change': 'snapshot', 'details': {'values': {'first': {}}}, 'first': True, 'more': False})
        while 'last' not in late.held['values'] or not late.complete:
            late.take(sleeper.frame().record)
        assert late.snapshots >= 2
        values = manager.call('list values')
        assert {name: each['value'] for name, each in late.held['values'].items()} == values
        assert sleeper.stop() == []
        while 'last' not in mirror.held['values']:
            mirror.take(other.frame().record)
        assert {name: each['value'] for name, each in mirror.held['values'].items()} == values


def test_one_who_sleeps_is_kept_no_large_values(still_kernel: StillKernel) -> None:
    viewer = Viewer(still_kernel, still_kernel.run('changes', 'values'))
    viewer.fall_asleep()
    for number in range(10):
        still_kernel.values.set('big', str(number) * 100_000)
    assert len(vars(viewer.stream)['_news']) == 10
    assert all(len(repr(news)) < 5000 for news in vars(viewer.stream)['_news'])
    viewer.wake_up()
    assert viewer.taken()[-1].record['details']['size'] == 100_000
