"""People at the keyboard, by telnet and netcat: what papa 1.0 did not have."""

from __future__ import annotations

import re

import pytest


def fields(line: str) -> dict[str, str]:
    return dict(word.split('=', 1) for word in line.split() if '=' in word)


def hear_until(chat, text: str, end: str = '\n') -> str:
    """What it prints until it has printed a text, and the end of that line."""
    heard = ''
    while text not in heard:
        heard += chat.hear(end) + end
    return heard


def test_info(chat):
    info = dict(line.split(' ', 1) for line in chat.ask('info').split('\n'))
    assert info['connections'] == '1'
    assert info['processes'] == '0'
    assert re.fullmatch(r'\d+\.\d+\..*', info['version'])
    assert int(info['pid']) > 1
    assert info['endpoint'].startswith(('tcp:', 'unix:'))
    assert chat.ask('i').split('\n')[0] == chat.ask('inf').split('\n')[0]


def test_peek_shows_and_takes_nothing(chat, gate):
    command, send = gate
    chat.ask(f'make process live {command}')
    send('one')
    while 'captured=4' not in chat.ask('l p'):
        pass
    heard = chat.ask('peek processes live', 'one\n\n')
    assert re.fullmatch(r'Watching 1\nout:live:\d+\.\d+:4\n', heard)
    send('two')
    assert re.fullmatch(r'out:live:\d+\.\d+:4\n', chat.hear('two\n\n'))
    chat.say('')  # means nothing here
    chat.say('list processes')
    assert chat.ask('q') == 'Stopped watching'
    assert 'acknowledged=0 buffered=8' in chat.ask('l p live')
    assert 'watchers=0 peekers=0' in chat.ask('l p live')


def test_peek_to_the_end(chat):
    chat.ask(r'make process talk /bin/sh -c echo\ out;\ echo\ err\ >&2;\ exit\ 3')
    while 'running=False' not in chat.ask('l p talk'):
        pass
    heard = chat.ask('p p')
    assert heard.startswith('Watching 1\n')
    assert heard.endswith('\nNothing left to watch')
    records = heard.split('\n')[1:]
    assert re.fullmatch(r'(out|err):talk:\d+\.\d+:4', records[0])
    assert sorted(line for line in records if line in ('out', 'err')) == ['err', 'out']
    assert re.fullmatch(r'closed:talk:\d+\.\d+:3', records[-2])
    assert 'exit_code=3' in chat.ask('l p')  # it is there still


def test_peek_options(chat, gate):
    command, send = gate
    chat.ask(f'make process live {command}')
    send('0123456789')
    while 'captured=11' not in chat.ask('l p'):
        pass
    assert re.fullmatch(r'Watching 1\nout:live:[\d.]+:3', chat.ask('p p last=3 live', '\n89\n\n'))
    assert chat.ask('q') == 'Stopped watching'
    pid = fields(chat.ask('l p live'))['pid']
    assert re.fullmatch(r'Watching 1\nout:live:[\d.]+:1', chat.ask(f'PEEK proc last=1 -- {pid}', '\n\n\n'))
    assert chat.ask('q') == 'Stopped watching'
    assert chat.ask('peek processes last=0 live', '\n') == 'Watching 1'
    assert chat.ask('q') == 'Stopped watching'
    assert chat.ask('peek processes follow=1 later*', '\n') == 'Watching 0'
    chat.say('q')
    assert chat.hear() == 'Stopped watching'


def test_peek_follows(chat, converse):
    other = converse()
    assert chat.ask('peek processes follow=1 job.*', '\n') == 'Watching 0'
    other.ask('make process job.1 /bin/echo hello')
    assert re.fullmatch(r'out:job\.1:[\d.]+:6\nhello\n\nclosed:job\.1:[\d.]+:0\n', hear_until(chat, 'closed:'))
    other.ask('make process job.2 /bin/false')
    assert re.fullmatch(r'closed:job\.2:[\d.]+:1\n', hear_until(chat, 'closed:'))
    assert chat.ask('q') == 'Stopped watching'


def test_watch_follows(chat, converse):
    other = converse()
    assert chat.ask('watch processes follow=1 -- job.*', '\n') == 'Watching 0'
    for number in (1, 2):
        other.ask(f'make process job.{number} /bin/false')
        assert re.fullmatch(rf'closed:job\.{number}:[\d.]+:1\n', chat.hear('] '))
        chat.say('-')  # acknowledges, and it goes on
        while other.ask('l p'):
            pass
    assert chat.ask('q') == 'Stopped watching'
    assert chat.ask('watch processes last=5 -- job').startswith('Error: last is for peek')


def test_peek_tells_of_losses(chat, converse, gate):
    command, send = gate
    chat.ask(f'make process live bufsize=10 {command}')
    send('0123456789abcde')
    while 'captured=16' not in chat.ask('l p'):
        pass
    heard = chat.ask('watch processes peek=1 -- live', '6789abcde\n\n')
    assert heard.startswith('Watching 1\n')
    assert chat.ask('q') == 'Stopped watching'
    process_id = fields(chat.ask('l p'))['id']
    heard = chat.ask(f'watch processes peek=1 since={process_id}:2 -- live', 'e\n\n')
    assert re.match(r'Watching 1\nlost:live:2:6:overflow\nout:live:[\d.]+:10\n6789abcd$', heard)
    assert chat.ask('q') == 'Stopped watching'


