"""The options of commands: what a value may be, and what it means.

Options travel as ``key=value`` words in both dialects. An `Option` knows how to read the text of
its value; every mistake is a `BadRequest` that names the option and what is allowed.
"""

from __future__ import annotations

import os

from papa.errors import BadRequest
from papa.names import is_number, plain, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

FAMILIES = ('inet', 'inet6', 'unix')
SOCKET_TYPES = ('stream', 'dgram', 'raw', 'rdm', 'seqpacket')
OVERFLOWS = ('drop', 'block')
SIZE_UNITS = {'k': 1024, 'm': 1024**2, 'g': 1024**3}
MAX_SIZE = 1 << 40
UNLIMITED = 'unlimited'
END = '--'
_DAY = 86400


class Option:
    """One option: its key, how to read its value, what to tell people about it.

    A key that ends in a dot is a family of options, ``env.`` for example: ``env.PATH=/bin``.
    """

    __slots__ = ('choices', 'key', 'read', 'summary')

    def __init__(
        self, key: str, read: Callable[[str, str], Any], summary: str, choices: tuple[str, ...] = ()
    ) -> None:
        self.key = key
        self.read = read
        self.summary = summary
        self.choices = choices


def bad(key: str, text: str, allowed: str) -> BadRequest:
    """The error for a value that option `key` does not take."""
    return BadRequest(f'{plain(key)} must be {allowed}, not {show(text)}')


def whole_number(key: str, text: str, low: int, high: int) -> int:
    """A decimal number from `low` to `high`."""
    if is_number(text) and low <= int(text) <= high:
        return int(text)
    raise bad(key, text, f'a whole number from {low} to {high}')


def choice(*allowed: str) -> Callable[[str, str], str]:
    """A reader for one of a few words, in any case."""

    def read(key: str, text: str) -> str:
        if text.lower() in allowed:
            return text.lower()
        raise bad(key, text, 'one of ' + ', '.join(allowed))

    return read


def port(key: str, text: str) -> int:
    """A port from 0 to 65535; 0 lets the system choose."""
    return whole_number(key, text, 0, 65535)


def backlog(key: str, text: str) -> int:
    """The length of the queue of connections that `listen(2)` takes."""
    return whole_number(key, text, 0, 2**31 - 1)


def umask(key: str, text: str) -> int:
    """A file mode mask: decimal, or octal with a leading 0 (``027``, ``0o27``)."""
    digits = text[2:] if text[:2].lower() == '0o' else text
    base = 8 if text.startswith('0') else 10
    if is_number(digits) and (base == 10 or not set(digits) & set('89')):
        mask = int(digits, base)
        if mask <= 0o777:
            return mask
    raise bad(key, text, 'a mask up to 0777, in octal with a leading 0 or in decimal up to 511')


def size(key: str, text: str) -> int:
    """A number of bytes, with an optional unit ``k``, ``m`` or ``g`` (powers of 1024)."""
    unit = SIZE_UNITS.get(text[-1:].lower(), 1)
    digits = text if unit == 1 else text[:-1]
    if is_number(digits) and int(digits) * unit <= MAX_SIZE:
        return int(digits) * unit
    raise bad(key, text, 'a number of bytes such as 65536, 64k, 2m or 1g')


def flag(key: str, text: str) -> bool:
    """Yes or no: ``1``, ``true``, ``yes``, ``on`` or ``0``, ``false``, ``no``, ``off``."""
    word = text.lower()
    if word in ('1', 'true', 'yes', 'on'):
        return True
    if word in ('0', 'false', 'no', 'off'):
        return False
    raise bad(key, text, '1 or 0')


def output(key: str, text: str) -> str:
    """Where an output stream goes: ``1`` captured, ``0`` discarded, ``stdout`` merged (stderr only)."""
    word = text.lower()
    if word in ('1', 'pipe'):
        return 'pipe'
    if word in ('0', 'devnull'):
        return 'devnull'
    if word == 'stdout' and key == 'stderr':
        return 'stdout'
    raise bad(key, text, '1 (capture), 0 (discard)' + (' or stdout (merge)' if key == 'stderr' else ''))


def absolute_path(key: str, text: str) -> str:
    """An absolute path of the file system."""
    if text.startswith('/') and '\0' not in text and _is_encodable(text):
        return text
    raise bad(key, text, 'an absolute path')


def _is_encodable(text: str) -> bool:
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def word(key: str, text: str) -> str:
    """Any encodable text that is not empty and has no NUL or white space."""
    if text and '\0' not in text and not any(c.isspace() for c in text) and _is_encodable(text):
        return text
    raise bad(key, text, 'a word without white space')


def environment(key: str, text: str) -> str:
    """The value of an environment variable: any text without NUL."""
    if key == 'env.' or '\0' in key:
        raise BadRequest('env. must be followed by the name of a variable: env.PATH=/bin')
    if '\0' in text:
        raise bad(key, text, 'text without NUL')
    return text


def empty_environment(key: str, text: str) -> bool:
    """``env=empty``: an environment without variables (none at all would mean the kernel's)."""
    if text == 'empty':
        return True
    raise bad(key, text, '"empty"; a variable is set by env.NAME=value')


def resource_limit(key: str, text: str) -> int:
    """A number for `setrlimit(2)`, or ``unlimited`` (also ``-1``) as RLIM_INFINITY."""
    if text in ('-1', UNLIMITED):
        return -1
    if is_number(text) and int(text) < 2**63:
        return int(text)
    raise bad(key, text, f'a whole number or "{UNLIMITED}"')


