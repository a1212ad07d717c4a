"""Events as lines and records, and what may be acknowledged once they are written. The clock is an argument."""

from __future__ import annotations

import json
import time

from hypothesis import given
from hypothesis import strategies as st

from papa.events import Acknowledged, Closed, Lost, Output, Started
from papa_shell.human import Human, harmless_line
from papa_shell.pump import Present
from papa_shell.records import HOLD, LONGEST_LINE, Batch, Lines, Pieces, Record, plain

ID = 'boot-1'


def out(data: bytes, end: int, stream: str = 'out', at: float = 5.0) -> Output:
    return Output('p', ID, stream, at, data, end)


def lines() -> Lines:
    return Lines(plain, lambda: 9.0)


def fed(form: Lines | Pieces, *events: object, now: float = 0.0) -> Batch:
    batch = Batch()
    for event in events:
        form.feed(event, batch, now)  # type: ignore[arg-type]
    return batch


def shown(batch: Batch) -> list[tuple[str, str]]:
    return [(line.split('\t')[2], line.split('\t')[3]) for line in batch.data.decode().splitlines()]


def test_plain_lines() -> None:
    batch = fed(lines(), out(b'a\nb\t\x1b\xff\n', 7), Closed('p', ID, 6.0, -9), Lost('p', ID, 7, 19, 'overflow'))
    assert batch.data.decode() == (
        '5.000000\tp\tout\ta\n5.000000\tp\tout\tb\\t\\x1b\\xff\n6.000000\tp\texit\t-9\n9.000000\tp\tlost\t12 overflow\n'
    )
    assert [mark.position for mark in batch.marks] == [7, 0, 19]
    assert batch.taken(batch.size) == {('p', ID): 19}
    assert batch.taken(batch.marks[0].end) == {('p', ID): 7}
    assert batch.taken(batch.marks[0].end - 1) == {}
    assert batch.taken(0) == {}


def test_the_beginning_of_a_line_waits_for_its_end() -> None:
    form = lines()
    batch = fed(form, out(b'a\nhal', 5), now=10.0)
    assert shown(batch) == [('out', 'a')]
    assert form.holds
    assert form.due(10.0) == HOLD
    assert shown(fed(form, out(b'f\n', 7, at=6.0), now=10.1)) == [('out', 'half')]
    assert not form.holds
    assert form.due(10.0) is None


def test_it_does_not_wait_for_ever() -> None:
    form = lines()
    fed(form, out(b'Password: ', 10), now=10.0)
    batch = Batch()
    form.flush(batch, 10.0 + HOLD / 2)
    assert not batch.size
    form.flush(batch, 10.0 + HOLD)
    assert shown(batch) == [('out', 'Password: ')]
    assert batch.taken(batch.size) == {('p', ID): 10}


def test_what_waits_is_not_acknowledged_though_what_follows_is_written() -> None:
    form = lines()
    fed(form, out(b'half', 4))
    batch = fed(form, out(b'error\n', 10, 'err'))
    assert shown(batch) == [('err', 'error')]
    assert batch.taken(batch.size) == {('p', ID): 0}
    assert fed(form, out(b'!\n', 12)).taken(1000) == {('p', ID): 12}


def test_an_exit_and_a_loss_come_after_what_waits() -> None:
    form = lines()
    fed(form, out(b'half', 4), out(b'oops', 8, 'err'))
    assert shown(fed(form, Closed('p', ID, 6.0, 3))) == [('out', 'half'), ('err', 'oops'), ('exit', '3')]
    fed(form, out(b'half', 4))
    assert shown(fed(form, Lost('p', ID, 4, 9, 'slow'))) == [('out', 'half'), ('lost', '5 slow')]


def test_a_very_long_line_is_written_in_parts() -> None:
    form = lines()
    batch = fed(form, out(b'x' * LONGEST_LINE, LONGEST_LINE))
    assert not form.holds
    assert batch.taken(batch.size) == {('p', ID): LONGEST_LINE}


@given(st.lists(st.tuples(st.sampled_from(['out', 'err']), st.binary(min_size=1, max_size=6)), max_size=12))
def test_however_output_is_cut_its_lines_are_the_same(pieces: list[tuple[str, bytes]]) -> None:
    form, batch, end = lines(), Batch(), 0
    for stream, data in pieces:
        end += len(data)
        form.feed(out(data, end, stream), batch, 0.0)
        for (_, _), position in batch.taken(batch.size).items():
            assert position <= end
    form.flush(batch)
    for stream in ('out', 'err'):
        whole = b''.join(data for each, data in pieces if each == stream)
        expected = whole.split(b'\n')
        if not expected[-1]:
            expected.pop()
        single = fed(lines(), out(b'\n'.join(expected) + b'\n', 1)) if expected else Batch()
        assert [text for each, text in shown(batch) if each == stream] == [text for _, text in shown(single)]


