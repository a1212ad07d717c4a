"""What verifies the output under load finds whatever can be wrong with it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from papa import ProcessOutput

from .load.verify import DiscrepancyError, Plan, Transcript, Transcripts
from .load.writers import TRAILER_SIZE

SIZE = 300_000
SEPARATE = Plan(seed=5, limit=SIZE, code=7, merged=False, bufsize='1m')
MERGED = Plan(seed=6, limit=SIZE, code=-9, merged=True, bufsize='1m')

Pieces = list[tuple[str, bytes]]  # the stream, and what was written to it


@pytest.fixture(scope='module', params=[SEPARATE, MERGED], ids=['separate', 'merged'])
def written(request: pytest.FixtureRequest) -> tuple[Plan, Pieces]:
    """What a writer has really written."""
    plan: Plan = request.param
    errors = subprocess.STDOUT if plan.merged else subprocess.PIPE
    with subprocess.Popen(plan.command, stdout=subprocess.PIPE, stderr=errors) as program:
        out, err = program.communicate()
    assert program.returncode == plan.code
    return plan, [('out', out)] + ([] if plan.merged else [('err', err)])


def cut(pieces: Pieces, size: int) -> Pieces:
    """The same in smaller pieces, the streams in turn."""
    cuts = [[(stream, data[at : at + size]) for at in range(0, len(data), size)] for stream, data in pieces]
    longest = max(map(len, cuts))
    return [each[index] for index in range(longest) for each in cuts if index < len(each)]


def feed(plan: Plan, pieces: Pieces, code: int | None = None) -> Transcript:
    transcript = Transcript(plan, 'w')
    for stream, data in pieces:
        transcript.take(stream, data, transcript.position + len(data))
    transcript.close(plan.code if code is None else code, transcript.position)
    return transcript


@pytest.mark.parametrize('size', [3, 17, 4096, 65536, SIZE * 2])
def test_what_was_written_is_right(written: tuple[Plan, Pieces], size: int) -> None:
    plan, pieces = written
    assert feed(plan, cut(pieces, size)).position == sum(len(data) for _, data in pieces) > SIZE


MISTAKES: dict[str, Callable[[bytes], bytes]] = {
    'the first byte is missing': lambda data: data[1:],
    'a byte is missing': lambda data: data[:1000] + data[1001:],
    'the last byte is missing': lambda data: data[:-1],
    'the end is missing': lambda data: data[:-TRAILER_SIZE],
    'more than the end is missing': lambda data: data[:-5000],
    'a byte comes twice': lambda data: data[:2000] + data[1999:],
    'much comes twice': lambda data: data[:60_000] + data[20_000:],
    'it begins anew after the end': lambda data: data + data,
    'one byte comes after the end': lambda data: data + b'E',
    'a byte is another': lambda data: data[:777] + bytes([data[777] ^ 1]) + data[778:],
    'the end comes too early': lambda data: data[:50_000] + data[-TRAILER_SIZE:],
    'the end comes at once': lambda data: data[-TRAILER_SIZE:],
    'two parts are swapped': lambda data: data[40_000:50_000] + data[:40_000] + data[50_000:],
}


@pytest.mark.parametrize('size', [100, 65536])
@pytest.mark.parametrize('mistake', MISTAKES)
def test_a_mistake_is_found(written: tuple[Plan, Pieces], mistake: str, size: int) -> None:
    plan, pieces = written
    for index, (stream, data) in enumerate(pieces):
        wrong = [*pieces[:index], (stream, MISTAKES[mistake](data)), *pieces[index + 1 :]]
        with pytest.raises(DiscrepancyError):
            feed(plan, cut(wrong, size))


def test_the_streams_may_not_be_swapped(written: tuple[Plan, Pieces]) -> None:
    plan, pieces = written
    swapped = [({'out': 'err', 'err': 'out'}[stream], data) for stream, data in pieces]
    with pytest.raises(DiscrepancyError, match='err'):
        feed(plan, cut(swapped, 4096))


def test_the_output_of_another_is_found(written: tuple[Plan, Pieces]) -> None:
    plan, pieces = written
    other = Plan(plan.seed + 1, plan.limit, plan.code, plan.merged, plan.bufsize)
    with pytest.raises(DiscrepancyError):
        feed(other, pieces)


def test_the_exit_is_compared(written: tuple[Plan, Pieces]) -> None:
    plan, pieces = written
    with pytest.raises(DiscrepancyError, match='exit code 0'):
        feed(plan, pieces, 0)
    with pytest.raises(DiscrepancyError, match='two exits'):
        feed(plan, pieces).close(plan.code)
    with pytest.raises(DiscrepancyError, match='after the exit'):
        feed(plan, pieces).take('out', b'more')


def test_positions_have_no_gap(written: tuple[Plan, Pieces]) -> None:
    plan, pieces = written
    transcript = Transcript(plan, 'w')
    stream, data = pieces[0]
    transcript.take(stream, data[:100], 100)
    for wrong in (199, 201):
        with pytest.raises(DiscrepancyError, match='goes on at'):
            transcript.copy().take(stream, data[100:200], wrong)
    with pytest.raises(DiscrepancyError, match='goes on at'):
        transcript.close(plan.code, 101)


def test_a_copy_goes_its_own_way(written: tuple[Plan, Pieces]) -> None:
    plan, pieces = written
    transcript = Transcript(plan, 'w')
    stream, data = pieces[0]
    transcript.take(stream, data[:5000])
    twin = transcript.copy()
    twin.take(stream, data[5000:9000])
    transcript.take(stream, data[5000:6000])
    assert (transcript.position, twin.position) == (6000, 9000)


@pytest.mark.parametrize('lost', [
    range(10), range(5, 6), range(1000, 9000), range(200_000, 310_000 - 65536), range(100, SIZE),
])
def test_a_loss_that_is_told_is_passed_over(lost: range) -> None:
    with subprocess.Popen(MERGED.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as program:
        data, _ = program.communicate()
    for end in {lost.stop, len(data), len(data) - 1, len(data) - TRAILER_SIZE, len(data) - TRAILER_SIZE - 1}:
        transcript = Transcript(MERGED, 'w', may_lose=True)
        if lost.start:
            transcript.take('out', data[: lost.start], lost.start)
        transcript.lose(lost.start, end, 'slow')
        if end < len(data):
            with pytest.raises(DiscrepancyError):
                transcript.copy().take('out', bytes([data[end] ^ 1]) + data[end + 1 :], len(data))
            transcript.take('out', data[end:], len(data))
        transcript.close(MERGED.code, len(data))
        assert transcript.lost == end - lost.start


def test_a_loss_that_may_not_be_is_found() -> None:
    with pytest.raises(DiscrepancyError, match='lost from 0 to 5'):
        Transcript(MERGED, 'w').lose(0, 5, 'slow')
    with pytest.raises(DiscrepancyError, match='overflow'):
        Transcript(MERGED, 'w', may_lose=True).lose(0, 5, 'overflow')


def test_outputs_are_told_apart_by_their_ids(written: tuple[Plan, Pieces]) -> None:
    plan, pieces = written
    transcripts = Transcripts({'1': Transcript(plan, 'a'), '2': Transcript(plan, 'a')})
    stream, data = pieces[0]
    outputs: dict[str, list[ProcessOutput]] = {'out': [], 'err': []}
    for process_id in '12':
        outputs[stream] += [
            ProcessOutput('a', 0.0, data[at - 100 : at], at, process_id) for at in (100, 200)
        ]
    assert transcripts.take((outputs['out'], outputs['err'], [])) == []
    assert {transcript.position for transcript in transcripts.values()} == {200}
    for name, process_id in (('b', '1'), ('a', '3')):
        with pytest.raises(DiscrepancyError):
            transcripts.take(([ProcessOutput(name, 0.0, data[200:300], 300, process_id)], [], []))
