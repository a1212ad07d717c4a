"""What of a stream counts as seen: the questions, and their answers, late, lost and out of the blue."""

from __future__ import annotations

import pytest

from papa_shell.seen import ANSWER, HELD, QUESTION, Seen

OTHER_QUESTION, OTHER_ANSWER = b'\x1b[6n', b'\x1b[24;1R'


def after(data: bytes, *, asks: bool = True, answers: bool = True) -> Seen:
    """One with this, written."""
    seen = Seen(asks=asks, answers=answers)
    write(seen, data)
    return seen


def write(seen: Seen, data: bytes) -> None:
    seen.add(data)
    while rest := seen.rest(1000):
        seen.take(rest)


def hear(seen: Seen, typed: bytes) -> bytes:
    kept = bytearray()
    for byte in typed:
        kept.append(byte)
        seen.hear(kept)
    return bytes(kept)


def test_an_answer_settles_what_was_before_its_question() -> None:
    seen = after(b'one\n')
    assert seen.wants_to_ask
    assert seen.ask() == QUESTION
    write(seen, b'two\n')
    assert not seen.wants_to_ask
    assert hear(seen, b'a' + ANSWER + b'b') == b'ab'
    assert (seen.shown, seen.written, seen.waits) == (4, 8, False)
    assert seen.wants_to_ask


def test_a_late_answer_is_that_of_its_own_question() -> None:
    seen = Seen(asks=True, answers=False)
    seen.ask()
    write(seen, b'one\n')
    seen.ask()
    write(seen, b'two\n')
    seen.ask()
    for shown in (0, 4, 8):
        hear(seen, OTHER_ANSWER if shown == 4 else ANSWER)
        assert seen.shown == shown
    assert not seen.waits


def test_a_lost_answer_is_made_good_by_the_other_form() -> None:
    seen = after(b'one\n')
    assert seen.ask() == QUESTION  # its answer is lost
    write(seen, b'two\n')
    assert seen.ask() == OTHER_QUESTION
    hear(seen, OTHER_ANSWER)
    assert (seen.shown, seen.waits) == (8, False)


def test_lost_answers_never_count_for_more() -> None:
    seen = after(b'one\n')
    forms = [seen.ask()]
    write(seen, b'two\n')
    forms += [seen.ask(), seen.ask()]
    assert forms == [QUESTION, OTHER_QUESTION, QUESTION]
    hear(seen, ANSWER)  # of the last, but nobody can know that
    assert seen.shown == 4


@pytest.mark.parametrize('typed', [ANSWER, OTHER_ANSWER])
def test_an_answer_that_nobody_asked_for(typed: bytes) -> None:
    seen = after(b'one\n')
    hear(seen, typed)
    assert seen.shown == 0


def test_keys_are_kept() -> None:
    seen = after(b'one\n')
    seen.ask()
    keys = b'R\x1b[A\x1b[1;2R[0n'
    assert hear(seen, keys) == keys
    assert seen.waits


def test_one_that_has_never_answered() -> None:
    seen = after(b'x' * HELD, answers=False)
    assert seen.shown == 0
    write(seen, b'y' * 10)
    assert seen.shown == 10
    assert seen.end == HELD + 10


def test_what_may_have_been_thrown_away_is_written_again() -> None:
    seen = after(b'one\n')
    seen.ask()
    hear(seen, ANSWER)
    write(seen, b'two\n')
    seen.ask()
    seen.add(b'three\n')
    seen.again()
    assert seen.rest(100) == b'two\nthree\n'
    hear(seen, ANSWER)  # it was not thrown away
    assert seen.rest(100) == b'three\n'


def test_when_it_belongs_to_others_nothing_counts_any_more() -> None:
    seen = after(b'one\n')
    seen.ask()
    seen.go_blind()
    write(seen, b'two\n')
    hear(seen, ANSWER)
    assert (seen.shown, seen.rest(10), seen.wants_to_ask) == (0, b'', False)


def test_where_nothing_is_asked_what_was_taken_counts() -> None:
    assert after(b'one\n', asks=False).shown == 4
