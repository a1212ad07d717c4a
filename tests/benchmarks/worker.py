"""One measurement as a client: runs with this papa and, unchanged, with papa 1.0.6.

``python worker.py MEASURE PATH [NUMBER]`` prints its result as JSON.
"""

import json
import os
import sys
import time

import papa

CLOCK = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'clock.py')
WINDOW = 0.25  # seconds


def round_trips(path, windows):
    """Best rate of `get` of 100 bytes over several windows, per second."""
    best = 0.0
    with papa.Papa(path) as client:
        client.set('bench', 'x' * 100)
        for _ in range(int(windows)):
            count = 0
            start = time.perf_counter()
            end = start + WINDOW
            while time.perf_counter() < end:
                for _ in range(50):
                    client.get('bench')
                count += 50
            best = max(best, count / (time.perf_counter() - start))
    return best


def spawn(path, number):
    """Rate of make_process of /bin/true with directory, environment and both streams captured."""
    number = int(number)
    environment = {'PATH': os.environ['PATH'], 'HOME': '/'}  # 1.0.6 fails on an empty value
    with papa.Papa(path) as client:
        start = time.perf_counter()
        for index in range(number):
            client.make_process(f'spawn.{index}', '/bin/true', working_dir='/tmp', env=environment)
        return number / (time.perf_counter() - start)


def hold(path, number):
    """Start sleeping processes and leave them; the caller weighs the kernel."""
    with papa.Papa(path) as client:
        for index in range(int(number)):
            client.make_process(f'held.{index}', '/bin/sleep', args=('1000',))
        return [details['pid'] for details in client.list_processes('held.*').values()]


def latency(path, kind):
    """Seconds from a child's write to the return of `read`, one for each write."""
    seconds = []
    with papa.Papa(path) as client:
        watcher = client.make_process(
            'clock', sys.executable, args=('-S', CLOCK, kind), watch_immediately=True)
        while True:
            outputs = watcher.read()
            now = time.time()
            if outputs is None:
                return seconds
            for output in outputs[0]:
                seconds.extend(now - float(line) for line in output.data.split())
            watcher.acknowledge()
            if outputs[2]:
                watcher.close()
                return seconds


if __name__ == '__main__':
    measure = {'round_trips': round_trips, 'spawn': spawn, 'hold': hold, 'latency': latency}[sys.argv[1]]
    print(json.dumps(measure(*sys.argv[2:])))
