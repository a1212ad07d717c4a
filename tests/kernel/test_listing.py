"""The list of processes is sent as tables: they say what the details of each say."""

from __future__ import annotations

import pytest

from papa.kernel.output import OutputBuffer
from papa.kernel.processes import ProcessRecord, ProcessSpec
from papa.wire import structured
from papa.wire.records import Records

NAMES = ['plain', 'a"quote\\', 'é', '\ud800\udc00', '\ud800', 'x' * 200]


def record(name: str, **ended: float) -> ProcessRecord:
    spec = ProcessSpec(
        ('/bin/echo', 'tab\t"new\n', name), {b'A': b'B'}, '/tmp', 5, 6, (7,), {}, 'pipe', 'pipe', 65536, 'drop', None
    )
    made = ProcessRecord(name, f'id-{len(name)}', spec, 123, 1795549332.7746913, ['s1', 's2'], OutputBuffer(65536), {})
    made.output.append(0, 1.0, b'some output')
    made.output.acknowledge(3)
    made.drained = 5
    for key, value in ended.items():
        setattr(made, key, value)
    return made


@pytest.mark.parametrize('name', NAMES)
def test_a_table_says_what_the_details_say(name: str) -> None:
    for found in (record(name), record(name, exit_code=-9, ended=1795549333.25)):
        line = structured.encode_reply(Records({name: found}))
        assert structured.decode_reply(line[:-1]) == {name: found.details()}


def test_those_that_run_and_those_that_have_ended_stand_in_one_listing() -> None:
    records = Records({'a': record('a'), 'b': record('b', exit_code=0, ended=2.0), 'c': record('c')})
    line = structured.encode_reply(records)
    assert structured.decode_reply(line[:-1]) == {name: found.details() for name, found in records.items()}
    assert structured.decode_reply(structured.encode_reply(Records())[:-1]) == {}


def test_a_row_follows_what_changes() -> None:
    found = record('p')
    found.row()
    found.output.append(1, 2.0, b'more')
    found.output.acknowledge(9)
    line = structured.encode_reply(Records({'p': found}))
    assert structured.decode_reply(line[:-1]) == {'p': found.details()}


@pytest.mark.parametrize('line', [
    b'[["a"]', b'[["a"]]', b'[["a"],{"x":[1,2]}]', b'[["a"],[1]]', b'[1,{"x":[1]}]', b'[["a"],{"x":1}]',
])
def test_a_torn_table_is_no_reply(line: bytes) -> None:
    with pytest.raises(ValueError):
        structured.decode_reply(line)
