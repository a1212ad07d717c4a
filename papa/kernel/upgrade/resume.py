"""The side of the new code: take over.

Run as ``papa --resume FD`` in the place of the kernel that was, after a `papa.kernel.upgrade.rehearsal` of this very
state. It must be fast: nobody is served meanwhile.
"""

from __future__ import annotations

import gc
import logging
import os
from typing import NamedTuple

from papa.kernel import log as logs
from papa.kernel import signals
from papa.kernel.upgrade import handover
from papa.kernel.upgrade.attempt import Upgrader
from papa.kernel.upgrade.handover import Handover
from papa.version import __version__

log = logging.getLogger('papa.kernel')


class Upgraded(NamedTuple):
    """A kernel that is whole, but does nothing yet."""

    upgrader: Upgrader
    unused: set[int]  # descriptors that came and are not needed


def restore(fd: int) -> Upgraded:
    """The kernel that was handed over in `fd`. Raises whatever goes wrong; nothing is lost then: it can be tried again
    with the same descriptors."""
    gc.disable()  # everything is made, nothing is dropped: looking for garbage would take as long again
    handed = Handover(fd)
    log_state = logs.set_up(handed.state.log)
    kernel, server = handover.restore(handed)
    kernel.upgrader = upgrader = Upgrader(kernel, server, log_state)
    signals.be_told_of_exits()
    signals.handle(kernel)
    handover.await_exits(kernel, server)
    came = {fd} if handed.state.log.fd is None else {fd, handed.state.log.fd}
    return Upgraded(upgrader, came - {log_state.fd})  # without what was read: it keeps the image


def go_on(upgraded: Upgraded) -> int:
    """Make it this program's own, and serve until the end. Return the exit status."""
    kernel, server = upgraded.upgrader.kernel, upgraded.upgrader.server
    kernel.origin.take_over()
    for fd in upgraded.unused:
        os.close(fd)
    log.info('Upgraded to papa %s from %s, pid %d', __version__, kernel.previous_version, os.getpid())
    handover.go_on(kernel, server)  # before anything that has arrived meanwhile
    gc.enable()
    server.run()
    return 0
