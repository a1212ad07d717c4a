"""What tries the new code, and what becomes the kernel at an upgrade: it loads the code, and waits wherever that fails.

The old kernel hands over this text beside its state, and it is run from there: files of papa or of Python that are
being replaced at that moment are no danger to it. So it imports only what is built in. It is run as ``python -I -S -c
... DIRECTORY --check-resume FD DIALOGUE`` and as ``python -I -S -c ... DIRECTORY --resume FD LOG``: where papa is, the
state, and the log. What it calls of the new code is part of the dialogue that has a version, see
`papa.kernel.upgrade.newcomer`.
"""

import _signal  # type: ignore[import-not-found] # of `signal`, which is no built-in
import posix
import sys
import time

_AGAIN = '--again'
_SOON = 10  # times that it is tried again soon
_PAUSE, _LONG_PAUSE = 0.5, 5.0  # seconds before that, and before each further time
_ENDING = {_signal.SIGTERM: 'SIGTERM', _signal.SIGINT: 'SIGINT'}
_RESERVE = 4 * 1024 * 1024  # bytes, for what is to be done when memory is short
_MAX_REASON = 500  # characters
_LOG_WITHIN = 1  # seconds: nobody may be reading it
_START_WITHIN = 5.0  # seconds that a Python may take to start
_MISSING = (2, 8, 13, 20)  # ENOENT, ENOEXEC, EACCES, ENOTDIR: exec would fail, too, or find something else


def main() -> int:
    """Do what the arguments ask for. Return the exit status."""
    sys.path.insert(0, sys.argv[1].rpartition('/')[0])
    if sys.argv[2] == '--check-resume':
        from papa.kernel.upgrade import rehearsal

        return rehearsal.main(*map(int, sys.argv[3:5]))
    fd, log = map(int, sys.argv[3:5])
    reserve = bytearray(_RESERVE)
    try:
        from papa.kernel.upgrade import resume

        upgraded = resume.restore(fd)
    except BaseException as error:  # noqa: BLE001 - all that the kernel held would be lost, and it was tried before
        reserve.clear()
        while True:  # the traceback of the error keeps the sockets open that came
            begin_anew(error, log)
    reserve.clear()
    return resume.go_on(upgraded)


def begin_anew(error: BaseException, log: int) -> None:
    """Wait a while and become this program again, with all descriptors as they came. Returns where that fails.

    What lacks may come back; or somebody mends the code that is installed, or ends us.
    """
    argv = sys.orig_argv
    pause = _PAUSE if argv.count(_AGAIN) < _SOON else _LONG_PAUSE
    try:
        _signal.pthread_sigmask(_signal.SIG_BLOCK, (*_ENDING, _signal.SIGHUP))
        reason = f'{type(error).__name__}: {error}'.replace('\n', ' ')[:_MAX_REASON]
        _say(log, f'CRITICAL Cannot go on yet ({reason}). Nothing is lost: trying again in {pause:g} s')
        _let_end_for(pause, log)
        if pause == _PAUSE:
            argv = [*argv, _AGAIN]
    except BaseException:  # noqa: BLE001 - there is nothing to be done about it, and this must not end
        time.sleep(pause)
    if _starts(argv[0]):
        try:
            posix.execv(argv[0], argv)
        except OSError:
            return


def _let_end_for(seconds: float, log: int) -> None:
    """Wait, and end if a signal asks for that. (By default the first process of a container would ignore it.)"""
    ending = [number for number in _ENDING if _signal.getsignal(number) != _signal.SIG_IGN]

    def end(number: int, _frame: object) -> None:
        _say(log, f'INFO {_ENDING[number]}: ending in the middle of an upgrade')
        posix._exit(128 + number)

    for number in ending:
        _signal.signal(number, end)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, ending)
    time.sleep(seconds)
    _signal.pthread_sigmask(_signal.SIG_BLOCK, ending)


def _say(log: int, text: str) -> None:
    """Log a line, unless that takes long: a pipe may be full."""
    def give_up(_number: int, _frame: object) -> None:
        raise TimeoutError

    line = f'{time.strftime("%Y-%m-%d %H:%M:%S")},000 papa[{posix.getpid()}] {text}\n'
    _signal.signal(_signal.SIGALRM, give_up)
    try:
        _signal.alarm(_LOG_WITHIN)
        posix.write(log, line.encode('ascii', 'backslashreplace'))
    except OSError:  # a full disk, or the time-out
        pass
    finally:
        _signal.alarm(0)


def _starts(python: str) -> bool:
    """Whether the interpreter starts: it may be replaced just now, and without it all is lost."""
    quiet = [(posix.POSIX_SPAWN_OPEN, fd, '/dev/null', posix.O_RDWR, 0) for fd in (0, 1, 2)]
    try:
        child = posix.posix_spawn(python, [python, '-I', '-S', '-c', ''], posix.environ, file_actions=quiet)
    except OSError as error:
        return error.errno not in _MISSING  # what lacks for a child may not lack here
    until = time.monotonic() + _START_WITHIN
    while time.monotonic() < until:
        pid, status = posix.waitpid(child, posix.WNOHANG)
        if pid:
            return status == 0
        time.sleep(0.01)
    posix.kill(child, _signal.SIGKILL)
    posix.waitpid(child, 0)
    return False


if __name__ == '__main__':
    sys.exit(main())
