"""What a text means and is while it is typed."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papa.line.errors import BadLine, NeedsMore
from papa.line.grammar import parse
from papa.line.meaning import meaning
from papa.line.quoting import commands, open_quotes, split
from papa.line.roles import roles
from papa.line.snapshot import Names


def held() -> Names:
    names = Names()
    names.processes.put('web.1', '11 running', '11')
    names.sockets.put('web', '127.0.0.1:80', '7')
    names.values.put('note', 'hello')
    return names


def kinds(text: str) -> list[tuple[str, str]]:
    return [(text[role.start : role.end], role.kind) for role in roles(text, held())]


@pytest.mark.parametrize(('text', 'full', 'hint'), [
    ('', '', ''),
    ('l', '', ''),
    ('l ', '', 'sockets or processes or values'),
    ('l p', 'list processes', '[NAME...]'),
    ('L P web.1', 'list processes web.1', '[NAME...]'),
    ('-o json g x', '-o json get x', ''),
    ('set', 'set', 'NAME [WORD...]'),
    ('set x=1', 'set x=1', '[WORD...]; did you mean "set x 1"?'),
    ('make process uid=', 'make process uid=', '[OPTION=VALUE...] [--] EXECUTABLE [ARGUMENT...]'),
    ('make process x sleep uid=', 'make process x sleep uid=', '[ARGUMENT...]'),
    ('set x', 'set x', '[WORD...]'),
    ('set x a b', 'set x a b', '[WORD...]'),
    ('set x --file', 'set x --file', 'PATH|-'),
    ('set x --file ', 'set x --file', 'PATH|-'),
    ('set x --file=', 'set x --file=', 'PATH|-'),
    ('set x --file=/a ', 'set x --file=/a', ''),
    ('set x --file /a ', 'set x --file /a', ''),
    ('g', 'get', 'NAME'),
    ('g x', 'get x', ''),
    ('g "two words', 'get "two words"', ''),
    ('g x | jq', 'get x | jq', ''),
    ('m p', 'make process', 'NAME [OPTION=VALUE...] [--] EXECUTABLE [ARGUMENT...]'),
    ('m p web', 'make process web', '[OPTION=VALUE...] [--] EXECUTABLE [ARGUMENT...]'),
    ('m p a=b', 'make process a=b', '[OPTION=VALUE...] [--] EXECUTABLE [ARGUMENT...]'),
    ('m p web watch=1', 'make process web watch=1', '[OPTION=VALUE...] [--] EXECUTABLE [ARGUMENT...]'),
    ('m p web --', 'make process web --', 'EXECUTABLE [ARGUMENT...]'),
    ('m p web sh', 'make process web sh', '[ARGUMENT...]'),
    ('m p -- -x', 'make process -- -x', '[OPTION=VALUE...] [--] EXECUTABLE [ARGUMENT...]'),
    ('set -- -x', 'set -- -x', '[WORD...]'),
    ('compare-and-set -- -x value=1', 'compare-and-set -- -x value=1', '[expected=TEXT]'),
    ('m p web bufsize=', 'make process web bufsize=',
     'bytes of output to hold: 65536, 64k, 2m (1m); 0 records nothing'),
    ('ack', 'acknowledge', 'NAME POSITION [ID]'),
    ('ack x', 'acknowledge x', 'POSITION [ID]'),
    ('ack x 5', 'acknowledge x 5', '[ID]'),
    ('ack x 5 i', 'acknowledge x 5 i', ''),
    ('compare-and-set x value=1', 'compare-and-set x value=1', '[expected=TEXT]'),
    ('w p --follow', 'watch processes --follow', '[NAME...]'),
    ('--last 1k p p', '--last 1k peek processes', '[OPTION=VALUE...] [--] [NAME...]'),
    ('changes every=1', 'changes every=1', '[OPTION=VALUE...] [KIND...]'),
    ('changes sockets', 'changes sockets', '[KIND...]'),
    ('?', 'help', ''),
    ('m p ?', 'help make process', ''),
])
def test_full_form_and_hint(text: str, full: str, hint: str) -> None:
    found = meaning(text)
    assert (found.full, found.hint, found.trouble) == (full, hint, '')


@pytest.mark.parametrize(('text', 'says'), [
    ('lst', 'did you mean "list"?'),
    ('exit-if', 'Unknown command'),
    ('l x', 'must be one of'),
    ('get a b', 'does not take "b"'),
    ('get --follow a', '--follow is not for "get"'),
    ('-q', 'Unknown option'),
    ('m s web prot=1', 'did you mean "port"?'),
])
def test_trouble_that_more_typing_does_not_end(text: str, says: str) -> None:
    assert says in meaning(text).trouble


@pytest.mark.parametrize('text', ['l', 'list', 'm', 'get', 'm p', 'm p web', '-o', 'get x |', '-y', 'ack x'])
def test_what_only_needs_more_is_told_apart(text: str) -> None:
    with pytest.raises(NeedsMore):
        parse(text)
    assert meaning(text).trouble == ''


@pytest.mark.parametrize('text', ['zz', 'get a b', 'process', 'exit-if'])
def test_what_is_wrong_needs_no_more(text: str) -> None:
    with pytest.raises(BadLine) as raised:
        parse(text)
    assert not isinstance(raised.value, NeedsMore)


@pytest.mark.parametrize(('text', 'opened'), [
    ("set x 'a", "'"), ('set x "a', '"'), ("set x $'a", "$'"), ('set x \\', '\\'), ('set x a', ''), ("'", "'"),
])
def test_what_is_open(text: str, opened: str) -> None:
    assert meaning(text).open == opened


@pytest.mark.parametrize(('text', 'parts'), [
    ('', ['']),
    ('a', ['a']),
    ('a\nb\n', ['a', 'b', '']),
    ("set x 'a\nb'\nget x", ["set x 'a\nb'", 'get x']),
    ('a \\\n b\nc', ['a \\\n b', 'c']),
    ("# don't\nget x", ["# don't", 'get x']),
    ("get x | grep '\nget y", ["get x | grep '", 'get y']),
    ("a '\nb\nc", ["a '\nb\nc"]),
    ('a \r\nb', ['a \r', 'b']),
])
def test_commands_of_a_text(text: str, parts: list[str]) -> None:
    assert [text[start:end] for start, end in commands(text)] == parts


@pytest.mark.parametrize(('text', 'expected'), [
    ('', ['']), ('a\nb', ['', '']), ("a 'b\nc", ['', "'"]), ("a 'b\nc\n\nd' e\nf", ['', "'", "'", "'", '']),
    ('a "b\nc', ['', '"']), ("a $'b\nc", ['', "$'"]), ('a \\\nb\\\nc', ['', '\\', '\\']), ("# '\nb", ['', '']),
    ("a | '\nb", ['', '']), ('\n\n', ['', '', '']), ("x\n'\n'\n\"\n", ['', '', "'", '', '"']),
])
def test_what_is_open_where_a_line_begins(text: str, expected: list[str]) -> None:
    assert open_quotes(text) == expected


def test_a_long_paste_takes_no_long_time() -> None:
    start = time.perf_counter()
    text = "set x 'a\n" + 'b\n' * 20_000 + "'\n" + 'get x\n' * 20_000
    assert len(open_quotes(text)) == text.count('\n') + 1
    assert len(roles(text, held())) > 20_000
    assert time.perf_counter() - start < 5  # a quarter of a second where nothing else runs


@pytest.mark.parametrize(('text', 'expected'), [
    ('l p web.1 11 x we* -y', [
        ('l', 'command'), ('p', 'command'), ('web.1', 'name'), ('11', 'name'), ('we*', 'wildcard'), ('-y', 'unknown'),
    ]),
    ('lst x y', [('lst', 'unknown')]),
    ('l x', [('l', 'command'), ('x', 'unknown')]),
    ('-o json get note', [('-o', 'option'), ('json', 'option'), ('get', 'command'), ('note', 'name')]),
    ('get note note', [('get', 'command'), ('note', 'name'), ('note', 'unknown')]),
    ('m s new port=1 prot=1', [('m', 'command'), ('s', 'command'), ('port=', 'option'), ('prot=1', 'unknown')]),
    ('m s new fam', [('m', 'command'), ('s', 'command')]),
    ('m p new a=b sh c=d', [('m', 'command'), ('p', 'command'), ('a=b', 'unknown')]),
    ('w p web.1 a=b', [('w', 'command'), ('p', 'command'), ('web.1', 'name')]),
    ('-- get note --raw', [('--', 'option'), ('get', 'command'), ('note', 'name'), ('--raw', 'option')]),
    ('get note ?', [('get', 'command'), ('note', 'name'), ('?', 'command')]),
    ('set note ?', [('set', 'command'), ('note', 'name')]),
    ("m p new env.A='b c' sh fd://$(socket.web.fileno) $(socket.no.port)x", [
        ('m', 'command'), ('p', 'command'), ('env.A=', 'option'), ('$(socket.web.fileno)', 'placeholder'),
        ('$(socket.no.port)', 'unknown'),
    ]),
    ('set x $(socket.web.port)', [('set', 'command')]),
    ('m p new -- port=1', [('m', 'command'), ('p', 'command'), ('--', 'option')]),
    ('m s -- -n port=1', [('m', 'command'), ('s', 'command'), ('--', 'option'), ('port=', 'option')]),
    ('set note -o x', [('set', 'command'), ('note', 'name')]),
    ('get x | grep y', [('get', 'command'), ('| grep y', 'pipe')]),
    ('# get x', [('# get x', 'comment')]),
    ('get x\nlst\nget note', [('get', 'command'), ('lst', 'unknown'), ('get', 'command'), ('note', 'name')]),
    ('exit now', [('exit', 'command'), ('now', 'unknown')]),
    ('l p ?', [('l', 'command'), ('p', 'command'), ('?', 'command')]),
    ('help make zz', [('help', 'command'), ('make', 'command'), ('zz', 'unknown')]),
    ('exit-if', [('exit-if', 'unknown')]),
])
def test_roles(text: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(text) == expected


@given(st.text(alphabet='lpsmgxe w.*-=?|#\'"\\$(socket.web)\n', max_size=40))
def test_any_text_can_be_typed(text: str) -> None:
    found = roles(text, held())
    assert all(0 <= role.start < role.end <= len(text) for role in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    spans = commands(text)
    assert '\n'.join(text[start:end] for start, end in spans) == text
    for start, end in spans:
        meaning(text[start:end])
    assert open_quotes(text) == ['', *(opened_after(text[:at]) for at, each in enumerate(text) if each == '\n')]


def opened_after(text: str) -> str:
    """What is open at the end of a text, found the slow way."""
    start, _ = commands(text + '\n')[-1]
    if start == len(text) + 1:
        return ''
    last = commands(text)[-1]
    return split(text[last[0] :]).open
