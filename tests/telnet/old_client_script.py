"""Run by a published client of papa 1.0: every method that it has. Prints what each gave as JSON.

Usage: ``python old_client_script.py PORT_OR_PATH FOLDER``. It knows nothing of papa 2, so that the same lines can be
run against the kernel that came with that client.
"""

import json
import os
import select
import socket
import sys

import papa

WHERE = int(sys.argv[1]) if sys.argv[1].isdigit() else sys.argv[1]
FOLDER = sys.argv[2]
SH = '/bin/sh'

results = {}


def step(name, call, *args, **options):
    """Note what a call returns or raises."""
    try:
        value = call(*args, **options)
    except papa.Error as error:
        value = f'Error: {error}'
    assert name not in results, name
    results[name] = value
    return value


def seen(watcher):
    """All that a watcher gives until nothing is left: for each stream of each process, everything joined."""
    found = {}
    while watcher:
        reply = watcher.read()
        if reply is None:
            break
        out, err, closed = reply
        for stream, pieces in (('out', out), ('err', err)):
            for piece in pieces:
                assert isinstance(piece, papa.ProcessOutput)
                key = f'{stream} of {piece.name}'
                found[key] = found.get(key, '') + piece.data.decode('latin-1')
        for piece in closed:
            found['closed ' + piece.name] = piece.data
    found['exit_code'] = watcher.exit_code
    found['true'] = bool(watcher)
    return found


def collect(p, *names):
    with p.watch_processes(*names) as watcher:
        return seen(watcher)


def sockets(p):
    step('no sockets', p.list_sockets)
    step('socket', p.make_socket, 'tcp')
    step('socket again', p.make_socket, 'tcp')
    step('socket with other parameters', p.make_socket, 'tcp', backlog=7)
    step('socket with everything', p.make_socket, 'all', '127.0.0.1', 0, socket.AF_INET, socket.SOCK_STREAM, 6)
    step('socket at localhost', p.make_socket, 'local', host='localhost')
    step('inet6 socket', p.make_socket, 'six', family=socket.AF_INET6)
    step('unix socket', p.make_socket, 'unix', path=FOLDER + '/u.sock', umask=0o77)
    step('unix socket mode', lambda: oct(os.stat(FOLDER + '/u.sock').st_mode))
    step('unix socket again', p.make_socket, 'unix', path=FOLDER + '/u.sock', umask=0o77)
    step('unix socket, with what is for others', p.make_socket, 'mixed', 'localhost', 80, path=FOLDER + '/m.sock')
    step('inet socket, with what is for others', p.make_socket, 'masked', umask=8)
    step('reuseport', p.make_socket, 'shared', reuseport=True)
    step('relative path', p.make_socket, 'bad', path='u.sock')
    step('bad family', p.make_socket, 'bad', family=12345)
    step('bad type', p.make_socket, 'bad', socket_type=12345)
    step('no socket name', p.make_socket, '')
    step('taken port', lambda: p.make_socket('bad', port=results['socket']['port'])[:12])
    step('sockets', p.list_sockets)
    step('sockets by name', lambda: sorted(p.list_sockets('tcp', 'nothing', 'u*')))
    step('unknown socket', p.list_sockets, 'nothing')
    step('remove a socket', p.remove_sockets, 'tcp', 'u*')
    step('file of a removed socket', os.path.exists, FOLDER + '/u.sock')
    step('remove an unknown socket', p.remove_sockets, 'nothing')
    step('remove all sockets', p.remove_sockets)
    step('no sockets again', p.list_sockets)


