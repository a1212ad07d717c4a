"""Proof that an upgrade in place loses nothing: many upgrades under load, and everything that comes is compared.

``python tests/upgrade/under_load.py [--upgrades 100] [--seed N] [--writers 20]`` starts a kernel of its own, lets
children write at full rate to watchers of every kind, while others exit, start and change values, upgrades the kernel
at random moments, and prints what it has verified. The exit status is 1 if anything is not as it is without upgrades
(``--upgrades 0``).
"""

from __future__ import annotations

import argparse
import random
import signal
import sys

from load.figures import Figures, table
from load.run import Options, run


def main() -> int:
    """Run it as the command line says."""
    parser = argparse.ArgumentParser(description='Upgrade a kernel under load, and verify that nothing is lost.')
    parser.add_argument('--upgrades', type=int, default=100, metavar='N', help='how many (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=None, metavar='N', help='for the same plan as in another run')
    parser.add_argument('--writers', type=int, default=20, metavar='N', help='at full rate (default: %(default)s)')
    parser.add_argument('--seconds', type=float, default=10, help='that the load takes at least (default: %(default)s)')
    parser.add_argument('--pause', type=float, default=0.3, metavar='SECONDS',
                        help='between upgrades, on average (default: %(default)s)')
    parser.add_argument('--tcp', action='store_true', help='a kernel on a TCP port instead of a Unix socket')
    parser.add_argument('--python', action='append', default=[], metavar='PATH',
                        help='upgrade to this Python each time or, of several, to one at random')
    given = parser.parse_args()
    seed = random.SystemRandom().getrandbits(32) if given.seed is None else given.seed
    print(f'seed {seed}', flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    try:
        figures = run(Options(
            given.upgrades, seed, given.writers, given.seconds, given.pause, given.tcp, tuple(given.python)
        ))
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return 130
    return _report(figures, seed)


def _report(figures: Figures, seed: int) -> int:
    print(table(figures))
    if not figures.trouble:
        print('Nothing was lost.')
        return 0
    print(f'\nIts log:\n{figures.log}\n', file=sys.stderr)
    for trouble in figures.more_trouble:
        print(trouble, file=sys.stderr)
    print(f'{figures.trouble}\nThis was seed {seed}: {" ".join(sys.argv)}', file=sys.stderr)
    return 1


if __name__ == '__main__':
    sys.exit(main())
