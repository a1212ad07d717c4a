"""The prompt and its kernel: names as they change, a kernel that goes and another that comes."""

from __future__ import annotations

import os
import signal
import statistics
import time
from collections.abc import Callable, Iterator

import pytest
from conftest import Daemon, wait_until

from papa import Papa
from papa.errors import AccessDenied, ConnectFailed, ConnectionLost, LimitReached, NotFound
from papa.events import Change
from papa.line import calls
from papa.line.grammar import parse
from papa.line.snapshot import Names
from papa_shell import confirm
from papa_shell.prompt import link as link_module
from papa_shell.prompt.feed import Feed
from papa_shell.prompt.link import Declined, Link
from papa_shell.prompt.standing import CONNECTED, GONE, LEFT, REFUSED, STRANGE, Standing, Strange
from papa_shell.session import Interrupted, has_gone
from papa_shell.statuses import TimedOut

INFO = {'pid': 1, 'started': 1.0}


@pytest.fixture
def standing(daemon: Daemon) -> Standing:
    return Standing(daemon.where)


@pytest.fixture
def feed(daemon: Daemon, standing: Standing) -> Iterator[Feed]:
    made = Feed(str(daemon.where), 5.0, standing)
    made.start()
    yield made
    made.stop()
    assert not made._thread.is_alive()


@pytest.fixture
def link(daemon: Daemon) -> Iterator[Link]:
    with Link({'unix_socket': str(daemon.where)}) as made:
        made.open()
        yield made


def do(link: Link, text: str, **flags: object) -> object:
    line = parse(text)
    assert line is not None
    call = calls.call(line)
    assert call is not None
    return link.call(line, call, {'unix_socket': link._flags['unix_socket'], **flags})


def kill(daemon: Daemon) -> None:
    daemon.process.kill()
    daemon.process.wait()


Start = Callable[..., Daemon]


# What is told


def test_what_is_told_of_a_kernel_and_how_often() -> None:
    standing = Standing('/run/x')
    assert not standing.meet(INFO)
    assert standing.notices() == []
    standing.lose(ConnectionLost('why'))
    standing.lose(ConnectFailed('why'))
    assert standing.state == GONE
    assert standing.notices() == ['The kernel at /run/x has gone; trying to connect again']
    assert not standing.meet(INFO)
    assert standing.notices() == ['Connected again to the kernel at /run/x: it is the same one']
    assert standing.meet({'pid': 1, 'started': 2.0})  # the same PID does not make it the same
    assert not standing.meet({'pid': 1, 'started': 2.0})
    assert standing.notices() == ['Another kernel is at /run/x (PID 1): what the old one held is gone']
    standing.lose(LimitReached('Too many connections'))
    assert standing.state == REFUSED
    assert standing.notices() == ['Too many connections; trying to connect again']
    standing.meet({'pid': 1, 'started': 2.0})
    standing.notices()
    standing.upgraded({'version': '3', 'previous_version': '2'})
    assert standing.notices() == ['The kernel was upgraded from 2 to 3, with all that it holds']


def test_a_place_cannot_act_on_the_terminal() -> None:
    standing = Standing('/run/\x1b]0;x\x07')
    standing.meet(INFO)
    standing.lose(LimitReached('\x1b[1m'))
    assert all(text.isprintable() for text in [standing.where, *standing.notices()])


# Names


def test_names_follow_the_kernel(feed: Feed, papa: Papa) -> None:
    papa.set('a', '1')
    wait_until(lambda: feed.names.values.notes == {'a': '1'})
    papa.make_process('p', 'sleep', '100')
    papa.make_socket('s')
    wait_until(lambda: 'p' in feed.names.processes and 's' in feed.names.sockets)
    papa.remove_values('a')
    wait_until(lambda: 'a' not in feed.names.values)


def test_an_upgrade_is_told_and_is_no_other_kernel(feed: Feed, standing: Standing, papa: Papa) -> None:
    wait_until(lambda: standing.state == CONNECTED)
    papa.upgrade()
    wait_until(lambda: standing.has_notices)
    (notice,) = standing.notices()
    assert 'was upgraded' in notice
    papa.set('a', '1')
    wait_until(lambda: 'a' in feed.names.values)
    assert standing.notices() == []


def test_a_kernel_that_goes_and_another_that_comes(
    daemon: Daemon, feed: Feed, standing: Standing, start_daemon: Start
) -> None:
    wait_until(lambda: standing.state == CONNECTED)
    kill(daemon)
    wait_until(lambda: standing.state == GONE)
    begun = time.monotonic()
    with start_daemon(port_or_path=daemon.where).connect() as papa:
        papa.set('b', '2')
        wait_until(lambda: feed.names.values.notes == {'b': '2'})
    assert time.monotonic() - begun < 10  # half a second where nothing else runs
    gone, another = standing.notices()
    assert 'has gone' in gone
    assert 'Another kernel' in another


