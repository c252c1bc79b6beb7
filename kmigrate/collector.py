"""Python's cyclic garbage collector, which visits every node of every living tree again and again.

What is made of a file holds no cycles (``tests/test_memory.py``): reference counting frees it, the collector finds nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No cyclic garbage collection inside."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
