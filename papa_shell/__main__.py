"""``python -m papa_shell``."""

from papa_shell.main import main

if __name__ == '__main__':
    main()
