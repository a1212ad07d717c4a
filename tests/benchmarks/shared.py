"""What is the same for papa's clients and for the floor. Runs on any Python 3, for papa 1.0.6's environment too."""

import os
import sys
import time

BATCH = 50  # steps between two looks at the clock
PIPELINED = 100  # commands that are sent in one go

HERE = os.path.dirname(os.path.abspath(__file__))


def best_rate(step, seconds, windows):
    """How often a second `step` can be called: the best of several windows, for other work only ever slows."""
    best = 0.0
    for _ in range(windows):
        count = 0
        start = now = time.perf_counter()
        while now < start + seconds:
            for _ in range(BATCH):
                step()
            count += BATCH
            now = time.perf_counter()
        best = max(best, count / (now - start))
    return best


def best_time(step, times):
    """Seconds that one call of `step` takes, at best."""
    best = float('inf')
    for _ in range(times):
        start = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - start)
    return best


def clock(writes, pause):
    """The command of a child that prints the time so many times, with a pause before each."""
    return [sys.executable, '-S', os.path.join(HERE, 'clock.py'), str(writes), str(pause)]


def zeros(blocks):
    """The command of a child that writes so many blocks of 64 KB as fast as it can."""
    return ['/bin/dd', 'if=/dev/zero', 'bs=65536', f'count={blocks}', 'status=none']
