"""Whether there is room for an upgrade: memory of the machine, of control groups and of the process itself."""

from __future__ import annotations

import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Daemon, wait_until
from kernel.tools import assert_clear, end, is_alive

from papa import SystemFailure
from papa.kernel.kernel import Kernel
from papa.kernel.origin import Origin
from papa.kernel.upgrade import handover, memory
from papa.kernel.upgrade.collect import _Values
from papa.kernel.upgrade.image import Image

from .tools import Scene, footprint, scene

MB = 1024 * 1024
MEMORY = 'MemTotal: 900 kB\nMemAvailable: 800 kB\nSwapFree: 200 kB\nHugePages_Total: 0\n'


class Machine:
    """What the system tells, made up."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.write('/proc/meminfo', MEMORY)
        self.write('/proc/sys/vm/overcommit_memory', '0\n')
        self.write('/proc/self/cgroup', '')

    def write(self, path: str, text: str | int) -> None:
        place = self._folder / path.lstrip('/')
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(str(text), encoding='utf-8')

    def read(self, path: str) -> str:
        return (self._folder / path.lstrip('/')).read_text(encoding='utf-8')

    def limit_2(self, group: str, limit: int | str, used: int) -> None:
        """A group of version 2; 10 bytes of what it uses are files."""
        self.write(f'{group}/memory.max', limit)
        self.write(f'{group}/memory.current', used)
        self.write(f'{group}/memory.stat', 'anon 5\nactive_file 3\ninactive_file 7')

    def limit_1(self, group: str, limit: int, used: int) -> None:
        """The same of version 1."""
        self.write(f'{group}/memory.limit_in_bytes', limit)
        self.write(f'{group}/memory.usage_in_bytes', used)
        self.write(f'{group}/memory.stat', 'inactive_file 99\ntotal_active_file 3\ntotal_inactive_file 7')


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setattr(memory, '_read', made.read)
    return made


def test_of_the_machine(machine: Machine) -> None:
    assert memory.available() == 1_000 * 1024
    machine.write('/proc/meminfo', f'{MEMORY}CommitLimit: 600 kB\nCommitted_AS: 500 kB\n')
    assert memory.available() == 1_000 * 1024
    machine.write('/proc/sys/vm/overcommit_memory', '2\n')
    assert memory.available() == 100 * 1024
    machine.write('/proc/meminfo', 'MemTotal: 900 kB\n')
    assert memory.available() is None  # an old system


def test_of_groups_of_version_2(machine: Machine) -> None:
    machine.write('/proc/self/cgroup', '0::/a/b')
    machine.limit_2('/sys/fs/cgroup/a/b', 5000, 1000)
    assert memory.available() == 4010
    machine.limit_2('/sys/fs/cgroup/a', 3000, 2000)
    assert memory.available() == 1010  # the one that it is in has less
    machine.limit_2('/sys/fs/cgroup/a', 'max', 2000)
    assert memory.available() == 4010


def test_of_a_container_of_version_2(machine: Machine) -> None:
    """It does not see where its group is."""
    machine.write('/proc/self/cgroup', '0::/')
    machine.limit_2('/sys/fs/cgroup', 5000, 1000)
    assert memory.available() == 4010


@pytest.mark.parametrize('group', ['/a/b', '/a', ''])
def test_of_groups_of_version_1(machine: Machine, group: str) -> None:
    machine.write('/proc/self/cgroup', '9:name=systemd:/\n4:cpu,memory:/a/b\n1:cpu:/\n0::/')
    machine.limit_1(f'/sys/fs/cgroup/memory{group}', 5000, 1000)
    assert memory.available() == 4010


@pytest.mark.parametrize('text', ['', 'nonsense', '0:', '0::/\0', '4:memory:/nowhere', '0::/../..'])
def test_of_groups_that_make_no_sense(machine: Machine, text: str) -> None:
    machine.write('/proc/self/cgroup', text)
    machine.write('/sys/fs/cgroup/memory.max', 'nonsense')
    assert memory.available() == 1_000 * 1024


def test_of_the_process(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    page = resource.getpagesize()
    machine.write('/proc/self/statm', '100 50 20 1 0 30 0')
    limits = {resource.RLIMIT_AS: resource.RLIM_INFINITY, resource.RLIMIT_DATA: resource.RLIM_INFINITY}
    monkeypatch.setattr(resource, 'getrlimit', lambda which: (limits[which], resource.RLIM_INFINITY))
    assert memory.addressable() is None
    limits[resource.RLIMIT_AS] = 1000 * page
    assert memory.addressable() == 900 * page
    limits[resource.RLIMIT_DATA] = 31 * page
    assert memory.addressable() == page


limits_others = pytest.mark.skipif(
    not hasattr(resource, 'prlimit'), reason='only Linux lets one limit another process'
)


def assert_needs_room(stage: Scene, too_little: int, enough: int) -> None:
    """With so many bytes of address space beyond what it has, the kernel refuses, or is upgraded."""
    pid = stage.daemon.pid
    stage.footprint = footprint(pid)
    used = int(Path(f'/proc/{pid}/statm').read_text(encoding='ascii').split()[0]) * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_AS, (used + too_little, resource.RLIM_INFINITY))
    with pytest.raises(SystemFailure) as caught:
        stage.papa.upgrade()
    assert_clear(caught.value, 'no memory is left')
    stage.assert_unharmed()
    resource.prlimit(pid, resource.RLIMIT_AS, (used + enough, resource.RLIM_INFINITY))
    stage.upgrade()


@limits_others
def test_no_address_space_for_the_copy(daemon: Daemon, folder: str) -> None:
    """The state could be read, but not be copied out of the image."""
    size = 200 * MB
    with scene(daemon, folder) as stage:
        stage.papa.make_process(
            'large', '/bin/sh', ['-c', f'head -c {size} /dev/zero; exec sleep 600'], bufsize=size + MB
        )
        wait_until(lambda: stage.caller.details('large')['captured'] == size, 'the output')
        assert_needs_room(stage, 50 * MB, 350 * MB)
        assert stage.caller.details('large')['buffered'] == size
        stage.finish()


@limits_others
@pytest.mark.parametrize('size', [2000, 4 * MB])
def test_no_address_space_for_the_values(size: int, daemon: Daemon, folder: str) -> None:
    """Together they do not fit, each by itself does."""
    with scene(daemon, folder) as stage:
        with stage.papa.pipeline() as pipeline:
            for number in range(100 * MB // size):
                pipeline.set(f'large.{number}', 'x' * size)
        assert_needs_room(stage, 30 * MB, 250 * MB)
        assert stage.papa.get('large.1') == 'x' * size
        stage.finish()


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    made = Kernel(Origin(guest=True))
    yield made
    made.close()


def test_what_is_borrowed_is_copied_when_there_is_memory(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lack of memory delays that; it does not end it."""
    left = ['lack', 'some', 'lack', 'lack', 'some', 'nothing']

    class Record:
        """Of a process whose output is copied in parts."""

        class output:  # noqa: N801 - the name of the attribute
            @staticmethod
            def copy_borrowed(_budget: int) -> int:
                word = left.pop(0)
                if word == 'lack':
                    raise MemoryError
                if word == 'nothing':
                    kernel.loop.stop()
                return int(word == 'some')

    monkeypatch.setattr(handover, '_COPY_AGAIN', 0.001)
    handover._copy_borrowed(kernel, [Record()])  # type: ignore[list-item]
    kernel.loop.run()
    assert not left


