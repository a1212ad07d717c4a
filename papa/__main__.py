"""``python -m papa``, and ``python /path/to/papa`` for a start that needs no import path."""

import os
import sys

if not __package__:  # run by path: the folder that holds papa takes the place of papa's own
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main() -> int:
    """Run the command that was given. Returns the exit status."""
    if sys.argv[1:2] == ['--check-resume']:  # by an upgrade: reading options is left out, it takes time
        from papa.kernel.upgrade import rehearsal

        return rehearsal.main(sys.argv[2:])

    from papa import command_line

    return command_line.main()


if __name__ == '__main__':
    sys.exit(main())
