"""Tests that need the machine for themselves: cities, whole houses of containers, images that are built.

Two of them at once are more than two cores carry, and would be told of each other's slowness.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

PATIENCE_S = 1800
"""A test's timeout must leave it the time to wait for its turn: all the others may be before it."""

_inside = False


@contextmanager
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No other such test meanwhile, in whatever process of this run; this process may enter again inside."""
    global _inside  # noqa: PLW0603  # of a process, as the lock is
    if _inside:
        yield
        return
    with (tmp_path_factory.getbasetemp().parent / "alone.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        _inside = True
        try:
            yield
        finally:
            _inside = False
