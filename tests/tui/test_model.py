"""What the model makes of changes: rows, rates, the timeline, what needs attention."""

from __future__ import annotations

import itertools

import pytest

from papa.events import Change
from papa_tui.model.attention import concern
from papa_tui.model.details import details as details_of
from papa_tui.widgets.header import notice, second_line

from .made import NOW, counters, details, ended, model, process, snapshot


def test_a_snapshot_replaces_everything_and_later_ones_tell_the_timeline() -> None:
    made = model({'a': details(), 'b': details(id='b')}, values={'v': {'size': 1, 'value': 'x'}})
    assert made.timeline.new == 0, 'what was there when one came is no news'
    made.apply(snapshot({'b': details(id='b'), 'c': details(id='c')}), NOW)
    assert sorted(made.processes) == ['b', 'c']
    assert made.values == {}
    assert [(each.name, each.text) for each in made.timeline.entries] == [
        ('a', 'is gone'), ('c', 'started'), ('v', 'is gone'),
    ]


def test_an_exit_and_a_successor_under_the_same_name() -> None:
    made = model({'a': details()})
    first = made.processes['a']
    first.cpu, first.memory = 12.0, 10 << 20
    made.apply(Change('exited', 'process', 'a', ended(3)), NOW)
    assert made.processes['a'] is first
    assert not first.running
    assert (first.cpu, first.memory) == (None, None), 'it takes nothing any more'
    made.apply(Change('removed', 'process', 'a', ended(3)), NOW)
    made.apply(Change('made', 'process', 'a', details(id='a-2')), NOW)
    assert made.processes['a'] is not first
    assert [each.text for each in made.timeline.entries] == ['exit 3', 'removed', 'started']


def test_a_process_that_is_forgotten_while_it_runs_is_not_recorded() -> None:
    made = model({'a': details()})
    assert made.processes['a'].recorded
    made.apply(Change('changed', 'process', 'a', details(recorded=False, captured=5)), NOW)
    removed = made.processes['a']
    assert (removed.state, removed.removed) == ('not recorded', True)
    made.apply(counters(a={'captured': 500, 'dropped': 400}), NOW + 1)
    assert made.concerns(NOW + 1) == {}, 'what is not kept is not lost'
    assert made.totals() == (0, 0)
    assert [each.text for each in made.timeline.entries] == ['is not recorded any more']


def test_a_process_that_was_made_without_recording_or_was_removed_before_one_came() -> None:
    made = model({'a': details(bufsize=0, recorded=False), 'b': details(id='b', recorded=False, captured=9, dropped=9)})
    assert [(each.state, each.removed) for each in made.processes.values()] == [
        ('not recorded', False), ('not recorded', True),
    ]
    assert made.totals() == (0, 0)


def test_editions_move_with_members_and_not_with_counters() -> None:
    made = model({'a': details()})
    before = dict(made.editions)
    made.apply(counters(a={'captured': 5}), NOW + 1)
    assert made.editions == before
    made.apply(Change('made', 'value', 'v', {'size': 1, 'value': 'x'}), NOW)
    assert made.editions == {**before, 'values': before['values'] + 1}


def test_rates_are_bytes_a_second_and_fall_to_nothing_when_nothing_is_told() -> None:
    made = model({'a': details(captured=1000)})
    made.apply(counters(a={'captured': 1500, 'buffered': 500}), NOW + 1)
    assert made.processes['a'].rate == 500
    made.apply(counters(a={'captured': 1600}), NOW + 1.2)  # too soon for another tick
    assert made.processes['a'].rate == 500
    made.apply(counters(a={'captured': 2100}), NOW + 2)
    assert made.processes['a'].rate == 600
    assert not made.idle(NOW + 3)
    assert made.idle(NOW + 3.6)
    assert made.processes['a'].rate == 0
    assert made.processes['a'].history == [500, 600, 0]


def test_idle_ticks_end_once_everything_has_come_to_rest() -> None:
    made = model({'a': details()})
    made.apply(counters(a={'captured': 500}), NOW + 1)
    ticks = sum(made.idle(NOW + 1 + 2 * number) for number in range(1, 100))
    assert ticks == 16


def test_losing_is_what_has_just_lost_and_not_what_has_lost_once() -> None:
    made = model({'a': details(dropped=500)})
    found = made.processes['a']
    assert not found.losing(NOW)
    made.apply(counters(a={'dropped': 700}), NOW)
    assert found.losing(NOW + 1)
    assert not found.losing(NOW + 11)


