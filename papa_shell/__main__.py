"""``python -m papa_shell``."""

import sys

from papa_shell.main import main

if __name__ == '__main__':
    sys.exit(main())
