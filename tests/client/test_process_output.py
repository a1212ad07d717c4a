"""`papa.ProcessOutput`."""

from __future__ import annotations

import pickle

import pytest

from papa import ProcessOutput


def test_a_piece_of_output_is_a_tuple_of_three_that_knows_more() -> None:
    output = ProcessOutput('p', 1.5, b'x', 7, 'id-1')
    assert (output, len(output)) == (('p', 1.5, b'x'), 3)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        copy = pickle.loads(pickle.dumps(output, protocol))
        assert (copy, copy.position, copy.id, type(copy)) == (output, 7, 'id-1', ProcessOutput)
    assert ProcessOutput(*output).position == 0


def test_a_changed_copy_of_a_piece_of_output_keeps_the_rest() -> None:
    output = ProcessOutput('p', 1.5, b'x', 7, 'id-1')
    copy = output._replace(name='q')
    assert (copy, copy.position, copy.id, type(copy)) == (('q', 1.5, b'x'), 7, 'id-1', ProcessOutput)
    assert (output._replace(position=8).position, output.__replace__(id='id-2').id) == (8, 'id-2')
    with pytest.raises((TypeError, ValueError), match='unexpected'):
        output._replace(cat=1)