def values(p):
    step('no values', p.list_values)
    step('set', p.set, 'test.a', 'one')
    step('get', p.get, 'test.a')
    step('set with spaces', p.set, 'test.b', 'a few  words')
    step('get with spaces', p.get, 'test.b')
    step('set with equals', p.set, 'test.c', 'k=v "quoted" é∑')
    step('get with equals', p.get, 'test.c')
    step('set with newline', p.set, 'test.d', 'two\nlines')
    step('get with newline', p.get, 'test.d')
    step('json', lambda: (p.set('test.json', json.dumps({'a': [1, 'b c']})), json.loads(p.get('test.json')))[1])
    step('values', p.list_values)
    step('values by name', p.list_values, 'test.a', 'nothing', 'x*')
    step('get nothing', p.get, 'nothing')
    step('clear', p.set, 'test.a')
    step('clear with nothing in it', p.set, 'test.b', '')
    step('values after clearing', lambda: sorted(p.list_values()))
    step('remove all values', p.remove_values)
    step('remove the values *', p.remove_values, '*')
    step('remove values', p.remove_values, 'test.*')
    step('no values again', p.list_values)
    step('get the nameless', p.get, '')


def processes(p):
    step('no processes', p.list_processes)
    step('process', p.make_process, 'one', SH, ['-c', 'echo "two  words"; echo oops >&2; exit 3'])
    step('process again', p.make_process, 'one', SH, ['-c', 'echo "two  words"; echo oops >&2; exit 3'])
    step('process with other parameters', p.make_process, 'one', SH, ['-c', 'true'])
    step('watch', collect, p, 'one')
    step('processes after the watch', p.list_processes)

    step('one argument', p.make_process, 'text', '/bin/echo', 'a b  c')
    step('watch one argument', collect, p, 'text')
    step('number as argument', p.make_process, 'number', '/bin/echo', 5)
    step('watch number', collect, p, 'number')
    step('executable in args', p.make_process, 'args', args=['/bin/echo', 'a', '--b=c', 'd=e f'])
    step('watch executable in args', collect, p, 'args')

    step('environment', p.make_process, 'env', '/usr/bin/env', env={'A': '1', 'B': 'two words', 'C': 'back\\'})
    step('watch environment', collect, p, 'env')
    step('working_dir', p.make_process, 'dir', '/bin/pwd', working_dir=FOLDER)
    step('watch working_dir', collect, p, 'dir')
    step('rlimits', p.make_process, 'limit', SH, ['-c', 'ulimit -n'], rlimits={'NOFILE': 77})
    step('watch rlimits', collect, p, 'limit')
    step('user', p.make_process, 'user', SH, ['-c', 'id -u; id -g'], uid=os.getuid(), gid=os.getgid())
    step('watch user', collect, p, 'user')
    step('merged', p.make_process, 'merged', SH, ['-c', 'echo 1; echo 2 >&2; echo 3'], stderr=papa.STDOUT)
    step('watch merged', collect, p, 'merged')
    both = ['-c', 'echo out; echo err >&2']
    step('no stdout', p.make_process, 'err', SH, both, stdout=papa.DEVNULL, stderr=papa.PIPE)
    step('watch no stdout', collect, p, 'err')
    step('no stderr', p.make_process, 'out', SH, both, stdout=papa.PIPE, stderr=papa.DEVNULL)
    step('watch no stderr', collect, p, 'out')
    step('nothing recorded', p.make_process, 'none', SH, both, bufsize=0)
    step('watch nothing recorded', collect, p, 'none')
    step('binary', p.make_process, 'bin', SH, ['-c', r"printf 'a\n> \n] \nout:x:1:2\n\000\377'"], bufsize='2m')
    step('watch binary', collect, p, 'bin')
    step('socket for a process', p.make_socket, 'web')
    step('placeholders', p.make_process, 'fd', SH,
         ['-c', 'test -S /proc/self/fd/$1 && echo listens on $2', 'x', '$(socket.web.fileno)', '$(socket.web.port)'])
    step('watch placeholders', collect, p, 'fd')
    step('signal', p.make_process, 'killed', SH, ['-c', 'kill -9 $$'])
    step('watch signal', collect, p, 'killed')
    process_errors(p)
    step('no socket left', p.remove_sockets, 'web')


