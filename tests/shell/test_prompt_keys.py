"""What keys do at the prompt."""

from __future__ import annotations

import pytest
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.history import InMemoryHistory

from .prompting import feed_with, reader

DOWN, LEFT, RIGHT, UP = '\x1b[B', '\x1b[D', '\x1b[C', '\x1b[A'
CTRL_A, CTRL_C, CTRL_D, CTRL_G, CTRL_R = '\x01', '\x03', '\x04', '\x07', '\x12'
F4 = '\x1bOS'
ALT_ENTER, CTRL_O = '\x1b\r', '\x0f'


@pytest.mark.parametrize(('typed', 'text'), [
    (['list values\r'], 'list values'),
    (['l p\t\r'], 'list processes '),
    (['l p', '\t', '\r'], 'list processes '),
    (['l', '\t', 'v', '\t', '\r'], 'list values '),  # what they have in common first
    (['l p w', '\t', '\r'], 'l p web.'),
    (['l p w', '\t', '\t', '\r'], 'l p web.1'),
    (['l p w', '\t', '\t', '\t', '\t', '\r'], 'l p web.*'),
    (['l p j', '\t', '\t', '\r'], 'l p job web.'),  # a second Tab does not undo the first
    (['info', '\t', '\t', '\r'], 'info'),
    (['g n', '\t', '\t', '\t', '\r'], 'g note '),
    (['l p ', DOWN, '\r'], 'l p job'),  # the chosen one is run in one press
    (['l p ', DOWN, DOWN, '\r'], 'l p web.1'),
    (['r p ', DOWN, '\r', '\r'], 'r p job'),  # but what removes something only with another
    (['r p job\r'], 'r p job'),
    (['list', CTRL_R, 'get', CTRL_G, ' values\r'], 'list values'),
    (['r p ', DOWN, ALT_ENTER, ALT_ENTER], 'r p job'),
    (['r p ', DOWN, CTRL_O, CTRL_O], 'r p job'),
    (["set x 'a", ALT_ENTER, "b'", ALT_ENTER], "set x 'a\nb'"),
    (["set x 'a", CTRL_O, "b'", CTRL_O], "set x 'a\nb'"),
    (['rem', DOWN, '\r', ' job\r'], 'remove processes job'),
    (["set x 'a\r", "b'\r"], "set x 'a\nb'"),
    (['set x a\\\r', 'b\r'], 'set x a\\\nb'),
    (["set x 'a" + CTRL_A + '\r', "b'\r"], "set x 'a\nb'"),  # wherever the cursor is
    (['get x', CTRL_C, 'get y\r'], 'get y'),
    (['l p ', DOWN, CTRL_C, 'get y\r'], 'get y'),
    (["set x 'a\r", CTRL_C, 'get y\r'], 'get y'),
    (['l p ', DOWN, CTRL_G, '\r'], 'l p '),
    (['l p ', '\x1bbx\r'], 'l xp '),  # Alt, not Escape
    (['l p\x1b[0n', '\r'], 'l p'),  # a terminal answers late
    (['m p x uid=a', '\t', '\r'], 'm p x uid=alice '),
    (['m p x ui', '\t', 'r', '\t', '\r'], 'm p x uid=root '),
    (['m p x sl', '\t', '\r'], 'm p x sleep '),
    (['get note', LEFT * 3, '\t', '\r'], 'get note '),  # the whole word
    (['l p web.1 job', LEFT * 6, '\t', '\r'], 'l p web.1 job'),
    (['l p web.1 job', LEFT * 6, '\t', '\t', '\t', '\r'], 'l p web.2 job'),
    (['l p web.1 job', LEFT * 6, '\t', '\t', '\t', CTRL_G, '\r'], 'l p web.1 job'),
    (['m p x sleep 1', LEFT * 4, '\t', '\r'], 'm p x sleep 1'),
    (['info', LEFT * 2, '\t', '\r'], 'info'),
    (["get 'note'", LEFT * 3, '\t', '\r'], 'get note '),
    (['l p web', LEFT * 2, '\x7fw', DOWN, '\r'], 'l p web.1'),  # an arrow, too
    (['l p web', LEFT * 2, '\x7fw', DOWN, UP, '\r'], 'l p web'),
    (['l p web', LEFT * 2, '\x7fw', UP, '\r'], 'l p w*'),
    (['\t', '\r'], ''),  # only shows what there is
    (['\t', '\t', '\r'], 'get'),
    (['  \t', 'in\t', '\r'], '  info'),
    (['l p jxx', LEFT * 2, '\t', '\r'], 'l p job '),
    (['m p x uixx=', LEFT * 3, '\t', '\r'], 'm p x uid=xx='),  # what goes on behind it stays
    (['m p x uid=1', LEFT * 3, '\t', '\r'], 'm p x uid=1'),
])
def test_keys(typed: list[str], text: str) -> None:
    with reader() as typing:
        assert typing.read(*typed) == text


