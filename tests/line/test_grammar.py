"""From words to a line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papa import commands
from papa.errors import BadRequest
from papa.line.calls import call
from papa.line.errors import BadLine, Unfinished
from papa.line.grammar import Line, parse, parse_arguments, parse_words
from papa.line.suggest import distance, nearest


def read(text: str) -> Line:
    line = parse(text)
    assert line is not None
    return line


@pytest.mark.parametrize(('text', 'full', 'short'), [
    ('l p', 'list processes', 'l p'),
    ('  l  p   web.* ', 'list processes   web.*', 'l p'),
    ('list processes', 'list processes', ''),
    ('LIST Processes', 'LIST Processes', ''),
    ('m s web port=8080', 'make socket web port=8080', 'm s'),
    ('-o json l v', '-o json list values', 'l v'),
    ("s x 'l p'", "set x 'l p'", 's'),
    ('g x |  jq .', 'get x | jq .', 'g'),
    ('h l p', 'help list processes', 'h'),
    ('help mak', 'help mak', ''),
    ('h -o plain m p --no-pager', '-o plain --no-pager help make process', 'h'),
    ('-o plain help get get', '-o plain help get', ''),
    ('l p ?', 'help list processes', ''),
    ('list ?', 'help list', ''),
    ('?', 'help', ''),
    ('get ?', 'help get', ''),
    ("get '?'", "get '?'", ''),
    ('get motd ?', 'help get', ''),
    ('l p web.1 -o json ?', 'help list processes', ''),
    ('-o json r p ?', 'help remove processes', ''),
    ('help l p ?', 'help list processes', ''),
    ('help ?', 'help help', ''),
    ('m p x ?', 'help make process', ''),
    ('m p x uid=root ?', 'help make process', ''),
    ("m p x '?'", "make process x '?'", 'm p'),
    ('set ?', 'help set', ''),
    ('set x ?', 'set x ?', ''),
    ('make process x sh ?', 'make process x sh ?', ''),
    ('make process x -- ?', 'make process x -- ?', ''),
    ('-- get x --raw', '-- get x --raw', ''),
    ('exit', 'exit', ''),
    ('q', 'quit', 'q'),
])
def test_the_full_form(text: str, full: str, short: str) -> None:
    line = read(text)
    assert (line.full, line.short) == (full, short)
    again = read(full)
    assert (again.command, again.operands, again.flags, again.short) == (line.command, line.operands, line.flags, '')


def test_nothing() -> None:
    assert parse('') is None
    assert parse('   ') is None
    assert parse('# comment') is None
    assert parse_words([]) is None


def test_leaving() -> None:
    for text in ('exit', 'EXIT', 'quit', 'q'):
        assert read(text).leaves
    assert not read('get exit').leaves


@pytest.mark.parametrize(('text', 'flags', 'operands', 'pairs'), [
    ('list processes a -o json b', {'output': 'json'}, ['a', 'b'], []),
    ('list processes -ojson', {'output': 'json'}, [], []),
    ('list processes --output=json -- -x --raw', {'output': 'json'}, ['-x', '--raw'], []),
    ('list processes a=b', {}, ['a=b'], []),
    ('list processes -', {}, ['-'], []),
    ('-p 80 --timeout 2.5 info', {'port': '80', 'timeout': 2.5}, [], []),
    ('-- list processes', {}, [], []),
    ('remove sockets -y', {'yes': True}, [], []),
    ('set x -o json', {}, ['x', '-o', 'json'], []),
    ('set -o json x -o', {'output': 'json'}, ['x', '-o'], []),
    ('set --file - x', {'file': '-'}, ['x'], []),
    ('set x --file /tmp/x', {'file': '/tmp/x'}, ['x'], []),
    ('set x --file=/tmp/x', {'file': '/tmp/x'}, ['x'], []),
    ('set x --file=-', {'file': '-'}, ['x'], []),
    ('set x --files y', {}, ['x', '--files', 'y'], []),
    ('set x a --file y', {}, ['x', 'a', '--file', 'y'], []),
    ('set -- x --file=', {}, ['x', '--file='], []),
    ('set -- x --file /tmp/x', {}, ['x', '--file', '/tmp/x'], []),
    ("set x '--file y'", {}, ['x', '--file y'], []),
    ('set -- -x a', {}, ['-x', 'a'], []),
    ('make process -o json x uid=bob -- ./a=b -o', {'output': 'json'}, ['x', './a=b', '-o'], [('uid', 'bob')]),
    ('make process x sh -c --', {}, ['x', 'sh', '-c', '--'], []),
    ('make socket x port=1 -o json', {'output': 'json'}, ['x'], [('port', '1')]),
    ('make socket -o json x port=1', {'output': 'json'}, ['x'], [('port', '1')]),
    ('watch processes a=b', {}, ['a=b'], []),
    ('watch processes follow=1 -- a=b --last', {}, ['a=b', '--last'], [('follow', '1')]),
    ('watch processes --follow a -- b', {'follow': True}, ['a', 'b'], []),
    ('watch processes --peek --last 64k a', {'peek': True, 'last': 65536}, ['a'], []),
    ('peek processes last=1 web', {}, ['web'], [('last', '1')]),
    ('peek processes web -- -x', {}, ['web', '-x'], []),
    ('changes every=1 values --output jsonl', {'output': 'jsonl'}, ['values'], [('every', '1')]),
    ('compare-and-set x value=-o', {}, ['x'], [('value', '-o')]),
    ('compare-and-set -- -x value=1', {}, ['-x'], [('value', '1')]),
    ('compare-and-set x value=1 --', {}, ['x'], [('value', '1')]),
    ('make socket -- -x path=/a', {}, ['-x'], [('path', '/a')]),
    ('make socket -- x=y path=/a --', {}, ['x=y'], [('path', '/a')]),
    ('make socket -o json -- -x', {'output': 'json'}, ['-x'], []),
    ('make process -- -x uid=bob -- ./a=b', {}, ['-x', './a=b'], [('uid', 'bob')]),
])
def test_options_and_operands(
    text: str, flags: dict[str, Any], operands: list[str], pairs: list[tuple[str, str]]
) -> None:
    line = read(text)
    assert (line.flags, line.operands, line.pairs) == (flags, operands, pairs)


@pytest.mark.parametrize(('text', 'says'), [
    ('lsit processes', 'Unknown command "lsit"; did you mean "list"?'),
    ('gte x', 'did you mean "get"?'),
    ('list proceses', 'did you mean "processes"?'),
    ('list', '"list" must be followed by one of: processes, sockets, values'),
    ('list -o json processes', 'Bad "list" command "-o"'),
    ('stop web.1', 'Unknown command "stop"; a process ends by its PID, which "list processes" tells: kill PID'),
    ('kill 12', 'kill PID'), ('signal', 'kill PID'), ('RESTART x', '"make process"'),
    ('start x', 'did you mean "make process"?'), ('ls', 'did you mean "list"?'),
    ('ps', 'did you mean "list processes"?'), ('rm x', 'did you mean "remove"?'), ('tail x', '"peek processes"'),
    ('logs', '"peek processes"'), ('help kill', 'There is no help on "kill"; a process ends by its PID'),
    ('kill ?', 'kill PID'),
    ('xyzzy', 'Unknown command "xyzzy"; see help'),
    ("'' x", 'Unknown command ""'),
    ('get', '"get" needs more; it is: get NAME'),
    ('get a b', '"get" does not take "b"'),
    ('info x', '"info" does not take "x"'),
    ('exit now', '"exit" leaves the shell, and takes no "now"'),
    ('watch web.1', 'did you mean "watch processes web.1"?'),
    ('watch proceses', 'did you mean "processes"?'),
    ('get -dash', 'Unknown option "-dash"; a name that begins so stands after a --'),
    ('upgrade x', '"upgrade" does not take "x"; it is: upgrade [python=PATH]'),
    ('remove values', 'needs more'),
    ('make socket --', 'needs more'),
    ('make socket -- a -- b', 'does not take "b"'),
    ('compare-and-set --', 'needs more'),
    ('make process --', 'needs more'),
    ('get -y x', '-y is not for "get"'),
    ('make process x', 'needs more'),
    ('make process x uid=bob', 'needs more'),
    ('make socket x 8080', 'does not take "8080"'),
    ('make socket x prot=8080', 'Unknown option "prot"; did you mean "port"?'),
    ('make socket x rlimit.cpu=1', 'Unknown option "rlimit.cpu"; the options are family'),
    ('list processes --raw', '--raw is not for "list processes"'),
    ('list processes --folow', 'Unknown option "--folow"; did you mean "--follow"?'),
    ('peek processes x --no-f', 'Unknown option "--no-f"; did you mean "--no-follow"?'),
    ('list processes -x', 'Unknown option "-x"'),
    ('list processes -o', '-o needs a value: FORMAT'),
    ('list processes -o jsn', 'did you mean "json"?'),
    ('remove sockets --yes=1', '--yes takes no value'),
    ('info -p 0', '-p must be a port from 1 to 65535'),
    ('info -u rel', '-u must be the absolute path'),
    ('info -u /x -p 1', 'exclude each other'),
    ('info --timeout x', '--timeout must be a number of seconds'),
    ('info --keep-going', '--keep-going is for the start of papa-shell'),
    ('watch processes --follow --no-follow', 'exclude each other'),
    ('watch processes --last 1k', 'add --peek'),
    ('changes thing', 'A kind is one of sockets, values, processes'),
    ('set --file x', 'needs more'),
    ('set --file x y z', 'does not take "z"'),
    ('set x --file', '--file needs the path of a file, or - for standard input; for a text that begins so: set -- x'),
    ('set x --file=', '--file needs the path of a file'),
    ("set x --file ''", '--file needs the path of a file'),
    ("set --file '' x", '--file needs the path of a file'),
    ('set --file= x', '--file needs the path of a file'),
    ('set x --file /a b', '"b" cannot stand there: --file PATH is the whole value; for a text that begins so:'),
    ('set x --file /a --raw', '"--raw" cannot stand there'),
    ('set x --file=/a b', '"b" cannot stand there'),
    ('set --file /a x --file /b', '"--file" cannot stand there'),
    ('-o json', 'There is no command in this line'),
    ('help nonsense', 'There is no help on "nonsense"'),
    ('get x |', '"|" needs a program'),
    ('| jq', '"|" needs a command'),
])
def test_wrong_lines(text: str, says: str) -> None:
    with pytest.raises(BadLine) as caught:
        parse(text)
    assert says in str(caught.value)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('text', [
    'upgrad', 'upgrd', 'u', 'exit-if', 'exit-if-idel', 'exi', 'e', 'upgrades', 'exitifidle',
])
def test_what_ends_or_replaces_the_kernel_is_never_suggested(text: str) -> None:
    with pytest.raises(BadLine) as caught:
        parse(text)
    assert 'upgrade"' not in str(caught.value)
    assert 'exit-if-idle' not in str(caught.value)


@pytest.mark.parametrize(('text', 'opened'), [("get 'x", "'"), ('get "x', '"'), ("get $'x", "$'"), ('get x\\', '\\')])
def test_unfinished_lines(text: str, opened: str) -> None:
    with pytest.raises(Unfinished) as caught:
        parse(text)
    assert caught.value.open == opened


def test_words_are_taken_as_they_are() -> None:
    words = ['set', 'x', "a'b", '|', '#c', 'd\\', 'e\nf', '']
    line = parse_words(words)
    assert line is not None
    assert line.operands == words[1:]
    assert line.pipe is None
    assert read(line.full).operands == words[1:]
    assert parse_words(['get', '?']).operands == ['?']  # type: ignore[union-attr]


def test_what_a_program_is_started_with() -> None:
    flags, line = parse_arguments(['-n', '-f', 'x', '--keep-going'])
    assert (flags, line) == ({'dry_run': True, 'script': 'x', 'keep_going': True}, None)
    flags, line = parse_arguments(['--strict', 'list', 'values', '--version'])
    assert line is not None
    assert flags == {'strict': True, 'version': True}
    _, line = parse_arguments(['-n', '-o', 'json', 'l', 'v', '--strict', 'a b'])
    assert line is not None
    assert line.full == "-o json list values 'a b'"
    assert parse_arguments([]) == ({}, None)
    with pytest.raises(BadLine, match='--follow needs a command'):
        parse_arguments(['--follow'])
    with pytest.raises(BadLine, match=r'^-y needs a command'):
        parse_arguments(['-y'])


@pytest.mark.parametrize('words', [
    ['--help', 'list'], ['-h', 'lsit', '-x'], ['--version', 'get'], ['list', '--help'], ['get', '-h'],
    ['make', 'process', '--help'], ['get', 'a', 'b', '--version'],
])
def test_who_asks_is_answered_whatever_is_there(words: list[str]) -> None:
    flags, _ = parse_arguments(words)
    assert set(flags) <= {'help', 'version'}
    assert flags


def test_every_command_can_be_parsed_and_its_examples() -> None:
    for command in commands.COMMANDS:
        for example in command.examples:
            line = read(example)
            assert line.command is command
            assert command.name in ('help', 'quit') or call(line) is not None


@given(st.text('lp swmg-o=.*? \'"|#1/x', max_size=25))
def test_any_text_is_a_line_or_a_bad_one(text: str) -> None:
    line, wrong = None, ''
    try:
        line = parse(text)
    except BadLine as error:
        wrong = str(error)
    assert wrong.isprintable()
    if line is not None:
        again = read(line.full)
        assert (again.command, again.operands, again.pipe) == (line.command, line.operands, line.pipe)
        assert again.short == ''


def test_distance() -> None:
    assert [distance(a, b) for a, b in (('', ''), ('a', ''), ('ab', 'ba'), ('list', 'lsit'), ('abc', 'xbz'))] == [
        0, 1, 1, 1, 2,
    ]
    assert nearest('x' * 1000, ['x']) is None


@pytest.mark.parametrize('text', ['make socket x port=abc', 'make process x bufsize=1t sh', 'acknowledge x y',
                                  'make process x env=empty env.A=b sh', 'make socket x port=1 port=2',
                                  "make process x ''"])
def test_a_bad_value_is_not_a_bad_line(text: str) -> None:
    line = read(text)
    with pytest.raises(BadRequest) as caught:
        call(line)
    assert not isinstance(caught.value, BadLine)
