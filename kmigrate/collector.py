"""Python's cyclic garbage collector, which visits every node of every living tree again and again.

What is made of a file holds no cycles (``tests/test_memory.py``): reference counting frees it, the collector finds nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No cyclic garbage collection inside, nor at its end: what was made inside counts as old."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            _age()
            gc.enable()


def ending() -> None:
    """The process is about to end: nobody needs the cycles that the interpreter would look for before it goes."""
    gc.disable()
    if hasattr(gc, "freeze"):
        gc.freeze()


def _age() -> None:
    """Move every object to the oldest generation. Else the first allocation after ``gc.enable`` visits all that is young: a
    twentieth of a run, and finds nothing."""
    if hasattr(gc, "freeze") and not gc.get_freeze_count():
        gc.freeze()
        gc.unfreeze()
