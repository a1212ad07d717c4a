"""What was typed while one kernel was there is not done at another one unasked."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import PACKAGE, Daemon, wait_until

from papa import Papa
from papa.errors import ConnectFailed, ConnectionLost
from papa_shell import confirm
from papa_shell.prompt import standing as standing_module
from papa_shell.prompt.link import Declined, Link
from papa_shell.prompt.standing import Known

from .conftest import Prompt
from .programs import PROGRAM
from .test_prompt_kernel import do, kill

Start = Callable[..., Daemon]


@pytest.fixture
def link(daemon: Daemon) -> Iterator[Link]:
    with Link({'unix_socket': str(daemon.where)}) as made:
        made.open()
        made.tell = made.standing.notices
        yield made


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The questions that were asked; a no is the answer."""
    asked: list[str] = []
    monkeypatch.setattr('papa_shell.prompt.link.ask', lambda question: asked.append(question) or 'n')
    return asked


def replace(daemon: Daemon, start_daemon: Start) -> Daemon:
    kill(daemon)
    return start_daemon(port_or_path=daemon.where)


def meet(link: Link, daemon: Daemon) -> None:
    """As the feed does."""
    with daemon.connect() as papa:
        link.standing.meet(papa.kernel_info())
    link.tell()


def test_a_change_is_for_the_kernel_of_before_whoever_meets_the_other_first(
    daemon: Daemon, link: Link, start_daemon: Start, questions: list[str]
) -> None:
    link.entered()
    do(link, 'set a 1')
    other = replace(daemon, start_daemon)
    meet(link, other)
    with pytest.raises(Declined):
        do(link, 'set b 2')
    assert questions == [f'Do it at this other kernel (PID {other.pid})? [y/N] ']
    link.entered()  # nobody has read that yet
    with pytest.raises(Declined):
        do(link, 'set b 2')
    assert do(link, 'list values') == {}


def test_what_is_entered_later_is_for_the_kernel_that_was_told(
    daemon: Daemon, link: Link, start_daemon: Start, questions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    meet(link, replace(daemon, start_daemon))
    monkeypatch.setattr(standing_module, '_READING', 0.0)
    link.entered()
    do(link, 'set b 2')
    assert not questions


def test_what_was_told_is_known_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, 'monotonic', lambda: clock[0])
    known = Known((1, 1.0))
    assert known.now == (1, 1.0)
    known.tell((2, 2.0))
    clock[0] += 0.5
    known.tell((3, 3.0))
    assert known.now == (1, 1.0)
    clock[0] += 2
    known.tell((3, 3.0))
    assert known.now == (3, 3.0)