def process_errors(p):
    step('no executable', p.make_process, 'bad')
    step('bad executable', p.make_process, 'bad', '/no/such/program')
    step('bad directory', p.make_process, 'bad', SH, working_dir='/no/such/folder')
    step('bad limit', p.make_process, 'bad', SH, rlimits={'nonsense': 1})
    step('bad user', p.make_process, 'bad', SH, uid='no-such-user')
    step('bad group', p.make_process, 'bad', SH, gid='no-such-group')
    step('bad stdout', p.make_process, 'bad', SH, stdout=papa.STDOUT)
    step('unknown socket of a process', p.make_process, 'bad', SH, ['$(socket.nothing.port)'])
    step('bad watch', p.make_process, 'bad', '/no/such/program', watch_immediately=True)
    step('commands after a bad watch', p.list_processes)
    step('watch an unknown process', p.watch_processes, 'nothing')
    step('remove an unknown process', p.remove_processes, 'nothing')


def remove(p):
    """A process that is removed while it runs: forgotten once it has ended."""
    gate = FOLDER + '/remove'
    os.mkfifo(gate)
    made = step('running', p.make_process, 'running', SH, ['-c', f'read x < {gate}; echo never seen'])
    step('listed', lambda: p.list_processes('run*')['running']['running'])
    step('listed by PID', lambda: sorted(p.list_processes(str(made['pid']))))
    watcher = p.watch_processes('running')
    step('remove a process', p.remove_processes, 'running')
    with open(gate, 'w'):
        pass
    watcher.close()


def watching(p):
    """The Watcher: one batch after the other, acknowledgement, `q`, and the connection that comes back."""
    gate = FOLDER + '/gate'
    os.mkfifo(gate)
    fd = p.fileno()
    watcher = p.make_process('chat', SH, ['-c', f'echo one; while read line; do echo $line; done < {gate}'],
                             watch_immediately=True)
    step('watcher is a Watcher', isinstance, watcher, papa.Watcher)
    step('watcher took the connection', lambda: (watcher.fileno() == fd, p.fileno(), bool(watcher), len(watcher)))
    step('first output', lambda: [tuple(piece)[::2] for piece in watcher.read()[0]] == [('chat', b'one\n')])
    with open(gate, 'w') as pipe:
        watcher.acknowledge()
        step('nothing to select', lambda: select.select([watcher], [], [], 0.2)[0])
        pipe.write('two\n')
        pipe.flush()
        step('second output', lambda: watcher.read()[0][0].data.decode())
        pipe.write('three\n')
        pipe.flush()
        step('third output', lambda: watcher.read()[0][0].data.decode())
        watcher.close()  # it was read but not acknowledged: `q` acknowledges it
        step('connection came back', lambda: (p.fileno() == fd, watcher.exit_code, bool(watcher), len(watcher)))
        step('command on it', p.get, 'nothing')
        pipe.write('four\n')
    with p.watch_processes('chat') as again:
        out, _err, closed = again.read()
        step('after q', lambda: out[0].data.decode())
        step('command beside a watcher', p.get, 'nothing')
        while not closed:
            out, _err, closed = again.read()
        step('the end', again.read)
        step('connection that is not needed', lambda: (bool(again), p.fileno() is not None))
    step('nothing left', p.list_processes)


def several(p):
    for name in ('s.1', 's.2', 't.1'):
        p.make_process(name, SH, ['-c', f'echo {name}'])
    step('watch a wildcard', collect, p, 's.*')
    step('watch what is left', collect, p)


def unread(p):
    """A watcher that drops without an acknowledgement loses nothing."""
    p.make_process('kept', SH, ['-c', 'echo kept'])
    with papa.Papa(WHERE) as other:
        watcher = other.watch_processes('kept')
        step('looked', lambda: watcher.read()[0][0].data.decode())
        watcher.connection.close()
    step('is kept', collect, p, 'kept')


def main():
    papa.set_default_connection_timeout(5)
    set_default = papa.set_default_port if isinstance(WHERE, int) else papa.set_default_path
    set_default(WHERE)
    with papa.Papa() as p:
        for part in (sockets, values, processes, remove, watching, several, unread):
            part(p)
        p.close()
        step('closed', p.fileno)
        step('after close', p.get, 'nothing')
        p.set('busy', 'yes')
        step('busy', p.exit_if_idle)
        p.remove_values('busy')
    with papa.Papa(WHERE, 5) as p:
        step('idle', lambda: p.list_processes())
        step('exit', p.exit_if_idle)
    print(json.dumps(results))


main()