def test_only_children_are_ended(kernel: Kernel) -> None:
    """A PID in a state that makes no sense may be somebody else's."""
    starter = subprocess.run(
        ['/bin/sh', '-c', 'sleep 600 > /dev/null & echo $!'], stdout=subprocess.PIPE, text=True, check=True
    )
    stranger = int(starter.stdout)
    child = subprocess.Popen(['/bin/sleep', '600'])
    kernel.helpers.update((stranger, child.pid))
    handover.end_helpers(kernel)
    assert child.wait() == -signal.SIGKILL
    assert is_alive(stranger)
    end([stranger])


def test_a_large_value_is_stored_once(kernel: Kernel) -> None:
    """And anew when it has changed, while everybody waits."""
    image = Image()
    values = _Values(kernel.values.by_name, image)
    for name in ('a', 'b'):
        kernel.values.set(name, name * MB)
    kernel.values.set('small', 'text')
    before = image.size
    places = list(values.large())
    assert [name for name, _, _ in places] == ['a', 'b']
    assert image.size == before + 2 * MB
    assert list(values.large()) == places
    assert image.size == before + 2 * MB
    assert values.missing() < 100
    kernel.values.set('b', '\ud800é😀' + 'c' * MB)
    assert values.missing() >= len('é😀c'.encode()) + MB
    assert next(values.large()) == places[0]
    kernel.values.set('a', None)
    assert [name for name, _, _ in values.large()] == ['b']
    image.close()


def test_small_values_are_stored_in_pages(kernel: Kernel) -> None:
    """Of which only those are stored again in which something has changed."""
    image = Image()
    values = _Values(kernel.values.by_name, image)
    for number in range(10_000):
        kernel.values.set(f'name.{number}', str(number))
    places = set(values.pages())
    assert 10 < len(places) < 1000
    assert set(values.pages()) == places
    kernel.values.set('name.5000', 'changed')
    assert len(set(values.pages()) - places) == 1
    kernel.values.set('name.3000', None)
    kernel.values.set('new', '')
    assert len(set(values.pages()) - places) <= 4
    image.close()
