"""Starts the keeper of a demo, and removes what demos that were killed have left."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType

from papa.errors import SystemFailure
from papa_tui.demo.keeper import READY, SOCKET

PREFIX = 'papa-demo-'
_LOCK = 'lock'
_PATIENCE = 10.0  # seconds that the keeper has to clean up


class Demo:
    """A kernel with some of everything, while the context lasts. `path` is its Unix socket. Raises `SystemFailure`."""

    def __init__(self) -> None:
        sweep()
        self.folder = tempfile.mkdtemp(prefix=PREFIX)
        self._lock = os.open(os.path.join(self.folder, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.path = os.path.join(self.folder, SOCKET)
        self.keeper = subprocess.Popen(
            [sys.executable, '-m', 'papa_tui.demo.keeper', self.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, cwd='/', env=_environment(), start_new_session=True,
        )

    def __enter__(self) -> Demo:
        assert self.keeper.stdout is not None
        said = self.keeper.stdout.readline().strip()
        if said != READY:
            self.close()
            raise SystemFailure(f'The demo cannot start: {said or "its kernel has ended"}')
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it, and leave nothing."""
        assert self.keeper.stdin is not None
        self.keeper.stdin.close()
        try:
            self.keeper.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.keeper.kill()
            self.keeper.wait()
        if self.keeper.stdout is not None:
            self.keeper.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)


def _environment() -> dict[str, str]:
    """Where this papa is found from another folder, and no endpoint of a real kernel."""
    home = str(Path(__file__).resolve().parents[2])
    paths = [home, *filter(None, [os.environ.get('PYTHONPATH')])]
    kept = {name: value for name, value in os.environ.items() if name != 'PAPA_ENDPOINT'}
    return {**kept, 'PYTHONPATH': os.pathsep.join(paths)}


def sweep() -> None:
    """Remove the folders of demos that are over: their locks are free."""
    for folder in Path(tempfile.gettempdir()).glob(PREFIX + '*'):
        try:
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue  # another's, or one that begins just now
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)
