"""Named tuples to JSON and back, by the types of their fields.

What is read is checked: every value has the type of its field, or nothing is read at all. Unknown fields are ignored,
and missing ones get their default, so that the state of a kernel a little older or newer can be read.
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from papa.kernel.state import Data, Place, Put

T = TypeVar('T')
Get = Callable[[int, int], memoryview]  # the data at an offset, of a size; raises ValueError
Reader = Callable[[Any, Get], Any]
Writer = Callable[[Any, Put], Any]

_MAX_INT = 2**64
_MISSING = object()
# Not ASCII only: two lone surrogates, escaped one after the other, would come back as one character.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(',', ':'), check_circular=False).encode


def encode(thing: Any, put: Put) -> bytes:
    """The JSON of a named tuple; `put` stores its data."""
    kind: Any = type(thing)
    return to_json(_writer(kind)(thing, put))


def decode(kind: type[T], text: bytes | memoryview, get: Get) -> T:
    """The named tuple whose JSON this is. Raises `ValueError` if it is none."""
    any_kind: Any = kind
    thing: T = _reader(any_kind)(from_json(text), get)
    return thing


def to_json(thing: Any) -> bytes:
    """The JSON of something that JSON knows."""
    return _encode(thing).encode('utf-8', 'surrogatepass')


def from_json(text: bytes | memoryview) -> Any:
    """What this is the JSON of. Raises `ValueError` if it is none."""
    try:
        return json.loads(str(text, 'utf-8', 'surrogatepass'), parse_constant=_no_constant)
    except RecursionError:
        raise ValueError('its nesting is too deep') from None


def _no_constant(name: str) -> None:
    raise ValueError(f'{name} is no number')


# Reading


def _integer(raw: Any, _get: Get) -> int:
    if type(raw) is not int or not -_MAX_INT <= raw <= _MAX_INT:
        raise ValueError(f'{raw!r:.40} is not a whole number')
    return raw


def _number(raw: Any, _get: Get) -> float:
    if type(raw) is float and math.isfinite(raw):
        return raw
    return float(_integer(raw, _get))


def _text(raw: Any, _get: Get) -> str:
    if type(raw) is not str:
        raise ValueError(f'{raw!r:.40} is not a text')
    return raw


def _flag(raw: Any, _get: Get) -> bool:
    if type(raw) is not bool:
        raise ValueError(f'{raw!r:.40} is not true or false')
    return raw


def _data(raw: Any, get: Get) -> memoryview:
    if type(raw) is not list or len(raw) != 2:
        raise ValueError(f'{raw!r:.40} is not a place of data')
    return get(_integer(raw[0], get), _integer(raw[1], get))


def _anything(raw: Any, _get: Get) -> Any:
    return raw


_SCALARS: dict[Any, Reader] = {
    int: _integer, float: _number, str: _text, bool: _flag, Data: _data, Any: _anything,
}


@cache
def _reader(kind: Any) -> Reader:
    """What reads a value of this type."""
    if kind in _SCALARS:
        return _SCALARS[kind]
    if _is_record(kind):
        return _record_reader(kind)
    return _COMPOSED[get_origin(kind)](*get_args(kind))


def _list_reader(item: Any) -> Reader:
    read_item = _reader(item)

    def read(raw: Any, get: Get) -> list[Any]:
        if type(raw) is not list:
            raise ValueError(f'{raw!r:.40} is not a list')
        return [read_item(each, get) for each in raw]

    return read


def _tuple_reader(*items: Any) -> Reader:
    readers = [_reader(item) for item in items]

    def read(raw: Any, get: Get) -> tuple[Any, ...]:
        if type(raw) is not list or len(raw) != len(readers):
            raise ValueError(f'{raw!r:.40} is not {len(readers)} things')
        return tuple([read_item(each, get) for read_item, each in zip(readers, raw, strict=True)])

    return read


def _dict_reader(_key: Any, item: Any) -> Reader:
    read_item = _reader(item)

    def read(raw: Any, get: Get) -> dict[str, Any]:
        if type(raw) is not dict:
            raise ValueError(f'{raw!r:.40} is not an object')
        return {key: read_item(each, get) for key, each in raw.items()}

    return read


def _optional_reader(kind: Any, _none: Any) -> Reader:
    read_present = _reader(kind)
    return lambda raw, get: None if raw is None else read_present(raw, get)


def _is_record(kind: Any) -> bool:
    return hasattr(kind, '_field_defaults')


def _record_reader(kind: Any) -> Reader:
    types_by_name = get_type_hints(kind)
    readers = [(name, types_by_name[name], _reader(types_by_name[name])) for name in kind._fields]
    defaults = kind._field_defaults
    make = kind._make

    def read(raw: Any, get: Get) -> Any:
        if type(raw) is not dict:
            raise ValueError(f'{raw!r:.40} is not an object')
        values = []
        for name, exact, read_field in readers:
            value = raw.get(name, _MISSING)
            if type(value) is exact and (exact is str or exact is bool):
                values.append(value)  # without a call
            elif value is not _MISSING:
                values.append(read_field(value, get))
            elif name in defaults:
                values.append(defaults[name])
            else:
                raise ValueError(f'a {kind.__name__} needs "{name}"')
        return make(values)

    return read


_COMPOSED: dict[Any, Callable[..., Reader]] = {
    list: _list_reader, tuple: _tuple_reader, dict: _dict_reader, types.UnionType: _optional_reader,
}


# Writing: most is JSON already


def _as_it_is(value: Any, _put: Put) -> Any:
    return value


def _store(value: Any, put: Put) -> Place:
    return value if isinstance(value, Place) else put(value)


@cache
def _writer(kind: Any) -> Writer:
    """What makes JSON of a value of this type."""
    if kind == Data:
        return _store
    if _is_record(kind):
        return _record_writer(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in _COMPOSED and origin is not dict:
        inner = [_writer(each) for each in arguments]
        if any(write is not _as_it_is for write in inner):
            return _COMPOSED_WRITERS[origin](*inner)
    return _as_it_is


def _list_writer(write_item: Writer) -> Writer:
    return lambda value, put: [write_item(each, put) for each in value]


def _tuple_writer(*writers: Writer) -> Writer:
    return lambda value, put: [write(each, put) for write, each in zip(writers, value, strict=True)]


def _optional_writer(write_present: Writer, _none: Writer) -> Writer:
    return lambda value, put: None if value is None else write_present(value, put)


def _record_writer(kind: Any) -> Writer:
    types_by_name = get_type_hints(kind)
    writers = [(name, _writer(types_by_name[name])) for name in kind._fields]
    composed = [(name, write_field) for name, write_field in writers if write_field is not _as_it_is]

    def write(value: Any, put: Put) -> dict[str, Any]:
        values: dict[str, Any] = value._asdict()
        for name, write_field in composed:
            values[name] = write_field(values[name], put)
        return values

    return write


_COMPOSED_WRITERS: dict[Any, Callable[..., Writer]] = {
    list: _list_writer, tuple: _tuple_writer, types.UnionType: _optional_writer,
}
