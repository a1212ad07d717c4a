"""``python -m papa_shell``, and the command ``papa-shell``."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_INTERRUPTED = 130  # as `statuses` has it, which is not loaded yet


def main() -> NoReturn:
    """The program. Ctrl-C ends it without a word while it is being loaded, too, which takes half of a short run."""
    try:
        from papa_shell.main import main as program

        program()
    except KeyboardInterrupt:
        os._exit(_INTERRUPTED)


if __name__ == '__main__':
    main()
