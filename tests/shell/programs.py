"""How papa-shell is run."""

from __future__ import annotations

import os
import sys

PROGRAM = [sys.executable, '-m', 'papa_shell']


def environment(where: object, **more: str) -> dict[str, str]:
    """That of a shell whose kernel is there; it finds this tree, installed or not."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    kept = {key: value for key, value in os.environ.items() if key not in ('COLUMNS', 'NO_COLOR')}
    return {**kept, 'PAPA_ENDPOINT': str(where), 'PYTHONPATH': root, **more}
