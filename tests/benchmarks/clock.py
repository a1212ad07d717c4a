"""A program that prints the time now and then: what the latency of a watch is measured with.

``python clock.py WRITES PAUSE``, with seconds before each write.
"""

import sys
import time

if __name__ == '__main__':
    for _ in range(int(sys.argv[1])):
        time.sleep(float(sys.argv[2]))
        sys.stdout.write(f'{time.time()!r}\n')
        sys.stdout.flush()
