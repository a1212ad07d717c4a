"""People at the keyboard, by telnet and netcat: watching processes."""

from __future__ import annotations

import re
import select

from .conftest import records, watched


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


BLOCKED = r'make process a overflow=block bufsize=1000 /bin/sh -c yes\ |\ head\ -c\ 3000;\ exit\ 5'


def wait_for_the_end(chat, name):
    while f'{name} pid=' not in (said := chat.ask(f'l p {name}')) or 'running=False' not in said:
        pass


def test_what_an_answer_lets_a_process_write_belongs_to_the_next_batch(chat):
    """A process that has ended with a full buffer is read further in the middle of an answer."""
    chat.ask(BLOCKED)
    wait_for_the_end(chat, 'a')
    chat.ask('watch processes a', '] ')
    assert chat.ask('q') == 'Stopped watching'


def test_an_exit_that_was_answered_is_acknowledged_whatever_else_the_answer_sets_free(chat):
    chat.ask(BLOCKED)
    chat.ask('make process b /bin/false')
    for name in 'ab':
        wait_for_the_end(chat, name)
    batches = [chat.ask('watch processes a b', ' ')]
    while not batches[-1].endswith('\n>'):
        batches.append(chat.ask('', ' '))
    said = ''.join(batches)
    assert (said.count('y\n'), said.count('closed:a:'), said.count('closed:b:')) == (1500, 1, 1)
    assert said.endswith('Nothing left to watch\n>')
    assert chat.ask('l p') == ''
