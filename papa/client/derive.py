"""Methods made of the functions of `calls`, with the documentation and the signature of those of `Papa`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from papa.client.sync import Papa

M = TypeVar('M', bound=Callable[..., Any])


def like_papa(call: Callable[..., Any], method: M, *, prefix: str = '') -> M:
    """Make `method` look as the method of `Papa` of the name of `call`."""
    original = getattr(Papa, call.__name__)
    method.__name__ = call.__name__
    method.__doc__ = prefix + (original.__doc__ or '')
    method.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]
    return method
