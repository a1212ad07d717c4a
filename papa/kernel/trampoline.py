"""A program that the kernel starts in place of a process with resource limits or another user.

It sets what Popen could only set by running Python code in a fork of the kernel (slow with much
memory, unsafe beside threads), then becomes the process. What fails is written to the status pipe;
when all went well, the kernel sees nothing there but a sign of life.

Run by its text, isolated: it must not import anything of papa.
"""

import errno
import marshal
import os
import resource
import signal
import sys
import warnings  # noqa: F401 - exec imports it, when another user may no longer reach this Python's files


def main() -> None:
    orders_fd, status_fd = int(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(status_fd, False)
    with open(orders_fd, 'rb') as file:
        orders = marshal.loads(file.read())  # noqa: S302 - written by the kernel
    no_memory = marshal.dumps(('exec', errno.ENOMEM, ''))  # made while there is some
    stage = 'rlimit'
    try:
        for stage, name, value in orders['rlimits']:  # noqa: B007 - an error is told with its stage
            resource.setrlimit(getattr(resource, name), (value, value))
        stage = 'user'
        if orders['groups'] is not None:
            os.setgroups(orders['groups'])
        if orders['gid'] is not None:
            os.setgid(orders['gid'])
        if orders['uid'] is not None:
            os.setuid(orders['uid'])
        for name in ('SIGPIPE', 'SIGXFSZ'):  # Python ignores these for itself
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        stage = 'exec'
        os.write(status_fd, b'!')  # without this sign of life it has died before
        os.execvpe(orders['argv'][0], orders['argv'], orders['env'])  # noqa: S606 - no shell is meant
    except (OSError, ValueError) as error:
        os.write(status_fd, marshal.dumps((stage, getattr(error, 'errno', None) or 0, str(error))))
        os._exit(127)
    except MemoryError:  # a limit leaves too little for the call of exec
        os.write(status_fd, no_memory)
        os._exit(127)


main()
