"""What this machine can do without papa: the bound that each figure is measured against."""

import json
import os
import select
import socket
import subprocess
import sys
import time

CLOCK = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'clock.py')
WINDOW = 0.25  # seconds
REQUEST = b'get bench\n'
REPLY = b'x' * 100 + b'\n'


def serve(path):
    """An echo server on epoll that answers 100 bytes to each message."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(5)
    print('ready', flush=True)
    connection, _ = listening.accept()
    poller = select.epoll()
    poller.register(connection.fileno(), select.EPOLLIN)
    while True:
        for _fd, _events in poller.poll():
            if not connection.recv(65536):
                return
            connection.send(REPLY)


def round_trips(path, windows):
    """The round trips per second of a bare client with that server: the best of several windows."""
    best = 0.0
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        for _ in range(int(windows)):
            count = 0
            start = time.perf_counter()
            end = start + WINDOW
            while time.perf_counter() < end:
                for _ in range(50):
                    connection.send(REQUEST)
                    connection.recv(65536)
                count += 50
            best = max(best, count / (time.perf_counter() - start))
    return best


def spawn(number):
    """Rate of os.posix_spawn of /bin/true, reaped."""
    start = time.perf_counter()
    for _ in range(int(number)):
        pid = os.posix_spawn('/bin/true', ['/bin/true'], os.environ)
        os.waitpid(pid, 0)
    return int(number) / (time.perf_counter() - start)


def latency(kind):
    """Seconds from a child's write to the return of a bare `read` of its pipe."""
    seconds = []
    child = subprocess.Popen([sys.executable, '-S', CLOCK, kind], stdout=subprocess.PIPE)
    while data := os.read(child.stdout.fileno(), 65536):
        now = time.time()
        seconds.extend(now - float(line) for line in data.split())
    child.wait()
    return seconds


if __name__ == '__main__':
    measure = {'serve': serve, 'round_trips': round_trips, 'spawn': spawn, 'latency': latency}[sys.argv[1]]
    print(json.dumps(measure(*sys.argv[2:])))
