"""``python -m papa``, and ``python /path/to/papa`` for a start that needs no import path."""

import os
import sys

if not __package__:  # run by path: the folder that holds papa takes the place of papa's own
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

if __name__ == '__main__':
    from papa.command_line import main

    sys.exit(main())