def test_when_a_buffer_will_be_full() -> None:
    found = process(bufsize=1000)
    found.count({'captured': 100, 'buffered': 100}, NOW)
    found.tick(1.0)
    assert found.full_in == 9.0
    found.count({'watchers': 1}, NOW)
    assert found.full_in is None, 'somebody acknowledges'


@pytest.mark.parametrize('every', [1, 2, 3, 4, 5])
def test_a_line_now_and_then_makes_a_steady_forecast(every: int) -> None:
    found = process(bufsize=5000)
    marks, times, at = [], [], 0
    for second in range(100):
        if second % every == 0:
            at += 16 * every
            found.count({'captured': at, 'buffered': at}, NOW + second)
        found.tick(1.0)
        marks.append(found.full_soon)
        if second > 20:
            times.append((found.full_in or 0) + second)  # when it will be full
    assert sum(one is not other for one, other in itertools.pairwise(marks)) <= 1, 'the mark comes once'
    assert all(240 < when < 385 for when in times), '312 is right'


def test_a_flood_is_forecast_at_once_and_forgotten_soon() -> None:
    found = process(bufsize=1_000_000)
    for _ in range(60):
        found.tick(1.0)
    for second in range(1, 4):
        found.count({'captured': second * 10_000, 'buffered': second * 10_000}, NOW)
        found.tick(1.0)
    assert found.full_in == 97.0
    assert found.full_soon
    for _ in range(8):
        found.tick(1.0)
    assert not found.full_soon


def test_what_is_lost_is_not_forecast() -> None:
    found = process(bufsize=1000)
    found.count({'captured': 900, 'buffered': 900, 'dropped': 1}, NOW)
    found.tick(1.0)
    assert 'full in' not in str(details_of(found, NOW))
    assert 'full in' in str(details_of(found, NOW + 60)), 'that was long ago'


def test_the_most_urgent_concern_wins() -> None:
    def mark(**other: object) -> str:
        found = concern(process(**other), NOW)
        return found.word if found else ''

    assert mark() == ''
    assert mark(buffered=10) == 'not logged'
    assert mark(buffered=10, watchers=1) == ''
    assert mark(buffered=10, started=NOW - 1) == '', 'its logger may be on the way'
    assert mark(buffered=1000, overflow='block') == 'blocked'
    assert mark(buffered=1000, overflow='drop') == 'not logged'
    assert mark(bufsize=0) == ''
    losing = process(buffered=10)
    losing.count({'dropped': 5}, NOW)
    assert concern(losing, NOW).word == 'losing'  # type: ignore[union-attr]


def test_only_a_bad_end_needs_attention() -> None:
    made = model({'good': ended(0), 'bad': ended(1, id='b'), 'killed': ended(-9, id='k')})
    assert sorted(made.concerns(NOW)) == ['bad', 'killed']
    assert made.attention(NOW).parts == [('failed', 'bad', 2)]


def test_the_connection_is_lost_once_and_comes_back() -> None:
    made = model({'a': details()})
    made.lost('gone', NOW)
    made.lost('still gone', NOW + 1)
    assert made.stale
    assert made.lost_at == NOW
    assert made.trouble == 'still gone'
    made.connected({'pid': 1, 'started': NOW - 10, 'uptime': 15.0}, NOW + 5)
    made.apply(snapshot({'a': details()}), NOW + 5)
    assert not made.stale
    assert made.replaced is None
    assert [each.text for each in made.timeline.entries] == ['the connection was lost', 'the connection is back']


