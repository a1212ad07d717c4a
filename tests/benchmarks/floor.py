"""What this machine can do without papa: the bound that each figure is measured against.

``python floor.py MEASURE '[ARGUMENT...]'`` prints its result as JSON.
"""

import json
import os
import select
import socket
import subprocess
import sys
import time

from shared import PIPELINED, best_rate, clock, zeros

REQUEST = b'get bench\n'
REPLY = b'x' * 100 + b'\n> '
PROMPT = b'> '  # ends the greeting, here and in both papas
RECEIVE_SIZE = 65536


def serve(path):
    """An echo server on epoll: 100 bytes for each request."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(256)
    poller = select.epoll()
    poller.register(listening.fileno(), select.EPOLLIN)
    connections = {}
    while True:
        for fd, _ in poller.poll():
            connection = connections.get(fd)
            if connection is None:
                connection, _ = listening.accept()
                connections[connection.fileno()] = connection
                poller.register(connection.fileno(), select.EPOLLIN)
                connection.send(PROMPT)
                continue
            data = connection.recv(RECEIVE_SIZE)
            if data:
                connection.send(REPLY if len(data) == len(REQUEST) else REPLY * data.count(b'\n'))
            else:
                poller.unregister(fd)
                connections.pop(fd).close()


def connect(path):
    """A connection to that server, or to the telnet dialect of a papa, past the greeting."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    receive_until(connection, PROMPT)
    return connection


def receive_until(connection, ending):
    data = b''
    while not data.endswith(ending):
        part = connection.recv(RECEIVE_SIZE)
        if not part:
            raise EOFError(data)
        data += part
    return data


def round_trips(path, seconds, windows):
    """Round trips per second of a bare client with that server."""
    with connect(path) as connection:
        send, receive = connection.send, connection.recv

        def step():
            send(REQUEST)
            receive(RECEIVE_SIZE)

        return best_rate(step, seconds, windows)


def pipeline(path, seconds, windows):
    """Rates of round trips with that server: one by one, and by hundreds."""
    whole = len(REPLY) * PIPELINED
    with connect(path) as connection:
        def hundred():
            connection.send(REQUEST * PIPELINED)
            left = whole
            while left:
                left -= len(connection.recv(RECEIVE_SIZE))

        rate = best_rate(hundred, seconds, windows) * PIPELINED
    return [round_trips(path, seconds, windows), rate]


def drive(path, request, ending, number, seconds, windows):
    """Commands per second over many connections of which each always has one under way, by one thread.

    `request` asks for the value of 100 bytes that is set first; each answer comes whole and ends in `ending`.
    """
    request, ending = request.encode(), ending.encode()
    connections = [connect(path) for _ in range(number)]
    connections[0].send(b'set bench ' + b'x' * 100 + b'\n')
    receive_until(connections[0], PROMPT)
    poller = select.epoll()
    transport = {}
    for connection in connections:
        poller.register(connection.fileno(), select.EPOLLIN)
        transport[connection.fileno()] = connection.recv, connection.send
        connection.send(request)
    best = 0.0
    for _ in range(windows):
        count = 0
        start = now = time.perf_counter()
        while now < start + seconds:
            ready = poller.poll()
            for fd, _ in ready:
                receive, send = transport[fd]
                if not receive(RECEIVE_SIZE).endswith(ending):
                    raise ValueError('an answer in parts')
                send(request)
            count += len(ready)
            now = time.perf_counter()
        best = max(best, count / (now - start))
    return best


def spawn(number, descriptors=0):
    """Rate of os.posix_spawn of /bin/true, reaped, while so many descriptors are open."""
    opened = [fd for _ in range(descriptors // 2) for fd in os.pipe()]
    start = time.perf_counter()
    for _ in range(number):
        pid = os.posix_spawn('/bin/true', ['/bin/true'], os.environ)
        os.waitpid(pid, 0)
    rate = number / (time.perf_counter() - start)
    for fd in opened:
        os.close(fd)
    return rate


def latency(writes, pause):
    """Seconds from a child's write to the return of a bare `read` of its pipe."""
    seconds = []
    with subprocess.Popen(clock(writes, pause), stdout=subprocess.PIPE) as child:
        while data := os.read(child.stdout.fileno(), RECEIVE_SIZE):
            now = time.time()
            seconds.extend(now - float(line) for line in data.split())
    return seconds


def flood(blocks):
    """What a child writes as fast as it can, relayed to here by another process; the seconds that takes."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, __file__, 'relay', json.dumps([theirs.fileno(), blocks])]
    with ours, subprocess.Popen(command, pass_fds=[theirs.fileno()], stdout=subprocess.DEVNULL):
        theirs.close()
        ours.recv(1)  # it is ready
        start = time.perf_counter()
        ours.send(b'!')
        delivered = 0
        while data := ours.recv(RECEIVE_SIZE):
            delivered += len(data)
        return {'delivered': delivered, 'dropped': 0, 'seconds': time.perf_counter() - start}


def relay(number, blocks):
    """From the pipe of a child to a socket, in the simplest loop that waits for events."""
    with socket.socket(fileno=number) as connection:
        connection.send(b'!')
        connection.recv(1)
        with subprocess.Popen(zeros(blocks), stdout=subprocess.PIPE) as child, select.epoll() as poller:
            fd = child.stdout.fileno()
            poller.register(fd, select.EPOLLIN)
            while True:
                poller.poll()
                data = os.read(fd, RECEIVE_SIZE)
                if not data:
                    return
                connection.sendall(data)


MEASURES = (serve, round_trips, pipeline, drive, spawn, latency, flood, relay)

if __name__ == '__main__':
    measure = {function.__name__: function for function in MEASURES}[sys.argv[1]]
    print(json.dumps(measure(*json.loads(sys.argv[2]))))
