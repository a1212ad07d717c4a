"""People at the keyboard: the real telnet and netcat hold conversations with a kernel."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

PATIENCE = 20.0


@pytest.fixture
def chat(converse):
    """A program that has connected and heard the greeting."""
    return converse()


def netcat(daemon, text):
    """``printf text | nc -N``: everything at once, then the end of the input. Returns what came after the greeting."""
    where = ('127.0.0.1', str(daemon.where)) if isinstance(daemon.where, int) else ('-U', daemon.where)
    ended = subprocess.run(['nc', '-N', *where], input=text.encode(), capture_output=True, timeout=PATIENCE)
    assert ended.returncode == 0, ended.stderr
    greeting, _, rest = ended.stdout.decode().partition('\n> ')
    assert 'is home' in greeting
    return rest


def records(batch):
    """The headers of a batch without times, and what they announce."""
    found = []
    while batch:
        header, _, batch = batch.partition('\n')
        kind, name, timestamp, number = header.split(':')
        assert abs(float(timestamp) - time.time()) < 3600
        if kind == 'closed':
            found.append((kind, name, int(number)))
        else:
            size = int(number)
            assert batch[size] == '\n'
            found.append((kind, name, batch[:size]))
            batch = batch[size + 1 :]
    return found


def watched(chat, batch, *, until=1):
    """Acknowledge and read on until so many processes have closed. Returns all records, neighbours joined."""
    found = records(batch)
    while sum(kind == 'closed' for kind, _, _ in found) < until:
        found += records(chat.ask('-', '] '))
    joined = []
    for record in found:
        if joined and record[:2] == joined[-1][:2]:
            joined[-1] = (*record[:2], joined[-1][2] + record[2])
        else:
            joined.append(record)
    return joined


# The commands, by all programs


def test_help(chat):
    overview = chat.ask('help')
    for command in (
        'list sockets', 'list processes', 'list values', 'make socket', 'make process', 'remove sockets',
        'remove processes', 'remove values', 'watch processes', 'set', 'get', 'exit-if-idle', 'quit', 'help',
    ):
        assert re.search(rf'^ +{command} ', overview, re.MULTILINE), command
        assert chat.ask(f'help {command}').startswith(command)
    assert chat.ask('h l p') == chat.ask('help list processes')
    about = chat.ask('help process')
    assert all(f'{verb} processes' in about for verb in ('list', 'remove', 'watch'))
    assert 'rlimit.' in chat.ask('h m p')
    assert chat.ask('help nonsense').startswith('Error: ')


def test_values(chat):
    assert chat.ask('list values') == ''
    assert chat.ask('set one 1') == ''
    assert chat.ask(r'set test.two a  few\ \ words   é') == ''
    assert chat.ask('get one') == '1'
    assert chat.ask('get test.two') == 'a few  words é'
    assert chat.ask('get nothing') == ''
    assert chat.ask('list values') == 'one 1\ntest.two a few  words é'
    assert chat.ask('l v test.* nothing') == 'test.two a few  words é'
    assert chat.ask('set one') == ''
    assert chat.ask('get one') == ''
    assert chat.ask('remove values').startswith('Error: ')
    assert chat.ask('remove values *').startswith('Error: ')
    assert chat.ask('remove values nothing').startswith('Error: ')
    assert chat.ask('r v test.*') == ''
    assert chat.ask('l v') == ''


def test_sockets(chat, folder):
    made = chat.ask('make socket web backlog=7')
    fields = re.fullmatch(
        r'web family=inet type=stream backlog=7 host=127\.0\.0\.1 port=(\d+) fileno=(\d+)', made
    )
    assert fields
    assert chat.ask(f'm s web backlog=7 port={fields[1]}') == made
    assert chat.ask('m s web').startswith('Error: ')
    assert chat.ask('l s') == made
    assert chat.ask(f'list sockets {fields[2]}') == made
    path = f'{folder}/a\\ b.sock'
    unix = chat.ask(f'make socket file path={path} umask=077')
    assert unix.startswith(r'file family=unix type=stream backlog=5 path=')
    assert ' umask=63 ' in unix
    assert os.stat(f'{folder}/a b.sock').st_mode & 0o777 == 0o700
    assert re.fullmatch(
        r'many family=inet .* reuseport=True', chat.ask('make socket many reuseport=1')
    )
    assert [line.split()[0] for line in chat.ask('l s').splitlines()] == ['file', 'many', 'web']
    assert chat.ask('remove sockets file') == ''
    assert not os.path.exists(f'{folder}/a b.sock')
    assert chat.ask('remove sockets file').startswith('Error: ')
    assert chat.ask('r s') == ''
    assert chat.ask('l s') == ''


def test_processes(chat):
    made = chat.ask(
        r'make process talk env.WHO="the\ world" rlimit.nofile=50 umask=027 /bin/sh -c '
        r'echo\ hello\ $WHO;\ ulimit\ -n;\ umask;\ exit\ 3'
    )
    assert re.match(r'talk pid=\d+ running=True started=\d+\.\d+ uid=\d+ gid=\d+ .*args=/bin/sh -c echo hello', made)
    pid = made.split()[1]
    assert pid in chat.ask(f'list processes {pid[4:]}')
    assert pid in chat.ask('l p t*')
    assert chat.ask('l p other') == ''
    assert chat.ask('m p talk /bin/true').startswith('Error: ')
    assert chat.ask('make process bad env.WHO="the world" /bin/true').startswith('Error: ')  # quotes join no words
    batch = chat.ask('watch processes talk', '] ').partition('\n')[2]
    assert watched(chat, batch) == [('out', 'talk', 'hello the world\n50\n0027\n'), ('closed', 'talk', 3)]
    chat.ask('q')
    assert chat.ask('l p') == ''


def test_watch_to_the_end(chat):
    chat.ask(r'make process talk /bin/sh -c echo\ "one\ two";\ exit\ 3')
    first, _, batch = chat.ask('watch processes talk', '] ').partition('\n')
    assert first == 'Watching 1'
    assert watched(chat, batch) == [('out', 'talk', 'one two\n'), ('closed', 'talk', 3)]
    assert chat.ask('') == 'Nothing left to watch'
    assert chat.ask('l p') == ''


def test_both_streams_and_several_processes(chat):
    chat.ask(r'm p t.1 /bin/sh -c echo\ out;\ echo\ err\ >&2')
    chat.ask('m p t.2 /bin/false')
    first, _, batch = chat.ask('w p t.*', '] ').partition('\n')
    assert first == 'Watching 2'
    assert sorted(watched(chat, batch, until=2)) == [
        ('closed', 't.1', 0), ('closed', 't.2', 1), ('err', 't.1', 'err\n'), ('out', 't.1', 'out\n')
    ]
    assert chat.ask('-') == 'Nothing left to watch'


def test_watch_at_once(chat):
    first, _, batch = chat.ask('make process now watch=1 /bin/echo now', '] ').partition('\n')
    assert re.match(r'now pid=\d+ running=True .*args=/bin/echo now$', first)
    assert watched(chat, batch) == [('out', 'now', 'now\n'), ('closed', 'now', 0)]
    assert chat.ask('q') == 'Nothing left to watch'


def test_batches_wait_for_a_line(chat, converse, gate):
    command, send = gate
    other = converse()
    first = chat.ask(f'make process live watch=1 {command}', '\n')
    assert first.startswith('live pid=')
    send('one')
    assert records(chat.hear('] ')) == [('out', 'live', 'one\n')]
    send('two')
    while 'captured=8' not in other.ask('l p live'):
        pass  # it is there, and not sent before the first batch is acknowledged
    assert not select.select([chat.process.stdout], [], [], 0.1)[0]
    assert 'buffered=8' in other.ask('l p live')
    assert records(chat.ask('', '] ')) == [('out', 'live', 'two\n')]
    assert 'buffered=4' in other.ask('l p live')
    assert chat.ask('Q') == 'Stopped watching'
    assert 'buffered=0' in chat.ask('l p live')


def test_line_without_a_batch(chat, gate):
    command, send = gate
    chat.ask(f'make process live watch=1 {command}', '\n')
    chat.say('')  # ignored
    chat.say('list processes')  # likewise: it is not a command now
    send('one')
    assert records(chat.hear('] ')) == [('out', 'live', 'one\n')]
    chat.say('-')
    assert chat.ask('q') == 'Stopped watching'
    assert 'acknowledged=4 buffered=0' in chat.ask('l p')


def test_dropped_connection_acknowledges_nothing(chat, converse, gate):
    command, send = gate
    other = converse()
    chat.ask(f'make process live watch=1 {command}', '\n')
    send('kept')
    batch = chat.hear('] ')
    chat.end()
    again = other.ask('w p live', '] ').partition('\n')[2]
    assert again == batch  # with the time at which it was captured
    assert other.ask('q') == 'Stopped watching'


def test_two_watchers_get_everything(chat, converse, gate):
    command, send = gate
    other = converse()
    chat.ask(f'make process live watch=1 {command}', '\n')
    other.ask('watch processes live', '\n')
    send('one')
    assert records(chat.hear('] ')) == records(other.hear('] ')) == [('out', 'live', 'one\n')]
    send(None)
    for program in (chat, other):
        assert records(program.ask('-', '] ')) == [('closed', 'live', 0)]
    assert other.ask('-') == 'Nothing left to watch'
    assert chat.ask('-') == 'Nothing left to watch'


def test_binary_looking_output(chat):
    """Output that looks like the end of a batch, or of a reply, is told by its length."""
    chat.ask(r'm p odd /usr/bin/printf ]\ \n>\ \nclosed:odd:1:1\n]\040')
    while 'exit_code=0' not in chat.ask('l p odd'):
        pass
    batch = chat.ask('w p odd', '] ').partition('\n')[2]
    assert records(batch) == [('out', 'odd', '] \n> \nclosed:odd:1:1\n] '), ('closed', 'odd', 0)]
    assert chat.ask('') == 'Nothing left to watch'


def test_remove_processes(chat, gate):
    command, send = gate
    chat.ask(f'make process live {command}')
    send('lost')
    assert chat.ask('remove processes live') == ''
    assert chat.ask('r p nothing').startswith('Error: ')
    send(None)
    while chat.ask('l p'):
        pass
    assert chat.ask('watch processes live').startswith('Error: ')
    assert chat.ask('watch processes').startswith('Error: ')
    assert chat.ask('r p') == ''


def test_sockets_for_processes(chat):
    port = re.search(r'port=(\d+)', chat.ask('make socket web'))[1]
    chat.ask(r'make process fd /bin/echo $(socket.web.port):$(socket.web.fileno) at\ $(socket.web.port)')
    batch = chat.ask('w p fd', '] ').partition('\n')[2]
    assert re.fullmatch(rf'{port}:\d+ at {port}\n', watched(chat, batch)[0][2])
    chat.ask('q')
    for wrong in ('$(socket.nothing.port)', '$(socket.web)', '$(socket.web.port'):
        assert chat.ask(f'make process bad /bin/echo {wrong}').startswith('Error: ')
    assert chat.ask('l p') == ''


BAD = [
    'nonsense', 'list', 'list nonsense', 'make', 'watch nothing', 'w', 'get', 'get one two', 'set', 'exit', 'e',
    'exit-if-idl', 'make socket', 'make socket x nonsense=1', 'make socket x port=', 'make socket x port=99999',
    'make socket x path=relative', 'make socket x) port=1', 'make process', 'make process x', 'make process x uid=',
    'make process x /no/such/program', 'make process x working_dir=/no/such/folder /bin/true',
    'make process x uid=no-such-user /bin/true', 'make process x* /bin/true', 'make process x rlimit.foo=1 /bin/true',
    'make process x stdout=stdout /bin/true', 'make process x bufsize=lots /bin/true',
]


def test_errors(chat):
    for line in BAD:
        reply = chat.ask(line)
        assert re.fullmatch(r'Error: [^\n]+', reply), line
        assert not re.search(r'Traceback|Errno|NoneType|object|argument', reply), line
    assert [chat.ask(line) for line in ('list sockets', 'list processes', 'list values')] == ['', '', '']


def test_abbreviations(chat):
    chat.say('')
    assert chat.hear('> ') == ''
    assert chat.ask('  SET   a   b  ') == ''
    assert chat.ask('G a') == 'b'
    assert chat.ask('List Val') == chat.ask('l v') == 'a b'
    assert chat.ask('s a') == ''
    assert chat.ask('w p').startswith('Error: ')
    chat.say('q')
    assert chat.rest('ok\n').startswith('ok\n')


def test_quit(chat):
    chat.say('quit')
    assert chat.rest('ok\n').startswith('ok\n')
    assert chat.process.returncode in (0, 1)  # telnet calls the end of the connection a failure


def test_exit_if_idle(chat, converse):
    chat.ask('set a 1')
    assert chat.ask('exit-if-idle') == 'not idle'
    chat.ask('set a')
    chat.say('exit-if-idle')
    assert chat.rest('\n').startswith('Exiting papa!\n')
    assert converse.daemon.process.wait(PATIENCE) == 0


# Input that ends before the output


@pytest.fixture(params=['tcp', 'unix'])
def either(request, start_daemon, free_port):
    """A kernel on TCP and one on a Unix socket."""
    return start_daemon(port_or_path=free_port if request.param == 'tcp' else None)


def test_half_close(either):
    text = 'set a 1\nset b two words\nlist values\nget a\nnonsense\nget b\n'
    rest = netcat(either, text)
    assert re.fullmatch(
        r'\n> \n> a 1\nb two words\n> 1\n> Error: [^\n]*\n> two words\n> ', rest
    )


def test_last_line_without_its_end(either):
    """What is not a whole line is not a request."""
    assert netcat(either, 'set a 1\nset b 2') == '\n> '
    assert netcat(either, 'list values\n') == 'a 1\n> '


def test_nothing_after_quit_is_run(either):
    assert netcat(either, 'set a 1\nquit\nset a 2\n') == '\n> ok\n'
    assert netcat(either, 'get a\n') == '1\n> '


def test_half_close_while_the_kernel_looks_up_a_user(either):
    """A reply that takes a while still comes, and those after it."""
    rest = netcat(either, f'm p x uid={os.getuid()} gid={os.getgid()} /bin/sleep 600\nget a\nl v\n')
    assert re.fullmatch(r'x pid=\d+ [^\n]*\n> \n> \n> ', rest)


def test_half_close_in_a_watch(either):
    with either.connect() as papa:
        papa.make_process('x', '/bin/sh', ['-c', 'echo hi'])
        while papa.list_processes()['x']['running']:
            pass
    rest = netcat(either, 'watch processes x\nq\nlist processes\n')
    assert re.match(r'Watching 1\nout:x:[\d.]+:3\nhi\n\n', rest)
    assert re.search(r'\] (Nothing left to watch|Stopped watching)\n> ', rest)


def test_much_at_once(either):
    """More than the socket's buffers hold, in both directions."""
    value = 'v' * 200
    lines = ''.join(f'set key.{number} {value}\n' for number in range(5000))
    assert netcat(either, lines) == '\n> ' * 5000
    assert netcat(either, 'list values\n' * 3).count(value) == 15000