def test_jsonl() -> None:
    batch = fed(
        Pieces(), Started('p', ID, 1.0), Acknowledged('p', ID, 0, False), out(b'a', 1), out(b'\xff', 2, 'err'),
        Lost('p', ID, 2, 4, 'slow'), Closed('p', ID, 7.0, 3),
    )
    assert [json.loads(line) for line in batch.data.splitlines()] == [
        {'time': 1.0, 'name': 'p', 'id': ID, 'stream': 'started'},
        {'time': 5.0, 'name': 'p', 'id': ID, 'stream': 'out', 'position': 1, 'text': 'a'},
        {'time': 5.0, 'name': 'p', 'id': ID, 'stream': 'err', 'position': 2, 'base64': '/w=='},
        {'name': 'p', 'id': ID, 'stream': 'lost', 'position': 4, 'start': 2, 'reason': 'slow'},
        {'time': 7.0, 'name': 'p', 'id': ID, 'stream': 'exit', 'exit_code': 3},
    ]
    assert batch.taken(batch.size) == {('p', ID): 4}


def test_jsonl_has_nothing_that_acts_on_a_terminal() -> None:
    text = 'é\x7f\x9b\u2028\u202e'
    data = fed(Pieces(), out(text.encode(), 9)).data
    assert not set(data.decode()) & set(text[1:])
    assert json.loads(data)['text'] == text


def test_what_there_is() -> None:
    def details(**more: object) -> dict[str, object]:
        return {'id': ID, 'running': True, 'buffered': 0, 'captured': 10, **more}

    assert Present({}).told
    assert Present({'p': details()}).told
    present = Present({'p': details(buffered=3)})
    present.note(Acknowledged('p', ID, 7, False))
    present.note(out(b'a', 9))
    assert not present.told
    present.note(out(b'a', 10))
    assert present.told
    present = Present({'p': details(running=False)})
    present.note(Lost('p', ID, 0, 10, 'overflow'))
    assert not present.told
    present.note(Closed('p', ID, 1.0, 0))
    assert present.told


def test_for_people() -> None:
    now = 1_700_000_000.0
    people = Human(colour=False, today=time.localtime(now))
    clock = time.strftime('%H:%M:%S', time.localtime(now))

    def show(stream: str, data: bytes, at: float = now) -> str:
        return people.show(Record(at, 'web.1', stream, data)).decode()

    assert show('out', b'hello\r') == f'{clock} web.1 │ hello\n'
    assert show('err', b'bad \xff\x07') == f'{clock} web.1 ! bad \\xff\\x07\n'
    assert show('exit', b'-9') == f'{clock} web.1 ended by SIGKILL\n'
    assert show('exit', b'3') == f'{clock} web.1 ended with 3\n'
    assert show('lost', b'312 overflow') == f'{clock} web.1 312 bytes lost: overflow\n'
    assert show('out', b'x', now - 86400 * 3).startswith(time.strftime('%Y-%m-%d ', time.localtime(now - 86400 * 3)))
    coloured = Human(colour=True).show(Record(now, 'a', 'out', b'\x1b[31mred'))
    assert coloured.endswith(b'\x1b[31mred\x1b[0m\n')


def test_colours_stay_and_nothing_else_acts() -> None:
    assert harmless_line('\x1b[1;31mred\x1b[0m', colour=True) == '\x1b[1;31mred\x1b[0m'
    assert harmless_line('\x1b[1;31mred\x1b[0m', colour=False) == 'red'
    assert harmless_line('a\x1b[2Jb\x1b]0;t\x07c\rd\te\\', colour=True) == 'a\\x1b[2Jb\\x1b]0;t\\x07c\\rd\te\\'
    assert harmless_line('\x1b', colour=True) == '\\x1b'
    assert harmless_line('a\u202eb', colour=True) == 'a\\u202eb'
    assert harmless_line('a\x1b[8mb\x1b[30;40mc', colour=True) == 'ab\x1b[40mc'
    assert harmless_line('a\x1b[1234mb', colour=True) == 'a\\x1b[1234mb'
    long = '0;' * 5000
    assert harmless_line(f'a\x1b[{long}mb', colour=True) == f'a\\x1b[{long}mb'


@given(st.text())
def test_any_line_is_harmless(text: str) -> None:
    found = harmless_line(text, colour=True)
    for part in found.split('\x1b')[1:]:
        assert part[0] == '['
    assert not set(found) & {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x1B)}
