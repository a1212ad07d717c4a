"""A program that prints the time now and then: what the latency of a watch is measured with."""

import sys
import time

SCHEDULES = {'busy': (200, 0.01), 'idle': (3, 2.0)}  # writes, seconds before each

if __name__ == '__main__':
    writes, pause = SCHEDULES[sys.argv[1]]
    for _ in range(writes):
        time.sleep(pause)
        sys.stdout.write(f'{time.time()!r}\n')
        sys.stdout.flush()
