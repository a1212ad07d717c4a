"""The reader of the state that is handed over: whatever it gets, it takes all of it or nothing, and says why."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from conftest import Daemon
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from papa.kernel import state as states
from papa.kernel.state import (
    CursorState,
    Data,
    EndpointState,
    ListenerState,
    LogState,
    OriginState,
    OutputState,
    ProcessState,
    RequestState,
    SessionState,
    SocketState,
    State,
    WatchState,
)
from papa.kernel.upgrade import codec, image
from papa.kernel.upgrade.handover import Handover
from papa.kernel.upgrade.image import Image, Reading

from .states import Parts, Trier, memory, serialize, take_image, with_header

RECORDS = [
    CursorState, EndpointState, ListenerState, LogState, OriginState, OutputState, ProcessState, RequestState,
    SessionState, SocketState, State, WatchState,
]
SETTINGS = settings(
    deadline=None, derandomize=True, database=None, max_examples=100, suppress_health_check=list(HealthCheck)
)

_collected: list[bytes] = []


@pytest.fixture
def parts(start_daemon: Callable[..., Daemon], folder: str) -> Parts:
    """The state of a real kernel. It is taken once."""
    if not _collected:
        _collected.append(take_image(start_daemon('--log-file', f'{folder}/log'), folder))
    return Parts(_collected[0])


@pytest.fixture
def trier() -> Iterator[Trier]:
    with tempfile.TemporaryDirectory() as folder:
        running = Trier(folder)
        yield running
        running.close()


def read(raw: bytes) -> Handover | None:
    """All of a state, or None where it is refused in one of the ways that are foreseen."""
    with memory(raw) as fd:
        try:
            return Handover(fd)
        except (ValueError, OSError):
            return None


ACCIDENTS = (
    'TypeError', 'AttributeError', 'AssertionError', 'OverflowError', 'RecursionError', 'KeyError', 'IndexError',
    'NameError', 'status',
)


def assert_foreseen(answer: str) -> None:
    """The new code takes it, or says in its own words why not."""
    word, _, text = answer.partition('\t')
    assert word in ('good', 'bad'), answer
    assert text.isprintable() or '\\u' in ascii(text), answer
    if word == 'bad':
        assert text
        for accident in ACCIDENTS:
            assert accident not in text, answer


# Bytes


@SETTINGS
@given(st.binary(max_size=200))
@example(b'')
@example(b'papa state\n')
@example(with_header(b'', b''))
@example(with_header(b'', b'{}'))
@example(with_header(b'', b'[' * 100_000))
@example(with_header(b'', b'{"a":' * 100_000))
@example(with_header(b'', b'9' * 100_000))
@example(with_header(b'', b'NaN'))
@example(with_header(b'', b'1e999'))
@example(with_header(b'', b'"\xff"'))
@example(with_header(b'', b'null'))
def test_any_bytes(raw: bytes) -> None:
    assert read(raw) is None
    assert read(with_header(b'', raw)) is None


@SETTINGS
@given(st.data())
def test_a_state_with_other_bytes_in_it(parts: Parts, data: st.DataObject) -> None:
    """What is cut off, or changed in the header or the record, is refused; the data itself are not checked."""
    raw = parts.image()
    assert read(raw) is not None
    assert read(raw[: data.draw(st.integers(0, len(raw) - 1), 'cut at')]) is None
    record = len(raw) - len(serialize(parts.state)) // 2  # somewhere in the record
    places = st.one_of(st.integers(0, image._HEADER.size - 1), st.integers(record, len(raw) - 1))
    where = data.draw(places, 'changed at')
    changed = bytearray(raw)
    changed[where] ^= data.draw(st.integers(1, 255), 'by')
    found = read(bytes(changed))
    assert found is None or where in range(12, 16)  # another format, but one that is known


# Fields


WRONG = st.one_of(
    st.sampled_from([
        None, True, False, 0, -1, 1, 3, 4, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30, 0.5,
        1e308, '', 'x', '\ud800', 'x' * 1000,
        [], {}, [[]], [0], [0, 0], [0, 2**64], [-1, 10], [None], {'x': 1},
        [['x', 1, 2]],
        json.loads('[' * 500 + ']' * 500),
    ]),
    st.integers(0, 40),
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all that is in there."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from paths(each, (*path, key))


def change(data: st.DataObject, parts: Parts) -> Parts:
    """The same with one field or more changed, removed, doubled or added."""
    changed = copy.copy(parts)
    changed.state, changed.processes = copy.deepcopy(parts.state), copy.deepcopy(parts.processes)
    for _ in range(data.draw(st.integers(1, 3), 'changes')):
        whole = {'state': changed.state, 'processes': changed.processes}
        found = [path for path in paths(whole) if len(path) > 1 or path == ('state',)]
        *way, key = data.draw(st.sampled_from(found), 'where')
        holder: Any = whole
        for step in way:
            holder = holder[step]
        what = data.draw(st.sampled_from(['change', 'remove', 'double', 'add', 'copy']), 'what')
        if what == 'change' and way:
            holder[key] = copy.deepcopy(data.draw(WRONG, 'to'))
        elif what == 'remove' and way:
            del holder[key]
        elif what == 'double' and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        elif what == 'copy' and way:
            other = data.draw(st.sampled_from(list(holder) if isinstance(holder, dict) else range(len(holder))), 'from')
            holder[key] = copy.deepcopy(holder[other])
        elif isinstance(holder[key], dict):
            holder[key]['unknown'] = copy.deepcopy(data.draw(WRONG, 'unknown'))
    return changed


@SETTINGS
@given(st.data())
def test_a_state_with_other_fields_in_it(parts: Parts, data: st.DataObject) -> None:
    changed = change(data, parts)
    try:
        raw = changed.image()
    except (TypeError, KeyError, IndexError):  # the list of processes itself is something else
        raw = with_header(parts.data, serialize(changed.state))
    found = read(raw)
    if found is not None:
        assert_typed(found.state, State)
        for each in found.processes:
            assert_typed(each, ProcessState)


_numbers = count(1)


@settings(SETTINGS, max_examples=150)
@given(st.data())
def test_new_code_that_tries_such_states(parts: Parts, trier: Trier, data: st.DataObject) -> None:
    """It neither crashes nor hangs, and its words are its own."""
    changed = change(data, parts)
    try:
        raw = changed.image(padding=next(_numbers))
    except (TypeError, KeyError, IndexError):
        raw = with_header(parts.data, serialize(changed.state))
    assert_foreseen(trier.ask(raw))


def test_new_code_that_tries_a_good_state(parts: Parts, trier: Trier) -> None:
    """With unknown fields everywhere, and without those that have defaults."""
    assert trier.ask(parts.image(1)) == 'good\t1'
    everything = {'state': parts.state, 'processes': parts.processes}
    for path in list(paths(everything)):
        holder: Any = everything
        for step in path:
            holder = holder[step]
        if isinstance(holder, dict) and not {'environments', 'values', 'rlimits', 'told', 'news'} & set(path):
            holder['unknown'] = [{'x': 1}]
    assert trier.ask(parts.image(2)) == 'good\t1'
    for process in parts.processes:
        for name in ProcessState._field_defaults:
            process.pop(name, None)
    assert trier.ask(parts.image(3)) == 'good\t1'
    assert trier.ask(b'') != 'good\t1'
    assert trier.ask(parts.image(4)) == 'good\t1'


def test_states_that_would_do_harm_after_exec(parts: Parts, trier: Trier) -> None:
    """What is found out only when the kernel works is found out where it is tried."""
    without = copy.deepcopy(parts)
    without.state['kept'] = without.state['kept'][1:]
    assert 'kept open' in trier.ask(without.image(5))
    news = copy.deepcopy(parts)
    listeners = [each['listener'] for each in news.state['sessions'] if each['listener']]
    listener = next(each for each in listeners if each['every'])
    listener['snapshot'] = False
    listener['news'] = [['changed', 'process', 'held', {'pid': 1}]]
    assert 'news' in trier.ask(news.image(6))
    listener['news'] = [['snapshot', 'nonsense', 'held', {}]]
    answer = trier.ask(news.image(7))
    assert_foreseen(answer)
    assert answer.startswith('bad\t')
    lost = copy.deepcopy(parts)
    watching = next(each for each in lost.state['sessions'] if each['watch'] and each['watch']['cursors'])
    watching['watch']['cursors'][0]['process'] = 'nobody'
    answer = trier.ask(lost.image(8))
    assert 'nobody' in answer
    assert_foreseen(answer)


# Round trips


def strategy(kind: Any) -> st.SearchStrategy[Any]:
    """Values of the type of a field."""
    if kind == Data:
        return st.binary(max_size=50)
    if hasattr(kind, '_field_defaults'):
        fields = {name: strategy(each) for name, each in get_type_hints(kind).items()}
        return st.fixed_dictionaries(fields).map(lambda values: kind(**values))
    return COMPOSED[get_origin(kind)](get_args(kind)) if get_origin(kind) in COMPOSED else SCALARS[kind]


TEXT = st.text(st.characters(exclude_categories=()), max_size=10)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=5,
)
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**64), 2**64), float: st.floats(allow_nan=False, allow_infinity=False), str: TEXT,
    bool: st.booleans(), Any: JSON,
}
COMPOSED: dict[Any, Callable[[tuple[Any, ...]], st.SearchStrategy[Any]]] = {
    list: lambda inner: st.lists(strategy(inner[0]), max_size=3),
    tuple: lambda inner: st.tuples(*map(strategy, inner)),
    dict: lambda inner: st.dictionaries(strategy(inner[0]), strategy(inner[1]), max_size=3),
    type(int | None): lambda inner: st.none() | strategy(inner[0]),
}


def plain(value: Any) -> Any:
    """The same with bytes in the place of views."""
    if isinstance(value, memoryview):
        return bytes(value)
    if hasattr(value, '_fields'):
        return type(value)(*map(plain, value))
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value))
    return {key: plain(each) for key, each in value.items()} if isinstance(value, dict) else value


def assert_typed(value: Any, kind: Any) -> None:
    """It is what the type of the field says, all the way down."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return
    if kind == Data:
        assert isinstance(value, (bytes, memoryview))
    elif hasattr(kind, '_field_defaults'):
        assert type(value) is kind
        for name, each in get_type_hints(kind).items():
            assert_typed(getattr(value, name), each)
    elif origin is type(int | None):
        if value is not None:
            assert_typed(value, inner[0])
    elif origin is None:
        assert type(value) is kind
    else:
        assert type(value) is origin
        kinds = inner if origin is tuple else [inner[-1]] * len(value)
        for each, item in zip(value.values() if origin is dict else value, kinds, strict=True):
            assert_typed(each, item)


@pytest.mark.parametrize('kind', RECORDS)
@settings(SETTINGS, max_examples=40)
@given(data=st.data())
def test_what_is_written_is_read(kind: Any, data: st.DataObject) -> None:
    value = data.draw(strategy(kind))
    written = Image()
    try:
        written.finish(codec.encode(value, written.put))
        reading = Reading(written.fd)
        found = codec.decode(kind, reading.record(), reading.get)
    finally:
        written.close()
    assert_typed(found, kind)
    assert plain(found) == value


def test_all_records_are_tried() -> None:
    named = {each for each in vars(states).values() if hasattr(each, '_field_defaults')}
    assert named == {*RECORDS, states.Place}
