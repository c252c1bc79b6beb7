"""Which edits make a rewritten unit differ: bisection over the fixes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def guilty(items: Sequence[T], refutes: Callable[[Sequence[T]], bool]) -> list[T]:
    """The items that make ``refutes`` true, given that it is true of all of them together.

    Each half is tried by itself; where neither half alone refutes, the halves do so only together, and all are named.
    """
    if len(items) <= 1:
        return list(items)
    middle = len(items) // 2
    halves = [half for half in (items[:middle], items[middle:]) if refutes(half)]
    if not halves:
        return list(items)
    return [item for half in halves for item in guilty(half, refutes)]