def positions(key: str, text: str) -> dict[str, int]:
    """Positions by the ids of processes: ``ID:POSITION``, separated by commas."""
    found = {}
    for part in text.split(','):
        process_id, _, place = part.rpartition(':')
        if not process_id or not is_number(place):
            raise bad(key, part, 'ID:POSITION, separated by commas')
        found[process_id] = int(place)
    return found


def seconds(key: str, text: str) -> float:
    """A positive number of seconds, at most a day."""
    if text.isascii() and text.replace('.', '', 1).isdigit() and len(text) < 20 and 0 < float(text) <= _DAY:
        return float(text)
    raise bad(key, text, f'a number of seconds above 0, at most {_DAY}')


def any_text(_key: str, text: str) -> str:
    """Any text."""
    return text


SOCKET_OPTIONS = (
    Option('family', choice(*FAMILIES), 'inet, inet6 or unix (unix if there is a path, else inet)', FAMILIES),
    Option('type', choice(*SOCKET_TYPES), 'stream (the default), dgram, raw, rdm or seqpacket', SOCKET_TYPES),
    Option('backlog', backlog, 'length of the queue of connections (5)'),
    Option('path', absolute_path, 'absolute path of a Unix socket'),
    Option('umask', umask, 'mask for the mode of the Unix socket, 027 or decimal'),
    Option('host', word, 'address or host name to bind (127.0.0.1; 0.0.0.0 with an interface)'),
    Option('port', port, 'port to bind; left out, the system assigns one (of a raw socket: its IP protocol)'),
    Option('interface', word, 'bind to this network device only'),
    Option('reuseport', flag, '1: each process gets a socket of its own, bound with SO_REUSEPORT', ('0', '1')),
)

PROCESS_OPTIONS = (
    Option('uid', word, 'user (number or name) to run as'),
    Option('gid', word, 'group (number or name) to run as'),
    Option('working_dir', absolute_path, 'absolute path to start in'),
    Option('bufsize', size, 'bytes of output to hold: 65536, 64k, 2m (1m); 0 records nothing'),
    Option('stdout', output, '1: capture, 0: discard', ('0', '1')),
    Option('stderr', output, '1: capture, 0: discard, stdout: merge into stdout', ('0', '1', 'stdout')),
    Option('overflow', choice(*OVERFLOWS), 'full buffer: drop the oldest output, or block the process', OVERFLOWS),
    Option('umask', umask, 'file mode mask of the process, 027 or decimal'),
    Option('watch', flag, '1: watch the output at once', ('0', '1')),
    Option('env', empty_environment, 'empty: start without any variable', ('empty',)),
    Option('env.', environment, 'set a variable: env.PATH=/bin (none: those of the kernel)'),
    Option('rlimit.', resource_limit, 'set a resource limit: rlimit.nofile=1024'),
)

FOLLOW = Option('follow', flag, '1: also processes that match and start later', ('0', '1'))
LAST = Option('last', size, 'begin with only so many bytes of what is held: 64k')
WATCH_OPTIONS = (
    Option('peek', flag, '1: look without taking: acknowledge nothing, hold nothing back', ('0', '1')),
    LAST,
    FOLLOW,
    Option('since', positions, 'go on after a position: ID:POSITION, separated by commas'),
)
PEEK_OPTIONS = (LAST, FOLLOW)
CHANGES_OPTIONS = (Option('every', seconds, 'also tell of counters that moved, at most every so many seconds'),)
EXCHANGE_OPTIONS = (
    Option('expected', any_text, 'what the value has to be (left out: not set)'),
    Option('value', any_text, 'what to set (left out: clear)'),
)
UPGRADE_OPTIONS = (Option('python', absolute_path, 'go on with the Python at this absolute path, and its papa'),)
KINDS = {'sockets': 'socket', 'values': 'value', 'processes': 'process'}  # of what is held, and one of each
_MAY_BE_EMPTY = ('env.', 'expected', 'value')


def split(words: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Divide words into ``key=value`` pairs and the rest.

    The options end at the first word without ``=``, which is dropped if it is ``--``.
    """
    end = count(words)
    pairs = [(key, value) for key, _, value in (word.partition('=') for word in words[:end])]
    return pairs, list(words[end + 1 :] if words[end : end + 1] == [END] else words[end:])


def split_marked(words: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """The same where the words may have ``=`` themselves: only what a ``--`` ends are options."""
    end = list(words).index(END) if END in words else 0
    if end == count(words[:end]) and len(words) > 1 and END in words:
        return split(words)
    return [], list(words)


def count(words: Sequence[str]) -> int:
    """How many of the words are options."""
    for index, text in enumerate(words):
        if '=' not in text:
            return index
    return len(words)


def read(options: Sequence[Option], pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Turn pairs into values by key. `BadRequest` for an unknown, repeated or empty option, or a bad value."""
    known = {option.key: option for option in options}
    values: dict[str, Any] = {}
    for given, text in pairs:
        key = given.lower() if given.startswith('rlimit.') else given
        option = _find(known, key)
        if option is None:
            raise BadRequest(f'Unknown option {show(key)}; the options are {_listing(known)}')
        if key in values:
            raise BadRequest(f'The option {plain(key)} is given twice')
        if not text and option.key not in _MAY_BE_EMPTY:
            raise BadRequest(f'The option {plain(key)} needs a value')
        values[key] = option.read(key, text)
    return values


def _find(known: Mapping[str, Option], key: str) -> Option | None:
    prefix, dot, _ = key.partition('.')
    return known.get(prefix + dot) if dot else known.get(key)


def _listing(known: Mapping[str, Option]) -> str:
    return ', '.join(key + 'NAME' if key.endswith('.') else key for key in known)