def test_sending_again_is_for_the_kernel_that_was_there_when_it_was_asked(
    daemon: Daemon, link: Link, start_daemon: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(question: str) -> str:
        asked.append(question)
        if len(asked) == 1:
            replace(others[0], start_daemon)
            return 'y'
        return 'n'

    def change(name: str, value: str | None = None) -> None:
        others.append(replace(daemon, start_daemon))
        papa.close()
        raise ConnectionLost('Lost the connection')

    papa = link.papa(link._flags)
    asked: list[str] = []
    others: list[Daemon] = []
    monkeypatch.setattr('papa_shell.prompt.link.ask', ask)
    with monkeypatch.context() as patch:
        patch.setattr(papa, 'set', change)
        with pytest.raises(Declined):
            do(link, 'set x 1')
    assert [each.split(' (')[0] for each in asked] == ['Send it again? [y/N] ', 'Do it at this other kernel']
    assert do(link, 'list values') == {}


def test_another_kernel_elsewhere_is_told_and_asked_about(
    link: Link, start_daemon: Start, questions: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    there = start_daemon()

    def at_other(text: str) -> object:
        before, link._flags = link._flags, {'unix_socket': str(there.where)}
        try:
            return do(link, text)
        finally:
            link._flags = before

    link.entered()
    at_other('set a 1')
    other = replace(there, start_daemon)
    assert at_other('list values') == {}
    told = f'Another kernel is at {there.where} (PID {other.pid}): what the old one held is gone'
    assert told in capfd.readouterr().err.replace('\n', ' ')
    link.entered()
    with pytest.raises(Declined):
        at_other('set b 2')
    do(link, 'set c 3')  # that is at home
    assert len(questions) == 1


def test_a_hang_while_connecting_again_is_told_and_bounded(
    daemon: Daemon, link: Link, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    papa = link.papa(link._flags)
    papa.close()

    def hang() -> dict[str, object]:
        time.sleep(60)
        return {}

    monkeypatch.setattr(papa, 'kernel_info', hang)
    monkeypatch.setattr('papa_shell.prompt.waiting.LONG', 0.1)
    with pytest.raises(ConnectFailed, match=r'has not answered in 0\.5 seconds: nothing was sent$'):
        do(link, 'set x 1', timeout=0.5)
    assert 'has not answered for 0.1 s; Ctrl-C stops waiting' in capfd.readouterr().err.replace('\n', ' ')


def test_an_interrupt_while_connecting_again_says_that_nothing_was_sent(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    papa = link.papa(link._flags)
    papa.close()
    monkeypatch.setattr(papa, 'kernel_info', interrupt)
    with pytest.raises(KeyboardInterrupt, match=r'^Interrupted: nothing was sent$'):
        do(link, 'set x 1')


# In a terminal


def test_lines_pasted_for_one_kernel_are_not_run_at_another(prompt: Prompt, daemon: Daemon, folder: str) -> None:
    """The program in the first one replaces the kernel."""
    run = prompt(columns=150)
    run.see('connected$')
    script = Path(folder, 'again')
    script.write_text(
        f'kill -9 {daemon.pid}\n{sys.executable} {PACKAGE} -u {daemon.where} --daemonize\n'
        f'until {" ".join(PROGRAM)} -u {daemon.where} info; do sleep 0.1; done > /dev/null 2>&1\n'
        'sleep 1  # the one that listens meets it first\necho replaced\n'
    )
    try:
        run.type(f'\x1b[200~set a 1\nlist sockets | sh {script}\nset b 2\x1b[201~\r')
        run.see('^replaced$')
        run.see(r'^Another kernel is at (?s:.*)^Do it at this other kernel \(PID [0-9]+\)\? \[y/N\]$')
        run.type('n\r')
        run.see('^Nothing was done there$')
        with Papa(daemon.where, autostart=False) as papa:
            assert papa.list_values() == {}
    finally:
        with Papa(daemon.where, autostart=False) as papa:
            os.kill(papa.kernel_info()['pid'], signal.SIGTERM)


def test_a_removal_that_was_asked_about_is_not_done_at_another(
    prompt: Prompt, daemon: Daemon, papa: Papa, start_daemon: Start
) -> None:
    papa.set('x', '1')
    run = prompt(columns=150)
    run.see('connected$')
    run.type('remove values *\r')
    run.see(r'^Remove 1 value: x\? \[y/N\]$')
    with replace(daemon, start_daemon).connect() as other:
        other.set('x', '1')
        time.sleep(1)  # the one that listens meets it first
        run.type('y\r')
        run.see('^Nothing was removed$')
        assert other.get('x') == '1'


@pytest.mark.parametrize('typed', ['remove values *\ry\r', 'remove values *\r\ry\r'])
def test_what_was_typed_before_a_question_does_not_answer_it(prompt: Prompt, papa: Papa, typed: str) -> None:
    papa.set('x', '1')
    run = prompt()
    run.see('connected$')
    run.type(typed)
    run.see(r'^Remove 1 value: x\? \[y/N\]')
    run.type('n\r')
    run.see('^Nothing was removed$')
    run.see_line('>')
    assert papa.get('x') == '1'
    assert 'Unknown' not in run.text


def test_keys_that_a_slow_command_left_do_not_answer_a_question(prompt: Prompt, papa: Papa) -> None:
    papa.set('x', '1')
    run = prompt()
    run.see('connected$')
    run.type('\x1b[200~get x | sleep 1; echo slept\nremove values *\x1b[201~\r')
    time.sleep(0.3)
    run.type('y\r')
    run.see('^slept$')
    run.see(r'^Remove 1 value: x\? \[y/N\]')
    run.type('\x03')
    run.see('^Nothing was removed$')
    assert papa.get('x') == '1'


def test_the_same_from_the_arguments(terminal: Callable[..., object], papa: Papa) -> None:
    papa.set('x', '1')
    run = terminal('remove', 'values', '*')
    run.type('y\n')  # type: ignore[attr-defined]
    run.read_until('[y/N] ')  # type: ignore[attr-defined]
    run.type('n\n')  # type: ignore[attr-defined]
    run.read_until('Nothing was removed')  # type: ignore[attr-defined]
    assert papa.get('x') == '1'


def test_what_is_typed_at_the_question_answers_it(prompt: Prompt, papa: Papa) -> None:
    papa.set('x', '1')
    run = prompt()
    run.see('connected$')
    run.type('remove values *\r')
    run.see(r'^Remove 1 value: x\? \[y/N\]')
    run.type('y\r')
    wait_until(lambda: papa.get('x') is None)


def test_a_prompt_forgets_what_it_has_read(monkeypatch: pytest.MonkeyPatch) -> None:
    forgotten: list[bool] = []
    monkeypatch.setattr(confirm, 'forget_read', lambda: forgotten.append(True))
    confirm.forget_typed()
    assert forgotten == [True]
