"""When a kernel counts as one that does not answer."""

from __future__ import annotations

import os
import signal

from conftest import Daemon, wait_until

from papa_tui.feeds.pulse import Pulse, Silence

from .made import NOW, details, model


def test_patience_is_counted_in_seconds_of_ones_own() -> None:
    silence = Silence(3)
    assert silence.second(None, NOW) is None
    assert [silence.second(NOW, NOW - 5) for _ in range(5)] == [None, None, None, NOW, NOW]
    assert silence.second(None, NOW) is None
    assert silence.second(NOW + 9, NOW) is None, 'another question'


def test_a_kernel_that_tells_something_is_not_silent() -> None:
    silence = Silence(1)
    assert [silence.second(NOW, NOW + number) for number in range(5)] == [None] * 5
    assert silence.second(NOW, NOW + 4) == NOW + 4


def test_a_silent_kernel_is_stale_until_it_answers_or_is_lost() -> None:
    made = model({'a': details()})
    made.silent(NOW, NOW + 5)
    made.silent(NOW, NOW + 6)
    assert (made.stale, made.stale_since) == (True, NOW)
    made.lost('gone', NOW + 7)
    made.silent(NOW, NOW + 8)
    assert (made.silent_since, made.stale_since) == (None, NOW + 7)
    made.connected({'pid': 1, 'started': NOW - 10, 'uptime': 19.0}, NOW + 9)
    made.silent(None, NOW + 10)
    assert not made.stale
    assert [each.text for each in made.timeline.entries] == [
        'does not answer', 'the connection was lost', 'the connection is back',
    ]


def test_a_question_is_open_until_it_is_answered_or_there_is_no_kernel(daemon: Daemon) -> None:
    pulse = Pulse(daemon.where, 0.01)
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        pulse.start()
        wait_until(lambda: pulse.asked)
        asked = pulse.asked
        pulse.join(0.1)
        assert pulse.asked == asked
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    wait_until(lambda: pulse.asked != asked)
    daemon.stop()
    wait_until(lambda: pulse.asked is None)
    pulse.stop()
    pulse.join(20)
    assert not pulse.is_alive()
