"""Did you mean: the known word that is nearest to one that is not known."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_LONG = 40  # characters; nobody mistypes a word of ours by so much
_KILL = 'a process ends by its PID, which "list processes" tells: kill PID, in another shell'
_ELSEWHERE = {  # words of other programs, and what does that here
    **dict.fromkeys(('kill', 'signal', 'stop', 'terminate'), _KILL),
    'restart': f'{_KILL}; then "remove processes" and "make process"',
    **dict.fromkeys(('run', 'spawn', 'start'), 'did you mean "make process"?'),
    **dict.fromkeys(('add', 'create', 'new'), 'did you mean "make"?'),
    **dict.fromkeys(('dir', 'ls', 'show'), 'did you mean "list"?'),
    **dict.fromkeys(('ps', 'status', 'top'), 'did you mean "list processes"?'),
    **dict.fromkeys(('del', 'delete', 'rm', 'unset'), 'did you mean "remove"?'),
    **dict.fromkeys(('log', 'logs', 'output', 'tail'), 'did you mean "peek processes"?'),
    **dict.fromkeys(('cat', 'echo', 'print'), 'did you mean "get"?'),
    'clear': 'Ctrl-L clears the screen',
    'history': 'Ctrl-R at the prompt finds what was typed',
    'bye': 'did you mean "exit"?',
    'man': 'did you mean "help"?',
}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The word of `known` that differs by the fewest typing mistakes, None if none is near."""
    if len(word) > _LONG:
        return None
    ranked = sorted((distance(word.lower(), each), each) for each in known)
    if ranked and ranked[0][0] <= _tolerance(word):
        return ranked[0][1]
    return None


def hint(word: str, known: Iterable[str]) -> str:
    """``; did you mean "list"?``, or nothing."""
    found = nearest(word, known)
    return '' if found is None else f'; did you mean "{found}"?'


def elsewhere(word: str) -> str:
    """``; did you mean "list"?`` for a word that other programs have, or nothing."""
    found = _ELSEWHERE.get(word.lower())
    return '' if found is None else f'; {found}'


def _tolerance(word: str) -> int:
    return max(1, len(word) // 3)


def distance(one: str, other: str) -> int:
    """How many characters have to be put in, left out, changed, or swapped with their neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]
