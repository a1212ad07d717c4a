"""Every error that papa raises, and the code under which each crosses the wire.

::

    RuntimeError
     └─ Error                 anything that went wrong; the message is one line
         ├─ BadRequest        an unknown command, option or name, or a bad value
         ├─ NotFound          nothing has the name that was given
         ├─ Conflict          it exists already with other parameters, or has changed
         ├─ LimitReached      a bound of the kernel or of the operating system
         ├─ SystemFailure     the operating system refused (bind, exec, ...)
         ├─ AccessDenied      this user may not talk to the kernel
         ├─ Unsupported       this kernel, platform or mode cannot do it
         ├─ ConnectFailed     no kernel answers at the address
         └─ ConnectionLost    the connection broke in the middle of something
"""


class Error(RuntimeError):
    """Base of all errors of papa. ``str(error)`` is one line for a person."""

    code = 'error'


class BadRequest(Error):
    """The request itself is wrong: unknown command or option, bad name or value."""

    code = 'bad-request'


class NotFound(Error):
    """A plain name matches nothing."""

    code = 'not-found'


class Conflict(Error):
    """The name is taken with other parameters, or a value is not what was expected."""

    code = 'conflict'


class LimitReached(Error):
    """A bound was reached: descriptors, connections, length of a line."""

    code = 'limit'


class SystemFailure(Error):
    """The operating system refused what was asked."""

    code = 'system'


class AccessDenied(Error):
    """The kernel does not serve this user."""

    code = 'denied'


class Unsupported(Error):
    """Not available with this kernel, on this platform or in this mode."""

    code = 'unsupported'


class ConnectFailed(Error):
    """No kernel could be reached or started."""

    code = 'unreachable'


class ConnectionLost(Error):
    """The connection to the kernel broke; the next call connects again."""

    code = 'lost'


BY_CODE: dict[str, type[Error]] = {
    cls.code: cls
    for cls in (
        Error, BadRequest, NotFound, Conflict, LimitReached, SystemFailure,
        AccessDenied, Unsupported, ConnectFailed, ConnectionLost,
    )
}


def from_code(code: str, text: str) -> Error:
    """The exception for an error that came over the wire. Unknown codes give `Error`."""
    return BY_CODE.get(code, Error)(text)
