"""Clients that set, change and compare values, and know what they must be."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from papa import Conflict, Papa

from .verify import check
from .workers import Report, Stage, in_threads

_NAMES = 30
_PAUSE = 0.004  # seconds
_ODD = ('', ' ', 'Error: no', 'two\nlines\n> ', 'back\\slash \\', 'tab\tand\0nul', '"quoted" é∑ \ud83d', '] ', 'q')


def values(stage: Stage, report: Report) -> None:
    """Two count together by compare-and-set; one keeps a model of many values. What is left is in the report."""
    with stage.connect() as papa:
        papa.set('value.count', '0')
    counting, keeping = (_Counting(stage), _Counting(stage)), _Keeping(stage)
    in_threads(*(each.work for each in counting), keeping.work)
    report.counts = sum((each.counts for each in counting), keeping.counts)
    with stage.connect() as papa:
        counted = sum(each.counts['values compared and set'] for each in counting)
        check(papa.get('value.count') == str(counted), f'counted to {papa.get("value.count")}, not to {counted}')
        report.found['values'] = {**keeping.kept, 'value.count': str(counted)}
        check_values(papa, report.found['values'])


def check_values(papa: Papa, wanted: dict[str, str]) -> None:
    """The values of this worker are these."""
    listed = papa.list_values('value.*')
    differing = [name for name in {*wanted, *listed} if wanted.get(name) != listed.get(name)]
    check(not differing, f'values that differ from what was set: {sorted(differing)}')


class _Counting:
    """Raises a number that others raise, too, so that no step is lost or counted twice."""

    def __init__(self, stage: Stage) -> None:
        self.counts: Counter[str] = Counter()
        self._stage = stage

    def work(self) -> None:
        with self._stage.connect() as papa:
            while not self._stage.stop.wait(_PAUSE):
                before = papa.get('value.count')
                assert before is not None
                try:
                    papa.set('value.count', str(int(before) + 1), expected=before)
                    self.counts['values compared and set'] += 1
                except Conflict:
                    self.counts['values refused'] += 1


class _Keeping:
    """Does to values whatever can be done, and to a model."""

    def __init__(self, stage: Stage) -> None:
        self.counts: Counter[str] = Counter()
        self.kept: dict[str, str] = {}
        self._stage = stage
        self._dice = stage.dice('values')

    def work(self) -> None:
        steps = (self._set, self._set, self._compare, self._refused, self._get, self._remove, self._list, self._many)
        with self._stage.connect() as papa:
            while not self._stage.stop.wait(_PAUSE):
                self._dice.choice(steps)(papa, self._name())

    def _name(self) -> str:
        return f'value.{self._dice.randrange(_NAMES)}'

    def _set(self, papa: Papa, name: str) -> None:
        value = _text(self._dice)
        papa.set(name, value)
        self._note(name, value)
        self.counts['values set'] += 1

    def _compare(self, papa: Papa, name: str) -> None:
        value = _text(self._dice) if self._dice.random() < 0.8 else None
        papa.set(name, value, expected=self.kept.get(name))
        self._note(name, value)
        self.counts['values compared and set'] += 1

    def _refused(self, papa: Papa, name: str) -> None:
        try:
            papa.set(name, 'never', expected=f'not {self.kept.get(name)}')
        except Conflict:
            self.counts['values refused'] += 1
        else:
            check(False, f'{name} was set though it was not what was expected')

    def _get(self, papa: Papa, name: str) -> None:
        self._check(name, papa.get(name))

    def _remove(self, papa: Papa, name: str) -> None:
        if name in self.kept:
            papa.remove_values(name)
            self._note(name, None)
            self.counts['values removed'] += 1

    def _list(self, papa: Papa, _name: str) -> None:
        listed = {name: value for name, value in papa.list_values('value.*').items() if name != 'value.count'}
        check(listed == self.kept, 'a list of values is not what was set')

    def _many(self, papa: Papa, _name: str) -> None:
        names = [self._name() for _ in range(20)]
        texts = [_text(self._dice) for _ in names]
        with papa.pipeline() as pipe:
            for name, text in zip(names, texts, strict=True):
                pipe.set(name, text)
                pipe.get(name)
        results: list[Any] = pipe.results
        for index, (name, text) in enumerate(zip(names, texts, strict=True)):
            self._note(name, text)
            self._check(name, results[2 * index + 1])
        self.counts['values set'] += len(names)

    def _note(self, name: str, value: str | None) -> None:
        if value is None:
            self.kept.pop(name, None)
        else:
            self.kept[name] = value

    def _check(self, name: str, value: str | None) -> None:
        check(value == self.kept.get(name), f'{name} is {value!r:.60}, not {self.kept.get(name)!r:.60}')


def _text(dice: Random) -> str:
    """A value: mostly short, sometimes odd, seldom long."""
    kind = dice.random()
    if kind < 0.02:
        return f'{dice.getrandbits(60)} é∑\n' * 5000
    return dice.choice(_ODD) if kind < 0.3 else f'{dice.getrandbits(60)}'
