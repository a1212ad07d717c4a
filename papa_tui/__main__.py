"""``python -m papa_tui``: the same as the ``papa-tui`` command."""

from papa_tui.main import main

raise SystemExit(main())
