"""Connections that are in the middle of something while the kernel is upgraded, and find it as they left it."""

from __future__ import annotations

from random import Random
from typing import Any, Protocol

from papa.wire.client import INCOMPLETE, ClientProtocol
from papa.wire.structured import encode_request

from .kept import Kept
from .telnet import Line, dial
from .verify import check
from .workers import Stage

SOCKETS = 3  # that the kernel holds
_BIG = 1 << 20
_NEWS = 300  # changes of which a listener has not heard yet
_LONG = 3000  # characters of a value that is told as a whole
_AT_ONCE = 3  # large replies: more than a socket takes


class Companion(Protocol):
    """What is done before an upgrade and after it."""

    @property
    def connections(self) -> int: ...

    def before(self) -> None: ...

    def after(self) -> None: ...

    def close(self) -> None: ...


class Structured:
    """A raw connection in the structured dialect."""

    def __init__(self, where: int | str) -> None:
        self._socket = dial(where)
        self._protocol = ClientProtocol()
        self._take(self._protocol.next_greeting)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def say(self, data: bytes) -> None:
        """Send it, whole."""
        self._socket.sendall(data)

    def reply(self) -> Any:
        """The next reply."""
        return self._take(self._protocol.next_reply)

    def frame(self) -> Any:
        """The next frame."""
        return self._take(self._protocol.next_frame)

    def _take(self, next_result: Any) -> Any:
        while (result := next_result()) is INCOMPLETE:
            data = self._socket.recv(1 << 20)
            check(data, 'a connection was closed')
            self._protocol.receive(data)
        return result


class HalfLine:
    """Somebody at a terminal has typed half a line."""

    connections = 1

    def __init__(self, where: int | str, dice: Random) -> None:
        self._line = Line(where)
        self._dice = dice
        self._rest = b''

    def before(self) -> None:
        line = b'set half two\\ words\nget half\n'
        cut = self._dice.randrange(len(line))
        self._line.say(line[:cut])
        self._rest = line[cut:]

    def after(self) -> None:
        self._line.say(self._rest)
        replies = self._line.until_prompt(), self._line.until_prompt()
        check(replies == (b'', b'two words'), f'half a line and its rest were answered with {replies}')

    def close(self) -> None:
        self._line.close()


class HalfRequest:
    """A client has sent a part of a long request, whatever the buffers take."""

    connections = 1

    def __init__(self, where: int | str, dice: Random) -> None:
        self._connection = Structured(where)
        self._dice = dice
        self._rest = b''
        self._value = ''

    def before(self) -> None:
        self._value = f'{self._dice.getrandbits(60)}\n' * self._dice.randrange(1, 20000)
        request = encode_request(('set', 'part', self._value))
        cut = self._dice.randrange(len(request))
        self._connection.say(request[:cut])
        self._rest = request[cut:]

    def after(self) -> None:
        self._connection.say(self._rest + encode_request(('get', 'part')))
        check(self._connection.reply() is None, 'a request in two parts was answered wrong')
        check(self._connection.reply() == self._value, 'what was set in two parts is something else')

    def close(self) -> None:
        self._connection.close()


class Unread:
    """A client has asked for more than its socket takes, and has not read it yet."""

    connections = 1

    def __init__(self, where: int | str, dice: Random) -> None:
        self._connection = Structured(where)
        self._value = f'{dice.getrandbits(60)} '.ljust(_BIG, 'x')
        self._connection.say(encode_request(('set', 'big', self._value)))
        self._connection.reply()

    def before(self) -> None:
        self._connection.say(encode_request(('get', 'big')) * _AT_ONCE)

    def after(self) -> None:
        for _ in range(_AT_ONCE):
            check(self._connection.reply() == self._value, 'a reply that was not read in time is wrong')

    def close(self) -> None:
        self._connection.close()


class Listening:
    """Somebody at a terminal hears of changes: of sockets that come and go, and of upgrades."""

    connections = 1

    def __init__(self, where: int | str) -> None:
        self._line = Line(where)
        self._line.say(b'changes sockets\n')
        told = [self._line.line() for _ in range(1 + SOCKETS)]
        is_right = told[0] == b'Listening\n' and all(line.startswith(b'snapshot socket held.') for line in told[1:])
        check(is_right, f'a listener in telnet was told {told}')
        self._upgrades = 0

    def before(self) -> None:
        pass

    def after(self) -> None:
        self._upgrades += 1
        while b' socket asked.' in (line := self._line.line()):
            pass
        is_right = line.startswith(b'upgraded kernel papa ') and b'upgrades=%d' % self._upgrades in line.split()
        check(is_right, f'a listener in telnet was told {line!r} after upgrade {self._upgrades}')

    def close(self) -> None:
        self._line.say(b'q\n')
        heard = self._line.until_prompt()
        check(heard.endswith(b'Stopped listening'), f'a listener in telnet was told at the end {heard[:200]!r}')
        self._line.close()


class Idle:
    """A client that does nothing all the time, and one that has not even read the greeting."""

    connections = 2

    def __init__(self, stage: Stage) -> None:
        self._papa = stage.connect()
        self._fileno = self._papa.fileno()
        self._unread = dial(stage.where)

    def before(self) -> None:
        pass

    def after(self) -> None:
        pass

    def close(self) -> None:
        check(self._papa.get('ping') == 'pong', 'who was idle all the time is answered wrong')
        check(self._papa.fileno() == self._fileno, 'who was idle all the time had to connect again')
        self._papa.close()
        self._unread.sendall(b'quit\n')
        heard = b''
        while part := self._unread.recv(65536):
            heard += part
        check(heard.endswith(b'\n> ok\n'), f'who had not read the greeting was told {heard!r}')
        self._unread.close()


class Behind:
    """A listener that is behind: with what its socket takes, with what is encoded, and with what is only noted."""

    connections = 2

    def __init__(self, stage: Stage) -> None:
        self._papa = stage.connect()
        self._connection = Structured(stage.where)
        self._connection.say(encode_request(('changes', 'values')))
        self._connection.reply()
        while self._connection.frame().record['more']:
            pass
        self._upgrades = 0

    def before(self) -> None:
        with self._papa.pipeline() as pipe:
            for number in range(_NEWS):
                pipe.set('behind', f'{self._upgrades} {number} '.ljust(_LONG, 'x'))

    def after(self) -> None:
        heard: list[str] = []
        while True:
            record = self._connection.frame().record
            check(record['change'] != 'snapshot', 'a listener that is a little behind gets a new snapshot')
            if record['change'] == 'upgraded':
                break
            if record['name'] == 'behind':
                heard.append(record['details']['value'].rstrip('x '))
        wanted = [f'{self._upgrades} {number}' for number in range(_NEWS)]
        check(heard == wanted, f'a listener was behind, and was told {len(heard)} of {_NEWS} changes: {heard[:5]}')
        self._upgrades += 1

    def close(self) -> None:
        self._connection.close()
        self._papa.close()


def companions(stage: Stage, folder: str) -> list[Companion]:
    """One of each."""
    dice, where = stage.dice('companions'), stage.where
    return [
        HalfLine(where, dice), HalfRequest(where, dice), Unread(where, dice), Listening(where), Idle(stage),
        Kept(stage, folder), Behind(stage),
    ]
