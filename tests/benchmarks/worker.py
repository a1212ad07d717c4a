"""One measurement as a client: runs with this papa and, unchanged, with papa 1.0.6.

``python worker.py MEASURE '[ARGUMENT...]'`` prints its result as JSON.
"""

import functools
import json
import os
import sys
import threading
import time

from shared import PIPELINED, best_rate, best_time, clock, zeros

import papa


def round_trips(path, seconds, windows):
    """Rate of `get` of 100 bytes."""
    with papa.Papa(path) as client:
        client.set('bench', 'x' * 100)
        return best_rate(functools.partial(client.get, 'bench'), seconds, windows)


def pipeline(path, seconds, windows):
    """Rates of that `get`: one by one, and by hundreds; None where there is no pipeline."""
    with papa.Papa(path) as client:
        client.set('bench', 'x' * 100)
        single = functools.partial(client.get, 'bench')
        if not hasattr(client, 'pipeline'):
            return None

        def hundred():
            with client.pipeline() as pipe:
                for _ in range(PIPELINED):
                    pipe.get('bench')
            if len(pipe.results) != PIPELINED:
                raise ValueError(len(pipe.results))

        hundred()
        rates = [0.0, 0.0]
        for _ in range(windows):
            rates[0] = max(rates[0], best_rate(single, seconds, 1))
            rates[1] = max(rates[1], best_rate(hundred, seconds, 1) * PIPELINED)
        return rates


def list_values(path, number, times):
    """Seconds for `list_values` of so many."""
    with papa.Papa(path) as client:
        for index in range(number):
            client.set(f'value.{index}', f'the value of {index}')
        if len(client.list_values()) != number:
            raise ValueError(number)
        return best_time(client.list_values, times)


def list_processes(path, times):
    """Seconds for `list_processes` of all that there are."""
    with papa.Papa(path) as client:
        return best_time(client.list_processes, times)


def spawn(path, number):
    """Rate of make_process of /bin/true with directory, environment and both streams captured."""
    environment = {'PATH': os.environ['PATH'], 'HOME': '/'}  # 1.0.6 fails on an empty value
    with papa.Papa(path) as client:
        start = time.perf_counter()
        for index in range(number):
            client.make_process(f'spawn.{index}', '/bin/true', working_dir='/tmp', env=environment)
        rate = number / (time.perf_counter() - start)
        client.remove_processes('spawn.*')
        while client.list_processes('spawn.*'):
            time.sleep(0.01)
        return rate


def hold(path, number):
    """Start sleeping processes and leave them."""
    with papa.Papa(path) as client:
        for index in range(number):
            client.make_process(f'held.{index}', '/bin/sleep', args=('1000',))


def fill(path, number, blocks):
    """Leave so many processes whose buffers of so many blocks of 64 KB are full."""
    with papa.Papa(path) as client:
        for index in range(number):
            client.make_process(f'full.{index}', args=zeros(blocks), bufsize=blocks * 65536)
        held = 0
        while held < number * blocks * 65536:
            time.sleep(0.02)
            held = sum(details['buffered'] for details in client.list_processes('full.*').values())


def flood(path, blocks, overflow):
    """A child writes as fast as it can. Returns what the watcher got, what it missed, and the seconds it took."""
    more = {'overflow': overflow} if overflow else {}
    with papa.Papa(path) as client:
        start = time.perf_counter()
        watcher = client.make_process(
            'flood', args=zeros(blocks), bufsize='64m', watch_immediately=True, **more)
        delivered = 0
        closed = False
        while not closed:
            out, _, closed = watcher.read()
            delivered += sum(len(output.data) for output in out)
        seconds = time.perf_counter() - start
        dropped = sum(watcher.dropped.values()) if hasattr(watcher, 'dropped') else None
        watcher.close()
        return {'delivered': delivered, 'dropped': dropped, 'seconds': seconds}


def scale(path, number, gate, times):
    """Many processes that all write at once, and one watcher.

    They wait at `gate`, a FIFO: it lets them go when it is opened for writing. Returns the rate at which they
    were started, of how many the watcher heard, within which time, and the seconds for a listing of them.
    """
    script = ': <"$0"; echo here; exec sleep 1000'
    with papa.Papa(path) as client:
        start = time.perf_counter()
        for index in range(number):
            client.make_process(f'held.{index}', '/bin/sh', args=('-c', script, gate))
        started = number / (time.perf_counter() - start)
        listing = best_time(client.list_processes, times)
        heard = set()
        watcher = client.watch_processes('held.*')
        start = time.perf_counter()
        with open(gate, 'wb'):
            while len(heard) < number:
                heard.update(output.name for output in watcher.read()[0])
        seconds = time.perf_counter() - start
        watcher.close()
        return {'started': started, 'heard': len(heard), 'seconds': seconds, 'listing': listing}


def upgrade(path, number, times):
    """Fill many buffers with 100 KB each, then upgrade the kernel under a client that asks for a value all the time.

    Returns for each upgrade the longest that this client waited, and the seconds that the upgrade took.
    """
    script = 'dd if=/dev/zero bs=4096 count=25 status=none; exec sleep 1000'
    with papa.Papa(path) as client:
        for index in range(number):
            client.make_process(f'held.{index}', '/bin/sh', args=('-c', script))
        while sum(details['captured'] for details in client.list_processes().values()) < number * 25 * 4096:
            time.sleep(0.05)
        found = []
        for _ in range(times):
            waits = []
            over = threading.Event()
            asking = threading.Thread(target=ask_until, args=(path, over, waits))
            asking.start()
            time.sleep(0.1)
            start = time.perf_counter()
            client.upgrade()
            seconds = time.perf_counter() - start
            time.sleep(0.1)
            over.set()
            asking.join()
            found.append([max(waits), seconds])
        return found


def ask_until(path, over, waits):
    """Ask for a value again and again; note how long each answer took."""
    with papa.Papa(path) as client:
        while not over.is_set():
            start = time.perf_counter()
            client.get('anything')
            waits.append(time.perf_counter() - start)
            time.sleep(0.001)


def latency(path, writes, pause):
    """Seconds from a child's write to the return of `read`, one for each write."""
    seconds = []
    with papa.Papa(path) as client:
        watcher = client.make_process('clock', args=clock(writes, pause), watch_immediately=True)
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


MEASURES = (round_trips, pipeline, list_values, list_processes, spawn, hold, fill, flood, scale, upgrade, latency)

if __name__ == '__main__':
    measure = {function.__name__: function for function in MEASURES}[sys.argv[1]]
    print(json.dumps(measure(*json.loads(sys.argv[2]))))