def test_a_search_that_is_left_restores_what_was_typed() -> None:
    history = InMemoryHistory()
    for text in ('get a', 'get b', 'get c'):
        history.append_string(text)
    with reader(history=history) as typing:
        assert typing.read('list', CTRL_R, 'get', CTRL_R, CTRL_R, CTRL_G, ' values\r') == 'list values'


def test_what_follows_the_cursor_stays() -> None:
    with reader() as typing:
        assert typing.read('list pro web', '\x1b[D' * 4, '\t', '\r') == 'list processes web'


def test_ctrl_d_leaves_an_empty_line_only() -> None:
    with reader() as typing:
        with pytest.raises(EOFError):
            typing.read(CTRL_D)
        assert typing.read('xget y', CTRL_A, CTRL_D, '\r') == 'get y'


def test_ctrl_d_that_the_terminal_has_kept_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    with reader() as typing:
        with pytest.raises(EOFError):
            typing.read('\0')
        assert typing.read('get x\0\r') == 'get x'
        monkeypatch.setattr('papa_shell.prompt.reader._EARLY', 0)  # later it only sets the mark
        assert typing.read('g', '\x7f', '\0get y\r') == 'get y'


def test_what_was_typed_ahead_is_there() -> None:
    with reader() as typing:
        assert typing.read(' 2\r', default='set x') == 'set x 2'


def test_history_is_searched_and_suggests() -> None:
    history = InMemoryHistory()
    for line in ('list processes web.*', 'get note', 'remove processes job'):
        history.append_string(line)
    with reader(history=history) as typing:
        assert typing.read('list pro', RIGHT, '\r') == 'list processes web.*'
        history.append_string('list processes ?')
        assert typing.read('list pro', RIGHT, '\r') == 'list processes web.*'  # a question was asked and answered
        assert typing.read(CTRL_R, 'NOTE', '\r') == 'get note'
        assert typing.read(CTRL_R, 'job', '\r', '\r') == 'remove processes job'  # looked at first
        assert typing.read(UP, '\r') == 'remove processes job'


def test_the_keys_of_vi() -> None:
    with reader(vi=True) as typing:
        assert typing.read('get xy', '\x1b', 'x', '\r') == 'get x'
        assert typing.read('get x', F4, CTRL_A, 'tar', CTRL_A, '\x0bget y\r') == 'get y'
        assert typing.reader.session.editing_mode == EditingMode.EMACS


def test_a_candidate_is_inserted_as_it_has_to_be_written() -> None:
    feed = feed_with(values={'two\u3000words': 'x', "it's": 'y', '\u202eabc': 'z'})
    with reader(feed) as typing:
        assert typing.read('get tw', '\t', '\r') == "get $'two\\u3000words' "
        assert typing.read('get i', '\t', '\r') == 'get "it\'s" '


def test_what_ten_thousand_have_in_common() -> None:
    feed = feed_with({f'worker.{number:05}': 'running' for number in range(10_000)})
    with reader(feed) as typing:
        assert typing.read('l p w', '\t', '12', '\t', '\t', '\r') == 'l p worker.01200'  # after how many


def test_many_lines_that_are_pasted_are_many_commands() -> None:
    with reader() as typing:
        assert typing.read('\x1b[200~set a 1\r\nset b 2\x1b[201~', '\r') == 'set a 1\nset b 2'
        app, seen = typing.reader.session.app, []
        app.after_render += lambda _: seen.append(typing.reader.session.default_buffer.complete_state)
        assert typing.read('\x1b[200~set a 1\nset b 2\n\x1b[201~', '\r') == 'set a 1\nset b 2\n'
        assert seen == [None] * len(seen)  # no menu of all commands over what was pasted
