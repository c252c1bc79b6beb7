"""A difference has to come again.

A weight that is read while it is updated has now the one value and now the other, whatever the text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kmigrate.verify.compare import Verdict

CERTAIN = 3
"""So many cases that differ are no chance."""

_GOOD = ("identical", "equal")


def settled(verdict: Verdict, again: Callable[[], Verdict]) -> Verdict:
    """What most of three runs of one case say, the first of which says that values differ. ``again`` runs both texts anew."""
    others = [again(), again()]
    good = [other for other in others if other.verdict in _GOOD]
    if not good:
        return verdict
    count = f"in {3 - len(good)} of 3 runs of the same case"
    if len(good) == 1:
        return replace(verdict, reason=f"{verdict.reason}, {count}")
    note = f"not the same every time: {verdict.reason}, {count}"
    return replace(good[0], reason="; ".join(filter(None, (good[0].reason, note))))
