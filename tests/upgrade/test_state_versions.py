"""Kernels whose state has another format: one version forward and back again, and no further."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Daemon
from kernel.tools import assert_clear

from papa import SystemFailure, __version__

from .tools import Package, Scene, scene

# The last fields of records, after which another version has one more.
LAST_FIELDS = [
    "    streams: Data = b''\n", '    drained: int = 0\n', '    reuseport: bool = False\n',
    '    left: bool = False  # it watches no more, but an acknowledgement is to be told yet\n',
    '    sent: list[tuple[int, int, bool]] = []\n', '    listener: ListenerState | None = None\n',
    '    helpers: list[int] = []  # children that nobody needs any more\n', '    quiet: bool = False\n',
]


def make_version(package: Package, number: int) -> None:
    """Let the code be of another version, whose records have fields that the present ones lack."""
    package.mend()
    package.change('kernel/state.py', 'FORMAT = 1 ', f'FORMAT = {number} ')
    for line in LAST_FIELDS:
        package.change('kernel/state.py', line, f'{line}    novelty: list[tuple[int, str]] = [({number}, "new")]\n')
    package.change('version.py', repr(__version__), repr(f'{number}.0'))


class Staged:
    """A kernel of a copy of papa, with a scene."""

    def __init__(self, package: Package, stage: Scene) -> None:
        self.package = package
        self.stage = stage

    def version(self) -> str:
        return str(self.stage.papa.kernel_info()['version'])

    def upgrade_to(self, number: int) -> None:
        make_version(self.package, number)
        self.stage.upgrade()
        assert self.version() == f'{number}.0'

    def assert_refused(self, number: int, *words: str) -> None:
        """An upgrade to this version is one clear line, and changes nothing."""
        make_version(self.package, number)
        before = self.version()
        with pytest.raises(SystemFailure) as caught:
            self.stage.papa.upgrade()
        assert_clear(caught.value, 'format', *words)
        assert self.version() == before
        self.stage.assert_unharmed()


@pytest.fixture
def staged(start_daemon: Callable[..., Daemon], folder: str) -> Iterator[Staged]:
    package = Package(folder)
    daemon = start_daemon(preexec=package.runner())
    with scene(daemon, folder) as stage:
        yield Staged(package, stage)
        stage.finish()


def test_forward_and_back_by_one_version(staged: Staged) -> None:
    staged.upgrade_to(2)
    staged.package.mend()
    staged.stage.upgrade()
    assert staged.version() == __version__
    assert staged.stage.papa.kernel_info()['previous_version'] == '2.0'
    staged.upgrade_to(2)
    staged.upgrade_to(3)
    staged.upgrade_to(2)


def test_not_by_two(staged: Staged) -> None:
    staged.assert_refused(3, 'is 1', '2 to 4')
    staged.upgrade_to(2)
    staged.upgrade_to(3)
    staged.assert_refused(1, 'is 3', '0 to 2')
    staged.assert_refused(5, 'is 3', '4 to 6')
    staged.upgrade_to(4)


def test_a_record_that_lacks_what_it_must_have(staged: Staged) -> None:
    """A field without default that the one before does not know."""
    package = staged.package
    package.change('kernel/state.py', '    boot: str\n', '    boot: str\n    spirit: str\n')
    with pytest.raises(SystemFailure) as caught:
        staged.stage.papa.upgrade()
    assert_clear(caught.value, 'spirit')
    staged.stage.assert_unharmed()
    package.mend()
    staged.stage.upgrade()


def test_the_fields_are_there() -> None:
    """Else the tests above would test nothing."""
    text = Path(__file__).parent.parent.parent.joinpath('papa', 'kernel', 'state.py').read_text(encoding='utf-8')
    assert [text.count(line) for line in LAST_FIELDS] == [1] * len(LAST_FIELDS)
