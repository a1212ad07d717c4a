"""What circus runs in the tests: prints numbered lines, and tells its PID to who connects to the socket it inherited.

Usage: ``python circus_worker.py LABEL FILENO``.
"""

import os
import select
import socket
import sys

label, fileno = sys.argv[1:]
listening = socket.socket(fileno=int(fileno))
number = 0
while True:
    number += 1
    os.write(1, f'{label} {number}\n'.encode())
    if select.select([listening], [], [], 0.01)[0]:
        listening.setblocking(False)
        try:
            connection, _ = listening.accept()
        except BlockingIOError:  # the other worker has it
            continue
        with connection:
            connection.sendall(b'%d' % os.getpid())
