"""The side of the new code: take over.

Called by `papa.kernel.upgrade.stub` in the place of the kernel that was, after a `papa.kernel.upgrade.rehearsal` of
this very state. It must be fast: nobody is served meanwhile.
"""

from __future__ import annotations

import gc
import logging
import os
from contextlib import suppress
from typing import NamedTuple

from papa.kernel import log as logs
from papa.kernel import signals
from papa.kernel.kernel import Kernel
from papa.kernel.server import Server
from papa.kernel.upgrade import handover
from papa.kernel.upgrade.attempt import Upgrader
from papa.kernel.upgrade.handover import Handover
from papa.version import __version__

log = logging.getLogger('papa.kernel')


class Upgraded(NamedTuple):
    """A kernel that is whole, but does nothing yet."""

    kernel: Kernel
    server: Server
    kept: list[int]  # descriptors that came
    unused: set[int]  # those of them that are not needed


def restore(fd: int) -> Upgraded:
    """The kernel that was handed over in `fd`. Raises whatever goes wrong; nothing is lost then: it can be tried again
    with the same descriptors."""
    gc.disable()  # everything is made, nothing is dropped: looking for garbage would take as long again
    return build(Handover(fd), fd)


def build(handed: Handover, fd: int, *, trial: bool = False) -> Upgraded:
    """The same of what was read from `fd`. It neither says nor does anything that others could notice; in a `trial` no
    file is made either."""
    log_state = logs.set_up(handed.state.log, may_make=not trial)
    kernel, server = handover.restore(handed)
    kernel.upgrader = Upgrader(kernel, server, log_state)
    signals.be_told_of_exits()
    signals.handle(kernel)
    handover.await_exits(kernel, server)
    state = handed.state  # which is not kept: it keeps the image
    came = {fd} if state.log.fd is None else {fd, state.log.fd}
    return Upgraded(kernel, server, state.kept, came - {log_state.fd})


def go_on(upgraded: Upgraded) -> int:
    """Serve until the end. Return the exit status. From here on nothing may end the kernel."""
    kernel, server, *_ = upgraded
    kernel.loop.call(lambda: _make_own(upgraded))
    kernel.loop.call(lambda: handover.settle(kernel, server))
    kernel.loop.call(server.go_on)  # before what has arrived meanwhile
    kernel.loop.call(lambda: handover.end_helpers(kernel))
    gc.enable()
    signals.let_in()
    server.run()
    return 0


def _make_own(upgraded: Upgraded) -> None:
    kernel, _, kept, unused = upgraded
    for fd in unused:
        with suppress(OSError):
            os.close(fd)
    kernel.origin.take_over(kept)
    log.info('Upgraded to papa %s from %s, pid %d', __version__, kernel.previous_version, os.getpid())
