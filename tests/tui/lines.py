"""Lines of output for tests: events, and what is put together of them."""

from __future__ import annotations

from papa.events import Event, Output
from papa_tui.output.assembler import Assembler
from papa_tui.output.store import Line, Store


def out(data: bytes, position: int, name: str = 'a', time: float = 1.0, stream: str = 'out') -> Output:
    return Output(name, f'{name}-1', stream, time, data, position)


def assembled(*events: Event, store: Store | None = None) -> Assembler:
    made = Assembler(Store() if store is None else store)
    for event in events:
        made.take(event)
    made.show_partial()
    return made


def lines_of(store: Store) -> list[Line]:
    found = [store.line(number) for number in range(store.first, store.next)]
    return [line for line in found if line is not None]


def texts(made: Assembler) -> list[str]:
    return [line.data.decode() for line in [*lines_of(made.store), *made.store.partial]]