# What is particular


def test_reply_in_two_parts_is_not_delayed(start_daemon, free_port):
    """Nagle's algorithm would hold the second part for the 40 ms after which the first is acknowledged."""
    connection = start_daemon(port_or_path=free_port).open()
    took = []
    with connection, connection.makefile('rwb', buffering=0) as stream:
        stream.readline()
        for number in range(5):
            start = time.monotonic()
            stream.write(b'make process %d watch=1 /bin/echo\n' % number)
            received = b''
            while not received.endswith(b'] '):
                received += connection.recv(1000)
            took.append(time.monotonic() - start)
            stream.write(b'q\n')
            while not received.endswith(b'\n> '):
                received += connection.recv(1000)
    assert min(took) < 0.03


def test_http_is_sent_away(start_program, daemon):
    chat = start_program('nc', '-U', daemon.where)
    chat.hear()
    chat.say('POST / HTTP/1.1')
    chat.say('set a 1')
    assert re.fullmatch(r'Error: [^\n]+\n', chat.rest('\n'))
    assert netcat(daemon, 'get a\n') == '\n> '


def test_telnet_on_a_terminal(start_daemon, free_port):
    """As a person sees it: telnet in its line mode, left by its escape character."""
    start_daemon(port_or_path=free_port)
    pid, terminal = pty.fork()
    if not pid:
        os.execvp('telnet', ['telnet', '127.0.0.1', str(free_port)])
    seen = b''

    def hear(end):
        nonlocal seen
        while end not in seen:
            assert select.select([terminal], [], [], PATIENCE)[0], seen
            seen += os.read(terminal, 65536)
        found, _, seen = seen.partition(end)
        return found.decode().replace('\r', '')

    try:
        assert 'Escape character' in hear(b'\n> ')
        os.write(terminal, b'set greeting hello\n')
        hear(b'\n> ')
        os.write(terminal, b'get greeting\n')
        assert hear(b'\n> ').endswith('hello')
        os.write(terminal, b'make process watched watch=1 /bin/echo hello\n')
        assert 'hello' in hear(b'] ')
        os.write(terminal, b'\x1d')
        hear(b'telnet> ')
        os.write(terminal, b'quit\n')
        hear(b'Connection closed')
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