def test_one_that_is_not_understood_now_and_then_is_told_of_once() -> None:
    standing = Standing('/run/x')
    for info in ({'pid': 5, 'started': 1.0}, {'pid': 5, 'started': 1.0}, {'pid': 6, 'started': 2.0}):
        standing.meet(info)
        standing.lose(Strange('What it tells is not understood'))
    first, another, again = standing.notices()
    assert first == again == 'What it tells is not understood; trying to connect again'
    assert another.startswith('Another kernel')


def test_an_answer_of_another_shape_is_a_loss_that_is_told_once(
    feed: Feed, standing: Standing, papa: Papa, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def apply(_names: Names, _change: Change, _rest: Callable[[], object] = bool) -> None:
        tries.append(time.monotonic())
        raise KeyError('details\x1b')

    tries: list[float] = []
    wait_until(lambda: standing.state == CONNECTED)
    with monkeypatch.context() as patch:
        patch.setattr(Names, 'apply', apply)
        papa.set('a', '1')
        wait_until(lambda: len(tries) >= 4)
        assert standing.state == STRANGE
        (notice,) = standing.notices()
    assert notice.startswith('What the kernel tells of its names is not understood (KeyError: ')
    assert notice.isprintable()
    wait_until(lambda: 'a' in feed.names.values and standing.state == CONNECTED)
    assert standing.notices() == []  # it was there all the time
    assert capfd.readouterr() == ('', '')


def test_it_lets_go_of_a_kernel_that_is_to_end(daemon: Daemon, feed: Feed, standing: Standing, link: Link) -> None:
    link.left, link.resume = feed.pause, feed.resume
    wait_until(lambda: standing.state == CONNECTED)
    assert do(link, 'exit-if-idle')
    assert daemon.process.wait(20) == 0
    wait_until(lambda: standing.state == LEFT)
    assert standing.notices() == []
    with pytest.raises(ConnectFailed):
        do(link, 'list values')


def test_ten_thousand_changes_leave_room_for_others(feed: Feed, papa: Papa, standing: Standing) -> None:
    """While names pour in, whoever types does not wait for the interpreter for long."""
    wait_until(lambda: standing.state == CONNECTED)
    waits = []
    with papa.pipeline() as pipe:
        for number in range(10_000):
            pipe.set(f'v.{number}', 'x')
    while len(feed.names.values) < 10_000:
        start = time.perf_counter()
        with feed.lock:
            pass
        time.sleep(0.001)
        waits.append(time.perf_counter() - start)
    assert statistics.median(waits) < 0.05  # some may have waited for other tests


# Commands


def test_the_first_connection_may_start_a_kernel_and_no_other(folder: str) -> None:
    where = f'{folder}/k.sock'
    with pytest.raises(ConnectFailed), Link({'unix_socket': where, 'no_autostart': True}) as link:
        link.open()
    with Link({'unix_socket': where}) as link:
        info = link.open()
        os.kill(info['pid'], signal.SIGKILL)
        wait_until(lambda: has_gone(link.papa(link._flags)))
        with pytest.raises(ConnectFailed):
            do(link, 'set x 1')
    with pytest.raises(ConnectFailed):
        Papa(where, autostart=False)


def test_what_reads_is_sent_again(daemon: Daemon, link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon_papa = link.papa(link._flags)
    assert do(link, 'set x 1') is None
    real = daemon_papa.get
    lost = [True]

    def get(name: str) -> str | None:
        if lost:
            lost.pop()
            daemon_papa.close()
            raise ConnectionLost('lost')
        return real(name)

    monkeypatch.setattr(daemon_papa, 'get', get)
    assert do(link, 'get x') == '1'
    assert not lost


@pytest.mark.parametrize('answer', ['y', 'n'])
def test_what_changes_something_is_sent_again_only_if_asked(
    link: Link, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], answer: str
) -> None:
    papa = link.papa(link._flags)
    real = papa.set
    sent: list[str] = []

    def change(name: str, value: str | None = None) -> None:
        sent.append(name)
        if len(sent) == 1:
            papa.close()
            raise ConnectionLost('Lost the connection')
        real(name, value)

    monkeypatch.setattr(papa, 'set', change)
    monkeypatch.setattr(confirm, '_answer', lambda: answer)
    if answer == 'y':
        do(link, 'set x 1')
        assert sent == ['x', 'x']
        assert do(link, 'get x') == '1'
    else:
        with pytest.raises(Declined):
            do(link, 'set x 1')
        assert sent == ['x']
    said = capfd.readouterr().err
    assert 'whether it was done is not known' in said
    assert said.endswith('Send it again? [y/N] ')


def test_what_changes_something_is_not_sent_where_nobody_is(
    daemon: Daemon, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, 'PATIENCE', 0.1)
    papa = link.papa(link._flags)

    def change(name: str, value: str | None = None) -> None:
        kill(daemon)
        papa.close()
        raise ConnectionLost('Lost the connection')

    monkeypatch.setattr(papa, 'set', change)
    with pytest.raises(ConnectionLost, match='whether it was done is not known'):
        do(link, 'set x 1')


def lose(link: Link, monkeypatch: pytest.MonkeyPatch, *then: BaseException) -> None:
    """Let what is sent be lost, and let this come of sending it again."""
    papa = link.papa(link._flags)
    outcomes = [ConnectionLost('Lost the connection'), *then]

    def change(name: str, value: str | None = None) -> None:
        papa.close()
        raise outcomes.pop(0)

    monkeypatch.setattr(papa, 'set', change)
    monkeypatch.setattr(confirm, '_answer', lambda: 'y')


@pytest.mark.parametrize(('error', 'kind'), [
    (KeyboardInterrupt(), Interrupted), (AccessDenied('No'), AccessDenied), (LimitReached('Full'), LimitReached),
])
def test_whatever_ends_the_waiting_it_is_said_that_nothing_is_known(
    link: Link, monkeypatch: pytest.MonkeyPatch, error: BaseException, kind: type[BaseException]
) -> None:
    def look(_flags: object) -> None:
        raise error

    lose(link, monkeypatch)
    monkeypatch.setattr(link, '_look', look)
    with pytest.raises(kind, match='whether it was done is not known'):
        do(link, 'set x 1')
    with pytest.raises(type(error)) as raised:
        link._after_loss(calls.Call('get', 'x', reads=True), link._flags, ConnectionLost('Lost'))
    assert 'not known' not in str(raised.value)


@pytest.mark.parametrize(('error', 'kind'), [
    (KeyboardInterrupt(), Interrupted), (ConnectionLost('Lost again'), ConnectionLost),
    (ConnectFailed('There is no kernel'), ConnectFailed), (TimedOut('No answer'), TimedOut),
])
def test_what_is_sent_again_and_lost_again_is_not_known_either(
    link: Link, monkeypatch: pytest.MonkeyPatch, error: BaseException, kind: type[BaseException]
) -> None:
    lose(link, monkeypatch, error)
    with pytest.raises(kind, match='whether it was done is not known'):
        do(link, 'set x 1')


def test_an_interrupt_at_the_question_says_that_nothing_is_known(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer() -> str:
        raise KeyboardInterrupt

    lose(link, monkeypatch)
    monkeypatch.setattr(confirm, '_answer', answer)
    with pytest.raises(Interrupted, match='whether it was done is not known'):
        do(link, 'set x 1')


def test_an_answer_to_what_is_sent_again_stands_as_it_is(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    lose(link, monkeypatch, NotFound('There is no x'))
    with pytest.raises(NotFound, match=r'^There is no x$'):
        do(link, 'set x 1')


@pytest.mark.parametrize('answer', ['y', 'n'])
def test_another_kernel_is_told_before_anything_is_done_there(
    daemon: Daemon, link: Link, start_daemon: Start, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    do(link, 'set x 1')
    kill(daemon)
    start_daemon(port_or_path=daemon.where)
    told: list[str] = []
    link.tell = lambda: told.extend(link.standing.notices())
    monkeypatch.setattr(confirm, '_answer', lambda: answer)
    if answer == 'y':
        do(link, 'set y 2')
    else:
        with pytest.raises(Declined):
            do(link, 'set y 2')
    assert len(told) == 1
    assert 'Another kernel' in told[0]
    assert do(link, 'list values') == ({'y': '2'} if answer == 'y' else {})
    assert len(told) == 1


def test_what_reads_goes_on_with_another_kernel_unasked(daemon: Daemon, link: Link, start_daemon: Start) -> None:
    do(link, 'set x 1')
    kill(daemon)
    start_daemon(port_or_path=daemon.where)
    assert do(link, 'get x') is None
    assert 'Another kernel' in link.standing.notices()[0]


def test_a_kernel_that_hangs_does_not_hold_up_the_end(daemon: Daemon, standing: Standing) -> None:
    feed = Feed(str(daemon.where), 5.0, standing)
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        feed.start()
        start = time.monotonic()
        feed.stop(0.2)
        assert time.monotonic() - start < 5
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    feed._thread.join(20)
    assert not feed._thread.is_alive()
