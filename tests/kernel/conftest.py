"""Fixtures for the kernel's own tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .inside import StillKernel


@pytest.fixture
def still_kernel() -> Iterator[StillKernel]:
    """Watches and listeners without a kernel around them, in which nothing happens by itself."""
    kernel = StillKernel()
    yield kernel
    kernel.close()
