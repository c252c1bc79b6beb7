"""Which edits make a rewritten unit differ: minimal sets of edits that differ by themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
C = TypeVar("C")


def guilty(items: Sequence[T], cases: Sequence[C], differs: Callable[[Sequence[T], C], bool]) -> list[list[T]]:
    """Groups of items, each of which differs by itself in one of the cases, and none without all of its members.

    One item alone in most groups; more where they are wrong only together. What is left after all groups differs in no
    case. Earlier items are preferred where several would explain a difference.
    """
    left, groups = list(items), []
    while left:
        case = next((case for case in cases if differs(left, case)), None)
        if case is None:
            break
        group = _minimal(left, case, differs)
        groups.append(group)
        left = [item for item in left if item not in group]
    return groups


def _minimal(items: Sequence[T], case: C, differs: Callable[[Sequence[T], C], bool]) -> list[T]:
    """A smallest part (no member can go) that differs in a case, given that ``items`` do. QuickXplain (Junker, AAAI 2004): of n
    items with k to blame it asks about ``2 k log2(n / k)`` times."""

    def explain(background: list[T], changed: bool, rest: Sequence[T]) -> list[T]:
        if changed and differs(background, case):
            return []
        if len(rest) == 1:
            return list(rest)
        first, second = rest[: len(rest) // 2], rest[len(rest) // 2 :]
        of_second = explain([*background, *first], True, second)
        of_first = explain([*background, *of_second], bool(of_second), first)
        return [*of_first, *of_second]

    return explain([], False, items)
