"""People at the keyboard, by telnet and netcat: the commands, abbreviated, wrong, and to the end."""

from __future__ import annotations

import os
import re

from .conftest import PATIENCE, watched


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