def test_another_kernel_has_nothing_of_what_the_one_before_held() -> None:
    made = model({'a': details(), 'b': ended(0, id='b')}, values={'v': {'size': 1, 'value': 'x'}})
    before = made.values['v']
    made.lost('gone', NOW)
    made.connected({'pid': 2, 'started': NOW + 2, 'uptime': 3.0}, NOW + 5)
    made.apply(snapshot(values={'v': {'size': 1, 'value': 'x'}}), NOW + 5)
    assert made.replaced == (2, NOW + 2, {'processes': 2, 'sockets': 0, 'values': 1})
    assert made.values['v'] is not before
    assert [(each.name, each.text) for each in made.timeline.entries][1:] == [
        ('a', 'is gone; pid 100 was running'), ('b', 'is gone'), ('v', 'is gone'),
        ('papa', 'another kernel answers: pid 2'), ('v', 'made'),
    ]
    text = notice(made)
    assert 'another kernel: pid 2, since' in text
    assert '2 processes, 1 value' in text
    assert 'all is well' not in str(second_line(made, made.attention(NOW)))
    made.connected({'pid': 3, 'started': NOW + 9, 'uptime': 0.0}, NOW + 9)
    made.apply(snapshot(), NOW + 9)
    assert made.replaced is not None
    assert made.replaced.held == {'processes': 2, 'sockets': 0, 'values': 2}, 'nobody has seen the first yet'


def test_a_pid_that_comes_again_is_no_disguise() -> None:
    made = model({'a': details()})
    made.connected({'pid': 1, 'started': NOW + 98, 'uptime': 2.0}, NOW + 100)
    made.apply(snapshot(), NOW + 100)
    assert made.replaced is not None


def test_a_kernel_of_another_container_is_another_though_it_has_the_pid_and_is_older() -> None:
    made = model({'a': details()})
    made.connected({'pid': 1, 'started': NOW - 500, 'uptime': 505.0}, NOW + 5)
    made.apply(snapshot(), NOW + 5)
    assert made.replaced is not None


def test_the_timeline_knows_what_was_seen() -> None:
    made = model({'a': details()})
    made.apply(Change('made', 'value', 'v', {'size': 1, 'value': 'x'}), NOW)
    assert made.timeline.new == 1
    assert made.timeline.look() == 0
    assert made.timeline.new == 0
    made.apply(Change('removed', 'value', 'v', {'size': 1, 'value': 'x'}), NOW)
    assert made.timeline.look() == 1


def test_who_holds_a_socket() -> None:
    made = model(
        {'a': details(sockets=['web']), 'b': details(id='b', sockets=['web']), 'c': ended(0, id='c', sockets=['web'])},
        sockets={'web': {'family': 'inet', 'type': 'stream', 'host': '127.0.0.1', 'port': 80, 'fileno': 7}},
    )
    made.settle()
    assert made.sockets['web'].holders == ('a', 'b')
    made.apply(Change('exited', 'process', 'a', ended(0, sockets=['web'])), NOW)
    made.settle()
    assert made.sockets['web'].holders == ('b',)


def test_uptime_goes_on() -> None:
    assert model().uptime(NOW + 5) == 15.0


def test_a_value_that_is_set_again_and_again_is_no_news() -> None:
    made = model(values={'v': {'size': 1, 'value': 'x'}})
    value, edition = made.values['v'], made.editions['values']
    for number in range(5):
        made.apply(Change('changed', 'value', 'v', {'size': 1, 'value': str(number)}), NOW)
    assert made.timeline.new == 0
    assert made.values['v'] is value
    assert value.text == '4'
    assert (made.editions['values'], made.touched) == (edition, {'values'})


def test_an_upgrade_of_the_kernel_is_told() -> None:
    made = model({'a': details()})
    made.apply(Change('upgraded', 'kernel', 'papa', {'version': '3', 'previous_version': '2', 'upgrades': 1}), NOW)
    assert made.info['version'] == '3'
    assert [each.text for each in made.timeline.entries] == ['upgraded to 3']
    assert sorted(made.processes) == ['a']


def test_what_is_lost_is_not_taken_for_acknowledged() -> None:
    made = model({'a': details(captured=700, dropped=600, buffered=100)})
    process = made.processes['a']
    assert process.acknowledged == 0
    made.apply(counters(a={'captured': 900, 'dropped': 800}), NOW + 1)
    assert process.acknowledged == 0
    made.apply(counters(a={'buffered': 40}), NOW + 2)
    assert process.acknowledged == 860
    made.apply(counters(a={'captured': 1000, 'dropped': 850, 'buffered': 20}), NOW + 3)
    assert process.acknowledged == 930, 'at least'
    made.apply(Change('changed', 'process', 'a', details(
        captured=1000, dropped=850, acknowledged=940, recorded=False
    )), NOW + 4)
    made.apply(counters(a={'captured': 1500, 'dropped': 1350}), NOW + 5)
    assert process.acknowledged == 940, 'it was removed'
