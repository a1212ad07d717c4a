"""How papa-shell is run."""

from __future__ import annotations

import os
import sys

_OF_THE_TESTER = ('COLUMNS', 'LINES', 'NO_COLOR', 'PAGER', 'PAPA_PAGER', 'LESS')
PROGRAM = [sys.executable, '-m', 'papa_shell']


def environment(where: object, **more: str) -> dict[str, str]:
    """That of a shell whose kernel is there; it finds this tree, installed or not."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    kept = {key: value for key, value in os.environ.items() if key not in _OF_THE_TESTER}
    return {**kept, 'PAPA_ENDPOINT': str(where), 'PYTHONPATH': root, **more}