def test_lines_sent_in_one_go(chat, gate):
    command, send = gate
    chat.ask(f'make process live {command}')
    send('one')
    while 'captured=4' not in chat.ask('l p'):
        pass
    chat.say('peek processes live\nq\nset a 1\nchanges values\nq\nget a')
    heard = chat.hear('> 1\n> ')
    assert re.fullmatch(
        r'Watching 1\nout:live:[\d.]+:4\none\n\nStopped watching\n> \n> '
        r'Listening\nsnapshot value a size=1 value=1\nStopped listening\n', heard
    )


def test_changes(chat, converse):
    other = converse()
    other.ask('set a one two')
    assert chat.ask('changes', 'value=one two\n') == 'Listening\nsnapshot value a size=7 '
    other.ask(r'set b\=c x')
    assert chat.hear('\n') == r'made value b\=c size=1 value=x'
    other.ask('make process job /bin/sh -c exit\\ 7')
    heard = hear_until(chat, 'exited process job ')
    assert re.search(r'^made process job pid=\d+ running=True .*args=/bin/sh -c exit 7$', heard, re.MULTILINE)
    assert re.search(r'^exited process job pid=\d+ running=False .* exit_code=7 ', heard, re.MULTILINE)
    other.ask('remove processes')
    assert hear_until(chat, 'removed process job ').count('\n') == 1
    other.ask('make socket web')
    assert re.fullmatch(r'made socket web family=inet .*\n', hear_until(chat, 'made socket web'))
    chat.say('list values')  # no command now
    assert chat.ask('q') == 'Stopped listening'
    assert chat.ask('g a') == 'one two'


def test_changes_of_kinds_and_counters(chat, converse, gate):
    command, send = gate
    other = converse()
    other.ask(f'make process live {command}')
    other.ask('set a 1')
    assert chat.ask('ch every=0.01 processes', '\n').startswith('Listening')
    send('one')
    assert 'counters process live captured=4 buffered=4\n' in hear_until(chat, 'counters process live captured=4')
    other.ask('set a 2')
    other.ask('acknowledge live 3')
    assert hear_until(chat, 'counters') == 'counters process live buffered=1\n'
    assert chat.ask('Q') == 'Stopped listening'
    for wrong in ('changes nonsense', 'changes every=0', 'changes value', 'changes often=1'):
        assert chat.ask(wrong).startswith('Error: ')


def test_acknowledge(chat, gate):
    command, send = gate
    chat.ask(f'make process live {command}')
    send('0123456789')
    while 'captured=11' not in chat.ask('l p'):
        pass
    process = fields(chat.ask('l p'))
    assert chat.ask('acknowledge live 4') == '4'
    assert chat.ask(f'a live 6 {process["id"]}') == '2'
    assert chat.ask(f'ack {process["pid"]} 7') == '1'
    assert chat.ask('a live 7') == '0'
    assert 'acknowledged=7 buffered=4' in chat.ask('l p')
    for wrong in ('a', 'a live', 'a live x', 'a live 12', 'a live 8 other', 'a nothing 1', 'a l* 1', 'a * 1'):
        assert re.fullmatch(r'Error: [^\n]+', chat.ask(wrong)), wrong


def test_compare_and_set(chat):
    assert chat.ask('compare-and-set lead value=a') == ''
    assert re.fullmatch(r'Error: .*"lead".*"a"', chat.ask('compare-and-set lead value=b'))
    assert chat.ask(r'co lead expected=a value=b\ c') == ''
    assert chat.ask('get lead') == 'b c'
    assert chat.ask(r'compare-and-set lead expected=b\ c') == ''
    assert chat.ask('list values') == ''
    for wrong in ('', 'lead a b', 'lead other=1', 'lead* value=1', 'lead value=a value=b'):
        assert chat.ask(f'compare-and-set {wrong}').startswith('Error: '), wrong


def test_help_for_them(chat):
    overview = chat.ask('help')
    for command in ('info', 'changes', 'peek processes', 'acknowledge', 'compare-and-set'):
        assert re.search(rf'^ +{command} ', overview, re.MULTILINE), command
        assert chat.ask(f'help {command}').startswith(command)
    assert re.search(r'^ +last', chat.ask('h p p'), re.MULTILINE)
    assert 'peek processes' in chat.ask('help processes')
    assert 'every' in chat.ask('h ch')


@pytest.mark.parametrize(('short', 'full'), [
    ('l p', 'list processes'), ('l s', 'list sockets'), ('l v', 'list values'), ('l', 'list'), ('m p', 'make process'),
    ('m s', 'make socket'), ('r p', 'remove processes'), ('r s', 'remove sockets'), ('r v', 'remove values'),
    ('w', 'watch'), ('w p', 'watch processes'), ('s', 'set'), ('g', 'get'), ('q', 'quit'), ('h', 'help'),
])
def test_old_abbreviations_mean_what_they_meant(short, full):
    from papa import commands

    assert commands.find(short.split())[0] == commands.find(full.split())[0]


def test_names_with_an_equals_sign(chat):
    chat.ask('make process a=b /bin/echo hello')
    while 'running=False' not in chat.ask('l p'):
        pass
    assert chat.ask('peek processes a=b').startswith('Error: ')  # an option, it seems
    heard = chat.ask('peek processes -- a=b')
    assert re.match(r'Watching 1\nout:a=b:[\d.]+:6\nhello\n', heard)
    assert chat.ask('watch processes a=b', '] ').startswith('Watching 1\n')  # as ever
    chat.ask('q')
